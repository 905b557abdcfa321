/*
 * Inside the OneNET cloud: onenet.c holds the connection, reports and what comes in; onenet_method.c the methods
 * onenet.* that applications call; onenet_http.c the requests to the platform's HTTP side.
 */
#ifndef CLIENT_ONENET_PRIV_H
#define CLIENT_ONENET_PRIV_H

#include "client/cloud/cloud.h"
#include "client/cloud/onenet_conf.h"
#include "client/core/backoff.h"
#include "client/core/onenet_command.h"
#include "client/core/onenet_points.h"
#include "client/core/onenet_topic.h"
#include "client/io/mqtt_link.h"
#include "libagent/core/log.h"

/* What a cookie of the link stands for: the kind above, a number below. */
enum onenet_cookie_kind { ONENET_COOKIE_REPORT = 1, ONENET_COOKIE_CALL, ONENET_COOKIE_RESUBSCRIBE };

static inline uint64_t onenet_cookie(enum onenet_cookie_kind kind, uint32_t n)
{
    return (uint64_t) kind << 32 | n;
}

/* A topic that the device wants. */
struct onenet_sub {
    struct ag_list link;
    uint8_t qos;
    char topic[];
};

struct onenet_counters {
    uint64_t reports_refused; /* a report that no data point can carry */
    uint64_t commands_refused; /* too large, or without memory */
    uint64_t messages_ignored; /* on a reserved topic that is no command */
    uint64_t calls_refused;
};

struct onenet_call;
struct ag_http;

struct onenet {
    struct cloud base;
    const struct cloud_env *env;
    struct onenet_conf conf;
    struct mqtt_link *link;
    uv_timer_t retry;
    struct backoff after_cut, after_refusal;
    struct onenet_commands commands;
    struct ag_list subs; /* struct onenet_sub */
    unsigned n_subs;
    struct ag_list in_flight; /* struct report_in_flight: reports in the link's window */
    struct ag_list calls; /* struct onenet_call */
    uint32_t next_call;
    struct ag_http *http; /* made with the first request */
    struct onenet_counters count;
    struct ag_log_gate refused_gate;
    uint64_t last_sent_ms;
    bool stopping, subscribed_once, link_gone, timer_gone, http_gone;
};

int32_t onenet_utc_offset(const struct onenet *o);
/* One line about something refused; lines that a peer provokes are limited. */
void onenet_log_refused(struct onenet *o, const char *what, const char *why);

struct onenet_sub *onenet_sub_find(struct onenet *o, struct ag_span topic);
int onenet_sub_add(struct onenet *o, struct ag_span topic, uint8_t qos);
void onenet_sub_remove(struct onenet *o, struct onenet_sub *s);

/* ---- onenet_method.c ---- */

int onenet_local_method(struct cloud *base, struct ag_span method, struct ag_span params,
                        void (*done)(void *user, struct ag_span text), void *user);
/* An acknowledgement for call n. */
void onenet_method_done(struct onenet *o, uint32_t n, int result);
/* error NULL: the platform said errno 0. */
void onenet_method_http_done(struct onenet_call *call, const char *error);
/* Every open call is answered with this error. */
void onenet_method_fail_all(struct onenet *o, int code, const char *message);

/* ---- onenet_http.c, or onenet_no_http.c ---- */

/*
 * POST to conf.http_url + path with the api-key; onenet_method_http_done(call, ...) follows, unless closed first.
 * -ENOSYS: built without HTTP; -EBUSY, -ENOMEM, -EINVAL.
 */
int onenet_http_post(struct onenet *o, const char *path, struct ag_span body, struct onenet_call *call);
/* true: gone at once; else onenet_http_gone() follows. */
bool onenet_http_close(struct onenet *o);
void onenet_http_gone(struct onenet *o);

#endif
