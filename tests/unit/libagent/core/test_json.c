/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include "examples/sim/wire/sim_json.h"
#include "tests/support/json_feed.h"

enum { OK = -1, MORE = 0, SYNTAX = AG_JSON_E_SYNTAX, UTF8 = AG_JSON_E_UTF8, DEPTH = AG_JSON_E_DEPTH };

struct row {
    const char *name;
    int want;
    struct ag_span text;
};

#define T(literal)                                                                                                               \
    {                                                                                                                            \
        (literal), sizeof(literal) - 1                                                                                           \
    }
#define V(literal)                                                                                                               \
    {                                                                                                                            \
        "{\"v\":" literal "}", sizeof("{\"v\":" literal "}") - 1                                                                 \
    }

static const struct row rows[] = {
    /* the outermost value */
    {"empty object", OK, T("{}")},
    {"space everywhere", OK, T("{ \t\r\n\"a\" \t\r\n: \t\r\n1 \t\r\n, \"b\" : [ ] , \"c\" : { } }")},
    {"array outside", SYNTAX, T("[1]")},
    {"string outside", SYNTAX, T("\"a\"")},
    {"number outside", SYNTAX, T("1")},
    {"literal outside", SYNTAX, T("true")},
    {"byte order mark", SYNTAX, T("\xef\xbb\xbf{}")},
    {"space is skipped by another function", SYNTAX, T(" {}")},
    {"two texts: the first one counts", OK, T("{}{}")},
    {"text then rubbish", OK, T("{\"a\":1}}")},
    {"no end", MORE, T("{\"a\":[1,{\"b\":2}]")},
    {"no end in a key", MORE, T("{\"a")},
    {"nothing", MORE, T("{")},
    /* objects */
    {"comma at the end", SYNTAX, T("{\"a\":1,}")},
    {"comma at the start", SYNTAX, T("{,\"a\":1}")},
    {"two commas", SYNTAX, T("{\"a\":1,,\"b\":2}")},
    {"no comma", SYNTAX, T("{\"a\":1 \"b\":2}")},
    {"no colon", SYNTAX, T("{\"a\" 1}")},
    {"two colons", SYNTAX, T("{\"a\"::1}")},
    {"no value", SYNTAX, T("{\"a\":}")},
    {"no key", SYNTAX, T("{:1}")},
    {"key alone", SYNTAX, T("{\"a\"}")},
    {"unquoted key", SYNTAX, T("{a:1}")},
    {"single quotes", SYNTAX, T("{'a':1}")},
    {"number as key", SYNTAX, T("{1:1}")},
    {"closed by a bracket", SYNTAX, T("{\"a\":1]")},
    {"comment", SYNTAX, T("{/*x*/}")},
    {"NUL inside", SYNTAX, T("{\0}")},
    {"form feed is no space", SYNTAX, T("{\f}")},
    {"no-break space is no space", SYNTAX, T("{\xc2\xa0}")},
    {"empty key", OK, T("{\"\":1}")},
    {"equal keys", OK, T("{\"a\":1,\"a\":2}")},
    /* arrays */
    {"empty array", OK, V("[]")},
    {"array of all", OK, V("[1,\"a\",true,false,null,{},[],{\"a\":[]}]")},
    {"array, comma at the end", SYNTAX, V("[1,]")},
    {"array, comma only", SYNTAX, V("[,]")},
    {"array, comma at the start", SYNTAX, V("[,1]")},
    {"array, two commas", SYNTAX, V("[1,,2]")},
    {"array, no comma", SYNTAX, V("[1 2]")},
    {"array with colon", SYNTAX, V("[\"a\":1]")},
    {"array closed by a brace", SYNTAX, V("[1}")},
    {"array, space only", OK, V("[ ]")},
    /* literals */
    {"true", OK, V("true")},
    {"false", OK, V("false")},
    {"null", OK, V("null")},
    {"True", SYNTAX, V("True")},
    {"tru", SYNTAX, V("tru")},
    {"truex", SYNTAX, V("truex")},
    {"nul", SYNTAX, V("nul ")},
    {"NaN", SYNTAX, V("NaN")},
    {"Infinity", SYNTAX, V("Infinity")},
    {"-Infinity", SYNTAX, V("-Infinity")},
    {"undefined", SYNTAX, V("undefined")},
    /* numbers */
    {"0", OK, V("0")},
    {"-0", OK, V("-0")},
    {"123", OK, V("123")},
    {"long number", OK, V("123456789012345678901234567890123456789012345678901234567890")},
    {"fraction", OK, V("-12.0340")},
    {"exponent", OK, V("1e5")},
    {"exponent, signs", OK, V("1E+05")},
    {"exponent, minus", OK, V("0e-0")},
    {"all parts", OK, V("-0.1e-10")},
    {"huge exponent", OK, V("1e999999")},
    {"leading zero", SYNTAX, V("01")},
    {"leading zeros", SYNTAX, V("00")},
    {"minus, leading zero", SYNTAX, V("-01")},
    {"minus alone", SYNTAX, V("-")},
    {"two minus", SYNTAX, V("--1")},
    {"plus", SYNTAX, V("+1")},
    {"point first", SYNTAX, V(".5")},
    {"minus, point", SYNTAX, V("-.5")},
    {"point last", SYNTAX, V("1.")},
    {"point, exponent", SYNTAX, V("1.e5")},
    {"zero point", SYNTAX, V("0.")},
    {"two points", SYNTAX, V("1.2.3")},
    {"e alone", SYNTAX, V("1e")},
    {"e sign alone", SYNTAX, V("1e+")},
    {"e twice", SYNTAX, V("1e5e5")},
    {"e fraction", SYNTAX, V("1e5.5")},
    {"hex", SYNTAX, V("0x10")},
    {"suffix", SYNTAX, V("1a")},
    {"space inside", SYNTAX, V("1 000")},
    {"wide digit", SYNTAX, V("\xef\xbc\x91")},
    /* strings */
    {"all escapes", OK, V("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")},
    {"unicode escapes", OK, V("\"\\u0000\\u00e9\\u20AC\\ud83d\\ude00\"")},
    {"lone surrogate is grammar", OK, V("\"\\ud800\"")},
    {"DEL", OK, V("\"\x7f\"")},
    {"unknown escape", SYNTAX, V("\"\\x41\"")},
    {"escape a", SYNTAX, V("\"\\a\"")},
    {"escaped quote sign", SYNTAX, V("\"\\'\"")},
    {"upper case U", SYNTAX, V("\"\\U0041\"")},
    {"short hex", SYNTAX, V("\"\\u12\"")},
    {"bad hex", SYNTAX, V("\"\\u12g4\"")},
    {"escaped NUL byte", SYNTAX, V("\"\\\0\"")},
    {"escaped control", SYNTAX, V("\"\\\n\"")},
    {"tab", SYNTAX, V("\"\t\"")},
    {"line feed", SYNTAX, V("\"\n\"")},
    {"NUL in a string", SYNTAX, V("\"\0\"")},
    {"0x1f", SYNTAX, V("\"\x1f\"")},
    {"0x1f far inside", SYNTAX, V("\"0123456789abcdef0123456789abcdef\x1f\"")},
    {"control byte in a key", SYNTAX, T("{\"a\x01\":1}")},
    {"unclosed", MORE, T("{\"v\":\"abc}")},
    {"only a backslash", MORE, T("{\"v\":\"\\")},
    /* UTF-8, by the table of RFC 3629 */
    {"2 bytes, first", OK, V("\"\xc2\x80\"")},
    {"2 bytes, last", OK, V("\"\xdf\xbf\"")},
    {"3 bytes, first", OK, V("\"\xe0\xa0\x80\"")},
    {"3 bytes, before surrogates", OK, V("\"\xed\x9f\xbf\"")},
    {"3 bytes, behind surrogates", OK, V("\"\xee\x80\x80\"")},
    {"3 bytes, last", OK, V("\"\xef\xbf\xbf\"")},
    {"4 bytes, first", OK, V("\"\xf0\x90\x80\x80\"")},
    {"4 bytes, last", OK, V("\"\xf4\x8f\xbf\xbf\"")},
    {"in a key", OK, T("{\"\xe4\xbd\xa0\xe5\xa5\xbd\":1}")},
    {"continuation alone", UTF8, V("\"\x80\"")},
    {"last continuation alone", UTF8, V("\"\xbf\"")},
    {"overlong 2", UTF8, V("\"\xc0\xaf\"")},
    {"overlong 2, last", UTF8, V("\"\xc1\xbf\"")},
    {"overlong 3", UTF8, V("\"\xe0\x80\xaf\"")},
    {"overlong 3, last", UTF8, V("\"\xe0\x9f\xbf\"")},
    {"overlong 4", UTF8, V("\"\xf0\x80\x80\xaf\"")},
    {"overlong 4, last", UTF8, V("\"\xf0\x8f\xbf\xbf\"")},
    {"surrogate D800", UTF8, V("\"\xed\xa0\x80\"")},
    {"surrogate DFFF", UTF8, V("\"\xed\xbf\xbf\"")},
    {"above 10FFFF", UTF8, V("\"\xf4\x90\x80\x80\"")},
    {"f5", UTF8, V("\"\xf5\x80\x80\x80\"")},
    {"5 bytes", UTF8, V("\"\xf8\x88\x80\x80\x80\"")},
    {"fe", UTF8, V("\"\xfe\"")},
    {"ff", UTF8, V("\"\xff\"")},
    {"2 bytes cut by a quote", UTF8, V("\"\xc3\"")},
    {"3 bytes cut", UTF8, V("\"\xe2\x82\"")},
    {"4 bytes cut", UTF8, V("\"\xf0\x9f\x98\"")},
    {"latin-1", UTF8, V("\"caf\xe9 au lait\"")},
    {"bad UTF-8 in a key", UTF8, T("{\"\xff\":1}")},
    {"not ASCII outside a string", SYNTAX, V("\xc3\xa9")},
    /* depth: these run with a limit of 4 */
    {"depth 4", OK, T("{\"a\":[{\"b\":[1]}]}")},
    {"depth 5", DEPTH, T("{\"a\":[{\"b\":[[1]]}]}")},
    {"depth 5 by objects", DEPTH, T("{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}")},
    {"wide is not deep", OK, T("{\"a\":[[],[],[],[]],\"b\":[[[1]]]}")},
};

enum { DEPTH_LIMIT = 4 };

static void check_cuts(const struct row *row, const struct json_fed *whole)
{
    struct json_fed f = json_feed(row->text.p, row->text.len, DEPTH_LIMIT, json_feed_bytes, NULL);

    if (!json_fed_equal(whole, &f))
        fail_msg("%s: byte by byte gives %d at %zu, whole %d at %zu", row->name, f.r, f.used, whole->r, whole->used);
    for (size_t i = 1; i < row->text.len; i++) {
        size_t cut = i;

        f = json_feed(row->text.p, row->text.len, DEPTH_LIMIT, json_feed_cut, &cut);
        if (!json_fed_equal(whole, &f))
            fail_msg("%s: cut at %zu gives %d, whole %d", row->name, i, f.r, whole->r);
    }
}

static void grammar(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        const struct row *row = &rows[i];
        struct json_fed f = json_feed(row->text.p, row->text.len, DEPTH_LIMIT, json_feed_whole, NULL);
        size_t len = sim_json_object_len(row->text.p, row->text.len, DEPTH_LIMIT);

        if (f.r != row->want)
            fail_msg("%s: %d, wanted %d", row->name, f.r, row->want);
        if (len != (f.r == -1 ? f.used : 0))
            fail_msg("%s: the other reader disagrees", row->name);
        check_cuts(row, &f);
    }
}

static void error_offset_is_the_first_bad_byte(void **state)
{
    static const char text[] = "{\"a\":1,\"b\":tru}";
    struct json_fed f = json_feed(text, sizeof text - 1, 8, json_feed_bytes, NULL);

    (void) state;
    assert_int_equal(f.r, SYNTAX);
    assert_int_equal(f.used, sizeof text - 2);
    assert_int_equal(text[f.used], '}');
}

/* Each byte of each row replaced by each byte: scanner and the other reader agree. */
static void one_byte_changed(void **state)
{
    char text[256];

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_span t = rows[i].text;

        for (size_t at = 0; at < t.len; at++)
            for (unsigned c = 0; c < 256; c += c < 0x80 ? 1 : 5) {
                struct ag_json_scan s;
                size_t used;
                int r;

                memcpy(text, t.p, t.len);
                text[at] = (char) c;
                ag_json_scan_init(&s, DEPTH_LIMIT);
                r = ag_json_scan(&s, text, t.len, &used);
                if (sim_json_object_len(text, t.len, DEPTH_LIMIT) != (r == -1 ? used : 0))
                    fail_msg("%s with byte %zu = %02x: %d", rows[i].name, at, c, r);
            }
    }
}

struct member_row {
    const char *text;
    enum ag_member m;
    uint8_t type;
    const char *raw; /* NULL: absent */
};

static const struct member_row members[] = {
    {"{\"id\":1,\"method\":\"m\"}", AG_M_ID, AG_JSON_NUMBER, "1"},
    {"{\"id\":1,\"method\":\"m\"}", AG_M_METHOD, AG_JSON_STRING, "\"m\""},
    {"{\"id\":1,\"method\":\"m\"}", AG_M_PARAMS, AG_JSON_NONE, NULL},
    {"{ \"id\" : -12.5e3 , \"x\":0}", AG_M_ID, AG_JSON_NUMBER, "-12.5e3"},
    {"{\"id\":12}", AG_M_ID, AG_JSON_NUMBER, "12"},
    {"{\"params\":[1,{\"id\":2}] }", AG_M_PARAMS, AG_JSON_ARRAY, "[1,{\"id\":2}]"},
    {"{\"params\":{\"id\":2,\"method\":\"x\"}}", AG_M_ID, AG_JSON_NONE, NULL},
    {"{\"params\":{\"id\":2,\"method\":\"x\"}}", AG_M_METHOD, AG_JSON_NONE, NULL},
    {"{\"a\":[{\"id\":1}],\"id\":2}", AG_M_ID, AG_JSON_NUMBER, "2"},
    {"{\"result\":true}", AG_M_RESULT, AG_JSON_TRUE, "true"},
    {"{\"result\":false}", AG_M_RESULT, AG_JSON_FALSE, "false"},
    {"{\"result\":null}", AG_M_RESULT, AG_JSON_NULL, "null"},
    {"{\"error\":{\"code\":-1}}", AG_M_ERROR, AG_JSON_OBJECT, "{\"code\":-1}"},
    {"{\"_to\":16}", AG_M_TO, AG_JSON_NUMBER, "16"},
    {"{\"_from\":2}", AG_M_FROM, AG_JSON_NUMBER, "2"},
    {"{\"key\":\"\"}", AG_M_KEY, AG_JSON_STRING, "\"\""},
    {"{\"address\":4}", AG_M_ADDRESS, AG_JSON_NUMBER, "4"},
    {"{\"mode\":\"standby\"}", AG_M_MODE, AG_JSON_STRING, "\"standby\""},
    {"{\"m\\u0065thod\":\"x\"}", AG_M_METHOD, AG_JSON_STRING, "\"x\""},
    {"{\"\\u0069\\u0064\":3}", AG_M_ID, AG_JSON_NUMBER, "3"},
    {"{\"met\\u0068od\\u0000\":3}", AG_M_METHOD, AG_JSON_NONE, NULL},
    {"{\"method\\n\":3}", AG_M_METHOD, AG_JSON_NONE, NULL},
    {"{\"metho\":3}", AG_M_METHOD, AG_JSON_NONE, NULL},
    {"{\"methods\":3}", AG_M_METHOD, AG_JSON_NONE, NULL},
    {"{\"Method\":3}", AG_M_METHOD, AG_JSON_NONE, NULL},
    {"{\"addressaddress\":3}", AG_M_ADDRESS, AG_JSON_NONE, NULL},
    {"{\"id\xc3\xa9\":3}", AG_M_ID, AG_JSON_NONE, NULL},
    {"{\"\\u0169d\":3}", AG_M_ID, AG_JSON_NONE, NULL},
    {"{\"id\":1,\"id\":2}", AG_M_ID, AG_JSON_NUMBER, "1"},
    {"{\"id\":\"a\\\"b\"}", AG_M_ID, AG_JSON_STRING, "\"a\\\"b\""},
};

static void members_are_found(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(members); i++) {
        const struct member_row *row = &members[i];
        size_t n = strlen(row->text);
        struct json_fed whole = json_feed(row->text, n, 8, json_feed_whole, NULL);
        struct ag_span raw = ag_view_raw(&whole.view, row->text, row->m);

        if (whole.r != -1 || whole.view.at[row->m].type != row->type)
            fail_msg("%s: type %d", row->text, whole.view.at[row->m].type);
        if (row->raw && !ag_span_is(raw, row->raw, strlen(row->raw)))
            fail_msg("%s: %.*s", row->text, (int) raw.len, raw.p);
        assert_true(row->raw || raw.p == NULL);
        for (size_t at = 1; at < n; at++) {
            size_t cut = at;
            struct json_fed f = json_feed(row->text, n, 8, json_feed_cut, &cut);

            if (!json_fed_equal(&whole, &f))
                fail_msg("%s: cut at %zu", row->text, at);
        }
    }
}

static void key_offset_is_the_quote(void **state)
{
    static const char text[] = "{\"a\":\"long enough to be cut\", \"_to\" : 16 }";
    struct json_fed f = json_feed(text, sizeof text - 1, 8, json_feed_bytes, NULL);
    const struct ag_member_at *a = &f.view.at[AG_M_TO];

    (void) state;
    assert_int_equal(f.r, -1);
    assert_memory_equal(text + a->key, "\"_to\" : 16", 10);
    assert_int_equal(a->end - a->key, 10);
}

static void repeated_members_are_noted(void **state)
{
    static const char text[] = "{\"id\":1,\"method\":\"a\",\"id\":2,\"i\\u0064\":3,\"params\":{\"method\":1}}";
    struct ag_span span = AG_SPAN(text);
    struct ag_json_view v;

    (void) state;
    assert_int_equal(ag_json_parse(&span, 8, &v), 0);
    assert_int_equal(v.twice, 1u << AG_M_ID);
}

static void parse_takes_one_text_only(void **state)
{
    static const struct {
        struct ag_span in;
        int want;
        size_t lead, len;
    } cases[] = {
        {T("{}"), 0, 0, 2},        {T(" \n{\"a\":1}\r\n\0"), 0, 2, 7}, {T(""), SYNTAX, 0, 0},        {T("  "), SYNTAX, 0, 0},
        {T("{}{}"), SYNTAX, 0, 0}, {T("{} x"), SYNTAX, 0, 0},          {T("{\"a\":"), SYNTAX, 0, 0}, {T("[]"), SYNTAX, 0, 0},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(cases); i++) {
        struct ag_span s = cases[i].in;
        struct ag_json_view v;

        assert_int_equal(ag_json_parse(&s, 8, &v), cases[i].want);
        if (cases[i].want == 0) {
            assert_ptr_equal(s.p, cases[i].in.p + cases[i].lead);
            assert_int_equal(s.len, cases[i].len);
        }
    }
}

static void skip_passes_space_and_nul(void **state)
{
    (void) state;
    assert_int_equal(ag_json_skip(" \t\r\n\0{", 6), 5);
    assert_int_equal(ag_json_skip("\f{", 2), 0);
    assert_int_equal(ag_json_skip("", 0), 0);
}

static void strings_are_decoded(void **state)
{
    static const struct {
        struct ag_span raw;
        long want;
        const char *out;
    } cases[] = {
        {T("\"\""), 0, ""},
        {T("\"abc\""), 3, "abc"},
        {T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), 8, "\"\\/\b\f\n\r\t"},
        {T("\"\\u0041\\u00e9\\u20ac\""), 6, "A\xc3\xa9\xe2\x82\xac"},
        {T("\"\\uD83D\\uDE00\""), 4, "\xf0\x9f\x98\x80"},
        {T("\"\\udbff\\udfff\""), 4, "\xf4\x8f\xbf\xbf"},
        {T("\"\\u0000\""), 1, "\0"},
        {T("\"\\ud800\""), -1, NULL},
        {T("\"\\ud800x\""), -1, NULL},
        {T("\"\\ud800\\n12345\""), -1, NULL},
        {T("\"\\ud800\\u0041\""), -1, NULL},
        {T("\"\\ud800\\ud800\""), -1, NULL},
        {T("\"\\udc00\""), -1, NULL},
        {T("\"123456789\""), -1, NULL}, /* longer than the room */
    };
    char out[8];

    (void) state;
    for (size_t i = 0; i < ag_array_size(cases); i++) {
        assert_int_equal(ag_json_unescape(cases[i].raw, out, sizeof out), cases[i].want);
        if (cases[i].want > 0)
            assert_memory_equal(out, cases[i].out, (size_t) cases[i].want);
    }
}

static void view_str_and_uint(void **state)
{
    static const char text[] = "{\"method\":\"a\\tb\",\"key\":\"plain\",\"id\":4294967295,\"_to\":-1,\"mode\":\"\\ud800\"}";
    struct ag_span span = AG_SPAN(text), s;
    struct ag_json_view v;
    uint64_t n;
    char tmp[3];

    (void) state;
    assert_int_equal(ag_json_parse(&span, 8, &v), 0);
    assert_true(ag_view_str(&v, text, AG_M_METHOD, tmp, sizeof tmp, &s));
    assert_true(ag_span_eq(s, "a\tb"));
    assert_false(ag_view_str(&v, text, AG_M_METHOD, tmp, 2, &s));
    assert_true(ag_view_str(&v, text, AG_M_KEY, tmp, 0, &s)); /* in place, no room needed */
    assert_true(ag_span_eq(s, "plain"));
    assert_false(ag_view_str(&v, text, AG_M_MODE, tmp, sizeof tmp, &s));
    assert_false(ag_view_str(&v, text, AG_M_ID, tmp, sizeof tmp, &s));
    assert_false(ag_view_str(&v, text, AG_M_ERROR, tmp, sizeof tmp, &s));
    assert_true(ag_view_uint(&v, text, AG_M_ID, UINT32_MAX, &n));
    assert_int_equal(n, UINT32_MAX);
    assert_false(ag_view_uint(&v, text, AG_M_ID, UINT32_MAX - 1, &n));
    assert_false(ag_view_uint(&v, text, AG_M_TO, UINT32_MAX, &n));
    assert_false(ag_view_uint(&v, text, AG_M_METHOD, UINT32_MAX, &n));
}

static void span_uint_edges(void **state)
{
    static const struct {
        struct ag_span raw;
        bool good;
        uint64_t want;
    } cases[] = {
        {T("0"), true, 0},
        {T("18446744073709551615"), true, UINT64_MAX},
        {T("18446744073709551616"), false, 0},
        {T("99999999999999999999"), false, 0},
        {T("100000000000000000000"), false, 0},
        {T(""), false, 0},
        {T("00"), false, 0},
        {T("-1"), false, 0},
        {T("1.0"), false, 0},
        {T("1e1"), false, 0},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(cases); i++) {
        uint64_t v = 77;

        assert_int_equal(ag_span_uint(cases[i].raw, UINT64_MAX, &v), cases[i].good);
        assert_true(v == (cases[i].good ? cases[i].want : 77));
    }
}

static void deepest(void **state)
{
    char text[2 * AG_JSON_DEPTH_MAX + 8];

    (void) state;
    for (unsigned depth = AG_JSON_DEPTH_MAX; depth <= AG_JSON_DEPTH_MAX + 1; depth++) {
        size_t n = 0;
        struct json_fed f;

        n += (size_t) sprintf(text, "{\"a\":");
        for (unsigned i = 1; i < depth; i++)
            text[n++] = '[';
        for (unsigned i = 1; i < depth; i++)
            text[n++] = ']';
        text[n++] = '}';
        f = json_feed(text, n, AG_JSON_DEPTH_MAX + 5, json_feed_bytes, NULL); /* the limit is cut */
        assert_int_equal(f.r, depth <= AG_JSON_DEPTH_MAX ? -1 : DEPTH);
    }
}

/* Objects and arrays mixed at every depth: each bracket must meet its own kind, far down too. */
static void deep_brackets_match(void **state)
{
    char text[8 * 300], end[300];
    size_t n = 0;

    (void) state;
    for (unsigned i = 0; i < 300; i++) {
        bool array = i > 0 && (i * 2654435761u >> 13 & 1);

        n += (size_t) sprintf(text + n, "%s", array ? "[" : "{\"a\":");
        end[299 - i] = array ? ']' : '}';
    }
    text[n++] = '1';
    memcpy(text + n, end, sizeof end);
    assert_int_equal(json_feed(text, n + 300, 400, json_feed_whole, NULL).r, -1);
    assert_int_equal(json_feed(text, n + 300, 400, json_feed_bytes, NULL).r, -1);
    for (unsigned i = 0; i < 300; i++) {
        text[n + i] ^= ']' ^ '}';
        assert_int_equal(json_feed(text, n + 300, 400, json_feed_whole, NULL).r, SYNTAX);
        text[n + i] ^= ']' ^ '}';
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar),
        cmocka_unit_test(error_offset_is_the_first_bad_byte),
        cmocka_unit_test(one_byte_changed),
        cmocka_unit_test(members_are_found),
        cmocka_unit_test(key_offset_is_the_quote),
        cmocka_unit_test(repeated_members_are_noted),
        cmocka_unit_test(parse_takes_one_text_only),
        cmocka_unit_test(skip_passes_space_and_nul),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(view_str_and_uint),
        cmocka_unit_test(span_uint_edges),
        cmocka_unit_test(deepest),
        cmocka_unit_test(deep_brackets_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
