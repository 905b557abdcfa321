/* SPDX-License-Identifier: MIT */
/*
 * One try to download into a partial file: goes on after what is already there if the server supports ranges,
 * starts over if it does not.
 */
#ifndef OTA_FETCH_H
#define OTA_FETCH_H

#include "agent/apps/ota/core/ota_machine.h"
#include "libagent/io/http/http.h"

struct ota_fetch {
    struct ag_http *http; /* borrowed */
    const char *ca_file;  /* borrowed; NULL: the system's */
    uint64_t max_bytes;
    uint64_t keep_free;        /* bytes that are left free on the file system */
    struct ag_http_call *call; /* NULL: no try is on */
    int fd;
    uint64_t at;        /* length of the partial file */
    uint64_t looked_at; /* its length when the free space was looked at last */
    bool no_room;       /* why this try was given up */
    const char *why;    /* of the last failure, for the log */
    char tls_reason[160];

    /* Inside on_begin and on_bytes the fetch may be stopped. on_end comes once unless it was. */
    void (*on_begin)(void *user, uint64_t offset, uint64_t total);
    void (*on_bytes)(void *user, uint64_t n);
    void (*on_end)(void *user, enum ota_fetch_end end);
    void *user;
};

/* 0, or -errno: nothing has begun and on_end does not come. -EBUSY: a try is on. */
int ota_fetch_start(struct ota_fetch *f, const char *url, const char *path);

/* Gives the try up; what has come stays in the file. Idempotent. */
void ota_fetch_stop(struct ota_fetch *f);

#endif
