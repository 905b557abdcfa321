/* SPDX-License-Identifier: MIT */
/*
 * The steps to a Gizwits session, and back to one: disable an old identity, register, provision before each connect, log in over
 * MQTT, subscribe three times. When to try again (after 0, 10, 20 ... s) is the broker session's. Events in, decisions out.
 *
 *     start -> [disable] -> [register] -> provision -> connect -> subscribe x3 -> online -> lost -> (again)
 *
 * Invariant: a decision to do something is answered by exactly one event, unless DROP took it back.
 * Source: Gizwits device to cloud protocol v4.0.6, sections 2, 4.1 to 4.3, 4.6, 4.7.
 */
#ifndef CLIENT_GIZWITS_SESSION_H
#define CLIENT_GIZWITS_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include "client/cloud/core/broker_session.h"
#include "client/cloud/gizwits/core/gizwits_store.h"

enum {
    GIZWITS_STEP_MS = 10000, /* each failed try adds this to the pause, unless configured otherwise */
    GIZWITS_PAUSE_MAX_MS = 600000,
    GIZWITS_DISABLE_TRIES = 3 /* then the new identity goes first, the old one is tried at the next connect */
};

enum gizwits_phase {
    GIZWITS_PH_STOPPED,
    GIZWITS_PH_PAUSE,
    GIZWITS_PH_DISABLE,
    GIZWITS_PH_REGISTER,
    GIZWITS_PH_PROVISION,
    GIZWITS_PH_CONNECT,
    GIZWITS_PH_SUBSCRIBE,
    GIZWITS_PH_ONLINE
};

enum gizwits_do {
    GIZWITS_DO_NOTHING,
    GIZWITS_DO_PAUSE,   /* n: ms; then gizwits_session_on_pause_over() */
    GIZWITS_DO_DISABLE, /* DELETE the old pair */
    GIZWITS_DO_REGISTER,
    GIZWITS_DO_PROVISION,
    GIZWITS_DO_CONNECT,   /* to m2m */
    GIZWITS_DO_SUBSCRIBE, /* n: which filter */
    GIZWITS_DO_ONLINE
};

/* One event leads to at most one thing to do. The order: save, drop what is open, report the loss, then what. */
struct gizwits_decision {
    bool save;    /* the store has changed */
    bool drop;    /* end the HTTP call and the MQTT session under way; no event of theirs may follow */
    bool lost;    /* a session was reported: report its end */
    bool suspect; /* several in a row ended early: perhaps another device has our identity */
    enum gizwits_do what;
    uint32_t n;
};

struct gizwits_session {
    struct gizwits_store *store;   /* borrowed */
    struct broker_session *broker; /* borrowed: its pauses */
    enum gizwits_phase phase;
    unsigned n_disable; /* tries to disable the old identity in this round */
    unsigned n_subscribed;
    struct gizwits_m2m m2m;
};

void gizwits_session_init(struct gizwits_session *s, struct gizwits_store *store, struct broker_session *broker);

struct gizwits_decision gizwits_session_start(struct gizwits_session *s);
struct gizwits_decision gizwits_session_stop(struct gizwits_session *s);
struct gizwits_decision gizwits_session_on_pause_over(struct gizwits_session *s);
struct gizwits_decision gizwits_session_on_disabled(struct gizwits_session *s, bool done, uint64_t now_ms);
/* did NULL: it failed. */
struct gizwits_decision gizwits_session_on_registered(struct gizwits_session *s, const char *did, uint64_t now_ms);

enum gizwits_provision { GIZWITS_PROVISION_OK, GIZWITS_PROVISION_UNKNOWN, GIZWITS_PROVISION_FAILED };

/* m2m is read when how is OK. */
struct gizwits_decision gizwits_session_on_provision(struct gizwits_session *s, enum gizwits_provision how,
                                                     const struct gizwits_m2m *m2m, uint64_t now_ms);
struct gizwits_decision gizwits_session_on_connected(struct gizwits_session *s);
struct gizwits_decision gizwits_session_on_subscribed(struct gizwits_session *s, bool granted, uint64_t now_ms);
/* The MQTT try or session has ended. */
struct gizwits_decision gizwits_session_on_lost(struct gizwits_session *s, uint64_t now_ms);
/* Begin again at once: the network has changed. */
struct gizwits_decision gizwits_session_kick(struct gizwits_session *s, uint64_t now_ms);
/* The device was reset: this identity is to be disabled and a new one registered under a new passcode. */
struct gizwits_decision gizwits_session_forget(struct gizwits_session *s, const char *new_passcode, uint64_t now_ms);

#endif
