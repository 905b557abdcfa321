/* SPDX-License-Identifier: MIT */
/*
 * libmosquitto as the client uses it, over the simulated machine: real packets on a simulated socket, and
 * mosquitto_loop(), in which a thread sleeps until CONNACK and the client's loop never does. What it keeps over a loss
 * (publishes above QoS 0, what was received at QoS 2) is as in the real one, threaded.
 */
#include <errno.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include "tests/world/kernel/calls.h"
#include "tests/world/kernel/kernel.h"
#include "tests/world/kernel/net.h"
#include "tests/world/mqtt/bytes.h"

enum msg_state { M_QUEUED, M_SENT, M_RECEIVED /* PUBREC came */ };

struct msg {
    struct msg *next;
    enum msg_state state;
    char *topic;
    void *payload;
    int n, qos, retain, mid;
};

struct got {          /* QoS 2, between PUBLISH and PUBREL; a repeat is one more, and PUBREL is for the oldest of its id */
    struct got *next; /* newer */
    unsigned mid;
    struct mq_msg m;
    uint8_t payload[];
};

enum { QOS0_MAX = 4096 };

struct mosquitto {
    struct proc *proc;
    void *user;
    char *id, *login, *password;
    bool clean;
    char *will_topic;
    void *will;
    int will_n, will_qos, will_retain;
    int fd, keepalive_s, inflight_max, level;
    bool tcp_up, up, leaving, left, woken;
    uint64_t last_in_us, last_out_us, ping_us;
    struct mq_bytes in, out;
    struct msg *msgs; /* in order */
    struct got *got;
    int qos0[QOS0_MAX]; /* written, to be told */
    unsigned n_qos0;
    uint16_t last_mid;
    void (*on_connect)(struct mosquitto *, void *, int, int);
    void (*on_message)(struct mosquitto *, void *, const struct mosquitto_message *);
    void (*on_publish)(struct mosquitto *, void *, int);
    void (*on_subscribe)(struct mosquitto *, void *, int, int, const int *);
    void (*on_unsubscribe)(struct mosquitto *, void *, int);
    void (*on_log)(struct mosquitto *, void *, int, const char *);
};

/* ---- life ---- */

static void msg_free(struct msg *m)
{
    free(m->topic);
    free(m->payload);
    free(m);
}

static void mosq_end(void *object)
{
    struct mosquitto *m = object;

    while (m->msgs) {
        struct msg *next = m->msgs->next;

        msg_free(m->msgs);
        m->msgs = next;
    }
    while (m->got) {
        struct got *next = m->got->next;

        free(m->got);
        m->got = next;
    }
    free(m->id);
    free(m->login);
    free(m->password);
    free(m->will_topic);
    free(m->will);
    free(m->in.p);
    free(m->out.p);
    free(m);
}

struct mosquitto *mosquitto_new(const char *id, bool clean, void *user)
{
    struct mosquitto *m = calloc(1, sizeof *m);

    m->proc = proc_now();
    m->user = user;
    m->id = strdup(id ? id : "");
    m->clean = clean;
    m->fd = -1;
    m->inflight_max = 20;
    proc_object(m->proc, m, mosq_end);
    return m;
}

static void drop(struct mosquitto *m)
{
    if (m->fd >= 0)
        fd_close(m->proc, m->fd);
    m->fd = -1;
    m->tcp_up = m->up = m->leaving = m->left = false;
    m->in.n = m->out.n = 0;
    m->n_qos0 = 0;
    m->ping_us = 0;
}

void mosquitto_destroy(struct mosquitto *m)
{
    drop(m);
    proc_object_ended(m->proc, m);
    mosq_end(m);
}

#define SETTER(name, field, type)                                                                                                \
    void mosquitto_##name(struct mosquitto *m, type)                                                                             \
    {                                                                                                                            \
        m->field = fn;                                                                                                           \
    }
SETTER(connect_with_flags_callback_set, on_connect, void (*fn)(struct mosquitto *, void *, int, int))
SETTER(message_callback_set, on_message, void (*fn)(struct mosquitto *, void *, const struct mosquitto_message *))
SETTER(publish_callback_set, on_publish, void (*fn)(struct mosquitto *, void *, int))
SETTER(subscribe_callback_set, on_subscribe, void (*fn)(struct mosquitto *, void *, int, int, const int *))
SETTER(unsubscribe_callback_set, on_unsubscribe, void (*fn)(struct mosquitto *, void *, int))
SETTER(log_callback_set, on_log, void (*fn)(struct mosquitto *, void *, int, const char *))

int mosquitto_lib_init(void)
{
    return 0;
}

int mosquitto_lib_version(int *major, int *minor, int *revision)
{
    *major = 2;
    *minor = 0;
    *revision = 11;
    return 2000011;
}

int mosquitto_lib_cleanup(void)
{
    return 0;
}

int mosquitto_threaded_set(struct mosquitto *m, bool on)
{
    (void) m;
    (void) on;
    return 0;
}

int mosquitto_int_option(struct mosquitto *m, enum mosq_opt_t o, int v)
{
    if (o == MOSQ_OPT_PROTOCOL_VERSION)
        m->level = v;
    return 0;
}

int mosquitto_max_inflight_messages_set(struct mosquitto *m, unsigned n)
{
    m->inflight_max = (int) n;
    return 0;
}

void *mosquitto_userdata(struct mosquitto *m)
{
    return m->user;
}

int mosquitto_tls_set(struct mosquitto *m, const char *a, const char *b, const char *c, const char *d,
                      int (*fn)(char *, int, int, void *))
{
    (void) m, (void) a, (void) b, (void) c, (void) d, (void) fn;
    return MOSQ_ERR_NOT_SUPPORTED;
}

int mosquitto_tls_insecure_set(struct mosquitto *m, bool on)
{
    (void) m, (void) on;
    return MOSQ_ERR_NOT_SUPPORTED;
}

static void replace(char **at, const char *text)
{
    free(*at);
    *at = text ? strdup(text) : NULL;
}

int mosquitto_username_pw_set(struct mosquitto *m, const char *user, const char *password)
{
    replace(&m->login, user);
    replace(&m->password, password);
    return 0;
}

int mosquitto_will_clear(struct mosquitto *m)
{
    replace(&m->will_topic, NULL);
    return 0;
}

int mosquitto_will_set(struct mosquitto *m, const char *topic, int n, const void *payload, int qos, bool retain)
{
    replace(&m->will_topic, topic);
    free(m->will);
    m->will = malloc((size_t) n + 1);
    memcpy(m->will, payload, (size_t) n);
    m->will_n = n;
    m->will_qos = qos;
    m->will_retain = retain;
    return 0;
}

int mosquitto_socket(struct mosquitto *m)
{
    return m->fd;
}

bool mosquitto_want_write(struct mosquitto *m)
{
    return m->out.n > 0;
}

int mosquitto_pub_topic_check(const char *topic)
{
    return topic[0] && !strpbrk(topic, "+#") && strlen(topic) < 65536 ? MOSQ_ERR_SUCCESS : MOSQ_ERR_INVAL;
}

const char *mosquitto_strerror(int e)
{
    return e == MOSQ_ERR_EAI            ? "Lookup error."
           : e == MOSQ_ERR_CONN_LOST    ? "The connection was lost."
           : e == MOSQ_ERR_KEEPALIVE    ? "Keepalive exceeded"
           : e == MOSQ_ERR_NO_CONN      ? "The client is not currently connected."
           : e == MOSQ_ERR_CONN_REFUSED ? "The connection was refused."
                                        : "Unknown error.";
}

const char *mosquitto_connack_string(int code)
{
    static const char *const texts[] = {"Connection Accepted.",
                                        "Connection Refused: unacceptable protocol version.",
                                        "Connection Refused: identifier rejected.",
                                        "Connection Refused: broker unavailable.",
                                        "Connection Refused: bad user name or password.",
                                        "Connection Refused: not authorised."};

    return code >= 0 && code < 6 ? texts[code] : "Connection Refused: unknown reason.";
}

/* ---- sending ---- */

static void wake(struct mosquitto *m)
{
    m->woken = true;
    proc_wake(m->proc);
}

static void put_msg(struct mosquitto *m, struct msg *x, bool dup)
{
    mq_publish(&m->out, dup, x->qos, x->retain, x->topic, x->payload, (size_t) x->n, (unsigned) x->mid);
    x->state = M_SENT;
}

/* As many as the window takes, in order. */
static void send_queued(struct mosquitto *m)
{
    int open = 0;

    for (struct msg *x = m->msgs; x; x = x->next)
        open += x->state != M_QUEUED;
    for (struct msg *x = m->msgs; x && open < m->inflight_max; x = x->next)
        if (x->state == M_QUEUED) {
            put_msg(m, x, false);
            open++;
        }
}

static int next_mid(struct mosquitto *m)
{
    if (++m->last_mid == 0)
        m->last_mid = 1;
    return m->last_mid;
}

int mosquitto_publish(struct mosquitto *m, int *mid, const char *topic, int n, const void *payload, int qos, bool retain)
{
    struct msg *x, **at = &m->msgs;

    *mid = next_mid(m);
    if (qos == 0) {
        if (!m->up)
            return MOSQ_ERR_NO_CONN;
        mq_publish(&m->out, 0, 0, retain, topic, payload, (size_t) n, 0);
        if (m->n_qos0 < QOS0_MAX)
            m->qos0[m->n_qos0++] = *mid;
        wake(m);
        return 0;
    }
    x = calloc(1, sizeof *x);
    x->topic = strdup(topic);
    x->payload = malloc((size_t) n + 1);
    memcpy(x->payload, payload, (size_t) n);
    x->n = n;
    x->qos = qos;
    x->retain = retain;
    x->mid = *mid;
    while (*at)
        at = &(*at)->next;
    *at = x;
    if (!m->up)
        return MOSQ_ERR_NO_CONN;
    send_queued(m);
    wake(m);
    return 0;
}

int mosquitto_subscribe(struct mosquitto *m, int *mid, const char *filter, int qos)
{
    struct mq_bytes body = {0};

    if (!m->up)
        return MOSQ_ERR_NO_CONN;
    *mid = next_mid(m);
    mq_u16(&body, (unsigned) *mid);
    mq_str(&body, filter, strlen(filter));
    mq_u8(&body, (unsigned) qos);
    mq_packet(&m->out, MQ_SUBSCRIBE << 4 | 2, &body);
    free(body.p);
    wake(m);
    return 0;
}

int mosquitto_unsubscribe(struct mosquitto *m, int *mid, const char *filter)
{
    struct mq_bytes body = {0};

    if (!m->up)
        return MOSQ_ERR_NO_CONN;
    *mid = next_mid(m);
    mq_u16(&body, (unsigned) *mid);
    mq_str(&body, filter, strlen(filter));
    mq_packet(&m->out, MQ_UNSUBSCRIBE << 4 | 2, &body);
    free(body.p);
    wake(m);
    return 0;
}

int mosquitto_disconnect(struct mosquitto *m)
{
    if (m->fd < 0)
        return MOSQ_ERR_NO_CONN;
    if (m->up && !m->leaving)
        mq_put(&m->out, "\xe0\0", 2);
    m->leaving = true;
    wake(m);
    return 0;
}

static void put_connect(struct mosquitto *m)
{
    struct mq_bytes body = {0};
    unsigned flags = (m->clean ? 2u : 0u);

    if (m->will_topic)
        flags |= 4u | (unsigned) m->will_qos << 3 | (m->will_retain ? 32u : 0u);
    if (m->login)
        flags |= 128u | (m->password ? 64u : 0u);
    if (m->level == MQTT_PROTOCOL_V31)
        mq_str(&body, "MQIsdp", 6);
    else
        mq_str(&body, "MQTT", 4);
    mq_u8(&body, m->level == MQTT_PROTOCOL_V31 ? 3 : 4);
    mq_u8(&body, flags);
    mq_u16(&body, (unsigned) m->keepalive_s);
    mq_str(&body, m->id, strlen(m->id));
    if (m->will_topic) {
        mq_str(&body, m->will_topic, strlen(m->will_topic));
        mq_str(&body, m->will, (size_t) m->will_n);
    }
    if (m->login)
        mq_str(&body, m->login, strlen(m->login));
    if (m->login && m->password)
        mq_str(&body, m->password, strlen(m->password));
    mq_packet(&m->out, MQ_CONNECT << 4, &body);
    free(body.p);
}

int mosquitto_connect_async(struct mosquitto *m, const char *host, int port, int keepalive_s)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
    struct proc *p = m->proc;
    uint32_t ip;
    int r;

    drop(m);
    r = resolver_ask(host, &ip);
    if (r != 0)
        return MOSQ_ERR_EAI;
    in.sin_addr.s_addr = htonl(ip);
    m->keepalive_s = keepalive_s;
    m->fd = fd_open(p, &vsock_new(p, AF_INET, SOCK_STREAM)->base);
    if (m->fd < 0) {
        errno = -m->fd;
        m->fd = -1;
        return MOSQ_ERR_ERRNO;
    }
    vsock_connect((struct vsock *) fd_get(p, m->fd), (struct sockaddr *) &in, sizeof in);
    m->last_in_us = m->last_out_us = W.now_us;
    put_connect(m);
    return 0;
}

/* ---- receiving ---- */

static struct msg *msg_find(struct mosquitto *m, unsigned mid)
{
    for (struct msg *x = m->msgs; x; x = x->next)
        if ((unsigned) x->mid == mid)
            return x;
    return NULL;
}

static void msg_done(struct mosquitto *m, struct msg *x)
{
    struct msg **at = &m->msgs;
    int mid = x->mid;

    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    msg_free(x);
    m->on_publish(m, m->user, mid);
    send_queued(m);
}

static void resend(struct mosquitto *m)
{
    for (struct msg *x = m->msgs; x; x = x->next) {
        if (x->state == M_SENT)
            put_msg(m, x, true);
        else if (x->state == M_RECEIVED)
            mq_small(&m->out, MQ_PUBREL << 4 | 2, (unsigned) x->mid);
    }
    send_queued(m);
}

static void tell_message(struct mosquitto *m, const struct mq_msg *x, const uint8_t *payload)
{
    struct mosquitto_message told = {.mid = (int) x->mid,
                                     .topic = (char *) x->topic,
                                     .payload = (void *) payload,
                                     .payloadlen = (int) x->n,
                                     .qos = x->qos,
                                     .retain = x->retain};

    m->on_message(m, m->user, &told);
}

static void tell_log(struct mosquitto *m, const char *fmt, ...)
{
    char line[256];
    va_list ap;
    int n;

    if (!m->on_log)
        return;
    n = snprintf(line, sizeof line, "Client %s ", m->id);
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof line - (size_t) n, fmt, ap);
    va_end(ap);
    m->on_log(m, m->user, MOSQ_LOG_DEBUG, line);
}

static void got_publish(struct mosquitto *m, const struct mq_read *r)
{
    struct got **at = &m->got;
    struct mq_msg x;

    if (mq_read_publish(r, &x) < 0)
        return;
    tell_log(m, "received PUBLISH (d%d, q%d, r%d, m%d, '%s', ... (%ld bytes))", r->flags >> 3 & 1, x.qos, x.retain, x.mid,
             x.topic, (long) x.n);
    if (x.qos < 2) {
        tell_message(m, &x, x.payload);
        if (x.qos == 1)
            mq_small(&m->out, MQ_PUBACK << 4, x.mid);
        return;
    }
    while (*at)
        at = &(*at)->next;
    *at = malloc(sizeof **at + x.n + 1);
    **at = (struct got){NULL, x.mid, x};
    memcpy((*at)->payload, x.payload, x.n);
    mq_small(&m->out, MQ_PUBREC << 4, x.mid);
}

static void got_pubrel(struct mosquitto *m, unsigned mid)
{
    tell_log(m, "received PUBREL (Mid: %d)", mid);
    mq_small(&m->out, MQ_PUBCOMP << 4, mid);
    for (struct got **at = &m->got; *at; at = &(*at)->next) {
        struct got *g = *at;

        if (g->mid != mid)
            continue;
        *at = g->next;
        tell_message(m, &g->m, g->payload);
        free(g);
        break;
    }
}

static int got_connack(struct mosquitto *m, const struct mq_read *r)
{
    int rc = r->n >= 2 ? r->body[1] : 1;

    m->up = rc == 0; /* whatever the broker has kept, what is half received stays */
    m->on_connect(m, m->user, rc, r->body[0] & 1);
    if (rc == 0)
        resend(m);
    return rc == 0 ? MOSQ_ERR_SUCCESS : MOSQ_ERR_CONN_REFUSED;
}

static int handle(struct mosquitto *m, const struct mq_read *r)
{
    unsigned mid = r->n >= 2 ? mq_get16(r->body) : 0;
    struct msg *x = msg_find(m, mid);
    int granted;

    switch (r->type) {
    case MQ_CONNACK:
        return got_connack(m, r);
    case MQ_PUBLISH:
        got_publish(m, r);
        break;
    case MQ_PUBACK:
        if (x && x->qos == 1 && x->state == M_SENT)
            msg_done(m, x);
        break;
    case MQ_PUBREC:
        if (x)
            x->state = M_RECEIVED;
        mq_small(&m->out, MQ_PUBREL << 4 | 2, mid);
        break;
    case MQ_PUBCOMP:
        if (x && x->qos == 2)
            msg_done(m, x);
        break;
    case MQ_PUBREL:
        got_pubrel(m, mid);
        break;
    case MQ_SUBACK:
        granted = r->n >= 3 ? r->body[2] : 0x80;
        m->on_subscribe(m, m->user, (int) mid, 1, &granted);
        break;
    case MQ_UNSUBACK:
        if (m->on_unsubscribe)
            m->on_unsubscribe(m, m->user, (int) mid);
        break;
    case MQ_PINGRESP:
        m->ping_us = 0;
        tell_log(m, "received PINGRESP");
        break;
    default:
        return MOSQ_ERR_PROTOCOL;
    }
    return MOSQ_ERR_SUCCESS;
}

static int read_some(struct mosquitto *m)
{
    struct vsock *s = (struct vsock *) fd_get(m->proc, m->fd);
    uint8_t chunk[4096];
    struct mq_read r;
    size_t len;
    ssize_t n;

    n = vsock_recv(s, chunk, sizeof chunk, 0, NULL, NULL);
    if (n == -EAGAIN)
        return MOSQ_ERR_SUCCESS;
    if (n <= 0) {
        errno = n < 0 ? (int) -n : 0;
        return n < 0 && !m->tcp_up ? MOSQ_ERR_ERRNO : MOSQ_ERR_CONN_LOST;
    }
    m->last_in_us = W.now_us;
    mq_put(&m->in, chunk, (size_t) n);
    while ((len = mq_next(m->in.p, m->in.n, &r)) > 0) {
        int rc = handle(m, &r);

        if (rc != MOSQ_ERR_SUCCESS)
            return rc;
        mq_cut(&m->in, len);
    }
    return MOSQ_ERR_SUCCESS;
}

static int write_some(struct mosquitto *m)
{
    struct vsock *s = (struct vsock *) fd_get(m->proc, m->fd);
    ssize_t n;

    if (s->state == S_CONNECTING)
        return MOSQ_ERR_SUCCESS;
    if (s->state == S_UP)
        m->tcp_up = true;
    while (m->out.n > 0) {
        n = vsock_send(s, m->out.p, m->out.n, NULL, 0);
        if (n == -EAGAIN)
            return MOSQ_ERR_SUCCESS;
        if (n < 0) {
            errno = (int) -n;
            return m->tcp_up ? MOSQ_ERR_CONN_LOST : MOSQ_ERR_ERRNO;
        }
        m->last_out_us = W.now_us;
        mq_cut(&m->out, (size_t) n);
    }
    return MOSQ_ERR_SUCCESS;
}

static void tell_qos0(struct mosquitto *m)
{
    int mids[QOS0_MAX];
    unsigned n = m->n_qos0;

    if (m->out.n > 0)
        return;
    memcpy(mids, m->qos0, n * sizeof mids[0]);
    m->n_qos0 = 0;
    for (unsigned i = 0; i < n; i++)
        m->on_publish(m, m->user, mids[i]);
}

/* PINGREQ goes out in the next round. */
static int keep_alive(struct mosquitto *m)
{
    uint64_t patience = (uint64_t) m->keepalive_s * SECOND;

    if (!m->up || patience == 0)
        return MOSQ_ERR_SUCCESS;
    if (m->ping_us && W.now_us - m->ping_us >= patience)
        return MOSQ_ERR_KEEPALIVE;
    if (!m->ping_us && (W.now_us - m->last_out_us >= patience || W.now_us - m->last_in_us >= patience)) {
        mq_put(&m->out, "\xc0\0", 2);
        m->ping_us = W.now_us;
        tell_log(m, "sending PINGREQ");
    }
    return MOSQ_ERR_SUCCESS;
}

static int round_of(struct mosquitto *m)
{
    int rc = read_some(m); /* first, as the real one */

    if (rc == MOSQ_ERR_SUCCESS)
        rc = write_some(m);
    if (rc == MOSQ_ERR_SUCCESS)
        tell_qos0(m);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = keep_alive(m);
    return rc;
}

int mosquitto_loop(struct mosquitto *m, int timeout_ms, int max)
{
    uint64_t until = W.now_us + (uint64_t) timeout_ms * MS;
    struct vsock *s;
    int rc, saved;

    (void) max;
    if (m->fd < 0)
        return MOSQ_ERR_NO_CONN;
    for (;;) {
        s = (struct vsock *) fd_get(m->proc, m->fd);
        if (m->woken || (vsock_ready(s) & (POLLIN | POLLHUP | POLLERR)) || (m->out.n > 0 && (vsock_ready(s) & POLLOUT)) ||
            W.now_us >= until)
            break;
        thr_sleep(until);
    }
    m->woken = false;
    rc = round_of(m);
    saved = errno;
    if (rc == MOSQ_ERR_SUCCESS && m->leaving && m->out.n == 0)
        drop(m); /* DISCONNECT is written: the next call says that there is no connection */
    else if (rc != MOSQ_ERR_SUCCESS)
        drop(m);
    errno = saved;
    return rc;
}
