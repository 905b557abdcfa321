/* SPDX-License-Identifier: MIT */
#include "libagent/test/turn.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/test/claims.h"
#include "libagent/test/heard.h"
#include "libagent/test/speak.h"
#include "libagent/core/deadline.h"

enum { TURNS_MAX = 100000 }; /* at one moment: more means an application that never rests */

/* ---- the agent's side ---- */

static int keep(struct ag_span json, void *user)
{
    struct agent_test *t = user;
    struct test_text *text = calloc(1, sizeof *text);
    struct ag_span span;
    uint64_t id;

    if (!text)
        return -ENOMEM;
    if (ag_buf_append_span(&text->json, json) < 0 || !ag_buf_cstr(&text->json)) {
        ag_test_text_free(text);
        return -ENOMEM;
    }
    span = ag_buf_span(&text->json);
    if (ag_json_parse(&span, AG_JSON_DEPTH_MAX, &text->view) != 0) {
        ag_test_text_free(text);
        return -EINVAL;
    }
    text->has_id = ag_view_uint(&text->view, span.p, AG_M_ID, UINT32_MAX, &id);
    text->id = text->has_id ? (uint32_t) id : 0;
    ag_list_init(&text->link);
    ag_list_append(&t->inbox, &text->link);
    return 0;
}

static bool say_what_is_due(struct agent_test *t)
{
    struct test_later *later;
    bool any = false;

    while ((later = ag_deadline_first(&t->later, struct test_later, due)) && later->due.at_ms <= t->now_ms) {
        any = true;
        ag_test_say(t, ag_buf_span(&later->json));
        ag_deadline_del(&later->due);
        ag_buf_deinit(&later->json);
        free(later);
    }
    return any;
}

static void forget_later(struct agent_test *t)
{
    struct test_later *later;

    while ((later = ag_deadline_first(&t->later, struct test_later, due))) {
        ag_deadline_del(&later->due);
        ag_buf_deinit(&later->json);
        free(later);
    }
}

void ag_test_end(struct agent_test *t)
{
    ag_test_link_close(&t->link);
    forget_later(t);
    ag_test_keys_give_up(&t->keys, AG_SPAN(""));
    t->address = 0;
    ag_list_for_each_safe (it, &t->calls) {
        ag_list_del(it);
        free(ag_list_entry(it, struct test_call, link));
    }
    ag_list_for_each_safe (it, &t->inbox) /* an agent that is gone has not looked at them */
        ag_test_text_free(ag_list_entry(it, struct test_text, link));
}

bool ag_test_pump(struct agent_test *t)
{
    struct test_text *text;
    bool any;
    int r;

    if (!ag_test_is_ours(t))
        return false;
    if (t->pumping)
        return ag_test_link_flush(&t->link);
    t->pumping = true;
    r = ag_test_link_read(&t->link, keep, t);
    if (r == -EINVAL)
        ag_test_fail(t, "the application sent what is not the agent's protocol");
    ag_test_must(t, r);
    any = r > 0;
    while ((text = ag_list_first(&t->inbox, struct test_text, link))) {
        ag_list_del(&text->link);
        ag_test_heard(t, text);
    }
    if (t->link.ended)
        ag_test_end(t);
    any |= say_what_is_due(t);
    any |= ag_test_link_flush(&t->link);
    t->pumping = false;
    return any;
}

/* ---- the connection's side ---- */

static uint64_t seam_now(void *user)
{
    return ((struct agent_test *) user)->now_ms;
}

static int seam_connect(bool packets, void *user)
{
    struct agent_test *t = user;

    ag_test_pump(t); /* what was sent over the previous connection */
    ag_test_end(t);
    return t->stopped ? -ECONNREFUSED : ag_test_link_open(&t->link, packets);
}

static int pass(struct agent_test *t, int timeout_ms)
{
    uint64_t due = ag_deadline_next_ms(&t->later), end = timeout_ms < 0 ? AG_NEVER : t->now_ms + (unsigned) timeout_ms;

    if (ag_test_pump(t))
        return 1;
    if (timeout_ms < 0 && due == AG_NEVER)
        ag_test_fail(t, "the application waits for what never comes: no answer, no timer and no timeout is due"
                        " (agent_test_serve() answers at once; an agent_timer() of the test can do the rest)");
    t->now_ms = ag_earlier(due, end);
    return ag_test_pump(t) || due < end;
}

static int seam_wait(int timeout_ms, void *user)
{
    struct agent_test *t = user;
    bool before = t->turning;
    int r;

    t->turning = true;
    r = pass(t, timeout_ms);
    t->turning = before;
    return r;
}

static void seam_gone(void *user)
{
    struct agent_test *t = user;

    ag_test_pump(t);
    ag_test_end(t);
    t->conn = NULL;
}

const struct agent_seam ag_test_seam = {seam_now, seam_connect, seam_wait, seam_gone};

void ag_test_turn(struct agent_test *t)
{
    unsigned n = 0;
    bool busy = true;

    if (!t)
        ag_test_fail(NULL, "the agent_test is NULL");
    if (!ag_test_is_ours(t))
        ag_test_fail(t, "the agent_test belongs to the parent process");
    if (t->turning || !t->conn || agent_seam_in_callback(t->conn)) {
        ag_test_pump(t);
        return;
    }
    t->turning = true;
    while (busy) {
        busy = t->conn && agent_process(t->conn) > 0;
        busy |= ag_test_pump(t);
        busy |= t->conn && agent_get_timeout_ms(t->conn) == 0;
        if (++n > TURNS_MAX)
            ag_test_fail(t, "the application never comes to rest: it gives itself something to do in every turn");
    }
    t->turning = false;
}

AGENT_API void agent_test_run(agent_test *t)
{
    ag_test_turn(t);
}

/* The next moment at which something is due, at most end. */
static uint64_t next_ms(struct agent_test *t, uint64_t end)
{
    int timeout_ms = t->conn ? agent_get_timeout_ms(t->conn) : -1;
    uint64_t at = ag_earlier(ag_deadline_next_ms(&t->later), end);

    return timeout_ms >= 0 ? ag_earlier(at, t->now_ms + (unsigned) timeout_ms) : at;
}

AGENT_API void agent_test_advance(agent_test *t, unsigned ms)
{
    uint64_t end = (t ? t->now_ms : 0) + ms;

    if (t && (t->turning || (t->conn && agent_seam_in_callback(t->conn))))
        ag_test_fail(t, "agent_test_advance() inside a callback");
    ag_test_turn(t);
    while (t->now_ms < end) {
        t->now_ms = next_ms(t, end);
        ag_test_turn(t);
    }
}

AGENT_API uint64_t agent_test_now(const agent_test *t)
{
    return t ? t->now_ms - AG_TEST_START_MS : 0;
}
