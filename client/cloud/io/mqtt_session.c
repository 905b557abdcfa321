/* SPDX-License-Identifier: MIT */
#include "client/cloud/io/mqtt_session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "libagent/core/deadline.h"
#ifdef MIIO_TLS
#include <openssl/x509.h>
#endif
#include "client/cloud/io/mqtt_handle.h"

enum {
    POLL_TRY_MS = 100, /* until CONNACK the thread looks for orders this often */
    POLL_UP_MS = 1000, /* while it counts copies */
    POLL_LEAVE_MS = 50,
    LEAVE_MS = 500,           /* to write DISCONNECT */
    LINGER_MS = 200,          /* then, until the broker closes */
    ASKS_MAX = 64,            /* sessions in a row cut for a held copy; then it is a loss like any other, and pauses grow */
    ASKS_FORGOTTEN_MS = 10000 /* a longer session starts the count again */
};

int mqtt_session_errno(int rc)
{
    switch (rc) {
    case MOSQ_ERR_SUCCESS:
        return 0;
    case MOSQ_ERR_NOMEM:
        return -ENOMEM;
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_LOST:
        return -ENOTCONN;
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_OVERSIZE_PACKET:
        return -EMSGSIZE;
    default:
        return -EINVAL;
    }
}

/* ---- one try ---- */

/* Nobody sits at a daemon's terminal: a key with a pass phrase is an error, never a question. */
static int on_pass_phrase(char *buf, int size, int rwflag, void *userdata)
{
    struct mqtt_session *s = mosquitto_userdata(userdata);

    (void) buf;
    (void) size;
    (void) rwflag;
    s->key_is_encrypted = true;
    return 0;
}

static int set_tls(struct mosquitto *m, const struct mqtt_link_config *c)
{
    const char *dir = c->ca_dir;
    int rc;

    if (!c->tls)
        return MOSQ_ERR_SUCCESS;
#ifdef MIIO_TLS
    if (!c->ca_file && !dir)
        dir = X509_get_default_cert_dir();
#endif
    rc = mosquitto_tls_set(m, c->ca_file, dir, c->cert_file, c->key_file, on_pass_phrase);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_tls_insecure_set(m, c->tls_any_name);
    return rc;
}

static int apply_config(struct mosquitto *m, const struct mqtt_link_config *c, const char **where)
{
    int rc;

    *where = "login";
    rc = mosquitto_username_pw_set(m, c->user, c->password);
    if (rc != MOSQ_ERR_SUCCESS)
        return rc;
    *where = "will";
    rc = c->will ? mosquitto_will_set(m, c->will->topic, (int) c->will->payload.len, c->will->payload.p, c->will->qos,
                                      c->will->retain)
                 : mosquitto_will_clear(m);
    if (rc != MOSQ_ERR_SUCCESS)
        return rc;
    *where = "TLS files";
    rc = set_tls(m, c);
    if (rc != MOSQ_ERR_SUCCESS)
        return rc;
    *where = "protocol level";
    return mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, c->level == MQTT_LINK_V31 ? MQTT_PROTOCOL_V31 : MQTT_PROTOCOL_V311);
}

/* An order to leave this try. */
static bool must_leave(struct mqtt_session *s)
{
    bool leave;

    pthread_mutex_lock(&s->inbox->lock);
    leave = s->give_up || s->end;
    pthread_mutex_unlock(&s->inbox->lock);
    return leave;
}

/* When the server has acknowledged nothing for too long; AG_NEVER: nothing waits. */
static uint64_t forgotten_at_ms(struct mqtt_session *s)
{
    uint64_t since;

    pthread_mutex_lock(&s->inbox->lock);
    since = s->unacked_since_ms;
    pthread_mutex_unlock(&s->inbox->lock);
    return since > 0 ? since + s->ack_ms : AG_NEVER;
}

uint64_t mqtt_session_wait_ms(struct mqtt_session *s)
{
    uint64_t now = mqtt_handle_now_ms();
    uint64_t beat = s->beat.interval_ms > 0 ? heartbeat_wait_ms(&s->beat, now) : AG_NEVER;
    uint64_t wait = ag_earlier(beat, ag_ms_until(forgotten_at_ms(s), now));

    return wait == 0 ? POLL_TRY_MS : wait;
}

static int poll_ms(struct mqtt_session *s, bool leaving)
{
    uint64_t wait = mqtt_session_wait_ms(s);

    if (leaving)
        return POLL_LEAVE_MS;
    if (!s->up)
        return POLL_TRY_MS;
    return wait < POLL_UP_MS ? (int) wait : POLL_UP_MS;
}

/* Between two rounds nothing is half written if libmosquitto has nothing to write. */
static bool send_ping(struct mqtt_session *s)
{
    static const uint8_t pingreq[2] = {0xc0, 0};

    return send(mosquitto_socket(s->mosq), pingreq, sizeof pingreq, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof pingreq;
}

/* false: the link is dead by the heartbeat rule. */
static bool beat(struct mqtt_session *s)
{
    if (s->beat.interval_ms == 0 || !s->up || mosquitto_want_write(s->mosq))
        return true;
    switch (heartbeat_step(&s->beat, mqtt_handle_now_ms())) {
    case HEARTBEAT_PING:
        return send_ping(s);
    case HEARTBEAT_DEAD:
        return false;
    default:
        return true;
    }
}

static bool peer_known(struct mqtt_session *s)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    int fd = mosquitto_socket(s->mosq);

    return fd >= 0 && getpeername(fd, (struct sockaddr *) &peer, &len) == 0;
}

static bool is_settled(struct mqtt_session *s)
{
    bool waits;

    pthread_mutex_lock(&s->inbox->lock);
    waits = s->unacked_since_ms > 0;
    pthread_mutex_unlock(&s->inbox->lock);
    return !waits;
}

/* It answers pings and might never do anything else: only another login sends what waits once more. */
static bool is_forgotten(struct mqtt_session *s)
{
    return mqtt_handle_is_on(s) && mqtt_handle_now_ms() >= forgotten_at_ms(s);
}

void mqtt_session_waits(struct mqtt_session *s, bool waits)
{
    uint64_t now = waits ? mqtt_handle_now_ms() : 0;

    pthread_mutex_lock(&s->inbox->lock);
    s->unacked_since_ms = now;
    pthread_mutex_unlock(&s->inbox->lock);
}

static void linger(int fd)
{
    uint64_t deadline = mqtt_handle_now_ms() + LINGER_MS;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char unread[512];

    if (fd < 0)
        return;
    shutdown(fd, SHUT_WR);
    for (uint64_t now = mqtt_handle_now_ms(); now < deadline; now = mqtt_handle_now_ms()) {
        ssize_t n = poll(&p, 1, (int) (deadline - now)) > 0 ? recv(fd, unread, sizeof unread, MSG_DONTWAIT) : -1;

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            break;
    }
    close(fd);
}

/* A server that no longer answers is not waited for. */
static void look_for_signs(struct mqtt_session *s, struct mqtt_session_end *end)
{
    if (!end->unacked && is_forgotten(s)) {
        end->unacked = true;
        mqtt_handle_cut(s);
    }
    if (!end->unanswered && !beat(s)) {
        end->unanswered = true;
        mqtt_handle_cut(s);
    }
}

/* Until the loop gives the session back. Copies are counted here: they are held in the inbox's form. */
static void lend(struct mqtt_session *s, struct mqtt_session_end *end)
{
    bool lent;

    if (!s->up || s->counting)
        return;
    pthread_mutex_lock(&s->inbox->lock);
    lent = s->lent = !s->give_up && !s->end;
    s->lent_end = *end;
    pthread_mutex_unlock(&s->inbox->lock);
    if (!lent)
        return;
    mqtt_inbox_put_lent(s->inbox);
    pthread_mutex_lock(&s->inbox->lock);
    while (s->lent)
        pthread_cond_wait(&s->order, &s->inbox->lock);
    *end = s->lent_end;
    pthread_mutex_unlock(&s->inbox->lock);
}

/* DISCONNECT, when there is a session to leave; when the rest has to be over. */
static uint64_t leave(struct mqtt_session *s)
{
    if (!mqtt_handle_is_on(s))
        return mqtt_handle_now_ms();
    mosquitto_disconnect(s->mosq); /* the order may have come just before the session was up */
    return mqtt_handle_now_ms() + LEAVE_MS;
}

static void drive(struct mqtt_session *s, struct mqtt_session_end *end)
{
    uint64_t deadline = mqtt_handle_now_ms() + s->connect_ms;
    bool leaving = false;

    while (end->rc == MOSQ_ERR_SUCCESS) {
        if (!leaving)
            lend(s, end);
        if (end->rc != MOSQ_ERR_SUCCESS)
            break;
        if (!leaving && s->settling)
            s->renewing = is_settled(s);
        if (!leaving && (s->renewing || must_leave(s))) {
            leaving = true;
            deadline = leave(s);
        }
        if ((leaving || !mqtt_handle_is_on(s)) && mqtt_handle_now_ms() >= deadline) {
            end->timed_out = !leaving;
            end->reached = peer_known(s);
            mqtt_handle_cut(s);
            mosquitto_loop(s->mosq, 0, 1);
            return;
        }
        if (!leaving)
            look_for_signs(s, end);
        end->rc = mosquitto_loop(s->mosq, poll_ms(s, leaving), 1);
        end->err = errno;
        mqtt_handle_round_over(s);
    }
    end->reached = end->rc == MOSQ_ERR_CONN_LOST || end->rc == MOSQ_ERR_PROTOCOL || (end->rc == MOSQ_ERR_ERRNO && end->err == 0);
}

static void report_end(struct mqtt_session *s, const struct mqtt_session_end *end, bool was_up, const char *where)
{
    enum mqtt_link_loss loss = MQTT_LINK_UNREACHABLE;
    int err = end->rc == MOSQ_ERR_ERRNO ? end->err : 0;
    const char *what = s->connack_twice  ? "CONNACK came twice"
                       : s->asks_again   ? "cut, so that the server repeats which of two like messages it means"
                       : end->unacked    ? "nothing is acknowledged"
                       : end->unanswered ? "two heartbeats without an answer"
                       : end->timed_out  ? "timeout"
                       : s->tls_error[0] && !s->key_is_encrypted ? s->tls_error
                       : s->key_is_encrypted                     ? "the key file is encrypted; it must be without a pass phrase"
                       : err                                     ? strerror(err)
                       : end->rc == MOSQ_ERR_ERRNO               ? "ended, or what came is not MQTT"
                                                                 : mosquitto_strerror(end->rc);
    bool v6 = strchr(s->config.host, ':');
    char why[512];

    if (!s->asks_again || mqtt_handle_now_ms() - s->on_since_ms >= ASKS_FORGOTTEN_MS)
        s->n_asked = 0;
    s->n_asked += s->asks_again;
    if (must_leave(s) || (s->asks_again && s->n_asked <= ASKS_MAX))
        loss = MQTT_LINK_ASKED;
    else if (was_up)
        loss = MQTT_LINK_CUT;
    else if (s->refused)
        loss = MQTT_LINK_REFUSED;
    else if (end->reached)
        loss = MQTT_LINK_NO_CONNACK;
    if (loss == MQTT_LINK_ASKED && !s->asks_again)
        what = "asked to";
    else if (loss == MQTT_LINK_REFUSED)
        what = mosquitto_connack_string(s->refused);
    else if (loss == MQTT_LINK_NO_CONNACK && !end->timed_out && !s->tls_error[0])
        what = "closed before CONNACK";
    snprintf(why, sizeof why, "%s%s%s (%s%.255s%s:%u)", where ? where : "", where ? ": " : "", what, v6 ? "[" : "",
             s->config.host, v6 ? "]" : "", s->config.port);
    mqtt_inbox_put_down(s->inbox, loss, s->refused ? s->refused : -err, why);
}

/* Host names are looked up and key files read in here. false: the loop has gone away meanwhile. */
static bool connect_now(struct mqtt_session *s, struct mqtt_session_end *end)
{
    const struct mqtt_link_config *c = &s->config;
    bool abandoned;

    pthread_mutex_lock(&s->inbox->lock);
    s->connecting = !s->end;
    pthread_mutex_unlock(&s->inbox->lock);
    if (!s->connecting) {
        end->rc = MOSQ_ERR_NO_CONN;
        return true;
    }
    errno = 0;
    end->rc = mosquitto_connect_async(s->mosq, c->host, c->port, c->keepalive_s);
    end->err = errno;
    pthread_mutex_lock(&s->inbox->lock);
    s->connecting = false;
    abandoned = s->abandoned;
    pthread_mutex_unlock(&s->inbox->lock);
    return !abandoned;
}

/* One connection, from the lookup of the name to its end. false: abandoned. */
static bool run_connection(struct mqtt_session *s, struct mqtt_session_end *end, const char **where)
{
    *end = (struct mqtt_session_end){.rc = s->renewing ? mqtt_handle_renew(s) : MOSQ_ERR_SUCCESS};
    s->renewing = false;
    *where = NULL;
    if (end->rc == MOSQ_ERR_SUCCESS)
        end->rc = apply_config(s->mosq, &s->config, where);
    if (end->rc != MOSQ_ERR_SUCCESS)
        return true;
    *where = NULL;
    if (!connect_now(s, end))
        return false;
    if (end->rc == MOSQ_ERR_SUCCESS)
        drive(s, end);
    return true;
}

/* false: abandoned; nobody is told. */
static bool run_try(struct mqtt_session *s)
{
    const struct mqtt_link_config *c = &s->config;
    struct mqtt_session_end end;
    const char *where;
    bool was_on;
    int left;

    s->refused = 0;
    s->key_is_encrypted = s->connack_twice = s->asks_again = false;
    s->tls_error[0] = '\0';
    if (c->heartbeat_ms > 0 && s->beat.interval_ms == 0)
        heartbeat_init(&s->beat, c->heartbeat_ms);
    s->renewing = (c->clean_session || s->outdated) && mqtt_handle_must_renew(s, false) && is_settled(s);
    do {
        s->settling = false;
        if (!run_connection(s, &end, &where))
            return false;
    } while (s->renewing && !must_leave(s));
    was_on = mqtt_handle_is_on(s);
    s->settling = s->renewing = false;
    pthread_mutex_lock(&s->inbox->lock);
    s->up = false;
    left = s->last_words;
    s->last_words = -1;
    pthread_mutex_unlock(&s->inbox->lock);
    linger(left);
    report_end(s, &end, was_on, where);
    return true;
}

/* What mqtt_session_deinit() does, but for the join. libmosquitto's count of users is the loop's: it stays one too high. */
static void dispose(struct mqtt_session *s)
{
    mqtt_handle_deinit(s);
    pthread_cond_destroy(&s->order);
    s->dispose(s);
}

static void *thread_main(void *arg)
{
    struct mqtt_session *s = arg;

    for (;;) {
        pthread_mutex_lock(&s->inbox->lock);
        while (!s->try_wanted && !s->end)
            pthread_cond_wait(&s->order, &s->inbox->lock);
        if (s->end) {
            pthread_mutex_unlock(&s->inbox->lock);
            break;
        }
        s->try_wanted = false;
        pthread_mutex_unlock(&s->inbox->lock);
        if (!run_try(s)) {
            dispose(s);
            return NULL;
        }
    }
    mqtt_inbox_put_ended(s->inbox);
    return NULL;
}

/* ---- orders, from the loop ---- */

void mqtt_session_try(struct mqtt_session *s)
{
    pthread_mutex_lock(&s->inbox->lock);
    s->try_wanted = true;
    s->give_up = false;
    pthread_cond_signal(&s->order);
    pthread_mutex_unlock(&s->inbox->lock);
}

/* A session that is up waits for the loop, or DISCONNECT wakes it. Before that the thread looks here often. */
void mqtt_session_leave(struct mqtt_session *s, bool for_good)
{
    bool up;

    pthread_mutex_lock(&s->inbox->lock);
    s->give_up = true;
    s->end = s->end || for_good;
    s->taken = s->lent = false;
    up = s->up;
    if (up)
        mqtt_handle_keep_open(s);
    pthread_cond_signal(&s->order);
    pthread_mutex_unlock(&s->inbox->lock);
    if (up)
        mosquitto_disconnect(s->mosq);
}

bool mqtt_session_take(struct mqtt_session *s)
{
    pthread_mutex_lock(&s->inbox->lock);
    s->taken = s->lent;
    pthread_mutex_unlock(&s->inbox->lock);
    return s->taken;
}

bool mqtt_session_round(struct mqtt_session *s)
{
    look_for_signs(s, &s->lent_end);
    s->lent_end.rc = mosquitto_loop(s->mosq, 0, 1);
    s->lent_end.err = errno;
    return s->lent_end.rc == MOSQ_ERR_SUCCESS;
}

void mqtt_session_give_back(struct mqtt_session *s)
{
    pthread_mutex_lock(&s->inbox->lock);
    s->taken = s->lent = false;
    pthread_cond_signal(&s->order);
    pthread_mutex_unlock(&s->inbox->lock);
}

bool mqtt_session_abandon(struct mqtt_session *s)
{
    pthread_t thread = s->thread;
    bool abandoned;

    pthread_mutex_lock(&s->inbox->lock);
    abandoned = s->abandoned = s->connecting;
    pthread_mutex_unlock(&s->inbox->lock);
    if (abandoned)
        pthread_detach(thread); /* it may have ended already */
    return abandoned;
}

/* Signals are the loop's business; a broken pipe is an error code here. */
static int thread_start(struct mqtt_session *s)
{
    sigset_t all, old;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r = pthread_create(&s->thread, NULL, thread_main, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r;
}

int mqtt_session_init(struct mqtt_session *s)
{
    int r;

    if (mosquitto_lib_init() != MOSQ_ERR_SUCCESS)
        return -ENOMEM;
    s->last_words = -1;
    mqtt_handle_init(s);
    s->mosq = mqtt_handle_new(s);
    if (!s->mosq) {
        r = errno == EINVAL ? -EINVAL : -ENOMEM;
        mosquitto_lib_cleanup();
        return r;
    }
    r = pthread_cond_init(&s->order, NULL);
    if (r == 0) {
        r = thread_start(s);
        if (r == 0)
            return 0;
        pthread_cond_destroy(&s->order);
    }
    mosquitto_destroy(s->mosq);
    mosquitto_lib_cleanup();
    return -r;
}

void mqtt_session_deinit(struct mqtt_session *s)
{
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->order);
    mqtt_handle_deinit(s);
    mosquitto_lib_cleanup();
}
