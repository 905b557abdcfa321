/* SPDX-License-Identifier: MIT */
/*
 * A bad line: loses, doubles, delays and reorders what goes through it, as decided by dice that depend on the seed alone.
 * One object for each direction.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include <uv.h>
#include "libagent/core/util.h"

struct faults {
    uv_loop_t *loop;
    unsigned drop, dup, reorder; /* percent */
    unsigned delay_ms;           /* every packet; reordered ones up to 50 ms more */
    uint64_t random;
    unsigned long n_dropped;
    unsigned n_waiting;
};

void faults_init(struct faults *f, uv_loop_t *loop, uint64_t seed);

/* Calls deliver() as often as the dice say, now or later; bytes are copied for later. ref is passed on. */
void faults_pass(struct faults *f, struct ag_span bytes, void *ref, void (*deliver)(void *ref, struct ag_span bytes));

/* "10%" or "10": 0..100. "500ms", "2s", "500": milliseconds. -1: neither. */
long faults_parse_percent(const char *text);
long faults_parse_ms(const char *text);

#endif
