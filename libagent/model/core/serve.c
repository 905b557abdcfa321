/* SPDX-License-Identifier: MIT */
#include "libagent/model/core/serve.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/core/json/json_walk.h"

/* One entry as it was asked for. */
struct asked {
    struct ag_json_value did, siid, iid, value, in;
};

/* Most keys are told apart by their first byte. */
static inline bool key_is(struct ag_span key, const char *name)
{
    return (key.p[1] == *name || key.p[1] == '\\') && ag_json_key_is(key, name);
}

/* To the end of the object that w walks. */
static void read_entry(struct asked *a, struct ag_json_walk *w, const char *iid_name)
{
    struct ag_json_value v, *slot;
    struct ag_span key;

    *a = (struct asked){0};
    while (ag_json_walk_next(w, &key, &v)) {
        slot = key_is(key, "did")      ? &a->did
               : key_is(key, "siid")   ? &a->siid
               : key_is(key, iid_name) ? &a->iid
               : key_is(key, "value")  ? &a->value
               : key_is(key, "in")     ? &a->in
                                       : NULL;
        if (slot && slot->type == AG_JSON_NONE)
            *slot = v;
    }
}

static bool read_iid(struct ag_json_value v, unsigned *out)
{
    uint64_t n;

    if (v.type != AG_JSON_NUMBER || !ag_span_uint(v.raw, MODEL_IID_MAX, &n))
        return false;
    *out = (unsigned) n;
    return true;
}

static const struct model_prop *find_prop(const struct model *m, const struct asked *a)
{
    unsigned siid, piid;

    return read_iid(a->siid, &siid) && read_iid(a->iid, &piid) ? ag_model_find_prop(m, siid, piid) : NULL;
}

/* What an operation returned, as a code of the model. */
static int code_of(int r)
{
    enum { ERRNO_MAX = 4000 }; /* codes of the model lie beyond */

    return r > 0 ? MODEL_ACCEPTED : r < 0 && r > -ERRNO_MAX ? MODEL_INTERNAL : r;
}

/* ---- writing ---- */

static char *put_member(char *to, const char *name, struct ag_json_value v)
{
    if (v.type == AG_JSON_NONE)
        return to;
    *to++ = '"';
    while (*name)
        *to++ = *name++;
    *to++ = '"';
    *to++ = ':';
    to = mempcpy(to, v.raw.p, v.raw.len);
    *to++ = ',';
    return to;
}

/* Up to the code, which comes before a value or an out list. Without printf(), which would be half the cost of a set. */
static int put_head(struct ag_buf *out, const struct asked *a, const char *iid_name, int code)
{
    enum { NAMES_MAX = 64 };
    char *to;

    if (ag_buf_reserve(out, NAMES_MAX + a->did.raw.len + a->siid.raw.len + a->iid.raw.len) < 0)
        return -ENOMEM;
    to = out->data + out->len;
    *to++ = '{';
    to = put_member(to, "did", a->did);
    to = put_member(to, "siid", a->siid);
    to = put_member(to, iid_name, a->iid);
    to = stpcpy(to, code < 0 ? "\"code\":-" : "\"code\":");
    out->len = (size_t) (to - out->data);
    return ag_buf_append_u64(out, (uint64_t) abs(code));
}

/* ---- get_properties ---- */

static int get_one(const struct model *m, const struct model_ops *ops, void *user, const struct asked *a, struct ag_buf *out)
{
    const struct model_prop *p = find_prop(m, a);
    ag_cleanup(ag_buf_deinit) struct ag_buf value = AG_BUF_INIT;
    int code = !p ? MODEL_NOT_FOUND : !(p->access & MODEL_READ) ? MODEL_NOT_READABLE : code_of(ops->get(user, p, &value)), r;

    if (code >= 0 && ag_buf_size(&value) == 0)
        code = MODEL_INTERNAL;
    r = put_head(out, a, "piid", code);
    if (r == 0 && code >= 0 && (r = ag_buf_append_str(out, ",\"value\":")) == 0)
        r = ag_buf_append_span(out, ag_buf_span(&value));
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

/* ---- set_properties ---- */

static int set_one(const struct model *m, const struct model_ops *ops, void *user, const struct asked *a, struct ag_buf *out)
{
    const struct model_prop *p = find_prop(m, a);
    struct model_value value;
    int code, r;

    if (!p)
        code = MODEL_NOT_FOUND;
    else if (!(p->access & MODEL_WRITE))
        code = MODEL_NOT_WRITABLE;
    else if (a->value.type == AG_JSON_NONE || ag_model_check(m, p, a->value.raw, &value) != MODEL_FINE)
        code = MODEL_BAD_VALUE;
    else
        code = code_of(ops->set(user, p, &value));
    r = put_head(out, a, "piid", code);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

typedef int (*one_fn)(const struct model *m, const struct model_ops *ops, void *user, const struct asked *a, struct ag_buf *out);

static int each(const struct model *m, const struct model_ops *ops, void *user, struct ag_span params, struct ag_buf *out,
                one_fn one)
{
    struct ag_json_value list = ag_json_value_whole(params), entry;
    struct ag_json_walk w, inner;
    struct asked a;
    struct ag_span key;
    bool first = true;
    int r;

    if (list.type != AG_JSON_ARRAY)
        return -EINVAL;
    r = ag_buf_append_char(out, '[');
    for (ag_json_walk_begin(&w, list); r == 0; first = false) {
        if (ag_json_walk_enter(&w, &inner)) {
            read_entry(&a, &inner, "piid");
            ag_json_walk_leave(&w, &inner);
        } else if (ag_json_walk_next(&w, &key, &entry)) {
            a = (struct asked){0}; /* no object */
        } else {
            break;
        }
        if (!first)
            r = ag_buf_append_char(out, ',');
        if (r == 0)
            r = one(m, ops, user, &a, out);
    }
    return r == 0 ? ag_buf_append_char(out, ']') : r;
}

int ag_model_serve_get(const struct model *m, const struct model_ops *ops, void *user, struct ag_span params, struct ag_buf *out)
{
    return each(m, ops, user, params, out, get_one);
}

int ag_model_serve_set(const struct model *m, const struct model_ops *ops, void *user, struct ag_span params, struct ag_buf *out)
{
    return each(m, ops, user, params, out, set_one);
}

/* ---- action ---- */

static const struct model_prop *input(const struct model *m, const struct model_call *a, uint32_t i)
{
    return &m->props[m->args[a->first_in + i]];
}

/* {"piid":n,"value":v}: which input it is; n_in when none. */
static uint32_t named_input(const struct model *m, const struct model_call *a, struct ag_json_value entry,
                            struct ag_json_value *value_out)
{
    struct ag_json_walk w;
    struct asked asked;
    unsigned piid;
    uint32_t i = 0;

    ag_json_walk_begin(&w, entry);
    read_entry(&asked, &w, "piid");
    *value_out = asked.value;
    if (!read_iid(asked.iid, &piid))
        return a->n_in;
    while (i < a->n_in && input(m, a, i)->iid != piid)
        i++;
    return i;
}

/* Fills in[]; false: the inputs are not those of the action. Values come in order, or each with its piid; not mixed. */
static bool read_inputs(const struct model *m, const struct model_call *a, struct ag_json_value list, struct model_value *in)
{
    struct ag_json_walk w;
    struct ag_json_value entry;
    struct ag_span key;
    uint64_t got = 0;
    uint32_t n = 0;
    bool by_name = false;

    if (list.type == AG_JSON_NONE)
        return a->n_in == 0;
    if (list.type != AG_JSON_ARRAY || ag_json_count(list) != a->n_in)
        return false;
    for (ag_json_walk_begin(&w, list); ag_json_walk_next(&w, &key, &entry); n++) {
        struct ag_json_value value = entry;
        bool named = entry.type == AG_JSON_OBJECT && input(m, a, n)->format != MODEL_ANY;
        uint32_t i = named ? named_input(m, a, entry, &value) : n;

        by_name = n == 0 ? named : by_name;
        if (i >= a->n_in || named != by_name || (got & (UINT64_C(1) << i)) || value.type == AG_JSON_NONE ||
            ag_model_check(m, input(m, a, i), value.raw, &in[i]) != MODEL_FINE)
            return false;
        got |= UINT64_C(1) << i;
    }
    return true;
}

int ag_model_serve_action(const struct model *m, const struct model_ops *ops, void *user, struct ag_span params,
                          struct ag_buf *out)
{
    struct ag_json_value object = ag_json_value_whole(params);
    struct ag_json_walk w;
    struct asked a;
    unsigned siid, aiid;
    const struct model_call *action;
    struct model_value in[MODEL_ARGS_MAX];
    ag_cleanup(ag_buf_deinit) struct ag_buf values = AG_BUF_INIT;
    int code, r;

    if (object.type != AG_JSON_OBJECT)
        return -EINVAL;
    ag_json_walk_begin(&w, object);
    read_entry(&a, &w, "aiid");
    action = read_iid(a.siid, &siid) && read_iid(a.iid, &aiid) ? ag_model_find_action(m, siid, aiid) : NULL;
    if (!action)
        code = MODEL_NOT_FOUND;
    else if (!read_inputs(m, action, a.in, in))
        code = MODEL_BAD_INPUT;
    else
        code = code_of(ops->act(user, action, in, &values));
    r = put_head(out, &a, "aiid", code);
    if (r == 0 && code >= 0)
        r = ag_buf_printf(out, ",\"out\":[%.*s]", (int) ag_buf_size(&values), ag_buf_span(&values).p);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}
