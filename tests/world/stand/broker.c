/* SPDX-License-Identifier: MIT */
#include "tests/world/stand/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/kernel/kernel.h"
#include "tests/world/mqtt/bytes.h"

enum { SUBS = 16 };

struct item {
    struct item *next;
    int qos, retain;
    unsigned mid;  /* 0: not sent yet */
    bool released; /* PUBREC came */
    char topic[256];
    size_t n;
    char payload[];
};

struct session {
    struct session *next;
    char id[128];
    bool clean;
    struct conn *conn;
    struct {
        char filter[128];
        int qos;
    } subs[SUBS];
    unsigned n_subs;
    struct item *items;         /* above QoS 0, in order */
    unsigned held[256], n_held; /* mids received at QoS 2, not released */
};

struct conn {
    struct conn *next;
    struct broker *b;
    struct vsock *s;
    struct session *session;
    struct mq_bytes in, late; /* late: acknowledgements that wait */
    struct item *will;
    uint64_t pings_us[64]; /* the last ones */
    unsigned n_pings;
    bool gone;
};

struct kept {
    struct kept *next;
    char topic[256];
    char *payload;
    size_t n;
};

static void send_bytes(struct conn *c, struct mq_bytes *out)
{
    if (out->n && !c->gone)
        act_send(c->s, out->p, out->n);
    free(out->p);
}

static bool matches(const char *filter, const char *topic)
{
    size_t n = strlen(filter);

    if (n > 0 && filter[n - 1] == '#')
        return strncmp(filter, topic, n - 1) == 0;
    return strcmp(filter, topic) == 0;
}

static void bad(struct conn *c, const char *why)
{
    c->b->bad++;
    broken("the broker was sent what it cannot take: %s", why);
}

/* ---- to devices ---- */

/* The lowest one that is free, so that numbers are used again soon. */
static unsigned free_mid(const struct session *s)
{
    unsigned mid = 1;

    for (const struct item *i = s->items; i;) {
        bool used = i->mid == mid;

        mid += used;
        i = used ? s->items : i->next;
    }
    return mid;
}

/* What the last connection left open, under its number. */
static void resend_items(struct session *s)
{
    struct mq_bytes out = {0};

    for (struct item *i = s->items; i; i = i->next) {
        if (i->released)
            mq_small(&out, MQ_PUBREL << 4 | 2, i->mid);
        else if (i->mid)
            mq_publish(&out, 1, i->qos, i->retain, i->topic, i->payload, i->n, i->mid);
    }
    send_bytes(s->conn, &out);
}

static void send_items(struct session *s)
{
    struct mq_bytes out = {0};
    unsigned open = 0;

    if (!s->conn)
        return;
    for (struct item *i = s->items; i; i = i->next)
        open += i->mid != 0;
    for (struct item *i = s->items; i && open < 20; i = i->next) {
        if (i->mid)
            continue;
        i->mid = free_mid(s);
        mq_publish(&out, 0, i->qos, i->retain, i->topic, i->payload, i->n, i->mid);
        open++;
    }
    send_bytes(s->conn, &out);
}

static void give(struct session *s, const char *topic, const void *payload, size_t n, int qos, int retain)
{
    struct item *i, **at = &s->items;

    if (qos == 0) {
        struct mq_bytes out = {0};

        if (!s->conn)
            return;
        mq_publish(&out, 0, 0, retain, topic, payload, n, 0);
        send_bytes(s->conn, &out);
        return;
    }
    i = calloc(1, sizeof *i + n + 1);
    i->qos = qos;
    i->retain = retain;
    i->n = n;
    snprintf(i->topic, sizeof i->topic, "%s", topic);
    memcpy(i->payload, payload, n);
    while (*at)
        at = &(*at)->next;
    *at = i;
    send_items(s);
}

static void keep(struct broker *b, const char *topic, const void *payload, size_t n)
{
    struct kept **at = (struct kept **) &b->retained, *k;

    while (*at && strcmp((*at)->topic, topic) != 0)
        at = &(*at)->next;
    k = *at;
    if (!k) {
        k = *at = calloc(1, sizeof *k);
        snprintf(k->topic, sizeof k->topic, "%s", topic);
    }
    free(k->payload);
    k->payload = malloc(n + 1);
    memcpy(k->payload, payload, n);
    k->n = n;
}

static void route(struct broker *b, const char *topic, const void *payload, size_t n, int qos, bool retain)
{
    if (retain)
        keep(b, topic, payload, n);
    for (struct session *s = b->sessions; s; s = s->next)
        for (unsigned i = 0; i < s->n_subs; i++)
            if (matches(s->subs[i].filter, topic)) {
                give(s, topic, payload, n, qos < s->subs[i].qos ? qos : s->subs[i].qos, 0);
                break;
            }
}

void broker_publish(struct broker *b, const char *topic, const void *payload, size_t n, int qos, bool retain)
{
    route(b, topic, payload, n, qos, retain);
}

bool broker_serves(const struct broker *b, const char *topic)
{
    for (const struct session *s = b->sessions; s; s = s->next)
        for (unsigned i = 0; s->conn && i < s->n_subs; i++)
            if (matches(s->subs[i].filter, topic))
                return true;
    return false;
}

static struct session *session_of(const struct broker *b, const char *id)
{
    for (struct session *s = b->sessions; s; s = s->next)
        if (strcmp(s->id, id) == 0)
            return s;
    return NULL;
}

void broker_give(struct broker *b, const char *id, const char *topic, const void *payload, size_t n, int qos)
{
    struct session *s = session_of(b, id);

    if (s)
        give(s, topic, payload, n, qos, 0);
}

bool broker_is_in(const struct broker *b, const char *id)
{
    const struct session *s = session_of(b, id);

    return s && s->conn;
}

/* ---- from devices ---- */

static void session_free(struct broker *b, struct session *s)
{
    struct session **at = (struct session **) &b->sessions;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    while (s->items) {
        struct item *next = s->items->next;

        free(s->items);
        s->items = next;
    }
    free(s);
}

static void conn_end(struct conn *c, bool with_will)
{
    struct conn **at = (struct conn **) &c->b->conns;

    if (c->gone)
        return;
    c->gone = true;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    if (c->session) {
        c->session->conn = NULL;
        if (c->session->clean)
            session_free(c->b, c->session);
    }
    if (with_will && c->will) {
        c->b->on_publish(c->b->user, c->will->topic, c->will->payload, c->will->n, c->will->qos, 0, c->will->retain);
        route(c->b, c->will->topic, c->will->payload, c->will->n, c->will->qos, c->will->retain);
    }
    free(c->will);
    act_close(c->s, with_will);
    free(c->in.p);
    free(c);
}

static bool take_str(const uint8_t **p, const uint8_t *end, char *out, size_t room, size_t *n_out)
{
    size_t n;

    if (end - *p < 2)
        return false;
    n = mq_get16(*p);
    if ((size_t) (end - *p) < n + 2 || n + 1 > room)
        return false;
    memcpy(out, *p + 2, n);
    out[n] = '\0';
    *p += n + 2;
    if (n_out)
        *n_out = n;
    return true;
}

static void got_connect(struct conn *c, const struct mq_read *r)
{
    const uint8_t *p = r->body, *end = r->body + r->n;
    struct broker *b = c->b;
    struct mq_bytes out = {0};
    char name[16], id[128], will[1024], login[128] = "", password[128] = "";
    struct broker_login asked = {0, id, login, password};
    const char *wrong;
    struct session *s;
    unsigned flags;
    bool present;
    size_t n;

    if (!take_str(&p, end, name, sizeof name, NULL) || (strcmp(name, "MQTT") != 0 && strcmp(name, "MQIsdp") != 0) ||
        end - p < 4) {
        bad(c, "CONNECT");
        return;
    }
    asked.level = p[0];
    flags = p[1];
    p += 4;
    if (asked.level != (name[2] == 'T' ? 4 : 3)) {
        bad(c, "the protocol's name and level");
        return;
    }
    if (!take_str(&p, end, id, sizeof id, NULL)) {
        bad(c, "client id");
        return;
    }
    b->n_connects++;
    if (flags & 4) {
        c->will = calloc(1, sizeof *c->will + sizeof will);
        if (!take_str(&p, end, c->will->topic, sizeof c->will->topic, NULL) || !take_str(&p, end, will, sizeof will, &n)) {
            bad(c, "will");
            return;
        }
        memcpy(c->will->payload, will, n);
        c->will->n = n;
        c->will->qos = flags >> 3 & 3;
        c->will->retain = flags >> 5 & 1;
    }
    if ((flags & 128 && !take_str(&p, end, login, sizeof login, NULL)) ||
        (flags & 64 && !take_str(&p, end, password, sizeof password, NULL)) || p != end) {
        bad(c, "login");
        return;
    }
    wrong = b->check ? b->check(b->user, &asked) : NULL;
    if (wrong && wrong[0]) {
        bad(c, wrong);
        return;
    }
    if (b->faults.mute)
        return;
    if (b->faults.refuse_login || wrong) {
        mq_small(&out, MQ_CONNACK << 4, wrong ? 5 : (unsigned) b->faults.refuse_login);
        send_bytes(c, &out);
        free(c->will);
        c->will = NULL;
        conn_end(c, false);
        return;
    }
    s = session_of(b, id);
    if (s && s->conn)
        conn_end(s->conn, true);
    s = session_of(b, id);
    if (s && ((flags & 2) || s->clean)) {
        session_free(b, s);
        s = NULL;
    }
    present = s != NULL;
    if (!s) {
        s = calloc(1, sizeof *s);
        snprintf(s->id, sizeof s->id, "%s", id);
        s->next = b->sessions;
        b->sessions = s;
    }
    s->clean = flags & 2;
    s->conn = c;
    c->session = s;
    mq_small(&out, MQ_CONNACK << 4, present ? 0x100 : 0);
    send_bytes(c, &out);
    resend_items(s);
    if (b->faults.close_at_once) {
        conn_end(c, false);
        return;
    }
    send_items(s);
}

static void got_subscribe(struct conn *c, const struct mq_read *r)
{
    const uint8_t *p = r->body + 2, *end = r->body + r->n;
    struct session *s = c->session;
    struct mq_bytes out = {0}, body = {0};
    char filter[128];
    int qos;

    mq_u16(&body, mq_get16(r->body));
    if (!take_str(&p, end, filter, sizeof filter, NULL) || p >= end) {
        bad(c, "SUBSCRIBE");
        return;
    }
    qos = *p;
    if (qos > c->b->faults.refuse_sub_above) {
        mq_u8(&body, 0x80);
    } else {
        unsigned i = 0;

        while (i < s->n_subs && strcmp(s->subs[i].filter, filter) != 0)
            i++;
        if (i == s->n_subs && s->n_subs < SUBS)
            s->n_subs++;
        snprintf(s->subs[i].filter, sizeof s->subs[i].filter, "%s", filter);
        s->subs[i].qos = qos;
        mq_u8(&body, (unsigned) qos);
    }
    mq_packet(&out, MQ_SUBACK << 4, &body);
    free(body.p);
    for (struct kept *k = c->b->retained; k; k = k->next)
        if (k->n > 0 && matches(filter, k->topic))
            mq_publish(&out, 0, 0, 1, k->topic, k->payload, k->n, 0);
    send_bytes(c, &out);
}

static void got_unsubscribe(struct conn *c, const struct mq_read *r)
{
    const uint8_t *p = r->body + 2;
    struct session *s = c->session;
    struct mq_bytes out = {0};
    char filter[128];

    if (take_str(&p, r->body + r->n, filter, sizeof filter, NULL))
        for (unsigned i = 0; i < s->n_subs; i++)
            if (strcmp(s->subs[i].filter, filter) == 0)
                s->subs[i--] = s->subs[--s->n_subs];
    mq_small(&out, MQ_UNSUBACK << 4, mq_get16(r->body));
    send_bytes(c, &out);
}

static void got_publish(struct conn *c, const struct mq_read *r)
{
    struct session *s = c->session;
    struct broker *b = c->b;
    struct mq_bytes out = {0};
    struct mq_msg m;

    if (mq_read_publish(r, &m) < 0) {
        bad(c, "PUBLISH");
        return;
    }
    b->n_publishes++;
    if (m.qos == 2) {
        bool known = false;

        for (unsigned i = 0; i < s->n_held; i++)
            known = known || s->held[i] == m.mid;
        if (!known && s->n_held < 256)
            s->held[s->n_held++] = m.mid;
        if (!b->faults.no_acks)
            mq_small(&out, MQ_PUBREC << 4, m.mid);
        send_bytes(c, &out);
        if (known)
            return;
    } else if (m.qos == 1 && b->faults.late_acks) {
        mq_small(&c->late, MQ_PUBACK << 4, m.mid);
    } else if (m.qos == 1 && !b->faults.no_acks) {
        mq_small(&out, MQ_PUBACK << 4, m.mid);
        send_bytes(c, &out);
    }
    b->on_publish(b->user, m.topic, (const char *) m.payload, m.n, m.qos, m.dup, m.retain);
    route(b, m.topic, m.payload, m.n, m.qos, m.retain);
}

static void item_done(struct session *s, unsigned mid, int qos)
{
    for (struct item **at = &s->items; *at; at = &(*at)->next) {
        struct item *i = *at;

        if (i->mid != mid || i->qos != qos)
            continue;
        *at = i->next;
        free(i);
        send_items(s);
        return;
    }
}

static void got_pubrec(struct conn *c, unsigned mid)
{
    struct broker_faults *f = &c->b->faults;
    bool cut = f->cut_at_rec > 0 && --f->cut_at_rec == 0;
    struct mq_bytes out = {0};

    for (struct item *i = c->session->items; i; i = i->next)
        if (i->mid == mid)
            i->released |= !cut || !f->cut_rec_is_lost;
    if (cut) {
        conn_end(c, true);
        return;
    }
    mq_small(&out, MQ_PUBREL << 4 | 2, mid);
    send_bytes(c, &out);
}

static void got_pubrel(struct conn *c, unsigned mid)
{
    struct session *s = c->session;
    struct mq_bytes out = {0};

    for (unsigned i = 0; i < s->n_held; i++)
        if (s->held[i] == mid)
            s->held[i--] = s->held[--s->n_held];
    mq_small(&out, MQ_PUBCOMP << 4, mid);
    send_bytes(c, &out);
}

/* false: the connection is no more. */
static bool handle(struct conn *c, const struct mq_read *r)
{
    struct mq_bytes out = {0};
    unsigned mid = r->n >= 2 ? mq_get16(r->body) : 0;

    if (r->type != MQ_CONNECT && !c->session) {
        if (!c->b->faults.mute)
            bad(c, "something before CONNECT");
        return true;
    }
    switch (r->type) {
    case MQ_CONNECT:
        got_connect(c, r);
        return !W.failed; /* c may be gone: the caller looks at the socket's list */
    case MQ_SUBSCRIBE:
        got_subscribe(c, r);
        break;
    case MQ_UNSUBSCRIBE:
        got_unsubscribe(c, r);
        break;
    case MQ_PUBLISH:
        got_publish(c, r);
        break;
    case MQ_PUBACK:
        item_done(c->session, mid, 1);
        break;
    case MQ_PUBREC:
        got_pubrec(c, mid);
        break;
    case MQ_PUBCOMP:
        item_done(c->session, mid, 2);
        break;
    case MQ_PUBREL:
        got_pubrel(c, mid);
        break;
    case MQ_PINGREQ:
        if (c->b->pings_max && c->n_pings >= c->b->pings_max &&
            W.now_us - c->pings_us[(c->n_pings - c->b->pings_max) % 64] < 180 * SECOND)
            bad(c, "more pings than it allows");
        c->pings_us[c->n_pings++ % 64] = W.now_us;
        mq_put(&out, "\xd0\0", 2);
        send_bytes(c, &out);
        break;
    case MQ_DISCONNECT:
        free(c->will);
        c->will = NULL;
        conn_end(c, false);
        return false;
    default:
        bad(c, "a packet that only brokers send");
    }
    return true;
}

static bool is_open(const struct broker *b, const struct conn *c)
{
    for (const struct conn *i = b->conns; i; i = i->next)
        if (i == c)
            return true;
    return false;
}

static void on_data(void *user, struct vsock *s, const char *p, size_t n)
{
    struct conn *c = user;
    struct broker *b = c->b;
    struct mq_read r;
    size_t len;

    (void) s;
    mq_put(&c->in, p, n);
    while (is_open(b, c) && (len = mq_next(c->in.p, c->in.n, &r)) > 0) {
        b->heard_us = W.now_us;
        if (!handle(c, &r) || !is_open(b, c))
            return;
        mq_cut(&c->in, len);
    }
}

static void on_closed(void *user, struct vsock *s)
{
    (void) s;
    conn_end(user, true);
}

static const struct act_events EVENTS = {on_data, on_closed};

static void on_accept(void *user, struct vsock *s)
{
    struct broker *b = user;
    struct conn *c = calloc(1, sizeof *c);

    c->b = b;
    c->s = s;
    c->next = b->conns;
    b->conns = c;
    act_take(s, &EVENTS, c);
}

void broker_open(struct broker *b, uint32_t ip, uint16_t port, struct link *link)
{
    b->link = link;
    b->faults.refuse_sub_above = 3;
    act_listen(ip, port, on_accept, b);
}

void broker_acks(struct broker *b)
{
    b->faults.late_acks = false;
    for (struct conn *c = b->conns; c; c = c->next) {
        send_bytes(c, &c->late);
        c->late = (struct mq_bytes){0};
    }
}

void broker_restart(struct broker *b, bool forget)
{
    while (b->conns)
        conn_end(b->conns, true);
    while (forget && b->sessions)
        session_free(b, b->sessions);
}
