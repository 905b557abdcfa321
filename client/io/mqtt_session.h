/*
 * The thread side of an MQTT link: one libmosquitto handle, driven by one thread, one try after another as ordered.
 * Only mqtt_link.c includes this. The config is written by the loop while the thread rests between tries (idle), and
 * read by the thread during a try; the orders are under the inbox's lock.
 */
#ifndef CLIENT_MQTT_SESSION_H
#define CLIENT_MQTT_SESSION_H

#include <mosquitto.h>
#include "client/core/heartbeat.h"
#include "client/io/mqtt_inbox.h"
#include "client/io/mqtt_link.h"

struct mqtt_session {
    struct mosquitto *mosq;
    struct mqtt_inbox *inbox;
    struct mqtt_link_config config; /* strings owned by mqtt_link.c */
    unsigned connect_ms;
    pthread_t thread;
    pthread_cond_t order; /* with inbox->lock */
    bool try_wanted; /* orders; under inbox->lock */
    bool give_up;
    bool end;
    bool up; /* CONNACK came; written by the thread, under the lock */
    int refused; /* the thread's own: CONNACK code, 0 none */
    struct heartbeat beat; /* the thread's own; outlives sessions. interval_ms 0: none */
};

/* The handle and the thread. 0, -ENOMEM or -errno. inbox and config are set before. */
int mqtt_session_init(struct mqtt_session *s);
/* The thread has ended (MQTT_INBOX_ENDED was taken). */
void mqtt_session_deinit(struct mqtt_session *s);

void mqtt_session_try(struct mqtt_session *s);
/* Leaves the try or session under way; for_good: and ends the thread. Harmless when nothing is on. */
void mqtt_session_leave(struct mqtt_session *s, bool for_good);

/* libmosquitto's code as -errno. */
int mqtt_session_errno(int rc);

#endif
