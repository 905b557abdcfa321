/* SPDX-License-Identifier: MIT */
/*
 * miio_recv_line and miio_send_line: what a helper script needs to talk to the client on TCP 54322.
 *
 *   miio_recv_line          connects, says _internal.hello, prints the one JSON text that it gets as a line
 *   miio_send_line TEXT     connects, writes TEXT, closes when the client has taken it
 *
 * Both wait until the client is there: recv without limit, send for ten seconds. $MIIO_LOCAL_PORT: another port.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "libagent/core/buf.h"
#include "libagent/core/json/json.h"

enum { DEFAULT_PORT = 54322, PAUSE_MS = 200, SEND_TRIES = 50, MAX_DEPTH = 64, READ_SIZE = 4096, ACCEPT_MS = 1000 };

static int connect_once(void)
{
    const char *text = getenv("MIIO_LOCAL_PORT");
    long port = text ? strtol(text, NULL, 10) : DEFAULT_PORT;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)}, self;
    socklen_t len = sizeof self;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        return -1;
    /* the kernel also hands out port 54322: without a listener a socket may connect to itself */
    if (connect(fd, (struct sockaddr *) &to, sizeof to) == 0 && getsockname(fd, (struct sockaddr *) &self, &len) == 0 &&
        self.sin_port != to.sin_port)
        return fd;
    close(fd);
    return -1;
}

static int connect_wait(int tries)
{
    int fd;

    while ((fd = connect_once()) < 0 && --tries != 0)
        usleep(PAUSE_MS * 1000);
    return fd;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

        if (w < 0)
            return false;
        p += w;
        n -= (size_t) w;
    }
    return true;
}

/* The text as a line. A refusal ("too many connections") is not one for the script, which would come back at once. */
static int print_text(struct ag_span text, const struct ag_json_view *view)
{
    bool refusal = ag_view_has(view, AG_M_ERROR) && !ag_view_has(view, AG_M_METHOD);

    fprintf(refusal ? stderr : stdout, "%.*s\n", (int) text.len, text.p);
    return refusal;
}

/* Prints the first text that comes. */
static int recv_text(int fd)
{
    static struct ag_json_scan scan;
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT;
    char buf[READ_SIZE];
    ssize_t n;

    ag_json_scan_init(&scan, MAX_DEPTH);
    while ((n = read(fd, buf, sizeof buf)) > 0) {
        size_t skip = scan.off == 0 ? ag_json_skip(buf, (size_t) n) : 0, used = (size_t) n - skip;
        int r = ag_json_scan(&scan, buf + skip, (size_t) n - skip, &used);

        if (r > 0 || ag_buf_append(&text, buf + skip, used) < 0)
            return 1;
        if (r < 0)
            return print_text(ag_buf_span(&text), &scan.view);
    }
    return 1;
}

static int recv_line(void)
{
    static const char hello[] = "{\"method\":\"_internal.hello\"}";
    int fd = connect_wait(-1);

    return fd >= 0 && write_all(fd, hello, sizeof hello - 1) ? recv_text(fd) : 1;
}

/*
 * The client asks the kernel who has connected when it takes the connection, and a socket that is half closed by then
 * is nobody's. Its answer to this proves that it has asked; an old client gives none.
 */
static bool wait_accepted(int fd)
{
    static const char question[] = "{\"id\":1,\"method\":\"_internal.accepted\"}";
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char answer[READ_SIZE];

    if (!write_all(fd, question, sizeof question - 1))
        return false;
    if (poll(&p, 1, ACCEPT_MS) > 0)
        return read(fd, answer, sizeof answer) > 0;
    return true;
}

static int send_line(const char *text)
{
    int fd = connect_wait(SEND_TRIES);
    char c;

    if (fd < 0 || !wait_accepted(fd) || !write_all(fd, text, strlen(text)))
        return 1;
    shutdown(fd, SHUT_WR);
    while (read(fd, &c, 1) > 0) /* until the client has read it */
        ;
    return 0;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];

    if (strcmp(name, "miio_recv_line") == 0 && argc == 1)
        return recv_line();
    if (strcmp(name, "miio_send_line") == 0 && argc == 2)
        return send_line(argv[1]);
    fprintf(stderr, "usage: miio_recv_line | miio_send_line TEXT\n");
    return 2;
}
