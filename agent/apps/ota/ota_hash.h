/* SPDX-License-Identifier: MIT */
/* The sums of a file, computed in libuv's thread pool so that the loop goes on. */
#ifndef OTA_HASH_H
#define OTA_HASH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

struct ota_hash {
    uv_work_t work;
    char *path;
    char md5[33], sha256[65]; /* what the file should have; sha256 "" is not looked at */
    bool good;                /* valid in on_done */
    bool running;
    atomic_bool given_up; /* read by the pool's thread */
    void (*on_done)(void *user, bool good);
    void *user;
};

/* Ends in on_done, always, also when the file cannot be read. 0, -ENOMEM or -EBUSY. */
int ota_hash_start(struct ota_hash *h, uv_loop_t *loop, const char *path, const char *md5, const char *sha256);

/* The program ends: the work stops at its next block. on_done may still come. */
void ota_hash_give_up(struct ota_hash *h);

#endif
