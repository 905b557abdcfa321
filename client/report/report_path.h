/*
 * The way of a report from the uplink to the cloud. While the cloud takes reports they go to it directly; their texts
 * are held until the acknowledgement. When it does not (no session, or an older report still waits) they are kept on
 * disk, and the application is told ["queued"] once they are safe. Kept reports leave in order, under the same ids, with the
 * time at which they were reported, and are removed when the cloud has acknowledged them. Which methods are kept:
 * client/report/core/report_policy.h. A report that the cloud can never carry, or that the disk does not take, is answered with an
 * error at once.
 *
 * It knows the rest of the client through struct report_host alone.
 */
#ifndef CLIENT_REPORT_PATH_H
#define CLIENT_REPORT_PATH_H

#include <stdbool.h>
#include <uv.h>
#include "client/device/core/device_conf.h"
#include "client/report/core/report_queue.h"
#include "libagent/core/buf.h"
#include "libagent/core/log/log.h"

struct spool;
struct report_direct;

struct report_time {
    uint64_t now_ms; /* a clock that nobody sets, the same for every process of one boot */
    uint64_t boot;   /* a number that each boot has for itself; 0: not known */
    uint32_t unix_s; /* the best guess; 0: nobody knows */
    bool sure;       /* it is known to be right */
};

/* What the rest of the client does for the path; user is struct report_path_env's. */
struct report_host {
    /* A session takes reports. */
    bool (*cloud_takes)(void *user);
    /* As in client/cloud/cloud.h. */
    int (*cloud_report)(void *user, uint32_t id, struct ag_span text, uint32_t at_s, bool repeat);
    int (*cloud_carries)(void *user, struct ag_span text);
    /* The application's answer; ids that nobody waits for are fine. */
    void (*queued)(void *user, uint32_t id);
    void (*failed)(void *user, uint32_t id, int code, const char *message);
    bool (*is_awaited)(void *user, uint32_t id);
    void (*time)(void *user, struct report_time *out);
    /* Something happened by itself: deadlines may have changed. */
    void (*changed)(void *user);
    /* The store has closed. */
    void (*closed)(void *user);
};

struct report_path_env {
    uv_loop_t *loop;
    const struct device_conf *conf;
    unsigned need;    /* the cloud's bit in the store, see client/cloud/cloud.h */
    const char *path; /* of the store's file; NULL: nothing is kept. For the call of report_path_open() only */
    const struct report_host *host;
    void *user;
};

struct report_path {
    struct report_path_env env;
    struct report_queue queue;
    struct spool *spool;          /* NULL: nothing is kept */
    struct report_direct *direct; /* given to the cloud without being kept; uthash, in the order they were given */
    unsigned n_direct;
    uint64_t release_ms;          /* when those held back are tried again; 0: none */
    uint64_t n_refused;           /* answered with an error, because the store could not take them */
    struct ag_log_gate gate;
    bool pumping;
};

/* Reads what an earlier run has left. 0; -EINVAL: a setting, with one line in error; -ENOMEM. Close in any case;
   host.closed() follows when p->spool is set. */
int report_path_open(struct report_path *p, const struct report_path_env *env, char *error, size_t n);
/* Before applications are refused: what is under way and nobody waits for is kept for the next start. */
void report_path_close(struct report_path *p);
void report_path_deinit(struct report_path *p);

/* From the uplink; as uplink_sink.report(). */
int report_path_report(struct report_path *p, uint32_t id, struct ag_span text, bool repeat);

/* A report under this id waits for the cloud's acknowledgement; as uplink_sink.taken(). */
bool report_path_has(const struct report_path *p, uint32_t id);

/* The cloud's events, before the uplink hears of them. true: the uplink is not concerned. */
bool report_path_acked(struct report_path *p, uint32_t id);
bool report_path_failed(struct report_path *p, uint32_t id, bool retry);
void report_path_lost(struct report_path *p);
/* The cloud may take more. */
void report_path_pump(struct report_path *p);

/* The device was reset: nothing of the last owner's is kept, in memory or on the disk. 0 or -errno: the disk would not. */
int report_path_forget(struct report_path *p);

/* Something is on its way to the disk or to the cloud. */
bool report_path_is_busy(const struct report_path *p);

void report_path_expire(struct report_path *p, uint64_t now_ms);
/* UINT64_MAX: never. */
uint64_t report_path_next_deadline(const struct report_path *p);

#endif
