/* SPDX-License-Identifier: MIT */
/*
 * When a cloud is tried again: soon after a cut, late after a refused login (trying often does not make a wrong key
 * right). Pauses start over only after a session that lasted, see ag_backoff_session_ended(): a server that accepts and
 * closes, or two devices under one name, make no storm.
 * A core: what happened and when in, pauses out.
 */
#ifndef CLIENT_RECONNECT_H
#define CLIENT_RECONNECT_H

#include "libagent/core/backoff.h"

enum { RECONNECT_SHORT_MAX = 3 };

struct reconnect {
    struct ag_backoff after_cut, after_refusal;
    bool in_steps;
    bool up;
    uint64_t up_ms;   /* when this session began */
    unsigned n_short; /* sessions in a row that did not last, but for the spared ones */
    unsigned spared;  /* so many prove nothing: with several servers that are restarted in turn a session ends at each */
    unsigned n_spared;
};

/* The first pause after a cut is first_ms, then step_ms (0: twice the first), doubling to max_ms. After a refused login:
   10 s doubling to 300 s. seed: any number, different on each device. */
void reconnect_init(struct reconnect *r, uint32_t first_ms, uint32_t step_ms, uint32_t max_ms, uint32_t seed);

/* Gizwits' way: pauses of step_ms, 2 step_ms ... max_ms after failures; at once after a session that lasted, and after the
   first one that did not. */
void reconnect_init_steps(struct reconnect *r, uint32_t step_ms, uint32_t max_ms);

/* Logged in. */
void reconnect_up(struct reconnect *r, uint64_t now_ms);

/*
 * The session, or a try, has ended; login_refused: the server does not know this login. The pause before the next try,
 * in ms. *suspect_out: this was the third session in a row that ended soon after login (r->spared not counted), which is worth a
 * line in the log.
 */
uint32_t reconnect_down(struct reconnect *r, bool login_refused, uint64_t now_ms, bool *suspect_out);

/* We ended it ourselves: that says nothing about the server. */
void reconnect_left(struct reconnect *r);
/* There is a new reason to try: the first pauses again. */
void reconnect_reset(struct reconnect *r);

#endif
