/* SPDX-License-Identifier: MIT */
#include "agent/core/route/standby.h"

#include <stdio.h>
#include "agent/core/send/out.h"
#include "libagent/core/json/json_walk.h"

bool standby_wants_telling(const struct text *t)
{
    struct ag_json_value params = {t->view->at[AG_M_PARAMS].type, ag_view_raw(t->view, t->bytes.p, AG_M_PARAMS)};

    return t->has_id && params.type == AG_JSON_OBJECT && ag_json_member(params, "tell").type == AG_JSON_TRUE;
}

void standby_answer_waiting(struct router *r, struct peer *to, uint32_t id)
{
    char text[64];
    int n = snprintf(text, sizeof text, "{\"id\":%u,\"result\":[\"waiting\"]}", (unsigned) id);

    out_text(r, to, OUT_ANSWER, (struct ag_span){text, (size_t) n});
}

static int print_owner(struct ag_buf *text, const struct sub_key *k)
{
    char name[SUB_KEY_MAX + 1];
    size_t n = k->len;
    int r = ag_buf_append_str(text, "{\"method\":\"agent.owner\",\"params\":{\"key\":");

    memcpy(name, k->name, n);
    if (k->prefix)
        name[n++] = '*';
    if (r == 0)
        r = ag_buf_append_json_str(text, name, n);
    return r == 0 ? ag_buf_append_str(text, "}}") : r;
}

void standby_tell(struct router *r)
{
    while (!ag_list_empty(&r->subs.promoted)) {
        struct sub *s = ag_list_first(&r->subs.promoted, struct sub, by_promoted);
        ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

        ag_list_del(&s->by_promoted);
        if (print_owner(&text, s->key) < 0) {
            r->stats.out_of_memory++;
            out_end(r, s->peer, PEER_END_MEMORY); /* else it would wait for ever */
        } else {
            out_text(r, s->peer, OUT_NEWS, ag_buf_span(&text));
        }
    }
}
