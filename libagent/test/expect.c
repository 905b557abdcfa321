/* SPDX-License-Identifier: MIT */
/* What the test expects to have been sent. */
#include <errno.h>
#include <stdlib.h>
#include "libagent/core/json/json_walk.h"
#include "libagent/test/claims.h"
#include "libagent/test/turn.h"
#include "libagent/test/value.h"

static struct ag_json_value value_of(const struct test_text *text, enum ag_member m)
{
    return (struct ag_json_value){(enum ag_json_type) text->view.at[m].type, ag_view_raw(&text->view, text->json.data, m)};
}

static bool is_answer(const struct test_text *text)
{
    return !ag_view_has(&text->view, AG_M_METHOD);
}

static void take(struct test_text *text)
{
    ag_test_text_free(text);
}

/* Is the value the one that was written by hand? */
static bool same(struct agent_test *t, struct ag_json_value v, const char *expected)
{
    struct ag_json_value e;
    int r = ag_test_value(expected, &e);

    if (r == 0)
        r = ag_test_same(v, e);
    else if (r == -EINVAL)
        ag_test_fail(t, "what is expected is not one JSON value: %s", expected);
    ag_test_must(t, r);
    return r == 1;
}

AGENT_API const char *agent_test_next(agent_test *t)
{
    ag_test_turn(t);
    ag_test_text_free(t->shown);
    t->shown = ag_list_first(&t->sent, struct test_text, link);
    if (!t->shown)
        return NULL;
    ag_list_del(&t->shown->link);
    return t->shown->json.data;
}

AGENT_API void agent_test_expect_nothing(agent_test *t)
{
    ag_test_turn(t);
    if (!ag_list_empty(&t->sent))
        ag_test_fail(t, "expected nothing; the application sent %s", ag_list_first(&t->sent, struct test_text, link)->json.data);
}

/* ---- answers ---- */

static struct test_call *need_command(struct agent_test *t, uint32_t id)
{
    ag_list_for_each (it, &t->commands) {
        struct test_call *command = ag_list_entry(it, struct test_call, link);

        if (command->id == id)
            return command;
    }
    ag_test_fail(t, "no command has the id %u, or its answer was taken before", (unsigned) id);
}

static struct test_text *need_answer(struct agent_test *t, uint32_t id)
{
    struct test_call *command;
    struct test_text *first;

    ag_test_turn(t);
    command = need_command(t, id);
    ag_list_for_each (it, &t->sent) {
        struct test_text *text = ag_list_entry(it, struct test_text, link);

        if (!is_answer(text) || !text->has_id || text->id != id)
            continue;
        ag_list_del(&command->link);
        free(command);
        return text;
    }
    first = ag_list_first(&t->sent, struct test_text, link);
    ag_test_fail(t, "%s (id %u) has not been answered; %s%s", command->method, (unsigned) id,
                 first ? "the application sent " : "the application sent nothing", first ? first->json.data : "");
}

AGENT_API void agent_test_expect_result(agent_test *t, uint32_t id, const char *result)
{
    struct test_text *text = need_answer(t, id);

    if (!ag_view_has(&text->view, AG_M_RESULT) || (result && !same(t, value_of(text, AG_M_RESULT), result)))
        ag_test_fail(t, "expected the result %s; the application answered %s", result ? result : "(any)", text->json.data);
    take(text);
}

static int code_of(const struct test_text *text)
{
    struct ag_json_value error = value_of(text, AG_M_ERROR);
    char copy[512];

    if (error.raw.len >= sizeof copy)
        error = ag_json_member(error, "code"); /* long data: the number alone */
    if (error.raw.len == 0 || error.raw.len >= sizeof copy)
        return 0;
    memcpy(copy, error.raw.p, error.raw.len);
    copy[error.raw.len] = '\0';
    return error.type == AG_JSON_OBJECT ? agent_error_code(copy) : atoi(copy);
}

AGENT_API void agent_test_expect_error(agent_test *t, uint32_t id, int code)
{
    struct test_text *text = need_answer(t, id);

    if (!ag_view_has(&text->view, AG_M_ERROR))
        ag_test_fail(t, "expected an error; the application answered %s", text->json.data);
    if (code != 0 && code_of(text) != code)
        ag_test_fail(t, "expected the error %d; the application answered %s", code, text->json.data);
    take(text);
}

/* ---- calls and reports ---- */

static struct test_text *next_call(struct agent_test *t)
{
    ag_test_turn(t);
    ag_list_for_each (it, &t->sent) {
        struct test_text *text = ag_list_entry(it, struct test_text, link);

        if (!is_answer(text))
            return text;
    }
    return NULL;
}

static bool has_params(struct agent_test *t, const struct test_text *text, const char *params)
{
    return !params || same(t, value_of(text, AG_M_PARAMS), params);
}

static uint32_t expect(struct agent_test *t, const char *what, const char *method, const char *params, bool with_id)
{
    struct test_text *text = next_call(t);
    struct ag_span name;
    char tmp[256];
    uint32_t id;

    if (!method)
        ag_test_fail(t, "the method is NULL");
    if (!text)
        ag_test_fail(t, "expected the %s %s; the application sent nothing", what, method);
    if (!ag_view_str(&text->view, text->json.data, AG_M_METHOD, tmp, sizeof tmp, &name) ||
        !ag_span_is(name, method, strlen(method)) || !has_params(t, text, params) || (with_id && !text->has_id))
        ag_test_fail(t, "expected the %s %s %s; the application sent %s", what, method, params ? params : "", text->json.data);
    id = text->id;
    take(text);
    return id;
}

AGENT_API uint32_t agent_test_expect_call(agent_test *t, const char *method, const char *params)
{
    return expect(t, "call", method, params, true);
}

AGENT_API uint32_t agent_test_expect_report(agent_test *t, const char *method, const char *params)
{
    return expect(t, "report", method, params, false);
}

AGENT_API int agent_test_has_key(agent_test *t, const char *key)
{
    struct test_key *k;

    ag_test_turn(t);
    if (!key)
        ag_test_fail(t, "the key is NULL");
    k = ag_test_key_find(&t->keys, (struct ag_span){key, strlen(key)});
    return k && k->in_force;
}
