/* SPDX-License-Identifier: MIT */
#include "client/cloud/io/mqtt_handle.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { COUNT_MS = 30000 /* a server repeats all that it has to within that time, or goes on repeating */ };

uint64_t mqtt_handle_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000;
}

void mqtt_handle_cut(struct mqtt_session *s)
{
    int fd = mosquitto_socket(s->mosq);

    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
}

void mqtt_handle_keep_open(struct mqtt_session *s)
{
    int fd = mosquitto_socket(s->mosq);

    if (fd >= 0 && s->last_words < 0)
        s->last_words = fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* ---- what is cut for a held copy ---- */

/* libmosquitto writes the PUBRECs of a round in the next one. Without them the broker publishes again, and each would be one more
   copy: so they go out before the end. With something half written, or with TLS, that is impossible. */
static void send_pubrecs(struct mqtt_session *s, int fd)
{
    uint8_t packets[4 * MQTT_SESSION_PUBRECS];
    size_t n = 0;

    for (unsigned i = 0; i < s->n_pubrecs; i++) {
        packets[n++] = 0x50;
        packets[n++] = 2;
        packets[n++] = (uint8_t) (s->pubrecs[i] >> 8);
        packets[n++] = (uint8_t) s->pubrecs[i];
    }
    if (n > 0 && s->all_written && !s->config.tls)
        send(fd, packets, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Before PUBCOMP. What has been written must arrive. */
static void cut_unsaid(struct mqtt_session *s)
{
    int fd = mosquitto_socket(s->mosq);

    if (fd < 0)
        return;
    send_pubrecs(s, fd);
    s->n_pubrecs = 0;
    pthread_mutex_lock(&s->inbox->lock);
    mqtt_handle_keep_open(s);
    pthread_mutex_unlock(&s->inbox->lock);
    shutdown(fd, SHUT_RDWR);
}

/* ---- callbacks of libmosquitto ---- */

static void listen_to_log(struct mqtt_session *s);

bool mqtt_handle_is_on(const struct mqtt_session *s)
{
    return s->up || s->settling;
}

bool mqtt_handle_must_renew(const struct mqtt_session *s, bool present)
{
    return s->used && s->qos2 && (!present || s->outdated);
}

/* A session that was kept: what is repeated in it may be here already. */
static void count_copies(struct mqtt_session *s)
{
    s->counting = true;
    s->count_until_ms = mqtt_handle_now_ms() + COUNT_MS;
    qos2_copies_resumed(&s->copies);
    listen_to_log(s);
}

static void begin(struct mqtt_session *s, bool present)
{
    bool settle = mqtt_handle_must_renew(s, present);

    s->settling = s->outdated = settle;
    s->on_since_ms = mqtt_handle_now_ms();
    pthread_mutex_lock(&s->inbox->lock);
    s->up = !settle;
    if (s->unacked_since_ms > 0) /* all of it goes out once more now */
        s->unacked_since_ms = mqtt_handle_now_ms();
    pthread_mutex_unlock(&s->inbox->lock);
    if (settle)
        return;
    if (s->beat.interval_ms > 0)
        heartbeat_start(&s->beat, mqtt_handle_now_ms());
    if (s->used && present)
        count_copies(s);
    s->used = true;
    mqtt_inbox_put_up(s->inbox);
}

/* A second CONNACK begins nothing: the event for the first one may still be on its way, and there is only one. */
static void on_connect(struct mosquitto *m, void *user, int rc, int flags)
{
    struct mqtt_session *s = user;

    (void) m;
    if (mqtt_handle_is_on(s)) {
        s->connack_twice = true;
        mqtt_handle_cut(s);
    } else if (rc != 0) {
        s->refused = rc;
    } else {
        begin(s, flags & 1);
    }
}

/* "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed": the last part is the reason; the first of several
   is the cause. */
static void note_tls_error(struct mqtt_session *s, const char *text)
{
    const char *at = strstr(text, "OpenSSL Error"), *reason = at ? strrchr(at, ':') : NULL;

    if (reason && reason[1] && s->tls_error[0] == '\0')
        snprintf(s->tls_error, sizeof s->tls_error, "TLS: %s", reason + 1);
}

static void settle_copies(struct mqtt_session *s)
{
    struct mqtt_inbox_event *held = qos2_copies_settle(&s->copies);

    if (held)
        mqtt_inbox_put_held(s->inbox, held);
}

static void count_line(struct mqtt_session *s, const char *text)
{
    struct qos2_line line = qos2_line_read(text, s->config.client_id);

    if (line.type == QOS2_LINE_OTHER)
        return;
    settle_copies(s);
    if (line.type == QOS2_LINE_PUBREL) {
        qos2_copies_released(&s->copies, line.mid);
        return;
    }
    s->qos2 = true;
    if (s->n_pubrecs < MQTT_SESSION_PUBRECS)
        s->pubrecs[s->n_pubrecs++] = (uint16_t) line.mid;
    s->count_until_ms = line.dup ? mqtt_handle_now_ms() + COUNT_MS : 0;
    if (qos2_copies_published(&s->copies, line.mid, line.dup) < 0)
        mqtt_handle_cut(s);
}

/* libmosquitto reports PINGREQ, PINGRESP, the halves of QoS 2 and OpenSSL's reasons only in its log. */
static void on_log(struct mosquitto *m, void *user, int level, const char *text)
{
    struct mqtt_session *s = user;

    (void) m;
    if (text && level == MOSQ_LOG_ERR)
        note_tls_error(s, text);
    if (level != MOSQ_LOG_DEBUG || !text)
        return;
    if (s->counting)
        count_line(s, text);
    if (s->beat.interval_ms == 0)
        return;
    if (strstr(text, " received PINGRESP"))
        heartbeat_answered(&s->beat);
    else if (strstr(text, " sending PINGREQ")) /* its own, once per keep-alive without other traffic */
        heartbeat_sent(&s->beat, mqtt_handle_now_ms());
}

/* Set while it is needed: each packet costs a line then. */
static void listen_to_log(struct mqtt_session *s)
{
    bool on = s->counting || s->config.heartbeat_ms > 0 || s->config.tls;

    mosquitto_log_callback_set(s->mosq, on ? on_log : NULL);
}

/* Only messages of QoS 2 can come in the place of another. true: it is not to be delivered now. */
static bool is_copy(struct mqtt_session *s, const struct mosquitto_message *msg, int flags)
{
    size_t len = (size_t) msg->payloadlen;

    s->qos2 = true;
    switch (qos2_copies_message(&s->copies, msg->mid, msg->payload, len)) {
    case QOS2_DROP:
        return true;
    case QOS2_HOLD:
        qos2_copies_hold(&s->copies, msg->mid, mqtt_inbox_hold_message(s->inbox, flags, msg->topic, msg->payload, len));
        s->asks_again = true;
        cut_unsaid(s);
        return true;
    default:
        return false;
    }
}

static void on_message(struct mosquitto *m, void *user, const struct mosquitto_message *msg)
{
    struct mqtt_session *s = user;
    int flags = msg->qos << 1 | (msg->retain ? 1 : 0);

    (void) m;
    if (msg->qos == 2 && is_copy(s, msg, flags))
        return;
    if (s->taken)
        s->events->message(s, msg);
    else
        mqtt_inbox_put_message(s->inbox, flags, msg->topic, msg->payload, (size_t) msg->payloadlen);
}

static void put_done(struct mqtt_session *s, int mid, int result)
{
    if (s->taken)
        s->events->done(s, mid, result);
    else
        mqtt_inbox_put_done(s->inbox, mid, result);
}

static void on_publish(struct mosquitto *m, void *user, int mid)
{
    (void) m;
    put_done(user, mid, 0);
}

static void on_subscribe(struct mosquitto *m, void *user, int mid, int n, const int *granted)
{
    struct mqtt_session *s = user;

    (void) m;
    s->qos2 |= n > 0 && granted[0] == 2;
    put_done(s, mid, n > 0 ? granted[0] : MQTT_LINK_DONE_REFUSED);
}

/* ---- life ---- */

static void stop_counting(struct mqtt_session *s)
{
    if (!s->counting || s->copies.n > 0 || mqtt_handle_now_ms() < s->count_until_ms)
        return;
    s->counting = false;
    listen_to_log(s);
}

struct mosquitto *mqtt_handle_new(struct mqtt_session *s)
{
    struct mosquitto *m = mosquitto_new(s->config.client_id, s->config.clean_session, s);

    if (!m)
        return NULL;
    mosquitto_threaded_set(m, true);
    /* an answer goes out behind the acknowledgement of its command, which would hold it back for the peer's 40 ms */
    mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_max_inflight_messages_set(m, s->window);
    mosquitto_connect_with_flags_callback_set(m, on_connect);
    mosquitto_message_callback_set(m, on_message);
    mosquitto_publish_callback_set(m, on_publish);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    mosquitto_unsubscribe_callback_set(m, on_publish);
    if (s->config.heartbeat_ms > 0 || s->config.tls)
        mosquitto_log_callback_set(m, on_log);
    return m;
}

int mqtt_handle_renew(struct mqtt_session *s)
{
    struct mosquitto *m = mqtt_handle_new(s);

    if (!m)
        return MOSQ_ERR_NOMEM;
    mosquitto_destroy(s->mosq);
    s->mosq = m; /* the loop reads it in sessions only */
    s->used = s->qos2 = s->outdated = s->counting = false;
    qos2_copies_clear(&s->copies);
    return MOSQ_ERR_SUCCESS;
}

static void drop_held(void *user, void *held)
{
    (void) user;
    mqtt_inbox_drop_held(held);
}

void mqtt_handle_round_over(struct mqtt_session *s)
{
    settle_copies(s);
    mqtt_inbox_wake(s->inbox);
    s->n_pubrecs = 0;
    s->all_written = !mosquitto_want_write(s->mosq);
    stop_counting(s);
}

void mqtt_handle_init(struct mqtt_session *s)
{
    qos2_copies_init(&s->copies, drop_held, NULL);
}

void mqtt_handle_deinit(struct mqtt_session *s)
{
    mosquitto_destroy(s->mosq);
    qos2_copies_clear(&s->copies);
}
