/* SPDX-License-Identifier: MIT */
#include "client/cloud/io/mqtt_link.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/io/mqtt_config.h"
#include "client/cloud/io/mqtt_session.h"
#include "client/cloud/io/mqtt_turn.h"

enum {
    WINDOW = 64,
    WINDOW_BYTES = 2 << 20,
    INBOX_BYTES = 2 << 20,
    CONNECT_MS = 20000,
    ACK_MS = 120000,
    EVENTS_A_TURN = 64, /* then the loop's other callbacks have their turn */
    MAX_SPARE = 64,
    PAYLOAD_MAX = 268435455 - 65535 - 4 /* remaining length of MQTT 3.1.1, with room for the topic */
};

enum op_kind { OP_PUBLISH, OP_SUBSCRIBE, OP_UNSUBSCRIBE };

/* What waits for its acknowledgement. Those come nearly in order, so it is found at the head of the list. */
struct op {
    struct ag_list link;
    int mid;
    enum op_kind kind;
    int qos;
    uint64_t cookie;
    size_t bytes;
    int result; /* of one in finished */
};

enum link_state { IDLE, TRYING, UP };

struct mqtt_link {
    struct mqtt_session session;
    struct mqtt_inbox inbox;
    uv_async_t async;
    struct mqtt_turn turn; /* while the loop drives the session */
    unsigned n_handles;    /* that are not closed yet */
    bool leaves;           /* asked to in a round: at its end */
    const struct mqtt_link_events *events;
    void *user;
    struct mqtt_link_limits limits;
    struct mqtt_link_stats stats;
    enum link_state state;
    bool closing;
    atomic_int n_holders; /* the loop, and a thread that it has abandoned */
    bool starved;         /* a publish met -ENOBUFS: room() is owed */
    struct ag_list ops;
    struct ag_list finished; /* in this round, not reported yet */
    struct ag_spares spares; /* of ops */
    bool acked;              /* a publish was, in this turn */
    size_t window_bytes;
};

/* ---- what waits ---- */

static struct op *op_new(struct mqtt_link *l, enum op_kind kind, uint64_t cookie)
{
    struct op *o = ag_spares_take(&l->spares, sizeof *o);

    if (o) {
        ag_list_init(&o->link);
        o->kind = kind;
        o->cookie = cookie;
    }
    return o;
}

static void op_free(struct mqtt_link *l, struct op *o)
{
    ag_spares_give(&l->spares, o, MAX_SPARE);
}

static struct op *op_find(struct mqtt_link *l, int mid)
{
    ag_list_for_each (it, &l->ops) {
        struct op *o = ag_list_entry(it, struct op, link);

        if (o->mid == mid)
            return o;
    }
    return NULL;
}

static void tell_room(struct mqtt_link *l)
{
    if (!l->starved || !l->events->room || l->closing || l->state != UP)
        return;
    l->starved = false;
    l->events->room(l->user);
}

static bool is_oldest_publish(const struct mqtt_link *l, const struct op *o)
{
    ag_list_for_each (it, &l->ops) {
        const struct op *other = ag_list_entry(it, struct op, link);

        if (other->kind == OP_PUBLISH)
            return other == o;
    }
    return false;
}

/* A server that acknowledges later ones but never this one has lost it: only the end of the oldest is progress. */
static void op_take(struct mqtt_link *l, struct op *o)
{
    l->acked |= o->kind == OP_PUBLISH && is_oldest_publish(l, o);
    ag_list_del(&o->link);
}

/* o is in no list. */
static void op_finish(struct mqtt_link *l, struct op *o, int result)
{
    bool publish = o->kind == OP_PUBLISH;
    uint64_t cookie = o->cookie;

    if (publish) {
        l->stats.in_window--;
        l->window_bytes -= o->bytes;
        l->stats.acked += result == 0;
    }
    op_free(l, o);
    if (cookie && !l->closing)
        l->events->done(l->user, cookie, result);
    if (publish)
        tell_room(l);
}

/* What does not survive the connection: QoS 0 that was not written, and subscriptions under way. */
static void drop_lost_ops(struct mqtt_link *l)
{
    struct ag_list lost = AG_LIST_INIT(lost);
    struct op *o;

    ag_list_for_each_safe (it, &l->ops) {
        o = ag_list_entry(it, struct op, link);
        if (o->kind == OP_PUBLISH && o->qos > 0)
            continue;
        ag_list_del(it);
        ag_list_append(&lost, it);
    }
    while ((o = ag_list_first(&lost, struct op, link))) {
        ag_list_del(&o->link);
        op_finish(l, o, MQTT_LINK_DONE_LOST);
    }
}

static void free_ops(struct mqtt_link *l)
{
    struct op *o;

    ag_list_splice(&l->ops, &l->finished);
    while ((o = ag_list_first(&l->ops, struct op, link))) {
        ag_list_del(&o->link);
        op_free(l, o);
    }
    ag_spares_deinit(&l->spares);
}

/* ---- events from the thread ---- */

static void link_put(struct mqtt_link *l)
{
    if (atomic_fetch_sub(&l->n_holders, 1) > 1)
        return;
    free_ops(l);
    mqtt_inbox_deinit(&l->inbox);
    mqtt_config_deinit(&l->session.config);
    free(l);
}

static void on_session_disposed(struct mqtt_session *s)
{
    link_put(ag_container_of(s, struct mqtt_link, session));
}

static void on_handle_closed(uv_handle_t *h)
{
    struct mqtt_link *l = h->data;
    const struct mqtt_link_events *events = l->events;
    void *user = l->user;

    if (--l->n_handles > 0)
        return;
    link_put(l);
    events->closed(user);
}

static void close_handles(struct mqtt_link *l)
{
    l->n_handles = 1 + MQTT_TURN_HANDLES;
    mqtt_turn_close(&l->turn, on_handle_closed);
    uv_close((uv_handle_t *) &l->async, on_handle_closed);
}

static void deliver_message(struct mqtt_link *l, const struct mqtt_inbox_event *e)
{
    struct mqtt_link_msg m = {
        .topic = e->data,
        .payload = {e->data + e->topic_len + 1, e->len - e->topic_len - 1},
        .qos = (uint8_t) (e->a >> 1 & 3),
        .retain = e->a & 1,
    };

    l->stats.received++;
    l->events->message(l->user, &m);
}

static void deliver_down(struct mqtt_link *l, const struct mqtt_inbox_event *e)
{
    l->state = IDLE;
    l->stats.losses++;
    drop_lost_ops(l);
    mqtt_session_waits(&l->session, l->stats.in_window > 0);
    if (!l->closing)
        l->events->lost(l->user, (enum mqtt_link_loss) e->a, e->b, e->data);
}

static void deliver(struct mqtt_link *l, const struct mqtt_inbox_event *e)
{
    struct op *o;

    switch (e->type) {
    case MQTT_INBOX_UP:
        l->state = UP;
        l->starved = false;
        mqtt_session_waits(&l->session, l->stats.in_window > 0);
        l->stats.connects++;
        l->events->connected(l->user);
        break;
    case MQTT_INBOX_LENT:
        mqtt_turn_begin(&l->turn);
        break;
    case MQTT_INBOX_DOWN:
        deliver_down(l, e);
        break;
    case MQTT_INBOX_MESSAGE:
        deliver_message(l, e);
        break;
    case MQTT_INBOX_DONE:
        o = op_find(l, e->a);
        if (!o)
            break;
        op_take(l, o);
        op_finish(l, o, e->b);
        break;
    case MQTT_INBOX_ENDED:
        break;
    }
}

static void note_progress(struct mqtt_link *l)
{
    if (l->acked)
        mqtt_session_waits(&l->session, l->stats.in_window > 0);
    l->acked = false;
}

/* Up to EVENTS_A_TURN events. false: that was the last one of all. */
static bool deliver_some(struct mqtt_link *l)
{
    struct mqtt_inbox_event *e;
    int n = 0;

    while ((e = mqtt_inbox_take(&l->inbox))) {
        if (e->type == MQTT_INBOX_ENDED)
            return false;
        if (!l->closing)
            deliver(l, e);
        mqtt_inbox_release(&l->inbox, e);
        if (++n >= EVENTS_A_TURN) {
            uv_async_send(&l->async);
            break;
        }
    }
    return true;
}

static void on_wake(uv_async_t *h)
{
    struct mqtt_link *l = h->data;

    if (!deliver_some(l)) {
        mqtt_session_deinit(&l->session);
        close_handles(l);
        return;
    }
    note_progress(l);
}

/* ---- rounds of the loop's own ---- */

static struct mqtt_link *link_of(struct mqtt_session *s)
{
    return ag_container_of(s, struct mqtt_link, session);
}

static void tell_finished(struct mqtt_link *l)
{
    struct op *o;

    while ((o = ag_list_first(&l->finished, struct op, link))) {
        ag_list_del(&o->link);
        op_finish(l, o, o->result);
    }
}

/* libmosquitto may have its locks here: reported before the next message, or when the round is over. */
static void on_round_done(struct mqtt_session *s, int mid, int result)
{
    struct mqtt_link *l = link_of(s);
    struct op *o = op_find(l, mid);

    if (!o)
        return;
    op_take(l, o);
    o->result = result;
    ag_list_append(&l->finished, &o->link);
}

static void on_round_message(struct mqtt_session *s, const struct mosquitto_message *from)
{
    struct mqtt_link *l = link_of(s);
    struct mqtt_link_msg m = {
        .topic = from->topic,
        .payload = {from->payload ? from->payload : "", (size_t) from->payloadlen},
        .qos = (uint8_t) from->qos,
        .retain = from->retain,
    };

    tell_finished(l);
    if (l->closing)
        return;
    l->stats.received++;
    if (m.qos > 0)
        mqtt_turn_queued(&l->turn); /* its acknowledgement */
    l->events->message(l->user, &m);
}

static const struct mqtt_session_events ROUND_EVENTS = {.message = on_round_message, .done = on_round_done};

/* for_good: the link is closing. A round under way is finished first. */
static void leave(struct mqtt_link *l)
{
    if (l->turn.in_round) {
        l->leaves = true;
        return;
    }
    l->leaves = false;
    mqtt_turn_end(&l->turn);
    mqtt_session_leave(&l->session, l->closing);
}

static void on_round_over(struct mqtt_turn *t)
{
    struct mqtt_link *l = ag_container_of(t, struct mqtt_link, turn);

    tell_finished(l);
    note_progress(l);
    if (l->leaves)
        leave(l);
}

/* ---- calls ---- */

static void set_limits(struct mqtt_link *l, const struct mqtt_link_limits *limits)
{
    if (limits)
        l->limits = *limits;
    if (l->limits.window == 0)
        l->limits.window = WINDOW;
    if (l->limits.window_bytes == 0)
        l->limits.window_bytes = WINDOW_BYTES;
    if (l->limits.inbox_bytes == 0)
        l->limits.inbox_bytes = INBOX_BYTES;
    if (l->limits.connect_ms == 0)
        l->limits.connect_ms = CONNECT_MS;
    if (l->limits.ack_ms == 0)
        l->limits.ack_ms = ACK_MS;
}

static int link_start(struct mqtt_link *l, const struct mqtt_link_config *config)
{
    int r = mqtt_config_copy(&l->session.config, config);

    if (r < 0)
        return r;
    r = mqtt_inbox_init(&l->inbox, l->limits.inbox_bytes, &l->async);
    if (r < 0) {
        mqtt_config_deinit(&l->session.config);
        return r;
    }
    l->session.inbox = &l->inbox;
    l->session.events = &ROUND_EVENTS;
    l->session.dispose = on_session_disposed;
    l->session.connect_ms = l->limits.connect_ms;
    l->session.ack_ms = l->limits.ack_ms;
    l->session.window = l->limits.window;
    r = mqtt_session_init(&l->session);
    if (r < 0) {
        mqtt_inbox_deinit(&l->inbox);
        mqtt_config_deinit(&l->session.config);
        return r;
    }
    return 0;
}

static void on_stillborn_closed(uv_handle_t *h)
{
    struct mqtt_link *l = h->data;

    if (--l->n_handles == 0)
        free(l);
}

int mqtt_link_open(struct mqtt_link **out, uv_loop_t *loop, const struct mqtt_link_config *config,
                   const struct mqtt_link_limits *limits, const struct mqtt_link_events *events, void *user)
{
    struct mqtt_link *l;
    int r;

    if (!mqtt_config_is_sound(config))
        return -EINVAL;
    l = calloc(1, sizeof *l);
    if (!l)
        return -ENOMEM;
    ag_list_init(&l->ops);
    ag_list_init(&l->finished);
    atomic_init(&l->n_holders, 1);
    l->events = events;
    l->user = user;
    set_limits(l, limits);
    r = uv_async_init(loop, &l->async, on_wake);
    if (r < 0) {
        free(l);
        return r;
    }
    l->async.data = l;
    mqtt_turn_init(&l->turn, loop, &l->session, on_round_over, l);
    r = link_start(l, config);
    if (r < 0) {
        l->n_handles = 1 + MQTT_TURN_HANDLES;
        mqtt_turn_close(&l->turn, on_stillborn_closed);
        uv_close((uv_handle_t *) &l->async, on_stillborn_closed);
        return r;
    }
    *out = l;
    return 0;
}

void mqtt_link_close(struct mqtt_link *l)
{
    if (!l || l->closing)
        return;
    l->closing = true;
    mqtt_inbox_shut(&l->inbox);
    leave(l);
    atomic_fetch_add(&l->n_holders, 1);
    if (mqtt_session_abandon(&l->session))
        close_handles(l); /* no name server is waited for */
    else
        atomic_fetch_sub(&l->n_holders, 1);
}

int mqtt_link_configure(struct mqtt_link *l, const struct mqtt_link_config *config)
{
    struct mqtt_link_config c;
    int r;

    if (l->closing || l->state != IDLE)
        return -EBUSY;
    if (!mqtt_config_is_sound(config))
        return -EINVAL;
    r = mqtt_config_copy(&c, config);
    if (r < 0)
        return r;
    mqtt_config_deinit(&l->session.config);
    l->session.config = c;
    return 0;
}

int mqtt_link_connect(struct mqtt_link *l)
{
    if (l->closing || l->state != IDLE)
        return -EBUSY;
    l->state = TRYING;
    mqtt_session_try(&l->session);
    return 0;
}

int mqtt_link_disconnect(struct mqtt_link *l)
{
    if (l->closing || l->state == IDLE)
        return -ENOTCONN;
    leave(l);
    return 0;
}

bool mqtt_link_is_connected(const struct mqtt_link *l)
{
    return l->state == UP && !l->closing;
}

static bool has_room(const struct mqtt_link *l, size_t bytes, bool urgent)
{
    size_t places = l->limits.window + (urgent ? (size_t) MQTT_LINK_RESERVE : 0);
    size_t most = l->limits.window_bytes * (urgent ? 2 : 1);

    return l->stats.in_window == 0 || (l->stats.in_window < places && l->window_bytes + bytes <= most);
}

bool mqtt_link_has_room(struct mqtt_link *l)
{
    bool room = has_room(l, 1, false);

    l->starved |= !room;
    return room;
}

/* rc and mid are libmosquitto's results for the request; o waits for the answer, or is freed. */
static int op_begin(struct mqtt_link *l, struct op *o, int rc, int mid)
{
    if (rc != MOSQ_ERR_SUCCESS) {
        op_free(l, o);
        return mqtt_session_errno(rc);
    }
    mqtt_turn_queued(&l->turn);
    o->mid = mid;
    ag_list_append(&l->ops, &o->link);
    return 0;
}

int mqtt_link_publish(struct mqtt_link *l, const struct mqtt_link_msg *m, uint64_t cookie)
{
    struct op *o;
    int mid = 0, rc;

    if (!mqtt_link_is_connected(l))
        return -ENOTCONN;
    if (m->qos > 2)
        return -EINVAL;
    if (m->payload.len > PAYLOAD_MAX)
        return -EMSGSIZE;
    if (!has_room(l, m->payload.len, m->urgent)) {
        l->starved = true;
        return -ENOBUFS;
    }
    o = op_new(l, OP_PUBLISH, cookie);
    if (!o)
        return -ENOMEM;
    rc = mosquitto_publish(l->session.mosq, &mid, m->topic, (int) m->payload.len, m->payload.p, m->qos, m->retain);
    /* above QoS 0 libmosquitto has kept the message even when the connection went a moment ago */
    if (rc != MOSQ_ERR_SUCCESS && !(rc == MOSQ_ERR_NO_CONN && m->qos > 0)) {
        op_free(l, o);
        return mqtt_session_errno(rc);
    }
    o->qos = m->qos;
    o->bytes = m->payload.len;
    l->stats.sent++;
    if (l->stats.in_window++ == 0) {
        mqtt_session_waits(&l->session, true);
        mqtt_turn_waits(&l->turn);
    }
    l->window_bytes += o->bytes;
    mqtt_turn_queued(&l->turn);
    o->mid = mid;
    ag_list_append(&l->ops, &o->link);
    return 0;
}

int mqtt_link_subscribe(struct mqtt_link *l, const char *filter, int qos, uint64_t cookie)
{
    struct op *o;
    int mid = 0, rc;

    if (!mqtt_link_is_connected(l))
        return -ENOTCONN;
    if (qos < 0 || qos > 2)
        return -EINVAL;
    o = op_new(l, OP_SUBSCRIBE, cookie);
    if (!o)
        return -ENOMEM;
    rc = mosquitto_subscribe(l->session.mosq, &mid, filter, qos);
    return op_begin(l, o, rc, mid);
}

int mqtt_link_unsubscribe(struct mqtt_link *l, const char *filter, uint64_t cookie)
{
    struct op *o;
    int mid = 0, rc;

    if (!mqtt_link_is_connected(l))
        return -ENOTCONN;
    o = op_new(l, OP_UNSUBSCRIBE, cookie);
    if (!o)
        return -ENOMEM;
    rc = mosquitto_unsubscribe(l->session.mosq, &mid, filter);
    return op_begin(l, o, rc, mid);
}

void mqtt_link_get_stats(const struct mqtt_link *l, struct mqtt_link_stats *out)
{
    *out = l->stats;
}
