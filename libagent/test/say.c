/* SPDX-License-Identifier: MIT */
/* What the agent says: commands and messages of the test, and answers to the application. */
#include <errno.h>
#include <stdio.h>
#include "libagent/core/json/json_walk.h"
#include "libagent/test/claims.h"
#include "libagent/test/speak.h"
#include "libagent/test/turn.h"
#include "libagent/test/value.h"

static int append_params(struct ag_buf *out, const char *params)
{
    return ag_buf_printf(out, ",\"params\":%s}", params ? params : "[]");
}

static int append_method(struct ag_buf *out, const char *method)
{
    int r = ag_buf_append_str(out, "\"method\":");

    return r == 0 ? ag_buf_append_json_str(out, method, strlen(method)) : r;
}

static void need_value(struct agent_test *t, const char *what, const char *json)
{
    struct ag_json_value v;
    int r = json ? ag_test_value(json, &v) : 0;

    if (r == -EINVAL)
        ag_test_fail(t, "%s is not one JSON value: %s", what, json);
    ag_test_must(t, r);
}

static void need_connection(struct agent_test *t, const char *method, const char *params)
{
    ag_test_turn(t);
    if (!method)
        ag_test_fail(t, "the method is NULL");
    need_value(t, "params", params);
    if (t->link.fd < 0)
        ag_test_fail(t, "%s: the application is not connected (%s)", method,
                     !t->conn                                   ? "its connection object is gone"
                     : agent_get_state(t->conn) == AGENT_CLOSED ? "it has not called agent_open(), or has closed"
                     : t->stopped                               ? "the agent is stopped"
                                                                : "a pause before the next try: agent_test_advance()");
}

static void need_subscription(struct agent_test *t, const char *method)
{
    char names[1024] = " none";
    size_t n = 0;

    if (ag_test_key_match(&t->keys, method))
        return;
    ag_list_for_each (it, &t->keys) {
        struct test_key *key = ag_list_entry(it, struct test_key, link);

        if (key->in_force && n < sizeof names)
            n += (size_t) snprintf(names + n, sizeof names - n, " %s", key->name);
    }
    ag_test_fail(t, "the application has not subscribed to %s; its keys:%s", method, names);
}

static uint32_t note_command(struct agent_test *t, struct ag_span method, uint32_t id)
{
    struct test_call *command = ag_test_alloc(t, sizeof *command + method.len + 1);

    command->id = id;
    memcpy(command->method, method.p, method.len);
    ag_list_append(&t->commands, &command->link);
    if (id > t->last_id)
        t->last_id = id;
    return id;
}

static uint32_t new_command(struct agent_test *t, const char *method)
{
    return note_command(t, (struct ag_span){method, strlen(method)}, t->last_id + 1);
}

AGENT_API uint32_t agent_test_command(agent_test *t, const char *method, const char *params)
{
    struct ag_buf *out;
    uint32_t id;

    need_connection(t, method, params);
    need_subscription(t, method);
    id = new_command(t, method);
    out = ag_test_scratch(t);
    ag_test_must(t, ag_buf_printf(out, "{\"id\":%u,", (unsigned) id));
    ag_test_must(t, append_method(out, method));
    ag_test_must(t, append_params(out, params));
    ag_test_say(t, ag_buf_span(out));
    ag_test_turn(t);
    return id;
}

AGENT_API void agent_test_notify(agent_test *t, const char *method, const char *params)
{
    struct ag_buf *out;

    need_connection(t, method, params);
    need_subscription(t, method);
    out = ag_test_scratch(t);
    ag_test_must(t, ag_buf_append_char(out, '{'));
    ag_test_must(t, append_method(out, method));
    ag_test_must(t, append_params(out, params));
    ag_test_say(t, ag_buf_span(out));
    ag_test_turn(t);
}

AGENT_API uint32_t agent_test_message(agent_test *t, uint32_t from, const char *method, const char *params)
{
    struct ag_buf *out;
    uint32_t id;

    need_connection(t, method, params);
    if (from == 0 || (from & (from - 1)) != 0)
        ag_test_fail(t, "%s: an address is one bit, not %u", method, (unsigned) from);
    if (t->address == 0)
        ag_test_fail(t, "%s: the application has no address: agent_bind()", method);
    id = new_command(t, method);
    out = ag_test_scratch(t);
    ag_test_must(t, ag_buf_printf(out, "{\"_from\":%u,\"id\":%u,", (unsigned) from, (unsigned) id));
    ag_test_must(t, append_method(out, method));
    ag_test_must(t, append_params(out, params));
    ag_test_say(t, ag_buf_span(out));
    ag_test_turn(t);
    return id;
}

/* If a text that is sent as it is happens to be a command, its answer can be expected. */
static void note_text(struct agent_test *t, struct ag_span text)
{
    struct ag_json_view view;
    struct ag_span method;
    char tmp[256];
    uint64_t id;

    if (ag_json_parse(&text, AG_JSON_DEPTH_MAX, &view) == 0 &&
        ag_view_str(&view, text.p, AG_M_METHOD, tmp, sizeof tmp, &method) &&
        ag_view_uint(&view, text.p, AG_M_ID, UINT32_MAX, &id))
        note_command(t, method, (uint32_t) id);
}

AGENT_API void agent_test_say(agent_test *t, const char *text)
{
    struct ag_span span;

    need_connection(t, "agent_test_say()", NULL);
    if (!text)
        ag_test_fail(t, "the text is NULL");
    span = (struct ag_span){text, strlen(text)};
    ag_test_say(t, span);
    note_text(t, span);
    ag_test_turn(t);
}

/* ---- answers ---- */

static struct test_call *need_call(struct agent_test *t, uint32_t id)
{
    ag_test_turn(t);
    ag_list_for_each (it, &t->calls) {
        struct test_call *call = ag_list_entry(it, struct test_call, link);

        if (call->id == id)
            return call;
    }
    ag_test_fail(t, "the application waits for no answer with id %u: %s", (unsigned) id,
                 t->link.fd < 0 ? "it is not connected" : "it was never asked, answered before, or lost with its connection");
}

AGENT_API void agent_test_answer(agent_test *t, uint32_t id, const char *result)
{
    struct test_call *call = need_call(t, id);

    need_value(t, "the result", result);
    ag_test_answer_call(t, call, "result", result ? result : "[\"ok\"]", false);
    ag_test_turn(t);
}

AGENT_API void agent_test_answer_error(agent_test *t, uint32_t id, int code, const char *message)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf error = AG_BUF_INIT;
    const char *words = message ? message : "error";
    struct test_call *call = need_call(t, id);

    ag_test_must(t, ag_buf_printf(&error, "{\"code\":%d,\"message\":", code));
    ag_test_must(t, ag_buf_append_json_str(&error, words, strlen(words)));
    ag_test_must(t, ag_buf_append_char(&error, '}'));
    if (!ag_buf_cstr(&error))
        ag_test_fail(t, "out of memory");
    ag_test_answer_call(t, call, "error", error.data, false);
    ag_test_turn(t);
}
