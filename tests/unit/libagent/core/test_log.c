/* SPDX-License-Identifier: MIT */
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
#include <unistd.h>
#include "libagent/core/log/log.h"

static void gate_holds_back_and_tells(void **state)
{
    static const struct {
        uint64_t at;
        bool passes;
        unsigned held;
    } steps[] = {{1000, true, 0}, {1000, true, 0},  {1001, false, 0}, {1999, false, 0}, {2000, true, 2},
                 {2000, true, 0}, {2500, false, 0}, {9000, true, 1},  {9999, true, 0},  {10000, true, 0}};
    struct ag_log_gate g = {.burst = 2, .period_ms = 1000};

    (void) state;
    for (size_t i = 0; i < ag_array_size(steps); i++) {
        unsigned held = 0;

        if (ag_log_gate_pass(&g, steps[i].at, &held) != steps[i].passes || held != steps[i].held)
            fail_msg("step %zu: held %u", i, held);
    }
}

static void gate_at_time_zero(void **state)
{
    struct ag_log_gate g = {.burst = 1, .period_ms = 10};
    unsigned held;

    (void) state;
    assert_true(ag_log_gate_pass(&g, 0, &held));
    assert_false(ag_log_gate_pass(&g, 9, &held));
    assert_true(ag_log_gate_pass(&g, 10, &held));
    assert_int_equal(held, 1);
}

static void levels(void **state)
{
    (void) state;
    ag_log_set_level(-5);
    assert_true(ag_log_enabled(AG_LOG_ERROR));
    assert_false(ag_log_enabled(AG_LOG_WARNING));
    ag_log_set_level(99);
    assert_true(ag_log_enabled(AG_LOG_VERBOSE));
    ag_log_set_level(AG_LOG_INFO);
    assert_true(ag_log_enabled(AG_LOG_INFO));
    assert_false(ag_log_enabled(AG_LOG_DEBUG));
}

static void lines_go_to_the_file(void **state)
{
    char dir[] = "/tmp/miio_log_XXXXXX", path[64], moved[64], line[128];
    FILE *f;

    (void) state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/log", dir);
    snprintf(moved, sizeof moved, "%s/log.1", dir);
    assert_int_equal(ag_log_open("/no/such/dir/log"), -ENOENT);
    assert_int_equal(ag_log_open(path), 0);
    ag_log(AG_LOG_WARNING, "peer %d dropped", 7);
    ag_log(AG_LOG_DEBUG, "not this one");
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(ag_log_reopen(), 0);
    ag_log(AG_LOG_ERROR, "behind the rotation");
    ag_log(AG_LOG_INFO, "net \"%s\"", "h\n[ERROR] \x1b[2J\x7f\t\xe7\xbd\x91\xce\xd2");
    assert_int_equal(ag_log_open(NULL), 0);
    f = fopen(moved, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    assert_string_equal(strchr(line, ']'), "] [WARNING] peer 7 dropped\n");
    assert_null(fgets(line, sizeof line, f));
    fclose(f);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    assert_non_null(strstr(line, "[ERROR] behind the rotation\n"));
    assert_non_null(fgets(line, sizeof line, f));
    assert_string_equal(strchr(line, ']'), "] [INFO] net \"h?[ERROR] ?[2J??\xe7\xbd\x91??\"\n");
    fclose(f);
    assert_int_equal(unlink(path) | unlink(moved) | rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gate_holds_back_and_tells),
        cmocka_unit_test(gate_at_time_zero),
        cmocka_unit_test(levels),
        cmocka_unit_test(lines_go_to_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
