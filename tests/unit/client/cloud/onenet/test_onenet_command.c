/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include "client/device/core/endpoint.h"
#include "client/cloud/onenet/core/onenet_command.h"
#include "tests/support/alloc_fail.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static const struct {
    const char *payload, *command, *answer, *published;
} rows[] = {
    {"{\"id\":7,\"method\":\"set\",\"params\":[1]}", "{\"id\":7,\"method\":\"set\",\"params\":[1]}",
     "{\"id\":99,\"result\":[\"ok\"]}", "{\"id\":7,\"result\":[\"ok\"]}"},
    {"{\"id\":\"x\",\"method\":\"set\"}", "{\"id\":\"x\",\"method\":\"set\"}",
     "{\"id\":99,\"error\":{\"code\":-1,\"message\":\"m\"}}", "{\"id\":\"x\",\"error\":{\"code\":-1,\"message\":\"m\"}}"},
    {"{\"method\":\"set\"}", "{\"method\":\"set\"}", "{\"id\":99,\"result\":1.50}", "{\"result\":1.50}"},
    {"{\"id\":5,\"method\":\"set\"}", "{\"id\":5,\"method\":\"set\"}", "{\"result\":{}}", "{\"id\":5,\"result\":{}}"},
    {"on", "{\"method\":\"onenet.command\",\"params\":{\"payload\":\"on\"}}", "{\"id\":1,\"result\":{\"payload\":\"o\\u006b\"}}",
     "ok"},
    {"{\"cmd\":1}", "{\"method\":\"onenet.command\",\"params\":{\"payload\":\"{\\\"cmd\\\":1}\"}}",
     "{\"id\":1,\"result\":{\"base64\":\"aGk=\"}}", "hi"},
    {"\xff", "{\"method\":\"onenet.command\",\"params\":{\"base64\":\"/w==\"}}", "{\"id\":1,\"result\":[\"ok\"]}",
     "{\"result\":[\"ok\"]}"},
    {"", "{\"method\":\"onenet.command\",\"params\":{\"payload\":\"\"}}", "{\"id\":1,\"error\":{\"code\":-32601}}",
     "{\"error\":{\"code\":-32601}}"},
};

static void commands_and_answers_are_mapped(void **state)
{
    struct onenet_commands c;

    (void) state;
    onenet_commands_init(&c);
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT, topic = AG_BUF_INIT, payload = AG_BUF_INIT;
        struct ag_span again;
        uint64_t token;
        char uuid[16], want[32];

        snprintf(uuid, sizeof uuid, "u-%zu", i);
        snprintf(want, sizeof want, "$crsp/%s", uuid);
        assert_int_equal(onenet_commands_take(&c, span(uuid), span(rows[i].payload), true, &text, &token, &again), 0);
        assert_string_equal(ag_buf_cstr(&text), rows[i].command);
        assert_int_equal(onenet_commands_take(&c, span(uuid), span("x"), true, &text, &token, &again), ONENET_COMMAND_E_OPEN);
        assert_int_equal(onenet_commands_answer(&c, token, span("{\"id\":1}"), &topic, &payload), -EINVAL);
        assert_int_equal(onenet_commands_answer(&c, token, span(rows[i].answer), &topic, &payload), 0);
        assert_string_equal(ag_buf_cstr(&topic), want);
        assert_string_equal(ag_buf_cstr(&payload), rows[i].published);
        assert_int_equal(onenet_commands_answer(&c, token, span(rows[i].answer), &topic, &payload), -ENOENT);
        assert_int_equal(onenet_commands_take(&c, span(uuid), span("x"), true, &text, &token, &again), ONENET_COMMAND_E_ANSWERED);
        assert_true(ag_span_is(again, rows[i].published, strlen(rows[i].published)));
    }
    assert_int_equal(c.n_taken, ag_array_size(rows));
    onenet_commands_deinit(&c);
}

static void take(struct onenet_commands *c, int i, int want, uint64_t *token)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct ag_span again;
    char uuid[16];

    snprintf(uuid, sizeof uuid, "%d", i);
    assert_int_equal(onenet_commands_take(c, span(uuid), span("x"), true, &text, token, &again), want);
}

static void answer(struct onenet_commands *c, uint64_t token, const char *result)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf topic = AG_BUF_INIT, payload = AG_BUF_INIT;

    assert_int_equal(onenet_commands_answer(c, token, span(result), &topic, &payload), 0);
}

static void what_is_open_is_never_forgotten(void **state)
{
    struct onenet_commands c;
    uint64_t first, token;

    (void) state;
    onenet_commands_init(&c);
    take(&c, 0, 0, &first);
    for (int i = 1; i <= ONENET_COMMANDS_KEPT + 10; i++) {
        take(&c, i, 0, &token);
        answer(&c, token, "{\"result\":1}");
    }
    assert_int_equal(c.n_answered, ONENET_COMMANDS_KEPT);
    take(&c, 0, ONENET_COMMAND_E_OPEN, &token);
    take(&c, 1, 0, &token); /* answered long ago: forgotten */
    take(&c, 11, ONENET_COMMAND_E_ANSWERED, &token);
    answer(&c, first, "{\"result\":1}");
    onenet_commands_deinit(&c);
}

static void what_is_too_much_is_refused(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf a = AG_BUF_INIT, refusal = AG_BUF_INIT;
    struct onenet_commands c;
    static char big[ONENET_COMMAND_MAX + 1], id[400];
    struct ag_span again;
    uint64_t token = 0;

    (void) state;
    onenet_commands_init(&c);
    assert_int_equal(onenet_commands_take(&c, span("big"), (struct ag_span){big, sizeof big}, true, &a, &token, &again),
                     ONENET_COMMAND_E_TOO_LARGE);
    assert_int_equal(onenet_commands_take(&c, span("big"), (struct ag_span){big, sizeof big - 1}, true, &a, &token, &again),
                     0); /* NUL bytes: as base64 */
    snprintf(id, sizeof id, "{\"id\":\"%0*d\",\"method\":\"m\"}", ONENET_ID_MAX - 1, 0);
    assert_int_equal(onenet_commands_take(&c, span("id"), span(id), true, &a, &token, &again), ONENET_COMMAND_E_ID);
    assert_int_equal(onenet_commands_take(&c, span("u"), span("x"), false, &a, &token, &again), ONENET_COMMAND_E_FULL);
    assert_int_equal(onenet_command_refusal(&refusal, span("{\"id\":\"a\",\"method\":\"m\"}"), -32000, "full"), 0);
    assert_string_equal(ag_buf_cstr(&refusal), "{\"id\":\"a\",\"error\":{\"code\":-32000,\"message\":\"full\"}}");
    onenet_commands_deinit(&c);
}

static void remembered_answers_have_a_bound(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf result = AG_BUF_INIT;
    struct onenet_commands c;
    uint64_t token;

    (void) state;
    onenet_commands_init(&c);
    assert_int_equal(ag_buf_printf(&result, "{\"result\":\"%0*d\"}", ONENET_ANSWER_KEPT_MAX - 100, 0), 0);
    for (int i = 0; i < 200; i++) {
        take(&c, i, 0, &token);
        answer(&c, token, ag_buf_cstr(&result));
        assert_true(c.bytes <= ONENET_ANSWERS_KEPT_MAX);
    }
    assert_true(c.bytes > ONENET_ANSWERS_KEPT_MAX / 2);
    take(&c, 0, ONENET_COMMAND_E_ANSWERED, &token); /* the notice, but not executed again */
    assert_true(c.notice.len > 0);
    onenet_commands_deinit(&c);
}

static void a_long_answer_is_not_remembered_but_named(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT, topic = AG_BUF_INIT, payload = AG_BUF_INIT, answer = AG_BUF_INIT;
    struct onenet_commands c;
    struct ag_span again;
    uint64_t token;

    (void) state;
    onenet_commands_init(&c);
    assert_int_equal(ag_buf_printf(&answer, "{\"id\":1,\"result\":\"%0*d\"}", ONENET_ANSWER_KEPT_MAX, 0), 0);
    assert_int_equal(onenet_commands_take(&c, span("u"), span("{\"id\":9,\"method\":\"m\"}"), true, &text, &token, &again), 0);
    assert_int_equal(onenet_commands_answer(&c, token, ag_buf_span(&answer), &topic, &payload), 0);
    assert_true(ag_buf_size(&payload) > ONENET_ANSWER_KEPT_MAX);
    assert_int_equal(onenet_commands_take(&c, span("u"), span("x"), true, &text, &token, &again), ONENET_COMMAND_E_ANSWERED);
    assert_true(again.len > 30 && memcmp(again.p, "{\"id\":9,\"error\":{\"code\":-32603", 30) == 0);
    onenet_commands_deinit(&c);
}

static void one_round(void *user)
{
    (void) user;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT, topic = AG_BUF_INIT, payload = AG_BUF_INIT;
        struct onenet_commands c;
        struct ag_span again;
        uint64_t token;

        onenet_commands_init(&c);
        if (onenet_commands_take(&c, span("u"), span(rows[i].payload), true, &text, &token, &again) == 0)
            onenet_commands_answer(&c, token, span(rows[i].answer), &topic, &payload);
        onenet_commands_deinit(&c);
    }
}

static void short_memory_leaves_nothing_behind(void **state)
{
    (void) state;
    alloc_fail_sweep(one_round, NULL);
}

static void endpoints_are_parsed(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port; /* 0: refused */
    } endpoints[] = {
        {"183.230.40.39:6002", "183.230.40.39", 6002},
        {"broker.example", "broker.example", 1883},
        {"[::1]:99", "::1", 99},
        {"[::1]", "::1", 1883},
        {"::1", NULL, 0},
        {"", NULL, 0},
        {":1883", NULL, 0},
        {"h:", NULL, 0},
        {"h:0", NULL, 0},
        {"h:65536", NULL, 0},
        {"h:1x", NULL, 0},
        {"a b", NULL, 0},
        {"[::1", NULL, 0},
        {"[::1]x", NULL, 0},
        {"http://h", NULL, 0},
        {"user@h", NULL, 0},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(endpoints); i++) {
        struct endpoint e;
        const char *why = "";
        int r = endpoint_parse(endpoints[i].text, 1883, &e, &why);

        if ((r == 0) != (endpoints[i].port != 0))
            fail_msg("%s: %d", endpoints[i].text, r);
        if (r != 0) {
            assert_true(strlen(why) > 5);
            continue;
        }
        assert_string_equal(e.host, endpoints[i].host);
        assert_int_equal(e.port, endpoints[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_and_answers_are_mapped),
        cmocka_unit_test(what_is_open_is_never_forgotten),
        cmocka_unit_test(what_is_too_much_is_refused),
        cmocka_unit_test(remembered_answers_have_a_bound),
        cmocka_unit_test(a_long_answer_is_not_remembered_but_named),
        cmocka_unit_test(short_memory_leaves_nothing_behind),
        cmocka_unit_test(endpoints_are_parsed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
