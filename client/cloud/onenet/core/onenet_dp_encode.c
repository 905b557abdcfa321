/* SPDX-License-Identifier: MIT */
/* Building data points. Each encoder appends to a buffer and takes its bytes back when it fails. */
#include "client/cloud/onenet/core/onenet_dp.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include "libagent/core/json/json_iter.h"
#include "libagent/core/json/json_out.h"

static bool stream_is_good(struct ag_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char) s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    }
    return s.len > 0;
}

static bool same(struct ag_span a, struct ag_span b)
{
    return ag_span_is(a, b.p, b.len);
}

static int check_time(struct ag_span time, bool needed)
{
    struct onenet_date d;

    if (time.len == 0)
        return needed ? ONENET_DP_E_TIME : 0;
    return onenet_date_parse(time, &d) ? 0 : ONENET_DP_E_TIME;
}

enum names { NAMED, MAYBE_POSITIONAL };

static int check_points(const struct onenet_point *p, size_t n, enum names names, bool timed)
{
    if (names == NAMED && n > ONENET_DP_POINTS_MAX)
        return ONENET_DP_E_TOO_LARGE;
    for (size_t i = 0; i < n; i++) {
        int e = check_time(p[i].time, timed);

        if (e != 0)
            return e;
        if (p[i].stream.len == 0 && names == MAYBE_POSITIONAL) {
            if (p[i].time.len > 0)
                return ONENET_DP_E_STREAM; /* a time needs a name before it */
            continue;
        }
        if (!stream_is_good(p[i].stream))
            return ONENET_DP_E_STREAM;
    }
    return n > 0 ? 0 : ONENET_DP_E_EMPTY;
}

/* ---- the frame: type and date, then a length and the bytes that it counts ---- */

static void put_bytes(struct ag_json_out *o, const void *bytes, size_t n)
{
    if (o->error == 0)
        o->error = ag_buf_append(o->buf, bytes, n);
}

static void put_type(struct ag_json_out *o, unsigned char type, const struct onenet_date *date)
{
    unsigned char head[9];
    size_t n = 0;

    head[n++] = type;
    if (date) {
        if (!onenet_date_is_valid(date) || date->year < 2000 || date->year > 2255) {
            ag_json_out_fail(o, ONENET_DP_E_DATE);
            return;
        }
        head[0] |= 0x80;
        head[n++] = (unsigned char) (date->year - 2000);
        head[n++] = date->month;
        head[n++] = date->day;
        head[n++] = date->hour;
        head[n++] = date->minute;
        head[n++] = date->second;
    }
    put_bytes(o, head, n);
}

/* Where the length will stand. */
static size_t begin_block(struct ag_json_out *o)
{
    size_t at = o->buf->len;

    put_bytes(o, "\0\0", 2);
    return at;
}

static bool is_too_large(struct ag_json_out *o, size_t from)
{
    if (o->buf->len - from > ONENET_DP_TEXT_MAX)
        ag_json_out_fail(o, ONENET_DP_E_TOO_LARGE);
    return o->error != 0;
}

static void end_block(struct ag_json_out *o, size_t at)
{
    size_t len = o->buf->len - at - 2;

    if (is_too_large(o, at + 2))
        return;
    o->buf->data[at] = (char) (len >> 8);
    o->buf->data[at + 1] = (char) (len & 0xff);
}

/* Writes the points. More than fits in 64 KiB is given up early: the search for streams is quadratic. */
typedef void put_points_fn(struct ag_json_out *o, const struct onenet_point *p, size_t n);

static int encode(struct ag_buf *out, unsigned char type, const struct onenet_date *date, put_points_fn *put,
                  const struct onenet_point *p, size_t n)
{
    struct ag_json_out o = ag_json_out_begin(out);
    size_t at;

    put_type(&o, type, date);
    at = begin_block(&o);
    put(&o, p, n);
    end_block(&o, at);
    return ag_json_out_end(&o);
}

/* ---- JSON ---- */

static bool stands_before(const struct onenet_point *p, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (same(p[k].stream, p[i].stream))
            return true;
    }
    return false;
}

static void put_value(struct ag_json_out *o, struct ag_span value)
{
    ag_json_out_value(o);
    ag_json_out_done(o, ag_json_append_compact(o->buf, value));
}

static void put_text(struct ag_json_out *o, const char *name, struct ag_span text)
{
    ag_json_out_name(o, name);
    ag_json_out_text(o, text);
}

static void put_datapoint(struct ag_json_out *o, const struct onenet_point *p)
{
    ag_json_out_open(o, '{');
    if (p->time.len > 0)
        put_text(o, "at", p->time);
    ag_json_out_name(o, "value");
    put_value(o, p->value);
    ag_json_out_close(o, '}');
}

/* The stream of point i, with all of its points. */
static void put_stream(struct ag_json_out *o, const struct onenet_point *p, size_t n, size_t i)
{
    ag_json_out_open(o, '{');
    put_text(o, "id", p[i].stream);
    ag_json_out_name_open(o, "datapoints", '[');
    for (size_t k = i; k < n; k++) {
        if (same(p[k].stream, p[i].stream))
            put_datapoint(o, &p[k]);
    }
    ag_json_out_close(o, ']');
    ag_json_out_close(o, '}');
}

static void put_streams(struct ag_json_out *o, const struct onenet_point *p, size_t n)
{
    size_t was = o->buf->len;

    ag_json_out_open(o, '{');
    ag_json_out_name_open(o, "datastreams", '[');
    for (size_t i = 0; i < n && !is_too_large(o, was); i++) {
        if (!stands_before(p, i))
            put_stream(o, p, n, i);
    }
    ag_json_out_close(o, ']');
    ag_json_out_close(o, '}');
}

int onenet_dp_encode_streams(struct ag_buf *out, const struct onenet_point *p, size_t n)
{
    int e = check_points(p, n, NAMED, false);

    return e == 0 ? encode(out, 1, NULL, put_streams, p, n) : e;
}

static void put_binary_head(struct ag_json_out *o, struct ag_span stream, struct ag_span time, struct ag_span desc)
{
    ag_json_out_open(o, '{');
    put_text(o, "ds_id", stream);
    if (time.len > 0)
        put_text(o, "at", time);
    if (desc.len > 0) {
        ag_json_out_name(o, "desc");
        put_value(o, desc);
    }
    ag_json_out_close(o, '}');
}

int onenet_dp_encode_binary(struct ag_buf *out, struct ag_span stream, struct ag_span time, struct ag_span desc,
                            struct ag_span binary)
{
    struct ag_json_out o = ag_json_out_begin(out);
    unsigned char len[4];
    size_t at;

    ag_json_out_done(&o, check_time(time, false));
    if (!stream_is_good(stream))
        ag_json_out_fail(&o, ONENET_DP_E_STREAM);
    if (binary.len > ONENET_DP_BINARY_MAX)
        ag_json_out_fail(&o, ONENET_DP_E_TOO_LARGE);
    put_type(&o, 2, NULL);
    at = begin_block(&o);
    put_binary_head(&o, stream, time, desc);
    end_block(&o, at);
    for (int i = 0; i < 4; i++)
        len[i] = (unsigned char) (binary.len >> (24 - 8 * i));
    put_bytes(&o, len, sizeof len);
    put_bytes(&o, binary.p, binary.len);
    return ag_json_out_end(&o);
}

static void put_values(struct ag_json_out *o, const struct onenet_point *p, size_t n)
{
    size_t was = o->buf->len;

    ag_json_out_open(o, '{');
    for (size_t i = 0; i < n && !is_too_large(o, was); i++) {
        if (p[i].time.len > 0)
            ag_json_out_fail(o, ONENET_DP_E_TIME); /* this form has no place for one */
        if (stands_before(p, i))
            ag_json_out_fail(o, ONENET_DP_E_TWICE);
        ag_json_out_key(o, p[i].stream);
        put_value(o, p[i].value);
    }
    ag_json_out_close(o, '}');
}

int onenet_dp_encode_values(struct ag_buf *out, const struct onenet_point *p, size_t n)
{
    int e = check_points(p, n, NAMED, false);

    return e == 0 ? encode(out, 3, NULL, put_values, p, n) : e;
}

/* The times of one stream, from its first point i on. */
static void put_times(struct ag_json_out *o, const struct onenet_point *p, size_t n, size_t i)
{
    ag_json_out_open(o, '{');
    for (size_t k = i; k < n && o->error == 0; k++) {
        if (!same(p[k].stream, p[i].stream))
            continue;
        for (size_t m = i; m < k; m++) {
            if (same(p[m].stream, p[k].stream) && same(p[m].time, p[k].time))
                ag_json_out_fail(o, ONENET_DP_E_TWICE);
        }
        ag_json_out_key(o, p[k].time);
        put_value(o, p[k].value);
    }
    ag_json_out_close(o, '}');
}

static void put_timed(struct ag_json_out *o, const struct onenet_point *p, size_t n)
{
    size_t was = o->buf->len;

    ag_json_out_open(o, '{');
    for (size_t i = 0; i < n && !is_too_large(o, was); i++) {
        if (stands_before(p, i))
            continue;
        ag_json_out_key(o, p[i].stream);
        put_times(o, p, n, i);
    }
    ag_json_out_close(o, '}');
}

int onenet_dp_encode_timed(struct ag_buf *out, const struct onenet_point *p, size_t n)
{
    int e = check_points(p, n, NAMED, true);

    return e == 0 ? encode(out, 4, NULL, put_timed, p, n) : e;
}

/* ---- text with separators ---- */

/* A value as text: the content of a string, anything else as compact JSON. */
static int append_value_text(struct ag_buf *out, struct ag_span value)
{
    int e;

    if (ag_json_type(value) != AG_JSON_STRING)
        return ag_json_append_compact(out, value);
    e = ag_json_append_text(out, value);
    return e == -EINVAL ? ONENET_DP_E_JSON : e;
}

static void mark_used(bool used[128], struct ag_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!(s.p[i] & 0x80))
            used[(unsigned char) s.p[i]] = true;
    }
}

/* Two ASCII characters that occur nowhere else: punctuation first, then what else can be printed. */
static bool choose_separators(const bool used[128], char sep[2])
{
    static const char preferred[] = ",;|#@!$%&*~^<>?=+/_";
    int n = 0;

    for (const char *c = preferred; *c && n < 2; c++) {
        if (!used[(unsigned char) *c])
            sep[n++] = *c;
    }
    for (int c = 0x21; c < 0x7f && n < 2; c++) {
        if (!used[c] && !strchr(preferred, c))
            sep[n++] = (char) c;
    }
    return n == 2;
}

static int find_separators(const struct onenet_point *p, size_t n, char sep[2])
{
    ag_cleanup(ag_buf_deinit) struct ag_buf value = AG_BUF_INIT;
    bool used[128] = {false};

    for (size_t i = 0; i < n; i++) {
        int e;

        ag_buf_clear(&value);
        e = append_value_text(&value, p[i].value);
        if (e != 0)
            return e;
        mark_used(used, p[i].stream);
        mark_used(used, p[i].time);
        mark_used(used, ag_buf_span(&value));
    }
    return choose_separators(used, sep) ? 0 : ONENET_DP_E_SEPARATORS;
}

static void put_field(struct ag_json_out *o, const struct onenet_point *p, char sep)
{
    if (p->stream.len > 0) {
        put_bytes(o, p->stream.p, p->stream.len);
        put_bytes(o, &sep, 1);
    }
    if (p->time.len > 0) {
        put_bytes(o, p->time.p, p->time.len);
        put_bytes(o, &sep, 1);
    }
    ag_json_out_done(o, append_value_text(o->buf, p->value));
}

static void put_fields(struct ag_json_out *o, const struct onenet_point *p, size_t n)
{
    size_t was = o->buf->len;
    char sep[2] = {0};

    ag_json_out_done(o, find_separators(p, n, sep));
    put_bytes(o, sep, 2);
    for (size_t i = 0; i < n && !is_too_large(o, was); i++) {
        if (i > 0)
            put_bytes(o, &sep[1], 1);
        put_field(o, &p[i], sep[0]);
    }
    if (o->buf->len - was == 2) /* one positional empty value alone would be no field at all */
        ag_json_out_fail(o, ONENET_DP_E_FIELD);
}

static int encode_fields(struct ag_buf *out, unsigned char type, const struct onenet_date *date, const struct onenet_point *p,
                         size_t n)
{
    int e = check_points(p, n, MAYBE_POSITIONAL, false);

    return e == 0 ? encode(out, type, date, put_fields, p, n) : e;
}

int onenet_dp_encode_text(struct ag_buf *out, const struct onenet_point *p, size_t n)
{
    return encode_fields(out, 5, NULL, p, n);
}

int onenet_dp_encode_dated_text(struct ag_buf *out, const struct onenet_date *date, const struct onenet_point *p, size_t n)
{
    return encode_fields(out, 6, date, p, n);
}

/* ---- floats ---- */

static void put_float(struct ag_json_out *o, float value)
{
    unsigned char le[4];
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 4; i++)
        le[i] = (unsigned char) (bits >> (8 * i));
    put_bytes(o, le, sizeof le);
}

/* Consecutive numbers share a record. */
static void put_record(struct ag_json_out *o, const struct onenet_float *p, size_t n)
{
    unsigned char head[4] = {(unsigned char) (p->stream >> 8), (unsigned char) (p->stream & 0xff), (unsigned char) (n >> 8),
                             (unsigned char) (n & 0xff)};

    put_bytes(o, head, sizeof head);
    for (size_t i = 0; i < n; i++)
        put_float(o, p[i].value);
}

int onenet_dp_encode_floats(struct ag_buf *out, const struct onenet_date *date, const struct onenet_float *p, size_t n,
                            size_t *used_out)
{
    size_t take = n < ONENET_DP_FLOATS_MAX ? n : ONENET_DP_FLOATS_MAX;
    struct ag_json_out o = ag_json_out_begin(out);
    int e;

    if (n == 0)
        return ONENET_DP_E_EMPTY;
    for (size_t i = 0; i < n; i++) {
        if (p[i].stream == 0)
            return ONENET_DP_E_NUMBER;
        if (!isfinite(p[i].value))
            return ONENET_DP_E_FLOAT;
    }
    put_type(&o, 7, date);
    for (size_t i = 0, run; i < take; i += run) {
        run = 1;
        while (i + run < take && p[i + run].stream == p[i].stream + run)
            run++;
        put_record(&o, p + i, run);
    }
    e = ag_json_out_end(&o);
    if (e == 0)
        *used_out = take;
    return e;
}
