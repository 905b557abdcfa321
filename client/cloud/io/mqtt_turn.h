/* SPDX-License-Identifier: MIT */
/*
 * The loop's part of an MQTT session that is up: when libmosquitto has its rounds. One when something came, one at the
 * end of a turn in which something was queued, with all of it in as few segments as it fits in, and one when a PINGREQ or
 * a verdict is due. After a busy time some more drain the wake-up bytes that libmosquitto keeps for each packet.
 */
#ifndef CLIENT_MQTT_TURN_H
#define CLIENT_MQTT_TURN_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>
#include "client/cloud/io/mqtt_session.h"

enum { MQTT_TURN_HANDLES = 2 }; /* that mqtt_turn_close() closes */

struct mqtt_turn {
    struct mqtt_session *session;
    void (*over)(struct mqtt_turn *t); /* after each round */
    uv_poll_t *poll;                   /* one for each session; NULL: the loop drives none */
    uv_idle_t flush;                   /* runs before the loop sleeps; active only while something is queued */
    uv_timer_t timer;
    unsigned n_queued;
    unsigned n_wakes;   /* bytes in libmosquitto's socket pair, at most */
    uint64_t queued_ms; /* when something last was */
    bool in_round;
    bool waits_to_write;       /* the socket takes no more */
    uint64_t came_ms, went_ms; /* when something last did */
};

/* data: becomes that of the handles. */
void mqtt_turn_init(struct mqtt_turn *t, uv_loop_t *loop, struct mqtt_session *session, void (*over)(struct mqtt_turn *t),
                    void *data);
/* cb is called MQTT_TURN_HANDLES times. */
void mqtt_turn_close(struct mqtt_turn *t, uv_close_cb cb);

/* The session was lent. */
void mqtt_turn_begin(struct mqtt_turn *t);
/* Before it is left. Not in a round. */
void mqtt_turn_end(struct mqtt_turn *t);
/* Publishes wait for acknowledgements from now on. */
void mqtt_turn_waits(struct mqtt_turn *t);
/* Something is handed to libmosquitto. */
void mqtt_turn_queued(struct mqtt_turn *t);

#endif
