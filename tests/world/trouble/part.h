/* SPDX-License-Identifier: MIT */
/* Between the parts of the troubles. */
#ifndef WORLD_TROUBLE_PART_H
#define WORLD_TROUBLE_PART_H

#include "tests/world/scene.h"

enum { TROUBLE_CALM_S = 240, TROUBLE_COMMANDS = 1 << 17 };

extern struct rng trouble_rng;

/* One that takes its time, if there is one. */
int slow_app(void);
/* A command must be answered although a line is cut while it is executed; good: by the application; grace: not as if nobody were
   there. */
void trouble_watch(uint64_t n, struct side *cut, bool good, bool grace);
bool trouble_watches(void);

/* ---- starts.c ---- */
void starts_open(void);
void starts_clock(void);
void starts_phone(void);
void starts_app(struct side *s);
void starts_client(void);
void starts_agent(void);
void starts_client_at_report(void);
void starts_without_names(void);
bool starts_executed(int app, uint64_t n);

/* ---- servers.c ---- */
void servers_burst(struct side *s);
void servers_repeat(struct side *s);
void servers_shut(struct side *s);
void servers_refuse(struct side *s);
void servers_halve(struct side *s);
void servers_storm(void);
void servers_go(void);

#endif
