/* SPDX-License-Identifier: MIT */
#include "libagent/conn/conn.h"

#include <errno.h>
#include <stdlib.h>

enum {
    QUEUE_LIMIT = 2 * 1024 * 1024,
    TEXT_IN_MAX = 4 * 1024 * 1024, /* above the agent's default, which may be raised */
    DEPTH_IN_MAX = 256
};

void ag_conn_init_framer(struct agent_conn *c)
{
    ag_framer_init(&c->framer, TEXT_IN_MAX, DEPTH_IN_MAX, NULL);
}

struct agent_conn *ag_conn_new(uint64_t random, uint64_t (*now_ms)(void *), void (*end)(struct agent_conn *))
{
    struct agent_conn *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->refs = 1;
    c->now_ms = now_ms;
    c->end = end;
    c->random = random | 1;
    c->first_pause_ms = c->pause_ms = 100;
    c->max_pause_ms = 5000;
    c->queue_limit = QUEUE_LIMIT;
    ag_conn_init_framer(c);
    ag_waits_init(&c->waits, (uint32_t) (random >> 32));
    ag_keys_init(&c->keys);
    ag_posts_init(&c->posts);
    ag_list_init(&c->untold);
    ag_list_init(&c->calls);
    ag_list_init(&c->unsent);
    ag_list_init(&c->ending);
    ag_list_init(&c->timers);
    ag_list_init(&c->requests);
    ag_wait_init(&c->bind_wait, AG_WAIT_BIND);
    ag_wait_init(&c->status_wait, AG_WAIT_STATUS);
    ag_transport_own(&c->transport);
    return c;
}

void ag_conn_free(struct agent_conn *c)
{
    ag_framer_deinit(&c->framer);
    ag_buf_deinit(&c->out);
    ag_buf_deinit(&c->sizes);
    ag_buf_deinit(&c->text);
    ag_buf_deinit(&c->decoded);
    ag_lines_deinit(&c->lines);
    free(c->last_error);
    free(c->read_buf);
    free(c);
}

void ag_conn_hold(struct agent_conn *c)
{
    c->refs++;
    c->held++;
}

void ag_conn_release(struct agent_conn *c)
{
    c->held--;
    agent_unref(c);
}

void ag_conn_enter(struct agent_conn *c)
{
    ag_conn_hold(c);
    c->calling++;
}

void ag_conn_leave(struct agent_conn *c)
{
    c->calling--;
    ag_conn_release(c);
}

int ag_conn_check(const struct agent_conn *c)
{
    if (!c)
        return -EINVAL;
    return ag_transport_is_ours(&c->transport) ? 0 : -ECHILD;
}

int ag_conn_admit(const struct agent_conn *c)
{
    int r = ag_conn_check(c);

    return r == 0 && (c->dying || c->closing) ? -ESHUTDOWN : r;
}

void ag_conn_logf(struct agent_conn *c, enum agent_log_level level, const char *fmt, ...)
{
    va_list ap;

    if (!c->log || (uint8_t) level > c->log_max)
        return;
    va_start(ap, fmt);
    ag_lines_vadd(&c->lines, level, fmt, ap);
    va_end(ap);
}

AGENT_API agent_conn *agent_ref(agent_conn *conn)
{
    if (conn)
        conn->refs++;
    return conn;
}

AGENT_API agent_conn *agent_unref(agent_conn *conn)
{
    if (!conn || --conn->refs > conn->held)
        return NULL;
    if (!conn->dying) {
        conn->dying = true;
        conn->refs++; /* what runs now may still use it */
        conn->held++;
        conn->end(conn);
        conn->held--;
        conn->refs--;
    }
    if (conn->refs > 0)
        return NULL; /* a callback is on the stack, or has taken a reference; it goes with that */
    ag_transport_deinit(&conn->transport);
    if (conn->seam)
        conn->seam->gone(conn->seam_user);
    ag_conn_free(conn);
    return NULL;
}

AGENT_API void agent_unrefp(agent_conn **conn)
{
    if (conn)
        *conn = agent_unref(*conn);
}
