/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include "libagent/core/text/message.h"
#include "tests/support/alloc_fail.h"

static struct ag_json_view view_of(const char *text)
{
    struct ag_span s = {text, strlen(text)};
    struct ag_json_view v;

    assert_int_equal(ag_json_parse(&s, 16, &v), 0);
    return v;
}

static void expect(struct ag_buf *b, const char *want)
{
    if (!ag_span_is(ag_buf_span(b), want, strlen(want)))
        fail_msg("%.*s, wanted %s", (int) ag_buf_size(b), ag_buf_head(b), want);
    ag_buf_deinit(b);
}

static void ids_are_spliced(void **state)
{
    static const struct {
        const char *text;
        uint64_t id;
        const char *want;
    } rows[] = {
        {"{\"id\":1,\"method\":\"m\"}", 900, "{\"id\":900,\"method\":\"m\"}"},
        {"{\"id\":123456789}", 0, "{\"id\":0}"},
        {"{\"id\":0}", UINT64_MAX, "{\"id\":18446744073709551615}"},
        {"{ \"x\" : 1.00 , \"id\"\t:\t7 , \"y\":\"\\u0041\" }", 8, "{ \"x\" : 1.00 , \"id\"\t:\t8 , \"y\":\"\\u0041\" }"},
        {"{\"id\":1,\"id\":2}", 3, "{\"id\":3,\"id\":2}"},
        {"{\"params\":{\"id\":5},\"id\":6}", 7, "{\"params\":{\"id\":5},\"id\":7}"},
        {"{\"id\":\"text\"}", 4, "{\"id\":4}"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_json_view v = view_of(rows[i].text);
        struct ag_buf out = AG_BUF_INIT;

        assert_int_equal(ag_msg_splice_id(&out, (struct ag_span){rows[i].text, strlen(rows[i].text)}, &v, rows[i].id), 0);
        expect(&out, rows[i].want);
    }
}

/* The view that comes with it is that of the new text. */
static void an_id_is_put_in_and_seen(void **state)
{
    static const char *const rows[] = {
        "{}",
        "{ \t\n}",
        "{\"method\":\"m\"}",
        "{  \"method\":\"m\",\"params\":[1,{\"id\":2}],\"x\":3}",
        "{\"id\":1,\"method\":\"m\",\"params\":{}}",
        "{\"method\":\"m\\u0041\",\"id\":\"text\",\"params\":[],\"error\":null}",
        "{\"result\":1,\"id\":12345678901,\"id\":{\"id\":4},\"params\":true}",
        "{ \"params\" : { \"id\" : 5 } , \"id\" : null , \"method\" : \"m\" }",
    };
    static const uint64_t ids[] = {0, 7, 1234567, UINT64_MAX};

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows) * ag_array_size(ids); i++) {
        struct ag_span text = {rows[i / ag_array_size(ids)], strlen(rows[i / ag_array_size(ids)])}, now;
        struct ag_json_view v = view_of(text.p), seen, want;
        struct ag_buf out = AG_BUF_INIT;

        ag_buf_append_str(&out, "before");
        assert_int_equal(ag_msg_put_id_seen(&out, text, &v, ids[i % ag_array_size(ids)], &seen), 0);
        ag_buf_consume(&out, 6);
        now = ag_buf_span(&out);
        assert_int_equal(ag_json_parse(&now, 16, &want), 0);
        assert_int_equal(now.len, ag_buf_size(&out));
        assert_int_equal(seen.twice, want.twice);
        for (int m = 0; m < AG_N_MEMBERS; m++) {
            assert_int_equal(seen.at[m].type, want.at[m].type);
            if (want.at[m].type == AG_JSON_NONE)
                continue;
            assert_int_equal(seen.at[m].key, want.at[m].key);
            assert_int_equal(seen.at[m].value, want.at[m].value);
            assert_int_equal(seen.at[m].end, want.at[m].end);
            assert_int_equal(seen.at[m].escaped, want.at[m].escaped);
        }
        ag_buf_deinit(&out);
    }
}

static void values_are_spliced(void **state)
{
    static const char text[] = "{\"id\":1, \"_to\" : 16 ,\"method\":\"m\"}";
    struct ag_json_view v = view_of(text);
    struct ag_buf out = AG_BUF_INIT;

    (void) state;
    assert_int_equal(ag_msg_splice_value(&out, AG_SPAN(text), &v.at[AG_M_METHOD], AG_SPAN("\"longer\"")), 0);
    expect(&out, "{\"id\":1, \"_to\" : 16 ,\"method\":\"longer\"}");
    assert_int_equal(ag_msg_splice_value(&out, AG_SPAN(text), &v.at[AG_M_METHOD], AG_SPAN("")), 0);
    expect(&out, "{\"id\":1, \"_to\" : 16 ,\"method\":}");
}

static void errors(void **state)
{
    struct ag_buf out = AG_BUF_INIT;

    (void) state;
    assert_int_equal(ag_msg_error(&out, AG_SPAN("5"), -32601, "Method not found.", NULL), 0);
    expect(&out, "{\"id\":5,\"error\":{\"code\":-32601,\"message\":\"Method not found.\"}}");
    assert_int_equal(ag_msg_error(&out, AG_SPAN("null"), -1, "say \"no\"\n", "why\\"), 0);
    expect(&out, "{\"id\":null,\"error\":{\"code\":-1,\"message\":\"say \\\"no\\\"\\n\",\"data\":\"why\\\\\"}}");
}

static void build_without_memory(void *user)
{
    static const char text[] = "{\"id\":1}";
    struct ag_json_view v = view_of(text);
    struct ag_buf out = AG_BUF_INIT;
    char longest[600];
    int r;

    (void) user;
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    r = ag_msg_splice_id(&out, AG_SPAN(text), &v, 2);
    if (r == 0) {
        size_t before = ag_buf_size(&out);

        r = ag_msg_error(&out, AG_SPAN("1"), -1, longest, longest);
        if (r < 0)
            assert_int_equal(ag_buf_size(&out), before);
    }
    assert_int_equal(r, alloc_fail_reached() ? -ENOMEM : 0);
    ag_buf_deinit(&out);
}

static void memory_may_fail_anywhere(void **state)
{
    (void) state;
    alloc_fail_sweep(build_without_memory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_spliced), cmocka_unit_test(an_id_is_put_in_and_seen), cmocka_unit_test(values_are_spliced),
        cmocka_unit_test(errors),          cmocka_unit_test(memory_may_fail_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
