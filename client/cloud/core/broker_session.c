/* SPDX-License-Identifier: MIT */
#include "client/cloud/core/broker_session.h"

#include <errno.h>
#include "libagent/core/deadline.h"

enum {
    SOON_MS = 1, /* after a session that we ended ourselves */
    MAX_SPARE = 64
};

struct report_given {
    struct ag_list link;
    uint32_t id;
};

static void init(struct broker_session *s)
{
    *s = (struct broker_session){.retry_at_ms = AG_NEVER};
    ag_list_init(&s->reports);
}

void broker_session_init(struct broker_session *s, uint32_t first_ms, uint32_t step_ms, uint32_t max_ms, uint32_t seed)
{
    init(s);
    reconnect_init(&s->reconnect, first_ms, step_ms, max_ms, seed);
}

void broker_session_init_steps(struct broker_session *s, uint32_t step_ms, uint32_t max_ms)
{
    init(s);
    reconnect_init_steps(&s->reconnect, step_ms, max_ms);
}

void broker_session_deinit(struct broker_session *s)
{
    while (broker_report_take(s) != 0) {
    }
    ag_spares_deinit(&s->spares);
}

/* ---- reports under way ---- */

/* They are acknowledged nearly in order, so what is here is found near the head. */
static struct report_given *find(const struct broker_session *s, uint32_t id)
{
    if (s->alike[id % BROKER_ALIKE] == 0)
        return NULL;
    ag_list_for_each (it, &s->reports) {
        struct report_given *g = ag_list_entry(it, struct report_given, link);

        if (g->id == id)
            return g;
    }
    return NULL;
}

int broker_report_given(struct broker_session *s, uint32_t id)
{
    struct report_given *g = ag_spares_take(&s->spares, sizeof *g);

    if (!g)
        return -ENOMEM;
    g->id = id;
    ag_list_append(&s->reports, &g->link);
    s->n_reports++;
    s->alike[id % BROKER_ALIKE]++;
    return 0;
}

bool broker_report_is_given(const struct broker_session *s, uint32_t id)
{
    return find(s, id) != NULL;
}

static uint32_t end(struct broker_session *s, struct report_given *g)
{
    uint32_t id = g ? g->id : 0;

    if (!g)
        return 0;
    ag_list_del(&g->link);
    s->n_reports--;
    s->alike[id % BROKER_ALIKE]--;
    ag_spares_give(&s->spares, g, MAX_SPARE);
    return id;
}

bool broker_report_ended(struct broker_session *s, uint32_t id)
{
    return end(s, find(s, id)) != 0;
}

uint32_t broker_report_take(struct broker_session *s)
{
    return end(s, ag_list_first(&s->reports, struct report_given, link));
}

/* ---- sessions ---- */

void broker_session_up(struct broker_session *s, uint64_t now_ms)
{
    s->last_sent_ms = now_ms;
    s->retry_at_ms = AG_NEVER;
    reconnect_up(&s->reconnect, now_ms);
}

void broker_session_sent(struct broker_session *s, uint64_t now_ms)
{
    s->last_sent_ms = now_ms;
}

uint32_t broker_session_down(struct broker_session *s, enum broker_end how, uint64_t now_ms, bool *suspect_out)
{
    uint32_t pause = SOON_MS;

    *suspect_out = false;
    if (how == BROKER_LEFT)
        reconnect_left(&s->reconnect);
    else
        pause = reconnect_down(&s->reconnect, how == BROKER_REFUSED, now_ms, suspect_out);
    s->retry_at_ms = now_ms + pause;
    return pause;
}

void broker_session_tries(struct broker_session *s)
{
    s->retry_at_ms = AG_NEVER;
}

void broker_session_kicked(struct broker_session *s)
{
    reconnect_reset(&s->reconnect);
}

uint32_t broker_session_soon(struct broker_session *s, uint64_t now_ms)
{
    uint32_t pause = s->reconnect.in_steps ? 0 : SOON_MS;

    s->retry_at_ms = now_ms + pause;
    return pause;
}

uint64_t broker_session_next_try_ms(const struct broker_session *s, uint64_t now_ms)
{
    return ag_ms_until(s->retry_at_ms, now_ms);
}

unsigned broker_session_wakeup_s(const struct broker_session *s, uint64_t now_ms, uint32_t keepalive_ms, bool busy)
{
    uint64_t wait_ms = broker_session_next_try_ms(s, now_ms), idle_ms = now_ms - s->last_sent_ms;

    if (!s->reconnect.up && wait_ms != AG_NEVER)
        return ag_ceil_s(wait_ms);
    if (!s->reconnect.up || busy)
        return 0;
    return idle_ms + 1000 < keepalive_ms ? (unsigned) ((keepalive_ms - idle_ms) / 1000) : 1;
}

/* ---- end of life ---- */

void broker_session_opened(struct broker_session *s)
{
    s->n_open++;
}

bool broker_session_closed(struct broker_session *s)
{
    return --s->n_open == 0;
}

bool broker_session_stop(struct broker_session *s)
{
    bool first = !s->stopping;

    s->stopping = true;
    return first;
}
