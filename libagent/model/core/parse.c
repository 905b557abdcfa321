/* SPDX-License-Identifier: MIT */
/*
 * Reads an instance in one pass over its members. What is unknown is passed over; what cannot be right ends with line and
 * reason.
 */
#include "libagent/model/core/spec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "libagent/core/buf.h"
#include "libagent/core/json/json_walk.h"
#include "libagent/model/core/name.h"
#include "libagent/model/core/number.h"
#include "libagent/core/utf8.h"

enum { CHOICES_MAX = 4096, FREE_SCALE = 6 /* decimals of a float without a range */ };

/* One instance under way. The arrays are buffers of their elements. */
struct reader {
    struct ag_span source;
    struct model_error *error;
    struct ag_buf text, services, props, actions, events, choices, args;
    struct model_service *service; /* the one under way */
    uint32_t service_at;
    model_text type, description, device_model;
};

/* Members of a service, property, action or event, as far as they are ours. */
struct members {
    struct ag_json_value iid, type, description, properties, actions, events;
    struct ag_json_value format, access, unit, range, list, max_len;
    struct ag_json_value in, out, arguments, services;
};

/* ---- errors ---- */

static unsigned line_of(const struct reader *r, const char *p)
{
    unsigned line = 1;

    for (const char *q = r->source.p; q < p; q++)
        line += *q == '\n';
    return line;
}

ag_printf_like(3, 4) static int wrong(struct reader *r, const char *where, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->error->why, sizeof r->error->why, fmt, ap);
    va_end(ap);
    r->error->line = where ? line_of(r, where) : 0;
    return -EINVAL;
}

/* ---- members ---- */

static struct ag_json_value *member_slot(struct members *m, struct ag_span key)
{
    static const struct {
        char name[12]; /* in place: a pointer would cost a library 24 bytes more, for its relocation */
        uint16_t at;
    } known[] = {
        {"iid", offsetof(struct members, iid)},
        {"type", offsetof(struct members, type)},
        {"description", offsetof(struct members, description)},
        {"services", offsetof(struct members, services)},
        {"properties", offsetof(struct members, properties)},
        {"actions", offsetof(struct members, actions)},
        {"events", offsetof(struct members, events)},
        {"format", offsetof(struct members, format)},
        {"access", offsetof(struct members, access)},
        {"unit", offsetof(struct members, unit)},
        {"value-range", offsetof(struct members, range)},
        {"value-list", offsetof(struct members, list)},
        {"max-length", offsetof(struct members, max_len)},
        {"in", offsetof(struct members, in)},
        {"out", offsetof(struct members, out)},
        {"arguments", offsetof(struct members, arguments)},
    };

    for (size_t i = 0; i < ag_array_size(known); i++)
        if (ag_json_key_is(key, known[i].name))
            return (struct ag_json_value *) (void *) ((char *) m + known[i].at);
    return NULL;
}

/* The first of two equal members counts; null is as good as absent. */
static void read_members(struct members *m, struct ag_json_value object)
{
    struct ag_json_walk w;
    struct ag_json_value v, *slot;
    struct ag_span key;

    *m = (struct members){0};
    for (ag_json_walk_begin(&w, object); ag_json_walk_next(&w, &key, &v);) {
        slot = v.type == AG_JSON_NULL ? NULL : member_slot(m, key);
        if (slot && slot->type == AG_JSON_NONE)
            *slot = v;
    }
}

/* ---- text ---- */

static int keep_text(struct reader *r, const char *what, struct ag_json_value v, model_text *out)
{
    size_t start = r->text.len;
    long n;

    *out = 0;
    if (v.type == AG_JSON_NONE)
        return 0;
    if (v.type != AG_JSON_STRING)
        return wrong(r, v.raw.p, "%s is not a string", what);
    if (v.raw.len == 2)
        return 0;
    if (ag_buf_reserve(&r->text, v.raw.len) < 0)
        return -ENOMEM;
    n = ag_json_unescape(v.raw, r->text.data + start, v.raw.len - 1);
    if (n < 0)
        return wrong(r, v.raw.p, "%s holds half of a surrogate pair", what);
    if (memchr(r->text.data + start, 0, (size_t) n))
        return wrong(r, v.raw.p, "%s holds a NUL", what);
    r->text.data[start + (size_t) n] = '\0';
    r->text.len += (size_t) n + 1;
    *out = (model_text) start;
    return 0;
}

/* The name of a URN of that kind. */
static int keep_name(struct reader *r, const char *kind, struct ag_json_value v, model_text *name, model_text *model_out)
{
    struct model_urn urn;
    model_text whole;
    const char *why;
    int e;

    if (v.type == AG_JSON_NONE)
        return wrong(r, NULL, "a %s without type", kind);
    e = keep_text(r, "type", v, &whole);
    if (e < 0)
        return e;
    why = ag_model_urn_read(&urn, r->text.data + whole, kind);
    if (why)
        return wrong(r, v.raw.p, "type \"%.60s\": %s", r->text.data + whole, why);
    r->text.len = whole; /* the name, and what else is wanted, instead of the whole URN */
    memmove(r->text.data + whole, urn.name.p, urn.name.len);
    *name = whole;
    whole += (model_text) urn.name.len;
    r->text.data[whole++] = '\0';
    if (model_out) {
        memmove(r->text.data + whole, urn.model.p, urn.model.len);
        *model_out = whole;
        whole += (model_text) urn.model.len;
        r->text.data[whole++] = '\0';
    }
    r->text.len = whole;
    return 0;
}

/* ---- numbers ---- */

static int read_iid(struct reader *r, const char *what, struct ag_json_value object, struct ag_json_value v, uint16_t *out)
{
    uint64_t n;

    if (v.type == AG_JSON_NONE)
        return wrong(r, object.raw.p, "a %s without iid", what);
    if (v.type != AG_JSON_NUMBER || !ag_span_uint(v.raw, MODEL_IID_MAX, &n) || n == 0)
        return wrong(r, v.raw.p, "iid of a %s is not a number from 1 to %d", what, MODEL_IID_MAX);
    *out = (uint16_t) n;
    return 0;
}

/* ---- properties ---- */

static const char format_names[MODEL_N_FORMATS][7] = {"bool",  "uint8", "uint16", "uint32", "uint64", "int8", "int16",
                                                      "int32", "int64", "float",  "string", "hex",    "none"};

const char *ag_model_format_name(enum model_format format)
{
    return (unsigned) format < MODEL_N_FORMATS ? format_names[format] : "?";
}

void ag_model_format_bounds(enum model_format format, int64_t *min_out, int64_t *max_out)
{
    static const uint8_t bits[MODEL_N_FORMATS] = {
        [MODEL_UINT8] = 8, [MODEL_UINT16] = 16, [MODEL_UINT32] = 32, [MODEL_UINT64] = 63,
        [MODEL_INT8] = 7,  [MODEL_INT16] = 15,  [MODEL_INT32] = 31,  [MODEL_INT64] = 63};

    *max_out = bits[format] ? (int64_t) ((UINT64_C(1) << bits[format]) - 1) : INT64_MAX;
    *min_out = format >= MODEL_UINT8 && format <= MODEL_UINT64 ? 0 : -*max_out - 1;
}

static bool is_numeric(const struct model_prop *p)
{
    return p->format >= MODEL_UINT8 && p->format <= MODEL_FLOAT;
}

static int read_format(struct reader *r, struct ag_json_value object, struct ag_json_value v, struct model_prop *p)
{
    if (v.type == AG_JSON_NONE)
        return wrong(r, object.raw.p, "a property without format");
    for (unsigned f = 0; f < MODEL_N_FORMATS; f++) {
        if (v.type == AG_JSON_STRING && ag_json_key_is(v.raw, format_names[f])) {
            p->format = (uint8_t) f;
            ag_model_format_bounds((enum model_format) f, &p->min, &p->max);
            return 0;
        }
    }
    return wrong(r, v.raw.p, "format %.*s is not known", (int) (v.raw.len < 40 ? v.raw.len : 40), v.raw.p);
}

static int read_access(struct reader *r, struct ag_json_value object, struct ag_json_value v, struct model_prop *p)
{
    static const char words[][7] = {"read", "write", "notify"}; /* bit by bit, MODEL_READ first */
    struct ag_json_walk w;
    struct ag_json_value word;
    struct ag_span key;

    if (v.type == AG_JSON_NONE)
        return wrong(r, object.raw.p, "a property without access");
    if (v.type != AG_JSON_ARRAY)
        return wrong(r, v.raw.p, "access is not an array");
    for (ag_json_walk_begin(&w, v); ag_json_walk_next(&w, &key, &word);) {
        unsigned i = 0;

        while (i < 3 && !(word.type == AG_JSON_STRING && ag_json_key_is(word.raw, words[i])))
            i++;
        if (i == 3)
            return wrong(r, word.raw.p, "access knows \"read\", \"write\" and \"notify\" only");
        p->access |= (uint8_t) (1u << i);
    }
    return 0;
}

/* A number of a range or list at p->scale, which must hold it. */
static int read_units(struct reader *r, const struct model_prop *p, struct ag_json_value v, int64_t *out)
{
    bool exact;

    if (ag_model_number_read(v.raw, p->scale, out, &exact) != 0)
        return wrong(r, v.raw.p, "%.*s is too large a number", (int) (v.raw.len < 40 ? v.raw.len : 40), v.raw.p);
    if (!exact)
        return wrong(r, v.raw.p, p->format == MODEL_FLOAT ? "%.*s has too many digits" : "%.*s is not a whole number",
                     (int) (v.raw.len < 40 ? v.raw.len : 40), v.raw.p);
    return 0;
}

/* The digits that a float property's numbers need, and as many more as fit, to measure values with. */
static int set_scale(struct reader *r, struct model_prop *p, const struct ag_json_value *numbers, size_t n)
{
    unsigned least = 0, scale = MODEL_SCALE_MAX;
    int64_t units;
    bool exact;

    for (size_t i = 0; i < n; i++) {
        unsigned want = ag_model_number_scale(numbers[i].raw);

        least = want > least ? want : least;
    }
    if (least > MODEL_SCALE_MAX)
        return wrong(r, numbers[0].raw.p, "numbers of more than %d decimals", MODEL_SCALE_MAX);
    for (; scale > least; scale--) {
        size_t fits = 0;

        while (fits < n && ag_model_number_read(numbers[fits].raw, scale, &units, &exact) == 0 && units < INT64_MAX / 4 &&
               units > INT64_MIN / 4)
            fits++;
        if (fits == n)
            break;
    }
    p->scale = (uint8_t) scale;
    return 0;
}

static int read_range(struct reader *r, struct ag_json_value v, struct model_prop *p)
{
    struct ag_json_value number[3];
    struct ag_json_walk w;
    struct ag_span key;
    int64_t got[3], least = p->min, most = p->max;
    int e;

    if (v.type != AG_JSON_ARRAY || ag_json_count(v) != 3)
        return wrong(r, v.raw.p, "value-range is not [min, max, step]");
    ag_json_walk_begin(&w, v);
    for (int i = 0; i < 3 && ag_json_walk_next(&w, &key, &number[i]); i++)
        if (number[i].type != AG_JSON_NUMBER)
            return wrong(r, v.raw.p, "value-range holds something that is not a number");
    if (p->format == MODEL_FLOAT && (e = set_scale(r, p, number, 3)) < 0)
        return e;
    for (int i = 0; i < 3; i++)
        if ((e = read_units(r, p, number[i], &got[i])) < 0)
            return e;
    if (got[0] > got[1])
        return wrong(r, v.raw.p, "value-range begins above its end");
    if (got[2] < 0)
        return wrong(r, v.raw.p, "value-range has a negative step");
    if (got[0] < least || got[1] > most)
        return wrong(r, v.raw.p, "value-range exceeds its format %s", ag_model_format_name((enum model_format) p->format));
    p->has_range = true;
    p->min = got[0];
    p->max = got[1];
    p->step = got[2];
    return 0;
}

static int read_choice(struct reader *r, struct model_prop *p, struct ag_json_value entry)
{
    struct model_choice choice;
    struct ag_json_value value = {AG_JSON_NONE, {NULL, 0}}, description = value;
    int e;

    if (entry.type == AG_JSON_OBJECT) {
        value = ag_json_member(entry, "value");
        description = ag_json_member(entry, "description");
    }
    if (value.type != AG_JSON_NUMBER)
        return wrong(r, entry.raw.p, "an entry of value-list without a number as value");
    if (description.type == AG_JSON_NULL)
        description.type = AG_JSON_NONE;
    if ((e = read_units(r, p, value, &choice.value)) < 0 ||
        (e = keep_text(r, "description", description, &choice.description)) < 0)
        return e;
    if (choice.value < p->min || choice.value > p->max)
        return wrong(r, value.raw.p, "value-list exceeds its format %s", ag_model_format_name((enum model_format) p->format));
    for (uint32_t i = 0; i < p->n_choices; i++)
        if (((struct model_choice *) (void *) r->choices.data)[p->first_choice + i].value == choice.value)
            return wrong(r, value.raw.p, "value-list has the value %.*s twice", (int) value.raw.len, value.raw.p);
    p->n_choices++;
    return ag_buf_append(&r->choices, &choice, sizeof choice);
}

static int read_list(struct reader *r, struct ag_json_value v, struct model_prop *p)
{
    struct ag_json_walk w;
    struct ag_json_value entry;
    struct ag_span key;
    int e;

    if (v.type != AG_JSON_ARRAY)
        return wrong(r, v.raw.p, "value-list is not an array");
    if (ag_json_count(v) > CHOICES_MAX)
        return wrong(r, v.raw.p, "value-list has more than %d entries", CHOICES_MAX);
    if (p->format == MODEL_FLOAT && !p->has_range)
        p->scale = FREE_SCALE;
    p->first_choice = (uint32_t) (r->choices.len / sizeof(struct model_choice));
    for (ag_json_walk_begin(&w, v); ag_json_walk_next(&w, &key, &entry);)
        if ((e = read_choice(r, p, entry)) < 0)
            return e;
    return 0;
}

static int read_limits(struct reader *r, const struct members *m, struct model_prop *p)
{
    uint64_t n;
    int e;

    if (p->format == MODEL_FLOAT)
        p->scale = m->range.type == AG_JSON_NONE && m->list.type == AG_JSON_NONE ? FREE_SCALE : 0;
    if ((m->range.type != AG_JSON_NONE || m->list.type != AG_JSON_NONE) && !is_numeric(p))
        return wrong(r, (m->range.raw.p ? m->range : m->list).raw.p, "a range or list of values for format %s",
                     ag_model_format_name((enum model_format) p->format));
    if (m->range.type != AG_JSON_NONE && (e = read_range(r, m->range, p)) < 0)
        return e;
    if (m->list.type != AG_JSON_NONE && (e = read_list(r, m->list, p)) < 0)
        return e;
    if (m->max_len.type == AG_JSON_NONE)
        return 0;
    if (m->max_len.type != AG_JSON_NUMBER || !ag_span_uint(m->max_len.raw, UINT32_MAX, &n))
        return wrong(r, m->max_len.raw.p, "max-length is not a whole number");
    p->max_len = (uint32_t) n;
    return 0;
}

static int read_unit(struct reader *r, struct ag_json_value v, model_text *unit)
{
    if (v.type == AG_JSON_STRING && ag_json_key_is(v.raw, "none"))
        return 0;
    return keep_text(r, "unit", v, unit);
}

static int read_prop(struct reader *r, struct ag_json_value object)
{
    struct model_prop p = {.service = r->service_at};
    struct members m;
    int e;

    read_members(&m, object);
    if ((e = read_iid(r, "property", object, m.iid, &p.iid)) < 0 || (e = keep_name(r, "property", m.type, &p.name, NULL)) < 0 ||
        (e = keep_text(r, "description", m.description, &p.description)) < 0 || (e = read_format(r, object, m.format, &p)) < 0 ||
        (e = read_access(r, object, m.access, &p)) < 0 || (e = read_unit(r, m.unit, &p.unit)) < 0 ||
        (e = read_limits(r, &m, &p)) < 0)
        return e;
    r->service->n_props++;
    return ag_buf_append(&r->props, &p, sizeof p);
}

/* ---- actions and events ---- */

static int keep_args(struct reader *r, const char *what, struct ag_json_value list, uint32_t *first, uint32_t *n)
{
    const struct model_prop *props = (const void *) r->props.data;
    struct ag_json_walk w;
    struct ag_json_value v;
    struct ag_span key;
    uint64_t piid;

    *first = (uint32_t) (r->args.len / sizeof(uint32_t));
    if (list.type == AG_JSON_NONE)
        return 0;
    if (list.type != AG_JSON_ARRAY)
        return wrong(r, list.raw.p, "%s is not an array", what);
    if (ag_json_count(list) > MODEL_ARGS_MAX)
        return wrong(r, list.raw.p, "%s has more than %d entries", what, MODEL_ARGS_MAX);
    for (ag_json_walk_begin(&w, list); ag_json_walk_next(&w, &key, &v);) {
        uint32_t i = r->service->first_prop, end = i + r->service->n_props;

        if (v.type != AG_JSON_NUMBER || !ag_span_uint(v.raw, MODEL_IID_MAX, &piid))
            return wrong(r, v.raw.p, "%s holds something that is not an iid", what);
        while (i < end && props[i].iid != piid)
            i++;
        if (i == end)
            return wrong(r, v.raw.p, "%s names property %u, which the service has not", what, (unsigned) piid);
        if (ag_buf_append(&r->args, &i, sizeof i) < 0)
            return -ENOMEM;
        ++*n;
    }
    return 0;
}

static int read_call(struct reader *r, const char *kind, struct ag_json_value object, struct ag_buf *calls)
{
    struct model_call c = {.service = r->service_at};
    struct members m;
    bool is_event = calls == &r->events;
    int e;

    read_members(&m, object);
    if ((e = read_iid(r, kind, object, m.iid, &c.iid)) < 0 || (e = keep_name(r, kind, m.type, &c.name, NULL)) < 0 ||
        (e = keep_text(r, "description", m.description, &c.description)) < 0)
        return e;
    if (is_event)
        e = keep_args(r, "arguments", m.arguments, &c.first_out, &c.n_out);
    else if ((e = keep_args(r, "in", m.in, &c.first_in, &c.n_in)) == 0)
        e = keep_args(r, "out", m.out, &c.first_out, &c.n_out);
    return e < 0 ? e : ag_buf_append(calls, &c, sizeof c);
}

static int read_action(struct reader *r, struct ag_json_value object)
{
    r->service->n_actions++;
    return read_call(r, "action", object, &r->actions);
}

static int read_event(struct reader *r, struct ag_json_value object)
{
    r->service->n_events++;
    return read_call(r, "event", object, &r->events);
}

/* ---- services ---- */

static int each(struct reader *r, const char *what, struct ag_json_value list,
                int (*fn)(struct reader *r, struct ag_json_value object))
{
    struct ag_json_walk w;
    struct ag_json_value v;
    struct ag_span key;
    int e;

    if (list.type == AG_JSON_NONE)
        return 0;
    if (list.type != AG_JSON_ARRAY)
        return wrong(r, list.raw.p, "%s is not an array", what);
    for (ag_json_walk_begin(&w, list); ag_json_walk_next(&w, &key, &v);) {
        if (v.type != AG_JSON_OBJECT)
            return wrong(r, v.raw.p, "%s holds something that is not an object", what);
        if ((e = fn(r, v)) < 0)
            return e;
    }
    return 0;
}

static int by_iid(const void *a, const void *b)
{
    return ((const struct model_part *) a)->iid - ((const struct model_part *) b)->iid;
}

/* What parts holds of the service under way, from the first on. Finding relies on ascending iids; two equal ones cannot be
   right. */
static int sort_parts(struct reader *r, const char *what, struct ag_json_value where, struct ag_buf *parts, size_t size,
                      uint32_t first)
{
    size_t n = parts->len / size - first;
    const char *at;

    if (n < 2)
        return 0;
    at = parts->data + first * size;
    qsort(parts->data + first * size, n, size, by_iid);
    for (; --n > 0; at += size)
        if (by_iid(at, at + size) == 0)
            return wrong(r, where.raw.p, "two %s of service %u have the iid %u", what, r->service->siid,
                         ((const struct model_part *) (const void *) at)->iid);
    return 0;
}

static int read_parts(struct reader *r, const struct members *m)
{
    struct model_service *s = r->service;
    int e;

    s->first_prop = (uint32_t) (r->props.len / sizeof(struct model_prop));
    s->first_action = (uint32_t) (r->actions.len / sizeof(struct model_call));
    s->first_event = (uint32_t) (r->events.len / sizeof(struct model_call));
    if ((e = each(r, "properties", m->properties, read_prop)) < 0 ||
        (e = sort_parts(r, "properties", m->properties, &r->props, sizeof(struct model_prop), s->first_prop)) < 0 ||
        (e = each(r, "actions", m->actions, read_action)) < 0 ||
        (e = sort_parts(r, "actions", m->actions, &r->actions, sizeof(struct model_call), s->first_action)) < 0 ||
        (e = each(r, "events", m->events, read_event)) < 0)
        return e;
    return sort_parts(r, "events", m->events, &r->events, sizeof(struct model_call), s->first_event);
}

static int read_service(struct reader *r, struct ag_json_value object)
{
    struct model_service s = {0};
    struct members m;
    int e;

    read_members(&m, object);
    if ((e = read_iid(r, "service", object, m.iid, &s.siid)) < 0 || (e = keep_name(r, "service", m.type, &s.name, NULL)) < 0 ||
        (e = keep_text(r, "description", m.description, &s.description)) < 0)
        return e;
    for (uint32_t i = 0; i < r->service_at; i++)
        if (((struct model_service *) (void *) r->services.data)[i].siid == s.siid)
            return wrong(r, object.raw.p, "two services have the iid %u", s.siid);
    r->service = &s;
    e = read_parts(r, &m);
    r->service = NULL;
    r->service_at++;
    return e < 0 ? e : ag_buf_append(&r->services, &s, sizeof s);
}

/* ---- the whole ---- */

static int read_instance(struct reader *r, struct ag_span text)
{
    struct members m;
    struct ag_json_value whole;
    struct ag_json_view view;
    model_text ignored;
    int e = ag_json_parse(&text, MODEL_DEPTH_MAX, &view);

    if (e != 0)
        return wrong(r, NULL, "%s",
                     e == AG_JSON_E_UTF8    ? "text that is not UTF-8"
                     : e == AG_JSON_E_DEPTH ? "nested too deep"
                                            : "not one JSON object");
    whole = (struct ag_json_value){AG_JSON_OBJECT, text};
    read_members(&m, whole);
    if ((e = ag_buf_append_char(&r->text, '\0')) < 0 || (e = keep_name(r, "device", m.type, &ignored, &r->device_model)) < 0)
        return e;
    r->type = ignored;
    if ((e = keep_text(r, "description", m.description, &r->description)) < 0)
        return e;
    if (m.services.type == AG_JSON_NONE)
        return wrong(r, NULL, "an instance without services");
    e = each(r, "services", m.services, read_service);
    return e < 0 ? e : r->service_at == 0 ? wrong(r, m.services.raw.p, "services is empty") : 0;
}

/* An array of exactly what it holds. NULL and n 0 for an empty one. */
static int give(struct ag_buf *b, size_t element, void **out, uint32_t *n)
{
    void *exact;

    *n = (uint32_t) (b->len / element);
    if (b->len == 0)
        return 0;
    exact = malloc(b->len);
    if (!exact)
        return -ENOMEM;
    memcpy(exact, b->data, b->len);
    *out = exact;
    return 0;
}

static int finish(struct reader *r, struct model *m)
{
    void *services = NULL, *props = NULL, *actions = NULL, *events = NULL, *choices = NULL, *args = NULL;
    int e;

    if ((e = give(&r->services, sizeof *m->services, &services, &m->n_services)) == 0 &&
        (e = give(&r->props, sizeof *m->props, &props, &m->n_props)) == 0 &&
        (e = give(&r->actions, sizeof *m->actions, &actions, &m->n_actions)) == 0 &&
        (e = give(&r->events, sizeof *m->events, &events, &m->n_events)) == 0 &&
        (e = give(&r->choices, sizeof *m->choices, &choices, &m->n_choices)) == 0)
        e = give(&r->args, sizeof *m->args, &args, &m->n_args);
    m->services = services;
    m->props = props;
    m->actions = actions;
    m->events = events;
    m->choices = choices;
    m->args = args;
    m->type = r->type;
    m->description = r->description;
    m->device_model = r->device_model;
    return e < 0 ? e : ag_model_name_all(m, &r->text);
}

static void reader_deinit(struct reader *r)
{
    struct ag_buf *all[] = {&r->text, &r->services, &r->props, &r->actions, &r->events, &r->choices, &r->args};

    for (size_t i = 0; i < ag_array_size(all); i++)
        ag_buf_deinit(all[i]);
}

int ag_model_parse(struct model *out, struct ag_span text, struct model_error *error)
{
    ag_cleanup(reader_deinit) struct reader r = {.error = error};
    struct model m = {0};
    int e;

    text = r.source = ag_utf8_without_mark(text);
    *error = (struct model_error){0};
    if (text.len > MODEL_TEXT_MAX) {
        wrong(&r, NULL, "longer than %d bytes", MODEL_TEXT_MAX);
        return -EFBIG;
    }
    e = read_instance(&r, text);
    if (e == 0)
        e = finish(&r, &m);
    if (e == 0) {
        m.text_len = r.text.len;
        m.text = ag_buf_steal_cstr(&r.text);
        if (!m.text)
            e = -ENOMEM;
    }
    if (e < 0)
        ag_model_deinit(&m);
    else
        *out = m;
    return e;
}

void ag_model_deinit(struct model *m)
{
    free(m->text);
    free(m->services);
    free(m->props);
    free(m->actions);
    free(m->events);
    free(m->choices);
    free(m->args);
    *m = (struct model){0};
}
