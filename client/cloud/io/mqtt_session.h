/* SPDX-License-Identifier: MIT */
/*
 * One libmosquitto handle and its thread, one try after another as ordered. The thread does what may block: it looks the name up,
 * reads files, connects, and leaves. It lends a session that is up to the loop, which drives libmosquitto between other events
 * (mqtt_turn.c), so that a report does not cross threads. The loop gives it back when it is over or to be left. The config is
 * written by the loop while the thread rests between tries (idle), and read by the thread during a try; the orders are under the
 * inbox's lock.
 */
#ifndef CLIENT_MQTT_SESSION_H
#define CLIENT_MQTT_SESSION_H

#include <mosquitto.h>
#include "client/cloud/core/heartbeat.h"
#include "client/cloud/core/qos2_copies.h"
#include "client/cloud/io/mqtt_inbox.h"
#include "client/cloud/io/mqtt_link.h"

struct mqtt_session;

/* How a try ended. */
struct mqtt_session_end {
    int rc, err;
    bool timed_out, reached; /* reached: there was a TCP connection */
    bool unanswered;         /* heartbeats were not answered */
    bool unacked;            /* publishes were not acknowledged */
};

/* What comes while the loop drives, called within mqtt_session_round(); borrowed. At other times it goes into the inbox. */
struct mqtt_session_events {
    void (*message)(struct mqtt_session *s, const struct mosquitto_message *m);
    void (*done)(struct mqtt_session *s, int mid, int result);
};

enum { MQTT_SESSION_PUBRECS = 64 };

struct mqtt_session {
    struct mosquitto *mosq;
    const struct mqtt_session_events *events;
    struct mqtt_inbox *inbox;
    struct mqtt_link_config config; /* strings owned by mqtt_link.c */
    unsigned connect_ms, ack_ms, window;
    pthread_t thread;
    pthread_cond_t order; /* with inbox->lock */
    bool try_wanted;      /* orders; under inbox->lock */
    bool give_up;
    bool end;
    bool lent;                        /* to the loop, the thread waits until it is given back; under the lock */
    bool taken;                       /* the loop drives; the loop's own, and false whenever the thread drives */
    struct mqtt_session_end lent_end; /* goes along with it */
    bool connecting;                  /* the thread is in libmosquitto's connect, which waits for name servers; under the lock */
    bool abandoned;                   /* by the loop: the thread disposes of everything; under the lock */
    void (*dispose)(struct mqtt_session *s); /* on the thread, when it was abandoned; the session is gone by then */
    bool key_is_encrypted;                   /* of who drives: so OpenSSL found key_file */
    uint64_t unacked_since_ms; /* publishes above QoS 0 wait, and none was acknowledged since; 0: none waits; under the lock */
    int last_words;            /* a second descriptor of the connection that is being left; -1: none; under the lock */
    bool up;                   /* CONNACK came; written by the thread, under the lock */
    char tls_error[128];       /* of who drives: OpenSSL's reason in this try, "" none */
    bool connack_twice;        /* of who drives: in this session */
    int refused;               /* of who drives: CONNACK code, 0 none */
    struct heartbeat beat;     /* of who drives; outlives sessions. interval_ms 0: none */

    /* What a handle remembers of QoS 2; all of who drives. */
    bool used;                              /* it had a session */
    bool qos2;                              /* and messages of QoS 2 can have come in it */
    bool outdated;                          /* a session of it was not kept: to be replaced, whatever the next CONNACK says */
    bool settling;                          /* CONNACK came and said that the session was not kept, see mqtt_handle.h */
    bool renewing;                          /* the handle ends */
    bool asks_again;                        /* the connection is cut for a held copy */
    unsigned n_asked;                       /* sessions in a row that were cut for one */
    bool counting;                          /* copies, from libmosquitto's log */
    uint64_t count_until_ms;                /* ends then if none comes; 0: the server has nothing more to repeat */
    struct qos2_copies copies;              /* of events of the inbox */
    uint16_t pubrecs[MQTT_SESSION_PUBRECS]; /* ids whose PUBREC this round owes, while it counts */
    unsigned n_pubrecs;
    bool all_written;     /* when the round began */
    uint64_t on_since_ms; /* when CONNACK came */
};

/* The handle and the thread. 0, -ENOMEM or -errno. inbox and config are set before. */
int mqtt_session_init(struct mqtt_session *s);
/* The thread has ended (MQTT_INBOX_ENDED was taken). */
void mqtt_session_deinit(struct mqtt_session *s);

void mqtt_session_try(struct mqtt_session *s);
/*
 * Leaves the try or session under way, which the loop no longer drives; for_good: ends the thread, too. Harmless when nothing
 * is on.
 */
void mqtt_session_leave(struct mqtt_session *s, bool for_good);

/* The loop, after MQTT_INBOX_LENT. false: it was asked back meanwhile. */
bool mqtt_session_take(struct mqtt_session *s);
/* One round of libmosquitto that waits for nothing. false: the session is over, to be given back. */
bool mqtt_session_round(struct mqtt_session *s);
/* Until a heartbeat is due or an acknowledgement overdue, ms. */
uint64_t mqtt_session_wait_ms(struct mqtt_session *s);
/* The thread drives again. */
void mqtt_session_give_back(struct mqtt_session *s);

/*
 * For a thread that is to end but is stuck. true: it now owns the session and whatever dispose() frees, and
 * the loop must not touch either again. false: it ends in the usual way. After mqtt_session_leave(for_good).
 */
bool mqtt_session_abandon(struct mqtt_session *s);

/* From the loop: publishes wait for the server, which gave a sign of life just now; false: none waits. */
void mqtt_session_waits(struct mqtt_session *s, bool waits);

/* libmosquitto's code as -errno. */
int mqtt_session_errno(int rc);

#endif
