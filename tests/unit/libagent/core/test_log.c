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

/* What has been logged since the last call, without time and level. */
static const char *logged(void)
{
    static FILE *log;
    static char line[1200];
    const char *text;

    if (!log) {
        char path[] = "/tmp/miio_log_XXXXXX";
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        assert_int_equal(ag_log_open(path), 0);
        log = fdopen(fd, "r");
        assert_non_null(log);
        unlink(path);
    }
    clearerr(log);
    if (!fgets(line, sizeof line, log))
        return "";
    line[strcspn(line, "\n")] = '\0';
    text = strstr(line, "] [");
    assert_non_null(text);
    return strchr(text + 3, ']') + 2;
}

static void gate_holds_back_and_tells(void **state)
{
    static const struct {
        uint64_t at;
        enum ag_log_level level;
        const char *line; /* "": none */
    } steps[] = {
        {1000, AG_LOG_INFO, "no 0"},  {1000, AG_LOG_DEBUG, ""}, /* off, and takes nobody's place */
        {1000, AG_LOG_INFO, "no 2"},  {1001, AG_LOG_ERROR, ""},
        {1999, AG_LOG_INFO, ""},      {2000, AG_LOG_INFO, "no 5 (2 lines left out before this one)"},
        {2000, AG_LOG_INFO, "no 6"},  {2500, AG_LOG_INFO, ""},
        {2500, AG_LOG_DEBUG, ""},     {9000, AG_LOG_INFO, "no 9 (1 line left out before this one)"},
        {9999, AG_LOG_INFO, "no 10"}, {10000, AG_LOG_INFO, "no 11"},
    };
    struct ag_log_gate g = {.burst = 2, .period_ms = 1000};

    (void) state;
    logged();
    for (size_t i = 0; i < ag_array_size(steps); i++) {
        bool written = ag_log_gated(&g, steps[i].at, steps[i].level, "no %zu", i);

        assert_string_equal(logged(), steps[i].line);
        assert_int_equal(written, steps[i].line[0] != '\0');
    }
}

static void gate_at_time_zero(void **state)
{
    struct ag_log_gate g = {.burst = 1, .period_ms = 10};

    (void) state;
    logged();
    assert_true(ag_log_gated(&g, 0, AG_LOG_INFO, "a"));
    assert_false(ag_log_gated(&g, 9, AG_LOG_INFO, "b"));
    assert_true(ag_log_gated(&g, 10, AG_LOG_INFO, "c"));
    assert_string_equal(logged(), "a");
    assert_string_equal(logged(), "c (1 line left out before this one)");
}

/* A long line is cut so that the number still stands behind it. */
static void gate_tells_behind_a_long_line(void **state)
{
    struct ag_log_gate g = {.burst = 1, .period_ms = 10};
    char text[2000];

    (void) state;
    logged();
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_true(ag_log_gated(&g, 0, AG_LOG_INFO, "a"));
    assert_false(ag_log_gated(&g, 0, AG_LOG_INFO, "%s", text));
    assert_true(ag_log_gated(&g, 10, AG_LOG_INFO, "%s", text));
    assert_string_equal(logged(), "a");
    assert_string_equal(strchr(logged(), ' '), " (1 line left out before this one)");
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
        cmocka_unit_test(gate_holds_back_and_tells),     cmocka_unit_test(gate_at_time_zero),
        cmocka_unit_test(gate_tells_behind_a_long_line), cmocka_unit_test(levels),
        cmocka_unit_test(lines_go_to_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
