/* SPDX-License-Identifier: MIT */
/*
 * Acknowledged commands, both ways. Out: 0x0093 that we sent and whose 0x0094 is still to come; each is sent again with the same
 * sn, then given up. In: the serial numbers that each App has used lately, so that a repeated 0x0093 is delivered once, and
 * acknowledged again with the same answer. Times in, decisions out.
 *
 * The document leaves the retries and the window to the implementation. Ours: 3 tries 5 s apart; 256 answered numbers per App,
 * and each one whose answer is still to come. Source: Gizwits device to cloud protocol v4.0.6, section 4.9.
 */
#ifndef CLIENT_GIZWITS_ACKS_H
#define CLIENT_GIZWITS_ACKS_H

#include <stdbool.h>
#include <stdint.h>
#include "client/cloud/gizwits/core/gizwits_topic.h"
#include "libagent/core/list.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum {
    GIZWITS_ACK_TRIES = 3,
    GIZWITS_ACK_WAIT_MS = 5000,
    GIZWITS_OUT_MAX = 64,              /* 0x0093 of ours under way */
    GIZWITS_SEEN_APPS = 16,            /* Apps remembered; the one silent longest goes first */
    GIZWITS_SEEN_SNS = 256,            /* answered numbers remembered per App */
    GIZWITS_SEEN_ANSWER_MAX = 4096,    /* longer answers are not kept: a repeat is then acknowledged without one */
    GIZWITS_SEEN_BYTES_MAX = 512 << 10 /* of all kept answers; beyond it the same */
};

/* ---- ours ---- */

struct gizwits_out {
    struct ag_list link;
    char app[GIZWITS_APP_MAX + 1]; /* "": to all, the first acknowledgement counts */
    uint32_t sn;
    struct ag_buf frame;
    unsigned n_sent;
    uint64_t due_ms;
    void *user; /* the caller's */
};

struct gizwits_outs {
    struct ag_list all; /* by due_ms */
    unsigned n;
    unsigned wait_ms;
};

enum { GIZWITS_OUT_E_FULL = 1 };

void gizwits_outs_init(struct gizwits_outs *t, unsigned wait_ms);
void gizwits_outs_deinit(struct gizwits_outs *t); /* the entries' users are the caller's to end first */

/* Takes frame over on success. Sent once already, now. 0, GIZWITS_OUT_E_FULL, -ENOMEM. */
int gizwits_outs_add(struct gizwits_outs *t, const char *app, uint32_t sn, struct ag_buf *frame, void *user, uint64_t now_ms);
/* The entry that an acknowledgement ends; NULL: none. The caller frees it. */
struct gizwits_out *gizwits_outs_take(struct gizwits_outs *t, const char *app, uint32_t sn);
/* The next entry that is due. *give_up: its tries are used up, and the caller frees it; otherwise it is to be sent again.
   NULL: none. */
struct gizwits_out *gizwits_outs_due(struct gizwits_outs *t, uint64_t now_ms, bool *give_up);
/* Any entry, taken out; NULL when empty. */
struct gizwits_out *gizwits_outs_take_any(struct gizwits_outs *t);
/* When gizwits_outs_due() has something; AG_NEVER: it will not. */
uint64_t gizwits_outs_deadline(const struct gizwits_outs *t);
struct gizwits_out *gizwits_out_free(struct gizwits_out *o);

/* ---- theirs ---- */

struct gizwits_seen_sn {
    struct ag_list link; /* in answered, or alone */
    UT_hash_handle hh;
    uint32_t sn;
    bool answered;
    struct ag_buf answer; /* P0 of the acknowledgement */
};

struct gizwits_seen_app {
    char app[GIZWITS_APP_MAX + 1];
    uint64_t used_at; /* counter, not a clock */
    struct gizwits_seen_sn *by_sn;
    struct ag_list answered; /* of them, in the order of the answers */
    unsigned n_answered, n_waiting;
};

struct gizwits_seen {
    struct gizwits_seen_app *apps[GIZWITS_SEEN_APPS];
    uint64_t counter;
    size_t bytes; /* of kept answers */
};

enum gizwits_seen_what {
    GIZWITS_NEW,      /* deliver */
    GIZWITS_WAITING,  /* delivered before, its answer is still to come: do nothing */
    GIZWITS_ANSWERED, /* acknowledge again with *answer */
    GIZWITS_NO_PLACE  /* new, but every remembered App still waits for an answer: refuse it */
};

void gizwits_seen_init(struct gizwits_seen *s);
void gizwits_seen_deinit(struct gizwits_seen *s);
/* GIZWITS_NEW.. or -ENOMEM. answer is valid until the next call. */
int gizwits_seen_note(struct gizwits_seen *s, const char *app, uint32_t sn, struct ag_span *answer);
/* The answer to a noted number; ignored if it has been forgotten. */
void gizwits_seen_answer(struct gizwits_seen *s, const char *app, uint32_t sn, struct ag_span answer);

#endif
