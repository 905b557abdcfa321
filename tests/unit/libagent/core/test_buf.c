/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <stdlib.h>
#include "libagent/core/buf.h"
#include "libagent/core/list.h"
#include "tests/support/alloc_fail.h"

static void expect(struct ag_buf *b, const char *want)
{
    if (!ag_span_is(ag_buf_span(b), want, strlen(want)))
        fail_msg("%.*s, wanted %s", (int) ag_buf_size(b), b->data ? ag_buf_head(b) : "", want);
    ag_buf_deinit(b);
}

static void appends_and_consumes(void **state)
{
    struct ag_buf b = AG_BUF_INIT;

    (void) state;
    assert_int_equal(ag_buf_span(&b).len, 0);
    assert_non_null(ag_buf_span(&b).p);
    assert_int_equal(ag_buf_append(&b, NULL, 0), 0);
    assert_int_equal(ag_buf_append_str(&b, "hello"), 0);
    assert_int_equal(ag_buf_append_char(&b, ' '), 0);
    assert_int_equal(ag_buf_append_span(&b, AG_SPAN("world")), 0);
    ag_buf_consume(&b, 6);
    assert_int_equal(ag_buf_size(&b), 5);
    assert_string_equal(ag_buf_cstr(&b), "world");
    assert_int_equal(ag_buf_printf(&b, " %d%s", 7, "!"), 0);
    expect(&b, "world 7!");
}

static void consumed_room_is_used_again(void **state)
{
    struct ag_buf b = AG_BUF_INIT;
    size_t cap;

    (void) state;
    assert_int_equal(ag_buf_append(&b, "0123456789abcdef", 16), 0);
    cap = b.cap;
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(ag_buf_append(&b, "0123456789abcdef", 16), 0);
        ag_buf_consume(&b, 16);
    }
    assert_int_equal(b.cap, cap);
    expect(&b, "0123456789abcdef");
}

static void all_consumed_starts_over(void **state)
{
    struct ag_buf b = AG_BUF_INIT;

    (void) state;
    assert_int_equal(ag_buf_append(&b, "abc", 3), 0);
    ag_buf_consume(&b, 3);
    assert_int_equal(b.off, 0);
    assert_int_equal(b.len, 0);
    ag_buf_deinit(&b);
}

static void growth_keeps_content(void **state)
{
    struct ag_buf b = AG_BUF_INIT;

    (void) state;
    for (int i = 0; i < 100000; i++)
        assert_int_equal(ag_buf_append_char(&b, (char) ('a' + i % 26)), 0);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(ag_buf_head(&b)[i], 'a' + i % 26);
    assert_int_equal(ag_buf_reserve(&b, SIZE_MAX / 2), -ENOMEM);
    assert_int_equal(ag_buf_size(&b), 100000);
    ag_buf_deinit(&b);
}

static void numbers(void **state)
{
    struct ag_buf b = AG_BUF_INIT;

    (void) state;
    assert_int_equal(ag_buf_append_u64(&b, 0), 0);
    assert_int_equal(ag_buf_append_char(&b, ' '), 0);
    assert_int_equal(ag_buf_append_u64(&b, UINT64_MAX), 0);
    expect(&b, "0 18446744073709551615");
}

static void json_strings(void **state)
{
    static const struct {
        struct ag_span in;
        const char *want;
    } rows[] = {
        {{"", 0}, "\"\""},
        {{"plain", 5}, "\"plain\""},
        {{"\"\\/", 3}, "\"\\\"\\\\/\""},
        {{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
        {{"a\0b\x1f\x7f", 5}, "\"a\\u0000b\\u001f\\u007f\""},
        {{"\xe4\xbd\xa0", 3}, "\"\xe4\xbd\xa0\""},
        /* bytes of other encodings, and halves of characters */
        {{"\xce\xd2\xb5\xc4WIFI", 8}, "\"\xef\xbf\xbd\xd2\xb5\xef\xbf\xbdWIFI\""},
        {{"Caf\xe9", 4}, "\"Caf\xef\xbf\xbd\""},
        {{"\xc3\xa9\xc3", 3}, "\"\xc3\xa9\xef\xbf\xbd\""},
        {{"\xc0\xaf\"", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\\\"\""},
        {{"\xed\xa0\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {{"\xf0\x9f\x98\x80", 4}, "\"\xf0\x9f\x98\x80\""},
        {{"\xf5\x80\xff", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_buf b = AG_BUF_INIT;

        assert_int_equal(ag_buf_append_json_str(&b, rows[i].in.p, rows[i].in.len), 0);
        expect(&b, rows[i].want);
    }
}

static void stolen_strings(void **state)
{
    struct ag_buf b = AG_BUF_INIT;
    char *s;

    (void) state;
    s = ag_buf_steal_cstr(&b);
    assert_string_equal(s, "");
    free(s);
    assert_int_equal(ag_buf_append_str(&b, "xxabc"), 0);
    ag_buf_consume(&b, 2);
    s = ag_buf_steal_cstr(&b);
    assert_string_equal(s, "abc");
    assert_int_equal(b.cap, 0);
    free(s);
}

/* Whatever fails leaves what was there. */
static void fill_without_memory(void *user)
{
    struct ag_buf b = AG_BUF_INIT;
    char big[700];
    char *s;

    (void) user;
    memset(big, '\n', sizeof big);
    if (ag_buf_append_str(&b, "abc") == 0 && ag_buf_append_json_str(&b, big, sizeof big) < 0)
        assert_int_equal(ag_buf_size(&b), 3);
    if (ag_buf_size(&b) == 3 && ag_buf_printf(&b, "%700d", 1) < 0)
        assert_int_equal(ag_buf_size(&b), 3);
    s = ag_buf_steal_cstr(&b);
    free(s);
    ag_buf_deinit(&b);
}

static void memory_may_fail_anywhere(void **state)
{
    (void) state;
    alloc_fail_sweep(fill_without_memory, NULL);
}

struct item {
    int n;
    struct ag_list link;
};

static void lists(void **state)
{
    struct item items[4] = {{.n = 0}, {.n = 1}, {.n = 2}, {.n = 3}};
    struct ag_list a, b;
    int want = 0;

    (void) state;
    ag_list_init(&a);
    ag_list_init(&b);
    assert_null(ag_list_first(&a, struct item, link));
    ag_list_append(&a, &items[1].link);
    ag_list_prepend(&a, &items[0].link);
    ag_list_append(&b, &items[2].link);
    ag_list_append(&b, &items[3].link);
    ag_list_splice(&a, &b);
    ag_list_splice(&a, &b); /* empty now */
    assert_true(ag_list_empty(&b));
    ag_list_for_each_safe (it, &a) {
        assert_int_equal(ag_list_entry(it, struct item, link)->n, want++);
        ag_list_del(it);
        ag_list_del(it); /* harmless */
    }
    assert_int_equal(want, 4);
    assert_true(ag_list_empty(&a));
}

/* Storage that is given back, freed or outgrown, is wiped first: read here while it is still ours. */
static void secrets_are_wiped(void **state)
{
    struct ag_buf b = AG_BUF_SECRET_INIT;

    (void) state;
    assert_int_equal(ag_buf_append_str(&b, "secret"), 0);
    ag_buf_wipe(&b);
    assert_int_equal(ag_buf_size(&b), 0);
    assert_memory_equal(b.data, "\0\0\0\0\0\0", 6);
    ag_buf_deinit(&b);
    assert_true(b.secret);
    ag_buf_wipe(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_consumes),
        cmocka_unit_test(secrets_are_wiped),
        cmocka_unit_test(consumed_room_is_used_again),
        cmocka_unit_test(all_consumed_starts_over),
        cmocka_unit_test(growth_keeps_content),
        cmocka_unit_test(numbers),
        cmocka_unit_test(json_strings),
        cmocka_unit_test(stolen_strings),
        cmocka_unit_test(memory_may_fail_anywhere),
        cmocka_unit_test(lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
