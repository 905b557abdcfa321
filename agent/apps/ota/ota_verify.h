/* SPDX-License-Identifier: MIT */
/*
 * The maker's own check of a file, usually of a signature: PROG FILE MD5, exit status 0 says that the file is genuine.
 * It runs after the check of the sums, before the file is kept and again before a kept one is installed.
 */
#ifndef OTA_VERIFY_H
#define OTA_VERIFY_H

#include <stdbool.h>
#include "libagent/io/child.h"

struct ota_verify {
    uv_loop_t *loop;
    const char *prog; /* borrowed */
    unsigned timeout_s;
    struct ag_child *child; /* NULL: none runs, on_done is not to come */
    void (*on_done)(void *user, bool good, const char *how);
    void *user;
};

/* Ends in on_done, with a phrase for the log; too slow counts as no. 0 or -errno: on_done does not come. */
int ota_verify_start(struct ota_verify *v, const char *file, const char *md5);

/* A check under way is killed, on_done does not come. Idempotent. */
void ota_verify_close(struct ota_verify *v);

#endif
