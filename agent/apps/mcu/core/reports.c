#include "agent/apps/mcu/core/reports.h"

#include <errno.h>
#include <stdlib.h>

struct prop {
    struct ag_list link;
    uint32_t siid, piid;
    size_t len;
    char value[]; /* raw JSON */
};

struct event {
    struct ag_list link;
    uint32_t siid, eiid;
    uint64_t since_ms;
    struct ag_buf arguments; /* JSON array */
};

void mcu_reports_init(struct mcu_reports *r)
{
    *r = (struct mcu_reports){.props_retry_ms = MCU_REPORT_RETRY_MS, .events_retry_ms = MCU_REPORT_RETRY_MS};
    ag_list_init(&r->props);
    ag_list_init(&r->sending);
    ag_list_init(&r->events);
}

static void prop_free(struct prop *p)
{
    ag_list_del(&p->link);
    free(p);
}

static void event_free(struct event *e)
{
    ag_list_del(&e->link);
    ag_buf_deinit(&e->arguments);
    free(e);
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

void mcu_reports_deinit(struct mcu_reports *r)
{
    props_free(&r->props);
    props_free(&r->sending);
    ag_list_for_each_safe (it, &r->events)
        event_free(ag_list_entry(it, struct event, link));
    r->n_props = r->n_events = 0;
}

/* ---- properties ---- */

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

    return mcu_word_iid(&w[0], &iid) && mcu_word_iid(&w[1], &iid) && mcu_word_is_value(&w[2]);
}

/* The newer value takes the place of the older one. */
static void put_prop(struct mcu_reports *r, struct prop *p)
{
    struct prop *old = find_prop(&r->props, p->siid, p->piid);

    ag_list_del(&p->link);
    if (old) {
        ag_list_add_before(&old->link, &p->link);
        prop_free(old);
    } else {
        ag_list_append(&r->props, &p->link);
        r->n_props++;
    }
}

int mcu_reports_properties(struct mcu_reports *r, const struct mcu_words *words)
{
    struct ag_list fresh = AG_LIST_INIT(fresh);

    if (words->n == 0 || words->n % 3 != 0)
        return MCU_REPORTS_E_SYNTAX;
    for (unsigned i = 0; i < words->n; i += 3)
        if (!triple_is_good(&words->param[i]))
            return MCU_REPORTS_E_SYNTAX;
    if (r->n_props + words->n / 3 > MCU_PROPS_MAX)
        return MCU_REPORTS_E_FULL;
    for (unsigned i = 0; i < words->n; i += 3) {
        struct prop *p = prop_new(&words->param[i]);

        if (!p) {
            props_free(&fresh);
            return -ENOMEM;
        }
        ag_list_append(&fresh, &p->link);
    }
    ag_list_for_each_safe (it, &fresh)
        put_prop(r, ag_list_entry(it, struct prop, link));
    return 0;
}

static int append_did(struct ag_buf *out, const char *did)
{
    int r = ag_buf_append_char(out, '{');

    if (r == 0 && *did)
        r = ag_buf_append_str(out, "\"did\":");
    if (r == 0 && *did)
        r = ag_buf_append_json_str(out, did, strlen(did));
    return r == 0 && *did ? ag_buf_append_char(out, ',') : r;
}

static int print_prop(struct ag_buf *out, const char *did, const struct prop *p)
{
    int r = append_did(out, did);

    return r < 0 ? r
                 : ag_buf_printf(out, "\"siid\":%u,\"piid\":%u,\"value\":%.*s}", p->siid, p->piid,
                                 (int) p->len, p->value);
}

static int print_props(struct mcu_reports *r, const char *did, struct ag_buf *out, unsigned *n_out)
{
    unsigned n = 0;
    int e = ag_buf_append_char(out, '[');

    ag_list_for_each (it, &r->props) {
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

static int send_props(struct mcu_reports *r, uint64_t now_ms, const char *did, struct ag_buf *out)
{
    unsigned n;
    int e = print_props(r, did, out, &n);

    if (e < 0) {
        ag_buf_clear(out);
        r->props_from_ms = now_ms + MCU_REPORT_RETRY_MS;
        return e;
    }
    while (n-- > 0) {
        struct ag_list *first = r->props.next;

        ag_list_del(first);
        ag_list_append(&r->sending, first);
    }
    r->more = !ag_list_empty(&r->props);
    r->props_from_ms = now_ms + MCU_PROPS_PERIOD_MS;
    return 0;
}

/* What did not arrive waits again, in front, unless the MCU has reported a newer value meanwhile. */
static void take_back(struct mcu_reports *r)
{
    while (!ag_list_empty(&r->sending)) {
        struct prop *p = ag_list_entry(r->sending.prev, struct prop, link);

        if (find_prop(&r->props, p->siid, p->piid)) {
            prop_free(p);
            r->n_props--;
        } else {
            ag_list_del(&p->link);
            ag_list_prepend(&r->props, &p->link);
        }
    }
}

static uint64_t backoff(uint64_t *pause_ms, bool ok)
{
    uint64_t pause = *pause_ms;

    *pause_ms = ok                                    ? MCU_REPORT_RETRY_MS
                : pause * 2 > MCU_REPORT_RETRY_MAX_MS ? MCU_REPORT_RETRY_MAX_MS
                                                      : pause * 2;
    return pause;
}

static void props_done(struct mcu_reports *r, bool ok, uint64_t now_ms)
{
    uint64_t pause = backoff(&r->props_retry_ms, ok);

    if (ok) {
        r->n_props -= props_free(&r->sending);
        if (r->more)
            r->props_from_ms = now_ms;
    } else {
        take_back(r);
        r->props_from_ms = now_ms + pause;
    }
    r->more = false;
}

/* ---- events ---- */

static int print_arguments(struct ag_buf *out, const struct mcu_words *words)
{
    int r = ag_buf_append_char(out, '[');

    for (unsigned i = 2; r == 0 && i < words->n; i += 2) {
        struct ag_span value = words->param[i + 1].raw;
        uint32_t piid = 0;

        mcu_word_iid(&words->param[i], &piid);
        r = ag_buf_printf(out, "%s{\"piid\":%u,\"value\":%.*s}", i > 2 ? "," : "", piid, (int) value.len,
                          value.p);
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
        if (!mcu_word_iid(&words->param[i], &piid) || !mcu_word_is_value(&words->param[i + 1]))
            return false;
    return true;
}

int mcu_reports_event(struct mcu_reports *r, const struct mcu_words *words, uint64_t now_ms)
{
    struct event draft = {.since_ms = now_ms}, *e;

    if (!event_is_good(words, &draft))
        return MCU_REPORTS_E_SYNTAX;
    if (r->n_events >= MCU_EVENTS_MAX)
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
    ag_list_append(&r->events, &e->link);
    r->n_events++;
    return 0;
}

static void pop_event(struct mcu_reports *r)
{
    event_free(ag_list_first(&r->events, struct event, link));
    r->n_events--;
}

static void expire_events(struct mcu_reports *r, uint64_t now_ms)
{
    while (!r->event_sent && !ag_list_empty(&r->events) &&
           now_ms - ag_list_first(&r->events, struct event, link)->since_ms >= MCU_EVENT_LIFE_MS) {
        pop_event(r);
        r->n_expired++;
    }
}

/* The earliest moment for one more event by the rate: a second after the third last. */
static uint64_t rate_from_ms(const struct mcu_reports *r)
{
    return r->n_sent < MCU_EVENTS_PER_SECOND ? 0 : r->sent_ms[0] + 1000;
}

static void count_sent(struct mcu_reports *r, uint64_t now_ms)
{
    if (r->n_sent == MCU_EVENTS_PER_SECOND) {
        memmove(r->sent_ms, r->sent_ms + 1, sizeof r->sent_ms - sizeof r->sent_ms[0]);
        r->n_sent--;
    }
    r->sent_ms[r->n_sent++] = now_ms;
}

static int send_event(struct mcu_reports *r, uint64_t now_ms, const char *did, struct ag_buf *out)
{
    const struct event *e = ag_list_first(&r->events, struct event, link);
    struct ag_span arguments = ag_buf_span(&e->arguments);
    int x = append_did(out, did);

    if (x == 0)
        x = ag_buf_printf(out, "\"siid\":%u,\"eiid\":%u,\"arguments\":%.*s}", e->siid, e->eiid,
                          (int) arguments.len, arguments.p);
    if (x < 0) {
        ag_buf_clear(out);
        r->events_from_ms = now_ms + MCU_REPORT_RETRY_MS;
        return x;
    }
    count_sent(r, now_ms);
    r->event_sent = true;
    return 0;
}

static void event_done(struct mcu_reports *r, bool ok, uint64_t now_ms)
{
    uint64_t pause = backoff(&r->events_retry_ms, ok);

    r->event_sent = false;
    if (ok)
        pop_event(r);
    else
        r->events_from_ms = now_ms + pause;
}

/* ---- both ---- */

static uint64_t event_due(const struct mcu_reports *r)
{
    uint64_t rate = rate_from_ms(r);

    return r->events_from_ms > rate ? r->events_from_ms : rate;
}

int mcu_reports_next(struct mcu_reports *r, uint64_t now_ms, const char *did, struct ag_buf *params,
                     enum mcu_report_kind *kind_out)
{
    int e = 0;

    *kind_out = MCU_REPORT_NONE;
    expire_events(r, now_ms);
    if (!r->up)
        return 0;
    if (r->n_events > 0 && !r->event_sent && now_ms >= event_due(r)) {
        e = send_event(r, now_ms, did, params);
        *kind_out = e < 0 ? MCU_REPORT_NONE : MCU_REPORT_EVENT;
    } else if (!ag_list_empty(&r->props) && ag_list_empty(&r->sending) && now_ms >= r->props_from_ms) {
        e = send_props(r, now_ms, did, params);
        *kind_out = e < 0 ? MCU_REPORT_NONE : MCU_REPORT_PROPERTIES;
    }
    return e;
}

void mcu_reports_done(struct mcu_reports *r, enum mcu_report_kind kind, bool ok, uint64_t now_ms)
{
    if (kind == MCU_REPORT_PROPERTIES)
        props_done(r, ok, now_ms);
    else if (kind == MCU_REPORT_EVENT && r->event_sent)
        event_done(r, ok, now_ms);
}

uint64_t mcu_reports_due_ms(const struct mcu_reports *r)
{
    uint64_t due = UINT64_MAX;

    if (r->n_events > 0 && !r->event_sent)
        due = r->up ? event_due(r)
                    : ag_list_first(&r->events, struct event, link)->since_ms + MCU_EVENT_LIFE_MS;
    if (r->up && !ag_list_empty(&r->props) && ag_list_empty(&r->sending) && r->props_from_ms < due)
        due = r->props_from_ms;
    return due;
}
