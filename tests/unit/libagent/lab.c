/* SPDX-License-Identifier: MIT */
#include "tests/unit/libagent/lab.h"

#include <stdio.h>
#include <string.h>
#include "libagent/events.h"

static uint64_t clock_ms;

static uint64_t lab_now(void *user)
{
    (void) user;
    return clock_ms;
}

void lab_init(struct lab *l)
{
    memset(l, 0, sizeof *l);
    clock_ms = 1000;
    l->conn = ag_conn_new(0, lab_now, ag_conn_end);
    if (l->conn)
        l->conn->state = AGENT_CONNECTING; /* as agent_open() leaves it */
}

void lab_deinit(struct lab *l)
{
    l->conn = agent_unref(l->conn);
}

void lab_up(struct lab *l)
{
    l->conn->processing = true;
    ag_conn_on_up(l->conn, clock_ms);
    l->conn->processing = false;
}

void lab_down(struct lab *l)
{
    l->conn->processing = true;
    ag_conn_on_down(l->conn, clock_ms);
    l->conn->processing = false;
}

void lab_at(struct lab *l, uint64_t ms)
{
    clock_ms = ms;
    l->conn->processing = true;
    ag_conn_on_time(l->conn, clock_ms);
    ag_conn_check_ready(l->conn);
    l->conn->processing = false;
}

static int say(struct lab *l, const char *text, size_t n)
{
    char *copy = n ? test_malloc(n) : NULL; /* just as long as it is, so that a read beyond is found */
    int r;

    memcpy(copy, text, n);
    ag_conn_enter(l->conn);
    l->conn->processing = true;
    r = ag_conn_on_bytes(l->conn, copy, n);
    ag_conn_check_ready(l->conn);
    l->conn->processing = false;
    ag_conn_leave(l->conn);
    test_free(copy);
    return r;
}

int lab_say(struct lab *l, const char *text)
{
    return say(l, text, strlen(text));
}

int lab_say_bytewise(struct lab *l, const char *text)
{
    int r = 0;

    for (; *text && r == 0; text++)
        r = say(l, text, 1);
    return r;
}

const char *lab_sent(struct lab *l)
{
    size_t n = ag_buf_size(&l->conn->out);

    assert_true(n < sizeof l->sent);
    if (n > 0)
        memcpy(l->sent, ag_buf_head(&l->conn->out), n);
    l->sent[n] = '\0';
    ag_buf_clear(&l->conn->out);
    return l->sent;
}

void lab_note(struct lab *l, const char *fmt, ...)
{
    size_t n = strlen(l->seen);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(l->seen + n, sizeof l->seen - n, fmt, ap);
    va_end(ap);
}

const char *lab_seen(struct lab *l)
{
    static char copy[sizeof l->seen];

    memcpy(copy, l->seen, sizeof copy);
    l->seen[0] = '\0';
    return copy;
}

int lab_on_request(agent_request *req, void *user)
{
    lab_note(user, "%s%s;", agent_request_method(req), agent_request_params(req));
    agent_reply(req, NULL);
    return 0;
}

void lab_on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) conn;
    lab_note(user, "%d %s;", status, result ? result : error ? error : "-");
}
