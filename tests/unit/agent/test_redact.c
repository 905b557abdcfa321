/* SPDX-License-Identifier: MIT */
/* What a support archive shows of a configuration, and what is taken out of everything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "agent/ctl/core/redact.h"
#include "agent/ctl/core/tar.h"
#include "tests/support/alloc_fail.h"

static const struct {
    const char *name, *conf, *shown, *text, *clean;
} rows[] = {
    {"a harmless value is shown", "did=12345678\n", "did=12345678\n", "did 12345678", "did 12345678"},
    {"a secret is not, and is gone elsewhere", "key=Qw3rTy7UiOp9AsDf\n", "key=***\n", "the key Qw3rTy7UiOp9AsDf.",
     "the key ***."},
    {"nor is a setting that nobody knows", "my_password = \"hunter22\"\n", "my_password=***\n", "xhunter22", "x***"},
    {"a short value is any word", "key=on\n", "key=***\n", "on and on", "on and on"},
    {"comments hold yesterday's settings", "# key=Qw3rTy7UiOp9AsDf\n;x\n[s]\n", "***\n***\n[***]\n", "", ""},
    {"a line without a name", "hunter22\n", "***\n", "", ""},
    {"the longest of two", "a=secret1\nb=secret123\n", "a=***\nb=***\n", "secret123 secret1", "*** ***"},
    {"no line end, white space, CR", "key = abcdefgh \r\nx=ijklmnop", "key=***\nx=***\n", "abcdefghijklmnop", "******"},
    {"nothing", "", "", "", ""},
    {"an empty value", "key=\n=\n", "key=***\n=***\n", "x", "x"},
};

static void run_row(size_t i)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf shown = AG_BUF_INIT, clean = AG_BUF_INIT;
    ag_cleanup(secrets_deinit) struct secrets s = {.n = 0};

    if (redact_conf(&shown, (struct ag_span){rows[i].conf, strlen(rows[i].conf)}, &s) < 0 ||
        redact_text(&clean, (struct ag_span){rows[i].text, strlen(rows[i].text)}, &s) < 0)
        return; /* short of memory, which the sweep is about */
    assert_int_equal(ag_buf_size(&shown), strlen(rows[i].shown));
    assert_memory_equal(ag_buf_span(&shown).p, rows[i].shown, strlen(rows[i].shown));
    assert_int_equal(ag_buf_size(&clean), strlen(rows[i].clean));
    assert_memory_equal(ag_buf_span(&clean).p, rows[i].clean, strlen(rows[i].clean));
}

static void test_rows(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        run_row(i);
}

static void test_files(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf clean = AG_BUF_INIT;
    ag_cleanup(secrets_deinit) struct secrets s = {.n = 0};

    (void) state;
    assert_int_equal(secrets_add_file(&s, AG_SPAN("a1B2c3D4e5F6g7H8\nssid=\"home-net\"\npsk='wlan-password'\n")), 0);
    assert_int_equal(redact_text(&clean, AG_SPAN("a1B2c3D4e5F6g7H8,home-net,wlan-password"), &s), 0);
    assert_string_equal(ag_buf_cstr(&clean), "***,***,***");
}

static void test_archive_form(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf tar = AG_BUF_INIT;
    char long_name[102];

    (void) state;
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[101] = '\0';
    assert_int_equal(tar_put(&tar, "", AG_SPAN("x"), 0), -22);
    assert_int_equal(tar_put(&tar, "/etc/x", AG_SPAN("x"), 0), -22);
    assert_int_equal(tar_put(&tar, long_name, AG_SPAN("x"), 0), -22);
    assert_int_equal(ag_buf_size(&tar), 0);
    assert_int_equal(tar_put(&tar, "a", AG_SPAN("hello"), 1800000000), 0);
    assert_int_equal(tar_put(&tar, "empty", AG_SPAN(""), 0), 0);
    assert_int_equal(tar_end(&tar), 0);
    assert_int_equal(ag_buf_size(&tar), 512 + 512 + 512 + 1024);
    assert_memory_equal(ag_buf_head(&tar) + 257,
                        "ustar\0"
                        "00",
                        8);
    assert_string_equal(ag_buf_head(&tar) + 124, "00000000005");
    assert_memory_equal(ag_buf_head(&tar) + 512, "hello\0", 6);
}

static void sweep(void *user)
{
    (void) user;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        run_row(i);
}

static void test_alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_files),
                                       cmocka_unit_test(test_archive_form), cmocka_unit_test(test_alloc_fail)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
