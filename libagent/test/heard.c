/* SPDX-License-Identifier: MIT */
#include "libagent/test/heard.h"

#include "libagent/core/json/json_walk.h"
#include "libagent/test/claims.h"
#include "libagent/test/speak.h"

enum { NAME_MAX = 256 };

static struct ag_span member(const struct test_text *text, enum ag_member m)
{
    return ag_view_raw(&text->view, ag_buf_head(&text->json), m);
}

static struct ag_span word(const struct test_text *text, enum ag_member m, char tmp[NAME_MAX])
{
    struct ag_span out = {"", 0};

    ag_view_str(&text->view, ag_buf_head(&text->json), m, tmp, NAME_MAX, &out);
    return out;
}

/* ---- claims ---- */

static void answer_claim(struct agent_test *t, const struct test_text *text, int code, const char *ok)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

    if (!text->has_id || t->old)
        return;
    ag_test_must(
        t, code ? ag_buf_printf(&out, "{\"id\":%u,\"error\":{\"code\":%d,\"message\":\"refused\"}}", (unsigned) text->id, code)
                : ag_buf_printf(&out, "{\"id\":%u,\"result\":[\"%s\"]}", (unsigned) text->id, ok));
    ag_test_say_slowly(t, ag_buf_span(&out));
}

static bool asks_to_be_told(const struct test_text *text)
{
    struct ag_json_value params = {(enum ag_json_type) text->view.at[AG_M_PARAMS].type, member(text, AG_M_PARAMS)};

    return params.type == AG_JSON_OBJECT && ag_json_member(params, "tell").type == AG_JSON_TRUE;
}

static void register_key(struct agent_test *t, const struct test_text *text)
{
    char tmp[NAME_MAX], mode[NAME_MAX];
    struct test_key *key = ag_test_key_get(&t->keys, word(text, AG_M_KEY, tmp));
    bool standby = ag_span_eq(word(text, AG_M_MODE, mode), "standby");
    int code;

    if (!key)
        ag_test_fail(t, "out of memory");
    code = key->code ? key->code : key->other_owner && !standby && !t->old ? AGENT_CODE_KEY_TAKEN : 0;
    key->waits = code == 0 && key->other_owner && standby;
    key->in_force = code == 0 && !key->waits;
    key->tells = asks_to_be_told(text);
    answer_claim(t, text, code, key->waits && key->tells ? "waiting" : "ok");
}

static void bind_address(struct agent_test *t, const struct test_text *text)
{
    uint64_t address = 0;

    ag_view_uint(&text->view, ag_buf_head(&text->json), AG_M_ADDRESS, UINT32_MAX, &address);
    if (address == 0 || t->address_code == 0)
        t->address = (uint32_t) address;
    answer_claim(t, text, address ? t->address_code : 0, "ok");
}

/* True: it was one, and has been dealt with. */
static bool claim(struct agent_test *t, const struct test_text *text, struct ag_span method)
{
    char tmp[NAME_MAX];

    if (ag_span_eq(method, "register"))
        register_key(t, text);
    else if (ag_span_eq(method, "unregister"))
        ag_test_keys_give_up(&t->keys, word(text, AG_M_KEY, tmp));
    else if (ag_span_eq(method, "bind"))
        bind_address(t, text);
    else
        return false;
    return true;
}

/* ---- calls and reports ---- */

static bool begins(const char *method, const char *with)
{
    return strncmp(method, with, strlen(with)) == 0;
}

static bool is_report(const char *method)
{
    return strcmp(method, "props") == 0 || begins(method, "prop.") || begins(method, "event.") ||
           strcmp(method, "properties_changed") == 0 || strcmp(method, "event_occured") == 0;
}

static struct test_call *open_call(struct agent_test *t, const struct test_text *text, struct ag_span method)
{
    struct test_call *call = ag_test_alloc(t, sizeof *call + method.len + 1);
    uint64_t to = 0;

    ag_view_uint(&text->view, ag_buf_head(&text->json), AG_M_TO, UINT32_MAX, &to);
    call->id = text->id;
    call->to = (uint32_t) to;
    memcpy(call->method, method.p, method.len);
    ag_list_append(&t->calls, &call->link);
    return call;
}

static void serve(struct agent_test *t, struct test_text *text, const struct test_service *s, struct test_call *call)
{
    struct ag_span params = member(text, AG_M_PARAMS);

    if (s->fn) {
        ag_cleanup(ag_buf_deinit) struct ag_buf copy = AG_BUF_INIT;

        ag_test_must(t, params.p ? ag_buf_append_span(&copy, params) : ag_buf_append_str(&copy, "[]"));
        if (!ag_buf_cstr(&copy))
            ag_test_fail(t, "out of memory");
        ag_test_text_free(text);
        s->fn(t, call ? call->id : 0, copy.data, s->user);
        return;
    }
    if (call)
        ag_test_answer_call(t, call, "result", s->result, true);
    ag_test_text_free(text);
}

/* A call, a report, a message to others: answered automatically, or left for the test to look at. */
static void called(struct agent_test *t, struct test_text *text, struct ag_span method)
{
    struct test_call *call = text->has_id ? open_call(t, text, method) : NULL;
    struct test_service *s;
    char name[NAME_MAX + 1];

    memcpy(name, method.p, method.len);
    name[method.len] = '\0';
    s = ag_view_has(&text->view, AG_M_TO) ? NULL : ag_test_service_find(t, name);
    if (s) {
        serve(t, text, s, call);
        return;
    }
    ag_list_append(&t->sent, &text->link);
    if (call && t->acknowledges && is_report(name))
        ag_test_answer_call(t, call, "result", "[\"ok\"]", true);
}

void ag_test_heard(struct agent_test *t, struct test_text *text)
{
    char tmp[NAME_MAX];
    struct ag_span method = word(text, AG_M_METHOD, tmp);

    if (method.len > NAME_MAX) /* longer than the library sends them */
        method.len = NAME_MAX;
    if (!ag_view_has(&text->view, AG_M_METHOD))
        ag_list_append(&t->sent, &text->link);
    else if (!ag_view_has(&text->view, AG_M_TO) && claim(t, text, method))
        ag_test_text_free(text);
    else
        called(t, text, method);
}
