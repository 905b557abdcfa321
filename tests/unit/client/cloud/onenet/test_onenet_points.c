/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include "client/cloud/onenet/core/onenet_points.h"
#include "examples/sim/onenet/onenet_wire.h"
#include "libagent/model/core/spec.h"
#include "tests/support/alloc_fail.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static int print_point(void *user, const struct on_value *v)
{
    struct ag_buf *out = user;
    int r = ag_buf_printf(out, "%.*s|%.*s|", (int) v->stream.len, v->stream.p, (int) v->time.len, v->time.p);

    if (r == 0 && v->kind == ON_VALUE_FLOAT)
        r = ag_buf_printf(out, "%g", (double) v->number);
    else if (r == 0)
        r = ag_buf_append_span(out, v->value);
    return r == 0 ? ag_buf_append_char(out, '\n') : r;
}

#define M(method, rest) "{\"id\":7,\"method\":\"" method "\"," rest "}"

/* What the store gives out after a while: the time of what brings none. */
static void kept_reports_bring_their_time(void **state)
{
    static const struct {
        const char *report;
        int type;
        const char *points;
    } rows[] = {
        {M("props", "\"params\":{\"power\":\"on\",\"level\":42}"), 4,
         "power|2024-03-01 07:59:59|\"on\"\nlevel|2024-03-01 07:59:59|42\n"},
        {M("props", "\"params\":{\"a\":1},\"at\":0"), 4, "a|1970-01-01 08:00:00|1\n"},
        {M("prop.temp", "\"params\":[1,2]"), 1, "temp|2024-03-01 07:59:59|1\ntemp|2024-03-01 07:59:59|2\n"},
        {M("properties_changed", "\"params\":[{\"siid\":2,\"piid\":1,\"value\":1,\"at\":0},{\"siid\":2,\"piid\":2,"
                                 "\"value\":2}]"),
         4, "2.1|1970-01-01 08:00:00|1\n2.2|2024-03-01 07:59:59|2\n"},
        {M("event.click", "\"params\":[]"), 4, "click|2024-03-01 07:59:59|[]\n"},
        {M("event_occured", "\"params\":{\"siid\":2,\"eiid\":1}"), 4, "event.2.1|2024-03-01 07:59:59|[]\n"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, out = AG_BUF_INIT;

        assert_int_equal(onenet_report_encode(&b, span(rows[i].report), 1709251199, 8 * 3600, NULL), 0);
        assert_int_equal(b.data[0], rows[i].type);
        assert_int_equal(on_points_read(ag_buf_span(&b), print_point, &out), 0);
        assert_string_equal(ag_buf_cstr(&out), rows[i].points);
    }
}

static const struct {
    const char *report;
    int error, type;
    const char *points;
} reports[] = {
    {M("props", "\"params\":{\"power\":\"on\",\"level\":42}"), 0, 3, "power||\"on\"\nlevel||42\n"},
    {M("props", "\"params\":{\"a\":1},\"at\":1709251199"), 0, 4, "a|2024-03-01 07:59:59|1\n"},
    {M("props", "\"params\":{\"a\":1},\"at\":\"2024-02-29 10:11:12\""), 0, 4, "a|2024-02-29 10:11:12|1\n"},
    {M("prop.power", "\"params\":[\"on\"]"), 0, 3, "power||\"on\"\n"},
    {M("prop.temp", "\"params\":[1,2,3]"), 0, 1, "temp||1\ntemp||2\ntemp||3\n"},
    {M("properties_changed", "\"params\":[{\"did\":\"1\",\"siid\":2,\"piid\":1,\"value\":true},"
                             "{\"siid\":3,\"piid\":10,\"value\":1.50}]"),
     0, 3, "2.1||true\n3.10||1.50\n"},
    {M("properties_changed", "\"params\":[{\"siid\":2,\"piid\":1,\"value\":1,\"at\":0},{\"siid\":2,\"piid\":2,"
                             "\"value\":2}]"),
     0, 1, "2.1|1970-01-01 08:00:00|1\n2.2||2\n"},
    {M("event.low_battery", "\"params\":{\"level\":3}"), 0, 3, "low_battery||{\"level\":3}\n"},
    {M("event.click", "\"x\":1"), 0, 3, "click||[]\n"},
    {M("event_occured", "\"params\":{\"did\":\"1\",\"siid\":2,\"eiid\":1,\"arguments\":[{\"piid\":1,\"value\":5}]}"), 0, 3,
     "event.2.1||[{\"piid\":1,\"value\":5}]\n"},
    {M("props", "\"params\":{}"), ONENET_DP_E_EMPTY, 0, NULL},
    {M("props", "\"params\":[1]"), -EINVAL, 0, NULL},
    {M("props", "\"params\":{\"\":1}"), ONENET_DP_E_STREAM, 0, NULL},
    {M("props", "\"params\":{\"a\":1},\"at\":\"today\""), ONENET_DP_E_TIME, 0, NULL},
    {M("props", "\"params\":{\"a\":1},\"at\":-1"), ONENET_DP_E_TIME, 0, NULL},
    {M("properties_changed", "\"params\":[{\"siid\":2,\"value\":1}]"), -EINVAL, 0, NULL},
    {M("prop.", "\"params\":[1]"), -EINVAL, 0, NULL},
    {M("_otc.log", "\"params\":{}"), -EINVAL, 0, NULL},
    {"{\"params\":{}}", -EINVAL, 0, NULL},
};

static void reports_become_points(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(reports); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, out = AG_BUF_INIT;
        int e = onenet_report_encode(&b, span(reports[i].report), 0, 8 * 3600, NULL);

        if (e != reports[i].error)
            fail_msg("%s: %d", reports[i].report, e);
        if (e != 0)
            continue;
        assert_int_equal(b.data[0], reports[i].type);
        assert_int_equal(on_points_read(ag_buf_span(&b), print_point, &out), 0);
        assert_string_equal(ag_buf_cstr(&out), reports[i].points);
    }
}

static const struct {
    const char *params;
    int type; /* of the payload's first byte; 0: refused when parsed, -1: when built */
    const char *points;
} requests[] = {
    {"{\"values\":{\"a\":1}}", 3, "a||1\n"},
    {"{\"type\":1,\"qos\":2,\"values\":{\"a\":1}}", 1, "a||1\n"},
    {"{\"points\":[{\"id\":\"a\",\"value\":1},{\"id\":\"a\",\"value\":2}]}", 1, "a||1\na||2\n"},
    {"{\"type\":4,\"points\":[{\"id\":\"a\",\"at\":0,\"value\":{\"x\":1}}]}", 4, "a|1970-01-01 00:00:00|{\"x\":1}\n"},
    {"{\"type\":5,\"points\":[{\"value\":\"x\"},{\"id\":\"b\",\"value\":2}]}", 5, "0||x\nb||2\n"},
    {"{\"type\":6,\"at\":\"2016-12-22 08:09:16\",\"values\":{\"a\":1}}", 0x86, "a|2016-12-22 08:09:16|1\n"},
    {"{\"type\":6,\"values\":{\"a\":1}}", 6, "a||1\n"},
    {"{\"type\":7,\"values\":{\"9271\":-10,\"9272\":2.5e-1}}", 7, "9271||-10\n9272||0.25\n"},
    {"{\"type\":2,\"id\":\"i\",\"desc\":\"d\",\"base64\":\"aGk=\"}", 2, "i||hi\n"},
    {"{\"type\":3,\"points\":[{\"id\":\"a\",\"value\":1},{\"id\":\"a\",\"value\":2}]}", -1, NULL},
    {"{\"type\":4,\"values\":{\"a\":1}}", -1, NULL},
    {"{\"type\":7,\"values\":{\"x\":1}}", -1, NULL},
    {"{\"type\":7,\"values\":{\"0\":1}}", -1, NULL},
    {"{\"type\":7,\"values\":{\"65536\":1}}", -1, NULL},
    {"{\"type\":7,\"values\":{\"1\":1e99}}", -1, NULL},
    {"{\"type\":7,\"values\":{\"1\":\"1\"}}", -1, NULL},
    {"{\"values\":{}}", -1, NULL},
    {"{\"type\":8,\"values\":{\"a\":1}}", 0, NULL},
    {"{\"type\":\"3\",\"values\":{\"a\":1}}", 0, NULL},
    {"{\"qos\":3,\"values\":{\"a\":1}}", 0, NULL},
    {"{}", 0, NULL},
    {"[]", 0, NULL},
    {"{\"values\":[1]}", 0, NULL},
    {"{\"points\":{\"a\":1}}", 0, NULL},
    {"{\"points\":[{\"id\":\"a\"}]}", 0, NULL},
    {"{\"points\":[{\"id\":1,\"value\":1}]}", 0, NULL},
    {"{\"points\":[1]}", 0, NULL},
    {"{\"values\":{\"a\":1},\"points\":[]}", 0, NULL},
    {"{\"type\":6,\"at\":\"now\",\"values\":{\"a\":1}}", 0, NULL},
    {"{\"type\":2,\"id\":\"i\"}", 0, NULL},
    {"{\"type\":2,\"base64\":\"aGk=\"}", 0, NULL},
    {"{\"type\":2,\"id\":\"i\",\"base64\":\"aGk\"}", 0, NULL},
    {"{\"type\":2,\"id\":\"i\",\"base64\":\"aGk=\",\"file\":\"/x\"}", 0, NULL},
    {"{\"type\":2,\"id\":\"i\",\"file\":7}", 0, NULL},
};

static void requests_are_checked_and_built(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(requests); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, out = AG_BUF_INIT;
        struct onenet_dp_request q;
        const char *why = "";
        size_t from = 0;
        int e = onenet_dp_request_init(&q, span(requests[i].params), 0, &why);

        if ((e == 0) != (requests[i].type != 0))
            fail_msg("%s: %d %s", requests[i].params, e, why);
        if (e != 0) {
            assert_true(strlen(why) > 5);
            continue;
        }
        e = onenet_dp_request_build(&q, ag_buf_span(&q.binary), &from, &b);
        if ((e == 0) != (requests[i].type > 0))
            fail_msg("%s: built %d", requests[i].params, e);
        if (e == 0) {
            assert_int_equal((unsigned char) b.data[0], requests[i].type);
            assert_int_equal(on_points_read(ag_buf_span(&b), print_point, &out), 0);
            assert_string_equal(ag_buf_cstr(&out), requests[i].points);
        }
        onenet_dp_request_deinit(&q);
    }
}

static void more_than_500_floats_need_more_payloads(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf params = AG_BUF_INIT, b = AG_BUF_INIT;
    struct onenet_dp_request q;
    const char *why;
    size_t from = 0;

    (void) state;
    ag_buf_append_str(&params, "{\"type\":7,\"values\":{");
    for (int i = 1; i <= 501; i++)
        ag_buf_printf(&params, "%s\"%d\":%d", i > 1 ? "," : "", i, i);
    ag_buf_append_str(&params, "}}");
    assert_int_equal(onenet_dp_request_init(&q, ag_buf_span(&params), 0, &why), 0);
    assert_int_equal(onenet_dp_request_build(&q, span(""), &from, &b), 0);
    assert_int_equal(from, 500);
    assert_int_equal(onenet_dp_request_build(&q, span(""), &from, &b), 0);
    assert_int_equal(from, 501);
    onenet_dp_request_deinit(&q);
}

static void everything_once(void *user)
{
    (void) user;
    for (size_t i = 0; i < 10; i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
        struct onenet_dp_request q;
        const char *why = "";
        size_t from = 0;

        onenet_report_encode(&b, span(reports[i].report), i % 2 ? 1709251199 : 0, 0, NULL);
        if (onenet_dp_request_init(&q, span(requests[i].params), 0, &why) != 0)
            continue;
        onenet_dp_request_build(&q, ag_buf_span(&q.binary), &from, &b);
        onenet_dp_request_deinit(&q);
    }
}

/* Two services of a name, two properties of a name in one of them, an event, and names that no topic can have. */
static const char MODEL[] =
    "{\"type\":\"urn:x:device:d:00000001\",\"services\":["
    "{\"iid\":2,\"type\":\"urn:x:service:light:00000001\",\"properties\":["
    "{\"iid\":1,\"type\":\"urn:x:property:on:00000001\",\"format\":\"bool\",\"access\":[]},"
    "{\"iid\":7,\"type\":\"urn:x:property:on:00000001\",\"format\":\"bool\",\"access\":[]},"
    "{\"iid\":8,\"type\":\"urn:x:property:\xe6\xb8\xa9\xe5\xba\xa6:00000001\",\"format\":\"bool\",\"access\":[]},"
    "{\"iid\":9,\"type\":\"urn:x:property:a+b:00000001\",\"format\":\"bool\",\"access\":[]}],"
    "\"events\":[{\"iid\":1,\"type\":\"urn:x:event:click:00000001\",\"arguments\":[]}]},"
    "{\"iid\":5,\"type\":\"urn:x:service:light:00000001\",\"properties\":["
    "{\"iid\":1,\"type\":\"urn:x:property:on:00000001\",\"format\":\"bool\",\"access\":[]}]}]}";

static void streams_have_the_models_names(void **state)
{
    static const struct {
        const char *report, *points;
    } rows[] = {
        {M("properties_changed", "\"params\":[{\"siid\":2,\"piid\":1,\"value\":true},{\"siid\":2,\"piid\":7,\"value\":1},"
                                 "{\"siid\":5,\"piid\":1,\"value\":2}]"),
         "light.on||true\nlight.on@7||1\nlight@5.on||2\n"},
        {M("properties_changed", "\"params\":[{\"siid\":2,\"piid\":8,\"value\":1},{\"siid\":2,\"piid\":9,\"value\":2},"
                                 "{\"siid\":2,\"piid\":99,\"value\":3},{\"siid\":4294967295,\"piid\":65537,\"value\":4}]"),
         "2.8||1\n2.9||2\n2.99||3\n4294967295.65537||4\n"},
        {M("event_occured", "\"params\":{\"siid\":2,\"eiid\":1}"), "event.light.click||[]\n"},
        {M("event_occured", "\"params\":{\"siid\":2,\"eiid\":2}"), "event.2.2||[]\n"},
        {M("props", "\"params\":{\"2.1\":1}"), "2.1||1\n"}, /* a name of the application's own */
    };
    struct model_error error;
    struct model m;

    (void) state;
    assert_int_equal(ag_model_parse(&m, span(MODEL), &error), 0);
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, out = AG_BUF_INIT;

        assert_int_equal(onenet_report_encode(&b, span(rows[i].report), 0, 0, &m), 0);
        assert_int_equal(on_points_read(ag_buf_span(&b), print_point, &out), 0);
        assert_string_equal(ag_buf_cstr(&out), rows[i].points);
    }
    ag_model_deinit(&m);
}

static void short_memory_leaves_nothing_behind(void **state)
{
    (void) state;
    alloc_fail_sweep(everything_once, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_become_points),
        cmocka_unit_test(kept_reports_bring_their_time),
        cmocka_unit_test(streams_have_the_models_names),
        cmocka_unit_test(requests_are_checked_and_built),
        cmocka_unit_test(more_than_500_floats_need_more_payloads),
        cmocka_unit_test(short_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
