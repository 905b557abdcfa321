/* SPDX-License-Identifier: MIT */
/* The promises of design section 8, looked at while the world lives. */
#ifndef WORLD_PROMISES_H
#define WORLD_PROMISES_H

#include <stdbool.h>
#include <stdint.h>
#include "tests/world/kernel/kernel.h"

enum way { WAY_CLOUD, WAY_PHONE };

/* A command with the number n was given. */
void command_given(uint64_t n, enum way way, int app);
/* It was given with QoS 2: it is executed once at most, whatever happens. */
void command_given_once(uint64_t n);
void command_answered(uint64_t n, const char *text, bool repeat);
/* Who gave it has stopped asking. */
void command_given_up(uint64_t n);
void command_executed(int app, uint64_t n);
void commands_come_again(void);

/* Reports: of an application, what it was told, what the cloud got. */
uint64_t report_next(int app);
void report_told(int app, uint64_t n, int status, const char *text);
/* Whether the line to the cloud keeps the order of what is sent: UDP does not. */
void reports_keep_order(bool keep);
/* What is kept and has not arrived may be given up from now on: its owner has gone, or the clock has made it old. */
void reports_forgiven(void);
void report_arrived(int app, uint64_t n, uint64_t id);
/* Nothing has been in their way for so long. */
void reports_are_awaited(unsigned for_s);

/* Something died or lost its way just now: what was open then may be lost, though never twice. */
void disturbed(const char *what);
/* A line between device and cloud was not as it should be. */
void line_disturbed(void);

void promises_of_lines(struct proc *p, const char *line);
/* All faults are over for minutes. */
void promises_at_rest(void);

#endif
