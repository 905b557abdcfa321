/* SPDX-License-Identifier: MIT */
/* What a limit of the router does when it is reached. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "agent/core/router.h"
#include "tests/unit/agent/rig.h"

/* clang-format off */
static void test_requests_over_limit(void **state)
{
    static const char *const lines[] = {
        "U+", "A+", "A> {\"id\":1,\"method\":\"q\"}{\"id\":2,\"method\":\"q\"}{\"id\":3,\"method\":\"q\"}",
        "A< {\"id\":3,\"error\":{\"code\":-32000,\"message\":\"too many requests open\"}}", "U> {\"id\":100,\"result\":1}",
        "A< {\"id\":1,\"result\":1}", "A> {\"id\":4,\"method\":\"q\"}", "A<", "requests_over_limit=1", NULL};
    struct rig g;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    g.router.limits.requests_per_peer = 2;
    assert_int_equal(rig_run(&g, lines), 0);
    rig_deinit(&g);
}

static void test_commands_over_limit(void **state)
{
    static const char *const lines[] = {
        "U+", "A+", "B+", REG("A", "m"), REG("B", "n"), "U> {\"id\":1,\"method\":\"m\"}{\"id\":2,\"method\":\"m\"}{\"id\":3,\"method\":\"m\"}",
        "A< {\"id\":1,\"method\":\"m\"}{\"id\":2,\"method\":\"m\"}", "A<",
        "U< {\"id\":3,\"error\":{\"code\":-32000,\"message\":\"subscriber busy\"}}", "U> {\"id\":4,\"method\":\"n\"}{\"id\":5,\"method\":\"n\"}",
        "U< {\"id\":5,\"error\":{\"code\":-32000,\"message\":\"subscriber busy\"}}", "subscriber_busy=2", "commands_over_limit=1", NULL};
    struct rig g;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    g.router.limits.commands_per_peer = 2;
    g.router.limits.commands = 3;
    if (rig_run(&g, lines) < 0)
        fail_msg("%s", g.error);
    rig_deinit(&g);
}

static void test_keys_over_limit(void **state)
{
    static const char *const lines[] = {
        "U+", "A+", "B+", REG("A", "k1"), REG("A", "k2"), "A> {\"id\":1,\"method\":\"register\",\"key\":\"k3\"}",
        "A< {\"id\":1,\"error\":{\"code\":-32000,\"message\":\"too many keys\"}}", REG("B", "k1"),
        "B> {\"id\":1,\"method\":\"register\",\"key\":\"k4\"}", "B< {\"id\":1,\"error\":{\"code\":-32000,\"message\":\"too many keys in all\"}}",
        "B> {\"id\":2,\"method\":\"register\",\"key\":\"123456789\"}", "B< {\"id\":2,\"error\":{\"code\":-32602,\"message\":\"key too long\"}}",
        NULL};
    struct rig g;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    g.router.limits.keys_per_peer = 2;
    g.router.limits.keys = 3;
    g.router.limits.key_len = 8;
    router_reconfigure(&g.router);
    if (rig_run(&g, lines) < 0)
        fail_msg("%s", g.error);
    rig_deinit(&g);
}

/* An application that does not read is closed; who waits for it is answered; others are served. */
static void test_queue_overflow(void **state)
{
    static const char *const lines[] = {
        "U+", "A+", "B+", REG("A", "m"), REG("B", "m2"), "U> {\"id\":1,\"method\":\"m\",\"params\":\"0123456789012345678901234567890\"}",
        "U> {\"id\":2,\"method\":\"m\",\"params\":\"0123456789012345678901234567890\"}", "A#",
        "U< {\"id\":2,\"error\":{\"code\":-32000,\"message\":\"subscriber busy\"}}"
        "{\"id\":1,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\",\"data\":\"subscriber gone\"}}",
        "U> {\"id\":3,\"method\":\"m2\"}", "B< {\"id\":3,\"method\":\"m2\"}", "queue_overflows=1", "peer_lost_texts=1", NULL};
    struct rig g;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    g.router.limits.queue = 100;
    if (rig_run(&g, lines) < 0)
        fail_msg("%s", g.error);
    rig_deinit(&g);
}

/* Upstream does not read: senders get errors, commands still go down, answers become short errors, then it ends. */
static void test_upstream_queue(void **state)
{
    static const char *const lines[] = {
        "U+", "A+", REG("A", "m"), "A> {\"id\":1,\"method\":\"q\",\"params\":\"0123456789012345678901234567890123456789\"}",
        "A> {\"id\":2,\"method\":\"q\",\"params\":\"0123456789012345678901234567890123456789\"}",
        "A< {\"id\":2,\"error\":{\"code\":-32000,\"message\":\"upstream busy\"}}", "A> {\"method\":\"props\",\"params\":\"01234567890123456789\"}",
        "upstream_busy=1", "reports_upstream_busy=1", "U> {\"id\":5,\"method\":\"m\"}", "A< {\"id\":5,\"method\":\"m\"}",
        "A> {\"id\":5,\"result\":\"01234567890123456789\"}", "answers_upstream_busy=1",
        "U> {\"id\":6,\"method\":\"none\"}{\"id\":7,\"method\":\"none\"}", "U#", "A< {\"id\":1,\"error\":{\"code\":-32002", "upstream_overflows=1", NULL};
    struct rig g;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    g.router.limits.upstream_queue = 100;
    if (rig_run(&g, lines) < 0)
        fail_msg("%s", g.error);
    rig_deinit(&g);
}

/* What upstream had no room for is over: a refused request is not open, an answer that did not fit is an error there. */
static void test_upstream_busy_is_said_once(void **state)
{
    static const char *const lines[] = {
        "U+", "A+", REG("A", "m"), "A> {\"id\":1,\"method\":\"q\",\"params\":\"0123456789012345678901234567890123456789\"}",
        "A> {\"id\":2,\"method\":\"q\",\"params\":\"0123456789012345678901234567890123456789\"}",
        "A< {\"id\":2,\"error\":{\"code\":-32000,\"message\":\"upstream busy\"}}", "U> {\"id\":101,\"result\":1}", "A<", "unknown_answers=1",
        "U> {\"id\":5,\"method\":\"m\"}", "A< {\"id\":5,\"method\":\"m\"}", "A> {\"id\":5,\"result\":\"01234567890123456789\"}",
        "U< {\"id\":100,\"method\":\"q\",\"params\":\"0123456789012345678901234567890123456789\"}",
        "U< {\"id\":5,\"error\":{\"code\":-32000,\"message\":\"upstream busy\"}}", "U<", NULL};
    struct rig g;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    g.router.limits.upstream_queue = 100;
    if (rig_run(&g, lines) < 0)
        fail_msg("%s", g.error);
    rig_deinit(&g);
}

static void test_total(void **state)
{
    static const char *const lines[] = {"U+", "A+", "B+", REG("A", "m"), REG("B", "n"),
                                        "U> {\"method\":\"n\",\"params\":\"0123456789\"}",
                                        "U> {\"method\":\"m\",\"params\":\"01234567890123456789\"}",
                                        "U> {\"method\":\"m\",\"params\":\"01234567890123456789\"}", "A#",
                                        "B< {\"method\":\"n\"", "total_overflows=1", NULL};
    struct rig g;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    g.router.limits.total = 110;
    if (rig_run(&g, lines) < 0)
        fail_msg("%s", g.error);
    rig_deinit(&g);
}

/* The room of those who ended their stream is for those who go on. */
static void test_half_closed_make_room(void **state)
{
    static const char *const lines[] = {
        "U+", "A+", "B+", "C+", "A> {\"id\":1,\"method\":\"q\"}{\"id\":2,\"method\":\"q\"}", "A/", "B> {\"id\":1,\"method\":\"q\"}", "B/",
        "C> {\"id\":1,\"method\":\"q\"}", "A#", "C<", "C> {\"id\":2,\"method\":\"q\"}{\"id\":3,\"method\":\"q\"}", "B#",
        "C> {\"id\":4,\"method\":\"q\"}", "C< {\"id\":4,\"error\":{\"code\":-32000,\"message\":\"too many requests open\"}}",
        "half_closed_dropped=2", "orphaned_requests=3", "requests_over_limit=1", NULL};
    struct rig g;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    g.router.limits.requests = 3;
    if (rig_run(&g, lines) < 0)
        fail_msg("%s", g.error);
    assert_null(router_first_half_closed(&g.router));
    rig_deinit(&g);
}

/* Without the option nothing waits. */
static void test_no_grace(void **state)
{
    static const char *const lines[] = {"U+", "A+", REG("A", "m"), "A-", "U> {\"id\":5,\"method\":\"m\"}",
                                        "U< {\"id\":5,\"error\":{\"code\":-32601", "commands_waited=0", NULL};
    struct rig g;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    g.router.limits.command_grace_ms = 0;
    if (rig_run(&g, lines) < 0)
        fail_msg("%s", g.error);
    rig_deinit(&g);
}

/* What waits is bounded. */
static void test_grace_is_bounded(void **state)
{
    static const char *const lines[] = {"U+", "A+", REG("A", "m"), "A-", NULL};
    char text[64];
    struct rig g;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    assert_int_equal(rig_run(&g, lines), 0);
    for (int i = 0; i < GRACE_COMMANDS_MAX + 1; i++) {
        snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"m\"}", i);
        rig_feed(&g, 'U', text, strlen(text));
        assert_int_equal(ag_buf_size(&rig_peer(&g, 'U')->peer.out) > 0, i == GRACE_COMMANDS_MAX);
    }
    rig_deinit(&g);
}

/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_over_limit),
        cmocka_unit_test(test_commands_over_limit),
        cmocka_unit_test(test_keys_over_limit),
        cmocka_unit_test(test_queue_overflow),
        cmocka_unit_test(test_upstream_queue),
        cmocka_unit_test(test_upstream_busy_is_said_once),
        cmocka_unit_test(test_total),
        cmocka_unit_test(test_half_closed_make_room),
        cmocka_unit_test(test_no_grace),
        cmocka_unit_test(test_grace_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
