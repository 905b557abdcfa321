/* SPDX-License-Identifier: MIT */
/*
 * The install hook: PROG FILE MD5 silent|normal, in a session of its own. A small shell around it notes its
 * process id and its exit status in files, so that a hook that outlives this process (it may well restart us)
 * is found again.
 */
#ifndef OTA_HOOK_H
#define OTA_HOOK_H

#include <stdbool.h>
#include <uv.h>
#include "libagent/io/child.h"

struct ota_hook {
    uv_loop_t *loop;
    const char *prog; /* borrowed */
    const char *dir;  /* borrowed, ends in '/': install.status and install.pid are in it */
    unsigned timeout_s;
    struct ag_child *child; /* NULL: this process has started none */
    uv_timer_t timer;       /* looks for a hook of an earlier life */
    bool timer_open;
    uint64_t deadline_ms;
    void (*on_done)(void *user, bool good, const char *how); /* how: for the log */
    void *user;
};

int ota_hook_init(struct ota_hook *h);
/* Ends in on_done. 0 or -errno: the hook does not start and on_done does not come. */
int ota_hook_start(struct ota_hook *h, const char *file, const char *md5, bool silent);
/* Waits for the end of a hook that was started before this process. Ends in on_done, not within this call. */
void ota_hook_rejoin(struct ota_hook *h);
/* Lets go: a running hook goes on by itself and its end is found at the next start. */
void ota_hook_close(struct ota_hook *h);

#endif
