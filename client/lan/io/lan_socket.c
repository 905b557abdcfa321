/* SPDX-License-Identifier: MIT */
#include "client/lan/io/lan_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "libagent/core/log/log.h"

enum { DATAGRAM_MAX = 65536, DATAGRAMS_A_TURN = 32, OUT_MAX = 16, OUT_SIZE = 512 };

/* Room for one message of either family, aligned as the kernel wants it. */
union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
};

/* A datagram on its way out, with all that its header points to. */
struct outgoing {
    union {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } to;
    union control control;
    struct iovec iov;
    char bytes[OUT_SIZE];
};

struct lan_socket {
    uv_poll_t poll;
    uv_prepare_t flush; /* runs before the loop sleeps; active only while something waits */
    int fd;
    const struct lan_socket_events *events;
    void *user;
    bool is_v6, closing;
    unsigned n_handles; /* that are not closed yet */
    struct ag_log_gate gate;
    unsigned n_out;
    struct mmsghdr headers[OUT_MAX]; /* of out */
    struct outgoing out[OUT_MAX];
    char read_buf[DATAGRAM_MAX];
};

static void flush(struct lan_socket *s);

static void map_ipv4(uint8_t out[16], const struct in_addr *in)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    memcpy(out, mapped, 12);
    memcpy(out + 12, in, 4);
}

/* ---- receiving ---- */

static void addr_from_sockaddr(struct lan_addr *out, const struct sockaddr_storage *sa)
{
    memset(out, 0, sizeof *out);
    if (sa->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) sa;

        memcpy(out->ip, &in6->sin6_addr, 16);
        out->port = ntohs(in6->sin6_port);
        out->scope = in6->sin6_scope_id;
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *) sa;

        map_ipv4(out->ip, &in->sin_addr);
        out->port = ntohs(in->sin_port);
    }
}

/* Which address of ours was asked: the answer leaves from it. For a broadcast the kernel names the interface's own. */
static void note_asked(struct lan_addr *out, struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            map_ipv4(out->asked, &info.ipi_spec_dst);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            out->interface = info.ipi6_ifindex;
            if (!IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
                memcpy(out->asked, &info.ipi6_addr, 16);
        }
    }
}

/* false: nothing is there. */
static bool receive_one(struct lan_socket *s)
{
    struct sockaddr_storage from;
    union control control;
    struct iovec iov = {s->read_buf, sizeof s->read_buf};
    struct msghdr m = {.msg_name = &from,
                       .msg_namelen = sizeof from,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    struct lan_addr addr;
    ssize_t n = recvmsg(s->fd, &m, MSG_DONTWAIT);

    if (n < 0)
        return errno != EAGAIN && errno != EWOULDBLOCK; /* else an error of an earlier answer */
    addr_from_sockaddr(&addr, &from);
    note_asked(&addr, &m);
    s->events->datagram(s->user, &addr, (struct ag_span){s->read_buf, (size_t) n});
    return true;
}

static void on_readable(uv_poll_t *p, int status, int events)
{
    struct lan_socket *s = p->data;

    (void) events;
    if (status < 0) /* an error of the socket, which the next call takes: libuv watches it no longer */
        uv_poll_start(p, UV_READABLE, on_readable);
    for (int i = 0; i < DATAGRAMS_A_TURN && !s->closing; i++) {
        if (!receive_one(s))
            break;
    }
    flush(s);
}

static void on_flush(uv_prepare_t *p)
{
    flush(p->data);
}

/* ---- life ---- */

static int make_socket(struct lan_socket *s, const struct ag_addr *at)
{
    int one = 1;

    s->fd = socket(at->sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return -errno;
    if (setsockopt(s->fd, s->is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, s->is_v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &one, sizeof one) < 0 ||
        bind(s->fd, (const struct sockaddr *) &at->sa, at->len) < 0)
        return -errno;
    return 0;
}

int lan_socket_open(struct lan_socket **out, uv_loop_t *loop, const struct ag_addr *at, const struct lan_socket_events *events,
                    void *user, struct ag_addr *bound_out)
{
    struct lan_socket *s = calloc(1, sizeof *s);
    int r;

    if (!s)
        return -ENOMEM;
    s->events = events;
    s->user = user;
    s->is_v6 = at->sa.ss_family == AF_INET6;
    s->gate = (struct ag_log_gate){.burst = 5, .period_ms = 10000};
    r = make_socket(s, at);
    if (r == 0)
        r = uv_poll_init(loop, &s->poll, s->fd);
    if (r < 0) {
        if (s->fd >= 0)
            close(s->fd);
        free(s);
        return r;
    }
    uv_prepare_init(loop, &s->flush);
    s->poll.data = s->flush.data = s;
    s->n_handles = 2;
    *out = s;
    r = uv_poll_start(&s->poll, UV_READABLE, on_readable);
    return r == 0 ? ag_addr_of_socket(s->fd, bound_out) : r;
}

static void on_closed(uv_handle_t *h)
{
    struct lan_socket *s = h->data;

    if (--s->n_handles > 0)
        return;
    close(s->fd);
    s->events->closed(s->user);
    free(s);
}

void lan_socket_close(struct lan_socket *s)
{
    if (!s || s->closing)
        return;
    flush(s);
    s->closing = true;
    uv_close((uv_handle_t *) &s->poll, on_closed);
    uv_close((uv_handle_t *) &s->flush, on_closed);
}

/* ---- sending ---- */

static socklen_t put_address(const struct lan_socket *s, struct outgoing *o, const struct lan_addr *a)
{
    if (s->is_v6) {
        o->to.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope};
        memcpy(&o->to.in6.sin6_addr, a->ip, 16);
        return sizeof o->to.in6;
    }
    o->to.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
    memcpy(&o->to.in.sin_addr, a->ip + 12, 4);
    return sizeof o->to.in;
}

static void put_control(struct msghdr *m, union control *control, int level, int type, const void *info, size_t n)
{
    struct cmsghdr *c;

    memset(control, 0, sizeof *control);
    m->msg_control = control;
    m->msg_controllen = (socklen_t) CMSG_SPACE(n); /* wider in glibc, not in musl */
    c = CMSG_FIRSTHDR(m);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = (socklen_t) CMSG_LEN(n);
    memcpy(CMSG_DATA(c), info, n);
}

/* The route decides the interface, but for addresses that mean something on one link only. */
static void put_source(const struct lan_socket *s, struct msghdr *m, union control *control, const struct lan_addr *to)
{
    if (s->is_v6) {
        struct in6_pktinfo info = {.ipi6_ifindex = 0};

        memcpy(&info.ipi6_addr, to->asked, 16);
        if (IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *) (const void *) to->ip))
            info.ipi6_ifindex = to->interface;
        put_control(m, control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    } else {
        struct in_pktinfo info = {.ipi_ifindex = 0};

        memcpy(&info.ipi_spec_dst, to->asked + 12, 4);
        put_control(m, control, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
}

static bool knows_source(const struct lan_addr *to)
{
    static const uint8_t none[16];

    return memcmp(to->asked, none, sizeof none) != 0;
}

static void send_one(struct lan_socket *s, struct msghdr *m)
{
    ssize_t n = sendmsg(s->fd, m, MSG_DONTWAIT);

    if (n < 0 && m->msg_control) { /* a broadcast address, or one that is gone by now */
        m->msg_control = NULL;
        m->msg_controllen = 0;
        n = sendmsg(s->fd, m, MSG_DONTWAIT);
    }
    if (n < 0)
        ag_log_gated(&s->gate, uv_now(s->poll.loop), AG_LOG_WARNING, "answer to a LAN peer was not sent: %s", strerror(errno));
}

/* What fails stops the call and is sent again by itself. */
static void flush(struct lan_socket *s)
{
    unsigned n = s->n_out, sent = 0;

    if (n == 0)
        return;
    s->n_out = 0;
    uv_prepare_stop(&s->flush);
    while (sent < n) {
        int r = n - sent > 1 ? sendmmsg(s->fd, s->headers + sent, n - sent, MSG_DONTWAIT) : -1;

        if (r < 0)
            send_one(s, &s->headers[sent].msg_hdr);
        sent += r < 0 ? 1 : (unsigned) r;
    }
}

static struct msghdr *put_header(struct lan_socket *s, struct outgoing *o, const struct lan_addr *to, struct ag_span datagram)
{
    struct msghdr *m = &s->headers[o - s->out].msg_hdr;

    o->iov = (struct iovec){(char *) datagram.p, datagram.len};
    *m = (struct msghdr){.msg_name = &o->to, .msg_namelen = put_address(s, o, to), .msg_iov = &o->iov, .msg_iovlen = 1};
    if (knows_source(to))
        put_source(s, m, &o->control, to);
    return m;
}

/* All of a turn go out in one call; large ones are not copied for that. */
void lan_socket_send(struct lan_socket *s, const struct lan_addr *to, struct ag_span datagram)
{
    struct outgoing *o;

    if (s->closing)
        return;
    if (s->n_out == OUT_MAX || datagram.len > OUT_SIZE)
        flush(s);
    o = &s->out[s->n_out];
    if (datagram.len > OUT_SIZE) {
        send_one(s, put_header(s, o, to, datagram));
        return;
    }
    memcpy(o->bytes, datagram.p, datagram.len);
    put_header(s, o, to, (struct ag_span){o->bytes, datagram.len});
    if (s->n_out++ == 0)
        uv_prepare_start(&s->flush, on_flush);
}
