/* SPDX-License-Identifier: MIT */
#include "libagent/dispatch.h"

#include <errno.h>
#include <stdio.h>
#include "libagent/api/bind.h"
#include "libagent/api/call.h"
#include "libagent/api/subscribe.h"
#include "libagent/core/json/json_walk.h"
#include "libagent/conn/due.h"
#include "libagent/conn/out.h"
#include "libagent/conn/request.h"
#include "libagent/conn/slot.h"
#include "libagent/text/encode.h"

/* ends the value with a NUL in place; the text is not read again afterwards */
static const char *take_value(char *text, const struct ag_json_view *v, enum ag_member m)
{
    const struct ag_member_at *at = &v->at[m];

    if (at->type == AG_JSON_NONE)
        return NULL;
    text[at->end] = '\0';
    return text + at->value;
}

/* The error object; null stands for none. */
static const char *take_error(char *text, const struct ag_json_view *v)
{
    return v->at[AG_M_ERROR].type == AG_JSON_NULL ? NULL : take_value(text, v, AG_M_ERROR);
}

/* ---- answers ---- */

static void status_to_followers(struct agent_conn *c, const struct ag_json_view *v, char *text);

static int registered_status(const char *error)
{
    switch (agent_error_code(error)) {
    case AGENT_CODE_NOT_PERMITTED:
        return -EPERM;
    case AGENT_CODE_KEY_TAKEN:
        return -EEXIST;
    case 0:
        return AGENT_E_REMOTE;
    default:
        return agent_error_code(error) < 0 ? agent_error_code(error) : -agent_error_code(error);
    }
}

static void end_call(struct agent_slot *slot, char *text, const struct ag_json_view *v, bool by_method)
{
    enum ag_member m = by_method ? AG_M_PARAMS : AG_M_RESULT;

    const char *error = take_error(text, v);

    if (error)
        ag_call_end(slot, AGENT_E_REMOTE, NULL, error);
    else if (ag_view_has(v, m))
        ag_call_end(slot, 0, take_value(text, v, m), NULL);
    else
        ag_call_end(slot, 0, "null", NULL);
}

/* A standby that waits is answered ["waiting"]. */
static bool is_waiting(const char *text, const struct ag_json_view *v)
{
    struct ag_json_walk w;
    struct ag_json_value word;
    struct ag_span key;

    if (v->at[AG_M_RESULT].type != AG_JSON_ARRAY)
        return false;
    ag_json_walk_begin(&w, (struct ag_json_value){AG_JSON_ARRAY, ag_view_raw(v, text, AG_M_RESULT)});
    return ag_json_walk_next(&w, &key, &word) && ag_span_eq(word.raw, "\"waiting\"");
}

/* One that is refused again and again is reported once. */
static void key_answered(struct agent_conn *c, struct ag_key *key, int status)
{
    bool told = status == AGENT_CODE_BUSY && key->status == status && !key->counted;

    if (status == AGENT_CODE_BUSY)
        ag_key_wait_busy(c, key);
    if (!told)
        ag_key_registered(c, key, status);
}

/* The answer to a claim of a key or of the address. If success was guessed and reported, only a different answer is passed on. */
static void claim_answered(struct agent_conn *c, struct ag_wait *a, char *text, const struct ag_json_view *v)
{
    int status = a->kind == AG_WAIT_REGISTER && is_waiting(text, v) ? AGENT_WAITING : 0;
    const char *error = take_error(text, v);

    if (error)
        status = registered_status(error);
    c->answers_claims = true;
    ag_wait_end(a);
    if (a->guessed && status == 0)
        return;
    if (a->kind == AG_WAIT_BIND)
        ag_conn_bound(c, status);
    else
        key_answered(c, ag_container_of(a, struct ag_key, reg), status);
}

/* true: the text was the answer to a. */
static bool answer(struct agent_conn *c, struct ag_wait *a, char *text, const struct ag_json_view *v, bool by_method)
{
    struct agent_slot *slot;

    switch (a->kind) {
    case AG_WAIT_CALL:
        slot = ag_container_of(a, struct agent_slot, call.wait);
        if (slot->call.to_apps != ag_view_has(v, AG_M_FROM) || (by_method && !slot->call.local))
            return false;
        end_call(slot, text, v, by_method);
        return true;
    case AG_WAIT_STATUS:
        if (by_method || ag_view_has(v, AG_M_RESULT)) {
            ag_wait_end(a);
            status_to_followers(c, v, text);
        } else if (c->status_told) { /* the client is away; asked again at the deadline */
            ag_conn_tell_status(c, AGENT_STATUS_UNKNOWN);
        }
        return true;
    default:
        if (by_method)
            return false;
        claim_answered(c, a, text, v);
        return true;
    }
}

static struct ag_wait *waiting_for(struct agent_conn *c, const char *text, const struct ag_json_view *v)
{
    uint64_t id;

    return ag_view_uint(v, text, AG_M_ID, UINT32_MAX, &id) ? ag_waits_find(&c->waits, (uint32_t) id) : NULL;
}

static void on_answer(struct agent_conn *c, char *text, const struct ag_json_view *v)
{
    struct ag_wait *a = waiting_for(c, text, v);
    const char *error;

    if (a && answer(c, a, text, v, false))
        return;
    if (!ag_view_has(v, AG_M_ID) && (error = take_error(text, v)))
        ag_conn_logf(c, AGENT_LOG_WARNING, "the agent says: %s", error);
    else
        ag_conn_logf(c, AGENT_LOG_DEBUG, "an answer that nobody waits for");
}

/* ---- status ---- */

/* The next slot of the key that has not had this delivery. Looked up anew each time: a callback may drop anything. */
static struct agent_slot *next_slot(struct agent_conn *c, struct ag_span method, uint32_t delivery)
{
    struct ag_key *key = ag_keys_match(&c->keys, method);

    if (!key)
        return NULL;
    ag_list_for_each (it, &key->slots) {
        struct agent_slot *slot = ag_list_entry(it, struct agent_slot, link);

        if (slot->delivery != delivery)
            return slot;
    }
    return NULL;
}

void ag_conn_tell_status(struct agent_conn *c, const char *word)
{
    uint32_t delivery = ++c->deliveries;
    uint64_t epoch = c->epoch;
    struct agent_slot *slot;

    bool same = strcmp(word, c->status_word) == 0;

    c->status_told = strcmp(word, AGENT_STATUS_UNKNOWN) != 0;
    snprintf(c->status_word, sizeof c->status_word, "%s", word);
    while (c->epoch == epoch && (slot = next_slot(c, AG_SPAN("local.status"), delivery))) {
        slot->delivery = delivery;
        if (slot->kind != AG_SLOT_STATUS || (same && slot->sub.heard))
            continue; /* the agent says it at each connect, and it is asked for as well */
        slot->sub.heard = true;
        ag_conn_enter(c);
        ag_slot_enter(slot);
        slot->sub.on_status(c, word, slot->user);
        ag_slot_leave(slot);
        ag_conn_leave(c);
    }
}

static void status_to_followers(struct agent_conn *c, const struct ag_json_view *v, char *text)
{
    enum ag_member m = ag_view_has(v, AG_M_PARAMS) ? AG_M_PARAMS : AG_M_RESULT;
    struct ag_span name;
    char word[64], tmp[64];

    if (!ag_view_str(v, text, m, tmp, sizeof tmp, &name))
        name = ag_view_raw(v, text, m); /* an old client's number */
    if (!name.p || name.len >= sizeof word)
        return; /* not a status, or an unknown one */
    memcpy(word, name.p, name.len);
    word[name.len] = '\0';
    ag_conn_tell_status(c, word);
}

/* ---- commands ---- */

static void refuse(struct agent_conn *c, const char *text, const struct ag_json_view *v, int code, const char *message)
{
    struct ag_span id = ag_view_raw(v, text, AG_M_ID);
    struct ag_buf *out = ag_conn_scratch(c);
    uint64_t from = 0;
    int r;

    if (v->at[AG_M_ID].type == AG_JSON_NONE || v->at[AG_M_ID].type == AG_JSON_NULL)
        return;
    if (ag_view_has(v, AG_M_FROM) && (!ag_view_uint(v, text, AG_M_FROM, UINT32_MAX, &from) || from == 0))
        return; /* a sender without an address cannot be answered */
    r = ag_encode_error(out, id, (uint32_t) from, code, message, NULL);
    if (r == 0)
        r = ag_conn_queue(c, ag_buf_span(out));
    if (r < 0)
        ag_conn_logf(c, AGENT_LOG_WARNING, "a command could not be refused: %s", agent_strerror(r));
}

static void refuse_unknown(struct agent_conn *c, const char *text, const struct ag_json_view *v)
{
    refuse(c, text, v, AGENT_CODE_METHOD_NOT_FOUND, "Method not found.");
}

static void run(struct agent_conn *c, struct ag_span text, const struct ag_json_view *v, struct ag_span method,
                agent_request_fn fn, void *user)
{
    struct agent_request *req = ag_request_new(c, text, v, method);

    if (!req) {
        refuse(c, text.p, v, AGENT_CODE_BUSY, "out of memory");
        return;
    }
    ag_conn_enter(c);
    ag_request_run(req, fn, user);
    agent_request_unref(req);
    ag_conn_leave(c);
}

static void on_command(struct agent_conn *c, char *text, size_t len, const struct ag_json_view *v, struct ag_span method)
{
    uint32_t delivery = ++c->deliveries;
    uint64_t epoch = c->epoch;
    struct agent_slot *slot = NULL;
    struct ag_key *key = ag_keys_match(&c->keys, method);

    if (key) {
        ag_list_for_each (it, &key->slots) {
            if (ag_list_entry(it, struct agent_slot, link)->kind == AG_SLOT_SUBSCRIPTION)
                slot = ag_list_entry(it, struct agent_slot, link);
        }
    }
    if (slot) {
        slot->delivery = delivery;
        ag_slot_enter(slot);
        run(c, (struct ag_span){text, len}, v, method, slot->sub.on_request, slot->user);
        ag_slot_leave(slot);
    } else if (!key) {
        refuse_unknown(c, text, v); /* a subscription dropped a moment ago */
    }
    if (c->epoch == epoch && ag_span_eq(method, "local.status"))
        status_to_followers(c, v, text);
}

/* {"method":"agent.owner","params":{"key":"k"}}: our standby has taken over. */
static bool took_over(struct agent_conn *c, const char *text, const struct ag_json_view *v, struct ag_span method)
{
    struct ag_json_value key;
    struct ag_key *there;
    char name[AGENT_METHOD_MAX + 1];
    long n;

    if (!ag_span_eq(method, "agent.owner") || ag_view_has(v, AG_M_ID) || ag_view_has(v, AG_M_FROM) ||
        v->at[AG_M_PARAMS].type != AG_JSON_OBJECT)
        return false;
    key = ag_json_member((struct ag_json_value){AG_JSON_OBJECT, ag_view_raw(v, text, AG_M_PARAMS)}, "key");
    n = key.type == AG_JSON_STRING ? ag_json_unescape(key.raw, name, sizeof name - 1) : -1;
    if (n < 0)
        return false;
    name[n] = '\0';
    there = ag_keys_find(&c->keys, name);
    if (there)
        ag_key_taken_over(c, there);
    return true;
}

void ag_dispatch(struct agent_conn *c, char *text, size_t len, const struct ag_json_view *v)
{
    char tmp[AGENT_METHOD_MAX];
    struct ag_span method;
    struct ag_wait *a;

    if (!ag_view_has(v, AG_M_METHOD)) {
        on_answer(c, text, v);
        return;
    }
    if (!ag_view_str(v, text, AG_M_METHOD, tmp, sizeof tmp, &method)) {
        refuse_unknown(c, text, v);
        return;
    }
    if (took_over(c, text, v, method))
        return;
    a = waiting_for(c, text, v);
    if (a && method.len > 6 && (memcmp(method.p, "local.", 6) == 0 || memcmp(method.p, "_inter", 6) == 0) &&
        answer(c, a, text, v, true))
        return;
    if (ag_view_has(v, AG_M_FROM) && c->on_message)
        run(c, (struct ag_span){text, len}, v, method, c->on_message, c->on_message_user);
    else
        on_command(c, text, len, v, method);
}
