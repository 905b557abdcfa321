/* SPDX-License-Identifier: MIT */
/* The store's file: what is in its place, is damaged, of another version, or changed while it is in use, ends in a line of the
   log and a store that works. */
#include "tests/unit/client/report/spool_rig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include "client/report/core/spool_form.h"
#include "libagent/core/log/log.h"
#include "libagent/io/file.h"

static uint64_t rig_file_size(const struct rig *r)
{
    struct stat st;

    return stat(r->path, &st) == 0 ? (uint64_t) st.st_size : 0;
}

static void rig_write_bytes(const struct rig *r, uint64_t at, const void *p, size_t n)
{
    int fd = open(r->path, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(__real_pwrite64(fd, p, n, (off_t) at), n);
    close(fd);
}

static void rig_read_bytes(const struct rig *r, uint64_t at, void *p, size_t n)
{
    int fd = open(r->path, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(__real_pread64(fd, p, n, (off_t) at), n);
    close(fd);
}

/* What may be in the file's place. Each time: a line at ERROR, the thing put aside, a store that works. */
static void strangers_in_its_place(void **state)
{
    static const char *const rows[] = {
        "mkdir %s",
        "mkdir %s && touch %s/x",
        "ln -s /etc/passwd %s",
        "ln -s nowhere %s",
        "ln -s %s %s",
        "mkfifo %s",
        ": > %s",
        "echo hello > %s",
        "head -c 100000 /dev/urandom > %s",
        "head -c 100000 /dev/zero > %s",
        "truncate -s 1G %s",
        "printf '\\213miioRP\\n' > %s",
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct spool_stats st;
        char command[400];
        struct rig r;

        rig_make(&r);
        snprintf(command, sizeof command, rows[i], r.path, r.path);
        rig_run("%s", command);
        rig_open(&r);
        assert_int_equal(spool_ready(r.s), 0);
        spool_get_stats(r.s, &st);
        assert_int_equal(st.put_aside, 1);
        assert_true(rig_has_file(&r, ".bad"));
        assert_int_equal(rig_keep(&r, 1), 0);
        rig_close(&r);
        rig_open(&r);
        assert_int_equal(r.n_found, 1);
        rig_close(&r);
        rig_end(&r);
    }
}

/* The kept-aside files are two at most, whatever they are. */
static void not_more_than_two_are_put_aside(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    for (int i = 0; i < 6; i++) {
        rig_run("%s %s", i % 2 ? "mkdir" : "cp /etc/passwd", r.path);
        rig_open(&r);
        assert_int_equal(spool_ready(r.s), 0);
        rig_close(&r);
        rig_run("rm -f %s; test $(ls %s | wc -l) -le 2", r.path, r.dir);
    }
    rig_end(&r);
}

/* Every page cut off, flipped, zeroed, filled; every head another version's: 10 pages and more of reports. */
static void every_page_damaged(void **state)
{
    enum { REPORTS = 1000, PAGE = 4096, KINDS = 6 };
    ag_cleanup(ag_buf_deinit) struct ag_buf first = AG_BUF_INIT;
    unsigned n_rows = 0, n_saved = 0;
    struct rig whole;
    uint64_t size;

    (void) state;
    rig_make(&whole);
    rig_open(&whole);
    for (uint64_t seq = 1; seq <= REPORTS; seq++)
        rig_put(&whole, seq);
    assert_int_equal(rig_wait_for(&whole, REPORTS), 0);
    rig_close(&whole);
    size = rig_file_size(&whole);
    assert_true(size > 10 * PAGE);
    assert_int_equal(ag_file_read(whole.path, 1 << 20, &first), 0);
    for (uint64_t page = 0; page < (size + PAGE - 1) / PAGE; page++) {
        for (int kind = 0; kind < KINDS; kind++) {
            uint64_t at = page * PAGE, left = size - at, n = left < PAGE ? left : PAGE;
            struct spool_stats st;
            uint8_t bytes[PAGE];
            struct rig r;
            unsigned n_found;

            rig_make(&r);
            rig_copy(whole.path, r.path);
            memset(bytes, kind == 4 ? 0xff : 0, (size_t) n);
            if (kind == 0)
                assert_int_equal(truncate(r.path, (off_t) at), 0);
            else if (kind == 1)
                assert_int_equal(truncate(r.path, (off_t) (at + n / 2)), 0);
            else if (kind == 2)
                rig_write_bytes(&r, at + n / 2, "\x55\xaa", 2);
            else if (kind == 3 || kind == 4)
                rig_write_bytes(&r, at, bytes, (size_t) n);
            else /* the first page in another's place, or behind the end */
                rig_write_bytes(&r, at + PAGE, first.data, PAGE);
            rig_open(&r);
            n_found = r.n_found;
            spool_get_stats(r.s, &st);
            assert_true(st.put_aside == 1 && rig_has_file(&r, ".bad"));
            assert_int_equal(rig_keep(&r, REPORTS + 1), 0);
            rig_close(&r);
            rig_open(&r); /* what was saved is whole */
            assert_int_equal(r.n_found, n_found + 1);
            spool_get_stats(r.s, &st);
            assert_int_equal(st.put_aside, 0);
            rig_close(&r);
            rig_end(&r);
            n_rows++;
            n_saved += n_found;
        }
    }
    assert_true(n_rows >= 60);
    assert_true(n_saved > n_rows * REPORTS / 2); /* most damage costs few reports */
    rig_end(&whole);
}

static void of_another_version(void **state)
{
    static const char other[] = "\x95\x02\x01\x01\x01\xa1x";
    ag_cleanup(ag_buf_deinit) struct ag_buf e = AG_BUF_INIT;
    struct spool_stats st;
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    assert_int_equal(rig_keep(&r, 1), 0);
    rig_close(&r);
    assert_int_equal(spool_form_entry(&e, 2, 1, (struct ag_span){other, 7}), 0); /* a record of a later version behind it */
    rig_write_bytes(&r, rig_file_size(&r), e.data, ag_buf_size(&e));
    rig_open(&r);
    spool_get_stats(r.s, &st);
    assert_true(r.n_found == 1 && st.put_aside == 1 && rig_has_file(&r, ".bad"));
    rig_close(&r);
    rig_write_bytes(&r, 8, "\x03", 1); /* a file of a later version */
    rig_write_bytes(&r, SPOOL_HEAD + 8, "\x03", 1);
    rig_open(&r);
    spool_get_stats(r.s, &st);
    assert_true(r.n_found == 0 && st.put_aside == 1);
    assert_int_equal(rig_keep(&r, 1), 0);
    rig_close(&r);
    rig_end(&r);
}

/* A file as it was when there was one cloud only: read, brought into today's form, and nothing is put aside. */
static void of_version_1(void **state)
{
    struct spool_stats st;
    struct rig r;
    uint8_t version;

    (void) state;
    rig_make(&r);
    rig_copy(FILE_OF_VERSION_1, r.path);
    r.is_old = true;
    rig_open(&r);
    assert_int_equal(r.n_found, 6);
    assert_true(r.found[8] && !r.found[3] && !r.found[6] && r.needs[1] == SPOOL_NEED_UNNAMED);
    spool_get_stats(r.s, &st);
    assert_true(st.put_aside == 0 && st.damaged == 0 && !rig_has_file(&r, ".bad"));
    rig_read_bytes(&r, 8, &version, 1);
    assert_int_equal(version, SPOOL_VERSION);
    spool_hand_over(r.s, 1, SPOOL_NEED_UNNAMED, 4);
    assert_int_equal(rig_keep(&r, 100), 0);
    rig_close(&r);
    rig_open(&r);
    assert_true(r.n_found == 7 && r.needs[1] == 4 && r.needs[2] == SPOOL_NEED_UNNAMED && r.needs[100] == 1);
    rig_close(&r);
    rig_end(&r);
}

/* The file of a version before 0.2, 50 reports (10 of 60 were acknowledged), one of them large: an update loses none. */
static void of_an_earlier_version(void **state)
{
    struct spool_stats st;
    struct rig r;

    (void) state;
    if (!rig_reads_old_file())
        skip();
    rig_make(&r);
    rig_copy(OLD_FILE, r.path);
    r.is_old = true;
    rig_open(&r);
    assert_int_equal(r.n_found, 50);
    assert_true(r.found[20] && r.found[60] && !r.found[1] && !r.found[7]);
    spool_get_stats(r.s, &st);
    assert_true(st.put_aside == 1 && st.damaged == 0 && rig_has_file(&r, ".bad"));
    assert_int_equal(rig_keep(&r, 100), 0);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 51);
    rig_close(&r);
    rig_end(&r);
}

/* That form has no checksums, so a changed text may come out; but nothing else, and nothing dies. */
static void of_an_earlier_version_and_damaged(void **state)
{
    struct rig r;
    struct stat st;
    unsigned n_rows = 0;

    (void) state;
    assert_int_equal(stat(OLD_FILE, &st), 0);
    for (long at = 0; at < st.st_size; at += 1536) {
        for (int kind = 0; kind < 4; kind++) {
            char bytes[512];

            rig_make(&r);
            r.is_old = true;
            rig_copy(OLD_FILE, r.path);
            memset(bytes, kind == 1 ? 0xff : 0, sizeof bytes);
            if (kind < 2)
                rig_write_bytes(&r, (uint64_t) at, bytes, sizeof bytes);
            else if (kind == 2)
                assert_int_equal(truncate(r.path, at + 1), 0);
            else
                rig_write_bytes(&r, (uint64_t) (at + at / 512 % 24), "\x5a", 1);
            rig_open(&r);
            assert_int_equal(spool_ready(r.s), 0);
            assert_true(rig_has_file(&r, ".bad"));
            assert_int_equal(rig_keep(&r, 100), 0);
            rig_close(&r);
            rig_end(&r);
            n_rows++;
        }
    }
    assert_true(n_rows > 100);
}

/* What befalls the file while it is in use: what is told as stored later is in the file that the next start finds. */
static void hands_on_the_file_while_it_is_in_use(void **state)
{
    static const struct {
        const char *command;
        unsigned n_kept; /* of the three that were there */
    } rows[] = {
        {"rm %s", 3},
        {"mv %s %s.old", 3},
        {"rm %s && mkdir %s", 3},
        {"cp %s %s.new && mv %s.new %s", 3},
        {"rm %s && ln -s /dev/null %s", 3},
        {"truncate -s 0 %s", 0},
        {"truncate -s 150 %s", 1},
        {"echo > %s", 0},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        char command[512];
        struct rig r;

        rig_make(&r);
        rig_open(&r);
        for (uint64_t seq = 1; seq <= 3; seq++)
            rig_put(&r, seq);
        assert_int_equal(rig_wait_for(&r, 3), 0);
        snprintf(command, sizeof command, rows[i].command, r.path, r.path, r.path, r.path);
        rig_run("%s", command);
        for (uint64_t seq = 1; seq <= 3; seq++) {
            ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
            int e = spool_read(r.s, seq, &text);

            assert_true(e == 0 || e == -ENODATA || e == -EBADMSG);
        }
        assert_int_equal(rig_keep(&r, 4), 0);
        assert_int_equal(rig_keep(&r, 5), 0);
        rig_close(&r);
        rig_open(&r);
        assert_true(r.found[4] && r.found[5]);
        assert_int_equal(r.n_found, 2 + rows[i].n_kept);
        rig_close(&r);
        rig_end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_in_its_place),
        cmocka_unit_test(not_more_than_two_are_put_aside),
        cmocka_unit_test(every_page_damaged),
        cmocka_unit_test(of_another_version),
        cmocka_unit_test(of_version_1),
        cmocka_unit_test(of_an_earlier_version),
        cmocka_unit_test(of_an_earlier_version_and_damaged),
        cmocka_unit_test(hands_on_the_file_while_it_is_in_use),
    };

    ag_log_open("/dev/null");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
