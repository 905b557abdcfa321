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
#include <string.h>
#include "libagent/model/core/serve.h"
#include "libagent/model/core/values.h"
#include "tests/support/alloc_fail.h"

static const char lamp[] =
    "{\"type\":\"urn:x:device:lamp:00000001:a-b:1\",\"services\":[{\"iid\":2,\"type\":\"urn:x:service:light:00000001\",\"properties\":["
    "{\"iid\":1,\"type\":\"urn:x:property:on:00000001\",\"format\":\"bool\",\"access\":[\"read\",\"write\",\"notify\"]},"
    "{\"iid\":2,\"type\":\"urn:x:property:brightness:00000001\",\"format\":\"uint8\",\"access\":[\"notify\",\"read\",\"write\"],\"value-range\":[1,100,1]},"
    "{\"iid\":3,\"type\":\"urn:x:property:secret:00000001\",\"format\":\"string\",\"access\":[\"write\"],\"max-length\":8},"
    "{\"iid\":4,\"type\":\"urn:x:property:heat:00000001\",\"format\":\"float\",\"access\":[\"read\"],\"value-range\":[0,50,0.1]},"
    "{\"iid\":5,\"type\":\"urn:x:property:delay:00000001\",\"format\":\"uint16\",\"access\":[]},"
    "{\"iid\":6,\"type\":\"urn:x:property:name:00000001\",\"format\":\"string\",\"access\":[\"read\",\"notify\",\"write\"]}],"
    "\"actions\":[{\"iid\":1,\"type\":\"urn:x:action:toggle:00000001\",\"in\":[],\"out\":[1]},"
    "{\"iid\":2,\"type\":\"urn:x:action:fade:00000001\",\"in\":[2,5],\"out\":[]},"
    "{\"iid\":3,\"type\":\"urn:x:action:slow:00000001\"}]}]}";

/* A device that keeps what it is told, and writes down what reached it. */
struct device {
    struct model m;
    struct model_values values;
    char seen[256];
};

static void note(struct device *d, const char *what, unsigned iid, const struct model_value *v)
{
    size_t n = strlen(d->seen);

    snprintf(d->seen + n, sizeof d->seen - n, "%s%s %u%s%.*s", n ? "; " : "", what, iid, v ? "=" : "", v ? (int) v->raw.len : 0,
             v ? v->raw.p : "");
}

static int get(void *user, const struct model_prop *p, struct ag_buf *out)
{
    struct device *d = user;

    note(d, "get", p->iid, NULL);
    return ag_model_values_write(&d->values, p, out);
}

static int set(void *user, const struct model_prop *p, const struct model_value *value)
{
    struct device *d = user;
    int r;

    note(d, "set", p->iid, value);
    if (p->iid == 6)
        return MODEL_ACCEPTED;
    r = ag_model_values_put(&d->values, p, value);
    return r < 0 ? r : 0;
}

static int act(void *user, const struct model_call *action, const struct model_value *in, struct ag_buf *out)
{
    struct device *d = user;

    note(d, "act", action->iid, action->n_in > 0 ? &in[0] : NULL);
    if (action->n_in > 1)
        note(d, "and", 1, &in[1]);
    if (action->iid == 3)
        return MODEL_ACCEPTED;
    return action->n_out > 0 ? ag_buf_append_str(out, "true") : 0;
}

static const struct model_ops ops = {get, set, act};

static int device_open(struct device *d)
{
    struct model_error error;
    int r;

    *d = (struct device){0};
    r = ag_model_parse(&d->m, AG_SPAN(lamp), &error);
    if (r == 0 && (r = ag_model_values_init(&d->values, &d->m)) < 0)
        ag_model_deinit(&d->m);
    return r;
}

static void device_close(struct device *d)
{
    ag_model_values_deinit(&d->values);
    ag_model_deinit(&d->m);
}

typedef int (*serve_fn)(const struct model *m, const struct model_ops *ops, void *user, struct ag_span params,
                        struct ag_buf *out);

struct row {
    serve_fn serve;
    const char *params, *result, *seen;
};

static const struct row rows[] = {
    {ag_model_serve_set, "[]", "[]", ""},
    {ag_model_serve_set, "{}", NULL, ""},
    {ag_model_serve_set, "\"x\"", NULL, ""},
    {ag_model_serve_get, "null", NULL, ""},
    {ag_model_serve_action, "[]", NULL, ""},
    {ag_model_serve_set, "[{\"did\":\"MYDID\",\"siid\":2,\"piid\":1,\"value\":true}]",
     "[{\"did\":\"MYDID\",\"siid\":2,\"piid\":1,\"code\":0}]", "set 1=true"},
    {ag_model_serve_get, "[{\"did\":\"on\",\"siid\":2,\"piid\":1},{\"siid\":2,\"piid\":4}]",
     "[{\"did\":\"on\",\"siid\":2,\"piid\":1,\"code\":0,\"value\":true},{\"siid\":2,\"piid\":4,\"code\":-4004}]", "get 1; get 4"},
    {ag_model_serve_set,
     "[{\"did\":\"1\",\"siid\":2,\"piid\":2,\"value\":101},{\"did\":\"1\",\"siid\":2,\"piid\":2,\"value\":50},{\"did\":\"1\",\"siid\":2,\"piid\":4,"
     "\"value\":5},{\"did\":\"1\",\"siid\":3,\"piid\":1,\"value\":5},{\"did\":\"1\",\"siid\":2,\"piid\":2},{\"did\":\"1\",\"siid\":2,\"piid\":3,"
     "\"value\":\"123456789\"},7,{}]",
     "[{\"did\":\"1\",\"siid\":2,\"piid\":2,\"code\":-4005},{\"did\":\"1\",\"siid\":2,\"piid\":2,\"code\":0},{\"did\":\"1\",\"siid\":2,\"piid\":4,"
     "\"code\":-4002},{\"did\":\"1\",\"siid\":3,\"piid\":1,\"code\":-4003},{\"did\":\"1\",\"siid\":2,\"piid\":2,\"code\":-4005},{\"did\":\"1\","
     "\"siid\":2,\"piid\":3,\"code\":-4005},{\"code\":-4003},{\"code\":-4003}]",
     "set 2=50"},
    {ag_model_serve_set, "[{\"value\":\"x\",\"piid\":6,\"siid\":2,\"did\":{\"odd\":[1]},\"more\":1}]",
     "[{\"did\":{\"odd\":[1]},\"siid\":2,\"piid\":6,\"code\":1}]", "set 6=\"x\""},
    {ag_model_serve_get,
     "[{\"did\":5,\"siid\":2,\"piid\":3},{\"siid\":2,\"piid\":5},{\"siid\":\"2\",\"piid\":1},{\"siid\":2.0,\"piid\":1},{\"siid\":2,\"piid\":65537}]",
     "[{\"did\":5,\"siid\":2,\"piid\":3,\"code\":-4001},{\"siid\":2,\"piid\":5,\"code\":-4001},{\"siid\":\"2\",\"piid\":1,\"code\":-4003},"
     "{\"siid\":2.0,\"piid\":1,\"code\":-4003},{\"siid\":2,\"piid\":65537,\"code\":-4003}]",
     ""},
    {ag_model_serve_action, "{\"did\":\"x\",\"siid\":2,\"aiid\":1,\"in\":[]}",
     "{\"did\":\"x\",\"siid\":2,\"aiid\":1,\"code\":0,\"out\":[true]}", "act 1"},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":1}", "{\"siid\":2,\"aiid\":1,\"code\":0,\"out\":[true]}", "act 1"},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":3,\"in\":[]}", "{\"siid\":2,\"aiid\":3,\"code\":1,\"out\":[]}", "act 3"},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":1,\"in\":[1]}", "{\"siid\":2,\"aiid\":1,\"code\":-4006}", ""},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":2,\"in\":[50,10]}", "{\"siid\":2,\"aiid\":2,\"code\":0,\"out\":[]}",
     "act 2=50; and 1=10"},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":2,\"in\":[{\"piid\":5,\"value\":10},{\"piid\":2,\"value\":50}]}",
     "{\"siid\":2,\"aiid\":2,\"code\":0,\"out\":[]}", "act 2=50; and 1=10"},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":2,\"in\":[{\"piid\":5,\"value\":10},{\"piid\":5,\"value\":10}]}",
     "{\"siid\":2,\"aiid\":2,\"code\":-4006}", ""},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":2,\"in\":[{\"piid\":1,\"value\":10},{\"piid\":2,\"value\":10}]}",
     "{\"siid\":2,\"aiid\":2,\"code\":-4006}", ""},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":2,\"in\":[50,{\"piid\":5,\"value\":10}]}",
     "{\"siid\":2,\"aiid\":2,\"code\":-4006}", ""},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":2,\"in\":[101,10]}", "{\"siid\":2,\"aiid\":2,\"code\":-4006}", ""},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":2,\"in\":[50]}", "{\"siid\":2,\"aiid\":2,\"code\":-4006}", ""},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":2}", "{\"siid\":2,\"aiid\":2,\"code\":-4006}", ""},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":2,\"in\":{\"a\":1,\"b\":2}}", "{\"siid\":2,\"aiid\":2,\"code\":-4006}", ""},
    {ag_model_serve_action, "{\"siid\":2,\"aiid\":2,\"in\":[{\"piid\":5},{\"piid\":2}]}",
     "{\"siid\":2,\"aiid\":2,\"code\":-4006}", ""},
    {ag_model_serve_action, "{\"did\":\"x\",\"siid\":2,\"aiid\":9,\"in\":[]}",
     "{\"did\":\"x\",\"siid\":2,\"aiid\":9,\"code\":-4003}", ""},
    {ag_model_serve_action, "{}", "{\"code\":-4003}", ""},
};

static void requests(void **state)
{
    struct device d;

    (void) state;
    assert_int_equal(device_open(&d), 0);
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        const struct row *row = &rows[i];
        ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
        int r;

        d.seen[0] = '\0';
        r = row->serve(&d.m, &ops, &d, (struct ag_span){row->params, strlen(row->params)}, &out);
        if (r != (row->result ? 0 : -EINVAL) || (row->result && strcmp(ag_buf_cstr(&out), row->result) != 0))
            fail_msg("%s gives %d %s", row->params, r, ag_buf_cstr(&out));
        if (strcmp(d.seen, row->seen) != 0)
            fail_msg("%s reached the device as \"%s\"", row->params, d.seen);
    }
    device_close(&d);
}

static void put(struct device *d, unsigned piid, const char *json, int want)
{
    const struct model_prop *p = ag_model_find_prop(&d->m, 2, piid);
    struct model_value v;

    assert_int_equal(ag_model_check(&d->m, p, (struct ag_span){json, strlen(json)}, &v), MODEL_FINE);
    assert_int_equal(ag_model_values_put(&d->values, p, &v), want);
}

static void expect_changes(struct device *d, const char *did, const char *want)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

    assert_int_equal(ag_model_values_put_changes(&d->values, (struct ag_span){did, strlen(did)}, &out), 0);
    assert_string_equal(ag_buf_cstr(&out), want);
}

static void changes_are_told_once_the_last_value_wins(void **state)
{
    struct device d;

    (void) state;
    assert_int_equal(device_open(&d), 0);
    expect_changes(&d, "", "[]");
    put(&d, 2, "10", 1);
    put(&d, 1, "false", 1);
    put(&d, 2, "20", 1);
    put(&d, 2, "20.0", 0);
    put(&d, 4, "21.299999237060547", 1); /* not notified */
    put(&d, 6, "\"a\"", 1);
    assert_int_equal(d.values.n_changed, 3);
    expect_changes(
        &d, "\"123\"",
        "[{\"did\":\"123\",\"siid\":2,\"piid\":1,\"value\":false},{\"did\":\"123\",\"siid\":2,\"piid\":2,\"value\":20},"
        "{\"did\":\"123\",\"siid\":2,\"piid\":6,\"value\":\"a\"}]");
    ag_model_values_told(&d.values, 1);
    expect_changes(&d, "", "[]");
    put(&d, 1, "false", 0);
    put(&d, 6, "\"a\"", 0);
    put(&d, 4, "21.3", 0);
    expect_changes(&d, "", "[]");
    put(&d, 1, "true", 1);
    expect_changes(&d, "", "[{\"siid\":2,\"piid\":1,\"value\":true}]");
    device_close(&d);
}

static void what_did_not_arrive_waits_again(void **state)
{
    struct device d;

    (void) state;
    assert_int_equal(device_open(&d), 0);
    put(&d, 1, "true", 1);
    put(&d, 2, "10", 1);
    ag_model_values_told(&d.values, 1);
    put(&d, 2, "20", 1);
    ag_model_values_told(&d.values, 2);
    expect_changes(&d, "", "[]");
    assert_true(ag_model_values_untold(&d.values, 1)); /* 20 has been told since */
    expect_changes(&d, "", "[]");                      /* nobody is there yet who could take it */
    ag_model_values_retry(&d.values);
    expect_changes(&d, "", "[{\"siid\":2,\"piid\":1,\"value\":true}]");
    put(&d, 2, "30", 1);
    assert_false(ag_model_values_untold(&d.values, 2)); /* 30 waits anyhow */
    ag_model_values_told(&d.values, 3);
    ag_model_values_retry(&d.values);
    expect_changes(&d, "", "[]"); /* told since, so owed no more */
    assert_false(ag_model_values_untold(&d.values, 1));
    device_close(&d);
}

static void sweep(void *user)
{
    struct device d;

    (void) user;
    if (device_open(&d) < 0)
        return;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
        int r = rows[i].serve(&d.m, &ops, &d, (struct ag_span){rows[i].params, strlen(rows[i].params)}, &out);

        assert_true(r == 0 || r == -ENOMEM || !rows[i].result);
    }
    device_close(&d);
}

static void every_allocation_may_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(changes_are_told_once_the_last_value_wins),
        cmocka_unit_test(what_did_not_arrive_waits_again),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
