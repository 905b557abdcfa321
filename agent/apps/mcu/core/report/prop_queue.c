/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/report/prop_queue.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/core/deadline.h"

struct prop {
    struct ag_list link;
    uint32_t siid, piid;
    size_t len;
    char value[]; /* raw JSON */
};

static void prop_free(struct prop *p)
{
    ag_list_del(&p->link);
    free(p);
}

static unsigned props_free(struct ag_list *list)
{
    unsigned n = 0;

    ag_list_for_each_safe (it, list) {
        prop_free(ag_list_entry(it, struct prop, link));
        n++;
    }
    return n;
}

void prop_queue_init(struct prop_queue *q)
{
    *q = (struct prop_queue){0};
    ag_list_init(&q->waiting);
    ag_list_init(&q->sending);
    report_pace_init(&q->pace);
}

void prop_queue_deinit(struct prop_queue *q)
{
    props_free(&q->waiting);
    props_free(&q->sending);
    q->n = 0;
}

static struct prop *find_prop(const struct ag_list *list, uint32_t siid, uint32_t piid)
{
    ag_list_for_each (it, list) {
        struct prop *p = ag_list_entry(it, struct prop, link);

        if (p->siid == siid && p->piid == piid)
            return p;
    }
    return NULL;
}

static struct prop *prop_new(const struct mcu_word *w)
{
    struct prop *p = malloc(sizeof *p + w[2].raw.len);

    if (!p)
        return NULL;
    ag_list_init(&p->link);
    p->len = w[2].raw.len;
    memcpy(p->value, w[2].raw.p, p->len);
    mcu_word_iid(&w[0], &p->siid);
    mcu_word_iid(&w[1], &p->piid);
    return p;
}

static bool triple_is_good(const struct mcu_word *w)
{
    uint32_t iid;

    return mcu_word_iid(&w[0], &iid) && mcu_word_iid(&w[1], &iid) && (w[2].bad || mcu_word_is_value(&w[2]));
}

/* The newer value takes the place of the older one. */
static void put_prop(struct prop_queue *q, struct prop *p)
{
    struct prop *old = find_prop(&q->waiting, p->siid, p->piid);

    ag_list_del(&p->link);
    if (old) {
        ag_list_add_before(&old->link, &p->link);
        prop_free(old);
    } else {
        ag_list_append(&q->waiting, &p->link);
        q->n++;
    }
}

int prop_queue_add(struct prop_queue *q, const struct mcu_words *words)
{
    struct ag_list fresh = AG_LIST_INIT(fresh);

    if (words->n % 3 != 0 || words->n / 3 == words->n_bad) /* without any readable value it is no report */
        return MCU_REPORTS_E_SYNTAX;
    for (unsigned i = 0; i < words->n; i += 3)
        if (!triple_is_good(&words->param[i]))
            return MCU_REPORTS_E_SYNTAX;
    if (q->n + words->n / 3 > MCU_PROPS_MAX)
        return MCU_REPORTS_E_FULL;
    for (unsigned i = 0; i < words->n; i += 3) {
        struct prop *p;

        if (words->param[i + 2].bad)
            continue; /* the others are good */
        p = prop_new(&words->param[i]);
        if (!p) {
            props_free(&fresh);
            return -ENOMEM;
        }
        ag_list_append(&fresh, &p->link);
    }
    ag_list_for_each_safe (it, &fresh)
        put_prop(q, ag_list_entry(it, struct prop, link));
    return 0;
}

static int print_prop(struct ag_buf *out, const char *did, const struct prop *p)
{
    int r = report_begin_object(out, did);

    return r < 0 ? r : ag_buf_printf(out, "\"siid\":%u,\"piid\":%u,\"value\":%.*s}", p->siid, p->piid, (int) p->len, p->value);
}

static int print_props(struct prop_queue *q, const char *did, struct ag_buf *out, unsigned *n_out)
{
    unsigned n = 0;
    int e = ag_buf_append_char(out, '[');

    ag_list_for_each (it, &q->waiting) {
        if (e < 0 || n == MCU_PROPS_PER_MESSAGE)
            break;
        if (n++ > 0)
            e = ag_buf_append_char(out, ',');
        if (e == 0)
            e = print_prop(out, did, ag_list_entry(it, struct prop, link));
    }
    *n_out = n;
    return e < 0 ? e : ag_buf_append_char(out, ']');
}

int prop_queue_next(struct prop_queue *q, uint64_t now_ms, const char *did, struct ag_buf *out)
{
    unsigned n;
    int e = print_props(q, did, out, &n);

    if (e < 0) {
        ag_buf_clear(out);
        q->pace.from_ms = now_ms + MCU_REPORT_RETRY_MS;
        return e;
    }
    while (n-- > 0) {
        struct ag_list *first = q->waiting.next;

        ag_list_del(first);
        ag_list_append(&q->sending, first);
    }
    q->more = !ag_list_empty(&q->waiting);
    q->pace.from_ms = now_ms + MCU_PROPS_PERIOD_MS;
    return 0;
}

/* What did not arrive waits again, in front, unless the MCU has reported a newer value meanwhile. */
static void take_back(struct prop_queue *q)
{
    while (!ag_list_empty(&q->sending)) {
        struct prop *p = ag_list_entry(q->sending.prev, struct prop, link);

        if (find_prop(&q->waiting, p->siid, p->piid)) {
            prop_free(p);
            q->n--;
        } else {
            ag_list_del(&p->link);
            ag_list_prepend(&q->waiting, &p->link);
        }
    }
}

bool prop_queue_done(struct prop_queue *q, enum mcu_report_end end, uint64_t now_ms)
{
    bool more = q->more;

    q->more = false;
    if (!report_pace_end(&q->pace, end, now_ms)) {
        take_back(q);
        return true;
    }
    q->n -= props_free(&q->sending);
    if (more)
        q->pace.from_ms = now_ms;
    return end == MCU_REPORT_TAKEN;
}

uint64_t prop_queue_due_ms(const struct prop_queue *q)
{
    return ag_list_empty(&q->waiting) || !ag_list_empty(&q->sending) ? AG_NEVER : q->pace.from_ms;
}
