/* SPDX-License-Identifier: MIT */
/* The store: what it has told as stored is there at the next start. */
#include "tests/unit/client/report/spool_rig.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "client/report/core/spool_form.h"
#include "libagent/core/log/log.h"

static void what_is_stored_is_found(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct stat st;
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    assert_int_equal(spool_ready(r.s), 0);
    assert_false(rig_has_file(&r, "")); /* no file before there is something to keep */
    for (uint64_t seq = 1; seq <= 50; seq++)
        rig_put(&r, seq);
    assert_int_equal(rig_wait_for(&r, 50), 0);
    assert_int_equal(r.n_stored, 50);
    assert_int_equal(stat(r.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(spool_read(r.s, 7, &text), 0);
    assert_true(ag_span_is(ag_buf_span(&text), "{\"id\":7}", 8));
    for (uint64_t seq = 1; seq <= 50; seq += 2)
        assert_int_equal(spool_remove(r.s, seq), 0);
    assert_int_equal(spool_remove(r.s, 999), 0);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 25);
    assert_true(r.found[2] && !r.found[1]);
    assert_int_equal(spool_read(r.s, 7, &text), -ENOENT);
    assert_int_equal(rig_keep(&r, 51), 0);
    rig_close(&r);
    assert_false(rig_has_file(&r, ".bad"));
    rig_end(&r);
}

/* Removed before it was on the disk: it is told so, and does not come again. */
static void removed_on_its_way(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    rig_put(&r, 1);
    rig_put(&r, 2);
    spool_remove(r.s, 1);
    assert_int_equal(rig_wait_for(&r, 2), 0);
    assert_int_equal(r.stored[1], -ECANCELED);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 1);
    rig_close(&r);
    rig_end(&r);
}

/* Each of the set has done with a record in its own time, while it is on its way too; the next start knows who has not. */
static void each_reader_takes_its_part(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    for (uint64_t seq = 1; seq <= 5; seq++)
        rig_put_for(&r, seq, 7);
    spool_release(r.s, 4, 1); /* not on the disk yet */
    spool_release(r.s, 5, 1);
    spool_release(r.s, 5, 6);
    assert_int_equal(rig_wait_for(&r, 5), -ECANCELED);
    assert_int_equal(r.stored[4], 0);
    spool_release(r.s, 1, 1);
    spool_release(r.s, 2, 3);
    spool_release(r.s, 3, 1);
    assert_int_equal(rig_keep(&r, 6), 0);
    spool_release(r.s, 3, 4);
    spool_release(r.s, 3, 4); /* twice is once */
    spool_release(r.s, 3, 2);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 4);
    assert_true(r.needs[1] == 6 && r.needs[2] == 4 && r.needs[4] == 6 && r.needs[6] == 1);
    assert_int_equal(spool_hand_over(r.s, 6, 1, 8), 0);
    assert_int_equal(spool_hand_over(r.s, 1, 1, 8), 0); /* it has no such bit */
    rig_close(&r);
    rig_open(&r);
    assert_true(r.needs[1] == 6 && r.needs[6] == 8);
    for (uint64_t seq = 100; seq < 1900; seq++)
        rig_put_for(&r, seq, 3);
    assert_int_equal(rig_wait_for(&r, 1899), 0);
    for (uint64_t seq = 100; seq < 1890; seq++)
        spool_release(r.s, seq, seq < 1800 ? 3 : 1);
    assert_int_equal(rig_keep(&r, 1900), 0);
    assert_int_equal(rig_keep(&r, 1901), 0); /* the file has been rewritten */
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 4 + 100 + 2);
    assert_true(r.needs[1800] == 2 && r.needs[1889] == 2 && r.needs[1890] == 3 && r.needs[1] == 6);
    rig_close(&r);
    rig_end(&r);
}

static void a_file_does_not_grow_for_ever(void **state)
{
    struct stat st;
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    for (uint64_t round = 0; round < 40; round++) {
        for (uint64_t seq = 1; seq <= 200; seq++)
            rig_put(&r, seq);
        assert_int_equal(rig_wait_for(&r, 200), 0);
        for (uint64_t seq = 1; seq < 200; seq++)
            spool_remove(r.s, seq);
        rig_put(&r, 300);
        assert_int_equal(rig_wait_for(&r, 300), 0);
        spool_remove(r.s, 200);
        spool_remove(r.s, 300);
        while (!spool_is_idle(r.s))
            uv_run(&r.loop, UV_RUN_ONCE);
    }
    assert_int_equal(stat(r.path, &st), 0);
    assert_in_range(st.st_size, SPOOL_HEADS, 400 << 10);
    for (uint64_t seq = 1; seq <= 5; seq++)
        rig_put(&r, seq);
    assert_int_equal(rig_wait_for(&r, 5), 0);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 5);
    rig_close(&r);
    rig_end(&r);
}

static void one_process_a_folder(void **state)
{
    struct rig r, other;
    int fd;

    (void) state;
    rig_make(&r);
    fd = open(r.dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    rig_open(&r);
    assert_int_equal(spool_ready(r.s), -EBUSY);
    rig_close(&r);
    close(fd);
    rig_open(&r);
    assert_int_equal(spool_ready(r.s), 0);
    assert_int_equal(rig_keep(&r, 1), 0);
    other = r;
    assert_int_equal(uv_loop_init(&other.loop), 0);
    rig_open(&other);
    assert_int_equal(spool_ready(other.s), -EBUSY);
    assert_int_equal(other.n_found, 0);
    rig_close(&other);
    uv_run(&other.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&other.loop), 0);
    rig_close(&r);
    rig_end(&r);
}

static void no_folder_at_all(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    strcat(r.path, "/no/such/place");
    rig_open(&r);
    assert_true(spool_ready(r.s) < 0);
    rig_close(&r);
    rig_end(&r);
}

/* A reset: nothing is left, nothing of it comes back, whatever was under way. */
static void wiped(void **state)
{
    bool was_told;
    struct rig r;

    (void) state;
    for (int how = 0; how < 3; how++) {
        rig_make(&r);
        rig_run("echo > %s.bad; echo > %s.bad2; echo > %s.tmp", r.path, r.path, r.path);
        rig_open(&r);
        assert_int_equal(rig_keep(&r, 1), 0);
        rig_put(&r, 2);
        if (how == 1) { /* the worker has it, or had */
            while (uv_backend_timeout(&r.loop) > 0)
                uv_run(&r.loop, UV_RUN_NOWAIT);
            uv_run(&r.loop, UV_RUN_NOWAIT);
        }
        if (how == 2)
            assert_int_equal(rig_wait_for(&r, 2), 0);
        was_told = r.stored[2] == 0;
        assert_int_equal(spool_wipe(r.s), 0);
        rig_run("test -z \"$(ls -A %s)\"", r.dir);
        assert_int_equal(rig_wait_for(&r, 2), was_told ? 0 : -ECANCELED);
        assert_int_equal(rig_keep(&r, 3), 0);
        rig_close(&r);
        rig_open(&r);
        assert_int_equal(r.n_found, 1);
        assert_true(r.found[3]);
        rig_close(&r);
        rig_end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored_is_found),
        cmocka_unit_test(removed_on_its_way),
        cmocka_unit_test(each_reader_takes_its_part),
        cmocka_unit_test(a_file_does_not_grow_for_ever),
        cmocka_unit_test(one_process_a_folder),
        cmocka_unit_test(no_folder_at_all),
        cmocka_unit_test(wiped),
    };

    ag_log_open("/dev/null");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
