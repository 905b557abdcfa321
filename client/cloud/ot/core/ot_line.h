/* SPDX-License-Identifier: MIT */
/*
 * When the OT cloud's name is looked up, a link opened, a try given up, and how long the pauses are: what lies between
 * the sessions. Events and times in, decisions out; the shell (client/cloud/ot/ot.c) carries them out.
 *
 *   OFF --start--> RESOLVING --found--> CONNECTING (streams) --> TALKING --failed--> PAUSING --> the next address, or RESOLVING
 *
 * Every address that was found has its turn before the name is looked up again. After a session the addresses are no
 * longer trusted. Pauses start over when a session has lasted (libagent/core/backoff.h), or on a kick.
 */
#ifndef CLIENT_OT_LINE_H
#define CLIENT_OT_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/backoff.h"

enum { OT_LINE_CONNECT_MS = 10000, OT_LINE_FIRST_MS = 1000, OT_LINE_MAX_MS = 60000 };

enum ot_line_phase {
    OT_LINE_OFF,
    OT_LINE_RESOLVING,
    OT_LINE_CONNECTING, /* until at_ms */
    OT_LINE_TALKING,    /* the session is in charge */
    OT_LINE_PAUSING     /* until at_ms */
};

struct ot_line {
    enum ot_line_phase phase;
    uint64_t at_ms;
    bool kicked;
    bool was_up; /* the session under way has proved itself, at up_ms */
    uint64_t up_ms;
    unsigned n_left; /* addresses found and not tried yet */
    struct ag_backoff backoff;
};

enum ot_line_do {
    OT_LINE_WAIT,
    OT_LINE_LOOK_UP, /* forget the addresses, then ot_line_found() or ot_line_failed() */
    OT_LINE_OPEN,    /* the next address, then ot_line_opened() or ot_line_failed() */
    OT_LINE_GIVE_UP, /* the link does not open: ot_line_failed() */
    OT_LINE_RESTART  /* end session and link, then as OT_LINE_LOOK_UP */
};

/* seed: random, so that a fleet does not come back in step. */
void ot_line_init(struct ot_line *l, uint32_t seed);

/* The first step is due at once. */
void ot_line_start(struct ot_line *l, uint64_t now_ms);
void ot_line_stop(struct ot_line *l);

/* There is a reason to try now, whatever is under way; only a lookup is still waited for. */
void ot_line_kick(struct ot_line *l);

/* What is due; to be carried out, then asked again. */
enum ot_line_do ot_line_step(struct ot_line *l, uint64_t now_ms);
/* When the next step is due; AG_NEVER: an event comes first. */
uint64_t ot_line_deadline(const struct ot_line *l);

/* The lookup has ended with n > 0 addresses. */
void ot_line_found(struct ot_line *l, unsigned n, uint64_t now_ms);
/* An address has been taken. connecting: it must answer before it can be talked to. */
void ot_line_opened(struct ot_line *l, bool connecting, uint64_t now_ms);
void ot_line_talking(struct ot_line *l);
/* The session has proved itself. */
void ot_line_up(struct ot_line *l, uint64_t now_ms);
/* What was under way has failed or ended: the pause until the next try, ms; none after a kick. */
uint32_t ot_line_failed(struct ot_line *l, uint64_t now_ms);

#endif
