/* SPDX-License-Identifier: MIT */
/* Data points: what the strict decoder accepts must be buildable again, and read back as the same points. */
#include <stdint.h>
#include <stdlib.h>
#include "client/cloud/onenet/core/onenet_dp.h"
#include "examples/sim/onenet/onenet_wire.h"

enum { POINTS = 64 };

struct seen {
    size_t n;
    enum on_value_kind kind;
    struct ag_buf bytes; /* stream, time, value of every point */
    struct {
        size_t stream, time, value, end;
    } at[POINTS];
    struct onenet_float floats[POINTS];
};

static int keep(void *user, const struct on_value *v)
{
    struct seen *s = user;

    s->kind = v->kind;
    if (s->n < POINTS) {
        s->at[s->n].stream = s->bytes.len;
        ag_buf_append_span(&s->bytes, v->stream);
        s->at[s->n].time = s->bytes.len;
        ag_buf_append_span(&s->bytes, v->time);
        s->at[s->n].value = s->bytes.len;
        ag_buf_append_span(&s->bytes, v->value);
        s->at[s->n].end = s->bytes.len;
        ag_buf_append_char(&s->bytes, '\0');
        s->floats[s->n].stream = (uint16_t) atoi(s->bytes.data + s->at[s->n].stream);
        s->floats[s->n].value = v->number;
    }
    s->n++;
    return 0;
}

static int count(void *user, const struct on_value *v)
{
    (void) v;
    (*(size_t *) user)++;
    return 0;
}

static int build(struct ag_buf *out, const struct seen *s, bool *known)
{
    struct onenet_point p[POINTS];
    const char *d = s->bytes.data;
    size_t used;

    *known = true;
    for (size_t i = 0; i < s->n; i++)
        p[i] = (struct onenet_point){{d + s->at[i].stream, s->at[i].time - s->at[i].stream},
                                     {d + s->at[i].time, s->at[i].value - s->at[i].time},
                                     {d + s->at[i].value, s->at[i].end - s->at[i].value}};
    if (s->kind == ON_VALUE_FLOAT)
        return onenet_dp_encode_floats(out, NULL, s->floats, s->n, &used);
    if (s->kind == ON_VALUE_BINARY)
        return onenet_dp_encode_binary(out, p[0].stream, p[0].time, (struct ag_span){"", 0}, p[0].value);
    if (s->kind == ON_VALUE_JSON)
        return onenet_dp_encode_streams(out, p, s->n);
    *known = false; /* text is no JSON value */
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct seen s = {.bytes = AG_BUF_INIT};
    struct ag_buf out = AG_BUF_INIT;
    struct ag_span payload = {(const char *) data, n};
    int checked = on_points_read(payload, NULL, NULL), e = on_points_read(payload, keep, &s);
    size_t again = 0;
    bool known;

    if (checked != e || (e != 0) != (s.n == 0))
        abort();
    if (e == 0 && s.n <= POINTS && build(&out, &s, &known) == 0 && known &&
        (on_points_read(ag_buf_span(&out), count, &again) != 0 || again != s.n))
        abort();
    ag_buf_deinit(&s.bytes);
    ag_buf_deinit(&out);
    return 0;
}
