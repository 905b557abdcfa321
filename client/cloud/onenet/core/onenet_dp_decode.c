/* Taking data points apart: first a pass that only checks, then one that tells the points. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/json/json_iter.h"
#include "client/cloud/onenet/core/onenet_dp.h"
#include "libagent/core/utf8.h"

static const char *const error_names[] = {
    [ONENET_DP_E_TYPE] = "unknown data type or flag bits",
    [ONENET_DP_E_TRUNCATED] = "payload ends too early",
    [ONENET_DP_E_TRAILING] = "bytes behind the end",
    [ONENET_DP_E_DATE] = "date bytes out of range",
    [ONENET_DP_E_JSON] = "not JSON in UTF-8",
    [ONENET_DP_E_SHAPE] = "JSON has not the form of this type",
    [ONENET_DP_E_STREAM] = "bad stream name",
    [ONENET_DP_E_TIME] = "time is missing or not YYYY-MM-DD hh:mm:ss",
    [ONENET_DP_E_SEPARATORS] = "separators missing, equal or not ASCII",
    [ONENET_DP_E_FIELD] = "no field, or one of more than three parts",
    [ONENET_DP_E_NUMBER] = "stream number outside 1..65535",
    [ONENET_DP_E_COUNT] = "count of floats outside 1..500",
    [ONENET_DP_E_FLOAT] = "not a finite number",
    [ONENET_DP_E_TOO_LARGE] = "too large",
    [ONENET_DP_E_TWICE] = "the same stream twice",
    [ONENET_DP_E_EMPTY] = "no data points",
};

const char *onenet_dp_strerror(int error)
{
    if (error > 0 && (size_t) error < ag_array_size(error_names) && error_names[error])
        return error_names[error];
    return error == -ENOMEM ? "out of memory" : "error";
}

struct reader {
    const unsigned char *p;
    size_t left;
    onenet_value_fn fn; /* NULL in the first pass */
    void *user;
    struct ag_buf name, time; /* decoded strings of the point under way */
};

static size_t big_endian(const unsigned char *p, int n)
{
    size_t v = 0;

    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* A block behind a length field of n bytes. */
static int take_block(struct reader *r, int n, struct ag_span *out)
{
    size_t len;

    if (r->left < (size_t) n)
        return ONENET_DP_E_TRUNCATED;
    len = big_endian(r->p, n);
    if (n == 4 && len > ONENET_DP_BINARY_MAX)
        return ONENET_DP_E_TOO_LARGE;
    if (r->left - (size_t) n < len)
        return ONENET_DP_E_TRUNCATED;
    *out = (struct ag_span){(const char *) r->p + n, len};
    r->p += (size_t) n + len;
    r->left -= (size_t) n + len;
    return 0;
}

static int take_last_block(struct reader *r, struct ag_span *out)
{
    int e = take_block(r, 2, out);

    return e == 0 && r->left > 0 ? ONENET_DP_E_TRAILING : e;
}

static bool stream_is_good(struct ag_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char) s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    }
    return s.len > 0;
}

static int tell(struct reader *r, struct ag_span stream, struct ag_span time, enum onenet_value_kind kind,
                struct ag_span value, float number)
{
    struct onenet_value v = {stream, time, kind, value, number};

    return r->fn ? r->fn(r->user, &v) : 0;
}

static int take_json(struct reader *r, bool last, struct ag_span *json)
{
    struct ag_json_view view;
    int e = last ? take_last_block(r, json) : take_block(r, 2, json);

    if (e != 0)
        return e;
    return ag_json_parse(json, ONENET_DP_DEPTH_MAX, &view) == 0 ? 0 : ONENET_DP_E_JSON;
}

/* A JSON string as plain text in buf. */
static int take_text(struct ag_buf *buf, struct ag_span string, int error)
{
    int e;

    ag_buf_clear(buf);
    e = ag_json_append_text(buf, string);
    return e == -EINVAL ? error : e;
}

static int take_name(struct reader *r, struct ag_span string)
{
    int e = take_text(&r->name, string, ONENET_DP_E_STREAM);

    return e == 0 && !stream_is_good(ag_buf_span(&r->name)) ? ONENET_DP_E_STREAM : e;
}

/* string.p NULL: no time. */
static int take_time(struct reader *r, struct ag_span string)
{
    struct onenet_date d;
    int e;

    ag_buf_clear(&r->time);
    if (!string.p)
        return 0;
    e = take_text(&r->time, string, ONENET_DP_E_TIME);
    return e == 0 && !onenet_date_parse(ag_buf_span(&r->time), &d) ? ONENET_DP_E_TIME : e;
}

/* ---- types 1 to 4 ---- */

static int read_datapoints(struct reader *r, struct ag_span points)
{
    struct ag_json_iter it = ag_json_iter_begin(points);
    struct ag_span point;
    int e = ag_json_type(points) == AG_JSON_ARRAY ? 0 : ONENET_DP_E_SHAPE, n = 0;

    while (e == 0 && ag_json_iter_item(&it, &point)) {
        struct ag_span value = ag_json_get(point, "value");

        n++;
        if (!value.p)
            return ONENET_DP_E_SHAPE;
        e = take_time(r, ag_json_get(point, "at"));
        if (e == 0)
            e = tell(r, ag_buf_span(&r->name), ag_buf_span(&r->time), ONENET_VALUE_JSON, value, 0);
    }
    return e == 0 && n == 0 ? ONENET_DP_E_EMPTY : e;
}

static int read_streams(struct reader *r)
{
    struct ag_span json, streams, stream;
    struct ag_json_iter it;
    int e = take_json(r, true, &json), n = 0;

    if (e != 0)
        return e;
    streams = ag_json_get(json, "datastreams");
    if (ag_json_type(streams) != AG_JSON_ARRAY)
        return ONENET_DP_E_SHAPE;
    it = ag_json_iter_begin(streams);
    while (e == 0 && ag_json_iter_item(&it, &stream)) {
        n++;
        e = take_name(r, ag_json_get(stream, "id"));
        if (e == 0)
            e = read_datapoints(r, ag_json_get(stream, "datapoints"));
    }
    return e == 0 && n == 0 ? ONENET_DP_E_EMPTY : e;
}

static int read_binary(struct reader *r)
{
    struct ag_span json, binary;
    int e = take_json(r, false, &json);

    if (e == 0)
        e = take_block(r, 4, &binary);
    if (e == 0 && r->left > 0)
        e = ONENET_DP_E_TRAILING;
    if (e == 0)
        e = take_name(r, ag_json_get(json, "ds_id"));
    if (e == 0)
        e = take_time(r, ag_json_get(json, "at"));
    if (e == 0)
        e = tell(r, ag_buf_span(&r->name), ag_buf_span(&r->time), ONENET_VALUE_BINARY, binary, 0);
    return e;
}

static int read_values(struct reader *r)
{
    struct ag_span json, name, value;
    struct ag_json_iter it;
    int e = take_json(r, true, &json), n = 0;

    if (e != 0)
        return e;
    it = ag_json_iter_begin(json);
    for (; e == 0 && ag_json_iter_member(&it, &name, &value); n++) {
        e = take_name(r, name);
        if (e == 0)
            e = tell(r, ag_buf_span(&r->name), (struct ag_span){"", 0}, ONENET_VALUE_JSON, value, 0);
    }
    return e == 0 && n == 0 ? ONENET_DP_E_EMPTY : e;
}

static int read_times(struct reader *r, struct ag_span times)
{
    struct ag_json_iter it = ag_json_iter_begin(times);
    struct ag_span time, value;
    int e = ag_json_type(times) == AG_JSON_OBJECT ? 0 : ONENET_DP_E_SHAPE, n = 0;

    for (; e == 0 && ag_json_iter_member(&it, &time, &value); n++) {
        e = take_time(r, time);
        if (e == 0)
            e = tell(r, ag_buf_span(&r->name), ag_buf_span(&r->time), ONENET_VALUE_JSON, value, 0);
    }
    return e == 0 && n == 0 ? ONENET_DP_E_EMPTY : e;
}

static int read_timed(struct reader *r)
{
    struct ag_span json, name, times;
    struct ag_json_iter it;
    int e = take_json(r, true, &json), n = 0;

    if (e != 0)
        return e;
    it = ag_json_iter_begin(json);
    for (; e == 0 && ag_json_iter_member(&it, &name, &times); n++) {
        e = take_name(r, name);
        if (e == 0)
            e = read_times(r, times);
    }
    return e == 0 && n == 0 ? ONENET_DP_E_EMPTY : e;
}

/* ---- types 5 and 6 ---- */

static int read_field(struct reader *r, struct ag_span field, char sep, unsigned position,
                      struct ag_span date)
{
    struct ag_span part[3];
    struct onenet_date d;
    char number[12];
    int n = 0;

    for (const char *p = field.p, *end = field.p + field.len;;) {
        const char *q = memchr(p, sep, (size_t) (end - p));

        if (n == 3)
            return ONENET_DP_E_FIELD;
        part[n++] = (struct ag_span){p, (size_t) ((q ? q : end) - p)};
        if (!q)
            break;
        p = q + 1;
    }
    if (n == 1) {
        snprintf(number, sizeof number, "%u", position);
        return tell(r, (struct ag_span){number, strlen(number)}, date, ONENET_VALUE_TEXT, part[0], 0);
    }
    if (!stream_is_good(part[0]))
        return ONENET_DP_E_STREAM;
    if (n == 3 && !onenet_date_parse(part[1], &d))
        return ONENET_DP_E_TIME;
    return tell(r, part[0], n == 3 ? part[1] : date, ONENET_VALUE_TEXT, part[n - 1], 0);
}

static int read_text(struct reader *r, struct ag_span date)
{
    struct ag_span text;
    unsigned position = 0;
    int e = take_last_block(r, &text);

    if (e != 0)
        return e;
    if (text.len < 2 || text.p[0] == text.p[1] || (text.p[0] & 0x80) || (text.p[1] & 0x80))
        return ONENET_DP_E_SEPARATORS;
    if (text.len == 2)
        return ONENET_DP_E_FIELD;
    if (!ag_utf8_valid(text))
        return ONENET_DP_E_JSON;
    for (const char *p = text.p + 2, *end = text.p + text.len; e == 0;) {
        const char *q = memchr(p, text.p[1], (size_t) (end - p));

        e = read_field(r, (struct ag_span){p, (size_t) ((q ? q : end) - p)}, text.p[0], position++, date);
        if (!q)
            break;
        p = q + 1;
    }
    return e;
}

/* ---- type 7 ---- */

static float little_endian_float(const unsigned char *p)
{
    uint32_t bits = (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
    float f;

    memcpy(&f, &bits, sizeof f);
    return f;
}

/* One record; the floats belong to consecutive stream numbers. */
static int read_record(struct reader *r, struct ag_span date, size_t *total)
{
    size_t first, count;

    if (r->left < 4)
        return ONENET_DP_E_TRUNCATED;
    first = big_endian(r->p, 2);
    count = big_endian(r->p + 2, 2);
    *total += count;
    if (count == 0 || *total > ONENET_DP_FLOATS_MAX)
        return ONENET_DP_E_COUNT;
    if (first == 0 || first + count - 1 > 65535)
        return ONENET_DP_E_NUMBER;
    if (r->left - 4 < count * 4)
        return ONENET_DP_E_TRUNCATED;
    r->p += 4;
    r->left -= 4;
    for (size_t i = 0; i < count; i++, r->p += 4, r->left -= 4) {
        float f = little_endian_float(r->p);
        char name[12];
        int e;

        if (!isfinite(f))
            return ONENET_DP_E_FLOAT;
        snprintf(name, sizeof name, "%u", (unsigned) (first + i));
        e = tell(r, (struct ag_span){name, strlen(name)}, date, ONENET_VALUE_FLOAT, (struct ag_span){"", 0},
                 f);
        if (e != 0)
            return e;
    }
    return 0;
}

static int read_floats(struct reader *r, struct ag_span date)
{
    size_t total = 0;
    int e = r->left > 0 ? 0 : ONENET_DP_E_EMPTY;

    while (e == 0 && r->left > 0)
        e = read_record(r, date, &total);
    return e;
}

/* ---- the whole ---- */

static int take_date(struct reader *r, char text[ONENET_TIME_LEN + 1])
{
    struct onenet_date d;

    if (r->left < 6)
        return ONENET_DP_E_TRUNCATED;
    d = (struct onenet_date){(uint16_t) (2000 + r->p[0]), r->p[1], r->p[2], r->p[3], r->p[4], r->p[5]};
    if (!onenet_date_is_valid(&d))
        return ONENET_DP_E_DATE;
    onenet_date_format(&d, text);
    r->p += 6;
    r->left -= 6;
    return 0;
}

static int read_payload(struct reader *r)
{
    unsigned type, flags;
    char text[ONENET_TIME_LEN + 1];
    struct ag_span date = {"", 0};

    if (r->left == 0)
        return ONENET_DP_E_TRUNCATED;
    type = r->p[0] & 0x3f;
    flags = r->p[0] & 0xc0;
    if (flags != 0 && (flags != 0x80 || (type != 6 && type != 7)))
        return ONENET_DP_E_TYPE;
    r->p++;
    r->left--;
    if (flags) {
        int e = take_date(r, text);

        if (e != 0)
            return e;
        date = (struct ag_span){text, ONENET_TIME_LEN};
    }
    switch (type) {
    case 1:
        return read_streams(r);
    case 2:
        return read_binary(r);
    case 3:
        return read_values(r);
    case 4:
        return read_timed(r);
    case 5:
    case 6:
        return read_text(r, date);
    case 7:
        return read_floats(r, date);
    default:
        return ONENET_DP_E_TYPE;
    }
}

int onenet_dp_decode(struct ag_span payload, onenet_value_fn fn, void *user)
{
    struct reader r = {.name = AG_BUF_INIT, .time = AG_BUF_INIT};
    int e;

    r.p = (const unsigned char *) payload.p;
    r.left = payload.len;
    e = read_payload(&r);
    if (e == 0 && fn) {
        r.p = (const unsigned char *) payload.p;
        r.left = payload.len;
        r.fn = fn;
        r.user = user;
        e = read_payload(&r);
    }
    ag_buf_deinit(&r.name);
    ag_buf_deinit(&r.time);
    return e;
}
