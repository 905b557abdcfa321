/* SPDX-License-Identifier: MIT */
/*
 * Inside the OneNET cloud: onenet.c holds the connection and reports, onenet_in.c what comes in and the answers to it,
 * onenet_sub.c subscriptions, onenet_method.c the methods onenet.* that applications call, onenet_http.c the requests to
 * the platform's HTTP side.
 */
#ifndef CLIENT_ONENET_PRIV_H
#define CLIENT_ONENET_PRIV_H

#include "client/cloud/cloud.h"
#include "client/cloud/onenet/onenet_conf.h"
#include "client/cloud/core/answer_box.h"
#include "client/cloud/onenet/core/onenet_command.h"
#include "client/cloud/onenet/core/onenet_points.h"
#include "client/cloud/core/broker_session.h"
#include "client/cloud/core/sub_ladder.h"
#include "client/cloud/io/mqtt_link.h"
#include "libagent/core/log/log.h"
#include "libagent/model/core/spec.h"

/* What a cookie of the link stands for: the kind above, a number below. */
enum onenet_cookie_kind {
    ONENET_COOKIE_REPORT = 1,
    ONENET_COOKIE_CALL,
    ONENET_COOKIE_RESUBSCRIBE, /* number: 4 times the subscription's, and the QoS that was asked for */
    ONENET_COOKIE_ANSWER
};

static inline uint64_t onenet_cookie(enum onenet_cookie_kind kind, uint32_t n)
{
    return (uint64_t) kind << 32 | n;
}

/* A topic that the device wants. */
struct onenet_sub {
    struct ag_list link;
    uint32_t n;
    struct sub_ladder ladder;
    char topic[];
};

struct onenet_counters {
    uint64_t reports_refused;  /* a report that no data point can carry */
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
    uv_timer_t retry, due; /* the next try; what is overdue next */
    struct broker_session broker;
    struct cloud_past past;
    struct onenet_commands commands;
    struct answer_box answers;
    struct ag_list subs; /* struct onenet_sub */
    unsigned n_subs;
    uint32_t next_sub;
    struct ag_list calls; /* struct onenet_call */
    uint32_t next_call;
    struct ag_http *http; /* made with the first request */
    struct model *names;  /* of streams; NULL: numbers */
    struct onenet_counters count;
    struct ag_log_gate refused_gate;
};

int32_t onenet_utc_offset(const struct onenet *o);
/* One line about something refused; lines that a peer provokes are limited. */
void onenet_log_refused(struct onenet *o, const char *what, const char *why);

/* Sets the timer for whatever is due next. */
void onenet_rearm(struct onenet *o);

/* ---- onenet_in.c ---- */

void onenet_on_message(void *user, const struct mqtt_link_msg *m);
int onenet_answer(struct cloud *base, uint64_t token, struct ag_span text);
/* Sends what waits, as far as there is room. */
void onenet_answers_send(struct onenet *o);

/* ---- onenet_sub.c ---- */

struct onenet_sub *onenet_sub_find(struct onenet *o, struct ag_span topic);
/* granted: the platform has said yes already. 0 or -ENOMEM. */
int onenet_sub_add(struct onenet *o, struct ag_span topic, uint8_t qos, bool granted);
void onenet_sub_remove(struct onenet *o, struct onenet_sub *s);
void onenet_subs_begin(struct onenet *o);
void onenet_sub_answered(struct onenet *o, uint32_t cookie, int result);
void onenet_subs_overdue(struct onenet *o, uint64_t now_ms);
/* One that the platform does not grant; out is untouched when there is none. */
void onenet_subs_refused(const struct onenet *o, struct cloud_facts *out);
uint64_t onenet_subs_due_ms(const struct onenet *o);
/* There is a new reason to ask. */
void onenet_subs_reset(struct onenet *o);
/* cut: by the platform or the network, not by us. */
void onenet_subs_lost(struct onenet *o, bool cut, uint64_t now_ms);

/* ---- onenet_method.c ---- */

int onenet_local_method(struct cloud *base, struct ag_span method, struct ag_span params,
                        void (*done)(void *user, struct ag_span text), void *user);
/* An acknowledgement for call n. */
void onenet_method_done(struct onenet *o, uint32_t n, int result);
/* error NULL: the platform said errno 0. */
void onenet_method_http_done(struct onenet_call *call, const char *error);
/* Answers calls that nobody has acknowledged in time. */
void onenet_method_expire(struct onenet *o, uint64_t now_ms);
uint64_t onenet_method_due_ms(const struct onenet *o);
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
