/* SPDX-License-Identifier: MIT */
/*
 * Which stamps of the LAN protocol are good. The stamp of the device is its Unix time, or the seconds since it was switched
 * on while its clock is plainly unset; phones send back what they were given last. When the clock is set, they still send
 * what the clock before would have said: that stays good for some minutes.
 *
 * Stamps from before the client's start are not good: it remembers only the packets that it has taken itself, so what was
 * captured earlier could be sent again. Phones that keep counting are heard: their stamps are later.
 */
#ifndef CLIENT_STAMP_CLOCK_H
#define CLIENT_STAMP_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    STAMP_CLOCK_SET_S = 1577836800, /* 2020-01-01: a clock that shows an earlier time was never set */
    STAMP_CLOCK_STEP_S = 5,         /* a larger deviation means that the clock was set */
    STAMP_CLOCK_GRACE_MS = 300000,  /* how long the clock before a step counts */
    STAMP_CLOCK_N_OLD = 4
};

struct stamp_clock {
    bool running, has_start;
    int64_t start_s;  /* in now_ms / 1000 */
    int64_t offset_s; /* stamp = offset + now_ms / 1000 */
    struct {
        int64_t offset_s;
        uint64_t until_ms; /* 0: none */
    } old[STAMP_CLOCK_N_OLD];
    unsigned next_old;
};

/* The stamp now. now_s: the device's own Unix time, set or not. */
uint32_t stamp_clock_stamp(uint64_t now_ms, uint32_t now_s);

/* What phones are told at that time: the stamp, or in the first seconds after the start a later one, which is good. */
uint32_t stamp_clock_told(const struct stamp_clock *c, uint32_t window_s, uint64_t now_ms, uint32_t now_s);

/* From now on stamps from before now are not good. */
void stamp_clock_start(struct stamp_clock *c, uint64_t now_ms);

/* Checks the clock. true: it was set back since the last check. */
bool stamp_clock_look(struct stamp_clock *c, uint64_t now_ms, uint32_t now_s);

/* Within window_s of the clock, or of an old one that still counts, and not before the start. window_s 0: any stamp is good. */
bool stamp_clock_is_good(const struct stamp_clock *c, uint32_t stamp, uint32_t window_s, uint64_t now_ms);

/* Seconds between two stamps, by those clocks that bring them nearest: one may be from before a step. */
int64_t stamp_clock_apart(const struct stamp_clock *c, uint32_t a, uint32_t b, uint64_t now_ms);

#endif
