/* SPDX-License-Identifier: MIT */
#include "client/cloud/onenet/core/onenet_points.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/onenet/core/onenet_names.h"
#include "libagent/core/grow.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/text/base64.h"

static const struct ag_span NOTHING = {NULL, 0};
static const struct ag_span EMPTY = {"", 0};

/* Decoded strings are never longer than their source; a time from a number is, by at most 19 bytes per "at". */
static int points_init(struct onenet_points *l, size_t source_len)
{
    *l = (struct onenet_points){.text = AG_BUF_INIT};
    return ag_buf_reserve(&l->text, source_len * 5 + 64);
}

void onenet_points_deinit(struct onenet_points *l)
{
    free(l->p);
    ag_buf_deinit(&l->text);
    *l = (struct onenet_points){.text = AG_BUF_INIT};
}

static int points_add(struct onenet_points *l, struct ag_span stream, struct ag_span time, struct ag_span value)
{
    if (AG_GROW(l->p, l->cap, l->n + 1) < 0)
        return -ENOMEM;
    l->p[l->n++] = (struct onenet_point){stream, time, value};
    return 0;
}

/* Keeps a piece of text in the list's own store. */
static int keep(struct onenet_points *l, const char *p, size_t n, struct ag_span *out)
{
    if (l->text.cap - l->text.len < n)
        return -ENOMEM;
    *out = (struct ag_span){l->text.data + l->text.len, n};
    return ag_buf_append(&l->text, p, n);
}

static int keep_string(struct onenet_points *l, struct ag_span string, int error, struct ag_span *out)
{
    size_t was = l->text.len;
    int e = ag_json_append_text(&l->text, string);

    if (e == 0)
        *out = (struct ag_span){l->text.data + was, l->text.len - was};
    return e == -EINVAL ? error : e;
}

static int keep_unix(struct onenet_points *l, uint64_t unix_s, int32_t offset, struct ag_span *out)
{
    struct onenet_date d;
    char text[ONENET_TIME_LEN + 1];

    if (!onenet_date_from_unix((int64_t) unix_s, offset, &d))
        return ONENET_DP_E_TIME;
    onenet_date_format(&d, text);
    return keep(l, text, ONENET_TIME_LEN, out);
}

/* "at": text, checked by the encoders, or unix seconds. */
static int keep_time(struct onenet_points *l, struct ag_span at, int32_t offset, struct ag_span *out)
{
    uint64_t unix_s;

    *out = EMPTY;
    if (!at.p)
        return 0;
    if (ag_json_type(at) == AG_JSON_STRING)
        return keep_string(l, at, ONENET_DP_E_TIME, out);
    if (!ag_span_uint(at, INT64_MAX, &unix_s))
        return ONENET_DP_E_TIME;
    return keep_unix(l, unix_s, offset, out);
}

static bool same(struct ag_span a, struct ag_span b)
{
    return ag_span_is(a, b.p, b.len);
}

static int compare_streams(const void *a, const void *b)
{
    const struct ag_span *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int c = memcmp(x->p, y->p, n);

    return c ? c : (x->len > y->len) - (x->len < y->len);
}

static bool has_stream_twice(const struct onenet_points *l)
{
    struct ag_span *names = malloc((l->n + 1) * sizeof *names);
    bool twice = false;

    if (!names)
        return true; /* type 1 carries everything */
    for (size_t i = 0; i < l->n; i++)
        names[i] = l->p[i].stream;
    qsort(names, l->n, sizeof *names, compare_streams);
    for (size_t i = 1; i < l->n && !twice; i++)
        twice = same(names[i - 1], names[i]);
    free(names);
    return twice;
}

unsigned onenet_points_choose_type(const struct onenet_points *l)
{
    size_t timed = 0;

    for (size_t i = 0; i < l->n; i++)
        timed += l->p[i].time.len > 0;
    if ((timed > 0 && timed < l->n) || has_stream_twice(l))
        return 1;
    return timed > 0 ? 4 : 3;
}

/* ---- reports ---- */

static int take_values(struct onenet_points *l, struct ag_span object, struct ag_span time)
{
    struct ag_json_iter it = ag_json_iter_begin(object);
    struct ag_span name, value, stream;
    int e = ag_json_type(object) == AG_JSON_OBJECT ? 0 : -EINVAL;

    while (e == 0 && ag_json_iter_member(&it, &name, &value)) {
        e = keep_string(l, name, ONENET_DP_E_STREAM, &stream);
        if (e == 0)
            e = points_add(l, stream, time, value);
    }
    return e;
}

/* "prop.NAME": each item of an array is a point; anything else is the value itself. */
static int take_prop(struct onenet_points *l, struct ag_span name, struct ag_span params, struct ag_span time)
{
    struct ag_json_iter it = ag_json_iter_begin(params);
    struct ag_span value;
    int e = 0;

    if (ag_json_type(params) != AG_JSON_ARRAY)
        return points_add(l, name, time, params);
    while (e == 0 && ag_json_iter_item(&it, &value))
        e = points_add(l, name, time, value);
    return e;
}

/* "<siid>.<piid>", or the name, behind a prefix. */
static int keep_spec_name(struct onenet_points *l, const char *prefix, struct ag_span siid, struct ag_span iid,
                          struct ag_span *out)
{
    struct ag_span part, name;
    uint64_t s, i;
    int e;

    if (!siid.p || !iid.p || !ag_span_uint(siid, UINT32_MAX, &s) || !ag_span_uint(iid, UINT32_MAX, &i))
        return -EINVAL;
    name = onenet_name(l->names, *prefix, s, i);
    if (name.p && !*prefix) {
        *out = name;
        return 0;
    }
    e = keep(l, prefix, strlen(prefix), out);
    if (e == 0 && name.p) {
        e = keep(l, name.p, name.len, &part);
        out->len += name.len;
        return e;
    }
    if (e == 0)
        e = keep(l, siid.p, siid.len, &part);
    if (e == 0)
        e = keep(l, ".", 1, &part);
    if (e == 0)
        e = keep(l, iid.p, iid.len, &part);
    out->len = strlen(prefix) + siid.len + 1 + iid.len; /* they lie behind each other */
    return e;
}

static int take_properties(struct onenet_points *l, struct ag_span params, int32_t offset, struct ag_span time)
{
    struct ag_json_iter it = ag_json_iter_begin(params);
    struct ag_span item, stream, at;
    int e = ag_json_type(params) == AG_JSON_ARRAY ? 0 : -EINVAL;

    while (e == 0 && ag_json_iter_item(&it, &item)) {
        struct ag_span value = ag_json_get(item, "value");

        if (!value.p)
            return -EINVAL;
        e = keep_spec_name(l, "", ag_json_get(item, "siid"), ag_json_get(item, "piid"), &stream);
        if (e == 0)
            e = keep_time(l, ag_json_get(item, "at"), offset, &at);
        if (e == 0)
            e = points_add(l, stream, at.len > 0 ? at : time, value);
    }
    return e;
}

static int take_occurrence(struct onenet_points *l, struct ag_span params, struct ag_span time)
{
    struct ag_span stream, arguments = ag_json_get(params, "arguments");
    int e = keep_spec_name(l, "event.", ag_json_get(params, "siid"), ag_json_get(params, "eiid"), &stream);

    if (e != 0)
        return e;
    return points_add(l, stream, time, arguments.p ? arguments : (struct ag_span){"[]", 2});
}

static bool cut_prefix(struct ag_span s, const char *prefix, struct ag_span *rest)
{
    size_t n = strlen(prefix);

    if (s.len <= n || memcmp(s.p, prefix, n) != 0)
        return false;
    *rest = (struct ag_span){s.p + n, s.len - n};
    return true;
}

static int take_report(struct onenet_points *l, struct ag_span report, uint32_t at_s, int32_t offset)
{
    struct ag_span method, params = ag_json_get(report, "params"), time, name;
    int e = keep_string(l, ag_json_get(report, "method"), -EINVAL, &method);

    if (e == 0)
        e = keep_time(l, ag_json_get(report, "at"), offset, &time);
    if (e == 0 && time.len == 0 && at_s > 0)
        e = keep_unix(l, at_s, offset, &time);
    if (e != 0)
        return e;
    if (!params.p)
        params = (struct ag_span){"[]", 2};
    if (ag_span_eq(method, "props"))
        return take_values(l, params, time);
    if (ag_span_eq(method, "properties_changed"))
        return take_properties(l, params, offset, time);
    if (ag_span_eq(method, "event_occured"))
        return take_occurrence(l, params, time);
    if (cut_prefix(method, "prop.", &name))
        return take_prop(l, name, params, time);
    if (cut_prefix(method, "event.", &name))
        return points_add(l, name, time, params);
    return -EINVAL;
}

static int encode_as(struct ag_buf *out, unsigned type, const struct onenet_points *l)
{
    return type == 1   ? onenet_dp_encode_streams(out, l->p, l->n)
           : type == 4 ? onenet_dp_encode_timed(out, l->p, l->n)
                       : onenet_dp_encode_values(out, l->p, l->n);
}

int onenet_report_encode(struct ag_buf *out, struct ag_span report, uint32_t at_s, int32_t utc_offset_s,
                         const struct model *names)
{
    ag_cleanup(onenet_points_deinit) struct onenet_points l = {.text = AG_BUF_INIT};
    int e = points_init(&l, report.len);

    l.names = names;
    if (e == 0)
        e = take_report(&l, report, at_s, utc_offset_s);
    return e == 0 ? encode_as(out, onenet_points_choose_type(&l), &l) : e;
}

/* ---- onenet.dp ---- */

static int refuse(const char **why_out, const char *why)
{
    *why_out = why;
    return -EINVAL;
}

static int take_points(struct onenet_points *l, struct ag_span array, int32_t offset, const char **why)
{
    struct ag_json_iter it = ag_json_iter_begin(array);
    struct ag_span item, stream, at;
    int e = 0;

    if (ag_json_type(array) != AG_JSON_ARRAY)
        return refuse(why, "points must be an array");
    while (e == 0 && ag_json_iter_item(&it, &item)) {
        struct ag_span id = ag_json_get(item, "id"), value = ag_json_get(item, "value");

        stream = EMPTY; /* positional, types 5 and 6 */
        if (!value.p)
            return refuse(why, "a point has no value");
        if (id.p && keep_string(l, id, -EINVAL, &stream) != 0)
            return refuse(why, "a point's id must be a string");
        e = keep_time(l, ag_json_get(item, "at"), offset, &at);
        if (e > 0)
            return refuse(why, onenet_dp_strerror(e));
        if (e == 0)
            e = points_add(l, stream, at, value);
    }
    return e;
}

static int take_binary(struct onenet_dp_request *req, struct ag_span params, int32_t offset, const char **why)
{
    struct ag_span base64 = ag_json_get(params, "base64"), file = ag_json_get(params, "file");
    struct ag_span text;
    int e;

    if (!base64.p == !file.p)
        return refuse(why, "type 2 needs either base64 or file");
    if (keep_string(&req->points, ag_json_get(params, "id"), -EINVAL, &req->stream) != 0)
        return refuse(why, "type 2 needs id, a string");
    e = keep_time(&req->points, ag_json_get(params, "at"), offset, &req->time);
    if (e > 0)
        return refuse(why, onenet_dp_strerror(e));
    req->desc = ag_json_get(params, "desc");
    if (!req->desc.p)
        req->desc = EMPTY;
    if (file.p)
        return keep_string(&req->points, file, -EINVAL, &req->file) == 0 && req->file.len > 0
                   ? 0
                   : refuse(why, "file must be a path");
    if (keep_string(&req->points, base64, -EINVAL, &text) != 0 || ag_base64_decode(&req->binary, text) != 0)
        return refuse(why, "base64 is not well-formed");
    return 0;
}

static int take_date(struct onenet_dp_request *req, struct ag_span params, int32_t offset, const char **why)
{
    struct ag_span time;
    int e = keep_time(&req->points, ag_json_get(params, "at"), offset, &time);

    if (e < 0)
        return e;
    if (e > 0 || (time.len > 0 && !onenet_date_parse(time, &req->date)))
        return refuse(why, onenet_dp_strerror(ONENET_DP_E_TIME));
    req->has_date = time.len > 0;
    return 0;
}

static int take_small(struct ag_span params, const char *name, unsigned min, unsigned max, int absent)
{
    struct ag_span raw = ag_json_get(params, name);
    uint64_t v;

    if (!raw.p)
        return absent;
    return ag_span_uint(raw, max, &v) && v >= min ? (int) v : -2;
}

static int request_take(struct onenet_dp_request *req, struct ag_span params, int32_t offset, const char **why)
{
    struct ag_span points = ag_json_get(params, "points"), values = ag_json_get(params, "values");
    int type = take_small(params, "type", 1, 7, 0), e;

    req->qos = take_small(params, "qos", 0, 2, -1);
    if (ag_json_type(params) != AG_JSON_OBJECT)
        return refuse(why, "params must be an object");
    if (type < 0)
        return refuse(why, "type must be 1 to 7");
    if (req->qos < -1)
        return refuse(why, "qos must be 0, 1 or 2");
    req->type = (unsigned) type;
    if (type == 2)
        return take_binary(req, params, offset, why);
    if (!points.p == !values.p)
        return refuse(why, "either points or values is needed");
    e = type == 6 || type == 7 ? take_date(req, params, offset, why) : 0;
    if (e == 0 && values.p && ag_json_type(values) != AG_JSON_OBJECT)
        return refuse(why, "values must be an object");
    if (e == 0)
        e = values.p ? take_values(&req->points, values, EMPTY) : take_points(&req->points, points, offset, why);
    if (e > 0)
        return refuse(why, onenet_dp_strerror(e));
    if (e == 0 && type == 0)
        req->type = onenet_points_choose_type(&req->points);
    return e;
}

int onenet_dp_request_init(struct onenet_dp_request *req, struct ag_span params, int32_t utc_offset_s, const char **why_out)
{
    struct onenet_dp_request q = {.binary = AG_BUF_INIT, .file = NOTHING};
    const char *why = "";
    int e = points_init(&q.points, params.len);

    if (e == 0)
        e = request_take(&q, params, utc_offset_s, &why);
    if (e != 0) {
        onenet_dp_request_deinit(&q);
        *why_out = why;
        return e;
    }
    *req = q;
    return 0;
}

void onenet_dp_request_deinit(struct onenet_dp_request *req)
{
    onenet_points_deinit(&req->points);
    ag_buf_deinit(&req->binary);
}

static int parse_float(const struct onenet_point *p, struct onenet_float *out)
{
    char text[64], *end;
    uint64_t stream;

    if (!ag_span_uint(p->stream, 65535, &stream) || stream == 0)
        return ONENET_DP_E_NUMBER;
    if (p->time.len > 0)
        return ONENET_DP_E_TIME;
    if (ag_json_type(p->value) != AG_JSON_NUMBER || p->value.len >= sizeof text)
        return ONENET_DP_E_FLOAT;
    memcpy(text, p->value.p, p->value.len);
    text[p->value.len] = '\0';
    *out = (struct onenet_float){(uint16_t) stream, strtof(text, &end)};
    return 0;
}

static int build_floats(const struct onenet_dp_request *req, size_t *from, struct ag_buf *out)
{
    struct onenet_float f[ONENET_DP_FLOATS_MAX];
    size_t left = req->points.n - *from, n = left < ONENET_DP_FLOATS_MAX ? left : ONENET_DP_FLOATS_MAX, used = 0;
    int e = 0;

    for (size_t i = 0; e == 0 && i < n; i++)
        e = parse_float(&req->points.p[*from + i], &f[i]);
    if (e == 0)
        e = onenet_dp_encode_floats(out, req->has_date ? &req->date : NULL, f, n, &used);
    *from += used;
    return e;
}

int onenet_dp_request_build(const struct onenet_dp_request *req, struct ag_span binary, size_t *from, struct ag_buf *out)
{
    const struct onenet_points *l = &req->points;
    int e;

    if (req->type == 7)
        return build_floats(req, from, out);
    if (req->type == 2)
        e = onenet_dp_encode_binary(out, req->stream, req->time, req->desc, binary);
    else if (req->type == 5)
        e = onenet_dp_encode_text(out, l->p, l->n);
    else if (req->type == 6)
        e = onenet_dp_encode_dated_text(out, req->has_date ? &req->date : NULL, l->p, l->n);
    else
        e = encode_as(out, req->type, l);
    if (e == 0)
        *from = l->n;
    return e;
}
