/* SPDX-License-Identifier: MIT */
/* The small parts of the library: addresses, waits, keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "agent/agent.h"
#include "libagent/conn/address.h"
#include "libagent/conn/keys.h"
#include "libagent/conn/wait.h"

static void addresses(void **state)
{
    static const struct {
        const char *text, *printed; /* NULL: refused */
    } rows[] = {
        {"unix:/run/a.sock", "unix:/run/a.sock"},
        {"/run/a.sock", "unix:/run/a.sock"},
        {"unix:@abstract", "unix:@abstract"},
        {"seqpacket:/tmp/x", "seqpacket:/tmp/x"},
        {"tcp:127.0.0.1:54320", "tcp:127.0.0.1:54320"},
        {"127.0.0.1:1", "tcp:127.0.0.1:1"},
        {"tcp:[::1]:65535", "tcp:::1:65535"},
        {"tcp:127.0.0.1", NULL},
        {"tcp:127.0.0.1:", NULL},
        {"tcp:127.0.0.1:0", NULL},
        {"tcp:127.0.0.1:65536", NULL},
        {"tcp:127.0.0.1:1x", NULL},
        {"tcp::1", NULL},
        {"unix:", NULL},
        {"nonsense", NULL},
        {"unix:/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
         "01234567",
         NULL},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_address a;
        char text[128];
        int r = ag_address_parse(&a, rows[i].text);

        print_message("%s\n", rows[i].text);
        assert_int_equal(r, rows[i].printed ? 0 : -EINVAL);
        if (r < 0)
            continue;
        ag_address_print(&a, text, sizeof text);
        assert_string_equal(text, rows[i].printed);
    }
}

static void where_to_look(void **state)
{
    struct ag_address_list l;

    (void) state;
    assert_int_equal(ag_address_list_fill(&l, NULL, NULL), 0);
    assert_int_equal(l.n, 2);
    assert_string_equal(l.at[0].host, AGENT_UNIX_PATH);
    assert_int_equal(l.at[1].port, AGENT_TCP_PORT);
    assert_int_equal(ag_address_list_fill(&l, NULL, "unix:/env"), 0);
    assert_int_equal(l.n, 1);
    assert_string_equal(l.at[0].host, "/env");
    assert_int_equal(ag_address_list_fill(&l, "unix:/arg", "unix:/env"), 0);
    assert_string_equal(l.at[0].host, "/arg");
    assert_int_equal(ag_address_list_fill(&l, NULL, ""), 0);
    assert_int_equal(l.n, 2);
    assert_int_equal(ag_address_list_fill(&l, NULL, "bad"), -EINVAL);
}

static void waits_end_in_order(void **state)
{
    static const uint64_t deadlines[] = {30, 10, 20, 10, 40};
    struct ag_wait a[5];
    struct ag_waits w;
    uint64_t last = 0;

    (void) state;
    ag_waits_init(&w, INT32_MAX - 2);
    for (size_t i = 0; i < 5; i++) {
        ag_wait_init(&a[i], AG_WAIT_CALL);
        ag_waits_add(&w, &a[i], deadlines[i]);
    }
    assert_int_equal(a[0].id, INT32_MAX - 1);
    assert_int_equal(a[1].id, INT32_MAX); /* the largest that an application's C int holds */
    assert_int_equal(a[2].id, 1);
    assert_ptr_equal(ag_waits_find(&w, 1), &a[2]);
    w.next_id = INT32_MAX; /* taken: skipped */
    ag_wait_end(&a[4]);
    ag_waits_add(&w, &a[4], 5);
    assert_int_equal(a[4].id, 3);
    for (size_t n = 5; n > 0; n--) {
        struct ag_wait *first = ag_waits_first(&w);

        assert_true(first->deadline.at_ms >= last);
        last = first->deadline.at_ms;
        if (n == 3) {
            ag_wait_forget_deadline(first);
            assert_ptr_equal(ag_waits_find(&w, first->id), first);
        }
        ag_wait_end(first);
        ag_wait_end(first); /* idempotent */
        assert_null(ag_waits_find(&w, first->id));
    }
    assert_null(ag_waits_first(&w));
}

static const char *match(struct ag_keys *k, const char *method)
{
    struct ag_key *key = ag_keys_match(k, (struct ag_span){method, strlen(method)});

    return key ? key->name : "-";
}

static void keys_match_exactly_then_by_longest_prefix(void **state)
{
    static const char *const names[] = {"get", "get*", "get.a*", "*", "get.a.b"};
    struct ag_key *keys[5];
    struct ag_keys k;

    (void) state;
    ag_keys_init(&k);
    assert_string_equal(match(&k, "get"), "-");
    for (size_t i = 0; i < 5; i++) {
        keys[i] = ag_keys_add(&k, names[i]);
        assert_ptr_equal(ag_keys_find(&k, names[i]), keys[i]);
    }
    assert_null(ag_keys_find(&k, "ge*"));
    assert_null(ag_keys_find(&k, "ge"));
    assert_string_equal(match(&k, "get"), "get");
    assert_string_equal(match(&k, "gett"), "get*");
    assert_string_equal(match(&k, "get.a"), "get.a*");
    assert_string_equal(match(&k, "get.a.b"), "get.a.b");
    assert_string_equal(match(&k, "other"), "*");
    ag_keys_remove(keys[0]);
    assert_string_equal(match(&k, "get"), "get*");
    for (size_t i = 1; i < 5; i++)
        ag_keys_remove(keys[i]);
    assert_string_equal(match(&k, "get.a.b"), "-");
}

static void errors_have_words(void **state)
{
    (void) state;
    for (int e = -5000; e < 5; e++)
        assert_true(strlen(agent_strerror(e)) > 0);
    assert_string_equal(agent_strerror(AGENT_E_LOST), "connection to the agent lost");
    assert_int_equal(agent_error_code("{\"message\":\"\\\"code\\\":1\",\"code\": -32601}"), -32601);
    assert_int_equal(agent_error_code("{\"code\":\"-5001\"}"), -5001); /* the vendor's samples write it so */
    assert_int_equal(agent_error_code("{\"data\":{\"code\":1},\"x\":\"code\",\"code\":-2}"), -2);
    assert_int_equal(agent_error_code("{\"data\":{\"code\":1}}"), 0);
    assert_int_equal(agent_error_code("{\"code\":-2"), 0); /* not whole */
    assert_int_equal(agent_error_code("\"text\""), 0);
    assert_int_equal(agent_error_code(NULL), 0);
}

static void null_and_nonsense_are_refused(void **state)
{
    agent_conn *conn = NULL;

    (void) state;
    assert_int_equal(agent_new(NULL), -EINVAL);
    assert_int_equal(agent_new(&conn), 0);
    assert_int_equal(agent_open(conn, "bad"), -EINVAL);
    assert_int_equal(agent_open(conn, "tcp:host.name:1"), -EINVAL);
    assert_int_equal(agent_subscribe(conn, NULL, "", NULL, NULL), -EINVAL);
    assert_int_equal(agent_call(conn, NULL, NULL, NULL, 0, NULL, NULL), -EINVAL);
    assert_int_equal(agent_notify(conn, "m", NULL), -ENOTCONN);
    assert_int_equal(agent_set_reconnect(conn, 0, 1), -EINVAL);
    assert_int_equal(agent_set_reconnect(conn, 10, 1), -EINVAL);
    assert_int_equal(agent_get_timeout_ms(conn), -1);
    assert_true(agent_get_fd(conn) >= 0);
    assert_int_equal(agent_open(conn, "unix:/nonexistent"), 0);
    assert_int_equal(agent_open(conn, NULL), -EBUSY);
    assert_int_equal(agent_set_encoding(conn, AGENT_MSGPACK), -EBUSY);
    agent_close(conn);
    agent_close(conn);
    assert_int_equal(agent_set_encoding(conn, AGENT_MSGPACK), 0);
    conn = agent_unref(conn);
    assert_null(conn);
    agent_close(NULL);
    agent_unref(NULL);
    agent_slot_unref(NULL);
    agent_request_unref(NULL);
    agent_wake(NULL);
    assert_int_equal(agent_reply(NULL, NULL), -EINVAL);
}

/* A wake-up and a stop from before the wait are not lost. */
static void waking_and_stopping(void **state)
{
    agent_conn *conn = NULL;

    (void) state;
    assert_int_equal(agent_new(&conn), 0);
    assert_int_equal(agent_wait(conn, 0), 0);
    agent_wake(conn);
    agent_wake(conn);
    assert_int_equal(agent_wait(conn, -1), 1);
    agent_process(conn);
    assert_int_equal(agent_wait(conn, 0), 0);
    agent_stop(conn, 7);
    assert_int_equal(agent_run(conn), 7);
    conn = agent_unref(conn);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),           cmocka_unit_test(where_to_look),
        cmocka_unit_test(waits_end_in_order),  cmocka_unit_test(keys_match_exactly_then_by_longest_prefix),
        cmocka_unit_test(errors_have_words),   cmocka_unit_test(null_and_nonsense_are_refused),
        cmocka_unit_test(waking_and_stopping),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
