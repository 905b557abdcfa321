/* SPDX-License-Identifier: MIT */
/* The life of an agent_test, and how its agent behaves. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "libagent/core/json/json_walk.h"
#include "libagent/test/claims.h"
#include "libagent/test/speak.h"
#include "libagent/test/turn.h"
#include "libagent/test/value.h"

static void need(struct agent_test *t, const char *what, const char *text)
{
    if (!t || !text)
        ag_test_fail(t, "the %s is NULL", t ? what : "agent_test");
}

AGENT_API agent_test *agent_test_here(agent_test *t, const char *file, int line)
{
    if (t) {
        t->file = file;
        t->line = line;
    }
    return t;
}

/* ---- beginning and end ---- */

AGENT_API agent_test *agent_test_new(agent_conn *conn, agent_test_fail_fn fail)
{
    struct agent_test early = {.fail = fail}, *t = ag_test_alloc(&early, sizeof *t);
    int r;

    t->fail = fail;
    t->owner = getpid();
    t->now_ms = AG_TEST_START_MS;
    t->acknowledges = true;
    ag_list_init(&t->inbox);
    ag_list_init(&t->sent);
    ag_list_init(&t->calls);
    ag_list_init(&t->commands);
    ag_list_init(&t->services);
    ag_list_init(&t->later);
    ag_list_init(&t->keys);
    ag_test_link_init(&t->link);
    r = agent_seam_set(conn, &ag_test_seam, t);
    if (r < 0) {
        free(t);
        ag_test_fail(&early, "agent_test_new(): %s",
                     r == -EBUSY ? "the connection has an agent_test, or has begun something before" : agent_strerror(r));
    }
    t->conn = conn;
    agent_test_serve(t, "local.query_status", "\"cloud_connected\"");
    return t;
}

static void free_calls(struct ag_list *calls)
{
    ag_list_for_each_safe (it, calls) {
        ag_list_del(it);
        free(ag_list_entry(it, struct test_call, link));
    }
}

static void service_free(struct test_service *s)
{
    ag_list_del(&s->link);
    free(s->result);
    free(s);
}

AGENT_API agent_test *agent_test_free(agent_test *t)
{
    if (!t)
        return NULL;
    if (!t->failed && (t->turning || (t->conn && agent_seam_in_callback(t->conn))))
        ag_test_fail(t, "agent_test_free() inside a callback");
    if (t->conn) {
        t->turning = true;
        agent_close(t->conn);
    }
    if (t->conn)
        agent_seam_set(t->conn, NULL, NULL);
    ag_test_end(t);
    ag_test_text_free(t->shown);
    while (!ag_list_empty(&t->sent))
        ag_test_text_free(ag_list_first(&t->sent, struct test_text, link));
    free_calls(&t->commands);
    while (!ag_list_empty(&t->services))
        service_free(ag_list_first(&t->services, struct test_service, link));
    ag_test_keys_free(&t->keys);
    ag_buf_deinit(&t->text);
    free(t);
    return NULL;
}

/* ---- who answers ---- */

/* Replaces the one for this method, if there is one. */
static struct test_service *service_new(struct agent_test *t, const char *method)
{
    struct test_service *s = ag_test_service_find(t, method);

    if (s)
        service_free(s);
    s = ag_test_alloc(t, sizeof *s + strlen(method) + 1);
    memcpy(s->method, method, strlen(method));
    ag_list_append(&t->services, &s->link);
    return s;
}

AGENT_API void agent_test_serve(agent_test *t, const char *method, const char *result)
{
    struct ag_json_value v;
    struct test_service *s;
    int r;

    need(t, "method", method);
    r = result ? ag_test_value(result, &v) : 0;
    if (r == -EINVAL)
        ag_test_fail(t, "the result is not one JSON value: %s", result);
    ag_test_must(t, r);
    s = service_new(t, method);
    s->result = result ? strdup(result) : NULL;
    if (!result)
        service_free(s);
    else if (!s->result)
        ag_test_fail(t, "out of memory");
}

AGENT_API void agent_test_serve_by(agent_test *t, const char *method, agent_test_call_fn fn, void *user)
{
    struct test_service *s;

    need(t, "method", method);
    s = service_new(t, method);
    s->fn = fn;
    s->user = user;
    if (!fn)
        service_free(s);
}

AGENT_API void agent_test_status(agent_test *t, const char *status)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf word = AG_BUF_INIT;

    need(t, "status", status);
    ag_test_must(t, ag_buf_append_json_str(&word, status, strlen(status)));
    if (!ag_buf_cstr(&word))
        ag_test_fail(t, "out of memory");
    agent_test_serve(t, "local.query_status", word.data);
    if (ag_test_key_match(&t->keys, "local.status"))
        agent_test_notify(t, "local.status", word.data);
}

AGENT_API void agent_test_acknowledge(agent_test *t, int on)
{
    need(t, "", "");
    t->acknowledges = on != 0;
}

/* ---- trouble ---- */

static struct test_key *need_key(struct agent_test *t, const char *name)
{
    struct test_key *key;

    need(t, "key", name);
    key = ag_test_key_get(&t->keys, (struct ag_span){name, strlen(name)});
    if (!key)
        ag_test_fail(t, "out of memory");
    return key;
}

AGENT_API void agent_test_refuse(agent_test *t, const char *key, int code)
{
    need_key(t, key)->code = code;
}

AGENT_API void agent_test_refuse_address(agent_test *t, int code)
{
    need(t, "", "");
    t->address_code = code;
}

AGENT_API void agent_test_other_owner(agent_test *t, const char *key, int on)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
    struct test_key *k = need_key(t, key);

    if (on && k->in_force)
        ag_test_fail(t, "the application has the key %s: nobody else can", key);
    k->other_owner = on != 0;
    if (on || !k->waits)
        return;
    k->waits = false;
    k->in_force = true;
    if (!k->tells)
        return;
    ag_test_must(t, ag_buf_append_str(&out, "{\"method\":\"agent.owner\",\"params\":{\"key\":"));
    ag_test_must(t, ag_buf_append_json_str(&out, key, strlen(key)));
    ag_test_must(t, ag_buf_append_str(&out, "}}"));
    ag_test_say_slowly(t, ag_buf_span(&out));
    ag_test_turn(t);
}

AGENT_API void agent_test_slow(agent_test *t, unsigned ms)
{
    need(t, "", "");
    t->slow_ms = ms;
}

AGENT_API void agent_test_old(agent_test *t, int on)
{
    need(t, "", "");
    t->old = on != 0;
}

AGENT_API void agent_test_drop(agent_test *t)
{
    ag_test_turn(t);
    ag_test_end(t);
    ag_test_turn(t);
}

AGENT_API void agent_test_stop(agent_test *t)
{
    need(t, "", "");
    t->stopped = true; /* first: a connect that has not been tried yet finds nobody */
    agent_test_drop(t);
}

AGENT_API void agent_test_start(agent_test *t)
{
    need(t, "", "");
    t->stopped = false;
}
