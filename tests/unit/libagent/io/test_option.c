/* SPDX-License-Identifier: MIT */
/* Values of options: what is taken, and why not. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "libagent/core/util.h"
#include "libagent/io/option.h"

static void numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t least, most, value;
        const char *reason;
    } rows[] = {
        {"0", 0, 9, 0, NULL},
        {"9", 1, 9, 9, NULL},
        {"007", 1, 9, 7, NULL},
        {"18446744073709551615", 0, UINT64_MAX, UINT64_MAX, NULL},
        {"18446744073709551616", 0, UINT64_MAX, 0, "must be a number from 0 to 18446744073709551615"},
        {"0", 1, 9, 0, "must be a number from 1 to 9"},
        {"10", 1, 9, 0, "must be a number from 1 to 9"},
        {"", 0, 9, 0, "must be a number from 0 to 9"},
        {"-1", 0, UINT64_MAX, 0, "must be a number from 0 to 18446744073709551615"},
        {"+1", 0, 9, 0, "must be a number from 0 to 9"},
        {" 1", 0, 9, 0, "must be a number from 0 to 9"},
        {"1 ", 0, 9, 0, "must be a number from 0 to 9"},
        {"0x1", 0, 9, 0, "must be a number from 0 to 9"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        uint64_t v = 42;
        char reason[160] = "";
        int r = ag_option_number(rows[i].text, rows[i].least, rows[i].most, &v, reason, sizeof reason);

        assert_int_equal(r, rows[i].reason ? -EINVAL : 0);
        assert_true(v == (rows[i].reason ? 42 : rows[i].value));
        assert_string_equal(reason, rows[i].reason ? rows[i].reason : "");
    }
}

static void texts_and_flags(void **state)
{
    char text[4] = "old", reason[160] = "";
    bool flag = false;

    (void) state;
    assert_int_equal(ag_option_text("abc", text, sizeof text, reason, sizeof reason), 0);
    assert_string_equal(text, "abc");
    assert_int_equal(ag_option_text("abcd", text, sizeof text, reason, sizeof reason), -EINVAL);
    assert_string_equal(text, "abc");
    assert_string_equal(reason, "longer than 3 bytes");
    assert_int_equal(ag_option_flag("yes", &flag, reason, sizeof reason), 0);
    assert_true(flag);
    assert_int_equal(ag_option_flag("true", &flag, reason, sizeof reason), -EINVAL);
    assert_true(flag);
    assert_string_equal(reason, "must be yes or no");
}

static void paths_become_absolute(void **state)
{
    char path[256], here[200], reason[160];

    (void) state;
    assert_int_equal(chdir("/tmp"), 0);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(ag_option_path("a/b", path, sizeof path, reason, sizeof reason), 0);
    assert_memory_equal(path, here, strlen(here));
    assert_string_equal(path + strlen(here), "/a/b");
    assert_int_equal(ag_option_path("/x", path, sizeof path, reason, sizeof reason), 0);
    assert_string_equal(path, "/x");
    assert_int_equal(ag_option_path("a/b", path, 5, reason, sizeof reason), -EINVAL);
}

struct thing {
    uint32_t small;
    uint32_t beside;
    uint64_t large;
    bool flag;
    char word[4], path[32], program[8];
};

#define AT(member) AG_OPTION_FIELD(struct thing, member)

static int set_beside(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    (void) reason;
    (void) n;
    ((struct thing *) to)->beside = (uint32_t) (row->most + (uint64_t) *value);
    return 0;
}

static void rows_by_their_keys(void **state)
{
    static const struct ag_option rows[] = {
        {"small", "small_key", 0, AG_OPTION_NUMBER, AT(small), .least = 1, .most = UINT32_MAX},
        {"large", "large", 0, AG_OPTION_NUMBER, AT(large), .most = UINT64_MAX},
        {"line-only", NULL, 0, AG_OPTION_FLAG, AT(flag)},
        {NULL, "flag", 0, AG_OPTION_FLAG, AT(flag)},
        {NULL, "word", 0, AG_OPTION_TEXT, AT(word)},
        {NULL, "path", 0, AG_OPTION_PATH, AT(path)},
        {NULL, "program", 0, AG_OPTION_PROGRAM, AT(program)},
        {NULL, "own", .set = set_beside, .most = 1000},
    };
    static const struct {
        const char *key, *value, *reason; /* NULL: taken */
    } tries[] = {
        {"small_key", "4294967295", NULL},
        {"small_key", "4294967296", "must be a number from 1 to 4294967295"},
        {"small", "1", ""},
        {"large", "18446744073709551615", NULL},
        {"line-only", "yes", ""},
        {"flag", "yes", NULL},
        {"flag", "1", "must be yes or no"},
        {"word", "abc", NULL},
        {"word", "abcd", "longer than 3 bytes"},
        {"path", "/a", NULL},
        {"program", "ls", NULL},
        {"program", "/bin/echo", "longer than 7 bytes"},
    };
    struct thing t = {.beside = 7};
    char reason[160];

    (void) state;
    for (size_t i = 0; i < ag_array_size(tries); i++) {
        reason[0] = '\0';
        assert_int_equal(ag_option_set_key(rows, ag_array_size(rows), &t, tries[i].key, tries[i].value, reason, sizeof reason),
                         tries[i].reason ? -EINVAL : 0);
        assert_string_equal(reason, tries[i].reason ? tries[i].reason : "");
    }
    assert_true(t.small == UINT32_MAX && t.beside == 7 && t.large == UINT64_MAX && t.flag);
    assert_string_equal(t.word, "abc");
    assert_string_equal(t.path, "/a");
    assert_string_equal(t.program, "ls");
    assert_int_equal(ag_option_set_key(rows, ag_array_size(rows), &t, "own", "A", reason, sizeof reason), 0);
    assert_int_equal(t.beside, 1000 + 'A');
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(texts_and_flags),
                                       cmocka_unit_test(paths_become_absolute), cmocka_unit_test(rows_by_their_keys)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
