/* SPDX-License-Identifier: MIT */
/*
 * A cloud without a network: the MQTT link, HTTP, libuv's timers and the log are stand-ins of the rig's, time is a number,
 * and all that the cloud does is one text: a line for each thing, in order. So a test sees second answers, repeats, gaps
 * and silence as well as what it waits for.
 *
 *     up  lost <why>  room  command <token> <text>  told <text>  acked <id>  failed <id> [retry]  closed
 *     connect <host>:<port>  disconnect  sub <topic> <qos>  unsub <topic>  pub <topic> <qos> [r ]<payload>
 *     http <method> <url> <body>  ERROR <log line>
 *
 * told: a command without an answer, or a method's own answer. One rig at a time; its symbols stand in for those of
 * mqtt_link.c, http.c, log.c and libuv in the whole test program.
 */
#ifndef TEST_CLOUD_RIG_H
#define TEST_CLOUD_RIG_H

/* What cmocka wants before it, and what every test of a cloud uses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/cloud.h"
#include "client/device/core/device_conf.h"
#include "client/cloud/io/mqtt_link.h"

struct rig {
    struct cloud *cloud;
    const struct cloud_ops *ops;
    struct cloud_env env;
    struct device_conf conf;
    char dir[64];
    uint64_t now_ms;
    struct ag_buf journal;
    bool quiet;    /* pub and command lines are counted only */
    bool echo;     /* a command is answered at once with {"id":1,"result":["ok"]} */
    unsigned room; /* publishes that the link takes until some are done */
    unsigned n_pub, n_commands, n_told, n_closed;
    char last_topic[160]; /* of the last publish, for payloads that are no text */
    struct ag_buf last_payload;
    bool link_up, link_open;
    uint64_t last_token;
    uint64_t told_next_ms; /* when the next try was due, as the cloud said when its last loss was told; 0: at once */
};

extern struct rig rig;

/* lines: of device.conf beside the identity. */
void rig_open(const struct cloud_ops *ops, const char *lines);
/* The same for something else on a link: the test opens and closes it itself, and then calls rig_finish(). */
void rig_begin(void);
void rig_finish(void);
/* Stops the cloud, lets everything close, checks that nothing is left. */
void rig_close(void);

/* Puts a line of the test's own into the journal. */
void rig_line(const char *text);
/* What has happened since the last call; valid until the next one. */
const char *rig_take(void);
/* The same must be this text, line ends as '\n'. */
void rig_expect(const char *want);

/* Time passes: timers fire in order. */
void rig_wait(uint64_t ms);
/* Milliseconds until the next timer; UINT64_MAX: none. */
uint64_t rig_next_timer(void);

/* The link's events. */
void rig_up(void);
void rig_lost(enum mqtt_link_loss loss, int code);
void rig_message(const char *topic, const char *payload, bool retain);
void rig_message_bytes(const char *topic, struct ag_span payload);
/* A login and all that follows it, subscriptions granted as grant says: nothing more is on its way. What was done for it. */
const char *rig_bring_up(int grant);
/* Everything that was published, subscribed or unsubscribed is done: result 0, or what grant says for subscriptions. */
void rig_done_all(int grant);
/* The oldest n publishes are done. */
void rig_done(unsigned n);

/* The oldest HTTP call ends. */
void rig_http(int status, const char *body);

/* 0 when the cloud does not tell it. */
uint64_t rig_counter(const char *name);
/* All that it tells, sorted, separated by spaces. */
const char *rig_counter_names(void);
int rig_report(uint32_t id, const char *text, bool repeat);
int rig_answer(uint64_t token, const char *text);
/* A method of the cloud's own; its answer is a line "told". */
int rig_method(const char *method, const char *params);

#endif
