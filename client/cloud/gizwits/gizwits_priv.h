/* SPDX-License-Identifier: MIT */
/*
 * Inside the Gizwits cloud: gizwits.c holds the session, reports and life, gizwits_link.c the MQTT link,
 * gizwits_in.c what comes over it and the answers, gizwits_web.c the HTTP calls and firmware,
 * gizwits_method.c the methods gizwits.* of applications.
 */
#ifndef CLIENT_GIZWITS_PRIV_H
#define CLIENT_GIZWITS_PRIV_H

#include "client/cloud/cloud.h"
#include "client/cloud/gizwits/gizwits_conf.h"
#include "client/cloud/core/answer_box.h"
#include "client/cloud/core/broker_session.h"
#include "client/cloud/core/sub_ladder.h"
#include "client/cloud/gizwits/core/gizwits_acks.h"
#include "client/cloud/gizwits/core/gizwits_frame.h"
#include "client/cloud/gizwits/core/gizwits_session.h"
#include "client/cloud/gizwits/core/gizwits_topic.h"
#include "client/cloud/io/mqtt_link.h"
#include "libagent/core/log/log.h"
#include "libagent/io/http/http.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* What a cookie of the link stands for: the kind above, a number below. */
enum gizwits_cookie_kind { GIZWITS_COOKIE_REPORT = 1, GIZWITS_COOKIE_SUBSCRIBE, GIZWITS_COOKIE_ANSWER };

static inline uint64_t gizwits_cookie(enum gizwits_cookie_kind kind, uint32_t n)
{
    return (uint64_t) kind << 32 | n;
}

/* A command of an App that an application is to answer. */
struct gizwits_command {
    UT_hash_handle hh;
    uint64_t token;
    char app[GIZWITS_APP_MAX + 1];
    bool acked_form; /* came as 0x0093: the answer goes as 0x0094 */
    uint32_t sn;
    size_t id_len;
    char id[]; /* as the App wrote it */
};

struct gizwits_counters {
    uint64_t dropped[GIZWITS_N_ERRORS]; /* payloads that are no frame, by reason */
    uint64_t unknown_topic;             /* messages on no topic of ours, or from no usable App */
    uint64_t unexpected;                /* frames that only a device sends */
    uint64_t repeated;                  /* 0x0093 that had been delivered */
    uint64_t stray_acks;
    uint64_t reports_refused;
    uint64_t calls_refused;
    uint64_t unsent; /* logs, questions, and repeats of our 0x0093 that found no room or no connection */
};

struct gizwits_call; /* gizwits_method.c */

struct gizwits {
    struct cloud base;
    const struct cloud_env *env;
    struct gizwits_conf conf;
    char *store_path;
    struct gizwits_store store;
    struct gizwits_session session;
    struct cloud_past past;
    char refused[CLOUD_TOPIC_MAX]; /* filter of the last subscription that was not granted; emptied when a session is up */
    enum sub_ladder_no refused_how;

    struct mqtt_link *link; /* one per identity; NULL until there is a DID */
    char link_did[GIZWITS_DID_MAX + 1];
    bool link_stale; /* its identity is no longer valid: it is closing, and the next step waits for that */
    bool connect_waits;

    struct ag_http *http;
    struct ag_http_call *web; /* disable, register or provision */
    uv_timer_t pause;
    uv_timer_t ack_timer;

    struct gizwits_command *commands; /* uthash, by token */
    struct answer_box answers;        /* frames: answers and acknowledgements */
    uint64_t next_token;
    struct gizwits_seen seen;
    struct gizwits_outs outs;
    struct broker_session broker;
    struct ag_list calls;    /* struct gizwits_call, those waiting for 0x0210 */
    struct ag_list fw_calls; /* struct fw_call */

    uint16_t log_settings;
    struct gizwits_target target[2];            /* firmware that has been offered to applications, by type - 1 */
    int offered;                                /* the type of the last offer; 0: none */
    bool ota_checked[2];                        /* in this life of the process */
    char soft_version[GIZWITS_VERSION_MAX + 1]; /* as the client gave it */

    struct gizwits_counters count;
    struct ag_log_gate gate;
};

/* ---- gizwits.c ---- */

void gizwits_do(struct gizwits *g, struct gizwits_decision d);
int gizwits_save(struct gizwits *g);
/* Why something that a peer sent was dropped; to the local log only. Limited. */
void gizwits_log_dropped(struct gizwits *g, const char *what, const char *why);
bool gizwits_online(const struct gizwits *g);

/* A report has been written (0), or its connection went first. */
void gizwits_report_done(struct gizwits *g, uint32_t id, int result);
/* One of the things that the session counts as open has closed; the last one frees g. */
void gizwits_put(struct gizwits *g);

/* ---- gizwits_link.c ---- */

/* To session.m2m under store.did, now or as soon as the previous session has ended. 0 or -errno. */
int gizwits_link_connect(struct gizwits *g);
int gizwits_link_subscribe(struct gizwits *g, unsigned i);
/* Ends what is on; none of its callbacks is called after that. */
void gizwits_link_drop(struct gizwits *g);
/* Builds the frame and publishes it to an App, or with "" to all. 0, GIZWITS_E_*, -ENOTCONN, -ENOBUFS, -ENOMEM. */
int gizwits_publish(struct gizwits *g, const char *app, const struct gizwits_frame *f, uint64_t cookie);
/* The same for a finished frame, to any topic. urgent: it goes although reports fill the window. */
int gizwits_publish_bytes(struct gizwits *g, const char *topic, struct ag_span payload, bool urgent, uint64_t cookie);
/* 0x0012 to all Apps, when its level is switched on. */
void gizwits_send_log(struct gizwits *g, enum gizwits_log_level level, const char *tag, const char *text);

/* ---- gizwits_in.c ---- */

void gizwits_on_message(void *user, const struct mqtt_link_msg *m);
int gizwits_answer(struct cloud *base, uint64_t token, struct ag_span text);
void gizwits_forget_commands(struct gizwits *g);
/* Sends what waits, as far as there is room. */
void gizwits_answers_send(struct gizwits *g);

/* ---- gizwits_web.c ---- */

int gizwits_disable(struct gizwits *g);
int gizwits_register(struct gizwits *g);
int gizwits_provision(struct gizwits *g);
/* Asks whether there is firmware of this type, 1 or 2. Failures are only logged. */
void gizwits_check_firmware(struct gizwits *g, int type);
/* Firmware that M2M has announced with its address (v4.0). */
void gizwits_on_firmware_v40(struct gizwits *g, const struct gizwits_frame *f);
/* ag_http_close() has been called: what belonged to its calls goes. */
void gizwits_web_closed(struct gizwits *g);
/* A report passes by: what was offered may have been installed. */
void gizwits_watch_report(struct gizwits *g, struct ag_span text);

/* ---- gizwits_method.c ---- */

int gizwits_local_method(struct cloud *base, struct ag_span method, struct ag_span params,
                         void (*done)(void *user, struct ag_span text), void *user);
void gizwits_method_acked(struct gizwits_out *o, struct ag_span p0);
void gizwits_method_gave_up(struct gizwits_out *o, int code, const char *message);
void gizwits_method_apps(struct gizwits *g, unsigned n);
/* Ends all that wait for the number of Apps, and every 0x0093 of ours. */
void gizwits_method_fail_all(struct gizwits *g, int code, const char *message);
uint64_t gizwits_method_deadline(const struct gizwits *g);
void gizwits_method_expire(struct gizwits *g, uint64_t now_ms);
/* Sets the timer for whatever is due next. */
void gizwits_rearm(struct gizwits *g);

#endif
