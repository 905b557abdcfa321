/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include "libagent/core/json/json_iter.h"
#include "libagent/core/json/json_out.h"
#include "tests/support/alloc_fail.h"

static void write_all(struct ag_json_out *o)
{
    ag_json_out_open(o, '{');
    ag_json_out_name(o, "empty");
    ag_json_out_open(o, '{');
    ag_json_out_close(o, '}');
    ag_json_out_name(o, "list");
    ag_json_out_open(o, '[');
    ag_json_out_printf(o, "%d", -7);
    ag_json_out_open(o, '[');
    ag_json_out_close(o, ']');
    ag_json_out_bool(o, true);
    ag_json_out_open(o, '{');
    ag_json_out_name(o, "a \"b\"");
    ag_json_out_bool(o, false);
    ag_json_out_close(o, '}');
    ag_json_out_str(o, "line\n");
    ag_json_out_close(o, ']');
    ag_json_out_name(o, "raw");
    ag_json_out_raw(o, AG_SPAN("[1,2]"));
    ag_json_out_name(o, "own");
    ag_json_out_value(o);
    ag_json_out_done(o, ag_buf_append_str(o->buf, "null"));
    ag_json_out_name(o, "cut");
    ag_json_out_text(o, (struct ag_span){"abc", 2});
    ag_json_out_close(o, '}');
}

static const char all[] =
    "{\"empty\":{},\"list\":[-7,[],true,{\"a \\\"b\\\"\":false},\"line\\n\"],\"raw\":[1,2],\"own\":null,\"cut\":\"ab\"}";

static void expect(const struct ag_buf *b, const char *want)
{
    if (!ag_span_is(ag_buf_span(b), want, strlen(want)))
        fail_msg("%.*s, wanted %s", (int) ag_buf_size(b), ag_buf_head(b), want);
}

static void commas_and_colons_come_by_themselves(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_out o = ag_json_out_begin(&b);
    struct ag_span text;

    (void) state;
    write_all(&o);
    assert_int_equal(ag_json_out_end(&o), 0);
    expect(&b, all);
    text = ag_buf_span(&b);
    assert_int_equal(ag_json_check(&text, 8), 0);
}

static void the_first_error_stays(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_out o;

    (void) state;
    ag_buf_append_str(&b, "xx before");
    ag_buf_consume(&b, 3);
    o = ag_json_out_begin(&b);
    ag_json_out_open(&o, '[');
    ag_json_out_str(&o, "a");
    ag_json_out_done(&o, 0);
    ag_json_out_done(&o, -EINVAL);
    ag_json_out_fail(&o, -ENOENT);
    ag_json_out_done(&o, -ERANGE);
    write_all(&o);
    assert_int_equal(ag_json_out_end(&o), -EINVAL);
    expect(&b, "before");
}

static void without_memory(void *user)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_out o;
    int r;

    (void) user;
    if (ag_buf_append_str(&b, "before ") < 0)
        return;
    o = ag_json_out_begin(&b);
    write_all(&o);
    r = ag_json_out_end(&o);
    assert_true(r == 0 || r == -ENOMEM);
    ag_buf_consume(&b, strlen("before "));
    expect(&b, r == 0 ? all : "");
}

static void each_allocation_may_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(without_memory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_colons_come_by_themselves),
        cmocka_unit_test(the_first_error_stays),
        cmocka_unit_test(each_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
