/* SPDX-License-Identifier: MIT */
/*
 * When to try again: pauses that double from a first to a longest one, each shortened by a random part, so that a fleet does
 * not come back in step. No clock and no random source of its own: pauses in, pauses out.
 */
#ifndef AG_BACKOFF_H
#define AG_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

enum { AG_BACKOFF_LASTED_MS = 30000 };

struct ag_backoff {
    uint32_t first_ms; /* the pause after the first failure; 0 is allowed: at once */
    uint32_t step_ms;  /* the pause after the second one when first_ms is 0; in steps: how much longer each one is */
    uint32_t max_ms;
    bool in_steps;
    uint32_t now_ms; /* the last pause before jitter; 0 with tries 0 */
    unsigned tries;  /* failures since the last reset */
    uint32_t random; /* state of the jitter, any seed; 0: there is none */
};

/* jitter: each pause is between 3/4 and 4/4 of the plain one. */
void ag_backoff_init(struct ag_backoff *b, uint32_t first_ms, uint32_t step_ms, uint32_t max_ms, uint32_t seed);

/* Without jitter: for what no others wait for in step. */
void ag_backoff_init_steady(struct ag_backoff *b, uint32_t first_ms, uint32_t max_ms);

/* In even steps instead: step_ms, 2 step_ms, 3 step_ms ... max_ms, without jitter. */
void ag_backoff_init_steps(struct ag_backoff *b, uint32_t step_ms, uint32_t max_ms);

/* A try failed: the pause before the next one, in ms. */
uint32_t ag_backoff_next(struct ag_backoff *b);

/*
 * A session has ended after lasted_ms. It has proved itself when it lasted AG_BACKOFF_LASTED_MS and, when pauses double, twice
 * the last one: then the next pause is the first one again, and true is returned. A shorter one counts as a try that
 * failed: a server that accepts and closes, or another device under the same name, must not be answered in a storm.
 */
bool ag_backoff_session_ended(struct ag_backoff *b, uint64_t lasted_ms);

/* There is a new reason to try (the network has changed): the next pause is the first one again. */
void ag_backoff_reset(struct ag_backoff *b);

#endif
