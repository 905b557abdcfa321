/* SPDX-License-Identifier: MIT */
/* What a program does that is started with uv_spawn(); set by the world. */
#ifndef WORLD_UV_SPAWNED_H
#define WORLD_UV_SPAWNED_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct spawned {
    uint64_t after_us;
    int status;
    int (*at_end)(void *user, int status); /* its status; NULL: as above. Not called for one that is killed */
    void *user;
};
extern bool (*uv_spawn_decides)(const uv_process_options_t *o, struct spawned *out); /* false: no such file */

#endif
