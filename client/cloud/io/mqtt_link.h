/* SPDX-License-Identifier: MIT */
/*
 * One MQTT connection, made with libmosquitto in a thread of its own, so that neither DNS nor connect nor TLS ever
 * blocks the loop. All calls here are made on the loop's thread and never block; all events come there, through
 * uv_async and a bounded queue: when the loop falls behind, the thread stops reading and TCP holds the broker back.
 * Nothing that the broker sent is dropped.
 *
 * The link makes one try at a time. When and how often to try again is the caller's decision (libagent/core/backoff.h):
 *
 *     open -> (configure) -> connect -> connected ... lost -> connect -> lost -> connect -> connected ... close -> closed
 *
 * Publishes of QoS 1 and 2 that are not acknowledged when the connection goes stay in the link and are sent again,
 * with the same packet id and DUP, after the next connect; their done() comes then. The window bounds them. Messages of QoS 2 are
 * delivered once, wherever a connection was cut; for that, when the broker has not kept the session, connected() comes after a
 * second login.
 *
 * Owner: whoever called mqtt_link_open(); ended by mqtt_link_close(), which is complete at events.closed.
 */
#ifndef CLIENT_MQTT_LINK_H
#define CLIENT_MQTT_LINK_H

#include <stdbool.h>
#include <uv.h>
#include "libagent/core/util.h"

struct mqtt_link;

enum mqtt_link_level {
    MQTT_LINK_V311, /* name MQTT, level 4 */
    MQTT_LINK_V31   /* name MQIsdp, level 3 */
};

/* Why there is no session (any more). */
enum mqtt_link_loss {
    MQTT_LINK_UNREACHABLE, /* DNS, TCP or TLS failed; code: -errno or 0 */
    MQTT_LINK_REFUSED,     /* CONNACK with a return code; code: 1..5 */
    MQTT_LINK_NO_CONNACK,  /* closed or silent before CONNACK: the broker did not like the form of CONNECT */
    MQTT_LINK_CUT,         /* closed, silent beyond keep-alive, or malformed bytes; code: -errno or 0 */
    MQTT_LINK_ASKED        /* mqtt_link_disconnect(); or the link needs a new session at once, for messages of QoS 2 */
};

struct mqtt_link_msg {
    const char *topic;      /* NUL-terminated, UTF-8 */
    struct ag_span payload; /* any bytes */
    uint8_t qos;            /* 0..2 */
    bool retain;
    bool urgent; /* publish only: goes although reports fill the window, see mqtt_link_limits */
};

/* Strings are copied; NULL and zero mean "not wanted", or the default given beside the member. */
struct mqtt_link_config {
    const char *host;      /* name or address; needed */
    uint16_t port;         /* 1883, with TLS 8883 */
    uint16_t keepalive_s;  /* 60 */
    uint32_t heartbeat_ms; /* 0: PINGREQ as libmosquitto does it. Else by the rules of client/cloud/core/heartbeat.h: at
                              this interval, two without an answer are a loss. Not with TLS; at most half of keepalive_s */
    enum mqtt_link_level level;
    const char *client_id; /* needed unless clean_session */
    const char *user;
    const char *password; /* a secret: never logged, wiped at the end */
    bool clean_session;
    const struct mqtt_link_msg *will;
    bool tls; /* with the system's CAs unless ca_file or ca_dir is given */
    const char *ca_file;
    const char *ca_dir;
    const char *cert_file; /* client certificate, PEM; needs key_file */
    const char *key_file;
    bool tls_any_name; /* do not check the broker's name against its certificate */
};

/* Urgent messages, such as answers, have MQTT_LINK_RESERVE places and as many bytes again beyond the window. */
enum { MQTT_LINK_RESERVE = 1024 };

struct mqtt_link_limits {
    unsigned window;     /* publishes not yet done(); 64 */
    size_t window_bytes; /* their payloads together; 2 MiB. One message may always be on its way */
    size_t inbox_bytes;  /* received and not yet handed to the loop; 2 MiB. One message always fits */
    unsigned connect_ms; /* from connect to CONNACK; 20000 */
    unsigned ack_ms;     /* without an acknowledgement of the oldest publish: the server has lost it; 120000 */
};

/* done(): how a publish, subscribe or unsubscribe ended. 0..2 for a subscribe: granted QoS; 0 for the others. */
enum {
    MQTT_LINK_DONE_REFUSED = 0x80, /* SUBACK 0x80 */
    MQTT_LINK_DONE_LOST = -1       /* the connection went first; QoS 0, subscribe and unsubscribe only */
};

/* Called on the loop's thread; every member but room is needed. Spans and strings are borrowed for the time of the call. */
struct mqtt_link_events {
    void (*connected)(void *user);
    /* Once for each mqtt_link_connect(), whether or not connected() came before. why is for the log. */
    void (*lost)(void *user, enum mqtt_link_loss loss, int code, const char *why);
    void (*message)(void *user, const struct mqtt_link_msg *m);
    /* Once for each cookie, unless the link is closed first: PUBACK / PUBCOMP (QoS 0: written), SUBACK, UNSUBACK. */
    void (*done)(void *user, uint64_t cookie, int result);
    /* The link is gone; the last event. */
    void (*closed)(void *user);
    /* There is room again after a publish that met -ENOBUFS. NULL: not wanted. */
    void (*room)(void *user);
};

struct mqtt_link_stats {
    uint64_t sent, acked, received, connects, losses;
    unsigned in_window; /* publishes not yet done() */
};

/* limits may be NULL. 0, -ENOMEM, -EINVAL (config) or -errno. Starts the thread, connects nothing. */
int mqtt_link_open(struct mqtt_link **out, uv_loop_t *loop, const struct mqtt_link_config *config,
                   const struct mqtt_link_limits *limits, const struct mqtt_link_events *events, void *user);

/* Ends everything: DISCONNECT when there is a session, then the thread. From here on only closed() is called, later.
   Idempotent, NULL allowed, safe inside every event. */
void mqtt_link_close(struct mqtt_link *l);

/* New login, will, TLS files, host; used from the next connect on. client_id and clean_session stay as they are.
   0, -ENOMEM, -EINVAL, or -EBUSY while a try or session is on (disconnect first). */
int mqtt_link_configure(struct mqtt_link *l, const struct mqtt_link_config *config);

/* One try. 0, or -EBUSY while another try or a session is on. */
int mqtt_link_connect(struct mqtt_link *l);

/* Sends DISCONNECT behind what is queued, or gives the try up; lost(MQTT_LINK_ASKED) follows. -ENOTCONN: neither is on. */
int mqtt_link_disconnect(struct mqtt_link *l);

bool mqtt_link_is_connected(const struct mqtt_link *l);
/* For one more small message. false: done() or room() follows. */
bool mqtt_link_has_room(struct mqtt_link *l);

/*
 * cookie 0: do not tell me. 0; -ENOTCONN; -ENOBUFS (window full, offer it again after room()); -EINVAL (topic with
 * wildcards or no UTF-8, qos); -EMSGSIZE; -ENOMEM.
 */
int mqtt_link_publish(struct mqtt_link *l, const struct mqtt_link_msg *m, uint64_t cookie);
int mqtt_link_subscribe(struct mqtt_link *l, const char *filter, int qos, uint64_t cookie);
int mqtt_link_unsubscribe(struct mqtt_link *l, const char *filter, uint64_t cookie);

void mqtt_link_get_stats(const struct mqtt_link *l, struct mqtt_link_stats *out);

#endif
