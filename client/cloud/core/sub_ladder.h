/* SPDX-License-Identifier: MIT */
/*
 * How one subscription is asked for at a server that may not grant it: with the highest QoS first, then with one less,
 * down to 0. A server says no in three ways: it refuses, it does not answer, or it ends the connection; the last may be
 * chance, so it counts when it happens twice in a row. After the last no it is given up for a while.
 *
 * Nothing comes from a topic that was given up, so that does not last: it is tried once more after 15 s, then after pauses that
 * double to ten minutes, each with the next QoS in turn. A new session may be at another server and asks at once, unless
 * connections have ended because of it: this one would, too. A yes that comes late is a yes.
 * What has worked is asked for again at the next login. A server that was slow once need not stay so, and it keeps nothing for
 * QoS 0 while the device is away: after an hour, then two, doubling to sixteen, the highest QoS is asked for once more; where
 * connections have ended because of it, at a login only.
 * A core: one per topic; answers and now_ms in, what to do out.
 */
#ifndef CLIENT_SUB_LADDER_H
#define CLIENT_SUB_LADDER_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/backoff.h"

enum {
    SUB_LADDER_WAIT_MS = 5000, /* for the answer; each one that does not come doubles the next wait, to four times this */
    SUB_LADDER_CUTS = 2,
    SUB_LADDER_FIRST_MS = 15000,  /* given up for the first time; up to a quarter less, as every pause */
    SUB_LADDER_CUT_MS = 45000,    /* at least, when connections have ended: a try may cost another one */
    SUB_LADDER_AGAIN_MS = 600000, /* the longest pause */
    SUB_LADDER_KEPT_MS = 3600000  /* less than the highest QoS is kept for so long at first */
};

enum sub_ladder_state { SUB_IDLE, SUB_ASKING, SUB_GRANTED, SUB_GIVEN_UP };

enum sub_ladder_no { SUB_NO_NOT_SAID, SUB_NO_REFUSED, SUB_NO_SILENT, SUB_NO_CUT };

struct sub_ladder {
    enum sub_ladder_state state;
    enum sub_ladder_no no; /* the last one since it was granted */
    uint8_t first, qos;    /* the highest to ask for; the one in use, or asked for next */
    uint8_t cuts;          /* connections in a row that ended while it was being asked for */
    uint8_t n_silent;      /* waits in a row without an answer */
    bool hung_up;          /* qos went below first because connections ended */
    uint8_t n_climbs;      /* times that the highest was asked for once more */
    uint64_t lower_ms;     /* when qos went below first */
    uint64_t due_ms;       /* asking: the answer is overdue; else: to be asked for once more */
    struct ag_backoff pauses;
};

/* seed: any number, different on each device. */
void sub_ladder_init(struct sub_ladder *s, uint8_t qos, uint32_t seed);

/* A session is up: true: ask now, with s->qos. false: given up for the time being. */
bool sub_ladder_begin(struct sub_ladder *s, uint64_t now_ms);

/*
 * The answer to a request with QoS asked: 0..2 granted, anything else a refusal. Afterwards s->state is granted, asking (ask
 * with s->qos), or given up. false: nobody waited for it, such as the refusal of an earlier request; nothing has changed.
 */
bool sub_ladder_answered(struct sub_ladder *s, uint8_t asked, int result, uint64_t now_ms);
/* s->due_ms has come: the missing answer counts as a refusal, or the next try is due. Ask if it is asking afterwards. */
void sub_ladder_overdue(struct sub_ladder *s, uint64_t now_ms);
/* The session has ended; cut: not by us. true: it was being asked for. */
bool sub_ladder_lost(struct sub_ladder *s, bool cut, uint64_t now_ms);
/* Settings or the network have changed: the next session starts over. */
void sub_ladder_reset(struct sub_ladder *s);

/* It is granted, or nothing more is tried for now. */
bool sub_ladder_is_settled(const struct sub_ladder *s);
/* Nothing comes: the server has said no since it was last granted. */
bool sub_ladder_is_deaf(const struct sub_ladder *s);
/* Given up: seconds until the next try. */
unsigned sub_ladder_pause_s(const struct sub_ladder *s, uint64_t now_ms);
/* "refuses", "does not answer", "ends the connection at": before "the subscription to ..." */
const char *sub_ladder_how(enum sub_ladder_no no);
/* "refused", "silent", "cut": the word for client.status. */
const char *sub_ladder_word(enum sub_ladder_no no);

#endif
