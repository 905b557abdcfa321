/* SPDX-License-Identifier: MIT */
/* Data points: first a pass that only checks, then one that delivers the points. */
#include "examples/sim/onenet/onenet_wire.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "examples/sim/wire/sim_json.h"

static const char *const error_names[] = {
    [ON_E_TYPE] = "unknown data type or flag bits",
    [ON_E_TRUNCATED] = "payload ends too early",
    [ON_E_TRAILING] = "bytes behind the end",
    [ON_E_DATE] = "date bytes out of range",
    [ON_E_JSON] = "not JSON in UTF-8",
    [ON_E_SHAPE] = "JSON has not the form of this type",
    [ON_E_STREAM] = "bad stream name",
    [ON_E_TIME] = "time is missing or not YYYY-MM-DD hh:mm:ss",
    [ON_E_SEPARATORS] = "separators missing, equal or not ASCII",
    [ON_E_FIELD] = "no field, or one of more than three parts",
    [ON_E_NUMBER] = "stream number outside 1..65535",
    [ON_E_COUNT] = "count of floats outside 1..500",
    [ON_E_FLOAT] = "not a finite number",
    [ON_E_TOO_LARGE] = "too large",
    [ON_E_TWICE] = "the same stream twice",
    [ON_E_EMPTY] = "no data points",
};

const char *on_points_fault(int error)
{
    if (error > 0 && (size_t) error < ag_array_size(error_names) && error_names[error])
        return error_names[error];
    return error == -ENOMEM ? "out of memory" : "error";
}

/* A moment that exists, written as "YYYY-MM-DD hh:mm:ss", from 1970 on. */
static bool time_is_good(struct ag_span text)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    char copy[ON_TIME_LEN + 1];
    int y, mo, d, h, mi, s;

    if (text.len != ON_TIME_LEN)
        return false;
    memcpy(copy, text.p, ON_TIME_LEN);
    copy[ON_TIME_LEN] = '\0';
    for (int i = 0; i < ON_TIME_LEN; i++)
        if ("0000-00-00 00:00:00"[i] == '0' ? copy[i] < '0' || copy[i] > '9' : copy[i] != "0000-00-00 00:00:00"[i])
            return false;
    if (sscanf(copy, "%4d-%2d-%2d %2d:%2d:%2d", &y, &mo, &d, &h, &mi, &s) != 6)
        return false;
    if (mo == 2 && d == 29 && !((y % 4 == 0 && y % 100 != 0) || y % 400 == 0))
        return false;
    return y >= 1970 && mo >= 1 && mo <= 12 && d >= 1 && d <= days[mo - 1] && h <= 23 && mi <= 59 && s <= 59;
}

struct reader {
    const unsigned char *p;
    size_t left;
    on_value_fn fn; /* NULL in the first pass */
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
        return ON_E_TRUNCATED;
    len = big_endian(r->p, n);
    if (n == 4 && len > ON_BINARY_MAX)
        return ON_E_TOO_LARGE;
    if (r->left - (size_t) n < len)
        return ON_E_TRUNCATED;
    *out = (struct ag_span){(const char *) r->p + n, len};
    r->p += (size_t) n + len;
    r->left -= (size_t) n + len;
    return 0;
}

static int take_last_block(struct reader *r, struct ag_span *out)
{
    int e = take_block(r, 2, out);

    return e == 0 && r->left > 0 ? ON_E_TRAILING : e;
}

static bool stream_is_good(struct ag_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char) s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    }
    return s.len > 0;
}

static int tell(struct reader *r, struct ag_span stream, struct ag_span time, enum on_value_kind kind, struct ag_span value,
                float number)
{
    struct on_value v = {stream, time, kind, value, number};

    return r->fn ? r->fn(r->user, &v) : 0;
}

static int take_json(struct reader *r, bool last, struct ag_span *json)
{
    int e = last ? take_last_block(r, json) : take_block(r, 2, json);

    if (e != 0)
        return e;
    return sim_json_object(json, ON_DEPTH_MAX) ? 0 : ON_E_JSON;
}

/* A JSON string as plain text in buf. */
static int take_text(struct ag_buf *buf, struct ag_span string, int error)
{
    int e;

    ag_buf_clear(buf);
    e = sim_json_text(buf, string);
    return e == -EINVAL ? error : e;
}

static int take_name(struct reader *r, struct ag_span string)
{
    int e = take_text(&r->name, string, ON_E_STREAM);

    return e == 0 && !stream_is_good(ag_buf_span(&r->name)) ? ON_E_STREAM : e;
}

/* string.p NULL: no time. */
static int take_time(struct reader *r, struct ag_span string)
{
    int e;

    ag_buf_clear(&r->time);
    if (!string.p)
        return 0;
    e = take_text(&r->time, string, ON_E_TIME);
    return e == 0 && !time_is_good(ag_buf_span(&r->time)) ? ON_E_TIME : e;
}

/* ---- types 1 to 4 ---- */

static int read_datapoints(struct reader *r, struct ag_span points)
{
    struct sim_json_walk walk = sim_json_walk(points);
    struct ag_span name, point;
    int e = sim_json_type(points) == SIM_JSON_ARRAY ? 0 : ON_E_SHAPE, n = 0;

    while (e == 0 && sim_json_next(&walk, &name, &point)) {
        struct ag_span value = sim_json_get(point, "value");

        n++;
        if (!value.p)
            return ON_E_SHAPE;
        e = take_time(r, sim_json_get(point, "at"));
        if (e == 0)
            e = tell(r, ag_buf_span(&r->name), ag_buf_span(&r->time), ON_VALUE_JSON, value, 0);
    }
    return e == 0 && n == 0 ? ON_E_EMPTY : e;
}

static int read_streams(struct reader *r)
{
    struct ag_span json, streams, name, stream;
    struct sim_json_walk walk;
    int e = take_json(r, true, &json), n = 0;

    if (e != 0)
        return e;
    streams = sim_json_get(json, "datastreams");
    if (sim_json_type(streams) != SIM_JSON_ARRAY)
        return ON_E_SHAPE;
    walk = sim_json_walk(streams);
    while (e == 0 && sim_json_next(&walk, &name, &stream)) {
        n++;
        e = take_name(r, sim_json_get(stream, "id"));
        if (e == 0)
            e = read_datapoints(r, sim_json_get(stream, "datapoints"));
    }
    return e == 0 && n == 0 ? ON_E_EMPTY : e;
}

static int read_binary(struct reader *r)
{
    struct ag_span json, binary;
    int e = take_json(r, false, &json);

    if (e == 0)
        e = take_block(r, 4, &binary);
    if (e == 0 && r->left > 0)
        e = ON_E_TRAILING;
    if (e == 0)
        e = take_name(r, sim_json_get(json, "ds_id"));
    if (e == 0)
        e = take_time(r, sim_json_get(json, "at"));
    if (e == 0)
        e = tell(r, ag_buf_span(&r->name), ag_buf_span(&r->time), ON_VALUE_BINARY, binary, 0);
    return e;
}

static int read_values(struct reader *r)
{
    struct ag_span json, name, value;
    struct sim_json_walk walk;
    int e = take_json(r, true, &json), n = 0;

    if (e != 0)
        return e;
    walk = sim_json_walk(json);
    for (; e == 0 && sim_json_next(&walk, &name, &value); n++) {
        e = take_name(r, name);
        if (e == 0)
            e = tell(r, ag_buf_span(&r->name), (struct ag_span){"", 0}, ON_VALUE_JSON, value, 0);
    }
    return e == 0 && n == 0 ? ON_E_EMPTY : e;
}

static int read_times(struct reader *r, struct ag_span times)
{
    struct sim_json_walk walk = sim_json_walk(times);
    struct ag_span time, value;
    int e = sim_json_type(times) == SIM_JSON_OBJECT ? 0 : ON_E_SHAPE, n = 0;

    for (; e == 0 && sim_json_next(&walk, &time, &value); n++) {
        e = take_time(r, time);
        if (e == 0)
            e = tell(r, ag_buf_span(&r->name), ag_buf_span(&r->time), ON_VALUE_JSON, value, 0);
    }
    return e == 0 && n == 0 ? ON_E_EMPTY : e;
}

static int read_timed(struct reader *r)
{
    struct ag_span json, name, times;
    struct sim_json_walk walk;
    int e = take_json(r, true, &json), n = 0;

    if (e != 0)
        return e;
    walk = sim_json_walk(json);
    for (; e == 0 && sim_json_next(&walk, &name, &times); n++) {
        e = take_name(r, name);
        if (e == 0)
            e = read_times(r, times);
    }
    return e == 0 && n == 0 ? ON_E_EMPTY : e;
}

/* ---- types 5 and 6 ---- */

static int read_field(struct reader *r, struct ag_span field, char sep, unsigned position, struct ag_span date)
{
    struct ag_span part[3];
    char number[12];
    int n = 0;

    for (const char *p = field.p, *end = field.p + field.len;;) {
        const char *q = memchr(p, sep, (size_t) (end - p));

        if (n == 3)
            return ON_E_FIELD;
        part[n++] = (struct ag_span){p, (size_t) ((q ? q : end) - p)};
        if (!q)
            break;
        p = q + 1;
    }
    if (n == 1) {
        snprintf(number, sizeof number, "%u", position);
        return tell(r, (struct ag_span){number, strlen(number)}, date, ON_VALUE_TEXT, part[0], 0);
    }
    if (!stream_is_good(part[0]))
        return ON_E_STREAM;
    if (n == 3 && !time_is_good(part[1]))
        return ON_E_TIME;
    return tell(r, part[0], n == 3 ? part[1] : date, ON_VALUE_TEXT, part[n - 1], 0);
}

static int read_text(struct reader *r, struct ag_span date)
{
    struct ag_span text;
    unsigned position = 0;
    int e = take_last_block(r, &text);

    if (e != 0)
        return e;
    if (text.len < 2 || text.p[0] == text.p[1] || (text.p[0] & 0x80) || (text.p[1] & 0x80))
        return ON_E_SEPARATORS;
    if (text.len == 2)
        return ON_E_FIELD;
    if (!sim_utf8_valid(text))
        return ON_E_JSON;
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
        return ON_E_TRUNCATED;
    first = big_endian(r->p, 2);
    count = big_endian(r->p + 2, 2);
    *total += count;
    if (count == 0 || *total > ON_FLOATS_MAX)
        return ON_E_COUNT;
    if (first == 0 || first + count - 1 > 65535)
        return ON_E_NUMBER;
    if (r->left - 4 < count * 4)
        return ON_E_TRUNCATED;
    r->p += 4;
    r->left -= 4;
    for (size_t i = 0; i < count; i++, r->p += 4, r->left -= 4) {
        float f = little_endian_float(r->p);
        char name[12];
        int e;

        if (!isfinite(f))
            return ON_E_FLOAT;
        snprintf(name, sizeof name, "%u", (unsigned) (first + i));
        e = tell(r, (struct ag_span){name, strlen(name)}, date, ON_VALUE_FLOAT, (struct ag_span){"", 0}, f);
        if (e != 0)
            return e;
    }
    return 0;
}

static int read_floats(struct reader *r, struct ag_span date)
{
    size_t total = 0;
    int e = r->left > 0 ? 0 : ON_E_EMPTY;

    while (e == 0 && r->left > 0)
        e = read_record(r, date, &total);
    return e;
}

/* ---- the whole ---- */

/* Six bytes: the year from 2000 on, month, day, hour, minute, second. */
static int take_date(struct reader *r, char text[ON_TIME_LEN + 1])
{
    char written[64];
    int n;

    if (r->left < 6)
        return ON_E_TRUNCATED;
    n = snprintf(written, sizeof written, "%04d-%02d-%02d %02d:%02d:%02d", 2000 + r->p[0], r->p[1], r->p[2], r->p[3], r->p[4],
                 r->p[5]);
    if (!time_is_good((struct ag_span){written, (size_t) n}))
        return ON_E_DATE;
    memcpy(text, written, ON_TIME_LEN + 1);
    r->p += 6;
    r->left -= 6;
    return 0;
}

static int read_payload(struct reader *r)
{
    unsigned type, flags;
    char text[ON_TIME_LEN + 1];
    struct ag_span date = {"", 0};

    if (r->left == 0)
        return ON_E_TRUNCATED;
    type = r->p[0] & 0x3f;
    flags = r->p[0] & 0xc0;
    if (flags != 0 && (flags != 0x80 || (type != 6 && type != 7)))
        return ON_E_TYPE;
    r->p++;
    r->left--;
    if (flags) {
        int e = take_date(r, text);

        if (e != 0)
            return e;
        date = (struct ag_span){text, ON_TIME_LEN};
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
        return ON_E_TYPE;
    }
}

int on_points_read(struct ag_span payload, on_value_fn fn, void *user)
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

/* ---- topics ---- */

#define DIGITS "0123456789"
#define PLAIN  DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/"

/* "/<digits>/<stream>" */
static bool is_point(const char *topic)
{
    size_t id = topic[0] == '/' ? strspn(topic + 1, DIGITS) : 0;
    const char *stream = topic + id + 2;

    if (id == 0 || topic[id + 1] != '/' || !*stream)
        return false;
    for (; *stream; stream++)
        if (*stream <= ' ' || *stream >= 0x7f || *stream == '/')
            return false;
    return true;
}

const char *on_topic_fault(struct ag_span topic, bool point)
{
    char text[ON_TOPIC_MAX + 1];

    if (topic.len == 0)
        return "topic is empty";
    if (topic.len > ON_TOPIC_MAX)
        return "topic is longer than 1024 characters";
    memcpy(text, topic.p, topic.len);
    text[topic.len] = '\0';
    if (text[0] == '$')
        return "topics that begin with $ are reserved";
    if (strpbrk(text, "+#"))
        return "wildcards are not allowed";
    if (strlen(text) == topic.len && ((point && is_point(text)) || strspn(text, PLAIN) == topic.len))
        return NULL;
    return "topic may hold letters, digits, _ and / only";
}
