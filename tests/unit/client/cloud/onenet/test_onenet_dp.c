/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "client/cloud/onenet/core/onenet_dp.h"
#include "examples/sim/onenet/onenet_wire.h"
#include "tests/support/alloc_fail.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void from_hex(struct ag_buf *out, const char *hex)
{
    for (; hex[0]; hex += 2) {
        unsigned v;

        sscanf(hex, "%2x", &v);
        ag_buf_append_char(out, (char) v);
    }
}

/* One line per point: stream|time|kind|value */
static int print_point(void *user, const struct on_value *v)
{
    struct ag_buf *out = user;
    char number[32];
    int r;

    snprintf(number, sizeof number, "%g", (double) v->number);
    r = ag_buf_printf(out, "%.*s|%.*s|%c|", (int) v->stream.len, v->stream.p, (int) v->time.len, v->time.p, "jbtf"[v->kind]);
    if (r == 0 && v->kind == ON_VALUE_FLOAT)
        r = ag_buf_append_str(out, number);
    else if (r == 0 && v->kind == ON_VALUE_BINARY)
        r = ag_buf_printf(out, "%zu bytes", v->value.len);
    else if (r == 0)
        r = ag_buf_append_span(out, v->value);
    return r == 0 ? ag_buf_append_char(out, '\n') : r;
}

/* O01 .. O09 are the accepted vectors of the protocol notes, O10 .. O13 the refused ones. */
static const struct {
    const char *id, *hex;
    int error;
    const char *points;
} vectors[] = {
    {"O01",
     "0100557b226461746173747265616d73223a5b7b226964223a2274222c2264617461706f696e7473223a5b7b226174223a2232"
     "3031332d30342d32322032323a32323a3232222c2276616c7565223a33362e357d5d7d5d7d",
     0, "t|2013-04-22 22:22:22|j|36.5\n"},
    {"O02", "0200117b2264735f6964223a22696d616765227d00000004deadbeef", 0, "image||b|4 bytes\n"},
    {"O03", "0300277b2274656d7065726174757265223a32322e352c2268756d6964697479223a2239352e3225227d", 0,
     "temperature||j|22.5\nhumidity||j|\"95.2%\"\n"},
    {"O04", "04002c7b2274656d7065726174757265223a7b22323031352d30332d32322032323a33313a3132223a32322e357d7d", 0,
     "temperature|2015-03-22 22:31:12|j|22.5\n"},
    {"O05",
     "0500362c3b74656d70657261747572652c323031352d30332d32322032323a33313a31322c32322e353b3130323b706d322e352c"
     "38393b3130",
     0, "temperature|2015-03-22 22:31:12|t|22.5\n1||t|102\npm2.5||t|89\n3||t|10\n"},
    {"O06", "86100c160809100009234074233140682332", 0, "t|2016-12-22 08:09:16|t|1\nh|2016-12-22 08:09:16|t|2\n"},
    {"O07", "0600052c3b742c31", 0, "t||t|1\n"},
    {"O08", "07000100010000c03f", 0, "1||f|1.5\n"},
    {"O09", "8710021d173b3b24370002000020c10000803e", 0, "9271|2016-02-29 23:59:59|f|-10\n9272|2016-02-29 23:59:59|f|0.25\n"},
    {"O10", "0500053b3b743b31", ON_E_SEPARATORS, NULL},
    {"O11", "0300097b2261223a317d", ON_E_TRUNCATED, NULL},
    {"O12", "0300", ON_E_TRUNCATED, NULL},
    {"O13", "07000100020000c03f", ON_E_TRUNCATED, NULL},
    {"nothing at all", "", ON_E_TRUNCATED, NULL},
    {"type 0", "0000", ON_E_TYPE, NULL},
    {"type 8", "08000141", ON_E_TYPE, NULL},
    {"bit 6 set", "4300077b2261223a317d", ON_E_TYPE, NULL},
    {"date bit on type 3", "83100c160809100007", ON_E_TYPE, NULL},
    {"bytes behind the JSON", "0300077b2261223a317d00", ON_E_TRAILING, NULL},
    {"not an object", "0300035b315d", ON_E_JSON, NULL},
    {"no UTF-8", "0300097b2261223a22ff227d", ON_E_JSON, NULL},
    {"no points", "0300027b7d", ON_E_EMPTY, NULL},
    {"empty stream name", "0300067b22223a317d", ON_E_STREAM, NULL},
    {"control character in a name", "03000c7b225c7530303031223a317d", ON_E_STREAM, NULL},
    {"type 1 without datastreams", "0100077b2261223a317d", ON_E_SHAPE, NULL},
    {"type 4 whose value has no time", "0400077b2261223a317d", ON_E_SHAPE, NULL},
    {"type 4 with a wrong time", "04000d7b2261223a7b2278223a317d7d", ON_E_TIME, NULL},
    {"type 2 without binary length", "0200117b2264735f6964223a22696d616765227d0000", ON_E_TRUNCATED, NULL},
    {"type 2 with short binary", "0200117b2264735f6964223a22696d616765227d00000004dead", ON_E_TRUNCATED, NULL},
    {"type 2 with bytes behind", "0200117b2264735f6964223a22696d616765227d00000001dead", ON_E_TRAILING, NULL},
    {"type 2 over 3 MiB", "0200117b2264735f6964223a22696d616765227d00300001", ON_E_TOO_LARGE, NULL},
    {"type 2 without ds_id", "0200027b7d00000000", ON_E_STREAM, NULL},
    {"type 5 with separators only", "0500022c3b", ON_E_FIELD, NULL},
    {"type 5 with one separator", "0500012c", ON_E_SEPARATORS, NULL},
    {"type 5 with four parts", "0500092c3b612c622c632c64", ON_E_FIELD, NULL},
    {"type 5 with an empty name", "0500042c3b2c31", ON_E_STREAM, NULL},
    {"type 5 with a wrong time", "0500072c3b612c622c63", ON_E_TIME, NULL},
    {"type 5 with a separator of two bytes", "050006c3a43b612c31", ON_E_SEPARATORS, NULL},
    {"type 5 that is no UTF-8", "0500052c3b742cff", ON_E_JSON, NULL},
    {"type 6 with month 13", "86100d160809100009234074233140682332", ON_E_DATE, NULL},
    {"type 6 with 30 February", "86100217080910000923407423314068233200", ON_E_TRAILING, NULL},
    {"type 6 with 31 April", "8610041f080910000923407423314068233200", ON_E_DATE, NULL},
    {"type 6 cut in the date", "86100c16", ON_E_TRUNCATED, NULL},
    {"type 7 without records", "07", ON_E_EMPTY, NULL},
    {"type 7 with stream 0", "07000000010000c03f", ON_E_NUMBER, NULL},
    {"type 7 beyond stream 65535", "07ffff00020000c03f0000c03f", ON_E_NUMBER, NULL},
    {"type 7 with count 0", "0700010000", ON_E_COUNT, NULL},
    {"type 7 with count 501", "07000101f5", ON_E_COUNT, NULL},
    {"type 7 with infinity", "07000100010000807f", ON_E_FLOAT, NULL},
    {"type 7 cut in a record head", "0700", ON_E_TRUNCATED, NULL},
};

static void vectors_decode_as_noted(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(vectors); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf in = AG_BUF_INIT, out = AG_BUF_INIT;
        int e;

        from_hex(&in, vectors[i].hex);
        e = on_points_read(ag_buf_span(&in), print_point, &out);
        if (e != vectors[i].error)
            fail_msg("%s: %d %s", vectors[i].id, e, e > 0 ? on_points_fault(e) : "");
        if (vectors[i].points)
            assert_string_equal(ag_buf_cstr(&out), vectors[i].points);
        else
            assert_int_equal(ag_buf_size(&out), 0); /* a refused payload shows no point */
        assert_true(e <= 0 || strlen(on_points_fault(e)) > 5);
    }
}

enum coder { STREAMS, VALUES, TIMED, TEXT, DATED };

static const struct onenet_date DATE = {2016, 12, 22, 8, 9, 16};

static int encode(enum coder c, struct ag_buf *out, const struct onenet_point *p, size_t n)
{
    switch (c) {
    case STREAMS:
        return onenet_dp_encode_streams(out, p, n);
    case VALUES:
        return onenet_dp_encode_values(out, p, n);
    case TIMED:
        return onenet_dp_encode_timed(out, p, n);
    case TEXT:
        return onenet_dp_encode_text(out, p, n);
    default:
        return onenet_dp_encode_dated_text(out, &DATE, p, n);
    }
}

#define P(stream, time, value)                                                                                                   \
    {                                                                                                                            \
        {stream, sizeof stream - 1}, {time, sizeof time - 1},                                                                    \
        {                                                                                                                        \
            value, sizeof value - 1                                                                                              \
        }                                                                                                                        \
    }
#define T1 "2015-03-22 22:31:12"

static const struct {
    const char *name;
    enum coder coder;
    struct onenet_point p[4];
    int error;
    const char *points; /* what the strict decoder reads back */
} built[] = {
    {"type 1 groups points by stream",
     STREAMS,
     {P("a", T1, "1"), P("b", "", "{ \"x\": 2 }"), P("a", "", "3")},
     0,
     "a|" T1 "|j|1\na||j|3\nb||j|{\"x\":2}\n"},
    {"type 3", VALUES, {P("t\"1", "", "22.50"), P("h", "", "\"95.2%\"")}, 0, "t\"1||j|22.50\nh||j|\"95.2%\"\n"},
    {"type 3 keeps long numbers",
     VALUES,
     {P("n", "", "123456789012345678901234567890")},
     0,
     "n||j|123456789012345678901234567890\n"},
    {"type 3 holds a stream once", VALUES, {P("a", "", "1"), P("a", "", "2")}, ONENET_DP_E_TWICE, NULL},
    {"type 3 has no times", VALUES, {P("a", T1, "1")}, ONENET_DP_E_TIME, NULL},
    {"type 4 groups times by stream",
     TIMED,
     {P("a", T1, "1"), P("b", T1, "2"), P("a", "2015-03-22 22:31:13", "3")},
     0,
     "a|" T1 "|j|1\na|2015-03-22 22:31:13|j|3\nb|" T1 "|j|2\n"},
    {"type 4 wants a time", TIMED, {P("a", "", "1")}, ONENET_DP_E_TIME, NULL},
    {"type 4 holds a time once", TIMED, {P("a", T1, "1"), P("a", T1, "2")}, ONENET_DP_E_TWICE, NULL},
    {"a day that does not exist", TIMED, {P("a", "2015-02-29 00:00:00", "1")}, ONENET_DP_E_TIME, NULL},
    {"type 5 with names, times and positions",
     TEXT,
     {P("a", T1, "1"), P("", "", "\"two\""), P("c", "", "true")},
     0,
     "a|" T1 "|t|1\n1||t|two\nc||t|true\n"},
    {"type 5 avoids what occurs", TEXT, {P("a,b", "", "\";|#\""), P("c@", "", "\"!$%&*\"")}, 0, "a,b||t|;|#\nc@||t|!$%&*\n"},
    {"type 5: a time needs a name", TEXT, {P("", T1, "1")}, ONENET_DP_E_STREAM, NULL},
    {"type 6 with the packet's date", DATED, {P("a", "", "1"), P("b", T1, "2")}, 0, "a|2016-12-22 08:09:16|t|1\nb|" T1 "|t|2\n"},
    {"no name", VALUES, {P("", "", "1")}, ONENET_DP_E_STREAM, NULL},
    {"control character in a name", STREAMS, {P("a\n", "", "1")}, ONENET_DP_E_STREAM, NULL},
};

static void what_is_built_reads_back(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(built); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, out = AG_BUF_INIT;
        size_t n = 0;
        int e;

        while (n < ag_array_size(built[i].p) && built[i].p[n].value.p)
            n++;
        ag_buf_append_char(&b, 'x'); /* encoders append */
        e = encode(built[i].coder, &b, built[i].p, n);
        if (e != built[i].error)
            fail_msg("%s: %d", built[i].name, e);
        if (e != 0) {
            assert_int_equal(ag_buf_size(&b), 1);
            continue;
        }
        ag_buf_consume(&b, 1);
        assert_int_equal(on_points_read(ag_buf_span(&b), print_point, &out), 0);
        assert_string_equal(ag_buf_cstr(&out), built[i].points);
        assert_int_equal(encode(built[i].coder, &b, built[i].p, 0), ONENET_DP_E_EMPTY);
    }
}

static void type_2_carries_up_to_3_mib(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, out = AG_BUF_INIT;
    char *big = calloc(1, ONENET_DP_BINARY_MAX + 1);

    (void) state;
    assert_int_equal(onenet_dp_encode_binary(&b, span("image"), span(""), span(""), (struct ag_span){"\xde\xad\xbe\xef", 4}), 0);
    from_hex(&out, vectors[1].hex);
    assert_int_equal(ag_buf_size(&b), ag_buf_size(&out));
    assert_memory_equal(b.data, out.data, out.len);
    ag_buf_clear(&b);
    ag_buf_clear(&out);
    assert_int_equal(
        onenet_dp_encode_binary(&b, span("i"), span(T1), span("{\"k\": [1]}"), (struct ag_span){big, ONENET_DP_BINARY_MAX}), 0);
    assert_int_equal(on_points_read(ag_buf_span(&b), print_point, &out), 0);
    assert_string_equal(ag_buf_cstr(&out), "i|" T1 "|b|3145728 bytes\n");
    assert_int_equal(onenet_dp_encode_binary(&b, span("i"), span(""), span(""), (struct ag_span){big, ONENET_DP_BINARY_MAX + 1}),
                     ONENET_DP_E_TOO_LARGE);
    free(big);
}

static void lengths_do_not_wrap(void **state)
{
    static char text[70000];
    struct onenet_point p = P("a", "", "");

    (void) state;
    memset(text, 'x', sizeof text);
    text[0] = '"';
    for (size_t len = 65520; len <= 65600; len++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
        int e;

        text[len - 1] = '"';
        p.value = (struct ag_span){text, len};
        e = onenet_dp_encode_values(&b, &p, 1); /* {"a":...} adds 6 */
        assert_int_equal(e, len + 6 <= 65535 ? 0 : ONENET_DP_E_TOO_LARGE);
        if (e == 0)
            assert_int_equal(on_points_read(ag_buf_span(&b), NULL, NULL), 0);
        ag_buf_clear(&b);
        e = onenet_dp_encode_text(&b, &p, 1); /* ",;a," adds 4, the quotes go */
        assert_int_equal(e, len + 2 <= 65535 ? 0 : ONENET_DP_E_TOO_LARGE);
        text[len - 1] = 'x';
    }
}

static void floats_share_records_and_are_split(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, want = AG_BUF_INIT;
    const struct onenet_date d = {2016, 2, 29, 23, 59, 59}, early = {1999, 1, 1, 0, 0, 0};
    const struct onenet_float pair[] = {{9271, -10.0f}, {9272, 0.25f}}, zero = {0, 1}, bad = {1, NAN};
    struct onenet_float many[501];
    size_t used;

    (void) state;
    assert_int_equal(onenet_dp_encode_floats(&b, &d, pair, 2, &used), 0);
    from_hex(&want, vectors[8].hex);
    assert_int_equal(ag_buf_size(&b), ag_buf_size(&want));
    assert_memory_equal(b.data, want.data, want.len);
    assert_int_equal(onenet_dp_encode_floats(&b, NULL, &zero, 1, &used), ONENET_DP_E_NUMBER);
    assert_int_equal(onenet_dp_encode_floats(&b, NULL, &bad, 1, &used), ONENET_DP_E_FLOAT);
    assert_int_equal(onenet_dp_encode_floats(&b, NULL, &bad, 0, &used), ONENET_DP_E_EMPTY);
    assert_int_equal(onenet_dp_encode_floats(&b, &early, pair, 2, &used), ONENET_DP_E_DATE);
    for (size_t i = 0; i < 501; i++)
        many[i] = (struct onenet_float){(uint16_t) (1 + i * 2), (float) i};
    ag_buf_clear(&b);
    assert_int_equal(onenet_dp_encode_floats(&b, NULL, many, 501, &used), 0);
    assert_int_equal(used, 500);
    assert_int_equal(ag_buf_size(&b), 1 + 500 * 8);
    assert_int_equal(on_points_read(ag_buf_span(&b), NULL, NULL), 0);
    ag_buf_clear(&b);
    assert_int_equal(onenet_dp_encode_floats(&b, NULL, many + used, 501 - used, &used), 0);
    assert_int_equal(used, 1);
}

static void dates_come_from_unix_time(void **state)
{
    static const struct {
        int64_t unix_s;
        int32_t offset;
        const char *text;
    } rows[] = {
        {0, 0, "1970-01-01 00:00:00"},
        {0, 28800, "1970-01-01 08:00:00"},
        {951782399, 0, "2000-02-28 23:59:59"},
        {951782400, 0, "2000-02-29 00:00:00"},
        {1709251199, 0, "2024-02-29 23:59:59"},
        {1709251199, 1, "2024-03-01 00:00:00"},
        {4107542400, 0, "2100-03-01 00:00:00"},
        {0, -1, NULL},
        {-1, 0, NULL},
        {253402300800, 0, NULL},
        {253402300799, 0, "9999-12-31 23:59:59"},
        {253402300799, 1, NULL},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct onenet_date d, back;
        char text[ONENET_TIME_LEN + 1], again[ONENET_TIME_LEN + 1];

        assert_int_equal(onenet_date_from_unix(rows[i].unix_s, rows[i].offset, &d), rows[i].text != NULL);
        if (!rows[i].text)
            continue;
        onenet_date_format(&d, text);
        assert_string_equal(text, rows[i].text);
        assert_true(onenet_date_parse(span(text), &back));
        onenet_date_format(&back, again);
        assert_string_equal(again, text);
    }
    assert_false(onenet_date_parse(span("1900-02-29 00:00:00"), &(struct onenet_date){0}));
    assert_false(onenet_date_parse(span("2015-03-22T22:31:12"), &(struct onenet_date){0}));
    assert_false(onenet_date_parse(span("2015-03-22 24:31:12"), &(struct onenet_date){0}));
    assert_false(onenet_date_parse(span("2015-03-2a 22:31:12"), &(struct onenet_date){0}));
}

static void build_and_read_everything(void *user)
{
    static const struct onenet_point p[] = {P("a", T1, "1"), P("b", T1, "\"x\"")};
    static const struct onenet_float f = {1, 2};
    int e[7];
    size_t used;

    (void) user;
    for (int i = 0; i < 7; i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, out = AG_BUF_INIT;

        e[i] = i < 5    ? encode((enum coder) i, &b, p, i == VALUES ? 0 : 2)
               : i == 5 ? onenet_dp_encode_binary(&b, span("i"), span(T1), span("1"), span("xyz"))
                        : onenet_dp_encode_floats(&b, &DATE, &f, 1, &used);
        assert_true(e[i] == 0 || e[i] == -ENOMEM || i == VALUES);
        if (e[i] == 0)
            e[i] = on_points_read(ag_buf_span(&b), print_point, &out);
        else
            assert_int_equal(ag_buf_size(&b), 0);
        assert_true(e[i] == 0 || e[i] == -ENOMEM || e[i] == ONENET_DP_E_JSON || i == VALUES);
    }
}

static void short_memory_leaves_nothing_behind(void **state)
{
    (void) state;
    alloc_fail_sweep(build_and_read_everything, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_decode_as_noted),
        cmocka_unit_test(what_is_built_reads_back),
        cmocka_unit_test(type_2_carries_up_to_3_mib),
        cmocka_unit_test(lengths_do_not_wrap),
        cmocka_unit_test(floats_share_records_and_are_split),
        cmocka_unit_test(dates_come_from_unix_time),
        cmocka_unit_test(short_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
