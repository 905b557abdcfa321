/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/core/values.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "libagent/core/grow.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/json/json_out.h"

enum { DEPTH_MAX = 130, NUMBER_MAX = 40 };

void web_values_deinit(struct web_values *v)
{
    for (size_t i = 0; i < v->n; i++) {
        free(v->list[i].text);
        free(v->list[i].curve);
    }
    free(v->list);
    *v = (struct web_values){.list = NULL};
}

static struct web_value *find(const struct web_values *v, const char *name)
{
    for (size_t i = 0; i < v->n; i++)
        if (strcmp(v->list[i].name, name) == 0)
            return &v->list[i];
    return NULL;
}

/* The one whose last report is the oldest, emptied. */
static struct web_value *reuse(struct web_values *v)
{
    struct web_value *oldest = &v->list[0];

    for (size_t i = 1; i < v->n; i++)
        if (v->list[i].told_ms < oldest->told_ms)
            oldest = &v->list[i];
    free(oldest->text);
    free(oldest->curve);
    return oldest;
}

static struct web_value *make(struct web_values *v, const char *name)
{
    struct web_value *one;

    if (v->n == WEB_VALUES_MAX) {
        one = reuse(v);
    } else {
        if (AG_GROW(v->list, v->cap, v->n + 1) < 0)
            return NULL;
        one = &v->list[v->n++];
    }
    *one = (struct web_value){.text = NULL};
    snprintf(one->name, sizeof one->name, "%s", name);
    return one;
}

/* ---- curves ---- */

static const struct web_point nothing = {0, 1, 0};

static void curve_move(struct web_curve *c, uint64_t step)
{
    uint64_t n = step - c->step;

    if (n > WEB_CURVE_POINTS)
        n = WEB_CURVE_POINTS;
    for (uint64_t i = 0; i < n; i++)
        c->points[(step - i) % WEB_CURVE_POINTS] = nothing;
    c->step = step;
}

static int curve_add(struct web_value *one, uint64_t now_ms, float value)
{
    uint64_t step = now_ms / WEB_CURVE_STEP_MS;
    struct web_point *p;

    if (!one->curve) {
        one->curve = malloc(sizeof *one->curve);
        if (!one->curve)
            return -ENOMEM;
        for (size_t i = 0; i < WEB_CURVE_POINTS; i++)
            one->curve->points[i] = nothing;
        one->curve->step = step;
    }
    if (step > one->curve->step)
        curve_move(one->curve, step);
    p = &one->curve->points[step % WEB_CURVE_POINTS];
    if (p->low > p->high)
        p->low = p->high = value;
    p->last = value;
    p->low = value < p->low ? value : p->low;
    p->high = value > p->high ? value : p->high;
    return 0;
}

static bool read_number(struct ag_span raw, float *out)
{
    char text[NUMBER_MAX + 1];

    if (raw.len > NUMBER_MAX || ag_json_type(raw) != AG_JSON_NUMBER)
        return false;
    memcpy(text, raw.p, raw.len);
    text[raw.len] = '\0';
    *out = strtof(text, NULL); /* the program stays in the C locale */
    return isfinite(*out);
}

/* ---- reports ---- */

struct taken {
    struct web_values *v;
    uint64_t now_ms;
    bool changed;
    int error;
};

/* A value reported again unchanged is a point of the curve, but no change. */
static int put(struct taken *t, const char *name, struct ag_span raw)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct web_value *one = find(t->v, name);
    float number;

    if (ag_json_append_compact(&text, raw) < 0)
        return -ENOMEM;
    if (ag_buf_size(&text) > WEB_VALUE_TEXT_MAX)
        return 0;
    if (!one)
        one = make(t->v, name);
    if (!one)
        return -ENOMEM;
    one->told_ms = t->now_ms;
    if (read_number(raw, &number) && curve_add(one, t->now_ms, number) < 0)
        return -ENOMEM;
    if (one->text && strlen(one->text) == ag_buf_size(&text) && memcmp(one->text, ag_buf_head(&text), ag_buf_size(&text)) == 0)
        return 0;
    free(one->text);
    one->text = ag_buf_steal_cstr(&text);
    one->changed = t->v->reports + 1;
    t->changed = true;
    return one->text ? 0 : -ENOMEM;
}

static void put_named(struct taken *t, const char *name, struct ag_span raw)
{
    int r = name[0] ? put(t, name, raw) : 0;

    t->error = r < 0 ? r : t->error;
}

static void take_props(struct taken *t, struct ag_span params)
{
    struct ag_json_iter it = ag_json_iter_begin(params);
    struct ag_span key, value;
    char name[WEB_VALUE_NAME_MAX + 1];

    while (ag_json_iter_member(&it, &key, &value)) {
        long n = ag_json_unescape(key, name, sizeof name - 1);

        if (n > 0 && !memchr(name, '\0', (size_t) n)) {
            name[n] = '\0';
            put_named(t, name, value);
        }
    }
}

/* prop.NAME [value] */
static void take_prop(struct taken *t, struct ag_span method, struct ag_span params)
{
    struct ag_json_iter it = ag_json_iter_begin(params);
    struct ag_span value;
    char name[WEB_VALUE_NAME_MAX + 1];
    size_t n = method.len - 5;

    if (n >= sizeof name || memchr(method.p + 5, '\0', n) || !ag_json_iter_item(&it, &value))
        return;
    memcpy(name, method.p + 5, n);
    name[n] = '\0';
    put_named(t, name, value);
}

/* [{"siid":2,"piid":1,"value":true}, ...] */
static void take_changes(struct taken *t, struct ag_span params)
{
    struct ag_json_iter it = ag_json_iter_begin(params);
    struct ag_span one;
    char name[24];

    while (ag_json_iter_item(&it, &one)) {
        struct ag_span siid = ag_json_get(one, "siid"), piid = ag_json_get(one, "piid"), value = ag_json_get(one, "value");
        uint64_t s, p;

        if (!value.p || !siid.p || !piid.p || !ag_span_uint(siid, 65535, &s) || !ag_span_uint(piid, 65535, &p))
            continue;
        snprintf(name, sizeof name, "%" PRIu64 ".%" PRIu64, s, p);
        put_named(t, name, value);
    }
}

int web_values_take(struct web_values *v, uint64_t now_ms, struct ag_span text)
{
    struct taken t = {.v = v, .now_ms = now_ms};
    struct ag_json_view view;
    struct ag_span method, params;
    char name[160];

    if (ag_json_parse(&text, DEPTH_MAX, &view) != 0 || !ag_view_str(&view, text.p, AG_M_METHOD, name, sizeof name, &method))
        return 0;
    params = ag_view_raw(&view, text.p, AG_M_PARAMS);
    if (!params.p)
        return 0;
    if (ag_span_eq(method, "props"))
        take_props(&t, params);
    else if (ag_span_eq(method, "properties_changed"))
        take_changes(&t, params);
    else if (method.len > 5 && memcmp(method.p, "prop.", 5) == 0)
        take_prop(&t, method, params);
    if (t.changed)
        v->reports++;
    return t.error < 0 ? t.error : t.changed;
}

/* ---- what a page gets ---- */

int web_values_print(const struct web_values *v, uint64_t after, struct ag_buf *out)
{
    struct ag_json_out o = ag_json_out_begin(out);

    ag_json_out_open(&o, '{');
    for (size_t i = 0; i < v->n; i++) {
        const struct web_value *one = &v->list[i];

        if (!one->text || one->changed <= after)
            continue;
        ag_json_out_name(&o, one->name);
        ag_json_out_raw(&o, (struct ag_span){one->text, strlen(one->text)});
    }
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}

int web_values_print_curves(const struct web_values *v, struct ag_buf *out)
{
    struct ag_json_out o = ag_json_out_begin(out);

    ag_json_out_open(&o, '[');
    for (size_t i = 0; i < v->n; i++)
        if (v->list[i].curve)
            ag_json_out_str(&o, v->list[i].name);
    ag_json_out_close(&o, ']');
    return ag_json_out_end(&o);
}

int web_curve_print(const struct web_values *v, const char *name, uint64_t now_ms, struct ag_buf *out)
{
    const struct web_value *one = find(v, name);
    uint64_t now = now_ms / WEB_CURVE_STEP_MS;
    struct ag_json_out o = ag_json_out_begin(out);

    if (!one || !one->curve)
        return -ENOENT;
    ag_json_out_open(&o, '{');
    ag_json_out_name(&o, "step_s");
    ag_json_out_printf(&o, "%d", WEB_CURVE_STEP_MS / 1000);
    ag_json_out_name(&o, "points");
    ag_json_out_open(&o, '[');
    for (uint64_t ago = WEB_CURVE_POINTS; ago-- > 0;) {
        const struct web_point *p;

        if (ago > now || now - ago > one->curve->step || one->curve->step - (now - ago) >= WEB_CURVE_POINTS)
            continue;
        p = &one->curve->points[(now - ago) % WEB_CURVE_POINTS];
        if (p->low > p->high)
            continue;
        ag_json_out_printf(&o, "[%" PRIu64 ",%.7g,%.7g,%.7g]", ago, p->last, p->low, p->high);
    }
    ag_json_out_close(&o, ']');
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}
