/* SPDX-License-Identifier: MIT */
/* What holds while nobody disturbs the device: not only is everything answered, it is answered well. */
#ifndef WORLD_QUIET_H
#define WORLD_QUIET_H

#include <stdbool.h>
#include <stdint.h>

/* A command to an application; what it is answered. */
void quiet_given(uint64_t n, int app);
void quiet_answered(uint64_t n, const char *text);
/* A report that libagent has taken; its end. */
void quiet_reported(int app, uint64_t n);
/* It is one that clouds need not take. */
void quiet_may_be_refused(int app, uint64_t n);
void quiet_told(int app, uint64_t n, int status, bool kept);
/* A report has come; timed: with the time of its making, or by a line that could not know. */
void quiet_arrived(int app, uint64_t n, bool timed);
/* Somebody has set the clock. */
void quiet_clock_set(void);
/* For so long answers need not be the good ones: more is asked than anybody promises to do. */
void quiet_ends_for(uint64_t us);
/* Nothing was disturbed for so long. */
bool quiet_for(uint64_t s);

#endif
