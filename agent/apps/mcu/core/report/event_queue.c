/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/report/event_queue.h"

#include <errno.h>
#include <stdlib.h>
#include "agent/apps/mcu/core/report/prop_queue.h"
#include "libagent/core/deadline.h"

struct event {
    struct ag_list link;
    uint32_t siid, eiid;
    uint64_t since_ms;
    struct ag_buf arguments; /* JSON array */
};

static void event_free(struct event *e)
{
    ag_list_del(&e->link);
    ag_buf_deinit(&e->arguments);
    free(e);
}

void event_queue_init(struct event_queue *q)
{
    *q = (struct event_queue){0};
    ag_list_init(&q->waiting);
    report_pace_init(&q->pace);
}

void event_queue_deinit(struct event_queue *q)
{
    ag_list_for_each_safe (it, &q->waiting)
        event_free(ag_list_entry(it, struct event, link));
    q->n = 0;
}

static int print_arguments(struct ag_buf *out, const struct mcu_words *words)
{
    int r = ag_buf_append_char(out, '[');
    const char *comma = "";

    for (unsigned i = 2; r == 0 && i < words->n; i += 2) {
        struct ag_span value = words->param[i + 1].raw;
        uint32_t piid = 0;

        if (words->param[i + 1].bad)
            continue;
        mcu_word_iid(&words->param[i], &piid);
        r = ag_buf_printf(out, "%s{\"piid\":%u,\"value\":%.*s}", comma, piid, (int) value.len, value.p);
        comma = ",";
    }
    return r == 0 ? ag_buf_append_char(out, ']') : r;
}

static bool event_is_good(const struct mcu_words *words, struct event *out)
{
    uint32_t piid;

    if (words->n < 2 || words->n % 2 != 0 || !mcu_word_iid(&words->param[0], &out->siid) ||
        !mcu_word_iid(&words->param[1], &out->eiid))
        return false;
    for (unsigned i = 2; i < words->n; i += 2)
        if (!mcu_word_iid(&words->param[i], &piid) || !(words->param[i + 1].bad || mcu_word_is_value(&words->param[i + 1])))
            return false;
    return words->n_bad == 0 || words->n_bad < words->n / 2 - 1; /* one that can be read, or none at all */
}

int event_queue_add(struct event_queue *q, const struct mcu_words *words, uint64_t now_ms)
{
    struct event draft = {.since_ms = now_ms}, *e;

    if (!event_is_good(words, &draft))
        return MCU_REPORTS_E_SYNTAX;
    if (q->n >= MCU_EVENTS_MAX)
        return MCU_REPORTS_E_FULL;
    e = malloc(sizeof *e);
    if (!e)
        return -ENOMEM;
    *e = draft;
    ag_list_init(&e->link);
    if (print_arguments(&e->arguments, words) < 0) {
        event_free(e);
        return -ENOMEM;
    }
    ag_list_append(&q->waiting, &e->link);
    q->n++;
    return 0;
}

static void pop_event(struct event_queue *q)
{
    event_free(ag_list_first(&q->waiting, struct event, link));
    q->n--;
}

void event_queue_expire(struct event_queue *q, uint64_t now_ms)
{
    while (!q->sent && !ag_list_empty(&q->waiting) &&
           now_ms - ag_list_first(&q->waiting, struct event, link)->since_ms >= MCU_EVENT_LIFE_MS) {
        pop_event(q);
        q->n_expired++;
    }
}

/* The earliest moment for one more event by the rate: a second after the third last. */
static uint64_t rate_from_ms(const struct event_queue *q)
{
    return q->n_sent < MCU_EVENTS_PER_SECOND ? 0 : q->sent_ms[0] + 1000;
}

static void count_sent(struct event_queue *q, uint64_t now_ms)
{
    if (q->n_sent == MCU_EVENTS_PER_SECOND) {
        memmove(q->sent_ms, q->sent_ms + 1, sizeof q->sent_ms - sizeof q->sent_ms[0]);
        q->n_sent--;
    }
    q->sent_ms[q->n_sent++] = now_ms;
}

int event_queue_next(struct event_queue *q, uint64_t now_ms, const char *did, struct ag_buf *out)
{
    const struct event *e = ag_list_first(&q->waiting, struct event, link);
    struct ag_span arguments = ag_buf_span(&e->arguments);
    int x = report_begin_object(out, did);

    if (x == 0)
        x = ag_buf_printf(out, "\"siid\":%u,\"eiid\":%u,\"arguments\":%.*s}", e->siid, e->eiid, (int) arguments.len, arguments.p);
    if (x < 0) {
        ag_buf_clear(out);
        q->pace.from_ms = now_ms + MCU_REPORT_RETRY_MS;
        return x;
    }
    count_sent(q, now_ms);
    q->sent = true;
    return 0;
}

bool event_queue_done(struct event_queue *q, enum mcu_report_end end, uint64_t now_ms)
{
    if (!q->sent)
        return true;
    q->sent = false;
    if (!report_pace_end(&q->pace, end, now_ms))
        return true;
    pop_event(q);
    return end == MCU_REPORT_TAKEN;
}

uint64_t event_queue_due_ms(const struct event_queue *q)
{
    uint64_t rate = rate_from_ms(q);

    if (q->n == 0 || q->sent)
        return AG_NEVER;
    return q->pace.from_ms > rate ? q->pace.from_ms : rate;
}

uint64_t event_queue_expiry_ms(const struct event_queue *q)
{
    return q->n == 0 || q->sent ? AG_NEVER : ag_list_first(&q->waiting, struct event, link)->since_ms + MCU_EVENT_LIFE_MS;
}
