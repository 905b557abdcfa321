/* SPDX-License-Identifier: MIT */
/*
 * What the sessions of the clouds with a broker (mqtt, onenet, gizwits) have in common: reports under way, when to try again
 * and after what, what a kick does, how long the device may sleep, what is counted, and what is still to close at the end.
 * A core: what happened and when in, answers out; connections and timers are the cloud's.
 *
 *   created -> (opened ...) -> up <-> down, paused -> stopping -> (closed ...) -> the last one has closed: it may be freed
 */
#ifndef CLIENT_BROKER_SESSION_H
#define CLIENT_BROKER_SESSION_H

#include "client/cloud/core/reconnect.h"
#include "libagent/core/list.h"
#include "libagent/core/reuse.h"

enum { BROKER_ALIKE = 1024 };

/* What each of these clouds counts. */
struct broker_counters {
    uint64_t commands;         /* given to applications */
    uint64_t commands_refused; /* never given to one: answered with an error, where there is somebody to answer */
    uint64_t answers_refused;  /* replaced by an error: too large, or none */
    uint64_t subscriptions_refused;
};

struct broker_session {
    struct reconnect reconnect;
    struct ag_list reports; /* ids given to the line and neither acknowledged nor failed, in order */
    unsigned n_reports;
    uint16_t alike[BROKER_ALIKE]; /* how many of them have this id % BROKER_ALIKE; 0: no search is needed */
    struct ag_spares spares;
    uint64_t last_sent_ms;
    uint64_t retry_at_ms; /* of the next try; AG_NEVER: none is waited for */
    unsigned n_open;      /* handles that are still to close */
    bool stopping;
    struct broker_counters count;
};

/* Why a session, or a try, is over. */
enum broker_end {
    BROKER_LEFT, /* we ended it ourselves */
    BROKER_CUT,
    BROKER_REFUSED /* the server does not know this login */
};

/* Pauses as of reconnect_init(). */
void broker_session_init(struct broker_session *s, uint32_t first_ms, uint32_t step_ms, uint32_t max_ms, uint32_t seed);
/* As of reconnect_init_steps(). */
void broker_session_init_steps(struct broker_session *s, uint32_t step_ms, uint32_t max_ms);
void broker_session_deinit(struct broker_session *s);

/* ---- reports under way ---- */

/* 0 or -ENOMEM. The id is not here yet. */
int broker_report_given(struct broker_session *s, uint32_t id);
bool broker_report_is_given(const struct broker_session *s, uint32_t id);
/* It was acknowledged, has failed, or was not taken by the line. false: not here. */
bool broker_report_ended(struct broker_session *s, uint32_t id);
/* The oldest one, taken out; 0: none. */
uint32_t broker_report_take(struct broker_session *s);

/* ---- sessions ---- */

/* Logged in. */
void broker_session_up(struct broker_session *s, uint64_t now_ms);
/* Something went out: the next keepalive is that much later. */
void broker_session_sent(struct broker_session *s, uint64_t now_ms);
/* It is over: the pause before the next try, in ms. *suspect_out: as reconnect_down(). */
uint32_t broker_session_down(struct broker_session *s, enum broker_end how, uint64_t now_ms, bool *suspect_out);
/* The pause is over, or none is needed: a try is on. */
void broker_session_tries(struct broker_session *s);
/* There is a new reason to try: the pauses start over. */
void broker_session_kicked(struct broker_session *s);
/* After a kick without a session: the pause, which begins now; none with steps. */
uint32_t broker_session_soon(struct broker_session *s, uint64_t now_ms);

/* ms until the next try; AG_NEVER: none is waited for. */
uint64_t broker_session_next_try_ms(const struct broker_session *s, uint64_t now_ms);
/* Seconds until the cloud must run again, as cloud_ops.wakeup_s(). busy: something is under way that is not counted here. */
unsigned broker_session_wakeup_s(const struct broker_session *s, uint64_t now_ms, uint32_t keepalive_ms, bool busy);

/* ---- end of life ---- */

void broker_session_opened(struct broker_session *s);
/* true: that was the last one. */
bool broker_session_closed(struct broker_session *s);
/* false: it knew that already. */
bool broker_session_stop(struct broker_session *s);

#endif
