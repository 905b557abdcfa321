/* SPDX-License-Identifier: MIT */
/* No daemon is silent for longer than its deadline: each keeps its lines, and is heard on them. */
#ifndef WORLD_WATCH_H
#define WORLD_WATCH_H

/* Every second. */
void watch_looks(void);

#endif
