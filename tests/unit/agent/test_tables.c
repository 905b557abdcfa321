/* SPDX-License-Identifier: MIT */
/* The three tables behind the router: subscriptions, requests, commands. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "agent/core/table/command.h"
#include "agent/core/table/request.h"
#include "agent/core/table/sub.h"

static void peer_init(struct peer *p, uint8_t role)
{
    memset(p, 0, sizeof *p);
    p->role = role;
    ag_list_init(&p->subs);
    ag_list_init(&p->requests);
    ag_list_init(&p->asks);
    ag_list_init(&p->calls);
}

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void test_many_keys(void **state)
{
    struct sub_table t;
    struct peer p;
    char key[32];

    (void) state;
    peer_init(&p, PEER_APP);
    assert_int_equal(sub_table_init(&t), 0);
    t.max_len = 128;
    t.max_per_peer = t.max_subs = 20000;
    for (int i = 0; i < 10000; i++) {
        snprintf(key, sizeof key, "method_number_%d%s", i, i % 3 ? "" : "*");
        assert_int_equal(sub_add(&t, &p, span(key), SUB_SHARED, NULL), 0);
    }
    assert_int_equal(p.n_subs, 10000);
    for (int i = 1; i < 10000; i += 3) {
        snprintf(key, sizeof key, "method_number_%d", i);
        assert_non_null(sub_match(&t, span(key)));
        assert_int_equal(sub_match(&t, span(key))->len, strlen(key));
    }
    assert_non_null(sub_match(&t, AG_SPAN("method_number_3_and_more")));
    assert_null(sub_match(&t, AG_SPAN("method_numbe")));
    sub_remove_all(&t, &p);
    assert_null(sub_match(&t, AG_SPAN("method_number_1")));
    sub_table_deinit(&t);
}

static void test_modes(void **state)
{
    struct sub_table t;
    struct peer a, b, c;
    struct sub *s;

    (void) state;
    peer_init(&a, PEER_APP);
    peer_init(&b, PEER_APP);
    peer_init(&c, PEER_APP);
    assert_int_equal(sub_table_init(&t), 0);
    t.max_len = t.max_per_peer = t.max_subs = 100;
    assert_int_equal(sub_add(&t, &a, AG_SPAN("k"), SUB_SHARED, NULL), 0);
    assert_int_equal(sub_add(&t, &b, AG_SPAN("k"), SUB_EXCLUSIVE, NULL), SUB_E_OWNED);
    assert_int_equal(sub_add(&t, &a, AG_SPAN("k"), SUB_EXCLUSIVE, NULL), 0); /* alone: may tighten its own */
    assert_int_equal(sub_add(&t, &b, AG_SPAN("k"), SUB_SHARED, NULL), SUB_E_OWNED);
    assert_int_equal(sub_add(&t, &b, AG_SPAN("k"), SUB_STANDBY, &s), 0);
    assert_false(s->active);
    assert_int_equal(sub_add(&t, &c, AG_SPAN("k"), SUB_STANDBY, NULL), 0);
    sub_remove_all(&t, &a);
    assert_true(sub_find(&t, &b, AG_SPAN("k"))->active);
    assert_false(sub_find(&t, &c, AG_SPAN("k"))->active);
    sub_remove_all(&t, &b);
    assert_true(sub_find(&t, &c, AG_SPAN("k"))->active);
    assert_null(sub_find(&t, &c, AG_SPAN("k*")));
    sub_remove_all(&t, &c);
    sub_table_deinit(&t);
}

/* Ids go round within 1..2^31-1 and none is drawn while it is open. */
static void test_request_ids(void **state)
{
    struct request_table t;
    struct request *first, *q;
    struct peer p;

    (void) state;
    peer_init(&p, PEER_APP);
    assert_int_equal(request_table_init(&t, 0x7ffffffe - 1), 0);
    assert_int_equal(request_add(&t, &p, 1, 10, &first), 0);
    assert_int_equal(first->id, 0x7fffffff - 1);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(request_add(&t, &p, i, 10, &q), 0);
        assert_true(q->id >= 1 && q->id <= 0x7fffffff);
        assert_ptr_equal(request_find(&t, q->id), q);
        assert_ptr_not_equal(q, first);
        if (i % 2)
            request_remove(&t, q);
    }
    t.next_id = first->id;
    assert_int_equal(request_add(&t, &p, 1, 10, &q), 0);
    assert_int_not_equal(q->id, first->id);
    while (!ag_list_empty(&p.requests))
        request_remove(&t, ag_list_first(&p.requests, struct request, by_peer));
    assert_int_equal(p.n_requests, 0);
    request_table_deinit(&t);
}

static void test_request_deadlines(void **state)
{
    static const uint64_t deadlines[] = {30, 10, 20, 20, 40, 5};
    struct request_table t;
    struct request *q;
    struct peer p;
    uint64_t last = 0;

    (void) state;
    peer_init(&p, PEER_APP);
    assert_int_equal(request_table_init(&t, 1), 0);
    for (size_t i = 0; i < ag_array_size(deadlines); i++)
        assert_int_equal(request_add(&t, &p, 1, deadlines[i], &q), 0);
    while ((q = request_first(&t))) {
        assert_true(q->deadline.at_ms >= last);
        last = q->deadline.at_ms;
        request_remove(&t, q);
    }
    assert_int_equal(last, 40);
    request_table_deinit(&t);
}

static void test_commands(void **state)
{
    struct command_table t;
    struct command *c[3000];
    struct peer up, a, b;

    (void) state;
    peer_init(&up, PEER_UPSTREAM);
    peer_init(&a, PEER_APP);
    peer_init(&b, PEER_APP);
    assert_int_equal(command_table_init(&t), 0);
    for (uint32_t i = 0; i < 3000; i++) { /* each id twice: once asked of a, once of b */
        assert_int_equal(command_add(&t, &up, i / 2, 100, &c[i]), 0);
        assert_int_equal(command_ask(&t, c[i], i % 2 ? &b : &a), 0);
    }
    assert_int_equal(a.n_asks, 1500);
    for (uint32_t i = 0; i < 3000; i++)
        assert_ptr_equal(command_find(&t, i / 2, i % 2 ? &b : &a), c[i]);
    assert_null(command_find(&t, 1500, &a));
    assert_true(command_id_open(&t, 7));
    command_remove(&t, c[14]);
    assert_null(command_find(&t, 7, &a));
    assert_ptr_equal(command_find(&t, 7, &b), c[15]);
    while (command_first(&t))
        command_remove(&t, command_first(&t));
    assert_int_equal(a.n_asks + b.n_asks, 0);
    command_table_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_many_keys), cmocka_unit_test(test_modes),
                                       cmocka_unit_test(test_request_ids), cmocka_unit_test(test_request_deadlines),
                                       cmocka_unit_test(test_commands)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
