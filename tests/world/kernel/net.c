/* SPDX-License-Identifier: MIT */
#include "tests/world/kernel/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum { CHAN_ROOM = 128 * 1024, DGRAMS_MAX = 256, HOSTS_MAX = 128, SYN_TRIES = 6 };

static struct {
    struct link links[HOSTS_MAX];
    unsigned n_links;
    struct vsock *all;
    uint16_t next_port;
    uint64_t next_inode;
} net = {.next_port = 40000, .next_inode = 1000};

void (*net_on_dial)(struct proc *p, const struct vsock *s);
void (*net_on_gone)(struct proc *p, const struct vsock *s);

/* ---- hosts ---- */

struct link *net_host(uint32_t ip, const char *name, uint64_t latency_us)
{
    struct link *l = &net.links[net.n_links++];

    *l = (struct link){.ip = ip, .name = name, .latency_us = latency_us, .jitter_us = latency_us / 4};
    return l;
}

struct link *net_link(uint32_t ip)
{
    for (unsigned i = 0; i < net.n_links; i++)
        if (net.links[i].ip == ip || ip - net.links[i].first_ip < net.links[i].n_ips)
            return &net.links[i];
    return NULL;
}

static bool is_device(uint32_t ip)
{
    return ip == 0 || ip == DEVICE_IP || ip == DEVICE_SECOND_IP || ip >> 24 == 127;
}

static bool is_dead(const struct link *l)
{
    return l->down || l->away;
}

static uint64_t delay_of(const struct link *l)
{
    return l ? l->latency_us + rng_below(&W.rng, l->jitter_us + 1) : 0;
}

/* ---- one direction of a connection ---- */

enum seg_kind { SEG_DATA, SEG_FIN, SEG_RST };

struct seg {
    struct seg *next;
    enum seg_kind kind;
    uint64_t at_us;
    size_t n;
    char data[];
};

struct chan {
    struct vsock *writer, *reader;
    struct link *link; /* NULL: within the device */
    struct seg *first, *last;
    size_t flying;
    char *rx; /* arrived, not read */
    size_t rx_off, rx_len, rx_room;
    bool fin, packets;
    bool lost; /* nothing arrives any more, and nobody says so */
    bool pumping;
    uint64_t last_at_us;
    unsigned retries;
};

static void chan_pump(void *arg, uint64_t n);

static void chan_free(struct chan *c)
{
    struct seg *s;

    if (c->writer || c->reader || c->pumping)
        return;
    while ((s = c->first)) {
        c->first = s->next;
        free(s);
    }
    free(c->rx);
    free(c);
}

static void chan_schedule(struct chan *c)
{
    if (c->pumping || !c->first)
        return;
    c->pumping = true;
    after(c->first->at_us > W.now_us ? c->first->at_us - W.now_us : 0, chan_pump, c, 0);
}

static void chan_put(struct chan *c, enum seg_kind kind, const void *p, size_t n)
{
    struct seg *s = malloc(sizeof *s + n);

    *s = (struct seg){.kind = kind, .n = n, .at_us = W.now_us + delay_of(c->link)};
    if (s->at_us < c->last_at_us)
        s->at_us = c->last_at_us;
    c->last_at_us = s->at_us;
    if (n)
        memcpy(s->data, p, n);
    if (c->last)
        c->last->next = s;
    else
        c->first = s;
    c->last = s;
    c->flying += n;
    chan_schedule(c);
}

static void sock_changed(struct vsock *s)
{
    vfile_changed(&s->base);
}

static void sock_reset(struct vsock *s, int err)
{
    if (s->err || s->state == S_FAILED)
        return;
    s->err = err;
    s->state = S_FAILED;
    if (s->in)
        s->in->rx_len = s->in->rx_off = 0;
    if (s->actor && s->events)
        s->events->closed(s->user, s);
    else
        sock_changed(s);
}

static void chan_take(struct chan *c, const struct seg *s)
{
    size_t n = s->n + (c->packets ? 4 : 0);

    if (c->rx_off + c->rx_len + n > c->rx_room) {
        memmove(c->rx, c->rx + c->rx_off, c->rx_len);
        c->rx_off = 0;
        if (c->rx_len + n > c->rx_room) {
            c->rx_room = (c->rx_len + n) * 2;
            c->rx = realloc(c->rx, c->rx_room);
        }
    }
    if (c->packets) {
        uint32_t len = (uint32_t) s->n;

        memcpy(c->rx + c->rx_off + c->rx_len, &len, 4);
        c->rx_len += 4;
    }
    memcpy(c->rx + c->rx_off + c->rx_len, s->data, s->n);
    c->rx_len += s->n;
}

static void deliver(struct chan *c, const struct seg *s)
{
    struct vsock *r = c->reader;

    if (c->lost)
        return;
    if (!r) {
        if (s->kind == SEG_DATA && c->writer && c->writer->in)
            chan_put(c->writer->in, SEG_RST, NULL, 0); /* the reset of an end that is gone */
        return;
    }
    if (s->kind == SEG_RST) {
        sock_reset(r, ECONNRESET);
    } else if (s->kind == SEG_FIN) {
        c->fin = true;
        if (r->actor && r->events)
            r->events->closed(r->user, r);
        else
            sock_changed(r);
    } else if (r->actor) {
        if (r->events && r->state == S_UP)
            r->events->data(r->user, r, s->data, s->n);
    } else {
        chan_take(c, s);
        sock_changed(r);
    }
}

static void chan_pump(void *arg, uint64_t n)
{
    struct chan *c = arg;
    struct seg *s = c->first;

    (void) n;
    c->pumping = false;
    if (!s) {
        chan_free(c);
        return;
    }
    if (c->link && is_dead(c->link)) {
        c->pumping = true;
        after(200 * MS << (c->retries < 7 ? c->retries++ : 7), chan_pump, c, 0);
        return;
    }
    c->retries = 0;
    c->first = s->next;
    if (!c->first)
        c->last = NULL;
    c->flying -= s->n;
    c->pumping = true; /* not freed by what is called */
    deliver(c, s);
    c->pumping = false;
    if (s->kind == SEG_DATA && c->writer)
        sock_changed(c->writer);
    free(s);
    chan_schedule(c);
    chan_free(c);
}

static size_t chan_room(const struct chan *c)
{
    size_t held = c->flying + c->rx_len;

    return held < CHAN_ROOM ? CHAN_ROOM - held : 0;
}

static void join(struct vsock *a, struct vsock *b, struct link *l, bool packets)
{
    struct chan *ab = calloc(1, sizeof *ab), *ba = calloc(1, sizeof *ba);

    *ab = (struct chan){.writer = a, .reader = b, .link = l, .packets = packets};
    *ba = (struct chan){.writer = b, .reader = a, .link = l, .packets = packets};
    a->out = b->in = ab;
    a->in = b->out = ba;
}

/* ---- sockets ---- */

struct vsock *vsock_new(struct proc *p, int family, int type)
{
    struct vsock *s = calloc(1, sizeof *s);

    s->base = (struct vfile){.kind = V_SOCKET, .owner = p};
    s->family = family;
    s->type = type;
    s->uid = p ? p->program->uid : 0;
    s->pid = p ? p->pid : 0;
    s->inode = net.next_inode++;
    s->next = net.all;
    net.all = s;
    return s;
}

static void sock_free(struct vsock *s)
{
    if (s->pins > 0 || !s->dying)
        return;
    for (struct vsock **at = &net.all; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    free(s);
}

static uint16_t fresh_port(void)
{
    net.next_port = net.next_port >= 53000 ? 40000 : (uint16_t) (net.next_port + 1);
    return net.next_port;
}

static int addr_of(struct addr *out, const struct sockaddr *sa, socklen_t len)
{
    const struct sockaddr_in *in = (const void *) sa;

    if (!sa || len < sizeof *in || sa->sa_family != AF_INET)
        return -EAFNOSUPPORT;
    out->ip = ntohl(in->sin_addr.s_addr);
    out->port = ntohs(in->sin_port);
    return 0;
}

static struct vsock *find_bound(int type, struct addr at, bool listening)
{
    for (struct vsock *s = net.all; s; s = s->next)
        if (!s->dying && s->family == AF_INET && s->type == type && s->local.port == at.port && !s->in &&
            (s->local.ip == at.ip || (is_device(s->local.ip) && is_device(at.ip))) && (!listening || s->state == S_LISTEN))
            return s;
    return NULL;
}

int vsock_bind(struct vsock *s, const struct sockaddr *sa, socklen_t len)
{
    int r;

    if (s->family == AF_UNIX) {
        const struct sockaddr_un *un = (const void *) sa;

        snprintf(s->path, sizeof s->path, "%.107s", un->sun_path);
        s->node = disk_make_socket(s->path);
        s->state = S_BOUND;
        return s->node ? 0 : -EADDRINUSE;
    }
    r = addr_of(&s->local, sa, len);
    if (r < 0)
        return r;
    if (s->local.port == 0)
        s->local.port = fresh_port();
    else {
        struct addr at = s->local;

        s->local.port = 0;
        if (find_bound(s->type, at, false))
            return -EADDRINUSE;
        s->local = at;
    }
    s->state = S_BOUND;
    return 0;
}

int vsock_listen(struct vsock *s, int backlog)
{
    (void) backlog;
    s->state = S_LISTEN;
    return 0;
}

static void backlog_add(struct vsock *listener, struct vsock *s)
{
    listener->backlog[listener->n_backlog++] = s;
    sock_changed(listener);
}

/* The listener's end of a new connection. */
static struct vsock *other_end(struct vsock *listener, struct vsock *s, struct link *l)
{
    struct vsock *o = vsock_new(NULL, s->family, s->type);

    o->uid = listener->uid;
    o->pid = listener->pid;
    o->local = s->remote;
    o->remote = s->local;
    o->state = S_UP;
    snprintf(o->path, sizeof o->path, "%s", listener->path);
    join(s, o, l, s->type == SOCK_SEQPACKET);
    return o;
}

static int connect_unix(struct vsock *s, const char *path)
{
    struct inode *node = disk_find(path);

    if (!node)
        return -ENOENT;
    for (struct vsock *l = net.all; l; l = l->next) {
        if (l->family != AF_UNIX || l->state != S_LISTEN || l->node != node || l->dying)
            continue;
        if (l->type != s->type)
            return -EPROTOTYPE;
        if (l->n_backlog >= 128)
            return -EAGAIN;
        backlog_add(l, other_end(l, s, NULL));
        s->state = S_UP;
        s->up_us = W.now_us;
        return 0;
    }
    return -ECONNREFUSED;
}

static void connect_failed(struct vsock *s, int err)
{
    s->state = S_FAILED;
    s->err = err;
    sock_changed(s);
}

static void connected_event(void *arg, uint64_t n)
{
    struct vsock *s = arg;

    (void) n;
    s->pins--;
    if (s->dying) {
        sock_free(s);
        return;
    }
    if (s->state == S_CONNECTING) {
        s->state = S_UP;
        s->up_us = W.now_us;
        sock_changed(s);
    }
}

static void refused_event(void *arg, uint64_t err)
{
    struct vsock *s = arg;

    s->pins--;
    if (s->dying)
        sock_free(s);
    else if (s->state == S_CONNECTING)
        connect_failed(s, (int) err);
}

/* A SYN arrives. */
static void syn_event(void *arg, uint64_t n)
{
    struct vsock *s = arg, *listener;
    struct link *l = is_device(s->remote.ip) ? NULL : net_link(s->remote.ip);

    s->pins--;
    if (s->dying || s->state != S_CONNECTING) {
        sock_free(s);
        return;
    }
    s->pins++;
    if (!is_device(s->remote.ip) && (!l || is_dead(l) || l->silent)) {
        if (n + 1 >= SYN_TRIES) {
            after(30 * SECOND, refused_event, s, ETIMEDOUT);
            return;
        }
        after(SECOND << n, syn_event, s, n + 1);
        return;
    }
    listener = find_bound(SOCK_STREAM, s->remote, true);
    if (!listener || (l && l->refuses) || (listener && listener->n_backlog >= 128)) {
        after(delay_of(l), refused_event, s, ECONNREFUSED);
        return;
    }
    struct vsock *o = other_end(listener, s, l);

    if (listener->actor) {
        o->actor = true;
        listener->on_accept(listener->user, o);
    } else {
        backlog_add(listener, o);
    }
    after(delay_of(l), connected_event, s, 0);
}

bool net_has(const struct proc *p, uint16_t port)
{
    for (const struct vsock *s = net.all; s; s = s->next)
        if (!s->dying && s->base.owner == p && s->state == S_UP && s->dialled && s->remote.port == port &&
            is_device(s->remote.ip))
            return true;
    return false;
}

static void dial(struct vsock *s)
{
    s->dialled = true;
    if (net_on_dial && s->base.owner)
        net_on_dial(s->base.owner, s);
}

int vsock_connect(struct vsock *s, const struct sockaddr *sa, socklen_t len)
{
    int r;

    if (s->family == AF_UNIX) {
        const char *path = ((const struct sockaddr_un *) (const void *) sa)->sun_path;

        snprintf(s->far_path, sizeof s->far_path, "%.107s", path);
        dial(s);
        return connect_unix(s, path);
    }
    if (s->state == S_CONNECTING)
        return -EALREADY;
    r = addr_of(&s->remote, sa, len);
    if (r < 0)
        return r;
    if (s->type == SOCK_STREAM)
        dial(s);
    if (s->local.port == 0)
        s->local = (struct addr){is_device(s->remote.ip) ? s->remote.ip : DEVICE_IP, fresh_port()};
    if (s->type == SOCK_DGRAM)
        return 0;
    s->state = S_CONNECTING;
    s->pins++;
    after(is_device(s->remote.ip) ? 0 : delay_of(net_link(s->remote.ip)), syn_event, s, 0);
    return -EINPROGRESS;
}

struct vsock *vsock_accept(struct vsock *s, struct proc *p)
{
    struct vsock *o;

    if (s->n_backlog == 0)
        return NULL;
    o = s->backlog[0];
    memmove(s->backlog, s->backlog + 1, --s->n_backlog * sizeof s->backlog[0]);
    o->base.owner = p;
    o->pid = p->pid;
    return o;
}

int vsock_shutdown(struct vsock *s, int how)
{
    if (s->state != S_UP)
        return -ENOTCONN;
    if (how != SHUT_RD && !s->shut_out)
        chan_put(s->out, SEG_FIN, NULL, 0);
    if (how != SHUT_RD)
        s->shut_out = true;
    if (how != SHUT_WR && s->in) { /* reading comes to its end at once */
        s->in->fin = true;
        sock_changed(s);
    }
    return 0;
}

void vsock_close(struct vsock *s)
{
    bool unread = s->in && s->in->rx_len > 0;

    if (s->dying)
        return;
    s->dying = true;
    if (s->dialled && net_on_gone && s->base.owner)
        net_on_gone(s->base.owner, s);
    for (unsigned i = 0; i < s->n_backlog; i++)
        vsock_close(s->backlog[i]);
    if (s->out) {
        if (s->state == S_UP && (unread || !s->shut_out))
            chan_put(s->out, unread ? SEG_RST : SEG_FIN, NULL, 0);
        s->out->writer = NULL;
        chan_free(s->out);
    }
    if (s->in) {
        s->in->reader = NULL;
        s->in->rx_len = 0;
        chan_free(s->in);
    }
    sock_free(s);
}

struct vsock *vsock_pair(struct proc *p, struct vsock **far_out)
{
    struct vsock *s = vsock_new(p, AF_UNIX, SOCK_STREAM), *far = vsock_new(NULL, AF_UNIX, SOCK_STREAM);

    s->state = far->state = S_UP;
    s->tty = far->actor = true;
    join(s, far, NULL, false);
    *far_out = far;
    return s;
}

/* ---- bytes ---- */

static ssize_t stream_send(struct vsock *s, const void *p, size_t n)
{
    size_t room;

    if (s->state == S_CONNECTING)
        return s->type == SOCK_STREAM ? -EAGAIN : -ENOTCONN;
    if (s->err) {
        int r = -s->err;

        s->err = 0;
        return r;
    }
    if (s->state != S_UP || s->shut_out || !s->out)
        return s->state == S_FRESH || s->state == S_BOUND ? -ENOTCONN : -EPIPE;
    if (!s->out->reader && !s->out->link)
        return -EPIPE; /* within the device it is known at once */
    room = chan_room(s->out);
    if (room == 0 || (s->out->packets && room < n))
        return -EAGAIN;
    if (n > room)
        n = room;
    if (!s->out->packets && s->base.owner && n > 1 && rng_chance(&W.rng, s->base.owner->io_faults))
        n = 1 + rng_below(&W.rng, n - 1);
    chan_put(s->out, SEG_DATA, p, n);
    return (ssize_t) n;
}

static ssize_t stream_recv(struct vsock *s, void *p, size_t n, int flags)
{
    struct chan *c = s->in;

    if (c && c->rx_len > 0) {
        size_t have = c->rx_len, skip = 0;

        if (c->packets) {
            uint32_t len;

            memcpy(&len, c->rx + c->rx_off, 4);
            skip = 4;
            have = len;
        }
        if (n > have)
            n = have;
        if (!c->packets && s->base.owner && n > 1 && rng_chance(&W.rng, s->base.owner->io_faults))
            n = 1 + rng_below(&W.rng, n - 1);
        memcpy(p, c->rx + c->rx_off + skip, n);
        if (flags & MSG_PEEK)
            return (ssize_t) n;
        c->rx_off += c->packets ? have + 4 : n;
        c->rx_len -= c->packets ? have + 4 : n;
        if (c->writer)
            sock_changed(c->writer);
        return (ssize_t) n;
    }
    if (s->err) {
        int r = -s->err;

        s->err = 0;
        return r;
    }
    if (s->state == S_FAILED || (c && c->fin))
        return 0;
    return s->state == S_UP ? -EAGAIN : s->state == S_CONNECTING ? -EAGAIN : -ENOTCONN;
}

struct dgram {
    struct dgram *next;
    struct addr from;
    struct vsock *to;
    struct addr to_addr;
    size_t n;
    char data[];
};

static void dgram_queue(struct vsock *s, struct dgram *d)
{
    if (s->n_dgrams >= DGRAMS_MAX) {
        free(d);
        return;
    }
    d->next = NULL;
    if (s->last)
        s->last->next = d;
    else
        s->first = d;
    s->last = d;
    s->n_dgrams++;
    sock_changed(s);
}

static void dgram_event(void *arg, uint64_t unused)
{
    struct dgram *d = arg;
    struct vsock *s = find_bound(SOCK_DGRAM, d->to_addr, false);

    (void) unused;
    if (!s || (s->remote.port && !s->actor && (s->remote.port != d->from.port || s->remote.ip != d->from.ip))) {
        free(d);
    } else if (s->actor) {
        s->on_datagram(s->user, d->from, d->data, d->n);
        free(d);
    } else {
        dgram_queue(s, d);
    }
}

static struct dgram *dgram_new(struct addr from, struct addr to, const void *p, size_t n)
{
    struct dgram *d = malloc(sizeof *d + n);

    *d = (struct dgram){.from = from, .to_addr = to, .n = n};
    memcpy(d->data, p, n);
    return d;
}

static void udp_send(struct addr from, struct addr to, const void *p, size_t n)
{
    uint32_t far = is_device(to.ip) ? from.ip : to.ip;
    struct link *l = is_device(far) ? NULL : net_link(far);
    uint64_t delay = delay_of(l);

    if (!is_device(far) && (!l || is_dead(l) || rng_chance(&W.rng, l->loss_ppm)))
        return;
    if (l && rng_chance(&W.rng, l->late_ppm))
        delay += rng_below(&W.rng, 2 * SECOND);
    after(delay, dgram_event, dgram_new(from, to, p, n), 0);
    if (l && rng_chance(&W.rng, l->dup_ppm))
        after(delay + rng_below(&W.rng, SECOND), dgram_event, dgram_new(from, to, p, n), 0);
}

/* Whose TCP socket has these ends? As the kernel's sock_diag answers. */
static void diag_answer(struct vsock *s, const char *p, size_t n)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } req;
    struct {
        struct nlmsghdr head;
        union {
            struct inet_diag_msg body;
            struct nlmsgerr error;
        };
    } ans = {0};
    struct vsock *found = NULL;

    if (n < sizeof req)
        return;
    memcpy(&req, p, sizeof req);
    for (struct vsock *o = net.all; o && !found; o = o->next)
        if (!o->dying && o->in && o->family == AF_INET && htons(o->local.port) == req.body.id.idiag_sport &&
            htons(o->remote.port) == req.body.id.idiag_dport)
            found = o;
    ans.head.nlmsg_seq = req.head.nlmsg_seq;
    ans.head.nlmsg_len = sizeof ans;
    if (found) {
        ans.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
        ans.body = (struct inet_diag_msg){.idiag_family = AF_INET,
                                          .idiag_state = TCP_ESTABLISHED,
                                          .id = req.body.id,
                                          .idiag_uid = (uint32_t) found->uid,
                                          .idiag_inode = found->base.owner ? (uint32_t) found->inode : 0};
    } else {
        ans.head.nlmsg_type = NLMSG_ERROR;
        ans.error.error = -ENOENT;
    }
    dgram_queue(s, dgram_new((struct addr){0}, (struct addr){0}, &ans, sizeof ans));
}

ssize_t vsock_send(struct vsock *s, const void *p, size_t n, const struct sockaddr *to, socklen_t len)
{
    struct addr at = s->remote;
    int r;

    if (s->family == AF_NETLINK) {
        diag_answer(s, p, n);
        return (ssize_t) n;
    }
    if (s->family == AF_UNIX && s->type == SOCK_DGRAM)
        return -ECONNREFUSED;
    if (s->type != SOCK_DGRAM)
        return stream_send(s, p, n);
    if (to) {
        r = addr_of(&at, to, len);
        if (r < 0)
            return r;
    }
    if (at.port == 0)
        return -EDESTADDRREQ;
    if (s->local.port == 0)
        s->local = (struct addr){DEVICE_IP, fresh_port()};
    udp_send((struct addr){is_device(at.ip) ? LOOPBACK_IP
                           : s->leaves_from ? s->leaves_from
                                            : DEVICE_IP,
                           s->local.port},
             at, p, n);
    s->leaves_from = 0;
    return (ssize_t) n;
}

static void put_addr(struct addr a, struct sockaddr *sa, socklen_t *len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a.port), .sin_addr.s_addr = htonl(a.ip)};

    if (!sa || !len)
        return;
    memcpy(sa, &in, *len < sizeof in ? *len : sizeof in);
    *len = sizeof in;
}

ssize_t vsock_recv(struct vsock *s, void *p, size_t n, int flags, struct sockaddr *from, socklen_t *len)
{
    struct dgram *d;

    if (s->type != SOCK_DGRAM)
        return stream_recv(s, p, n, flags);
    d = s->first;
    if (!d)
        return -EAGAIN;
    s->first = d->next;
    if (!s->first)
        s->last = NULL;
    s->n_dgrams--;
    if (n > d->n)
        n = d->n;
    memcpy(p, d->data, n);
    s->asked = d->to_addr.ip;
    if (s->family == AF_NETLINK && from && len) {
        memset(from, 0, *len);
        from->sa_family = AF_NETLINK;
    } else {
        put_addr(d->from, from, len);
    }
    free(d);
    return (ssize_t) n;
}

int vsock_name(const struct vsock *s, bool peer, struct sockaddr *sa, socklen_t *len)
{
    if (peer && !s->in && s->remote.port == 0)
        return -ENOTCONN;
    if (peer && s->state == S_CONNECTING)
        return -ENOTCONN;
    if (s->family == AF_UNIX) {
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        size_t n;

        if (!peer)
            snprintf(un.sun_path, sizeof un.sun_path, "%s", s->path);
        n = offsetof(struct sockaddr_un, sun_path) + (un.sun_path[0] ? strlen(un.sun_path) + 1 : 0);
        memcpy(sa, &un, *len < n ? *len : n);
        *len = (socklen_t) n;
        return 0;
    }
    put_addr(peer ? s->remote : s->local, sa, len);
    return 0;
}

size_t vsock_pending(const struct vsock *s)
{
    return s->in ? s->in->rx_len : s->first ? s->first->n : 0;
}

bool vsock_established(const struct vsock *s)
{
    return s->state == S_UP && s->in && !s->in->fin && !s->shut_out;
}

const struct vsock *vsock_peer(const struct vsock *s)
{
    return s->in ? s->in->writer : NULL;
}

unsigned vsock_ready(const struct vsock *s)
{
    unsigned r = 0;

    if (s->state == S_LISTEN)
        return s->n_backlog ? POLLIN : 0;
    if (s->type == SOCK_DGRAM)
        return POLLOUT | (s->first ? POLLIN : 0);
    if (s->state == S_FAILED)
        return POLLIN | POLLOUT | POLLHUP | (s->err ? POLLERR : 0);
    if (s->state != S_UP)
        return s->state == S_CONNECTING ? 0 : POLLOUT | POLLHUP;
    if (s->in->rx_len > 0 || s->in->fin)
        r |= POLLIN;
    if (s->in->fin)
        r |= POLLRDHUP;
    if (chan_room(s->out) > CHAN_ROOM / 3 || s->shut_out || (!s->out->reader && !s->out->link))
        r |= POLLOUT;
    if (s->in->fin && s->shut_out)
        r |= POLLHUP;
    return r;
}

/* ---- faults ---- */

/* Marks first, acts then: stand-ins end and make sockets meanwhile. */
static void cut_where(struct link *l, bool device_end)
{
    struct vsock *hit[512];
    unsigned n = 0;

    for (struct vsock *s = net.all; s && n < 512; s = s->next)
        if (s->in && s->in->link && (!l || s->in->link == l) && s->state == S_UP && !s->dying && (s->actor || device_end)) {
            s->pins++;
            hit[n++] = s;
        }
    for (unsigned i = 0; i < n; i++) {
        struct vsock *s = hit[i];

        s->pins--;
        if (s->dying) {
            sock_free(s);
            continue;
        }
        sock_reset(s, ECONNRESET);
    }
}

void net_cut(struct link *l)
{
    cut_where(l, true);
}

void net_forget(struct link *l)
{
    for (struct vsock *s = net.all; s; s = s->next)
        if (s->actor && s->in && s->in->link == l && s->state == S_UP && !s->dying)
            s->in->lost = s->out->lost = true;
    cut_where(l, false);
}

static void late_resets(void *arg, uint64_t inode_max)
{
    (void) arg;
    for (struct vsock *s = net.all, *next; s; s = next) {
        next = s->next;
        if (s->actor && s->inode < inode_max && s->in && s->state == S_UP && !s->dying && !s->in->writer) {
            sock_reset(s, ECONNRESET);
            next = net.all; /* anything may have gone: start over; what was reset is not met again */
        }
    }
}

void net_power_cut(void)
{
    for (struct vsock *s = net.all; s; s = s->next) {
        if (s->actor || s->dying || !s->in || !s->in->link)
            continue;
        s->state = S_FAILED; /* its closing says nothing */
        s->err = ECONNRESET;
    }
    after(40 * SECOND, late_resets, NULL, net.next_inode);
}

/* ---- stand-ins ---- */

struct vsock *act_listen(uint32_t ip, uint16_t port, void (*on_accept)(void *user, struct vsock *s), void *user)
{
    struct vsock *s = vsock_new(NULL, AF_INET, SOCK_STREAM);

    s->actor = true;
    s->local = (struct addr){ip, port};
    s->state = S_LISTEN;
    s->on_accept = on_accept;
    s->user = user;
    return s;
}

void act_take(struct vsock *s, const struct act_events *events, void *user)
{
    s->events = events;
    s->user = user;
}

void act_send(struct vsock *s, const void *p, size_t n)
{
    if (s->state == S_UP && s->out && !s->dying)
        chan_put(s->out, SEG_DATA, p, n);
}

void act_close(struct vsock *s, bool reset)
{
    if (reset && s->out && s->state == S_UP) {
        chan_put(s->out, SEG_RST, NULL, 0);
        s->shut_out = true;
    }
    vsock_close(s);
}

struct vsock *act_udp(uint32_t ip, uint16_t port, void (*on_datagram)(void *, struct addr, const char *, size_t), void *user)
{
    struct vsock *s = vsock_new(NULL, AF_INET, SOCK_DGRAM);

    s->actor = true;
    s->local = (struct addr){ip, port};
    s->state = S_BOUND;
    s->on_datagram = on_datagram;
    s->user = user;
    return s;
}

void act_udp_send(struct vsock *s, struct addr to, const void *p, size_t n)
{
    udp_send(s->local, to, p, n);
}
