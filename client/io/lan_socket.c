#include "client/io/lan_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "libagent/core/log.h"

enum { DATAGRAM_MAX = 65536 };

struct lan_socket {
    uv_udp_t udp;
    const struct lan_socket_events *events;
    void *user;
    bool is_v6, closing;
    struct ag_log_gate gate;
    char read_buf[DATAGRAM_MAX];
};

static void addr_from_sockaddr(struct lan_addr *out, const struct sockaddr *sa)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    memset(out, 0, sizeof *out);
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) (const void *) sa;

        memcpy(out->ip, &in6->sin6_addr, 16);
        out->port = ntohs(in6->sin6_port);
        out->scope = in6->sin6_scope_id;
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *) (const void *) sa;

        memcpy(out->ip, mapped, 12);
        memcpy(out->ip + 12, &in->sin_addr, 4);
        out->port = ntohs(in->sin_port);
    }
}

static void addr_to_sockaddr(const struct lan_socket *s, struct sockaddr_storage *out, const struct lan_addr *a)
{
    memset(out, 0, sizeof *out);
    if (s->is_v6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) out;

        in6->sin6_family = AF_INET6;
        memcpy(&in6->sin6_addr, a->ip, 16);
        in6->sin6_port = htons(a->port);
        in6->sin6_scope_id = a->scope;
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *) out;

        in->sin_family = AF_INET;
        memcpy(&in->sin_addr, a->ip + 12, 4);
        in->sin_port = htons(a->port);
    }
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct lan_socket *s = h->data;

    (void) suggested;
    *buf = uv_buf_init(s->read_buf, sizeof s->read_buf);
}

static void on_recv(uv_udp_t *h, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
    struct lan_socket *s = h->data;
    struct lan_addr addr;

    (void) flags;
    if (n < 0 || !from)
        return; /* an ICMP error of an earlier answer, or nothing left */
    addr_from_sockaddr(&addr, from);
    s->events->datagram(s->user, &addr, (struct ag_span){buf->base, (size_t) n});
}

int lan_socket_open(struct lan_socket **out, uv_loop_t *loop, const struct ag_addr *at,
                    const struct lan_socket_events *events, void *user, struct ag_addr *bound_out)
{
    struct lan_socket *s = calloc(1, sizeof *s);
    uv_os_fd_t fd;
    int r;

    if (!s)
        return -ENOMEM;
    s->events = events;
    s->user = user;
    s->is_v6 = at->sa.ss_family == AF_INET6;
    s->gate = (struct ag_log_gate){.burst = 5, .period_ms = 10000};
    r = uv_udp_init(loop, &s->udp);
    if (r < 0) {
        free(s);
        return r;
    }
    s->udp.data = s;
    *out = s;
    r = uv_udp_bind(&s->udp, (const struct sockaddr *) &at->sa, 0);
    if (r == 0)
        r = uv_udp_recv_start(&s->udp, on_alloc, on_recv);
    if (r == 0)
        r = uv_fileno((uv_handle_t *) &s->udp, &fd);
    return r == 0 ? ag_addr_of_socket(fd, bound_out) : r;
}

static void on_closed(uv_handle_t *h)
{
    struct lan_socket *s = h->data;

    s->events->closed(s->user);
    free(s);
}

void lan_socket_close(struct lan_socket *s)
{
    if (!s || s->closing)
        return;
    s->closing = true;
    uv_close((uv_handle_t *) &s->udp, on_closed);
}

void lan_socket_send(struct lan_socket *s, const struct lan_addr *to, struct ag_span datagram)
{
    struct sockaddr_storage sa;
    uv_buf_t buf = uv_buf_init((char *) datagram.p, (unsigned) datagram.len);
    unsigned held;
    int n;

    if (s->closing)
        return;
    addr_to_sockaddr(s, &sa, to);
    n = uv_udp_try_send(&s->udp, &buf, 1, (const struct sockaddr *) &sa);
    if (n < 0 && ag_log_gate_pass(&s->gate, uv_now(s->udp.loop), &held))
        ag_log(AG_LOG_WARNING, "answer to a LAN peer was not sent: %s", uv_strerror(n));
}
