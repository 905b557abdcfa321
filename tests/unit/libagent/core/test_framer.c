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
#include "libagent/core/buf.h"
#include "libagent/core/frame/framer.h"
#include "tests/support/alloc_fail.h"

enum { MAX_TEXT = 64, MAX_DEPTH = 5 };

/* Feeds in in pieces of so many bytes; the texts come out with a '|' behind each, then the last return value. */
static int run_as(const char *in, size_t n, size_t piece, struct ag_framer_pool *pool, bool forgiving, struct ag_buf *log)
{
    struct ag_framer f;
    int r = 0;

    ag_framer_init(&f, MAX_TEXT, MAX_DEPTH, pool);
    f.forgiving = forgiving;
    for (size_t at = 0; at < n && r == 0; at += piece) {
        size_t k = n - at < piece ? n - at : piece;
        char *copy = malloc(k);
        struct ag_text t;

        assert_non_null(copy);
        memcpy(copy, in + at, k);
        ag_framer_lend(&f, copy, k);
        while ((r = ag_framer_next(&f, &t)) > 0) {
            assert_true((t.kind == AG_FRAMER_JSON) == (t.view != NULL));
            if (t.kind == AG_FRAMER_PASSED)
                t.bytes = AG_SPAN("~");
            assert_int_equal(ag_buf_append_span(log, t.bytes), 0);
            assert_int_equal(ag_buf_append_char(log, '|'), 0);
        }
        free(copy);
        if (r == 0 && pool && f.kind == AG_FRAMER_JSON)
            assert_true((f.part != NULL) == (f.partial && !f.passing));
    }
    ag_framer_deinit(&f);
    return r;
}

static int run(const char *in, size_t n, size_t piece, struct ag_framer_pool *pool, struct ag_buf *log)
{
    return run_as(in, n, piece, pool, false, log);
}

#define T(literal)                                                                                                               \
    {                                                                                                                            \
        (literal), sizeof(literal) - 1                                                                                           \
    }
#define TEXT_64 "{\"a\":\"01234567890123456789012345678901234567890123456789012345\"}"

static const struct {
    const char *name;
    struct ag_span in;
    int want;
    struct ag_span out;
} rows[] = {
    {"nothing", T(""), 0, T("")},
    {"one", T("{\"a\":1}"), 0, T("{\"a\":1}|")},
    {"back to back", T("{}{\"a\":{}}{}"), 0, T("{}|{\"a\":{}}|{}|")},
    {"space, line ends and NUL between", T(" {}\r\n{}\0\0{} \t\n"), 0, T("{}|{}|{}|")},
    {"space only", T(" \n\0 "), 0, T("")},
    {"begun only", T("{}{\"a\":"), 0, T("{}|")},
    {"array", T("[1]"), AG_FRAMER_E_SYNTAX, T("")},
    {"rubbish", T("hello"), AG_FRAMER_E_SYNTAX, T("")},
    {"HTTP", T("GET / HTTP/1.1\r\n\r\n"), AG_FRAMER_E_SYNTAX, T("")},
    {"rubbish behind a text", T("{}x"), AG_FRAMER_E_SYNTAX, T("{}|")},
    {"NUL inside a text", T("{}{\0}"), AG_FRAMER_E_SYNTAX, T("{}|")},
    {"comma between", T("{},{}"), AG_FRAMER_E_SYNTAX, T("{}|")},
    {"not UTF-8", T("{}{\"a\":\"\xff\"}"), AG_FRAMER_E_UTF8, T("{}|")},
    {"depth as allowed", T("{\"a\":[[[[]]]]}"), 0, T("{\"a\":[[[[]]]]}|")},
    {"too deep", T("{\"a\":[[[[[]]]]]}"), AG_FRAMER_E_DEPTH, T("")},
    {"largest", T("{}" TEXT_64 "{}"), 0, T("{}|" TEXT_64 "|{}|")},
    {"one byte too large", T("{}{ \"a\":\"01234567890123456789012345678901234567890123456789012345\"}{}"), AG_FRAMER_E_SIZE,
     T("{}|")},
    {"larger without end", T("{\"a\":\"0123456789012345678901234567890123456789012345678901234567890123456789"), AG_FRAMER_E_SIZE,
     T("")},
    {"pack, one", T("\x93\x02\xa1m\x90"), 0, T("\x93\x02\xa1m\x90|")},
    {"pack, back to back", T("\x93\x02\xa1m\x90\x94\x01\x05\xc0\xc3"), 0, T("\x93\x02\xa1m\x90|\x94\x01\x05\xc0\xc3|")},
    {"pack, begun", T("\x94\x01"), 0, T("")},
    {"pack, space is a value of its own", T("\x93\x02\xa1m\x90\x20\x93\x02\xa1m\x90"), 0,
     T("\x93\x02\xa1m\x90|\x20|\x93\x02\xa1m\x90|")},
    {"pack, JSON is a value of its own", T("\x93\x02\xa1m\x90{"), 0, T("\x93\x02\xa1m\x90|{|")},
    {"pack, 0xc1", T("\x93\xc1"), AG_FRAMER_E_SYNTAX, T("")},
    {"pack, too deep", T("\x93\x91\x91\x91\x91\x91\x01"), AG_FRAMER_E_DEPTH, T("")},
    {"pack, length past the limit", T("\x93\x02\xa1m\xdb\xff\xff\xff\xff"), AG_FRAMER_E_SIZE, T("")},
    {"pack, count past the limit", T("\x93\x02\xa1m\xdd\xff\xff\xff\xff"), AG_FRAMER_E_SIZE, T("")},
    {"pack array of 2 opens no stream", T("\x92\x01\x02"), AG_FRAMER_E_SYNTAX, T("")},
    {"JSON stays JSON", T("{}\x93\x02\xa1m\x90"), AG_FRAMER_E_SYNTAX, T("{}|")},
};

static void all_rows(struct ag_framer_pool *pool)
{
    for (size_t i = 0; i < ag_array_size(rows); i++)
        for (size_t piece = 1; piece <= rows[i].in.len + 1; piece++) {
            struct ag_buf log = AG_BUF_INIT;
            int r = run(rows[i].in.p, rows[i].in.len, piece, pool, &log);

            if (r != rows[i].want || !ag_span_is(ag_buf_span(&log), rows[i].out.p, rows[i].out.len))
                fail_msg("%s, pieces of %zu: %d \"%.*s\"", rows[i].name, piece, r, (int) log.len, log.data);
            ag_buf_deinit(&log);
        }
}

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"

/* A stream that steps over what it cannot use: '~' stands for each value that was passed over. */
static const struct {
    struct ag_span in;
    int want;
    struct ag_span out;
} forgiven[] = {
    {T("{\"a\":1}[1,2]{}"), 0, T("{\"a\":1}|~|{}|")},
    {T("\"x\"{}"), 0, T("~|{}|")},
    {T("null true\nfalse {}"), 0, T("~|~|~|{}|")},
    {T("17 {}"), 0, T("~|{}|")},
    {T("17{}-1.5e+3[]{}"), 0, T("~|{}|~|~|{}|")},
    {T("[{\"a\":[\"]\\\"}\\\\\"]},{}]{}"), 0, T("~|{}|")},
    {T("\"\\\\\"\"\\\"{}\"{}"), 0, T("~|~|{}|")},
    {T("\"\"\0{}"), 0, T("~|{}|")},
    {T("{\"a\":[[[[[\"}\"]]]]]}{}"), 0, T("~|{}|")},
    {T("{\"a\":\"\xff\"}{}"), 0, T("~|{}|")},
    {T("{\"a\":\"\xc3\"}{}\xc3"), AG_FRAMER_E_SYNTAX, T("~|{}|")},
    {T("{\"a\":\"" LONG "}\",\"b\":[]}{}"), 0, T("~|{}|")},
    {T("[\"" LONG "\"]{}\"" LONG "\"{}" LONG " {}"), 0, T("~|{}|~|{}|~|{}|")},
    {T("[1,2"), 0, T("")},
    {T("{}[1,2]"), 0, T("{}|~|")},
    /* out of step */
    {T("{}hello{}"), AG_FRAMER_E_SYNTAX, T("{}|")},
    {T("nul{}"), AG_FRAMER_E_SYNTAX, T("")},
    {T("{\"a\":}{}"), AG_FRAMER_E_SYNTAX, T("")},
    {T("{}]{}"), AG_FRAMER_E_SYNTAX, T("{}|")},
    {T("{},{}"), AG_FRAMER_E_SYNTAX, T("{}|")},
    {T("{}\x93\x02\xa1m\x90"), AG_FRAMER_E_SYNTAX, T("{}|")},
    {T("\x93\x02\xa1m\x90"), 0, T("\x93\x02\xa1m\x90|")},
    {T("\x93\xc1"), AG_FRAMER_E_SYNTAX, T("")},
};

static void a_forgiving_stream_goes_on(void **state)
{
    struct ag_framer_pool pool = {0};

    (void) state;
    for (size_t i = 0; i < ag_array_size(forgiven); i++)
        for (size_t piece = 1; piece <= forgiven[i].in.len + 1; piece++) {
            struct ag_buf log = AG_BUF_INIT;
            int r = run_as(forgiven[i].in.p, forgiven[i].in.len, piece, piece % 2 ? &pool : NULL, true, &log);

            if (r != forgiven[i].want || !ag_span_is(ag_buf_span(&log), forgiven[i].out.p, forgiven[i].out.len))
                fail_msg("%s, pieces of %zu: %d \"%.*s\"", forgiven[i].in.p, piece, r, (int) log.len, log.data);
            ag_buf_deinit(&log);
        }
    ag_framer_pool_deinit(&pool);
}

static void pieces_do_not_matter(void **state)
{
    struct ag_framer_pool pool = {0};

    (void) state;
    all_rows(NULL);
    all_rows(&pool);
    ag_framer_pool_deinit(&pool);
}

/* Many streams of one pool: each keeps what is its own while its text is cut, and nothing when it is not. */
static void cut_streams_do_not_meet(void **state)
{
    enum { N = 20 };
    struct ag_framer_pool pool = {0};
    struct ag_framer f[N];
    struct ag_text t;
    char in[32];

    (void) state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i++) {
            ag_framer_init(&f[i], MAX_TEXT, MAX_DEPTH, &pool);
            snprintf(in, sizeof in, "{}{\"id\":%d", i);
            ag_framer_lend(&f[i], in, strlen(in));
            assert_int_equal(ag_framer_next(&f[i], &t), 1);
            assert_int_equal(ag_framer_next(&f[i], &t), 0);
            assert_true(ag_framer_held(&f[i]) > 0);
        }
        for (int i = 0; i < N; i++) {
            int n = snprintf(in, sizeof in, "{\"id\":%d}", i);

            ag_framer_lend(&f[i], "}{}", 3);
            assert_int_equal(ag_framer_next(&f[i], &t), 1);
            assert_true(ag_span_is(t.bytes, in, (size_t) n));
            assert_int_equal(t.view->at[AG_M_ID].end, n - 1);
            assert_int_equal(ag_framer_next(&f[i], &t), 1);
            assert_int_equal(ag_framer_next(&f[i], &t), 0);
            assert_int_equal(ag_framer_held(&f[i]), 0);
            assert_null(f[i].part);
            ag_framer_deinit(&f[i]);
        }
        assert_true(pool.n > 0 && pool.n < N);
    }
    ag_framer_pool_deinit(&pool);
}

static void a_whole_text_is_not_copied(void **state)
{
    static const char in[] = "{\"id\":1}{\"id\":2}";
    struct ag_framer f;
    struct ag_text t;

    (void) state;
    ag_framer_init(&f, MAX_TEXT, MAX_DEPTH, NULL);
    ag_framer_lend(&f, in, sizeof in - 1);
    assert_int_equal(ag_framer_next(&f, &t), 1);
    assert_ptr_equal(t.bytes.p, in);
    assert_int_equal(ag_framer_next(&f, &t), 1);
    assert_ptr_equal(t.bytes.p, in + 8);
    assert_int_equal(t.view->at[AG_M_ID].value, 6);
    assert_int_equal(ag_framer_next(&f, &t), 0);
    assert_int_equal(ag_framer_held(&f), 0);
    ag_framer_deinit(&f);
}

static void a_large_carry_is_given_back(void **state)
{
    enum { BIG = 100 * 1000 };
    struct ag_framer f;
    struct ag_text t;
    char *in = malloc(BIG);

    (void) state;
    assert_non_null(in);
    memset(in, ' ', BIG);
    in[0] = '{';
    in[BIG - 1] = '}';
    ag_framer_init(&f, BIG, MAX_DEPTH, NULL);
    ag_framer_lend(&f, in, BIG - 1);
    assert_int_equal(ag_framer_next(&f, &t), 0);
    assert_true(ag_framer_held(&f) >= BIG - 1);
    ag_framer_lend(&f, in + BIG - 1, 1);
    assert_int_equal(ag_framer_next(&f, &t), 1);
    assert_int_equal(t.bytes.len, BIG);
    assert_int_equal(ag_framer_next(&f, &t), 0);
    assert_int_equal(ag_framer_held(&f), 0);
    ag_framer_deinit(&f);
    free(in);
}

static void every_error_has_a_text(void **state)
{
    static const int all[] = {AG_FRAMER_E_SYNTAX, AG_FRAMER_E_UTF8, AG_FRAMER_E_DEPTH, AG_FRAMER_E_SIZE, -ENOMEM};

    (void) state;
    for (size_t i = 0; i < ag_array_size(all); i++)
        assert_string_not_equal(ag_framer_strerror(all[i]), "error");
    assert_string_equal(ag_framer_strerror(-EIO), "error");
}

static void feed_without_memory(void *user)
{
    struct ag_framer_pool pool = {0};
    struct ag_span in = *(struct ag_span *) user;
    struct ag_framer f;
    int r = 0;

    ag_framer_init(&f, MAX_TEXT, MAX_DEPTH, &pool);
    for (size_t at = 0; at < in.len && r == 0; at += 3) {
        struct ag_text t;

        ag_framer_lend(&f, in.p + at, in.len - at < 3 ? in.len - at : 3);
        while ((r = ag_framer_next(&f, &t)) > 0)
            ;
    }
    if (r != (alloc_fail_reached() ? -ENOMEM : 0))
        fail_msg("%d", r);
    ag_framer_deinit(&f);
    ag_framer_pool_deinit(&pool);
}

static void memory_may_fail_anywhere(void **state)
{
    struct ag_span json = AG_SPAN(TEXT_64 " {\"id\":1}"), pack = AG_SPAN("\x94\x01\x05\xc0\xa5"
                                                                         "abcde\x93\x02\xa1m\x90");

    (void) state;
    alloc_fail_sweep(feed_without_memory, &json);
    alloc_fail_sweep(feed_without_memory, &pack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forgiving_stream_goes_on),  cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(cut_streams_do_not_meet),     cmocka_unit_test(a_whole_text_is_not_copied),
        cmocka_unit_test(a_large_carry_is_given_back), cmocka_unit_test(every_error_has_a_text),
        cmocka_unit_test(memory_may_fail_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
