/* SPDX-License-Identifier: MIT */
/* Methods of a cloud's own (onenet.publish, gizwits.send), called by applications. */
#include "client/cloud/cloud_links_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/codes.h"
#include "libagent/core/text/message.h"

enum { NO_PEER = INT_MAX };

struct cloud_call {
    struct cloud_links *c;
    unsigned peer; /* NO_PEER: it has gone */
    struct ag_list link;
    size_t id_len; /* 0: no answer is wanted */
    char id[];     /* as the application wrote it */
};

static void call_free(struct cloud_call *call)
{
    ag_list_del(&call->link);
    free(call);
}

static void on_call_done(void *user, struct ag_span text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
    struct cloud_call *call = user;
    struct ag_span id = {call->id, call->id_len};
    struct ag_json_view view;
    int r = -EINVAL;

    if (ag_json_parse(&text, 128, &view) == 0)
        r = ag_msg_put_raw_id(&out, text, &view, id);
    if (r < 0) /* the application is answered all the same */
        r = ag_msg_error(&out, id, AG_CODE_INTERNAL, "the cloud's answer cannot be given", NULL);
    if (r == 0 && call->peer != NO_PEER && id.len > 0)
        call->c->env.host->answer(call->c->env.user, call->peer, ag_buf_span(&out));
    call_free(call);
}

static bool offer(struct cloud_link *l, struct cloud_call *call, struct ag_span method, struct ag_span params)
{
    if (!cloud_link_is_running(l) || !l->ops->local_method)
        return false;
    ag_list_append(&l->calls, &call->link);
    if (l->ops->local_method(l->cloud, method, params, on_call_done, call) == 0)
        return true;
    ag_list_del(&call->link);
    return false;
}

bool cloud_links_offer(struct cloud_links *c, unsigned peer, struct ag_span text, const struct ag_json_view *view)
{
    struct ag_span id = ag_view_raw(view, text.p, AG_M_ID), method;
    struct cloud_call *call;
    struct cloud_link *l;
    char name[128];

    if (c->n == 0 || !ag_view_str(view, text.p, AG_M_METHOD, name, sizeof name, &method))
        return false;
    call = calloc(1, sizeof *call + id.len + 1);
    if (!call)
        return false;
    *call = (struct cloud_call){.c = c, .peer = peer, .id_len = id.len};
    if (id.len > 0)
        memcpy(call->id, id.p, id.len);
    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++) {
        if (offer(l, call, method, ag_view_raw(view, text.p, AG_M_PARAMS)))
            return true;
    }
    free(call);
    return false;
}

void cloud_links_forget_peer(struct cloud_links *c, unsigned peer)
{
    struct cloud_link *l;

    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++) {
        ag_list_for_each (it, &l->calls) {
            struct cloud_call *call = ag_list_entry(it, struct cloud_call, link);

            if (call->peer == peer)
                call->peer = NO_PEER;
        }
    }
}

void cloud_calls_end(struct cloud_link *l)
{
    while (!ag_list_empty(&l->calls))
        on_call_done(ag_list_first(&l->calls, struct cloud_call, link),
                     AG_SPAN("{\"error\":{\"code\":-32002,\"message\":\"not connected\"}}"));
}
