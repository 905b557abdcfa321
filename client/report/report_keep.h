/* SPDX-License-Identifier: MIT */
/* Between the two files of the way of reports: report_path.c, from the uplink to the clouds, and report_keep.c, to and from
   the store. */
#ifndef CLIENT_REPORT_KEEP_H
#define CLIENT_REPORT_KEEP_H

#include "client/report/io/spool.h"
#include "client/report/report_path.h"
#include "libagent/core/json/json.h"

enum { REPORT_METHOD_MAX = 128 };

/* A text from the uplink, looked at once. */
struct incoming {
    uint32_t id;
    struct ag_span text, method;
    struct ag_json_view view;
    bool scanned; /* view is the text's; else it is no JSON */
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
/* The moment of a report by the clock as it is now, which may have been set since. 0: nobody knows. */
uint32_t report_unix_of(const struct report_time *now, const struct report_birth *birth);

/*
 * view: the text's, NULL: it has not been scanned. false: nothing that a route or the store could be asked about; the
 * route is the primary's.
 */
bool report_look_at(const struct report_path *p, struct incoming *in, uint32_t id, struct ag_span text,
                    const struct ag_json_view *view);
/* One record for all of the set; teller: a bit of it, or 0. 0: stored; -errno: the teller's part is not. Of the others, who
   do not get it is counted. */
int report_keep(struct report_path *p, const struct incoming *in, unsigned set, int64_t born_ms, unsigned teller);
/* Under way without being kept, and now to be kept for that cloud. 0 or -errno. */
int report_keep_given(struct report_lane *l, const struct given *g);
/* The application's error: the store cannot have its report. */
void report_refuse(struct report_path *p, uint32_t id, int error);
/* As report_queue's forget; user is a lane. */
void report_on_forget(void *user, uint64_t seq);

#endif
