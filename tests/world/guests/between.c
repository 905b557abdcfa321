/* SPDX-License-Identifier: MIT */
/*
 * Between the agent and the client: passes on what both say, and puts between the client's texts what is whole JSON and
 * no object. At times it closes each connection at once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/world/app.h"
#include "tests/world/guests/plain.h"

enum {
    PORT = 54329,
    CLIENT_PORT = 54322,
    WAIT_MS = 2000,
    ROOM = 65536,
    LOOKED_AT_MS = 300 /* whose it is has been found out */,
    NO_FD_MS = 100
};

/* Where one side's stream is: between two texts when the depth is 0. */
struct place {
    unsigned depth;
    bool quoted, escaped;
};

static void walk(struct place *p, const char *data, size_t n)
{
    for (; n > 0; data++, n--) {
        if (p->escaped)
            p->escaped = false;
        else if (p->quoted && *data == '\\')
            p->escaped = true;
        else if (*data == '"')
            p->quoted = !p->quoted;
        else if (!p->quoted && *data == '{')
            p->depth++;
        else if (!p->quoted && *data == '}')
            p->depth--;
    }
}

static bool put_odd(int fd)
{
    static const char *const odd[] = {"[1,2]", "\"x\"", "null", "17 ", "[]{\"id\":4000000000,\"result\":1}", "true\r\n"};
    const char *text = odd[app_chance(sizeof odd / sizeof *odd)];

    return plain_put(fd, text, strlen(text), WAIT_MS);
}

/* One read. false: the end. */
static bool pass(int from, int to, struct place *p)
{
    static char block[ROOM];
    ssize_t n = recv(from, block, sizeof block, 0);

    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    if (p && p->depth == 0 && app_chance(4) == 0 && !put_odd(to))
        return false;
    if (p)
        walk(p, block, (size_t) n);
    return plain_put(to, block, (size_t) n, WAIT_MS);
}

static void serve(int agent)
{
    struct place p = {0};
    bool closes = between_closes();
    int client = closes ? -1 : plain_connect(CLIENT_PORT, WAIT_MS);

    if (closes)
        poll(NULL, 0, LOOKED_AT_MS);

    while (client >= 0 && !between_storms()) {
        struct pollfd both[2] = {{.fd = agent, .events = POLLIN}, {.fd = client, .events = POLLIN}};

        if (poll(both, 2, 1000) < 0 || (both[0].revents && !pass(agent, client, NULL)) ||
            (both[1].revents && !pass(client, agent, &p)))
            break;
    }
    if (client >= 0)
        close(client);
    close(agent);
}

int main(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    if (fd < 0)
        return 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *) &in, sizeof in) < 0 || listen(fd, 16) < 0)
        return 1;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int agent = poll(&p, 1, -1) > 0 ? accept4(fd, NULL, NULL, SOCK_NONBLOCK) : -1;

        if (agent >= 0)
            serve(agent);
        else
            poll(NULL, 0, NO_FD_MS);
    }
}
