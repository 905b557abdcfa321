/* SPDX-License-Identifier: MIT */
/* The last lines of a log: what gives way, and pages that together are the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "libagent/core/json/json.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/log/log_ring.h"
#include "tests/support/alloc_fail.h"

static void expect(const struct ag_log_ring *r, uint64_t from, const char *wanted)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

    assert_int_equal(ag_log_ring_put(r, from, &out), 0);
    assert_string_equal(ag_buf_cstr(&out), wanted);
}

static void add(struct ag_log_ring *r, const char *line)
{
    ag_log_ring_add(r, line, strlen(line));
}

static void test_lines_give_way(void **state)
{
    ag_cleanup(ag_log_ring_deinit) struct ag_log_ring r;

    (void) state;
    assert_int_equal(ag_log_ring_init(&r, 1000, 3), 0);
    expect(&r, 0, "{\"lines\":[],\"next\":0,\"more\":false}");
    add(&r, "a");
    add(&r, "");
    expect(&r, 0, "{\"lines\":[\"a\",\"\"],\"next\":2,\"more\":false}");
    add(&r, "c");
    add(&r, "d");
    expect(&r, 0, "{\"lines\":[\"\",\"c\",\"d\"],\"next\":4,\"more\":false}");
    expect(&r, 3, "{\"lines\":[\"d\"],\"next\":4,\"more\":false}");
    expect(&r, 99, "{\"lines\":[],\"next\":4,\"more\":false}");
}

/* Every place of the seam: the ring of nine bytes holds what fits, whole. */
static void test_bytes_give_way(void **state)
{
    ag_cleanup(ag_log_ring_deinit) struct ag_log_ring r;
    static const char *const seen[] = {"\"abc\"", "\"abc\",\"def\"", "\"def\",\"ghi\"", "\"ghi\",\"jkl\""};
    static const char *const lines[] = {"abc", "def", "ghi", "jkl"};
    char wanted[80];

    (void) state;
    assert_int_equal(ag_log_ring_init(&r, 9, 100), 0);
    for (unsigned round = 0; round < 40; round++) {
        unsigned i = round % 4;

        add(&r, lines[i]);
        if (round >= 4 && i < 2)
            snprintf(wanted, sizeof wanted, "{\"lines\":[%s,\"%s\"],\"next\":%u,\"more\":false}", i ? "\"abc\"" : "\"jkl\"",
                     lines[i], round + 1);
        else
            snprintf(wanted, sizeof wanted, "{\"lines\":[%s],\"next\":%u,\"more\":false}", seen[i], round + 1);
        expect(&r, 0, wanted);
    }
    add(&r, "longer than it all");
    expect(&r, 0, "{\"lines\":[\"longer t\"],\"next\":41,\"more\":false}");
    add(&r, "two\nx");
    expect(&r, 0, "{\"lines\":[\"two x\"],\"next\":42,\"more\":false}");
}

static void test_any_bytes(void **state)
{
    ag_cleanup(ag_log_ring_deinit) struct ag_log_ring r;

    (void) state;
    assert_int_equal(ag_log_ring_init(&r, 64, 10), 0);
    add(&r, "\"\\\xff\x01");
    expect(&r, 0, "{\"lines\":[\"\\\"\\\\\xef\xbf\xbd\\u0001\"],\"next\":1,\"more\":false}");
}

static void test_pages_are_the_whole(void **state)
{
    ag_cleanup(ag_log_ring_deinit) struct ag_log_ring r;
    char line[100];
    uint64_t from = 0, n = 0;
    bool more = true;

    (void) state;
    assert_int_equal(ag_log_ring_init(&r, 128 * 1024, 1000), 0);
    for (int i = 0; i < 1500; i++) {
        snprintf(line, sizeof line, "%090d", i);
        add(&r, line);
    }
    while (more) {
        ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
        struct ag_span text, next;

        assert_int_equal(ag_log_ring_put(&r, from, &out), 0);
        assert_in_range(ag_buf_size(&out), 1, 60000); /* a packet */
        text = ag_buf_span(&out);
        assert_int_equal(ag_json_check(&text, 8), 0);
        for (const char *p = text.p; (p = memmem(p, (size_t) (text.p + text.len - p), "\"0", 2)); p++) {
            assert_int_equal(strtol(p + 1, NULL, 10), 500 + (long) n);
            n++;
        }
        next = ag_json_get(text, "next");
        assert_true(ag_span_uint(next, UINT64_MAX, &from));
        more = ag_span_eq(ag_json_get(text, "more"), "true");
    }
    assert_int_equal(n, 1000);
}

static void sweep(void *user)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
    struct ag_log_ring r = {0};

    (void) user;
    (void) ag_log_ring_init(&r, 64, 10);
    add(&r, "lines before and after the want of memory are fine");
    (void) ag_log_ring_put(&r, 0, &out);
    ag_log_ring_deinit(&r);
}

static void test_alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_give_way),      cmocka_unit_test(test_bytes_give_way), cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_pages_are_the_whole), cmocka_unit_test(test_alloc_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
