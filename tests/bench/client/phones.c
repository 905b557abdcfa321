/* SPDX-License-Identifier: MIT */
/*
 * Phones in a closed loop, each request answered before the next one of its place: -s sockets, -i requests under way, -n
 * requests behind -w others, -m METHOD, -b bytes of params, -o commands left open. Prints figures as NAME=VALUE.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/bench/client/wire.h"

enum { MAX_SOCKETS = 4096 };

static struct {
    int fd;
    uint64_t at;
    uint32_t id;
    size_t len;
} s[MAX_SOCKETS];

static struct wire w;
static const char *method = "miIO.info";
static int padding; /* bytes of params beyond [] */
static uint32_t next_id = 1;

static void ask_as(int i, const char *what, uint32_t id)
{
    static const char filler[] = "................................................................................";
    char text[4096];
    uint8_t packet[4200];
    int n = snprintf(text, sizeof text, "{\"id\":%u,\"method\":\"%s\",\"params\":[", id, what);

    for (int left = padding; left > 3; left -= 80) /* strings of up to 77 bytes with their quotes and a comma */
        n +=
            snprintf(text + n, sizeof text - (size_t) n, "\"%.*s\"%s", (left > 80 ? 80 : left) - 3, filler, left > 83 ? "," : "");
    n += snprintf(text + n, sizeof text - (size_t) n, "]}");
    s[i].id = id;
    s[i].len = wire_encode(&w, packet, text, (size_t) n, (uint32_t) time(NULL));
    s[i].at = now_ns();
    send(s[i].fd, packet, s[i].len, 0);
}

static void ask(int i, const char *what)
{
    ask_as(i, what, ++next_id);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"pid", 1, NULL, 'p'}, {0}};
    int n_sockets = 1, inflight = 1, n_open = 0, c, ep, n_w = 0, show = 0;
    long n_requests = 10000, warm = 500, done = 0, resent = 0, bytes = 0;
    const char *port = "54321", *token = "0123456789abcdef", *did = "87654321";
    struct watched watched[8];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint32_t *lat;
    uint64_t t0 = 0, t1;

    while ((c = getopt_long(argc, argv, "P:s:i:n:m:o:t:d:w:b:v", longs, NULL)) >= 0) {
        switch (c) {
        case 'P':
            port = optarg;
            break;
        case 's':
            n_sockets = atoi(optarg);
            break;
        case 'i':
            inflight = atoi(optarg);
            break;
        case 'n':
            n_requests = atol(optarg);
            break;
        case 'm':
            method = optarg;
            break;
        case 'o':
            n_open = atoi(optarg);
            break;
        case 't':
            token = optarg;
            break;
        case 'd':
            did = optarg;
            break;
        case 'w':
            warm = atol(optarg);
            break;
        case 'b':
            padding = atoi(optarg) > 3500 ? 3500 : atoi(optarg);
            break;
        case 'v':
            show = 1;
            break;
        case 'p':
            watch_add(watched, &n_w, optarg);
            break;
        default:
            return 2;
        }
    }
    wire_init(&w, token, strtoull(did, NULL, 10));
    to.sin_port = htons((uint16_t) atoi(port));
    next_id = (uint32_t) (now_ns() / 1000) << 8;
    ep = epoll_create1(0);
    for (int i = 0; i <= n_sockets; i++) { /* the last one is for commands that stay open */
        struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t) i};

        s[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (s[i].fd < 0 || connect(s[i].fd, (struct sockaddr *) &to, sizeof to) < 0)
            return perror("socket"), 1;
        if (i < n_sockets)
            epoll_ctl(ep, EPOLL_CTL_ADD, s[i].fd, &ev);
    }
    for (int i = 0; i < n_open; i++) {
        ask(n_sockets, "hold");
        if (i % 16 == 15)
            usleep(2000);
    }
    if (n_open)
        usleep(300000);
    lat = calloc((size_t) n_requests, sizeof *lat);
    for (int i = 0; i < inflight; i++)
        ask(i, method);
    while (done < warm + n_requests) {
        struct epoll_event ev[64];
        int n = epoll_wait(ep, ev, 64, 1000);

        if (n == 0) {
            for (int i = 0; i < n_sockets; i++) {
                if (s[i].id)
                    resent++, ask_as(i, method, s[i].id);
            }
            if (resent > 1000)
                return fprintf(stderr, "no answers\n"), 1;
        }
        for (int k = 0; k < n; k++) {
            int i = (int) ev[k].data.u32;
            uint8_t p[4096];
            char text[4096];
            ssize_t got = recv(s[i].fd, p, sizeof p, 0);
            int len = got > 0 ? wire_decode(&w, p, (size_t) got, text) : -1;
            const char *at = len > 0 ? strstr(text, "\"id\":") : NULL;

            if (!at || strtoul(at + 5, NULL, 10) != s[i].id)
                continue;
            if (show && done == warm)
                fprintf(stderr, "%s\n", text);
            if (done >= warm)
                lat[done - warm] = (uint32_t) (now_ns() - s[i].at), bytes += len;
            s[i].id = 0;
            if (++done == warm) {
                watch_begin(watched, n_w);
                t0 = now_ns();
            }
            if (done >= warm + n_requests)
                break;
            ask((i + inflight) % n_sockets, method);
        }
    }
    t1 = now_ns();
    qsort(lat, (size_t) n_requests, sizeof *lat, by_u32);
    printf("rps=%.0f p50_us=%.1f p99_us=%.1f answer_bytes=%ld resent=%ld", (double) n_requests * 1e9 / (double) (t1 - t0),
           lat[n_requests / 2] / 1e3, lat[n_requests * 99 / 100] / 1e3, bytes / n_requests, resent);
    watch_print(watched, n_w, (double) n_requests);
    putchar('\n');
    free(lat);
    return 0;
}
