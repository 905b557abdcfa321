/* SPDX-License-Identifier: MIT */
/*
 * The reference of the router benchmark: two hops, no parsing. What it needs is what the kernel needs; a router's
 * figures are given as ratios to it.
 *
 *     relay UPSTREAM_PORT [FRAME_BYTES N_APPS]
 *
 * Connects to upstream, listens on a port of the kernel's choice and prints the ready line of the daemons. Bytes from
 * upstream go to the only application, or are cut every FRAME_BYTES and dealt out in turn. All that one read brings for
 * an application leaves in one writev(); all that one turn of the loop brings for upstream does so too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAX_APPS = 2048, READ_MAX = 64 * 1024, BLOCK = 16 * 1024, MAX_EVENTS = 256, MAX_PARTS = 512 };

struct app {
    int fd;
    int n; /* parts gathered for it */
    struct iovec parts[MAX_PARTS];
};

struct relay {
    int epoll, listener, upstream;
    size_t frame, held; /* held: bytes of an unfinished frame at the start of in */
    unsigned n_deal, n_apps, turn;
    char in[READ_MAX * 2];
    struct app *apps;
    char *blocks; /* one per event of a turn */
    struct iovec up[MAX_EVENTS];
    int n_up;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void write_parts(int fd, struct iovec *v, int n)
{
    while (n > 0) {
        ssize_t k = writev(fd, v, n);

        if (k < 0 && errno == EAGAIN) {
            struct pollfd p = {fd, POLLOUT, 0};

            poll(&p, 1, 1000);
            continue;
        }
        if (k < 0)
            return;
        for (; n > 0 && (size_t) k >= v->iov_len; v++, n--)
            k -= (ssize_t) v->iov_len;
        if (n > 0) {
            v->iov_base = (char *) v->iov_base + k;
            v->iov_len -= (size_t) k;
        }
    }
}

static void gather(struct app *a, char *p, size_t n)
{
    if (a->n == MAX_PARTS) {
        write_parts(a->fd, a->parts, a->n);
        a->n = 0;
    }
    a->parts[a->n++] = (struct iovec){p, n};
}

static void deal_frames(struct relay *r, size_t n)
{
    size_t at;

    for (at = 0; n - at >= r->frame; at += r->frame)
        gather(&r->apps[r->turn++ % r->n_deal], r->in + at, r->frame);
    for (unsigned i = 0; i < r->n_deal; i++)
        if (r->apps[i].n > 0) {
            write_parts(r->apps[i].fd, r->apps[i].parts, r->apps[i].n);
            r->apps[i].n = 0;
        }
    r->held = n - at;
    memmove(r->in, r->in + at, r->held);
}

static void on_connect(struct relay *r);

static void from_upstream(struct relay *r)
{
    ssize_t n;

    while (r->n_apps < r->n_deal) { /* the generator connects all before it sends */
        struct pollfd p = {r->listener, POLLIN, 0};

        poll(&p, 1, -1);
        on_connect(r);
    }
    n = read(r->upstream, r->in + r->held, READ_MAX);

    if (n <= 0)
        exit(0);
    if (r->n_deal == 1) {
        struct iovec v = {r->in, (size_t) n};

        write_parts(r->apps[0].fd, &v, 1);
    } else {
        deal_frames(r, r->held + (size_t) n);
    }
}

static void watch(struct relay *r, int fd, unsigned tag)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = tag};

    if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
        fail("epoll_ctl");
}

static void on_connect(struct relay *r)
{
    int fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK), one = 1;

    if (fd < 0 || r->n_apps == MAX_APPS)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    r->apps[r->n_apps].fd = fd;
    watch(r, fd, r->n_apps++);
}

static void from_app(struct relay *r, struct app *a)
{
    char *block = r->blocks + (size_t) r->n_up * BLOCK;
    ssize_t n = read(a->fd, block, BLOCK);

    if (n == 0)
        epoll_ctl(r->epoll, EPOLL_CTL_DEL, a->fd, NULL);
    if (n > 0)
        r->up[r->n_up++] = (struct iovec){block, (size_t) n};
}

enum { TAG_UPSTREAM = 1 << 30, TAG_LISTENER };

static void turn(struct relay *r)
{
    struct epoll_event events[MAX_EVENTS];
    int n = epoll_wait(r->epoll, events, MAX_EVENTS, -1);

    r->n_up = 0;
    for (int i = 0; i < n; i++) {
        unsigned tag = events[i].data.u32;

        if (tag == TAG_UPSTREAM)
            from_upstream(r);
        else if (tag == TAG_LISTENER)
            on_connect(r);
        else
            from_app(r, &r->apps[tag]);
    }
    write_parts(r->upstream, r->up, r->n_up);
}

static void start(struct relay *r, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int one = 1;

    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(r->listener, (struct sockaddr *) &a, sizeof a) < 0 || listen(r->listener, 1024) < 0)
        fail("listen");
    if (getsockname(r->listener, (struct sockaddr *) &a, &len) < 0)
        fail("getsockname");
    printf("ready listen=127.0.0.1:%d\n", ntohs(a.sin_port));
    fflush(stdout);
    a.sin_port = htons((uint16_t) port);
    r->upstream = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(r->upstream, (struct sockaddr *) &a, sizeof a) < 0)
        fail("connect");
    setsockopt(r->upstream, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    r->epoll = epoll_create1(0);
    watch(r, r->upstream, TAG_UPSTREAM);
    watch(r, r->listener, TAG_LISTENER);
}

int main(int argc, char **argv)
{
    struct relay *r = calloc(1, sizeof *r);

    if (argc != 2 && argc != 4)
        return 2;
    if (r) {
        r->n_deal = argc == 4 ? (unsigned) atoi(argv[3]) : 1;
        r->frame = argc == 4 ? (size_t) atoi(argv[2]) : 1;
        r->apps = calloc(MAX_APPS, sizeof *r->apps);
        r->blocks = malloc((size_t) MAX_EVENTS * BLOCK);
    }
    if (!r || !r->apps || !r->blocks || r->frame < 1 || r->frame > READ_MAX || r->n_deal < 1 || r->n_deal > MAX_APPS)
        return 1;
    start(r, atoi(argv[1]));
    for (;;)
        turn(r);
}
