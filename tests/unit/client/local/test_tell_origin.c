/* SPDX-License-Identifier: MIT */
/* The member that tells where a command came from. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "client/local/core/tell_origin.h"
#include "tests/support/alloc_fail.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void test_it_stands_first(void **state)
{
    static const struct {
        enum origin_kind from;
        const char *text, *want;
    } rows[] = {
        {ORIGIN_CLOUD, "{\"id\":1,\"method\":\"m\"}", "{\"_origin\":\"cloud\",\"id\":1,\"method\":\"m\"}"},
        {ORIGIN_LAN, "{ \"method\":\"m\" }", "{\"_origin\":\"lan\", \"method\":\"m\" }"},
        {ORIGIN_BLE, "{\"method\":\"m\",\"params\":{\"_origin\":\"x\"}}",
         "{\"_origin\":\"ble\",\"method\":\"m\",\"params\":{\"_origin\":\"x\"}}"},
        {ORIGIN_LOCAL, "{\"method\":\"m\"}", "{\"_origin\":\"local\",\"method\":\"m\"}"},
        {ORIGIN_CLIENT, "{\"method\":\"m\"}", "{\"_origin\":\"client\",\"method\":\"m\"}"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct origin_told told;
        struct ag_span method;
        char tmp[8];

        assert_int_equal(tell_origin(&told, span(rows[i].text), rows[i].from), 0);
        assert_int_equal(told.text.len, strlen(rows[i].want));
        assert_memory_equal(told.text.p, rows[i].want, told.text.len);
        assert_true(ag_view_str(&told.view, told.text.p, AG_M_METHOD, tmp, sizeof tmp, &method));
        assert_memory_equal(method.p, "m", 1);
        origin_told_deinit(&told);
    }
}

static void test_nobody_says_it_himself(void **state)
{
    static const char *const texts[] = {
        "{\"_origin\":\"lan\",\"method\":\"m\"}",
        "{\"method\":\"m\",\"_origin\":5}",
        "{\"method\":\"m\",\"params\":[],\"\\u005forigin\":null}",
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(texts); i++) {
        struct origin_told told;

        assert_int_equal(tell_origin(&told, span(texts[i]), ORIGIN_CLOUD), TELL_ORIGIN_E_SAID);
    }
}

static void test_out_of_memory(void **state)
{
    struct origin_told told;

    (void) state;
    alloc_fail_at(1);
    assert_int_equal(tell_origin(&told, span("{\"method\":\"m\"}"), ORIGIN_LAN), -ENOMEM);
    alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_stands_first),
        cmocka_unit_test(test_nobody_says_it_himself),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
