/* SPDX-License-Identifier: MIT */
/* client/setup/io/hook: in which folder a program of the platform is found. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client/setup/io/hook.h"

enum { ROOM = 64 };

static char base[] = "/tmp/hook_find.XXXXXX";

static int make_base(void **state)
{
    (void) state;
    return mkdtemp(base) && chdir(base) == 0 && mkdir("data", 0700) == 0 && mkdir("share", 0700) == 0 ? 0 : -1;
}

static int drop_base(void **state)
{
    char command[ROOM];

    (void) state;
    snprintf(command, sizeof command, "rm -rf %s", base);
    return system(command);
}

static void make(const char *path, mode_t mode)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void the_data_directory_comes_first(void **state)
{
    const char *dirs[] = {"data/", "share", NULL};
    char path[ROOM];

    (void) state;
    errno = 0;
    assert_false(hook_find(path, sizeof path, dirs, "x.sh"));
    assert_int_equal(errno, ENOENT);
    assert_string_equal(path, "data/x.sh");
    make("share/x.sh", 0755);
    assert_true(hook_find(path, sizeof path, dirs, "x.sh"));
    assert_string_equal(path, "share/x.sh");
    make("data/x.sh", 0755);
    assert_true(hook_find(path, sizeof path, dirs, "x.sh"));
    assert_string_equal(path, "data/x.sh");
}

static void one_folder_is_the_only_one(void **state)
{
    const char *dirs[] = {"data", NULL};
    char path[ROOM];

    (void) state;
    make("share/y.sh", 0755);
    assert_false(hook_find(path, sizeof path, dirs, "y.sh"));
    assert_string_equal(path, "data/y.sh");
}

static void a_path_that_does_not_fit_is_no_other_program(void **state)
{
    const char *dirs[] = {"data", "share", NULL};
    char path[sizeof "share/y.sh" - 1];

    (void) state;
    make("share/y.s", 0755);
    errno = 0;
    assert_false(hook_find(path, sizeof path, dirs, "y.sh"));
    assert_int_equal(errno, ENOENT);
    assert_false(hook_find(path, 4, dirs, "y.sh"));
    assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_data_directory_comes_first),
        cmocka_unit_test(one_folder_is_the_only_one),
        cmocka_unit_test(a_path_that_does_not_fit_is_no_other_program),
    };

    return cmocka_run_group_tests(tests, make_base, drop_base);
}
