/* SPDX-License-Identifier: MIT */
/*
 * What the client says about itself: the text of client.status. Figures in, JSON out; names that come from files, servers or
 * peers may hold any bytes. The figures hold no secrets, so the text has none.
 */
#ifndef CLIENT_STATUS_TEXT_H
#define CLIENT_STATUS_TEXT_H

#include <stdbool.h>
#include "client/cloud/core/cloud_facts.h"
#include "libagent/core/buf.h"

enum { STATUS_DROPS_MAX = 32, STATUS_CLOUDS_MAX = 8, STATUS_HOOKS_MAX = 4, STATUS_REFUSED_MAX = 16 };

struct status_count {
    const char *name;
    uint64_t n;
};

struct status_cloud {
    const char *name;
    const char *word;      /* of local.status: "cloud_trying", "cloud_connected", "cloud_retry"; "off" */
    uint64_t since_ms;     /* how long the word has been so */
    uint64_t error_ago_ms; /* facts.past */
    uint64_t next_try_ms;  /* AG_NEVER: none is waited for */
    struct cloud_facts facts;
    struct status_count dropped[STATUS_DROPS_MAX];
    unsigned n_dropped;
    bool has_kept; /* with several clouds */
    unsigned kept; /* reports that wait for it on the disk */
};

enum status_clock {
    STATUS_CLOCK_OWN,
    STATUS_CLOCK_CLOUD, /* the device's own has never been set: a cloud's is used */
    STATUS_CLOCK_UNSET  /* neither */
};

struct status_facts {
    const char *version;
    int pid;
    uint64_t uptime_ms;
    const char *dir; /* data directory */
    const char *model, *firmware;
    uint64_t did;
    const char *state; /* as local.query_status answers */

    struct status_cloud clouds[STATUS_CLOUDS_MAX]; /* in the order of the list */
    unsigned n_clouds;

    struct {
        unsigned reports, max_reports;
        uint64_t bytes, max_bytes;
        bool has_oldest;
        uint64_t oldest_ms; /* its age */
        uint64_t dropped;   /* by age or by number, since the start */
        const char *error;  /* why nothing can be kept; NULL: it can */
    } spool;

    struct {
        bool open;      /* a socket is there */
        unsigned peers; /* within the last half minute */
        uint64_t served;
        struct status_count refused[STATUS_REFUSED_MAX];
        unsigned n_refused;
        bool reveals_token; /* to whoever says hello: the device belongs to nobody yet */
        int token_mode;     /* permissions of device.token; -1: there is none */
    } lan;

    struct {
        bool provisioned, joining;
        unsigned joined, failed;
        const char *hooks_missing[STATUS_HOOKS_MAX];
        unsigned n_hooks_missing;
    } setup;

    bool external_helper, helper_here; /* a builtin one is always here */
    unsigned local_peers;

    enum status_clock clock;
    uint64_t time_s; /* Unix time as the client uses it */
    bool clock_kept; /* somebody keeps it right */
    bool has_offset;
    int64_t offset_s; /* own clock minus the cloud's, as far as a cloud tells the time */
};

/* The result of client.status, an object, appended. 0 or -ENOMEM. */
int status_text_put(struct ag_buf *out, const struct status_facts *f);

#endif
