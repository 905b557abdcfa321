/* SPDX-License-Identifier: MIT */
#include "tests/world/guests/plain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int plain_connect(uint16_t port, int wait_ms)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct pollfd p = {.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLOUT};
    socklen_t len = sizeof(int);
    int e = 0;

    if (p.fd < 0)
        return -1;
    if (connect(p.fd, (struct sockaddr *) &in, sizeof in) < 0 && errno != EINPROGRESS)
        e = errno;
    if (e == 0 && poll(&p, 1, wait_ms) > 0)
        getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &e, &len);
    else
        e = ETIMEDOUT;
    if (e == 0)
        return p.fd;
    close(p.fd);
    return -1;
}

bool plain_put(int fd, const char *text, size_t n, int wait_ms)
{
    while (n > 0) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        ssize_t r = send(fd, text, n, MSG_NOSIGNAL);

        if (r < 0 && (errno != EAGAIN || poll(&p, 1, wait_ms) <= 0))
            return false;
        text += r > 0 ? r : 0;
        n -= r > 0 ? (size_t) r : 0;
    }
    return true;
}

/* The length of the first object, 0: it is not whole. */
static size_t object_len(const char *p, size_t n)
{
    bool quoted = false;
    int depth = 0;

    for (size_t i = 0; i < n; i++) {
        if (quoted && p[i] == '\\')
            i++;
        else if (p[i] == '"')
            quoted = !quoted;
        else if (!quoted && p[i] == '{')
            depth++;
        else if (!quoted && p[i] == '}' && --depth == 0)
            return i + 1;
    }
    return 0;
}

bool plain_take(int fd, char *in, size_t room, size_t *n, bool (*each)(void *user, const char *text), void *user)
{
    ssize_t r = recv(fd, in + *n, room - 1 - *n, 0);
    size_t len;

    if (r <= 0)
        return r < 0 && errno == EAGAIN;
    *n += (size_t) r;
    while ((len = object_len(in, *n)) > 0) {
        char next = in[len];
        bool more;

        in[len] = '\0';
        more = each(user, in);
        in[len] = next;
        memmove(in, in + len, *n -= len);
        if (!more)
            return false;
    }
    return *n < room - 1;
}
