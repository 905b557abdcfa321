/* SPDX-License-Identifier: MIT */
/* Which clouds a method goes to, by table; and what was given to one, until it is acknowledged. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "client/report/core/given.h"
#include "client/report/core/report_route.h"
#include "tests/support/alloc_fail.h"

#define ID "did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=cool\nmodel=cool.prod.v1\n"

/* Bits. */
enum { OT = 1, ONENET = 4, MQTT = 8 };

static const struct route_cloud three[] = {{"ot", 0}, {"onenet", 2}, {"mqtt", 3}}, turned[] = {{"mqtt", 3}, {"ot", 0}};

static int make(struct route_table *t, const struct route_cloud *clouds, unsigned n, const char *lines,
                struct device_conf_error *err)
{
    struct device_conf conf;
    char text[4096];
    int r;

    assert_true((size_t) snprintf(text, sizeof text, ID "%s", lines) < sizeof text);
    assert_int_equal(device_conf_parse(&conf, text, strlen(text), err), 0);
    r = route_table_make(t, clouds, n, &conf, err);
    device_conf_deinit(&conf); /* nothing of it is borrowed */
    return r;
}

static void by_table(void **state)
{
    static const struct {
        const struct route_cloud *clouds;
        unsigned n;
        const char *lines, *method;
        bool is_report;
        unsigned set, first;
    } rows[] = {
        {three, 0, "", "props", true, 0, 0},
        {three, 1, "", "props", true, OT, 0},
        {three, 1, "", "mqtt.x", false, OT, 0},
        {three, 3, "", "props", true, OT | ONENET | MQTT, 0},
        {turned, 2, "", "props", true, OT | MQTT, 3},
        {three, 3, "", "_sync.x", false, OT, 0},
        {turned, 2, "", "_sync.x", false, MQTT, 3},
        {three, 3, "", "onenet.publish", false, ONENET, 2},
        {three, 3, "", "gizwits.send", false, OT, 0}, /* not in the list */
        {three, 3, "", "onenet", false, OT, 0},
        {three, 3, "route.props=mqtt\n", "props", true, MQTT, 3},
        {three, 3, "route.props=mqtt,onenet\n", "props", true, MQTT | ONENET, 2}, /* the list's order */
        {three, 3, "route.props= mqtt , onenet \n", "props", true, MQTT | ONENET, 2},
        {three, 3, "route.props=primary\n", "props", true, OT, 0},
        {three, 3, "route.props=primary,mqtt\n", "props", true, OT | MQTT, 0},
        {three, 3, "route._sync.*=all\n", "_sync.x", false, OT | ONENET | MQTT, 0},
        {three, 3, "route.event.*=primary\nroute.event.door=mqtt\n", "event.door", true, MQTT, 3},
        {three, 3, "route.event.door=mqtt\nroute.event.*=primary\n", "event.door", true, MQTT, 3},
        {three, 3, "route.event.*=primary\nroute.event.door=mqtt\n", "event.door2", true, OT, 0},
        {three, 3, "route.event.*=primary\nroute.event.do*=mqtt\n", "event.door", true, MQTT, 3},
        {three, 3, "route.event.door*=primary\nroute.event.door=mqtt\n", "event.door", true, MQTT, 3},
        {three, 3, "route.*=mqtt\n", "anything", false, MQTT, 3},
        {three, 3, "route.*=mqtt\n", "onenet.publish", false, MQTT, 3},
        {three, 3, "route.a=mqtt\nroute.a=onenet\n", "a", false, ONENET, 2}, /* the last line counts */
        {three, 3, "route.ab=mqtt\n", "a", false, OT, 0},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_span method = {rows[i].method, strlen(rows[i].method)};
        struct device_conf_error err;
        struct report_route got;
        struct route_table t;

        assert_int_equal(make(&t, rows[i].clouds, rows[i].n, rows[i].lines, &err), 0);
        got = route_of(&t, method, rows[i].is_report);
        if (got.set != rows[i].set || got.first != rows[i].first)
            fail_msg("row %zu: set %u, first %u", i, got.set, got.first);
        route_table_deinit(&t);
    }
}

static void bad_lines(void **state)
{
    static const struct {
        const char *lines, *why;
    } rows[] = {
        {"route.props=gizwits\n", "route.props: must be all, primary or clouds of the list, not gizwits"},
        {"route.props=\n", "route.props: must be all, primary or clouds of the list, not "},
        {"route.props=ot,\n", "route.props: must be all, primary or clouds of the list, not "},
        {"route.props=ot mqtt\n", "route.props: clouds are separated by commas, not m"},
        {"route.=ot\n", "route.: needs a method after the dot"},
    };
    struct device_conf_error err;
    struct route_table t = {0};
    char many[4000] = "";

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        assert_int_equal(make(&t, three, 3, rows[i].lines, &err), -EINVAL);
        assert_string_equal(err.why, rows[i].why);
        assert_int_equal(err.line, 6);
    }
    for (int i = 0; i <= ROUTE_RULES; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "route.m%d=ot\n", i);
    assert_int_equal(make(&t, three, 3, many, &err), -EINVAL);
    assert_int_equal(err.line, 6 + ROUTE_RULES);
    assert_non_null(strstr(err.why, "at most 64"));
}

static void given_in_order(void **state)
{
    struct given_list l = {0};
    struct given g;

    (void) state;
    assert_int_equal(given_add(&l, 5, AG_SPAN("five"), 50, true), 0);
    assert_int_equal(given_add(&l, 3, AG_SPAN("three"), 51, false), 0);
    assert_int_equal(given_add(&l, 9, AG_SPAN(""), 52, false), 0);
    assert_true(given_has(&l, 3) && given_tells(&l, 5) && !given_tells(&l, 3) && !given_tells(&l, 4));
    assert_int_equal(l.n, 3);
    assert_int_equal(l.bytes, 9);
    assert_true(given_take(&l, 3, &g));
    assert_true(ag_span_eq(ag_buf_span(&g.text), "three") && g.born_ms == 51 && !g.tells);
    ag_buf_deinit(&g.text);
    assert_false(given_take(&l, 3, &g));
    assert_true(given_take_first(&l, &g));
    assert_int_equal(g.id, 5);
    ag_buf_deinit(&g.text);
    assert_int_equal(l.bytes, 0);
    given_deinit(&l);
    assert_int_equal(l.n, 0);
    assert_false(given_take_first(&l, &g));
}

static void sweep(void *user)
{
    struct route_table t;
    struct device_conf_error err;
    struct given_list l = {0};
    int r = given_add(&l, 1, AG_SPAN("text"), 1, true);

    assert_true(r == -ENOMEM || given_has(&l, 1));
    given_deinit(&l);
    r = route_table_make(&t, three, 3, user, &err);
    assert_true(r == 0 || r == -ENOMEM);
    if (r == 0)
        route_table_deinit(&t);
}

static void allocation_failures(void **state)
{
    static const char text[] = ID "route.a=ot\nroute.b=mqtt\n";
    struct device_conf_error err;
    struct device_conf conf;

    (void) state;
    assert_int_equal(device_conf_parse(&conf, text, sizeof text - 1, &err), 0);
    alloc_fail_sweep(sweep, &conf);
    device_conf_deinit(&conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_table),
        cmocka_unit_test(bad_lines),
        cmocka_unit_test(given_in_order),
        cmocka_unit_test(allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
