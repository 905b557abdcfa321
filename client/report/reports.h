/* SPDX-License-Identifier: MIT */
/*
 * What goes up, behind one interface: the requests and reports of applications (core/uplink.h), and the reports that are kept
 * until the clouds have them (report_path.h). A cloud's event comes in here and goes to both.
 *
 * Init, open, reports_close() before the applications' sockets close; closed() follows if reports_keeps(). After
 * reports_deinit() the struct may go. The device outlives it.
 */
#ifndef CLIENT_REPORTS_H
#define CLIENT_REPORTS_H

#include "client/device/device.h"
#include "client/report/core/uplink.h"
#include "client/report/report_path.h"

/* What the rest of the client does for them; user is struct reports_env's. */
struct reports_host {
    /* The clouds, as in struct report_host. */
    bool (*cloud_takes)(void *user, unsigned place);
    int (*cloud_report)(void *user, unsigned place, uint32_t id, struct ag_span text, const struct ag_json_view *view,
                        uint32_t at_s, bool repeat);
    bool (*cloud_has_room)(void *user, unsigned place);
    int (*cloud_carries)(void *user, unsigned place, struct ag_span text);
    /* The answer to an application, with its own id. */
    void (*reply)(void *user, unsigned peer, struct ag_span text);
    /* The store has closed. */
    void (*closed)(void *user);
};

struct reports_env {
    uv_loop_t *loop;
    struct device *device;
    unsigned timeout_ms; /* of a request */
    uint32_t random;     /* any number; the first id follows from it */
    const struct reports_host *host;
    void *user;
};

struct reports {
    struct reports_env env;
    struct uplink uplink;
    struct report_path path;
};

void reports_init(struct reports *r, const struct reports_env *env);
/* Reads what an earlier run has kept in this file. clouds: the list, for the call only. 0 or -errno with one line in error. */
int reports_open(struct reports *r, const char *file, const struct route_cloud *clouds, unsigned n_clouds, char *error, size_t n);
/* Keeps what nobody waits for until the next start, and answers everybody else. */
void reports_close(struct reports *r);
void reports_deinit(struct reports *r);

/* There is a store. */
bool reports_keeps(const struct reports *r);

/* From an application; as uplink_submit(). */
int reports_submit(struct reports *r, unsigned peer, struct ag_span text, const struct ag_json_view *view);
/* Its answers go nowhere from now on. */
void reports_peer_removed(struct reports *r, unsigned peer);

/* A cloud's events. */
void reports_acked(struct reports *r, unsigned place, uint32_t id, struct ag_span answer);
void reports_failed(struct reports *r, unsigned place, uint32_t id, bool retry, int code, const char *message);
/* It may take more. */
void reports_pump(struct reports *r, unsigned place);
/* Its session has ended: keeps what is under way, then what waited. */
void reports_lost(struct reports *r, unsigned place);

/* Another list of clouds, with the settings that have its routes. 0, or -errno, which is in the log: the old one stays. */
int reports_take_list(struct reports *r, const struct route_cloud *clouds, unsigned n_clouds, const struct device_conf *fresh);
/* The device was reset: nothing of the last owner's is kept, and whoever waits for the cloud is answered. 0 or -errno. */
int reports_forget(struct reports *r);

/* Something is open, or on its way to the disk or to a cloud. */
bool reports_is_busy(const struct reports *r);
void reports_expire(struct reports *r, uint64_t now_ms);
/* AG_NEVER: none. */
uint64_t reports_next_deadline(const struct reports *r);

#endif
