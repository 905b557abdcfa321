/* SPDX-License-Identifier: MIT */
/*
 * Requests and reports of applications on their way to the cloud. Each gets an id of the client's own; the cloud's answer
 * goes back to the socket that asked, under the id that it used. An application's request with an id is answered
 * exactly once: by the cloud, or with an error at the deadline, or at once while there is no cloud.
 *
 * Order is kept: while the cloud's window is full, texts wait here in a bounded queue and leave in the order in which they
 * came. Each cloud has a lane of its own, so that one with a full window holds up nobody else's.
 * A core: the cloud is reached through the sink, the clock is an argument.
 */
#ifndef CLIENT_UPLINK_H
#define CLIENT_UPLINK_H

#include <stdbool.h>
#include "client/device/core/wire.h"
#include "libagent/core/buf.h"
#include "libagent/core/json/json.h"
#include "libagent/core/list.h"
#include "libagent/core/reuse.h"

/* For uplink_submit(): nobody waits for the answer. Lanes are places of clouds (client/report/core/report_route.h). */
enum { UPLINK_NO_PEER = COMMAND_PEERS_MAX, UPLINK_LANES = 8, UPLINK_NO_LANE = UPLINK_LANES };

struct uplink_sink {
    /*
     * Hands a report to the cloud, as cloud_ops.report() (client/cloud/cloud.h): 0, -ENOTCONN, -ENOBUFS, others: the
     * cloud cannot carry it. view: the text's; NULL: it has not been scanned.
     */
    int (*report)(void *user, uint32_t id, struct ag_span text, const struct ag_json_view *view, bool repeat);
    /* The lane of a text: the cloud whose answer it gets. NULL: always 0. */
    unsigned (*lane)(void *user, struct ag_span text, const struct ag_json_view *view);
    /* The answer for a peer, with the application's own id. */
    void (*reply)(void *user, unsigned peer, struct ag_span text);
    /* A report under this id, perhaps of an earlier run, is still to be acknowledged. NULL: there are none. */
    bool (*taken)(void *user, uint32_t id);
};

struct uplink_stats {
    /* submitted is the sum of what is open and the other five: each text ends once */
    uint64_t submitted, acked, failed, timed_out, refused, no_memory;
    uint64_t greedy;  /* of the refused: too much of this peer's is open */
    uint64_t dropped; /* reports without an id that could not be delivered */
    uint64_t stray;   /* what a cloud says of a text that is not open, or that is another cloud's */
};

struct uplink_entry;

/* What one peer has open. It may have as much as is still free for others: alone it gets half, two get a third each. */
struct uplink_share {
    unsigned n;
    size_t bytes;
};

struct uplink {
    const struct uplink_sink *sink;
    void *user;
    struct uplink_entry *by_id;          /* uthash */
    struct ag_list by_deadline;          /* struct uplink_entry.deadline: every entry */
    struct ag_list queues[UPLINK_LANES]; /* struct uplink_entry.queued: those not yet given to the cloud */
    unsigned pumping;                    /* bit per lane: within a call of the cloud's */
    struct ag_spares spares;             /* of struct uplink_entry */
    struct ag_buf scratch;               /* for a text while it is passed on */
    unsigned n_open, max_open;
    size_t bytes, max_bytes; /* of all that is open: its text is here, on its way to the disk, or with the cloud */
    struct uplink_share shares[UPLINK_NO_PEER + 1];
    unsigned timeout_ms;
    uint32_t last_id; /* ours are 1..2147483647 */
    struct uplink_stats stats;
};

/* random: any number; the first id follows from it. Defaults: 8192 open, 4 MiB, 30 s. */
void uplink_init(struct uplink *u, const struct uplink_sink *sink, void *user, uint32_t random);
void uplink_deinit(struct uplink *u);

/* A report or request (has a method) from peer. 0 or -ENOMEM (nothing happened). */
int uplink_submit(struct uplink *u, unsigned peer, struct ag_span text, const struct ag_json_view *view, uint64_t now_ms);

/*
 * What became of it; answer is an object such as {"result":["ok"]}. lane: the cloud that says so, UPLINK_NO_LANE: the device
 * itself. Only the cloud of its lane decides on a text; what others say, and unknown ids, are counted.
 */
void uplink_acked(struct uplink *u, unsigned lane, uint32_t id, struct ag_span answer);
void uplink_failed(struct uplink *u, unsigned lane, uint32_t id, int code, const char *message);

/* An application waits for the answer. */
bool uplink_is_awaited(const struct uplink *u, uint32_t id);

/* The lane's cloud may take more: after connected, acked and failed. */
void uplink_pump(struct uplink *u, unsigned lane);
/* The session ended: what waits in the lane is answered -32002 not connected. */
void uplink_lost(struct uplink *u, unsigned lane);

/* The routes have changed: what waits moves to the lane that it has now. */
void uplink_reroute(struct uplink *u);

/* Its answers go nowhere from now on. */
void uplink_peer_removed(struct uplink *u, unsigned peer);

void uplink_expire(struct uplink *u, uint64_t now_ms);
uint64_t uplink_next_deadline(const struct uplink *u);

/* The daemon ends, or the device was reset: everything open is answered with that error. */
void uplink_refuse_all(struct uplink *u, int code, const char *message);

/* A fresh id for a report that does not come from an application (spool, _otc.info). */
uint32_t uplink_draw_id(struct uplink *u);

#endif
