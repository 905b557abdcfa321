/* SPDX-License-Identifier: MIT */
/* Pauses grow: who cannot reach another, or is sent away at once, waits longer each time, until a session has lasted. */
#ifndef WORLD_PAUSES_H
#define WORLD_PAUSES_H

#include "tests/world/kernel/kernel.h"

void pauses_begin(void);
/* A line of a program's output: the client says when it tries a cloud again. */
void pauses_of_lines(const struct proc *p, const char *line);
/* There is a new reason to try: the first pauses again, for all. */
void pauses_start_over(void);

#endif
