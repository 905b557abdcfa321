/* SPDX-License-Identifier: MIT */
/*
 * The floors, each as little as does the work.
 *   floor udp PORT SECRET BYTES      LAN peer, or OT cloud: decrypts, answers at once with BYTES bytes of text
 *   floor lan PORT SECRET TCPPORT    LAN peer that hands the text to a relay on TCP and answers with what comes back
 *   floor relay INPORT OUTPORT       one hop more: TCP in, TCP out, both ways (waits for both to connect)
 *   floor app PORT                   answers each text at once
 *   floor ot PORT SECRET N WINDOW    a bare OT device: greets, sends N reports with WINDOW unacknowledged (--pid ...)
 *   floor gate PORT SECRET TCPPORT   the same with an application behind a relay on TCP: sends its texts, hands back the answers
 *   floor report TCPPORT N WINDOW    that application: N reports with WINDOW unacknowledged (NAME=PID ...)
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/bench/client/wire.h"

static struct wire w;

static struct sockaddr_in at(const char *port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t) atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int udp_bound(const char *port)
{
    struct sockaddr_in a = at(port);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), big = 4 << 20;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    if (bind(fd, (struct sockaddr *) &a, sizeof a) < 0)
        perror("bind"), exit(1);
    puts("ready");
    fflush(stdout);
    return fd;
}

static int nodelay(int fd)
{
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static int tcp_connected(const char *port)
{
    struct sockaddr_in a = at(port);

    for (int i = 0; i < 100; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(fd, (struct sockaddr *) &a, sizeof a) == 0)
            return nodelay(fd);
        close(fd);
        usleep(20000);
    }
    perror("connect"), exit(1);
}

static int tcp_accepted(const char *port)
{
    struct sockaddr_in a = at(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *) &a, sizeof a) < 0 || listen(fd, 4) < 0)
        perror("listen"), exit(1);
    return nodelay(accept(fd, NULL, NULL));
}

/* The lines that come over a connection. */
struct incoming {
    char bytes[65536];
    size_t have, at;
};

/* false: it has ended. */
static bool lines_come(struct incoming *in, int fd)
{
    ssize_t n = recv(fd, in->bytes + in->have, sizeof in->bytes - in->have, 0);

    in->have += n > 0 ? (size_t) n : 0;
    return n > 0;
}

/* Good until the next call; NULL: no more whole ones. */
static char *line_next(struct incoming *in)
{
    char *line = in->bytes + in->at, *end = memchr(line, '\n', in->have - in->at);

    if (end) {
        *end = '\0';
        in->at += (size_t) (end + 1 - line);
        return line;
    }
    in->have -= in->at;
    memmove(in->bytes, line, in->have);
    in->at = 0;
    return NULL;
}

static unsigned long id_of(const char *text)
{
    const char *p = strstr(text, "\"id\":");

    return p ? strtoul(p + 5, NULL, 10) : 0;
}

static size_t hello_answer(uint8_t *out)
{
    wire_head(out, 32, UINT64_MAX, (uint32_t) time(NULL));
    memset(out + 16, 0, 16);
    return 32;
}

static int run_udp(const char *port, const char *secret, size_t bytes)
{
    int fd = udp_bound(port);
    uint8_t p[4096], out[4096];
    char text[4096], answer[2048];

    wire_init(&w, secret, 87654321);
    for (;;) {
        struct sockaddr_in from;
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(fd, p, sizeof p, 0, (struct sockaddr *) &from, &len);
        size_t size;
        int r;

        if (n < 0)
            return 1;
        if (n == 32 && memcmp(p + 4, "\xff\xff\xff\xff\xff\xff\xff\xff", 8) == 0) {
            size = hello_answer(out);
        } else {
            r = n > 0 ? wire_decode(&w, p, (size_t) n, text) : -1;
            if (r < 0)
                continue;
            if (r == 0) {
                size = wire_encode(&w, out, "", 0, (uint32_t) time(NULL));
            } else {
                int a = snprintf(answer, sizeof answer, "{\"id\":%lu,\"result\":[\"ok\"]}", id_of(text));

                if ((size_t) a < bytes) { /* white space: the size of what the product says */
                    memset(answer + a, ' ', bytes - (size_t) a);
                    a = (int) bytes;
                }
                size = wire_encode(&w, out, answer, (size_t) a, (uint32_t) time(NULL));
            }
        }
        sendto(fd, out, size, 0, (struct sockaddr *) &from, len);
    }
}

/* Requests are renumbered, as a client must, and found again by number. */
static int run_lan(const char *port, const char *secret, const char *tcp)
{
    static struct {
        struct sockaddr_in from;
        unsigned long id;
    } open[4096];
    int u = udp_bound(port), t = tcp_connected(tcp);
    struct pollfd f[2] = {{u, POLLIN, 0}, {t, POLLIN, 0}};
    static struct incoming in;
    static char text[4096];
    uint8_t p[4096], out[4096];
    unsigned next = 0;

    wire_init(&w, secret, 87654321);
    for (;;) {
        poll(f, 2, -1);
        if (f[0].revents) {
            static char lines[65536];
            size_t have_lines = 0;

            for (int turn = 0; turn < 32; turn++) { /* what has come goes on in one write */
                struct sockaddr_in from;
                socklen_t len = sizeof from;
                ssize_t n = recvfrom(u, p, sizeof p, MSG_DONTWAIT, (struct sockaddr *) &from, &len);
                int r = n > 0 ? wire_decode(&w, p, (size_t) n, text) : -1;

                if (n < 0)
                    break;
                if (r > 0 && have_lines + (size_t) r + 32 < sizeof lines) {
                    unsigned k = ++next % 4096;
                    const char *rest = strchr(text, ',');

                    open[k].from = from;
                    open[k].id = id_of(text);
                    have_lines +=
                        (size_t) snprintf(lines + have_lines, sizeof lines - have_lines, "{\"id\":%u%s\n", k, rest ? rest : "}");
                }
            }
            if (have_lines)
                send(t, lines, have_lines, 0);
        }
        if (f[1].revents) {
            const char *line;

            if (!lines_come(&in, t))
                return 0;
            while ((line = line_next(&in))) {
                unsigned k = (unsigned) id_of(line) % 4096;
                const char *rest = strchr(line, ',');
                int m = snprintf(text, sizeof text, "{\"id\":%lu%s", open[k].id, rest ? rest : "}");

                sendto(u, out, wire_encode(&w, out, text, (size_t) m, (uint32_t) time(NULL)), 0,
                       (struct sockaddr *) &open[k].from, sizeof open[k].from);
            }
        }
    }
}

static int run_relay(const char *in, const char *out)
{
    int a = tcp_accepted(out), b = tcp_accepted(in); /* the application comes first */
    struct pollfd f[2] = {{b, POLLIN, 0}, {a, POLLIN, 0}};
    char buf[65536];

    for (;;) {
        poll(f, 2, -1);
        for (int i = 0; i < 2; i++) {
            ssize_t n = f[i].revents ? recv(f[i].fd, buf, sizeof buf, 0) : 1;

            if (n <= 0)
                return 0;
            if (f[i].revents)
                send(f[!i].fd, buf, (size_t) n, 0);
        }
    }
}

static int run_app(const char *port)
{
    int fd = tcp_connected(port);
    static struct incoming in;
    static char out[65536];

    while (lines_come(&in, fd)) {
        const char *line;
        size_t m = 0;

        while ((line = line_next(&in)))
            m += (size_t) snprintf(out + m, sizeof out - m, "{\"id\":%lu,\"result\":[\"ok\"]}\n", id_of(line));
        send(fd, out, m, 0);
    }
    return 0;
}

/* Has greeted the cloud. */
static int ot_greeted(const char *port, const char *secret)
{
    struct sockaddr_in a = at(port);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), big = 4 << 20;
    uint8_t hello[32] = {0x21, 0x31, 0, 32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, p[4096];

    wire_init(&w, secret, 87654321);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    if (connect(fd, (struct sockaddr *) &a, sizeof a) < 0)
        perror("connect"), exit(1);
    send(fd, hello, sizeof hello, 0);
    if (recv(fd, p, sizeof p, 0) != 32)
        exit(1);
    return fd;
}

static int run_ot(int argc, char **argv)
{
    long total = atol(argv[4]), window = atol(argv[5]), sent = 0, acked = 0;
    struct watched wa[8];
    int n_w = 0, fd = ot_greeted(argv[2], argv[3]);
    uint8_t p[4096], out[4096];
    char text[4096];
    uint64_t t0;

    watch_add(wa, &n_w, (snprintf(text, sizeof text, "self=%d", getpid()), text));
    for (int i = 6; i < argc; i++)
        watch_add(wa, &n_w, argv[i]);
    watch_begin(wa, n_w);
    t0 = now_ns();
    while (acked < total) {
        ssize_t n;

        while (sent < total && sent - acked < window) {
            int m = snprintf(text, sizeof text, "{\"id\":%ld,\"method\":\"event.bench\",\"params\":[%ld]}", 1000 + sent, sent);

            send(fd, out, wire_encode(&w, out, text, (size_t) m, (uint32_t) time(NULL)), 0);
            sent++;
        }
        n = recv(fd, p, sizeof p, 0);
        if (n > 32 && wire_decode(&w, p, (size_t) n, text) > 0 && strstr(text, "result"))
            acked++;
    }
    printf("rps=%.0f", (double) total * 1e9 / (double) (now_ns() - t0));
    watch_print(wa, n_w, (double) total);
    putchar('\n');
    return 0;
}

/* Reports are renumbered, as a client must, and their answers found by number. */
static int run_gate(const char *port, const char *secret, const char *tcp)
{
    static unsigned long open[4096];
    static struct incoming in;
    static char lines[65536], text[4096];
    int u = ot_greeted(port, secret), t;
    struct pollfd f[2] = {{u, POLLIN, 0}, {-1, POLLIN, 0}};
    uint8_t p[4096], out[4096];
    unsigned next = 0;

    puts("ready");
    fflush(stdout);
    t = f[1].fd = tcp_connected(tcp);
    for (;;) {
        poll(f, 2, -1);
        if (f[1].revents) {
            const char *line;

            if (!lines_come(&in, t))
                return 0;
            while ((line = line_next(&in))) {
                unsigned k = ++next % 4096;
                const char *rest = strchr(line, ',');
                int m = snprintf(text, sizeof text, "{\"id\":%u%s", k, rest ? rest : "}");

                open[k] = id_of(line);
                send(u, out, wire_encode(&w, out, text, (size_t) m, (uint32_t) time(NULL)), 0);
            }
        }
        if (f[0].revents) {
            size_t m = 0;
            ssize_t n;

            while (m + 64 < sizeof lines && (n = recv(u, p, sizeof p, MSG_DONTWAIT)) > 0) {
                if (n > 32 && wire_decode(&w, p, (size_t) n, text) > 0 && strstr(text, "result"))
                    m += (size_t) snprintf(lines + m, sizeof lines - m, "{\"id\":%lu,\"result\":[\"ok\"]}\n",
                                           open[id_of(text) % 4096]);
            }
            if (m > 0)
                send(t, lines, m, 0);
        }
    }
}

static int run_report(int argc, char **argv)
{
    static char in[65536], out[65536];
    long total = atol(argv[3]), window = atol(argv[4]), sent = 0, acked = 0;
    struct watched wa[8];
    int n_w = 0, fd = tcp_connected(argv[2]);
    uint64_t t0;

    watch_add(wa, &n_w, (snprintf(in, sizeof in, "app=%d", getpid()), in));
    for (int i = 5; i < argc; i++)
        watch_add(wa, &n_w, argv[i]);
    usleep(300000); /* the gate's end is there, too */
    watch_begin(wa, n_w);
    t0 = now_ns();
    while (acked < total) {
        size_t m = 0;
        ssize_t n;

        while (sent < total && sent - acked < window && m + 128 < sizeof out) {
            m += (size_t) snprintf(out + m, sizeof out - m, "{\"id\":%ld,\"method\":\"event.bench\",\"params\":[%ld]}\n",
                                   1000 + sent, sent);
            sent++;
        }
        if (m > 0)
            send(fd, out, m, 0);
        n = recv(fd, in, sizeof in, 0);
        if (n <= 0)
            return 1;
        for (ssize_t i = 0; i < n; i++)
            acked += in[i] == '\n';
    }
    printf("rps=%.0f", (double) total * 1e9 / (double) (now_ns() - t0));
    watch_print(wa, n_w, (double) total);
    putchar('\n');
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";

    if (strcmp(what, "udp") == 0 && argc == 5)
        return run_udp(argv[2], argv[3], (size_t) atol(argv[4]));
    if (strcmp(what, "lan") == 0 && argc == 5)
        return run_lan(argv[2], argv[3], argv[4]);
    if (strcmp(what, "relay") == 0 && argc == 4)
        return run_relay(argv[2], argv[3]);
    if (strcmp(what, "app") == 0)
        return run_app(argv[2]);
    if (strcmp(what, "ot") == 0 && argc >= 6)
        return run_ot(argc, argv);
    if (strcmp(what, "gate") == 0 && argc == 5)
        return run_gate(argv[2], argv[3], argv[4]);
    if (strcmp(what, "report") == 0 && argc >= 5)
        return run_report(argc, argv);
    return 2;
}
