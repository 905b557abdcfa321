/* SPDX-License-Identifier: MIT */
/* Shared by the two files of the report path: report_path.c, from the uplink to the clouds, and report_keep.c, to and from the
   store. */
#ifndef CLIENT_REPORT_KEEP_H
#define CLIENT_REPORT_KEEP_H

#include "client/report/io/spool.h"
#include "client/report/report_path.h"
#include "libagent/core/json/json.h"

enum { REPORT_METHOD_MAX = 128 };

/* A text from the uplink, parsed once. */
struct incoming {
    uint32_t id;
    struct ag_span text, method;
    struct ag_json_view view;
    bool scanned; /* view is the text's; false: it is not JSON */
    char name[REPORT_METHOD_MAX];
    bool keeps; /* it may be kept */
    struct report_route route;
};

_Static_assert((int) ROUTE_PLACES <= 15, "a bit of the store for each");

static inline unsigned report_bit(unsigned place)
{
    return 1u << place;
}

static inline unsigned report_bit_if(bool yes, unsigned place)
{
    return yes ? report_bit(place) : 0;
}

extern const struct spool_events report_spool_events;

struct report_time report_time_of(const struct report_path *p);
int64_t report_now_of(const struct report_path *p);
/* The time of a report by the present clock, which may have been set since. 0: not known. */
uint32_t report_unix_of(const struct report_time *now, const struct report_birth *birth);

/*
 * view: the text's, NULL: it has not been scanned. false: it has no method that could be routed or kept; the route is the
 * primary's.
 */
bool report_look_at(const struct report_path *p, struct incoming *in, uint32_t id, struct ag_span text,
                    const struct ag_json_view *view);
/* One record for the whole set; teller: a bit of it, or 0. 0: stored; -errno: the teller's part is not. For the others it is
   counted when they do not get it. */
int report_keep(struct report_path *p, const struct incoming *in, unsigned set, int64_t born_ms, unsigned teller);
/* Keeps, for that cloud, a report that is under way without being kept. 0 or -errno. */
int report_keep_given(struct report_lane *l, const struct given *g);
/* Answers the application with an error: the store cannot take its report. */
void report_refuse(struct report_path *p, uint32_t id, int error);
/* As report_queue's forget; user is a lane. */
void report_on_forget(void *user, uint64_t seq);

#endif
