/* SPDX-License-Identifier: MIT */
/* Child programs: how they end is told once, and each way to be rid of them. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "libagent/core/util.h"
#include "libagent/io/child.h"

struct seen {
    int n, status;
    char said[64];
};

static void on_done(void *user, int status, struct ag_buf *output)
{
    struct seen *s = user;

    s->n++;
    s->status = status;
    if (output && ag_buf_size(output) > 0 && ag_buf_size(output) < sizeof s->said)
        memcpy(s->said, ag_buf_head(output), ag_buf_size(output));
}

static struct seen run(const char *script, struct ag_child_options o)
{
    const char *args[] = {"/bin/sh", "-c", script, NULL};
    struct seen s = {0};
    struct ag_child *c;
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    o.args = args;
    o.done = on_done;
    o.user = &s;
    assert_int_equal(ag_child_run(&c, &loop, &o), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0); /* nothing of it is left */
    return s;
}

static void how_it_ended_is_told_once(void **state)
{
    static const char *const env[] = {"WORD=hello", "PATH=/usr/bin:/bin", NULL};
    static const struct {
        const char *script;
        struct ag_child_options o;
        int status;
        const char *said;
    } rows[] = {
        {"exit 0", {0}, 0, ""},
        {"exit 3", {0}, 3, ""},
        {"kill -KILL $$", {0}, 128 + SIGKILL, ""},
        {"cat", {.output_max = 60}, 0, ""}, /* its input is empty */
        {"echo one; echo two", {.output_max = 60}, 0, "one\ntwo\n"},
        {"echo $WORD", {.env = env, .output_max = 60}, 0, "hello\n"},
        {"exec sleep 100", {.timeout_ms = 10}, -ETIMEDOUT, ""},
        {"sleep 100 & wait", {.timeout_ms = 10, .output_max = 60}, -ETIMEDOUT, ""}, /* its children go with it */
        {"trap '' TERM; while :; do sleep 100; done", {.timeout_ms = 10, .gently = true}, -ETIMEDOUT, ""},
        {"exec cat /dev/zero", {.output_max = 60}, -E2BIG, NULL},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct seen s = run(rows[i].script, rows[i].o);

        if (s.n != 1 || s.status != rows[i].status || (rows[i].said && strcmp(s.said, rows[i].said) != 0))
            fail_msg("%s: %d times, status %d, said \"%s\"", rows[i].script, s.n, s.status, s.said);
    }
}

/* As libmosquitto opens its sockets. */
static void it_has_no_descriptor_of_a_library(void **state)
{
    char script[64];
    int fd = open("/dev/null", O_RDONLY);

    (void) state;
    assert_true(fd > 2);
    snprintf(script, sizeof script, "test ! -e /proc/self/fd/%d", fd);
    assert_int_equal(run(script, (struct ag_child_options){0}).status, 0);
    assert_int_equal(close(fd), 0); /* here it was open all the time */
}

static void what_is_not_there_is_refused_at_once(void **state)
{
    const char *args[] = {"/nonexistent/program", NULL};
    struct seen s = {0};
    struct ag_child *c;
    uv_loop_t loop;

    (void) state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(ag_child_run(&c, &loop, &(struct ag_child_options){.args = args, .done = on_done, .user = &s}), -ENOENT);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(s.n, 0);
}

static void who_is_cancelled_or_let_go_tells_nothing(void **state)
{
    char dir[] = "/tmp/child-XXXXXX", fifo[64];
    const char *args[] = {"/bin/sh", "-c", "exec sleep 100", NULL};
    const char *says_who[] = {"/bin/sh", "-c", "echo $$ >\"$0\"; exec sleep 100", fifo, NULL};
    struct seen s = {0};
    struct ag_child *c;
    uv_loop_t loop;
    int pid = 0;
    FILE *f;

    (void) state;
    ag_child_cancel(NULL);
    ag_child_let_go(NULL);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(ag_child_run(&c, &loop, &(struct ag_child_options){.args = args, .done = on_done, .user = &s}), 0);
    ag_child_cancel(c);
    uv_run(&loop, UV_RUN_DEFAULT); /* ends only when the child has */
    assert_non_null(mkdtemp(dir));
    snprintf(fifo, sizeof fifo, "%s/pid", dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(ag_child_run(&c, &loop, &(struct ag_child_options){.args = says_who, .done = on_done, .user = &s}), 0);
    ag_child_let_go(c);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(s.n, 0);
    f = fopen(fifo, "r"); /* it goes on */
    assert_true(f && fscanf(f, "%d", &pid) == 1 && pid > 1);
    fclose(f);
    assert_int_equal(kill(-pid, SIGKILL), 0);
    unlink(fifo);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_it_ended_is_told_once), cmocka_unit_test(it_has_no_descriptor_of_a_library),
        cmocka_unit_test(what_is_not_there_is_refused_at_once), cmocka_unit_test(who_is_cancelled_or_let_go_tells_nothing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
