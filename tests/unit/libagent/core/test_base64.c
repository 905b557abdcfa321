/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include "libagent/core/text/base64.h"

/* RFC 4648, section 10 */
static const struct {
    const char *plain, *encoded;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "+//+"},
};

static void known_texts_go_both_ways(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(vectors); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf e = AG_BUF_INIT, d = AG_BUF_INIT;

        assert_int_equal(ag_base64_encode(&e, vectors[i].plain, strlen(vectors[i].plain)), 0);
        assert_string_equal(ag_buf_cstr(&e), vectors[i].encoded);
        assert_int_equal(ag_base64_decode(&d, ag_buf_span(&e)), 0);
        assert_string_equal(ag_buf_cstr(&d), vectors[i].plain);
    }
}

static void sloppy_forms_are_refused(void **state)
{
    static const char *const bad[] = {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "====", "Zg==Zg==", "Zm 9", "Zm-_", "=m9v"};

    (void) state;
    for (size_t i = 0; i < ag_array_size(bad); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf d = AG_BUF_INIT;

        assert_int_equal(ag_base64_decode(&d, (struct ag_span){bad[i], strlen(bad[i])}), -EINVAL);
        assert_int_equal(ag_buf_size(&d), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_go_both_ways),
        cmocka_unit_test(sloppy_forms_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
