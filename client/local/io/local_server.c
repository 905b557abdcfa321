/* SPDX-License-Identifier: MIT */
#include "client/local/io/local_server.h"

#include <errno.h>
#include <stdlib.h>
#include "client/local/io/local_conn.h"
#include "libagent/core/log/log.h"

enum {
    BACKLOG = 64,
    KEPT_PLACE = LOCAL_PEERS_MAX - 1, /* for a trusted socket */
    PUSH_AT = 64 * 1024,              /* bytes queued for one peer that are written before the turn ends */
    CROWD = 8                         /* a user with fewer sockets gives up none */
};

#define NO_PLACE LOCAL_PEERS_MAX

struct local_server {
    uv_tcp_t listener;
    uv_prepare_t flush; /* runs before the loop sleeps; active only while something is queued */
    const struct local_server_events *events;
    void *user;
    struct local_conn *conns[LOCAL_PEERS_MAX];
    struct ag_list dirty;
    unsigned n_open; /* handles whose close callback has not come */
    bool closing;
    uv_tcp_t refused;         /* a connection that there is no memory for: accepted and closed */
    bool refusing, more_wait; /* refused is open; another one came meanwhile */
    struct ag_log_gate gate;
    struct local_server_stats stats;
    size_t bytes, max_bytes; /* sum of conns' charged; 0: no limit */
    char read_buf[LOCAL_READ_SIZE];
};

static void on_flush(uv_prepare_t *p);

static void server_unref(struct local_server *s)
{
    if (--s->n_open > 0 || !s->closing)
        return;
    s->events->closed(s->user);
    free(s);
}

/* Removes the socket at once, so that nothing more is sent or received; its memory is freed in the close callback. */
static void conn_drop(struct local_server *s, struct local_conn *c)
{
    if (c->peer == NO_PLACE || s->conns[c->peer] != c)
        return;
    s->conns[c->peer] = NULL;
    s->bytes -= c->charged;
    c->charged = 0;
    local_conn_close(c);
    s->events->left(s->user, c->peer);
}

static void on_conn_ended(struct local_conn *c, const char *why)
{
    struct local_server *s = c->owner;

    if (why) {
        s->stats.dropped++;
        ag_log_gated(&s->gate, uv_now(s->listener.loop), AG_LOG_WARNING, "local peer %u dropped: %s", c->peer, why);
    }
    conn_drop(s, c);
}

/* ---- memory ---- */

static void account(struct local_server *s, struct local_conn *c)
{
    size_t held = c->closing ? 0 : c->doomed ? c->flying.len : local_conn_held(c);

    s->bytes = s->bytes - c->charged + held;
    c->charged = held;
}

static bool is_same_user(const struct local_conn *a, const struct local_conn *b)
{
    return a->who.known == b->who.known && (!a->who.known || a->who.uid == b->who.uid);
}

static size_t held_by_user_of(const struct local_server *s, const struct local_conn *c)
{
    size_t sum = 0;

    for (unsigned i = 0; i < LOCAL_PEERS_MAX; i++) {
        if (s->conns[i] && is_same_user(s->conns[i], c))
            sum += s->conns[i]->charged;
    }
    return sum;
}

static struct local_conn *greediest(const struct local_server *s)
{
    struct local_conn *worst = NULL;
    size_t worst_sum = 0;

    for (unsigned i = 0; i < LOCAL_PEERS_MAX; i++) {
        struct local_conn *c = s->conns[i];
        size_t sum = c ? held_by_user_of(s, c) : 0;

        if (!c || c->charged == 0 || c->doomed)
            continue;
        if (!worst || sum > worst_sum || (is_same_user(c, worst) && c->charged > worst->charged)) {
            worst = c;
            worst_sum = sum;
        }
    }
    return worst;
}

static void mark_dirty(struct local_server *s, struct local_conn *c)
{
    if (ag_list_empty(&c->dirty))
        ag_list_append(&s->dirty, &c->dirty);
    uv_prepare_start(&s->flush, on_flush);
}

/* They are closed at the end of the turn, when that may be reported. */
static void relieve(struct local_server *s)
{
    struct local_conn *c;

    if (s->max_bytes == 0)
        return;
    while (s->bytes + s->events->held_elsewhere(s->user) > s->max_bytes && (c = greediest(s))) {
        s->stats.greedy++;
        local_conn_doom(c, "too much memory held");
        account(s, c);
        mark_dirty(s, c);
    }
}

static void on_conn_changed(struct local_conn *c)
{
    struct local_server *s = c->owner;

    if (c->peer == NO_PLACE || s->conns[c->peer] != c)
        return;
    account(s, c);
    relieve(s);
}

static void on_conn_closed(struct local_conn *c)
{
    struct local_server *s = c->owner;

    free(c);
    server_unref(s);
}

static void on_conn_text(struct local_conn *c, const struct ag_text *text)
{
    struct local_server *s = c->owner;

    s->stats.texts_in++;
    s->events->text(s->user, c->peer, text->bytes, text->view);
}

static const struct local_conn_events conn_events = {on_conn_text, on_conn_changed, on_conn_ended, on_conn_closed};

/* ---- places ---- */

static unsigned free_place(const struct local_server *s, bool trusted)
{
    for (unsigned i = 0; i < LOCAL_PEERS_MAX; i++) {
        if (!s->conns[i] && (i != KEPT_PLACE || trusted))
            return i;
    }
    return NO_PLACE;
}

static unsigned n_of_user(const struct local_server *s, const struct local_conn *c)
{
    unsigned n = 0;

    for (unsigned i = 0; i < LOCAL_PEERS_MAX; i++)
        n += s->conns[i] && is_same_user(s->conns[i], c);
    return n;
}

/* The oldest socket that has never said anything, of the user with the most sockets. NULL: there is none. */
static struct local_conn *silent_one(const struct local_server *s, const struct local_conn *newcomer)
{
    unsigned n_new = n_of_user(s, newcomer), n_worst = 0;
    struct local_conn *worst = NULL;

    for (unsigned i = 0; i < LOCAL_PEERS_MAX; i++) {
        struct local_conn *c = s->conns[i];
        unsigned n = c ? n_of_user(s, c) : 0;

        if (!c || c->spoken || n < CROWD || !(newcomer->who.trusted || n > 2 * (n_new + 1)))
            continue;
        if (!worst || n > n_worst || (n == n_worst && c->since_ms < worst->since_ms)) {
            worst = c;
            n_worst = n;
        }
    }
    return worst;
}

/* NO_PLACE: all are taken. */
static unsigned make_place(struct local_server *s, const struct local_conn *newcomer)
{
    unsigned place = free_place(s, newcomer->who.trusted);
    struct local_conn *c = place == NO_PLACE ? silent_one(s, newcomer) : NULL;

    if (!c)
        return place;
    s->stats.evicted++;
    on_conn_ended(c, "silent, and its place is needed");
    return free_place(s, newcomer->who.trusted);
}

static void on_refused_closed(uv_handle_t *h);

/* Accepts and closes it, as libuv would otherwise stop listening. There is no memory, so one handle is reserved for this. */
static void refuse_conn(struct local_server *s)
{
    if (s->refusing) {
        s->more_wait = true;
        return;
    }
    uv_tcp_init(s->listener.loop, &s->refused);
    s->refused.data = s;
    s->refusing = true;
    s->n_open++;
    s->stats.refused++;
    uv_accept((uv_stream_t *) &s->listener, (uv_stream_t *) &s->refused);
    uv_close((uv_handle_t *) &s->refused, on_refused_closed);
}

static void on_refused_closed(uv_handle_t *h)
{
    struct local_server *s = h->data;

    s->refusing = false;
    if (s->more_wait && !s->closing)
        refuse_conn(s);
    s->more_wait = false;
    server_unref(s);
}

/* Accepted already: it hears why. */
static void refuse_crowd(struct local_server *s, struct local_conn *c)
{
    s->stats.refused++;
    local_conn_doom(c, "too many connections");
    local_conn_close(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct local_server *s = listener->data;
    struct local_conn *c;
    uv_os_fd_t fd = -1;

    if (status < 0) {
        ag_log(AG_LOG_WARNING, "local socket: %s", uv_strerror(status));
        return;
    }
    c = calloc(1, sizeof *c);
    if (!c) {
        refuse_conn(s);
        return;
    }
    c->events = &conn_events;
    c->owner = s;
    c->peer = NO_PLACE;
    c->read_buf = s->read_buf;
    c->since_ms = uv_now(listener->loop);
    if (local_conn_init(c, listener->loop) < 0) {
        free(c);
        refuse_conn(s);
        return;
    }
    s->n_open++;
    if (local_conn_start(c, listener) < 0) {
        local_conn_close(c);
        return;
    }
    if (uv_fileno((uv_handle_t *) &c->tcp, &fd) == 0)
        s->events->identify(s->user, fd, &c->who);
    c->peer = make_place(s, c);
    if (c->peer == NO_PLACE) {
        refuse_crowd(s, c);
        return;
    }
    s->conns[c->peer] = c;
    s->stats.accepted++;
    s->events->joined(s->user, c->peer);
}

static void on_flush(uv_prepare_t *p)
{
    struct local_server *s = p->data;

    while (!ag_list_empty(&s->dirty)) {
        struct local_conn *c = ag_list_first(&s->dirty, struct local_conn, dirty);

        ag_list_del(&c->dirty);
        local_conn_flush(c);
        if (c->doomed && !c->closing) {
            on_conn_ended(c, "all peers together hold too much, this one most");
        } else if (c->overflow && !c->closing) {
            s->stats.overflows++;
            on_conn_ended(c, "does not read, queue is full");
        } else {
            account(s, c);
        }
    }
    uv_prepare_stop(p);
}

void local_server_send(struct local_server *s, unsigned peer, struct ag_span text)
{
    struct local_conn *c = peer < LOCAL_PEERS_MAX ? s->conns[peer] : NULL;

    if (!c || c->doomed || c->deaf) {
        s->stats.unsent++;
        return;
    }
    s->stats.texts_out++;
    if (local_conn_queue(c, text) == -ENOMEM)
        c->overflow = true;
    if (ag_buf_size(&c->queue) >= PUSH_AT)
        local_conn_push(c);
    account(s, c);
    mark_dirty(s, c);
    relieve(s);
}

void local_server_set_max_bytes(struct local_server *s, size_t max)
{
    s->max_bytes = max;
}

const struct local_who *local_server_who(const struct local_server *s, unsigned peer)
{
    return peer < LOCAL_PEERS_MAX && s->conns[peer] ? &s->conns[peer]->who : NULL;
}

static void on_handle_closed(uv_handle_t *h)
{
    server_unref(h->data);
}

int local_server_open(struct local_server **out, uv_loop_t *loop, const struct ag_addr *at,
                      const struct local_server_events *events, void *user, struct ag_addr *bound_out)
{
    struct local_server *s = calloc(1, sizeof *s);
    uv_os_fd_t fd;
    int r;

    if (!s)
        return -ENOMEM;
    s->events = events;
    s->user = user;
    s->gate = (struct ag_log_gate){.burst = 5, .period_ms = 10000};
    ag_list_init(&s->dirty);
    r = uv_tcp_init(loop, &s->listener);
    if (r < 0) {
        free(s);
        return r;
    }
    s->listener.data = s->flush.data = s;
    uv_prepare_init(loop, &s->flush);
    s->n_open = 2;
    r = uv_tcp_bind(&s->listener, (const struct sockaddr *) &at->sa, 0);
    if (r == 0)
        r = uv_listen((uv_stream_t *) &s->listener, BACKLOG, on_connection);
    if (r == 0)
        r = uv_fileno((uv_handle_t *) &s->listener, &fd);
    if (r == 0)
        r = ag_addr_of_socket(fd, bound_out);
    *out = s; /* also on failure: the handles need closing through the loop */
    return r;
}

void local_server_close(struct local_server *s)
{
    if (!s || s->closing)
        return;
    s->closing = true;
    for (unsigned i = 0; i < LOCAL_PEERS_MAX; i++) {
        if (s->conns[i])
            conn_drop(s, s->conns[i]);
    }
    uv_close((uv_handle_t *) &s->listener, on_handle_closed);
    uv_close((uv_handle_t *) &s->flush, on_handle_closed);
}

void local_server_get_stats(const struct local_server *s, struct local_server_stats *out)
{
    *out = s->stats;
    out->bytes = s->bytes;
}
