/* SPDX-License-Identifier: MIT */
#include "libagent/model/core/values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/model/core/number.h"

int ag_model_values_init(struct model_values *v, const struct model *m)
{
    *v = (struct model_values){.m = m};
    v->held = calloc(m->n_props + 1, sizeof *v->held);
    return v->held ? 0 : -ENOMEM;
}

void ag_model_values_deinit(struct model_values *v)
{
    for (uint32_t i = 0; v->held && i < v->m->n_props; i++)
        free(v->held[i].text);
    free(v->held);
    *v = (struct model_values){0};
}

static struct model_held *held_of(const struct model_values *v, const struct model_prop *p)
{
    return &v->held[p - v->m->props];
}

static bool has_units(unsigned kind)
{
    return kind == MODEL_VALUE_BOOL || kind == MODEL_VALUE_NUMBER;
}

static bool is_same(const struct model_held *h, const struct model_value *value)
{
    if (!h->known || h->kind != value->kind)
        return false;
    if (has_units(h->kind))
        return h->units == value->units;
    return ag_span_is(value->raw, h->text, strlen(h->text));
}

int ag_model_values_put(struct model_values *v, const struct model_prop *p, const struct model_value *value)
{
    struct model_held *h = held_of(v, p);
    char *text = NULL;

    if (is_same(h, value))
        return 0;
    if (!has_units(value->kind)) {
        text = strndup(value->raw.p, value->raw.len);
        if (!text)
            return -ENOMEM;
    }
    free(h->text);
    h->text = text;
    h->units = value->units;
    h->kind = value->kind;
    h->known = true;
    if ((p->access & MODEL_NOTIFY) && !h->changed) {
        h->changed = true;
        v->n_changed++;
    }
    return 1;
}

const struct model_held *ag_model_values_get(const struct model_values *v, const struct model_prop *p)
{
    const struct model_held *h = held_of(v, p);

    return h->known ? h : NULL;
}

int ag_model_values_write(const struct model_values *v, const struct model_prop *p, struct ag_buf *out)
{
    const struct model_held *h = held_of(v, p);
    char number[MODEL_NUMBER_TEXT];

    if (!h->known)
        return -ENOENT;
    if (h->kind == MODEL_VALUE_BOOL)
        return ag_buf_append_str(out, h->units ? "true" : "false");
    if (h->kind == MODEL_VALUE_NUMBER)
        return ag_buf_append(out, number, ag_model_number_write(h->units, p->scale, number));
    return ag_buf_append_str(out, h->text);
}

static int put_change(const struct model_values *v, const struct model_prop *p, struct ag_span did, bool first,
                      struct ag_buf *out)
{
    int r = ag_buf_append_str(out, first ? "{" : ",{");

    if (r == 0 && did.len > 0)
        r = ag_buf_printf(out, "\"did\":%.*s,", (int) did.len, did.p);
    if (r == 0)
        r = ag_buf_printf(out, "\"siid\":%u,\"piid\":%u,\"value\":", model_prop_siid(v->m, p), p->iid);
    if (r == 0)
        r = ag_model_values_write(v, p, out);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

int ag_model_values_put_changes(const struct model_values *v, struct ag_span did, struct ag_buf *out)
{
    uint32_t left = v->n_changed;
    int r = ag_buf_append_char(out, '[');

    for (uint32_t i = 0; r == 0 && left > 0 && i < v->m->n_props; i++) {
        if (v->held[i].changed) {
            r = put_change(v, &v->m->props[i], did, left == v->n_changed, out);
            left--;
        }
    }
    return r == 0 ? ag_buf_append_char(out, ']') : r;
}

void ag_model_values_told(struct model_values *v, uint32_t batch)
{
    for (uint32_t i = 0; v->n_changed > 0 && i < v->m->n_props; i++) {
        if (v->held[i].changed) {
            v->held[i].changed = v->held[i].owed = false;
            v->held[i].batch = batch;
            v->n_changed--;
        }
    }
}

bool ag_model_values_untold(struct model_values *v, uint32_t batch)
{
    bool any = false;

    for (uint32_t i = 0; i < v->m->n_props; i++) {
        if (v->held[i].batch == batch && !v->held[i].changed)
            any = v->held[i].owed = true;
    }
    return any;
}

void ag_model_values_retry(struct model_values *v)
{
    for (uint32_t i = 0; i < v->m->n_props; i++) {
        if (v->held[i].owed && !v->held[i].changed) {
            v->held[i].changed = true;
            v->n_changed++;
        }
    }
}
