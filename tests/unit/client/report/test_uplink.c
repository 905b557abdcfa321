/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "client/report/core/uplink.h"
#include "tests/support/alloc_fail.h"

struct world {
    struct uplink u;
    int cloud_says; /* what report() returns */
    struct ag_buf log;
};

static int on_report(void *user, uint32_t id, struct ag_span text, const struct ag_json_view *view, bool repeat)
{
    struct world *w = user;

    (void) repeat;
    if (view) { /* it is the text's */
        struct ag_span same = text;
        struct ag_json_view own;

        assert_int_equal(ag_json_parse(&same, 16, &own), 0);
        assert_true(view->at[AG_M_ID].value == own.at[AG_M_ID].value && view->at[AG_M_ID].end == own.at[AG_M_ID].end);
        assert_true(view->at[AG_M_METHOD].value == own.at[AG_M_METHOD].value);
    }
    if (w->cloud_says == 0)
        ag_buf_printf(&w->log, "cloud %u %.*s\n", id, (int) text.len, text.p);
    return w->cloud_says;
}

static void on_reply(void *user, unsigned peer, struct ag_span text)
{
    struct world *w = user;

    ag_buf_printf(&w->log, "peer %u %.*s\n", peer, (int) text.len, text.p);
}

static const struct uplink_sink sink = {.report = on_report, .reply = on_reply};

static int submit(struct world *w, unsigned peer, const char *text, uint64_t now_ms)
{
    struct ag_span s = {text, strlen(text)};
    struct ag_json_view v;

    assert_int_equal(ag_json_parse(&s, 32, &v), 0);
    return uplink_submit(&w->u, peer, s, &v, now_ms);
}

static void expect(struct world *w, const char *log)
{
    assert_string_equal(ag_buf_cstr(&w->log), log);
    ag_buf_clear(&w->log);
}

static void world_init(struct world *w)
{
    *w = (struct world){.log = AG_BUF_INIT};
    uplink_init(&w->u, &sink, w, 500);
}

static void world_deinit(struct world *w)
{
    uplink_deinit(&w->u);
    ag_buf_deinit(&w->log);
}

static void test_ack_returns_under_the_askers_id(void **state)
{
    struct world w;

    (void) state;
    world_init(&w);
    submit(&w, 3, "{\"id\":4294967295,\"method\":\"props\",\"params\":{\"a\":1}}", 0);
    submit(&w, 4, "{\"method\":\"event.x\",\"params\":[]}", 0);
    expect(&w, "cloud 501 {\"id\":501,\"method\":\"props\",\"params\":{\"a\":1}}\n"
               "cloud 502 {\"id\":502,\"method\":\"event.x\",\"params\":[]}\n");
    uplink_acked(&w.u, 0, 502, AG_SPAN("{\"result\":[\"ok\"]}"));
    uplink_acked(&w.u, 0, 501, AG_SPAN("{\"result\":\"ok\"}"));
    uplink_acked(&w.u, 0, 501, AG_SPAN("{\"result\":\"ok\"}"));
    expect(&w, "peer 3 {\"id\":4294967295,\"result\":\"ok\"}\n");
    assert_int_equal(w.u.stats.stray, 1);
    assert_int_equal(w.u.n_open, 0);
    world_deinit(&w);
}

static bool on_taken(void *user, uint32_t id)
{
    (void) user;
    return id >= 501 && id <= 503;
}

/* Kept reports of an earlier run have their numbers still: the cloud's ack of a new one must not end an old
 * one. */
static void test_numbers_under_way_are_left_out(void **state)
{
    static const struct uplink_sink with_taken = {.report = on_report, .reply = on_reply, .taken = on_taken};
    struct world w;

    (void) state;
    world_init(&w);
    w.u.sink = &with_taken;
    submit(&w, 3, "{\"id\":1,\"method\":\"props\",\"params\":{}}", 0);
    submit(&w, 3, "{\"id\":2,\"method\":\"props\",\"params\":{}}", 0);
    expect(&w, "cloud 504 {\"id\":504,\"method\":\"props\",\"params\":{}}\n"
               "cloud 505 {\"id\":505,\"method\":\"props\",\"params\":{}}\n");
    world_deinit(&w);
}

static void test_ids_fit_an_int(void **state)
{
    static const uint32_t randoms[] = {0, 1, INT32_MAX - 1, INT32_MAX, 0x80000000u, UINT32_MAX - 1, UINT32_MAX};
    struct world w;

    (void) state;
    for (size_t i = 0; i < ag_array_size(randoms); i++) {
        uplink_init(&w.u, &sink, &w, randoms[i]);
        for (int n = 0; n < 3; n++)
            assert_in_range(uplink_draw_id(&w.u), 1, INT32_MAX);
        uplink_deinit(&w.u);
    }
}

static void test_without_a_cloud(void **state)
{
    struct world w;

    (void) state;
    world_init(&w);
    w.cloud_says = -ENOTCONN;
    submit(&w, 3, "{\"id\":1,\"method\":\"props\"}", 0);
    submit(&w, 3, "{\"method\":\"props\"}", 0);
    expect(&w, "peer 3 {\"id\":1,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}\n");
    assert_int_equal(w.u.stats.dropped, 1);
    world_deinit(&w);
}

static void test_window_keeps_order(void **state)
{
    struct world w;

    (void) state;
    world_init(&w);
    w.cloud_says = -ENOBUFS;
    submit(&w, 1, "{\"id\":1,\"method\":\"a\"}", 0);
    w.cloud_says = 0;
    submit(&w, 1, "{\"id\":2,\"method\":\"b\"}", 0); /* must not overtake */
    expect(&w, "");
    uplink_pump(&w.u, 0);
    expect(&w, "cloud 501 {\"id\":501,\"method\":\"a\"}\ncloud 502 {\"id\":502,\"method\":\"b\"}\n");
    uplink_failed(&w.u, 0, 501, -30011, "OT server noack");
    expect(&w, "peer 1 {\"id\":1,\"error\":{\"code\":-30011,\"message\":\"OT server noack\"}}\n");
    world_deinit(&w);
}

/* Methods of b are the second cloud's. */
static unsigned on_lane(void *user, struct ag_span text, const struct ag_json_view *view)
{
    (void) user;
    return text.p[view->at[AG_M_METHOD].value + 1] == 'b';
}

static unsigned on_other_lane(void *user, struct ag_span text, const struct ag_json_view *view)
{
    return !on_lane(user, text, view);
}

static void test_each_cloud_speaks_for_its_own(void **state)
{
    static const struct uplink_sink two = {.report = on_report, .reply = on_reply, .lane = on_lane};
    struct world w;

    (void) state;
    world_init(&w);
    w.u.sink = &two;
    submit(&w, 1, "{\"id\":1,\"method\":\"a\"}", 0);
    submit(&w, 1, "{\"id\":2,\"method\":\"b\"}", 0);
    ag_buf_clear(&w.log);
    uplink_acked(&w.u, 1, 501, AG_SPAN("{\"result\":\"of b\"}"));
    uplink_failed(&w.u, 0, 502, -1, "of a");
    expect(&w, "");
    assert_int_equal(w.u.stats.stray, 2);
    uplink_acked(&w.u, 0, 501, AG_SPAN("{\"result\":\"of a\"}"));
    uplink_failed(&w.u, UPLINK_NO_LANE, 502, -1, "the device");
    expect(&w, "peer 1 {\"id\":1,\"result\":\"of a\"}\npeer 1 {\"id\":2,\"error\":{\"code\":-1,\"message\":\"the device\"}}\n");
    world_deinit(&w);
}

/* The list of clouds is another one: what waits for the one goes to the other, in order, and that one speaks for it. */
static void test_other_routes(void **state)
{
    static const struct uplink_sink before = {.report = on_report, .reply = on_reply, .lane = on_lane},
                                    after = {.report = on_report, .reply = on_reply, .lane = on_other_lane};
    struct world w;

    (void) state;
    world_init(&w);
    w.u.sink = &before;
    w.cloud_says = -ENOBUFS;
    submit(&w, 1, "{\"id\":1,\"method\":\"a\"}", 0);
    submit(&w, 1, "{\"id\":2,\"method\":\"b\"}", 0);
    submit(&w, 1, "{\"id\":3,\"method\":\"a\"}", 0);
    w.u.sink = &after;
    w.cloud_says = 0;
    uplink_reroute(&w.u);
    uplink_pump(&w.u, 0);
    expect(&w, "cloud 502 {\"id\":502,\"method\":\"b\"}\n");
    uplink_pump(&w.u, 1);
    expect(&w, "cloud 501 {\"id\":501,\"method\":\"a\"}\ncloud 503 {\"id\":503,\"method\":\"a\"}\n");
    uplink_acked(&w.u, 0, 501, AG_SPAN("{\"result\":\"of another\"}"));
    uplink_acked(&w.u, 1, 501, AG_SPAN("{\"result\":\"ok\"}"));
    expect(&w, "peer 1 {\"id\":1,\"result\":\"ok\"}\n");
    world_deinit(&w);
}

static void test_lost_and_limits(void **state)
{
    struct world w;

    (void) state;
    world_init(&w);
    w.u.max_open = 4; /* half of it for one alone */
    w.cloud_says = -ENOBUFS;
    submit(&w, 1, "{\"id\":1,\"method\":\"a\"}", 0);
    submit(&w, 1, "{\"id\":2,\"method\":\"a\"}", 0);
    submit(&w, 1, "{\"id\":3,\"method\":\"a\"}", 0);
    expect(&w, "peer 1 {\"id\":3,\"error\":{\"code\":-32000,\"message\":\"too many requests open\"}}\n");
    uplink_lost(&w.u, 0);
    expect(&w, "peer 1 {\"id\":1,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}\n"
               "peer 1 {\"id\":2,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}\n");
    assert_int_equal(w.u.bytes, 0);
    w.u.max_bytes = 10;
    submit(&w, 1, "{\"id\":4,\"method\":\"a\"}", 0);
    expect(&w, "peer 1 {\"id\":4,\"error\":{\"code\":-32000,\"message\":\"too many requests open\"}}\n");
    assert_int_equal(w.u.stats.greedy, 2);
    world_deinit(&w);
}

/* What is with the cloud and not answered counts as what waits: bytes of texts and of ids. */
static void test_one_peer_leaves_room_for_others(void **state)
{
    struct world w;
    char text[1200];
    int n = 0;

    (void) state;
    world_init(&w);
    w.u.max_bytes = 100000;
    memset(text, ' ', sizeof text);
    memcpy(text, "{\"id\":1,\"method\":\"a\"", 20);
    memcpy(text + sizeof text - 2, "}", 2);
    while (w.u.stats.refused == 0 && submit(&w, 1, text, 0) == 0)
        n++;
    assert_in_range(n, 30, 45);
    assert_in_range(w.u.bytes, 48000, 52000);
    submit(&w, 2, text, 0);
    assert_int_equal(w.u.stats.refused, 1);
    uplink_peer_removed(&w.u, 1); /* its requests are with the cloud still */
    assert_in_range(w.u.bytes, 45000, 55000);
    assert_int_equal(w.u.shares[1].bytes + w.u.shares[1].n, 0);
    uplink_expire(&w.u, 30000);
    assert_int_equal(w.u.bytes, 0);
    for (unsigned i = 0; i <= UPLINK_NO_PEER; i++)
        assert_int_equal(w.u.shares[i].bytes + w.u.shares[i].n, 0);
    world_deinit(&w);
}

/* A slot's next owner does not get what the last one asked for. */
static void test_a_slot_used_again(void **state)
{
    struct world w;

    (void) state;
    world_init(&w);
    submit(&w, 3, "{\"id\":1,\"method\":\"a\"}", 0);
    uplink_peer_removed(&w.u, 3);
    submit(&w, 3, "{\"id\":1,\"method\":\"b\"}", 0);
    ag_buf_clear(&w.log);
    uplink_acked(&w.u, 0, 501, AG_SPAN("{\"result\":\"of a\"}"));
    uplink_acked(&w.u, 0, 502, AG_SPAN("{\"result\":\"of b\"}"));
    expect(&w, "peer 3 {\"id\":1,\"result\":\"of b\"}\n");
    submit(&w, 3, "{\"id\":2,\"method\":\"a\"}", 0);
    uplink_peer_removed(&w.u, 3);
    ag_buf_clear(&w.log);
    uplink_failed(&w.u, 0, 503, -1, "x");
    uplink_expire(&w.u, 30000);
    assert_int_equal(ag_buf_size(&w.log), 0);
    world_deinit(&w);
}

static void test_a_new_timeout_counts_for_new_requests(void **state)
{
    struct world w;

    (void) state;
    world_init(&w);
    submit(&w, 1, "{\"id\":1,\"method\":\"a\"}", 0);
    w.u.timeout_ms = 100;
    submit(&w, 1, "{\"id\":2,\"method\":\"a\"}", 10);
    ag_buf_clear(&w.log);
    assert_int_equal(uplink_next_deadline(&w.u), 110);
    uplink_expire(&w.u, 110);
    expect(&w, "peer 1 {\"id\":2,\"error\":{\"code\":-30011,\"message\":\"OT server noack\"}}\n");
    world_deinit(&w);
}

static void test_deadline_and_gone_peer(void **state)
{
    struct world w;

    (void) state;
    world_init(&w);
    submit(&w, 1, "{\"id\":\"x\",\"method\":\"a\"}", 0);
    submit(&w, 2, "{\"id\":2,\"method\":\"a\"}", 5);
    ag_buf_clear(&w.log);
    uplink_peer_removed(&w.u, 2);
    assert_int_equal(uplink_next_deadline(&w.u), 30000);
    uplink_expire(&w.u, 30005);
    expect(&w, "peer 1 {\"id\":\"x\",\"error\":{\"code\":-30011,\"message\":\"OT server noack\"}}\n");
    assert_true(uplink_next_deadline(&w.u) == UINT64_MAX);
    submit(&w, 1, "{\"id\":7,\"method\":\"a\"}", 0);
    ag_buf_clear(&w.log);
    uplink_refuse_all(&w.u, -32003, "shutting down");
    expect(&w, "peer 1 {\"id\":7,\"error\":{\"code\":-32003,\"message\":\"shutting down\"}}\n");
    world_deinit(&w);
}

static void sweep(void *user)
{
    struct world w;

    (void) user;
    world_init(&w);
    submit(&w, 1, "{\"id\":1,\"method\":\"a\"}", 0);
    w.cloud_says = -ENOBUFS;
    submit(&w, 1, "{\"id\":2,\"method\":\"b\"}", 0);
    w.cloud_says = 0;
    uplink_pump(&w.u, 0);
    uplink_acked(&w.u, 0, 501, AG_SPAN("{\"result\":[\"ok\"]}"));
    uplink_refuse_all(&w.u, -32003, "shutting down");
    assert_int_equal(w.u.n_open, 0);
    assert_int_equal(w.u.bytes, 0);
    /* each text has one end */
    assert_int_equal(w.u.stats.submitted,
                     w.u.stats.acked + w.u.stats.failed + w.u.stats.timed_out + w.u.stats.refused + w.u.stats.no_memory);
    world_deinit(&w);
}

static void test_alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_under_way_are_left_out),
        cmocka_unit_test(test_ack_returns_under_the_askers_id),
        cmocka_unit_test(test_ids_fit_an_int),
        cmocka_unit_test(test_without_a_cloud),
        cmocka_unit_test(test_window_keeps_order),
        cmocka_unit_test(test_each_cloud_speaks_for_its_own),
        cmocka_unit_test(test_other_routes),
        cmocka_unit_test(test_lost_and_limits),
        cmocka_unit_test(test_one_peer_leaves_room_for_others),
        cmocka_unit_test(test_a_slot_used_again),
        cmocka_unit_test(test_a_new_timeout_counts_for_new_requests),
        cmocka_unit_test(test_deadline_and_gone_peer),
        cmocka_unit_test(test_alloc_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
