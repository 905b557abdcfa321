/* SPDX-License-Identifier: MIT */
/* The store on a disk that fails: what was told as stored is there, whatever fails in between. */
#include "tests/unit/client/report/spool_rig.h"

#include "libagent/core/log/log.h"
#include "tests/support/alloc_fail.h"

/* A disk that fails at each place in turn: what was told as stored is there, the rest was told, and it goes on after. */
static void a_disk_that_fails_anywhere(void **state)
{
    static const struct {
        enum fault kind;
        int error;
    } kinds[] = {{FAULT_WRITE, ENOSPC}, {FAULT_WRITE, EIO}, {FAULT_SHORT, ENOSPC}, {FAULT_SYNC, EIO}};
    unsigned n_rows = 0;

    (void) state;
    for (size_t k = 0; k < ag_array_size(kinds) * 2; k++) {
        for (unsigned skip = 0;; skip++) {
            bool gone[16] = {false}, was_hit;
            struct rig r;

            rig_make(&r);
            rig_open(&r);
            disk.kind = kinds[k / 2].kind;
            disk.error = kinds[k / 2].error;
            disk.skip = skip;
            disk.times = k % 2 ? 1000 : 1; /* once, or until the disk is changed */
            disk.n_hit = 0;
            for (uint64_t seq = 1; seq <= 3; seq++)
                rig_put(&r, seq);
            rig_wait_for(&r, 3);
            spool_remove(r.s, 1);
            spool_remove(r.s, 2);
            rig_keep(&r, 4);
            rig_keep(&r, 5);
            was_hit = disk.n_hit > 0;
            disk.kind = FAULT_NONE;
            assert_int_equal(rig_keep(&r, 6), 0); /* takes the failed removals with it */
            gone[1] = gone[2] = true;
            rig_close(&r);
            rig_open(&r);
            for (uint64_t seq = 1; seq <= 6; seq++)
                assert_int_equal(r.found[seq], r.stored[seq] == 0 && !gone[seq]);
            assert_false(rig_has_file(&r, ".bad"));
            rig_close(&r);
            rig_end(&r);
            n_rows++;
            if (!was_hit)
                break;
        }
    }
    assert_in_range(n_rows, 40, 500);
}

static int try_put(struct rig *r, uint64_t seq)
{
    char text[32];
    int n = snprintf(text, sizeof text, "{\"id\":%u}", (unsigned) seq);
    struct spool_record rec = {.id = (uint32_t) seq, .at_s = 1, .text = {text, (size_t) n}};
    int result = spool_put(r->s, seq, 1, &rec);

    r->stored[seq] = result == 0 ? 1 : result;
    return result;
}

/* Each allocation fails in turn: what was told as stored is there at the next start, and nothing else. */
static void memory_that_is_short_anywhere(void **state)
{
    bool was_reached = true;
    unsigned long n;

    (void) state;
    for (n = 1; was_reached; n++) {
        struct rig r;

        rig_make(&r);
        rig_open(&r);
        alloc_fail_at(n);
        for (uint64_t seq = 1; seq <= 3; seq++)
            try_put(&r, seq);
        for (uint64_t seq = 1; seq <= 3; seq++)
            rig_wait_for(&r, seq);
        for (uint64_t seq = 1; seq <= 3; seq++)
            spool_remove(r.s, seq); /* the table of places is given back behind the last one */
        for (uint64_t seq = 4; seq <= 90; seq++)
            try_put(&r, seq);
        for (uint64_t seq = 4; seq <= 90; seq++)
            rig_wait_for(&r, seq);
        was_reached = alloc_fail_reached();
        alloc_fail_at(0);
        rig_close(&r);
        rig_open(&r);
        for (uint64_t seq = 4; seq <= 90; seq++)
            assert_int_equal(r.found[seq], r.stored[seq] == 0);
        rig_close(&r);
        rig_end(&r);
    }
    assert_in_range(n, 100, 2000);
}

/* The process ends at once while the disk fails: the next one still finds all that was told as stored. */
static void a_disk_that_fails_and_then_the_end(void **state)
{
    (void) state;
    for (unsigned skip = 0; skip < 14; skip++) {
        struct rig r, next;

        rig_make(&r);
        rig_make(&next);
        rig_open(&r);
        rig_keep(&r, 1);
        disk.kind = FAULT_SHORT;
        disk.error = ENOSPC;
        disk.skip = skip;
        disk.times = 1000;
        rig_keep(&r, 2);
        rig_keep(&r, 3);
        disk.kind = FAULT_NONE;
        if (access(r.path, F_OK) == 0)
            rig_copy(r.path, next.path);
        rig_open(&next);
        for (uint64_t seq = 1; seq <= 3; seq++)
            assert_true(r.stored[seq] != 0 || next.found[seq]);
        rig_close(&next);
        rig_end(&next);
        rig_close(&r);
        rig_end(&r);
    }
}

static void reading_fails(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    assert_int_equal(rig_keep(&r, 1), 0);
    disk.kind = FAULT_READ;
    disk.error = EIO;
    disk.skip = 0;
    disk.times = 1000;
    assert_int_equal(spool_read(r.s, 1, &text), -EIO);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(spool_ready(r.s), -EIO);
    rig_close(&r);
    disk.kind = FAULT_NONE;
    rig_open(&r); /* nothing was moved, nothing lost */
    assert_int_equal(r.n_found, 1);
    assert_false(rig_has_file(&r, ".bad"));
    rig_close(&r);
    rig_end(&r);
}

/* Each read of the start fails in turn, once or a few times: the file stays, nothing is kept meanwhile, and when the disk gives
   it the reports are told, each once and in order, whether somebody asks or not. */
static void reading_fails_at_the_start(void **state)
{
    static const char *const files[] = {NULL, FILE_OF_VERSION_1, OLD_FILE};

    (void) state;
    for (size_t f = 0; f < ag_array_size(files) - !rig_reads_old_file(); f++) {
        unsigned n_all = 0;
        bool was_hit = true, failed;

        for (unsigned skip = 0; was_hit; skip++) {
            struct spool_stats st;
            struct rig r;

            rig_make(&r);
            r.is_old = files[f];
            if (files[f]) {
                rig_copy(files[f], r.path);
            } else {
                rig_open(&r);
                for (uint64_t seq = 1; seq <= 5; seq++)
                    rig_put(&r, seq);
                assert_int_equal(rig_wait_for(&r, 5), 0);
                rig_close(&r);
            }
            disk.kind = FAULT_READ;
            disk.error = EIO;
            disk.skip = skip;
            disk.times = 2 + skip % 3; /* what cannot be read in one go is read by itself */
            disk.n_hit = 0;
            rig_open(&r);
            was_hit = disk.n_hit > 0;
            failed = spool_ready(r.s) == -EIO;
            assert_true(failed == was_hit || f == 1); /* one of version 1 can be used as it is */
            spool_get_stats(r.s, &st);
            assert_true(!was_hit || st.put_aside == 0 || f == 2);
            while (failed && (r.n_again == 0 || spool_ready(r.s) < 0))
                uv_run(&r.loop, UV_RUN_ONCE);
            disk.kind = FAULT_NONE;
            n_all = skip == 0 ? r.n_found : n_all;
            assert_true(r.n_found == n_all && n_all > 4);
            assert_int_equal(rig_keep(&r, 900), 0);
            rig_close(&r);
            assert_true(f == 2 || !rig_has_file(&r, ".bad"));
            rig_open(&r);
            assert_int_equal(r.n_found, n_all + 1);
            rig_close(&r);
            rig_end(&r);
        }
    }
}

/* A sector that never comes back: after half an hour it counts as damage, and the rest goes on. */
static void a_sector_that_stays_bad(void **state)
{
    struct spool_stats st;
    struct rig r;
    uint64_t began;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    for (uint64_t seq = 1; seq <= 200; seq++)
        rig_put(&r, seq);
    assert_int_equal(rig_wait_for(&r, 200), 0);
    rig_close(&r);
    bad_sector = 5000;
    rig_open(&r);
    began = uv_now(&r.loop);
    assert_int_equal(spool_ready(r.s), -EIO);
    while (spool_ready(r.s) < 0)
        uv_run(&r.loop, UV_RUN_ONCE);
    bad_sector = 0;
    assert_in_range(uv_now(&r.loop) - began, 1800000, 2400000);
    spool_get_stats(r.s, &st);
    assert_true(st.put_aside == 1 && r.n_found >= 80 && r.n_found < 200);
    assert_int_equal(rig_keep(&r, 201), 0);
    rig_close(&r);
    rig_end(&r);
}

/* What could not be taken out of a store that cannot be read yet waits for its time: the loop is not turned for it. */
static void nothing_is_tried_without_a_pause(void **state)
{
    struct rig r;
    uint64_t began;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    for (uint64_t seq = 1; seq <= 5; seq++)
        rig_put(&r, seq);
    assert_int_equal(rig_wait_for(&r, 5), 0);
    rig_close(&r);
    for (int skip = 0, step = 1; skip >= 0 && (step > 0 || r.n_found == 5); skip += step) {
        disk.kind = FAULT_READ;
        disk.error = EIO;
        disk.skip = (unsigned) skip;
        disk.times = 100000;
        rig_open(&r);
        step = r.n_found == 5 ? -1 : step; /* one less: it is looked through, and what is in it cannot be told */
        if (step > 0 || r.n_found == 5)
            rig_close(&r);
    }
    assert_int_equal(spool_ready(r.s), -EIO);
    disk.kind = FAULT_WRITE;
    disk.skip = 0;
    spool_remove(r.s, 1);
    rig_put(&r, 6); /* and what is due at once takes it with it */
    began = uv_now(&r.loop);
    for (int i = 0; i < 500 && uv_now(&r.loop) < began + 5000; i++)
        uv_run(&r.loop, UV_RUN_ONCE);
    assert_true(uv_now(&r.loop) >= began + 5000); /* the rig's clock runs on in pauses only */
    disk.kind = FAULT_NONE;
    rig_close(&r);
    rig_end(&r);
}

/* A rewriting that meets a read error keeps the large file: what is there is not given up for its room. */
static void reading_fails_while_it_is_rewritten(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    for (uint64_t seq = 1; seq <= 5; seq++)
        rig_put(&r, seq);
    assert_int_equal(rig_wait_for(&r, 5), 0);
    rig_run("rm %s", r.path); /* rewritten at the next put */
    disk.kind = FAULT_READ;
    disk.error = EIO;
    disk.skip = 0;
    disk.times = 2; /* in one go, and by itself */
    assert_int_equal(rig_keep(&r, 6), -EIO);
    disk.kind = FAULT_NONE;
    assert_int_equal(rig_keep(&r, 7), 0);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 6);
    rig_close(&r);
    rig_end(&r);
}

/* A disk that nobody can write when the store is opened: what is released then is taken out as soon as it can be written, by
   itself or at the end, whether or not a new report comes. */
static void a_disk_that_is_read_only_at_the_start(void **state)
{
    (void) state;
    for (int at_the_end = 0; at_the_end < 2; at_the_end++) {
        struct rig r;
        uint64_t began;

        rig_make(&r);
        rig_open(&r);
        for (uint64_t seq = 1; seq <= 3; seq++)
            rig_put(&r, seq);
        assert_int_equal(rig_wait_for(&r, 3), 0);
        rig_close(&r);
        disk.kind = FAULT_OPEN;
        disk.error = EROFS;
        disk.skip = 0;
        disk.times = 100000;
        rig_open(&r);
        assert_int_equal(r.n_found, 3);
        assert_int_equal(spool_ready(r.s), -EROFS);
        spool_remove(r.s, 1);
        began = uv_now(&r.loop);
        while (uv_now(&r.loop) < began + 60000)
            uv_run(&r.loop, UV_RUN_ONCE);
        spool_remove(r.s, 2);
        assert_false(spool_is_idle(r.s));
        disk.kind = FAULT_NONE;
        began = uv_now(&r.loop);
        while (!at_the_end && !spool_is_idle(r.s) && uv_now(&r.loop) < began + 60000)
            uv_run(&r.loop, UV_RUN_ONCE);
        assert_true(at_the_end || spool_is_idle(r.s));
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
        cmocka_unit_test(a_disk_that_fails_anywhere),
        cmocka_unit_test(memory_that_is_short_anywhere),
        cmocka_unit_test(a_disk_that_fails_and_then_the_end),
        cmocka_unit_test(reading_fails),
        cmocka_unit_test(reading_fails_at_the_start),
        cmocka_unit_test(a_sector_that_stays_bad),
        cmocka_unit_test(nothing_is_tried_without_a_pause),
        cmocka_unit_test(reading_fails_while_it_is_rewritten),
        cmocka_unit_test(a_disk_that_is_read_only_at_the_start),
    };

    ag_log_open("/dev/null");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
