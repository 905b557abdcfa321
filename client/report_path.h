/*
 * The way of a report from the uplink to the cloud. While the cloud takes reports they go to it directly; their texts
 * are held until the acknowledgement. When it does not (no session, or an older report still waits) they are kept on
 * disk, and the application is told ["queued"] once they are safe. Kept reports leave in order, under the same ids, and are
 * removed when the cloud has acknowledged them. Which methods are kept: client/core/report_policy.h.
 */
#ifndef CLIENT_REPORT_PATH_H
#define CLIENT_REPORT_PATH_H

#include <stdbool.h>
#include "client/core/report_queue.h"
#include "libagent/core/buf.h"

struct client;
struct spool;
struct report_direct;

struct report_path {
    struct report_queue queue;
    struct spool *spool;          /* NULL: nothing is kept */
    struct report_direct *direct; /* given to the cloud without being kept; uthash, in the order they were given */
    unsigned n_direct;
    uint64_t release_ms;          /* when those held back are tried again; 0: none */
    bool pumping;
};

/* Reads what an earlier run has left. 0 or -errno with one line in error. Close in any case. */
int report_path_open(struct client *c, char *error, size_t n);
/* Before applications are refused: what is under way and nobody waits for is kept for the next start. */
void report_path_close(struct client *c);
void report_path_deinit(struct client *c);

/* From the uplink; as uplink_sink.report(). */
int report_path_report(struct client *c, uint32_t id, struct ag_span text, bool repeat);

/* A report under this id waits for the cloud's acknowledgement; as uplink_sink.taken(). */
bool report_path_has(const struct client *c, uint32_t id);

/* The cloud's events, before the uplink hears of them. true: the uplink is not concerned. */
bool report_path_acked(struct client *c, uint32_t id);
bool report_path_failed(struct client *c, uint32_t id, bool retry);
void report_path_lost(struct client *c);
/* The cloud may take more. */
void report_path_pump(struct client *c);

/* The device was reset. */
void report_path_forget(struct client *c);

/* Something is on its way to the disk or to the cloud. */
bool report_path_is_busy(const struct client *c);

void report_path_expire(struct client *c, uint64_t now_ms);
/* UINT64_MAX: never. */
uint64_t report_path_next_deadline(const struct client *c);

#endif
