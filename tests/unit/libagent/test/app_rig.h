/* SPDX-License-Identifier: MIT */
/* An application and the agent that its test plays, and what its callbacks have seen. */
#ifndef TEST_APP_RIG_H
#define TEST_APP_RIG_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
/* clang-format on */
#include <agent/test.h>
#include "libagent/core/util.h"

struct app {
    agent_conn *conn;
    agent_test *t;
    char seen[4096]; /* what callbacks noted */
};

/* A fresh connection with its agent, not open; both are given back. */
void app_begin(struct app *app);
void app_end(struct app *app);
/* Subscribes to this with app_on_request(). */
void app_serve(struct app *app, const char *key);
void app_open(struct app *app);

void app_note(struct app *app, const char *fmt, ...) ag_printf_like(2, 3);
/* What has been noted since the last time. */
void assert_seen(struct app *app, const char *expected);

/* Callbacks that note what they are told. user: the app */
int app_on_request(agent_request *req, void *user); /* ["ok"], but for the method fail */
void app_on_end(agent_conn *conn, int status, const char *result, const char *error, void *user);
void app_on_state(agent_conn *conn, enum agent_state state, void *user);
void app_on_registered(agent_slot *slot, int status, void *user);
void app_on_timer(agent_conn *conn, void *user);
void app_on_served(agent_test *t, uint32_t id, const char *params, void *user); /* answers with the params; [0]: an error */

/* A request that is answered later. */
extern agent_request *app_kept;
int app_on_keep(agent_request *req, void *user);

/* How an application may speak to the agent; the first two are all encodings. */
static const struct way {
    enum agent_encoding encoding;
    const char *address;
} ways[] = {
    {AGENT_JSON, NULL},
    {AGENT_MSGPACK, "tcp:127.0.0.1:9"},
    {AGENT_JSON, "seqpacket:/nowhere"},
    {AGENT_MSGPACK, "seqpacket:/nowhere"},
};

/* What agent_test_new() is given: a failure that the test wants ends in its text and line. */
void app_failed(const char *text, const char *file, int line);
extern jmp_buf app_failure;
extern int app_failing; /* one is wanted */
extern char app_failed_text[4096];
extern int app_failed_line;

/* The statement ends in a failure whose words contain this. */
#define FAILS(containing, statement)                                                                                             \
    do {                                                                                                                         \
        app_failing = 1;                                                                                                         \
        if (setjmp(app_failure) == 0) {                                                                                          \
            statement;                                                                                                           \
            app_failing = 0;                                                                                                     \
            fail_msg("did not fail: %s", #statement);                                                                            \
        }                                                                                                                        \
        app_failing = 0;                                                                                                         \
        if (!strstr(app_failed_text, containing))                                                                                \
            fail_msg("\"%s\" does not contain \"%s\"", app_failed_text, containing);                                             \
    } while (0)

#endif
