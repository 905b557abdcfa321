/* SPDX-License-Identifier: MIT */
/*
 * The way of a report from the uplink to the clouds. While a cloud takes reports they go to it directly; their texts
 * are held until the acknowledgement. When it does not (no session, or an older report still waits) they are kept on
 * disk, and the application is told ["queued"] once they are safe. Kept reports leave in order, under the same ids, with the
 * time at which they were reported, and are removed when every cloud that needs them has acknowledged them. Which methods
 * are kept: client/report/core/report_policy.h; which clouds get them: client/report/core/report_route.h. A report that
 * the cloud can never carry, or that the disk does not take, is answered with an error at once.
 *
 * Each cloud has a lane: its queue, its window, its limits. The application is answered by the first cloud of its route alone;
 * the others never delay or fail a report. What one of them cannot get at all is counted in its lane.
 * "queued" means that the report is on the disk for every cloud of the route that has not acknowledged it.
 *
 * It knows the rest of the client only through struct report_host. A cloud is named by its place.
 */
#ifndef CLIENT_REPORT_PATH_H
#define CLIENT_REPORT_PATH_H

#include <stdbool.h>
#include <uv.h>
#include "client/device/core/device_conf.h"
#include "client/report/core/given.h"
#include "client/report/core/report_queue.h"
#include "client/report/core/report_route.h"
#include "libagent/core/json/json.h"
#include "libagent/core/log/log.h"

struct spool;
struct report_path;

struct report_time {
    uint64_t now_ms; /* a clock that nobody sets, the same for every process of one boot */
    uint64_t boot;   /* identifies the boot; 0: not known */
    uint32_t unix_s; /* the best guess; 0: not known */
    bool sure;       /* it is known to be right */
};

/* What the rest of the client does for the path; user is struct report_path_env's. */
struct report_host {
    /* A session takes reports. */
    bool (*cloud_takes)(void *user, unsigned place);
    /* As in client/cloud/cloud.h. */
    int (*cloud_report)(void *user, unsigned place, uint32_t id, struct ag_span text, const struct ag_json_view *view,
                        uint32_t at_s, bool repeat);
    bool (*cloud_has_room)(void *user, unsigned place);
    int (*cloud_carries)(void *user, unsigned place, struct ag_span text);
    /* The application's answer; ids that nobody waits for are fine. */
    void (*queued)(void *user, uint32_t id);
    void (*failed)(void *user, uint32_t id, int code, const char *message);
    bool (*is_awaited)(void *user, uint32_t id);
    void (*time)(void *user, struct report_time *out);
    /* The store has closed. */
    void (*closed)(void *user);
};

struct report_path_env {
    uv_loop_t *loop;
    const struct device_conf *conf;
    const struct route_cloud *clouds; /* the list, for the call of report_path_open() only */
    unsigned n_clouds;
    const char *path; /* of the store's file; NULL: nothing is kept. For the call of report_path_open() only */
    const struct report_host *host;
    void *user;
};

struct report_lane {
    struct report_path *path;
    unsigned place;
    bool listed; /* the cloud is in the list */
    struct report_queue queue;
    struct given_list given;        /* to the cloud, without being kept */
    uint64_t release_ms;            /* when those held back are tried again */
    uint64_t unread_seq, unread_ms; /* a record that the disk did not give; when it is read again */
    unsigned unread_tries;
    uint64_t n_lost; /* reports that it never got, and for which no application waited */
    bool pumping;
};

struct report_path {
    struct report_path_env env;
    struct route_table route;
    struct report_lane lanes[ROUTE_PLACES];
    struct spool *spool; /* NULL: nothing is kept */
    uint64_t next_seq;
    uint64_t n_refused;  /* answered with an error, because the store could not take them */
    uint64_t n_unlisted; /* kept for a cloud that is no longer in the list */
    struct ag_log_gate gate;
};

/* Reads what an earlier run has left. 0; -EINVAL: a setting, with one line in error; -ENOMEM. Close in any case;
   host.closed() follows when p->spool is set. */
int report_path_open(struct report_path *p, const struct report_path_env *env, char *error, size_t n);
/* Called before applications are refused: what is under way and nobody waits for is kept for the next start. */
void report_path_close(struct report_path *p);
void report_path_deinit(struct report_path *p);

/* Another list and its routes. A cloud that is no longer in it gives up its reports; a new one gets no older ones. Takes over
   the table. */
void report_path_take_route(struct report_path *p, struct route_table *route);

/* Where this text goes, and which cloud's word is the answer. */
struct report_route report_path_route(const struct report_path *p, struct ag_span method);

/* From the uplink; as uplink_sink.report(). view: NULL when it has not been scanned. */
int report_path_report(struct report_path *p, uint32_t id, struct ag_span text, const struct ag_json_view *view, bool repeat);

/* A report under this id waits for a cloud's acknowledgement; as uplink_sink.taken(). */
bool report_path_has(const struct report_path *p, uint32_t id);

/* A cloud's events, before the uplink gets them. true: the uplink is not concerned. */
bool report_path_acked(struct report_path *p, unsigned place, uint32_t id);
bool report_path_failed(struct report_path *p, unsigned place, uint32_t id, bool retry);
void report_path_lost(struct report_path *p, unsigned place);
/* The cloud may take more. */
void report_path_pump(struct report_path *p, unsigned place);

/* The device was reset: nothing of the last owner's is kept, in memory or on the disk. 0, or the disk's -errno. */
int report_path_forget(struct report_path *p);

/* Something is on its way to the disk or to a cloud. */
bool report_path_is_busy(const struct report_path *p);

void report_path_expire(struct report_path *p, uint64_t now_ms);
uint64_t report_path_next_deadline(const struct report_path *p);

#endif
