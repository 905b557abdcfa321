/* SPDX-License-Identifier: MIT */
/* Building data points. Each encoder appends to a buffer and takes its bytes back when it fails. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include "libagent/core/json/json_iter.h"
#include "client/cloud/onenet/core/onenet_dp.h"

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

/* ---- length fields, filled in when what they count is there ---- */

static int begin(struct ag_buf *out, unsigned char first, const struct onenet_date *date)
{
    unsigned char head[9];
    size_t n = 0;

    head[n++] = first;
    if (date) {
        if (!onenet_date_is_valid(date) || date->year < 2000 || date->year > 2255)
            return ONENET_DP_E_DATE;
        head[0] |= 0x80;
        head[n++] = (unsigned char) (date->year - 2000);
        head[n++] = date->month;
        head[n++] = date->day;
        head[n++] = date->hour;
        head[n++] = date->minute;
        head[n++] = date->second;
    }
    return ag_buf_append(out, head, n);
}

/* *at: where the length will stand. */
static int begin_block(struct ag_buf *out, size_t *at)
{
    *at = out->len;
    return ag_buf_append(out, "\0\0", 2);
}

static int end_block(struct ag_buf *out, size_t at)
{
    size_t len = out->len - at - 2;

    if (len > ONENET_DP_TEXT_MAX)
        return ONENET_DP_E_TOO_LARGE;
    out->data[at] = (char) (len >> 8);
    out->data[at + 1] = (char) (len & 0xff);
    return 0;
}

static int finish(struct ag_buf *out, size_t was, int e)
{
    if (e != 0)
        out->len = was;
    return e;
}

/* ---- JSON ---- */

static int append_named(struct ag_buf *out, const char *before, struct ag_span text, const char *after)
{
    int e = ag_buf_append_str(out, before);

    if (e == 0)
        e = ag_buf_append_json_str(out, text.p, text.len);
    return e == 0 ? ag_buf_append_str(out, after) : e;
}

static bool stands_before(const struct onenet_point *p, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (same(p[k].stream, p[i].stream))
            return true;
    }
    return false;
}

static int append_datapoint(struct ag_buf *out, const struct onenet_point *p, bool first)
{
    int e = ag_buf_append_str(out, first ? "{" : ",{");

    if (e == 0 && p->time.len > 0)
        e = append_named(out, "\"at\":", p->time, ",");
    if (e == 0)
        e = ag_buf_append_str(out, "\"value\":");
    if (e == 0)
        e = ag_json_append_compact(out, p->value);
    return e == 0 ? ag_buf_append_char(out, '}') : e;
}

/* Each stream once, with all of its points. More than fits in 64 KiB is given up early: the search is quadratic. */
static int append_streams(struct ag_buf *out, const struct onenet_point *p, size_t n)
{
    size_t was = out->len;
    int e = ag_buf_append_str(out, "{\"datastreams\":[");

    for (size_t i = 0; e == 0 && i < n; i++) {
        bool first = true;

        if (stands_before(p, i))
            continue;
        e = append_named(out, i ? ",{\"id\":" : "{\"id\":", p[i].stream, ",\"datapoints\":[");
        for (size_t k = i; e == 0 && k < n; k++) {
            if (!same(p[k].stream, p[i].stream))
                continue;
            e = append_datapoint(out, &p[k], first);
            first = false;
        }
        if (e == 0)
            e = ag_buf_append_str(out, "]}");
        if (e == 0 && out->len - was > ONENET_DP_TEXT_MAX)
            e = ONENET_DP_E_TOO_LARGE;
    }
    return e == 0 ? ag_buf_append_str(out, "]}") : e;
}

int onenet_dp_encode_streams(struct ag_buf *out, const struct onenet_point *p, size_t n)
{
    size_t was = out->len, at = 0;
    int e = check_points(p, n, NAMED, false);

    if (e == 0)
        e = begin(out, 1, NULL);
    if (e == 0)
        e = begin_block(out, &at);
    if (e == 0)
        e = append_streams(out, p, n);
    if (e == 0)
        e = end_block(out, at);
    return finish(out, was, e);
}

static int append_binary_head(struct ag_buf *out, struct ag_span stream, struct ag_span time, struct ag_span desc)
{
    int e = append_named(out, "{\"ds_id\":", stream, "");

    if (e == 0 && time.len > 0)
        e = append_named(out, ",\"at\":", time, "");
    if (e == 0 && desc.len > 0)
        e = ag_buf_append_str(out, ",\"desc\":");
    if (e == 0 && desc.len > 0)
        e = ag_json_append_compact(out, desc);
    return e == 0 ? ag_buf_append_char(out, '}') : e;
}

int onenet_dp_encode_binary(struct ag_buf *out, struct ag_span stream, struct ag_span time, struct ag_span desc,
                            struct ag_span binary)
{
    size_t was = out->len, at = 0;
    unsigned char len[4];
    int e = check_time(time, false);

    if (e == 0 && !stream_is_good(stream))
        e = ONENET_DP_E_STREAM;
    if (e == 0 && binary.len > ONENET_DP_BINARY_MAX)
        e = ONENET_DP_E_TOO_LARGE;
    if (e == 0)
        e = begin(out, 2, NULL);
    if (e == 0)
        e = begin_block(out, &at);
    if (e == 0)
        e = append_binary_head(out, stream, time, desc);
    if (e == 0)
        e = end_block(out, at);
    for (int i = 0; i < 4; i++)
        len[i] = (unsigned char) (binary.len >> (24 - 8 * i));
    if (e == 0)
        e = ag_buf_append(out, len, sizeof len);
    if (e == 0)
        e = ag_buf_append_span(out, binary);
    return finish(out, was, e);
}

static int append_values(struct ag_buf *out, const struct onenet_point *p, size_t n)
{
    size_t was = out->len;
    int e = 0;

    for (size_t i = 0; e == 0 && i < n; i++) {
        if (p[i].time.len > 0)
            return ONENET_DP_E_TIME; /* this form has no place for one */
        if (stands_before(p, i))
            return ONENET_DP_E_TWICE;
        e = append_named(out, i ? "," : "{", p[i].stream, ":");
        if (e == 0)
            e = ag_json_append_compact(out, p[i].value);
        if (e == 0 && out->len - was > ONENET_DP_TEXT_MAX)
            e = ONENET_DP_E_TOO_LARGE;
    }
    return e == 0 ? ag_buf_append_char(out, '}') : e;
}

int onenet_dp_encode_values(struct ag_buf *out, const struct onenet_point *p, size_t n)
{
    size_t was = out->len, at = 0;
    int e = check_points(p, n, NAMED, false);

    if (e == 0)
        e = begin(out, 3, NULL);
    if (e == 0)
        e = begin_block(out, &at);
    if (e == 0)
        e = append_values(out, p, n);
    if (e == 0)
        e = end_block(out, at);
    return finish(out, was, e);
}

/* The times of one stream, from its first point i on. */
static int append_times(struct ag_buf *out, const struct onenet_point *p, size_t n, size_t i)
{
    int e = 0;

    for (size_t k = i; e == 0 && k < n; k++) {
        if (!same(p[k].stream, p[i].stream))
            continue;
        for (size_t m = i; m < k; m++) {
            if (same(p[m].stream, p[k].stream) && same(p[m].time, p[k].time))
                return ONENET_DP_E_TWICE;
        }
        e = append_named(out, k > i ? "," : "", p[k].time, ":");
        if (e == 0)
            e = ag_json_append_compact(out, p[k].value);
    }
    return e;
}

static int append_timed(struct ag_buf *out, const struct onenet_point *p, size_t n)
{
    size_t was = out->len;
    int e = 0;

    for (size_t i = 0; e == 0 && i < n; i++) {
        if (stands_before(p, i))
            continue;
        e = append_named(out, i ? "," : "{", p[i].stream, ":{");
        if (e == 0)
            e = append_times(out, p, n, i);
        if (e == 0)
            e = ag_buf_append_char(out, '}');
        if (e == 0 && out->len - was > ONENET_DP_TEXT_MAX)
            e = ONENET_DP_E_TOO_LARGE;
    }
    return e == 0 ? ag_buf_append_char(out, '}') : e;
}

int onenet_dp_encode_timed(struct ag_buf *out, const struct onenet_point *p, size_t n)
{
    size_t was = out->len, at = 0;
    int e = check_points(p, n, NAMED, true);

    if (e == 0)
        e = begin(out, 4, NULL);
    if (e == 0)
        e = begin_block(out, &at);
    if (e == 0)
        e = append_timed(out, p, n);
    if (e == 0)
        e = end_block(out, at);
    return finish(out, was, e);
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

static int append_field(struct ag_buf *out, const struct onenet_point *p, char sep)
{
    int e = 0;

    if (p->stream.len > 0) {
        e = ag_buf_append_span(out, p->stream);
        if (e == 0)
            e = ag_buf_append_char(out, sep);
    }
    if (e == 0 && p->time.len > 0) {
        e = ag_buf_append_span(out, p->time);
        if (e == 0)
            e = ag_buf_append_char(out, sep);
    }
    return e == 0 ? append_value_text(out, p->value) : e;
}

static int append_fields(struct ag_buf *out, const struct onenet_point *p, size_t n)
{
    size_t was = out->len;
    char sep[2];
    int e = find_separators(p, n, sep);

    if (e == 0)
        e = ag_buf_append(out, sep, 2);
    for (size_t i = 0; e == 0 && i < n; i++) {
        if (i > 0)
            e = ag_buf_append_char(out, sep[1]);
        if (e == 0)
            e = append_field(out, &p[i], sep[0]);
        if (e == 0 && out->len - was > ONENET_DP_TEXT_MAX)
            e = ONENET_DP_E_TOO_LARGE;
    }
    /* one positional empty value alone would be no field at all */
    return e == 0 && out->len - was == 2 ? ONENET_DP_E_FIELD : e;
}

static int encode_fields(struct ag_buf *out, unsigned char type, const struct onenet_date *date, const struct onenet_point *p,
                         size_t n)
{
    size_t was = out->len, at = 0;
    int e = check_points(p, n, MAYBE_POSITIONAL, false);

    if (e == 0)
        e = begin(out, type, date);
    if (e == 0)
        e = begin_block(out, &at);
    if (e == 0)
        e = append_fields(out, p, n);
    if (e == 0)
        e = end_block(out, at);
    return finish(out, was, e);
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

static int append_float(struct ag_buf *out, float value)
{
    unsigned char le[4];
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 4; i++)
        le[i] = (unsigned char) (bits >> (8 * i));
    return ag_buf_append(out, le, sizeof le);
}

/* Consecutive numbers share a record. */
static int append_record(struct ag_buf *out, const struct onenet_float *p, size_t n)
{
    unsigned char head[4] = {(unsigned char) (p->stream >> 8), (unsigned char) (p->stream & 0xff), (unsigned char) (n >> 8),
                             (unsigned char) (n & 0xff)};
    int e = ag_buf_append(out, head, sizeof head);

    for (size_t i = 0; e == 0 && i < n; i++)
        e = append_float(out, p[i].value);
    return e;
}

int onenet_dp_encode_floats(struct ag_buf *out, const struct onenet_date *date, const struct onenet_float *p, size_t n,
                            size_t *used_out)
{
    size_t was = out->len, take = n < ONENET_DP_FLOATS_MAX ? n : ONENET_DP_FLOATS_MAX;
    int e;

    if (n == 0)
        return ONENET_DP_E_EMPTY;
    for (size_t i = 0; i < n; i++) {
        if (p[i].stream == 0)
            return ONENET_DP_E_NUMBER;
        if (!isfinite(p[i].value))
            return ONENET_DP_E_FLOAT;
    }
    e = begin(out, 7, date);
    for (size_t i = 0, run; e == 0 && i < take; i += run) {
        run = 1;
        while (i + run < take && p[i + run].stream == p[i].stream + run)
            run++;
        e = append_record(out, p + i, run);
    }
    if (e == 0)
        *used_out = take;
    return finish(out, was, e);
}
