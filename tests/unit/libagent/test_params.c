/* SPDX-License-Identifier: MIT */
/* Reading params and writing JSON by a format. */
#include "tests/unit/libagent/lab.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- reading ---- */

/* Runs fn with a request that has these params. */
static void with_params(const char *params, agent_request_fn fn)
{
    struct lab l;
    char text[2048];

    lab_init(&l);
    lab_up(&l);
    agent_subscribe(l.conn, NULL, "m", fn, &l);
    lab_sent(&l);
    snprintf(text, sizeof text, "{\"id\":7,\"method\":\"m\"%s%s}", params ? ",\"params\":" : "", params ? params : "");
    print_message("%s\n", text);
    assert_int_equal(lab_say(&l, text), 0);
    lab_deinit(&l);
}

struct str_row {
    const char *params, *at;
    int r;
    const char *value;
};

static const struct str_row strs[] = {
    {"[\"on\"]", "0", 0, "on"},
    {" [ \"on\" ] ", "0", 0, "on"},
    {"[\"o\\u006e\"]", "0", 0, "on"},
    {"[\"\\\"\\\\\\/\\b\\f\\n\\t\"]", "0", 0, "\"\\/\b\f\n\t"},
    {"[\"\\r\"]", "0", 0, "\r"},
    {"[\"\\ud83d\\ude00\"]", "0", 0, "\xf0\x9f\x98\x80"},
    {"[\"\xc3\xa4\"]", "0", 0, "\xc3\xa4"},
    {"[\"\"]", "0", 0, ""},
    {"[\"1234567\"]", "0", 0, "1234567"},
    {"[\"12345678\"]", "0", -ERANGE, NULL},
    {"[\"\\u0031234567\"]", "0", 0, "1234567"}, /* longer as text than as string */
    {"[\"\\u00e4\\u00e4\\u00e4\\u00e4\"]", "0", -ERANGE, NULL},
    {"[\"a\\u0000b\"]", "0", -EBADMSG, NULL},
    {"[\"\\\\u0000\"]", "0", 0, "\\u0000"},
    {"[\"\\ud800\"]", "0", -EBADMSG, NULL},
    {"[\"\\udc00\"]", "0", -EBADMSG, NULL},
    {"[\"\\ud800\\u0041\"]", "0", -EBADMSG, NULL},
    {"[1]", "0", -EBADMSG, NULL},
    {"[null]", "0", -EBADMSG, NULL},
    {"[[\"x\"]]", "0", -EBADMSG, NULL},
    {"[]", "0", -ENOENT, NULL},
    {"[\"a\",\"b\"]", "1", 0, "b"},
    {"[\"a\",\"b\"]", "2", -ENOENT, NULL},
    {"[\"a\"]", "00", -ENOENT, NULL},
    {"[\"a\"]", "-1", -ENOENT, NULL},
    {"[\"a\"]", "x", -ENOENT, NULL},
    {"[\"a\"]", "99999999999999999999", -ENOENT, NULL},
    {"{\"power\":\"on\"}", "power", 0, "on"},
    {"{\"p\\u006fwer\" : \"on\"}", "power", 0, "on"},
    {"{\"power\":\"on\",\"power\":\"off\"}", "power", 0, "on"},
    {"{\"power\":\"on\"}", "Power", -ENOENT, NULL},
    {"{\"0\":\"on\"}", "0", 0, "on"},
    {"{\"a/b\":\"x\"}", "a~1b", 0, "x"},
    {"{\"a~b\":\"x\"}", "a~0b", 0, "x"},
    {"{\"a\":{\"b\":\"x\"}}", "a/b", 0, "x"},
    {"[{\"did\":\"1\"},{\"did\":\"2\"}]", "1/did", 0, "2"},
    {"[{\"did\":\"1\"}]", "0/did/x", -ENOENT, NULL},
    {"\"bare\"", "", 0, "bare"},
    {"\"bare\"", "0", -ENOENT, NULL},
    {NULL, "0", -ENOENT, NULL},
};

static const struct str_row *str_row;

static int read_str_row(agent_request *req, void *user)
{
    char buf[8] = "before";
    int r = agent_param_str(req, str_row->at, buf, sizeof buf);

    (void) user;
    assert_int_equal(r, str_row->r);
    assert_string_equal(buf, str_row->value ? str_row->value : "before");
    return agent_reply(req, NULL);
}

static void strings(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(strs); i++) {
        str_row = &strs[i];
        with_params(str_row->params, read_str_row);
    }
}

static const struct int_row {
    const char *value;
    int64_t min, max;
    int r;
    int64_t result;
} ints[] = {
    {"0", INT64_MIN, INT64_MAX, 0, 0},
    {"-0", INT64_MIN, INT64_MAX, 0, 0},
    {"80", 1, 100, 0, 80},
    {"0", 1, 100, -ERANGE, 0},
    {"101", 1, 100, -ERANGE, 0},
    {"-1", -1, 1, 0, -1},
    {"50.0", 1, 100, 0, 50},
    {"5.00e1", 1, 100, 0, 50},
    {"1e2", 1, 100, 0, 100},
    {"1E+2", 1, 100, 0, 100},
    {"1000e-1", 1, 100, 0, 100},
    {"0.5e1", 1, 100, 0, 5},
    {"0e999999999999", 0, 0, 0, 0},
    {"0.000e-999999999999", 0, 0, 0, 0},
    {"1e999999999999", INT64_MIN, INT64_MAX, -ERANGE, 0},
    {"1e-999999999999", INT64_MIN, INT64_MAX, -EBADMSG, 0},
    {"50.5", 1, 100, -EBADMSG, 0},
    {"1e-1", 0, 100, -EBADMSG, 0},
    {"9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX},
    {"9223372036854775808", INT64_MIN, INT64_MAX, -ERANGE, 0},
    {"-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN},
    {"-9223372036854775809", INT64_MIN, INT64_MAX, -ERANGE, 0},
    {"99999999999999999999", INT64_MIN, INT64_MAX, -ERANGE, 0},
    {"18446744073709551616", INT64_MIN, INT64_MAX, -ERANGE, 0},
    {"100000000000000000000e-19", INT64_MIN, INT64_MAX, 0, 10},
    {"\"1\"", INT64_MIN, INT64_MAX, -EBADMSG, 0},
    {"true", INT64_MIN, INT64_MAX, -EBADMSG, 0},
};

static const struct int_row *int_row;

static int read_int_row(agent_request *req, void *user)
{
    int64_t v = -77;
    uint64_t u = 77;
    int r = agent_param_int(req, "0", int_row->min, int_row->max, &v);

    (void) user;
    assert_int_equal(r, int_row->r);
    assert_true(v == (r == 0 ? int_row->result : -77));
    if (int_row->min >= 0) {
        r = agent_param_uint(req, "0", (uint64_t) int_row->min, (uint64_t) int_row->max, &u);
        assert_int_equal(r, int_row->r);
        assert_true(u == (r == 0 ? (uint64_t) int_row->result : 77));
    }
    return agent_reply(req, NULL);
}

static int read_large(agent_request *req, void *user)
{
    uint64_t u = 0;

    (void) user;
    assert_int_equal(agent_param_uint(req, "0", 0, UINT64_MAX, &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(agent_param_uint(req, "1", 0, UINT64_MAX, &u), -ERANGE);
    assert_int_equal(agent_param_uint(req, "2", 0, UINT64_MAX, &u), -ERANGE);
    assert_int_equal(agent_param_uint(req, "3", 0, UINT64_MAX, &u), 0);
    assert_true(u == 0);
    return agent_reply(req, NULL);
}

static void whole_numbers(void **state)
{
    char params[128];

    (void) state;
    for (size_t i = 0; i < ag_array_size(ints); i++) {
        int_row = &ints[i];
        snprintf(params, sizeof params, "[ %s ]", int_row->value);
        with_params(params, read_int_row);
    }
    with_params("[18446744073709551615,18446744073709551616,-1,-0.0]", read_large);
}

static int read_doubles(agent_request *req, void *user)
{
    double d = -1;

    (void) user;
    assert_int_equal(agent_param_double(req, "0", -100, 100, &d), 0);
    assert_true(d == 21.5);
    assert_int_equal(agent_param_double(req, "1", -1e300, 1e300, &d), 0);
    assert_true(d == -1e-3);
    assert_int_equal(agent_param_double(req, "2", -INFINITY, INFINITY, &d), -ERANGE); /* 1e999 */
    assert_int_equal(agent_param_double(req, "3", -INFINITY, INFINITY, &d), -EBADMSG);
    assert_int_equal(agent_param_double(req, "0", 22, 23, &d), -ERANGE);
    assert_int_equal(agent_param_double(req, "0", NAN, 23, &d), -EINVAL);
    assert_int_equal(agent_param_double(req, "4", 0, 100, &d), 0);
    assert_true(d == 12345678901234567000.0 / 1e18);
    assert_true(d == 12.345678901234567);
    return agent_reply(req, NULL);
}

static void doubles_in_any_locale(void **state)
{
    static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8"}; /* those there are */

    (void) state;
    for (size_t i = 0; i < ag_array_size(locales); i++) {
        if (!setlocale(LC_NUMERIC, locales[i]))
            continue;
        with_params("[21.5,-1e-3,1e999,\"1\",12.345678901234567]", read_doubles);
    }
    setlocale(LC_NUMERIC, "C");
}

static int read_others(agent_request *req, void *user)
{
    const char *raw = NULL;
    size_t n = 0;
    int b = 5;

    (void) user;
    assert_int_equal(agent_param_bool(req, "t", &b), 0);
    assert_int_equal(b, 1);
    assert_int_equal(agent_param_bool(req, "f", &b), 0);
    assert_int_equal(b, 0);
    assert_int_equal(agent_param_bool(req, "n", &b), -EBADMSG);
    assert_int_equal(agent_param_bool(req, "one", &b), -EBADMSG);
    assert_int_equal(agent_param_raw(req, "a", &raw, &n), 0);
    assert_int_equal(n, 7);
    assert_memory_equal(raw, "[1, {}]", 7);
    assert_int_equal(agent_param_raw(req, "", &raw, &n), 0);
    assert_int_equal(n, strlen(agent_request_params(req)));
    assert_int_equal(agent_param_raw(req, "zz", &raw, &n), -ENOENT);
    assert_int_equal(agent_param_count(req, ""), 6);
    assert_int_equal(agent_param_count(req, "a"), 2);
    assert_int_equal(agent_param_count(req, "a/1"), 0);
    assert_int_equal(agent_param_count(req, "t"), -EBADMSG);
    assert_int_equal(agent_param_count(req, "zz"), -ENOENT);
    assert_int_equal(agent_param_type(req, "t"), AGENT_TYPE_BOOL);
    assert_int_equal(agent_param_type(req, "f"), AGENT_TYPE_BOOL);
    assert_int_equal(agent_param_type(req, "n"), AGENT_TYPE_NULL);
    assert_int_equal(agent_param_type(req, "one"), AGENT_TYPE_NUMBER);
    assert_int_equal(agent_param_type(req, "s"), AGENT_TYPE_STRING);
    assert_int_equal(agent_param_type(req, "a"), AGENT_TYPE_ARRAY);
    assert_int_equal(agent_param_type(req, ""), AGENT_TYPE_OBJECT);
    assert_int_equal(agent_param_type(req, "zz"), AGENT_TYPE_NONE);
    assert_int_equal(agent_param_type(req, "a/"), AGENT_TYPE_ARRAY); /* nothing behind the stroke is no step */
    return agent_reply(req, NULL);
}

static void the_others(void **state)
{
    (void) state;
    with_params("{\"t\":true,\"f\":false,\"n\":null,\"one\":1,\"s\":\"\",\"a\":[1, {}]}", read_others);
}

static int answers_itself(agent_request *req, void *user)
{
    char word[4];
    int64_t n;
    int b;

    (void) user;
    assert_int_equal(agent_param_int(req, "quiet", 0, 1, &n), -ENOENT);
    assert_int_equal(agent_request_answer_errors(req, 1), 0);
    assert_int_equal(agent_request_answer_errors(req, 0), 0);
    assert_int_equal(agent_param_int(req, "quiet", 0, 1, &n), -ENOENT); /* optional */
    agent_request_answer_errors(req, 1);
    if (agent_param_str(req, "s", word, sizeof word) < 0 || agent_param_int(req, "n", 1, 9, &n) < 0 ||
        agent_param_bool(req, "b", &b) < 0)
        return 0;
    return agent_reply(req, NULL);
}

static void errors_answer_themselves(void **state)
{
    static const struct {
        const char *params, *message; /* NULL: good */
    } rows[] = {
        {"{\"s\":\"abc\",\"n\":9,\"b\":true}", NULL},
        {"{\"s\":\"abcd\",\"n\":9,\"b\":true}", "s: longer than 3 bytes"},
        {"{\"s\":1,\"n\":9,\"b\":true}", "s: a string is expected"},
        {"{\"s\":\"abc\",\"n\":0,\"b\":true}", "n: a whole number of 1 to 9 is expected"},
        {"{\"s\":\"abc\",\"b\":true}", "n: missing, a whole number of 1 to 9 is expected"},
        {"{\"s\":\"abc\",\"n\":9,\"b\":1}", "b: true or false is expected"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct lab l;
        char text[256], expected[256];

        lab_init(&l);
        lab_up(&l);
        agent_subscribe(l.conn, NULL, "m", answers_itself, NULL);
        lab_sent(&l);
        snprintf(text, sizeof text, "{\"id\":7,\"method\":\"m\",\"params\":%s}", rows[i].params);
        snprintf(expected, sizeof expected, "{\"id\":7,\"error\":{\"code\":-32602,\"message\":\"%s\"}}",
                 rows[i].message ? rows[i].message : "");
        lab_say(&l, text);
        assert_string_equal(lab_sent(&l), rows[i].message ? expected : "{\"id\":7,\"result\":[\"ok\"]}");
        lab_deinit(&l);
    }
}

/* ---- writing ---- */

static agent_request *kept;

static int keep(agent_request *req, void *user)
{
    (void) user;
    kept = agent_request_ref(req);
    return 0;
}

static void begin(struct lab *l)
{
    lab_init(l);
    lab_up(l);
    agent_subscribe(l->conn, NULL, "m", keep, NULL);
    lab_sent(l);
    lab_say(l, "{\"id\":7,\"method\":\"m\"}");
}

static void end(struct lab *l)
{
    kept = agent_request_unref(kept);
    lab_deinit(l);
}

#define FORMATS(expected, ...)                                                                                                   \
    do {                                                                                                                         \
        struct lab l;                                                                                                            \
        begin(&l);                                                                                                               \
        assert_int_equal(agent_replyf(kept, __VA_ARGS__), 0);                                                                    \
        assert_string_equal(lab_sent(&l), "{\"id\":7,\"result\":" expected "}");                                                 \
        assert_int_equal(agent_reportf(l.conn, "event.x", NULL, NULL, __VA_ARGS__), 0);                                          \
        assert_string_equal(lab_sent(&l), "{\"method\":\"event.x\",\"params\":" expected "}");                                   \
        end(&l);                                                                                                                 \
    } while (0)

#define REFUSES(code, ...)                                                                                                       \
    do {                                                                                                                         \
        struct lab l;                                                                                                            \
        begin(&l);                                                                                                               \
        assert_int_equal(agent_replyf(kept, __VA_ARGS__), code);                                                                 \
        assert_int_equal(agent_reportf(l.conn, "event.x", NULL, NULL, __VA_ARGS__), code);                                       \
        assert_string_equal(lab_sent(&l), "");                                                                                   \
        assert_int_equal(agent_reply(kept, NULL), 0); /* it can still be answered */                                             \
        end(&l);                                                                                                                 \
    } while (0)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat" /* what the compiler would find is refused too */
#pragma GCC diagnostic ignored "-Wformat-extra-args"
#pragma GCC diagnostic ignored "-Wformat-zero-length"

static void conversions(void **state)
{
    static const char big[] = "0123456789";
    static const char *volatile nothing = NULL; /* the compiler need not know */

    (void) state;
    FORMATS("[\"on\",80]", "[%s,%d]", "on", 80);
    FORMATS("[]", "[]");
    FORMATS("{\"a\":\"\\\"\\\\\\n\\u0001\xc3\xa4\"}", "{%s:%s}", "a", "\"\\\n\x01\xc3\xa4");
    FORMATS("[null,null]", "[%s,%p]", nothing, (void *) NULL);
    FORMATS("[\"012\",\"01\",\"\"]", "[%.3s,%.*s,%.0s]", big, 2, big, big);
    FORMATS("[\"0123456789\"]", "[%.*s]", -1, big);
    FORMATS("[-2147483648,4294967295]", "[%d,%u]", INT32_MIN, UINT32_MAX);
    FORMATS("[-9223372036854775808,18446744073709551615]", "[%" PRId64 ",%" PRIu64 "]", INT64_MIN, UINT64_MAX);
    FORMATS("[-1,2,-3,4,5,-6,7]", "[%ld,%lu,%lld,%llu,%zu,%jd,%i]", -1L, 2UL, -3LL, 4ULL, (size_t) 5, (intmax_t) -6, 7);
    FORMATS("[21.5,0.1,1e+300,-0.001]", "[%g,%f,%g,%e]", 21.5, 0.1, 1e300, -0.001);
    FORMATS("[21.50,2.1e+01,22]", "[%.2f,%.1e,%.2g]", 21.5, 21.0, 21.6);
    FORMATS("[0.30000000000000004]", "[%f]", 0.1 + 0.2);
    FORMATS("[1.7976931348623157e+308,5e-324]", "[%g,%g]", DBL_MAX, 5e-324);
    FORMATS("[true,false]", "[%c,%c]", 1, 0);
    FORMATS("[{\"x\":1},5]", "[%p,%d]", "{\"x\":1}", 5);
    FORMATS("\"100%\"", "\"100%%\"");
    FORMATS("[\"a\xef\xbf\xbd\",\"\xef\xbf\xbd\"]", "[%s,%.1s]", "a\xff", "\xc3\xa4"); /* cut in a character */
}

static void formats_that_are_refused(void **state)
{
    (void) state;
    REFUSES(-EINVAL, "[%x]", 1);
    REFUSES(-EINVAL, "[%5d]", 1);
    REFUSES(-EINVAL, "[%-5s]", "x");
    REFUSES(-EINVAL, "[%.2d]", 1);
    REFUSES(-EINVAL, "[%ls]", "x");
    REFUSES(-EINVAL, "[%lf]", 1.0);
    REFUSES(-EINVAL, "[%.100f]", 1.0);
    REFUSES(-EINVAL, "[%hd]", 1);
    REFUSES(-EINVAL, "[%n]", (int *) NULL);
    REFUSES(-EINVAL, "[1]%");
    REFUSES(-EINVAL, "[%.");
    REFUSES(-EINVAL, "[%l");
    REFUSES(-EINVAL, "[%f]", (double) NAN);
    REFUSES(-EINVAL, "[%g]", (double) INFINITY);
    REFUSES(AGENT_E_JSON, "[%d", 1);
    REFUSES(AGENT_E_JSON, "%d,%d", 1, 2);
    REFUSES(AGENT_E_JSON, "[%p]", "1],[2");
    REFUSES(AGENT_E_JSON, "1,\"id\":%d", 8);
    REFUSES(AGENT_E_JSON, "");
    REFUSES(AGENT_E_JSON, " ");
}

#pragma GCC diagnostic pop

static void doubles_are_written_in_any_locale(void **state)
{
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8"};

    (void) state;
    for (size_t i = 0; i < ag_array_size(locales); i++) {
        if (!setlocale(LC_NUMERIC, locales[i]))
            continue;
        FORMATS("[21.5,21.50,-1.5e-07]", "[%g,%.2f,%g]", 21.5, 21.5, -1.5e-7);
    }
    setlocale(LC_NUMERIC, "C");
}

static void errors_may_carry_data(void **state)
{
    struct lab l;

    (void) state;
    begin(&l);
    assert_int_equal(agent_reply_error_data(kept, -5003, "too hot", "{\"at\":"), AGENT_E_JSON);
    assert_int_equal(agent_reply_error_data(kept, -5003, "too hot", "1},\"id\":{"), AGENT_E_JSON);
    assert_string_equal(lab_sent(&l), "");
    assert_int_equal(agent_reply_error_data(kept, -5003, "too hot", "{\"at\":[90]}"), 0);
    assert_string_equal(lab_sent(&l), "{\"id\":7,\"error\":{\"code\":-5003,\"message\":\"too hot\",\"data\":{\"at\":[90]}}}");
    end(&l);
    begin(&l);
    assert_int_equal(agent_reply_error(kept, -5003, NULL), 0);
    assert_string_equal(lab_sent(&l), "{\"id\":7,\"error\":{\"code\":-5003,\"message\":\"error\"}}");
    end(&l);
}

static void origin_is_what_the_client_tells(void **state)
{
    static const struct {
        const char *text, *origin;
    } rows[] = {
        {"{\"id\":1,\"method\":\"m\"}", NULL},
        {"{\"id\":1,\"method\":\"m\",\"_origin\":\"cloud\"}", "cloud"},
        {"{\"_origin\":\"l\\u0061n\",\"id\":1,\"method\":\"m\",\"params\":{\"_origin\":\"no\"}}", "lan"},
        {"{\"id\":1,\"method\":\"m\",\"_origin\":5}", NULL},
        {"{\"id\":1,\"method\":\"m\",\"_origin\":\"\\u0000\"}", NULL},
        {"{\"id\":1,\"method\":\"m\",\"_origin\":\"\\ud800\"}", NULL},
        {"{\"id\":1,\"method\":\"m\",\"_from\":2,\"_origin\":\"cloud\"}", NULL}, /* an application says so */
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct lab l;

        print_message("%s\n", rows[i].text);
        lab_init(&l);
        lab_up(&l);
        agent_subscribe(l.conn, NULL, "m", keep, NULL);
        lab_say(&l, rows[i].text);
        for (int n = 0; n < 2; n++) {
            const char *origin = agent_request_origin(kept);

            assert_int_equal(!origin, !rows[i].origin);
            if (origin)
                assert_string_equal(origin, rows[i].origin);
        }
        end(&l);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(doubles_in_any_locale),
        cmocka_unit_test(the_others),
        cmocka_unit_test(errors_answer_themselves),
        cmocka_unit_test(conversions),
        cmocka_unit_test(formats_that_are_refused),
        cmocka_unit_test(doubles_are_written_in_any_locale),
        cmocka_unit_test(errors_may_carry_data),
        cmocka_unit_test(origin_is_what_the_client_tells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
