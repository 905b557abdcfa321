/* SPDX-License-Identifier: MIT */
#include "libagent/test/speak.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/core/deadline.h"

struct ag_buf *ag_test_scratch(struct agent_test *t)
{
    ag_buf_clear(&t->text);
    return &t->text;
}

void ag_test_say(struct agent_test *t, struct ag_span json)
{
    int r = ag_test_link_say(&t->link, json);

    if (r == -EINVAL)
        ag_test_fail(t, "what the agent is to say is not a message: %.*s", (int) json.len, json.p);
    ag_test_must(t, r);
    ag_test_link_flush(&t->link);
}

void ag_test_say_slowly(struct agent_test *t, struct ag_span json)
{
    struct test_later *later;

    if (t->link.fd < 0)
        return; /* whoever asked has gone meanwhile */
    if (t->slow_ms == 0 && ag_list_empty(&t->later)) {
        ag_test_say(t, json);
        return;
    }
    later = ag_test_alloc(t, sizeof *later);
    ag_deadline_add(&t->later, &later->due, t->now_ms + t->slow_ms);
    ag_test_must(t, ag_buf_append_span(&later->json, json));
}

void ag_test_answer_call(struct agent_test *t, struct test_call *call, const char *member, const char *json, bool slowly)
{
    struct ag_buf *out = ag_test_scratch(t);

    ag_test_must(t, ag_buf_printf(out, "{\"id\":%u,", (unsigned) call->id));
    if (call->to)
        ag_test_must(t, ag_buf_printf(out, "\"_from\":%u,", (unsigned) (call->to & (0u - call->to))));
    ag_test_must(t, ag_buf_printf(out, "\"%s\":%s}", member, json));
    ag_list_del(&call->link);
    free(call);
    if (slowly)
        ag_test_say_slowly(t, ag_buf_span(out));
    else
        ag_test_say(t, ag_buf_span(out));
}
