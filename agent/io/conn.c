/* SPDX-License-Identifier: MIT */
#include "agent/io/conn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/core/router.h"
#include "agent/io/conns.h"
#include "libagent/core/log/log.h"
#include "libagent/core/text/brief.h"

enum { PACKETS_PER_TURN = 16, TAIL_MAX = 64 * 1024, LINGER_MS = 1000, LINGERING_MAX = 16 };

/* Rare, with buffers of its own: kept out of the stack frames of what runs for each text. */
#define COLD __attribute__((noinline))

static void conn_on_poll(uv_poll_t *poll, int status, int events);

const char *conn_name(const struct conn *c, char out[64])
{
    if (c->peer.role == PEER_UPSTREAM)
        snprintf(out, 64, "upstream");
    else if (c->peer.cred.known)
        snprintf(out, 64, "peer %" PRIu64 " (uid %" PRIu32 ", pid %" PRId32 ")", c->peer.id, c->peer.cred.uid, c->peer.cred.pid);
    else
        snprintf(out, 64, "peer %" PRIu64, c->peer.id);
    return out;
}

static void conn_on_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;

    close(c->fd);
    ag_framer_deinit(&c->framer);
    ag_buf_deinit(&c->peer.out);
    free(c);
}

static void conn_want(struct conn *c, int events)
{
    if (c->closing || c->events == events)
        return;
    c->events = (uint8_t) events;
    if (events)
        uv_poll_start(&c->poll, events, conn_on_poll);
    else
        uv_poll_stop(&c->poll);
}

int conn_open(struct conns *s, int fd, enum peer_role role, bool packets, struct conn **conn_out)
{
    struct limits *l = &s->router->limits;
    struct conn *c = calloc(1, sizeof *c);
    int r = c ? uv_poll_init(s->loop, &c->poll, fd) : -ENOMEM;

    if (r < 0) {
        close(fd);
        free(c);
        return r;
    }
    c->conns = s;
    c->router = s->router;
    c->fd = fd;
    c->poll.data = c;
    c->peer.packets = packets;
    ag_list_init(&c->linger);
    ag_list_append(&s->all, &c->all);
    ag_framer_init(&c->framer, packets ? l->packet_text : l->text, l->depth, &s->parts);
    c->framer.forgiving = role == PEER_UPSTREAM;
    router_peer_add(s->router, conns_now(s), &c->peer, role);
    conn_want(c, UV_READABLE);
    *conn_out = c;
    return 0;
}

void conn_close(struct conn *c)
{
    if (c->closing)
        return;
    if (!ag_list_empty(&c->linger)) {
        ag_list_del(&c->linger);
        c->conns->n_lingering--;
    }
    ag_list_del(&c->all);
    c->closing = true;
    uv_close((uv_handle_t *) &c->poll, conn_on_closed);
}

static void conn_forget(struct conn *c)
{
    if (c->gone)
        return;
    c->gone = true;
    router_peer_gone(c->router, conns_now(c->conns), &c->peer);
    if (c->peer.role == PEER_UPSTREAM)
        c->conns->upstream_gone(c->conns->user);
}

static COLD void log_leave(const struct conn *c)
{
    char name[64];

    conns_log(c->conns, AG_LOG_DEBUG, "%s left", conn_name(c, name));
}

void conn_drop(struct conn *c)
{
    if (c->closing)
        return;
    if (!c->gone)
        log_leave(c);
    conn_forget(c);
    conn_close(c);
}

/* ---- sending ---- */

/* One packet per record. 1: all sent; 0: would block; -errno. */
static COLD int send_packets(struct conn *c)
{
    struct ag_buf *b = &c->peer.out;

    while (ag_buf_size(b) > 0) {
        uint32_t len;
        ssize_t n;

        memcpy(&len, ag_buf_head(b), sizeof len);
        n = send(c->fd, ag_buf_head(b) + sizeof len, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (c->gone)
            ag_buf_consume(b, sizeof len + len);
        else
            router_sent(c->router, &c->peer, sizeof len + len);
    }
    return 1;
}

static int send_stream(struct conn *c)
{
    struct ag_buf *b = &c->peer.out;
    size_t size = ag_buf_size(b);
    ssize_t n = send(c->fd, ag_buf_head(b), size, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (c->gone)
        ag_buf_consume(b, (size_t) n);
    else
        router_sent(c->router, &c->peer, (size_t) n);
    return (size_t) n == size;
}

static int conn_send(struct conn *c)
{
    if (ag_buf_size(&c->peer.out) == 0)
        return 1;
    return c->peer.packets ? send_packets(c) : send_stream(c);
}

/* ---- the end ---- */

static COLD void log_end(struct conn *c)
{
    static const char *const why[] = {[PEER_END_INPUT] = "bad input",
                                      [PEER_END_QUEUE] = "it does not read: queue over its limit",
                                      [PEER_END_TOTAL] = "all queues together over the limit, its is the largest",
                                      [PEER_END_MEMORY] = "out of memory",
                                      [PEER_END_GONE] = "it sends no more, and others need its room"};
    char name[64];

    if (c->peer.end < ag_array_size(why) && why[c->peer.end])
        conns_log(c->conns, AG_LOG_WARNING, "%s closed: %s", conn_name(c, name), why[c->peer.end]);
}

/*
 * The last words are on their way. Closing now could lose them: with unread input the kernel resets the
 * connection. So input is read and thrown away until the other side closes or a second has passed.
 */
static void conn_linger(struct conn *c)
{
    struct conns *s = c->conns;

    if (s->n_lingering >= LINGERING_MAX)
        conn_close(ag_list_first(&s->lingering, struct conn, linger));
    c->linger_until_ms = conns_now(s) + LINGER_MS;
    ag_list_append(&s->lingering, &c->linger);
    s->n_lingering++;
    if (ag_buf_size(&c->peer.out) == 0)
        shutdown(c->fd, SHUT_WR);
    conn_want(c, UV_READABLE | (ag_buf_size(&c->peer.out) > 0 ? UV_WRITABLE : 0));
}

static COLD void conn_end(struct conn *c)
{
    bool last_words = c->peer.end == PEER_END_INPUT;
    struct ag_buf tail = AG_BUF_INIT;

    log_end(c);
    if (last_words && conn_send(c) < 0)
        last_words = false;
    if (last_words && ag_buf_size(&c->peer.out) <= TAIL_MAX)
        tail = router_take_out(c->router, &c->peer);
    conn_forget(c);
    c->peer.out = tail;
    if (last_words && !c->conns->closed)
        conn_linger(c);
    else
        conn_close(c);
}

/* Nothing can be sent to it any more. What it has sent before is still read; it need not have gone: the loop also looks when
   nothing is left to be read. */
static COLD void conn_deafen(struct conn *c)
{
    struct ag_buf unsent = router_take_out(c->router, &c->peer);

    ag_buf_deinit(&unsent);
    c->deaf = true;
    conn_want(c, UV_READABLE | UV_WRITABLE);
}

static COLD void conn_unsent(struct conn *c, int error)
{
    if ((error == -EPIPE || error == -ECONNRESET) && !c->peer.half_closed)
        conn_deafen(c);
    else
        conn_drop(c);
}

void conn_work(struct conn *c)
{
    int r;

    if (c->closing || c->gone)
        return;
    if (c->peer.end != PEER_STAYS) {
        conn_end(c);
        return;
    }
    if (c->events & UV_WRITABLE)
        return; /* waits for room already */
    r = conn_send(c);
    if (r < 0)
        conn_unsent(c, r);
    else if (router_peer_is_done(&c->peer))
        conn_drop(c);
    else if (r == 0)
        conn_want(c, c->events | UV_WRITABLE);
}

/* ---- receiving ---- */

static COLD void bad_input(struct conn *c, const char *reason)
{
    char name[64];

    conns_log(c->conns, AG_LOG_INFO, "%s: %s", conn_name(c, name), reason);
    if (c->framer.kind == AG_FRAMER_PACK)
        c->peer.pack = true;
    router_bad_input(c->router, &c->peer, reason);
}

/* Level 4: each message that comes in, in a few words and without its params. */
static COLD void trace_text(const struct conn *c, const struct ag_text *t)
{
    char name[64], brief[AG_BRIEF_MAX] = "";

    if (t->kind == AG_FRAMER_PASSED)
        return; /* nobody has read it: its own line says so */
    if (t->kind == AG_FRAMER_JSON)
        ag_brief(brief, t->bytes, t->view);
    else
        snprintf(brief, sizeof brief, "MessagePack, %zu bytes", t->bytes.len);
    ag_log(AG_LOG_VERBOSE, "from %s: %s", conn_name(c, name), brief);
}

static COLD void passed_over(struct conn *c)
{
    c->router->stats.upstream_passed_over++;
    conns_log(c->conns, AG_LOG_WARNING, "upstream: an unusable text was skipped");
}

static inline void handle_text(struct conn *c, uint64_t now_ms, const struct ag_text *t)
{
    struct router *r = c->router;

    if (ag_log_enabled(AG_LOG_VERBOSE))
        trace_text(c, t);
    if (t->kind == AG_FRAMER_JSON) {
        router_handle(r, now_ms, &c->peer, t->bytes, t->view);
    } else if (t->kind == AG_FRAMER_PACK) {
        router_handle_pack(r, now_ms, &c->peer, t->bytes);
    } else {
        passed_over(c);
    }
}

static void take_stream(struct conn *c, size_t n)
{
    uint64_t now_ms = conns_now(c->conns);
    struct ag_text t;
    size_t held;
    int r;

    ag_framer_lend(&c->framer, c->conns->read_buf, n);
    while ((r = ag_framer_next(&c->framer, &t)) > 0)
        handle_text(c, now_ms, &t);
    if (r < 0) {
        bad_input(c, ag_framer_strerror(r));
        return;
    }
    held = ag_framer_held(&c->framer);
    if (held != c->peer.held && peer_is_open(&c->peer))
        router_held(c->router, &c->peer, held);
}

static void take_packet(struct conn *c, size_t n)
{
    struct ag_text t;
    unsigned n_texts = 0;
    int r;

    ag_framer_lend(&c->framer, c->conns->read_buf, n);
    while ((r = ag_framer_next(&c->framer, &t)) > 0 && n_texts++ == 0)
        handle_text(c, conns_now(c->conns), &t);
    if (r < 0)
        bad_input(c, ag_framer_strerror(r));
    else if (n_texts > 1 || c->framer.partial)
        bad_input(c, n_texts > 1 ? "more than one text in a packet" : "half a text in a packet");
}

static COLD void conn_eof(struct conn *c)
{
    if (c->framer.partial)
        c->router->stats.broken_texts++;
    else if (c->peer.role == PEER_APP)
        router_peer_half_closed(c->router, conns_now(c->conns), &c->peer);
    if (c->deaf || !c->peer.half_closed || router_peer_is_done(&c->peer))
        conn_drop(c);
    else
        conn_want(c, c->events & ~UV_READABLE);
}

/* False: nothing more to read for now. */
static bool read_once(struct conn *c)
{
    struct conns *s = c->conns;
    bool packets = c->peer.packets, many = s->n_read >= CONNS_TURN_MANY && c->peer.role == PEER_APP;
    ssize_t n =
        recv(c->fd, s->read_buf, many && !packets ? CONNS_READ_FEW : CONNS_READ_MAX, MSG_DONTWAIT | (packets ? MSG_TRUNC : 0));

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            conn_drop(c);
        return false;
    }
    if (n == 0) {
        conn_eof(c);
        return false;
    }
    s->n_read += (size_t) n;
    if (packets && n > CONNS_READ_MAX)
        bad_input(c, ag_framer_strerror(AG_FRAMER_E_SIZE));
    else if (packets)
        take_packet(c, (size_t) n);
    else
        take_stream(c, (size_t) n);
    return packets && !many;
}

static void conn_read(struct conn *c)
{
    for (int i = 0; i < PACKETS_PER_TURN && !c->closing && peer_is_open(&c->peer); i++)
        if (!read_once(c))
            return;
}

/* The socket has an error, which a send has met, or the loop, which then no longer watches it. What the other side said before
   that is still there to be read, in as fair portions as ever. */
static COLD void conn_broken(struct conn *c)
{
    size_t before = c->conns->n_read;

    if (!c->gone && !c->peer.half_closed)
        conn_read(c);
    if (c->closing)
        return;
    if (c->conns->n_read == before || !peer_is_open(&c->peer)) {
        conn_drop(c);
        return;
    }
    c->events = 0; /* watch it again */
    conn_deafen(c);
}

static void linger_step(struct conn *c, int events)
{
    ssize_t n = 1;

    if (events & UV_READABLE)
        n = recv(c->fd, c->conns->read_buf, CONNS_READ_MAX, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || conn_send(c) < 0) {
        conn_close(c);
        return;
    }
    if ((c->events & UV_WRITABLE) && ag_buf_size(&c->peer.out) == 0) {
        shutdown(c->fd, SHUT_WR);
        conn_want(c, UV_READABLE);
    }
}

static void conn_on_poll(uv_poll_t *poll, int status, int events)
{
    struct conn *c = poll->data;

    if (status < 0 || c->deaf) {
        conn_broken(c);
        return;
    }
    if (c->gone) {
        linger_step(c, events);
        return;
    }
    if (events & UV_WRITABLE) {
        conn_want(c, c->events & ~UV_WRITABLE);
        conn_work(c);
    }
    if ((events & UV_READABLE) && !c->closing && !c->gone && !c->peer.half_closed)
        conn_read(c);
}
