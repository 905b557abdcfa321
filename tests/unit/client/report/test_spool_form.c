/* SPDX-License-Identifier: MIT */
/* The store's file as bytes: whatever is done to it, what still reads right comes out, and nothing passes unnoticed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/report/core/crc32.h"
#include "client/report/core/spool_form.h"
#include "client/report/core/spool_index.h"
#include "tests/support/alloc_fail.h"

enum { N = 12 };

struct bytes {
    const char *p;
    size_t n;
    uint64_t bad_at; /* an unreadable sector begins there; 0: none */
};

static int read_bytes(void *user, uint64_t at, void *out, size_t n)
{
    const struct bytes *b = user;

    if (at > b->n || b->n - at < n)
        return -ENODATA;
    if (b->bad_at && at + n > b->bad_at && at < b->bad_at + 512)
        return -EIO;
    memcpy(out, b->p + at, n);
    return 0;
}

struct found {
    uint64_t seq[64];
    unsigned needs[64];
    unsigned n, wrong;
};

/* What must be in the entry of a number. */
static size_t body_of(uint64_t seq, char out[256])
{
    size_t n = (size_t) (seq * 37 % 200) + 1;

    memset(out, (int) ('a' + seq % 26), n);
    return n;
}

static void on_entry(void *user, uint64_t at, uint64_t seq, unsigned needs, struct ag_span body)
{
    struct found *f = user;
    char want[256];

    (void) at;
    if (!ag_span_is(body, want, body_of(seq, want)))
        f->wrong++;
    if (f->n < ag_array_size(f->seq))
        f->needs[f->n] = needs, f->seq[f->n++] = seq;
}

/* Who needs an entry; every fourth one nobody. */
static unsigned needs_of(uint64_t seq)
{
    return seq % 4 ? (unsigned) (seq % 7 + 1) : 0;
}

static int scan(const char *p, size_t n, uint64_t bad_at, struct spool_scan *out, struct found *found)
{
    struct bytes b = {p, n, bad_at};
    struct spool_source src = {read_bytes, &b, n};

    *found = (struct found){0};
    return spool_form_scan(&src, out, on_entry, found);
}

static void make(struct ag_buf *file, uint64_t length)
{
    uint8_t head[SPOOL_HEAD];

    for (uint64_t turn = 1; turn <= 2; turn++) {
        spool_form_head(head, (struct spool_head){turn, turn == 2 ? length : SPOOL_HEADS});
        assert_int_equal(ag_buf_append(file, head, sizeof head), 0);
    }
    for (uint64_t seq = 1; seq <= N; seq++) {
        char body[256];
        size_t n = body_of(seq, body), was = ag_buf_size(file);

        assert_int_equal(spool_form_entry(file, seq, 1, (struct ag_span){body, n}), 0);
        assert_int_equal(ag_buf_size(file) - was, spool_form_size(n));
        spool_form_state((uint8_t *) file->data + was + SPOOL_STATE_AT, needs_of(seq));
    }
}

static size_t whole_length(void)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf file = AG_BUF_INIT;

    make(&file, 0);
    return ag_buf_size(&file);
}

static void checksums(void **state)
{
    (void) state;
    assert_int_equal(crc32_add(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(crc32_add(crc32_add(0, "1234", 4), "56789", 5), 0xcbf43926);
    assert_int_equal(crc32_add(0, "", 0), 0);
    for (unsigned i = 0; i < 4096; i++) { /* each byte in each place of a step, in one piece and in two */
        uint8_t b[9];
        unsigned n = 1 + i % 9, cut = i / 9 % (n + 1);
        uint32_t want = ~0u;

        for (unsigned k = 0; k < n; k++) {
            b[k] = (uint8_t) (i * 167 >> 4 * k % 16);
            want ^= b[k];
            for (int bit = 0; bit < 8; bit++)
                want = want >> 1 ^ (want & 1 ? 0xedb88320 : 0);
        }
        assert_int_equal(crc32_add(crc32_add(0, b, cut), b + cut, n - cut), ~want);
    }
}

static void as_it_was_written(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf file = AG_BUF_INIT, body = AG_BUF_INIT;
    struct found found;
    struct spool_scan s;

    (void) state;
    make(&file, whole_length());
    assert_int_equal(scan(file.data, ag_buf_size(&file), 0, &s, &found), 0);
    assert_true(spool_scan_is_clean(&s));
    assert_int_equal(s.n_live, 9);
    assert_int_equal(s.n_gone, 3);
    assert_int_equal(found.n, 9);
    assert_int_equal(found.wrong, 0);
    for (unsigned i = 0; i < found.n; i++)
        assert_int_equal(found.needs[i], needs_of(found.seq[i]));
    assert_int_equal(s.version, SPOOL_VERSION);
    assert_int_equal(s.head.turn, 2);
    assert_int_equal(s.end, ag_buf_size(&file));
    assert_int_equal(
        spool_form_read(&(struct spool_source){read_bytes, &(struct bytes){file.data, ag_buf_size(&file), 0}, ag_buf_size(&file)},
                        SPOOL_HEADS, 1, &body),
        0);
    assert_int_equal(ag_buf_size(&body), 38);
    assert_int_equal(
        spool_form_read(&(struct spool_source){read_bytes, &(struct bytes){file.data, ag_buf_size(&file), 0}, ag_buf_size(&file)},
                        SPOOL_HEADS, 2, &body),
        -EBADMSG);
}

/* At most one entry may be missing or odd, and never may a wrong one come out. */
static void every_bit_flipped(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf file = AG_BUF_INIT;

    (void) state;
    make(&file, whole_length());
    for (size_t i = 0; i < ag_buf_size(&file) * 8; i++) {
        struct found found;
        struct spool_scan s;

        file.data[i / 8] = (char) (file.data[i / 8] ^ 1 << i % 8);
        assert_int_equal(scan(file.data, ag_buf_size(&file), 0, &s, &found), 0);
        file.data[i / 8] = (char) (file.data[i / 8] ^ 1 << i % 8);
        if (spool_scan_is_clean(&s) || found.wrong > 0 || s.n_live < 8 || s.n_live + s.n_gone < 11)
            fail_msg("bit %zu: live %u gone %u wrong %u", i, s.n_live, s.n_gone, found.wrong);
    }
}

static void every_length(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf file = AG_BUF_INIT;

    (void) state;
    make(&file, whole_length());
    for (size_t n = 0; n < ag_buf_size(&file); n++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf copy = AG_BUF_INIT; /* exactly so many, for the sanitizer */
        struct found found;
        struct spool_scan s;

        assert_int_equal(ag_buf_append(&copy, file.data, n), 0);
        assert_int_equal(scan(copy.data, n, 0, &s, &found), 0);
        assert_false(spool_scan_is_clean(&s));
        assert_int_equal(found.wrong, 0);
    }
}

static void every_stretch_zeroed_or_filled(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf file = AG_BUF_INIT;
    static const size_t lengths[] = {4, 64, 512};

    (void) state;
    make(&file, whole_length());
    for (size_t k = 0; k < ag_array_size(lengths) * 2; k++) {
        for (size_t at = 0; at + lengths[k / 2] <= ag_buf_size(&file); at += 4) {
            ag_cleanup(ag_buf_deinit) struct ag_buf copy = AG_BUF_INIT;
            struct found found;
            struct spool_scan s;

            assert_int_equal(ag_buf_append(&copy, file.data, ag_buf_size(&file)), 0);
            memset(copy.data + at, k % 2 ? 0xff : 0, lengths[k / 2]);
            if (memcmp(copy.data, file.data, ag_buf_size(&file)) == 0)
                continue;
            assert_int_equal(scan(copy.data, ag_buf_size(&copy), 0, &s, &found), 0);
            assert_false(spool_scan_is_clean(&s));
            assert_int_equal(found.wrong, 0);
        }
    }
}

static void unreadable_sectors(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf file = AG_BUF_INIT;

    (void) state;
    make(&file, whole_length());
    for (uint64_t at = 4; at < ag_buf_size(&file); at += 100) {
        struct found found;
        struct spool_scan s;

        assert_int_equal(scan(file.data, ag_buf_size(&file), at, &s, &found), 0);
        assert_false(spool_scan_is_clean(&s));
        assert_int_equal(found.wrong, 0);
    }
}

static void other_forms(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf file = AG_BUF_INIT;
    struct found found;
    struct spool_scan s;

    (void) state;
    assert_int_equal(scan("", 0, 0, &s, &found), 0);
    assert_int_equal(s.heads, SPOOL_HEADS_BAD);
    make(&file, whole_length());
    file.data[8] = file.data[SPOOL_HEAD + 8] = 9; /* another version's heads may have other checksums */
    assert_int_equal(scan(file.data, ag_buf_size(&file), 0, &s, &found), 0);
    assert_int_equal(s.heads, SPOOL_HEADS_OTHER);
    assert_int_equal(found.n, 0);
    file.data[SPOOL_HEAD + 8] = 8; /* two different ones: damaged, and its entries are good */
    assert_int_equal(scan(file.data, ag_buf_size(&file), 0, &s, &found), 0);
    assert_int_equal(s.heads, SPOOL_HEADS_BAD);
    assert_int_equal(found.n, 9);
    assert_int_equal(spool_form_entry(&file, 1, 1, (struct ag_span){"", SPOOL_BODY_MAX + 1}), -EMSGSIZE);
}

/* The file of the version that knew one cloud: the same entries, "live" or "gone". */
static void of_version_1(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf file = AG_BUF_INIT;
    struct found found;
    struct spool_scan s;

    (void) state;
    make(&file, whole_length());
    for (size_t at = 0; at < SPOOL_HEADS; at += SPOOL_HEAD) {
        uint8_t *head = (uint8_t *) file.data + at;
        uint32_t crc;

        head[8] = 1;
        crc = crc32_add(crc32_add(0, head, 12), head + 16, 16);
        for (int i = 0; i < 4; i++)
            head[12 + i] = (uint8_t) (crc >> 8 * i);
    }
    for (uint64_t seq = 1, at = SPOOL_HEADS; seq <= N; seq++) {
        char body[256];

        memcpy(file.data + at + SPOOL_STATE_AT, seq % 4 ? "live" : "gone", SPOOL_STATE);
        at += spool_form_size(body_of(seq, body));
    }
    assert_int_equal(scan(file.data, ag_buf_size(&file), 0, &s, &found), 0);
    assert_true(spool_scan_is_clean(&s));
    assert_int_equal(s.version, 1);
    assert_int_equal(found.n, 9);
    assert_int_equal(found.wrong, 0);
    for (unsigned i = 0; i < found.n; i++)
        assert_int_equal(found.needs[i], SPOOL_NEED_UNNAMED);
}

/* Every set that there can be, and none of them is one of the words of version 1. */
static void every_set(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf file = AG_BUF_INIT;
    struct found found;
    struct spool_scan s;
    char body[256];

    (void) state;
    make(&file, SPOOL_HEADS);
    file.len = SPOOL_HEADS + (size_t) spool_form_size(body_of(1, body));
    for (unsigned needs = 0; needs <= UINT16_MAX; needs++) {
        spool_form_state((uint8_t *) file.data + SPOOL_HEADS + SPOOL_STATE_AT, needs);
        assert_int_equal(scan(file.data, ag_buf_size(&file), 0, &s, &found), 0);
        assert_true(spool_scan_is_clean(&s));
        assert_int_equal(found.n, needs ? 1 : 0);
        assert_true(needs == 0 || found.needs[0] == needs);
    }
}

/* The head runs behind the file: what came after it is taken, what it speaks of and is not there is missed. */
static void lengths(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf less = AG_BUF_INIT, more = AG_BUF_INIT;
    struct found found;
    struct spool_scan s;

    (void) state;
    make(&less, SPOOL_HEADS);
    assert_int_equal(scan(less.data, ag_buf_size(&less), 0, &s, &found), 0);
    assert_true(spool_scan_is_clean(&s));
    assert_int_equal(s.n_live, 9);
    make(&more, whole_length() + 4);
    assert_int_equal(scan(more.data, ag_buf_size(&more), 0, &s, &found), 0);
    assert_true(s.shorter);
    assert_int_equal(s.n_live, 9);
}

/* A file full of good beginnings with long bodies that are not good must not take for ever. */
static void a_file_of_tricks_ends(void **state)
{
    enum { SIZE = 8 << 20, STEP = 64 };
    char *p = calloc(1, SIZE);
    struct found found;
    struct spool_scan s;

    (void) state;
    assert_non_null(p);
    for (size_t at = SPOOL_HEADS; at + STEP < SIZE; at += STEP) {
        ag_cleanup(ag_buf_deinit) struct ag_buf e = AG_BUF_INIT;
        uint32_t len = 1 << 20, crc;

        assert_int_equal(spool_form_entry(&e, at, 1, AG_SPAN("")), 0);
        memcpy(e.data + 16, &len, 4);
        crc = crc32_add(0, e.data + 8, 16);
        memcpy(e.data + 4, &crc, 4);
        memcpy(p + at, e.data, SPOOL_ENTRY);
    }
    assert_int_equal(scan(p, SIZE, 0, &s, &found), 0);
    assert_int_equal(found.n, 0);
    assert_false(spool_scan_is_clean(&s));
    free(p);
}

static void short_of_memory(void *user)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf e = AG_BUF_INIT;
    const struct ag_buf *file = user;
    struct spool_index x;
    struct found found;
    struct spool_scan s;
    int r = scan(file->data, file->len, 0, &s, &found);

    assert_true(r == 0 || r == -ENOMEM);
    spool_form_entry(&e, 1, 1, AG_SPAN("x"));
    spool_index_init(&x);
    spool_index_add(&x, 1, 64, 28, 1);
    spool_index_deinit(&x);
}

static void allocation_failures(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf file = AG_BUF_INIT;

    (void) state;
    make(&file, whole_length());
    alloc_fail_sweep(short_of_memory, &file);
}

static void places_by_number(void **state)
{
    struct spool_index x;

    (void) state;
    spool_index_init(&x);
    for (uint64_t seq = 1000; seq > 0; seq -= 2)
        assert_int_equal(spool_index_add(&x, seq, seq * 4, 8, 5), 0);
    for (uint64_t seq = 1; seq < 1000; seq += 2)
        assert_int_equal(spool_index_add(&x, seq, seq * 4, 8, 5), 0);
    assert_int_equal(spool_index_add(&x, 7, 1, 8, 5), -EEXIST);
    assert_int_equal(spool_index_count(&x), 1000);
    for (uint64_t seq = 1; seq <= 1000; seq++)
        assert_int_equal(spool_index_find(&x, seq)->at, seq * 4);
    for (uint64_t seq = 1; seq <= 1000; seq++) {
        if (seq % 10)
            assert_true(spool_index_remove(&x, seq));
        assert_false(seq % 10 && spool_index_remove(&x, seq));
    }
    assert_int_equal(spool_index_count(&x), 100);
    assert_int_equal(x.bytes, 800);
    assert_true(x.n < 300); /* the places of those gone are given back */
    assert_int_equal(spool_index_find(&x, 1000)->at, 4000);
    assert_null(spool_index_find(&x, 999));
    assert_null(spool_index_find(&x, 1001));
    assert_true(spool_index_remove(&x, 1000));
    assert_int_equal(spool_index_add(&x, 1000, 44, 8, 2), 0); /* once more */
    assert_int_equal(spool_index_find(&x, 1000)->at, 44);
    assert_int_equal(spool_index_find(&x, 1000)->needs, 2);
    spool_index_deinit(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums),
        cmocka_unit_test(as_it_was_written),
        cmocka_unit_test(every_bit_flipped),
        cmocka_unit_test(every_length),
        cmocka_unit_test(every_stretch_zeroed_or_filled),
        cmocka_unit_test(unreadable_sectors),
        cmocka_unit_test(other_forms),
        cmocka_unit_test(of_version_1),
        cmocka_unit_test(every_set),
        cmocka_unit_test(lengths),
        cmocka_unit_test(a_file_of_tricks_ends),
        cmocka_unit_test(allocation_failures),
        cmocka_unit_test(places_by_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
