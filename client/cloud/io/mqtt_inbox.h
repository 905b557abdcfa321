/* SPDX-License-Identifier: MIT */
/*
 * What an MQTT thread hands to the loop: events in the order in which they happened, bounded in bytes. The thread
 * waits when the box is full; the loop never waits. The thread calls mqtt_inbox_put*() and mqtt_inbox_wake() only, the loop
 * all the rest. The events of the session's own life (up, lent, down, ended) need no memory and always fit.
 *
 * Handing over is done in batches: the loop is woken once for all that one round of the thread put in, and takes everything under
 * one lock.
 */
#ifndef CLIENT_MQTT_INBOX_H
#define CLIENT_MQTT_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "libagent/core/list.h"
#include "libagent/core/reuse.h"

enum mqtt_inbox_type {
    MQTT_INBOX_UP,
    MQTT_INBOX_LENT,    /* the loop may drive the session itself; nothing comes through the box until it is given back */
    MQTT_INBOX_DOWN,    /* a: enum mqtt_link_loss, b: code, data: why */
    MQTT_INBOX_MESSAGE, /* a: flags as in the fixed header; data: topic, NUL, payload */
    MQTT_INBOX_DONE,    /* a: packet id, b: result */
    MQTT_INBOX_ENDED    /* the thread is leaving; always the last one */
};

struct mqtt_inbox_event {
    struct ag_list link;
    enum mqtt_inbox_type type;
    bool fixed; /* a member of the box, not on the heap */
    int a, b;
    size_t topic_len, len; /* len: of data, its last NUL not counted */
    char *data;            /* NUL-terminated; NULL in up, lent, ended and done */
};

struct mqtt_inbox {
    pthread_mutex_t lock;
    pthread_cond_t room;
    struct ag_list events;
    size_t bytes, max_bytes; /* of events, and of what the loop has taken until it comes again */
    bool shut;               /* the loop takes no more messages */
    struct ag_spares spares; /* for acknowledgements */
    uv_async_t *wake;
    bool owes_wake; /* the thread's own */

    struct ag_list taken; /* from here the loop's own, without the lock */
    struct ag_spares used;
    size_t used_bytes;

    struct mqtt_inbox_event up, lent, down, ended;
    char why[160]; /* data of down */
};

int mqtt_inbox_init(struct mqtt_inbox *b, size_t max_bytes, uv_async_t *wake);
void mqtt_inbox_deinit(struct mqtt_inbox *b);

/*
 * Thread: each of them waits for room, or for memory when that is short, and drops the event when the box is shut. The loop hears
 * of messages and acknowledgements by mqtt_inbox_wake(), of the rest at once.
 */
void mqtt_inbox_put_up(struct mqtt_inbox *b);
void mqtt_inbox_put_lent(struct mqtt_inbox *b);
void mqtt_inbox_put_down(struct mqtt_inbox *b, int loss, int code, const char *why);
void mqtt_inbox_put_ended(struct mqtt_inbox *b);
void mqtt_inbox_put_message(struct mqtt_inbox *b, int flags, const char *topic, const void *payload, size_t len);
void mqtt_inbox_put_done(struct mqtt_inbox *b, int mid, int result);
/* A message that is not put in yet, outside the bytes of the box; NULL: the box is shut. Ends in one of the next two. */
struct mqtt_inbox_event *mqtt_inbox_hold_message(struct mqtt_inbox *b, int flags, const char *topic, const void *payload,
                                                 size_t len);
void mqtt_inbox_put_held(struct mqtt_inbox *b, struct mqtt_inbox_event *e);
void mqtt_inbox_drop_held(struct mqtt_inbox_event *e);
/* A round is over: the loop is woken if anything was put in. */
void mqtt_inbox_wake(struct mqtt_inbox *b);

/* Loop: the oldest event, to be given back by mqtt_inbox_release(); NULL when there is none. */
struct mqtt_inbox_event *mqtt_inbox_take(struct mqtt_inbox *b);
void mqtt_inbox_release(struct mqtt_inbox *b, struct mqtt_inbox_event *e);
/* Loop: messages and acknowledgements are dropped from now on; a waiting thread goes on. */
void mqtt_inbox_shut(struct mqtt_inbox *b);

#endif
