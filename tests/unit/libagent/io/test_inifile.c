/* SPDX-License-Identifier: MIT */
/* ini files. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "libagent/io/file.h"
#include "libagent/io/inifile.h"
#include "tests/unit/libagent/io/work_dir.h"

static int on_item(void *user, const struct ag_ini_item *item, char *reason, size_t n)
{
    if (strcmp(item->name, "bad") == 0)
        return -1;
    if (strcmp(item->name, "worse") == 0) {
        snprintf(reason, n, "%s is no number", item->value);
        return 1;
    }
    assert_int_equal(ag_buf_printf(user, "%d:%s.%s=%s;", item->line, item->section, item->name, item->value), 0);
    return 0;
}

#define Y20  "yyyyyyyyyyyyyyyyyyyy"
#define Y180 Y20 Y20 Y20 Y20 Y20 Y20 Y20 Y20 Y20

static const struct {
    const char *in, *items, *error; /* error NULL: good */
} inis[] = {
    {"", "", NULL},
    {"a=1", "1:.a=1;", NULL},
    {"a = 1 \r\n\n# c\n; c\n[s]\nb: x y\nc=\n", "1:.a=1;6:s.b=x y;7:s.c=;", NULL},
    {"a=1 ; rest\nb=1;2\nc=#1\n", "1:.a=1;2:.b=1;2;3:.c=#1;", NULL},
    {"\xef\xbb\xbf"
     "a=1\n",
     "1:.a=1;", NULL},
    {"[s] ; comment\na=b=c\n", "2:s.a=b=c;", NULL},
    {"  # indented comment\n   \na=1\n", "3:.a=1;", NULL},
    {"a=" Y180 "yyyyyyyyyyyyyyyyy\n", "1:.a=" Y180 "yyyyyyyyyyyyyyyyy;", NULL},
    {"a=" Y180 "yyyyyyyyyyyyyyyyyy\n", "", "f:1: line longer than 199 bytes"},
    {"a=1\nb=" Y180 Y180 "\nc=2\n", "1:.a=1;", "f:2: line longer than 199 bytes"},
    {"a=1\nrubbish\nb=2\n", "1:.a=1;", "f:2: neither NAME = VALUE nor [SECTION]"},
    {"a=1\n more\n", "1:.a=1;", "f:2: indented line (values cannot go on in a second line)"},
    {"[s\na=1\n", "", "f:1: section without ']'"},
    {"[s] x\na=1\n", "", "f:1: text behind a section's ']'"},
    {"[" Y20 Y20 Y20 "]\n", "", "f:1: section name longer than 49 bytes"},
    {"=1\n", "", "f:1: a line without a name"},
    {"a=1\nbad=2\nc=3\n", "1:.a=1;", "f:2: unknown name 'bad'"},
    {"worse=x\n", "", "f:1: x is no number"},
};

static void ini_texts(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(inis); i++) {
        struct ag_buf items = AG_BUF_INIT;
        char error[AG_INI_ERROR_MAX] = "";
        int r = ag_ini_parse_text("f", (struct ag_span){inis[i].in, strlen(inis[i].in)}, on_item, &items, error);

        if (r != (inis[i].error ? -EINVAL : 0) || strcmp(error, inis[i].error ? inis[i].error : "") != 0)
            fail_msg("%s: %d %s", inis[i].in, r, error);
        if (strcmp(ag_buf_cstr(&items), inis[i].items) != 0)
            fail_msg("%s: %s", inis[i].in, ag_buf_cstr(&items));
        ag_buf_deinit(&items);
    }
}

static void ini_nul_and_files(void **state)
{
    struct ag_buf items = AG_BUF_INIT;
    char error[AG_INI_ERROR_MAX];

    (void) state;
    assert_int_equal(ag_ini_parse_text("f", (struct ag_span){"a=1\0\n", 5}, on_item, &items, error), -EINVAL);
    assert_string_equal(error, "f:1: NUL byte");
    assert_int_equal(ag_ini_parse_file("no.ini", on_item, &items, error), -ENOENT);
    assert_string_equal(error, "no.ini: No such file or directory");
    assert_int_equal(ag_file_write_atomic("x.ini", "[s]\na=1\n", 8, 0600), 0);
    assert_int_equal(ag_ini_parse_file("x.ini", on_item, &items, error), 0);
    assert_string_equal(ag_buf_cstr(&items), "2:s.a=1;");
    assert_int_equal(ag_file_remove("x.ini"), 0);
    ag_buf_deinit(&items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ini_texts),
        cmocka_unit_test_setup_teardown(ini_nul_and_files, make_dir, drop_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
