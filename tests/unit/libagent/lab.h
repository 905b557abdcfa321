/* SPDX-License-Identifier: MIT */
/*
 * A connection object on the bench: no socket, its own clock, bytes in and out as strings. What the library would send
 * is read with lab_sent(); what the agent says is fed with lab_say().
 */
#ifndef TEST_LAB_H
#define TEST_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "libagent/conn/conn.h"

struct lab {
    agent_conn *conn;
    char sent[8192];
    char seen[8192]; /* what callbacks noted, one word or line after the other */
};

/* Not open. NULL conn when an allocation failed. Ids begin at 1. */
void lab_init(struct lab *l);
void lab_deinit(struct lab *l);

void lab_up(struct lab *l);
void lab_down(struct lab *l);
void lab_at(struct lab *l, uint64_t ms);

/* All at once; one byte at a time. 0 or the library's error. */
int lab_say(struct lab *l, const char *text);
int lab_say_bytewise(struct lab *l, const char *text);

/* What has been queued since the last time. Valid until the next call. */
const char *lab_sent(struct lab *l);
/* What callbacks noted since the last time. */
const char *lab_seen(struct lab *l);
void lab_note(struct lab *l, const char *fmt, ...) ag_printf_like(2, 3);

/* A request handler that notes "method params" and answers ["ok"], and a call's end that notes it. user: the lab. */
int lab_on_request(agent_request *req, void *user);
void lab_on_end(agent_conn *conn, int status, const char *result, const char *error, void *user);

#endif
