/* SPDX-License-Identifier: MIT */
#include "libagent/conn/transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int watch(struct ag_transport *t, int op, int fd, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.fd = fd};

    return epoll_ctl(t->epoll_fd, op, fd, &ev) < 0 ? -errno : 0;
}

enum { WIPE_ON_FORK = 18, MARK_LEN = 1 }; /* MADV_WIPEONFORK of Linux 4.14; not every libc names it */

static const volatile char *new_mark(void)
{
    char *page = mmap(NULL, MARK_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, MARK_LEN, WIPE_ON_FORK) < 0) {
        munmap(page, MARK_LEN);
        return NULL;
    }
    *page = 1;
    return page;
}

static void free_mark(struct ag_transport *t)
{
    if (t->mark)
        munmap((void *) (uintptr_t) t->mark, MARK_LEN);
    t->mark = NULL;
}

void ag_transport_own(struct ag_transport *t)
{
    t->mark = NULL;
    t->fd = t->epoll_fd = t->wake_fd = -1;
    t->packets = t->want_write = false;
    t->owner = getpid();
    atomic_init(&t->woken, false);
}

int ag_transport_init(struct ag_transport *t)
{
    int r;

    ag_transport_own(t);
    t->mark = new_mark();
    t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (t->epoll_fd < 0)
        return -errno;
    t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = t->wake_fd < 0 ? -errno : watch(t, EPOLL_CTL_ADD, t->wake_fd, EPOLLIN);
    if (r < 0)
        ag_transport_deinit(t);
    return r;
}

void ag_transport_deinit(struct ag_transport *t)
{
    ag_transport_close(t);
    if (t->wake_fd >= 0)
        close(t->wake_fd);
    if (t->epoll_fd >= 0)
        close(t->epoll_fd);
    t->wake_fd = t->epoll_fd = -1;
    free_mark(t);
}

struct place {
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } at;
    socklen_t len;
};

static int place_unix(struct place *p, const char *path)
{
    size_t n = strlen(path);

    if (n >= sizeof p->at.un.sun_path)
        return -EINVAL;
    p->at.un.sun_family = AF_UNIX;
    memcpy(p->at.un.sun_path, path, n + 1);
    p->len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + n + 1);
    if (path[0] == '@') { /* an abstract name begins with a NUL and does not end with one */
        p->at.un.sun_path[0] = '\0';
        p->len--;
    }
    return 0;
}

static int place_of(struct place *p, const struct ag_address *a)
{
    memset(p, 0, sizeof *p);
    if (a->kind != AG_ADDRESS_TCP)
        return place_unix(p, a->host);
    if (inet_pton(AF_INET, a->host, &p->at.in.sin_addr) == 1) {
        p->at.in.sin_family = AF_INET;
        p->at.in.sin_port = htons(a->port);
        p->len = sizeof p->at.in;
        return 0;
    }
    if (inet_pton(AF_INET6, a->host, &p->at.in6.sin6_addr) == 1) {
        p->at.in6.sin6_family = AF_INET6;
        p->at.in6.sin6_port = htons(a->port);
        p->len = sizeof p->at.in6;
        return 0;
    }
    return -EINVAL;
}

int ag_transport_check_address(const struct ag_address *a)
{
    struct place p;

    return place_of(&p, a);
}

/* The agent's port lies in the ephemeral range: without a listener there, TCP may join a socket to itself. */
static bool connected_to_itself(int fd)
{
    struct place here = {.len = sizeof here.at}, there = {.len = sizeof there.at};

    return getsockname(fd, &here.at.any, &here.len) == 0 && getpeername(fd, &there.at.any, &there.len) == 0 &&
           here.at.any.sa_family != AF_UNIX && here.len == there.len && memcmp(&here.at, &there.at, here.len) == 0;
}

static int established(struct ag_transport *t)
{
    if (connected_to_itself(t->fd)) {
        ag_transport_close(t);
        return -ECONNREFUSED;
    }
    ag_transport_want_write(t, false);
    return 0;
}

int ag_transport_connect(struct ag_transport *t, const struct ag_address *a)
{
    struct place p;
    int one = 1, r = place_of(&p, a);

    if (r < 0)
        return r;
    t->packets = a->kind == AG_ADDRESS_SEQPACKET;
    t->fd = socket(p.at.any.sa_family, (t->packets ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (t->fd < 0)
        return -errno;
    if (a->kind == AG_ADDRESS_TCP)
        setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    r = connect(t->fd, &p.at.any, p.len) == 0 ? 0 : -errno;
    if (r == 0 || r == -EINPROGRESS) {
        int r2;

        t->want_write = true;
        r2 = watch(t, EPOLL_CTL_ADD, t->fd, EPOLLIN | EPOLLOUT);
        if (r2 == 0)
            return r == 0 ? established(t) : ag_transport_connect_result(t);
        r = r2;
    }
    ag_transport_close(t);
    return r;
}

int ag_transport_adopt(struct ag_transport *t, int fd, bool packets)
{
    int r;

    if (fd < 0)
        return fd;
    t->fd = fd;
    t->packets = packets;
    t->want_write = false;
    r = watch(t, EPOLL_CTL_ADD, fd, EPOLLIN);
    if (r < 0)
        ag_transport_close(t);
    return r;
}

int ag_transport_connect_result(struct ag_transport *t)
{
    struct pollfd p = {.fd = t->fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof error;

    if (poll(&p, 1, 0) <= 0)
        return 1;
    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error == 0)
        return established(t);
    ag_transport_close(t);
    return -error;
}

void ag_transport_close(struct ag_transport *t)
{
    if (t->fd < 0)
        return;
    if (ag_transport_is_ours(t)) { /* a child may still hold the socket open, and the epoll set is common to both */
        watch(t, EPOLL_CTL_DEL, t->fd, 0);
        shutdown(t->fd, SHUT_RDWR);
    }
    close(t->fd);
    t->fd = -1;
    t->want_write = false;
}

ssize_t ag_transport_recv(struct ag_transport *t, void *p, size_t n)
{
    struct iovec iov = {p, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t got;

    do
        got = t->packets ? recvmsg(t->fd, &m, 0) : recv(t->fd, p, n, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    return m.msg_flags & MSG_TRUNC ? -EMSGSIZE : got;
}

ssize_t ag_transport_send(struct ag_transport *t, const void *p, size_t n)
{
    ssize_t put;

    do
        put = send(t->fd, p, n, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    return put < 0 ? -errno : put;
}

void ag_transport_want_write(struct ag_transport *t, bool on)
{
    if (t->fd < 0 || t->want_write == on)
        return;
    if (watch(t, EPOLL_CTL_MOD, t->fd, on ? EPOLLIN | EPOLLOUT : EPOLLIN) == 0)
        t->want_write = on;
}

size_t ag_transport_pending(const struct ag_transport *t)
{
    int n = 0;

    return t->fd >= 0 && ioctl(t->fd, FIONREAD, &n) == 0 && n > 0 ? (size_t) n : 0;
}

int ag_transport_wait(struct ag_transport *t, int timeout_ms)
{
    /* polls the two directly: cheaper than the epoll descriptor that nests them */
    struct pollfd p[2] = {{.fd = t->wake_fd, .events = POLLIN},
                          {.fd = t->fd, .events = (short) (t->want_write ? POLLIN | POLLOUT : POLLIN)}};
    int r = poll(p, t->fd < 0 ? 1 : 2, timeout_ms);

    if (r < 0)
        return -errno;
    if (p[0].revents)
        ag_transport_take_wake(t);
    return r > 0;
}

void ag_transport_wake(struct ag_transport *t)
{
    uint64_t one = 1;
    int saved = errno;

    if (!atomic_exchange(&t->woken, true)) {
        ssize_t put = write(t->wake_fd, &one, sizeof one);

        (void) put; /* fails only when it is readable already */
    }
    errno = saved;
}

bool ag_transport_take_wake(struct ag_transport *t)
{
    uint64_t n;

    if (!atomic_load(&t->woken))
        return false;
    /* Read, then clear: a wake-up in between writes nothing, but this true stands for it too, and what its thread did before
       is visible after the exchange. The other way round it could leave the flag set while the eventfd is empty. */
    if (read(t->wake_fd, &n, sizeof n) != sizeof n)
        return false; /* the other thread has yet to write */
    atomic_exchange(&t->woken, false);
    return true;
}

uint64_t ag_transport_now_ms(void *unused)
{
    struct timespec ts;

    (void) unused;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

uint64_t ag_transport_random(void)
{
    uint64_t v;

    if (getrandom(&v, sizeof v, GRND_NONBLOCK) != sizeof v)
        v = ag_transport_now_ms(NULL) * 0x9e3779b97f4a7c15ull ^ (uint64_t) getpid() << 32;
    return v;
}
