/* Between the client and the cloud in use: starting, stopping, and what its events mean. */
#include "client/client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include "libagent/core/log/log.h"
#include "libagent/core/text/message.h"

/* ---- methods of the cloud's own ---- */

struct cloud_call {
    struct client *c;
    unsigned peer; /* UPLINK_NO_PEER: it has gone */
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
        r = ag_msg_error(&out, id, -32603, "the cloud's answer cannot be given", NULL);
    if (r == 0 && call->peer != UPLINK_NO_PEER && id.len > 0)
        client_send_peer(call->c, call->peer, ag_buf_span(&out));
    call_free(call);
}

bool cloud_link_offer(struct client *c, unsigned peer, struct ag_span text, const struct ag_json_view *view)
{
    struct ag_span id = ag_view_raw(view, text.p, AG_M_ID), method;
    struct cloud_call *call;
    char name[128];

    if (!c->link.cloud || c->link.stopping || !c->link.ops->local_method ||
        !ag_view_str(view, text.p, AG_M_METHOD, name, sizeof name, &method))
        return false;
    call = calloc(1, sizeof *call + id.len + 1);
    if (!call)
        return false;
    *call = (struct cloud_call){.c = c, .peer = peer, .id_len = id.len};
    if (id.len > 0)
        memcpy(call->id, id.p, id.len);
    ag_list_append(&c->link.calls, &call->link);
    if (c->link.ops->local_method(c->link.cloud, method, ag_view_raw(view, text.p, AG_M_PARAMS), on_call_done, call) == 0)
        return true;
    call_free(call);
    return false;
}

void cloud_link_info_changed(struct client *c)
{
    if (c->link.cloud && c->link.cloud->ops->info_changed)
        c->link.cloud->ops->info_changed(c->link.cloud);
}

void cloud_link_forget_peer(struct client *c, unsigned peer)
{
    ag_list_for_each(it, &c->link.calls) {
        struct cloud_call *call = ag_list_entry(it, struct cloud_call, link);

        if (call->peer == peer)
            call->peer = UPLINK_NO_PEER;
    }
}

/* ---- the cloud's events ---- */

static void on_connected(void *user)
{
    struct client *c = user;

    c->link.connected = true;
    c->link.since_ms = uv_now(c->loop);
    ag_log(AG_LOG_INFO, "cloud %s connected", c->link.ops->name);
    client_event(c, DEVICE_EV_CLOUD_UP);
    report_path_pump(&c->reports);
    uplink_pump(&c->uplink);
    client_rearm(c);
}

static void on_time_known(void *user, int64_t unix_s)
{
    struct client *c = user;

    c->cloud_time_s = unix_s;
    c->cloud_time_at_ms = uv_now(c->loop);
}

static void log_lost(const struct client *c, const char *why)
{
    const struct cloud_ops *ops = c->link.ops;
    uint64_t ms = ops->next_try_ms && c->link.cloud ? ops->next_try_ms(c->link.cloud) : UINT64_MAX;

    if (ms == UINT64_MAX)
        ag_log(AG_LOG_WARNING, "cloud %s: %s; trying again", ops->name, why);
    else
        ag_log(AG_LOG_WARNING, "cloud %s: %s; trying again, next try in %" PRIu64 " ms", ops->name, why, ms);
}

static void on_lost(void *user, const char *why)
{
    struct client *c = user;

    if (c->link.connected)
        c->link.since_ms = uv_now(c->loop);
    c->link.connected = false;
    log_lost(c, why ? why : "lost");
    report_path_lost(&c->reports);
    uplink_pump(&c->uplink); /* what waited there is kept behind what was under way */
    uplink_lost(&c->uplink);
    client_event(c, DEVICE_EV_CLOUD_LOST);
    client_rearm(c);
}

static void on_command(void *user, uint64_t token, struct ag_span text, bool wants_answer)
{
    struct client *c = user;
    struct origin from = {ORIGIN_CLOUD, token};
    struct ag_json_view view;

    if (ag_json_parse(&text, 128, &view) != 0 || view.at[AG_M_METHOD].type != AG_JSON_STRING) {
        ag_log(AG_LOG_WARNING, "a command from the cloud is not a JSON object with a method");
        if (wants_answer)
            client_answer(c, from, AG_SPAN("{\"error\":{\"code\":-32600,\"message\":\"not a command\"}}"));
        return;
    }
    client_command(c, from, text, &view, wants_answer);
    client_rearm(c);
}

static void on_acked(void *user, uint32_t id, struct ag_span answer)
{
    struct client *c = user;

    if (!report_path_acked(&c->reports, id))
        uplink_acked(&c->uplink, id, answer);
    report_path_pump(&c->reports);
    uplink_pump(&c->uplink);
}

static void on_room(void *user)
{
    struct client *c = user;

    report_path_pump(&c->reports);
    uplink_pump(&c->uplink);
}

static void on_failed(void *user, uint32_t id, bool retry, int code, const char *message)
{
    struct client *c = user;

    if (!report_path_failed(&c->reports, id, retry))
        uplink_failed(&c->uplink, id, code, message);
    report_path_pump(&c->reports);
    uplink_pump(&c->uplink);
    client_rearm(c); /* a report may be held back until some time */
}

static void on_closed(void *user)
{
    struct client *c = user;
    bool restart = c->link.restart && !c->closing;

    while (!ag_list_empty(&c->link.calls)) /* their cloud is gone: nobody else will end them */
        on_call_done(ag_list_first(&c->link.calls, struct cloud_call, link),
                     AG_SPAN("{\"error\":{\"code\":-32002,\"message\":\"not connected\"}}"));
    command_forget_origin(&c->commands, ORIGIN_CLOUD); /* another one gives its tokens anew */
    c->link.cloud = NULL;
    c->link.connected = c->link.stopping = c->link.restart = false;
    c->link.since_ms = uv_now(c->loop);
    if (restart)
        cloud_link_start(c);
    else if (c->closing && --c->n_open == 0)
        c->on_closed(c->user);
}

static int on_device_info(void *user, struct ag_buf *out)
{
    return client_device_info(user, out, true);
}

static const struct cloud_events events = {.connected = on_connected,
                                           .lost = on_lost,
                                           .time_known = on_time_known,
                                           .command = on_command,
                                           .acked = on_acked,
                                           .failed = on_failed,
                                           .room = on_room,
                                           .closed = on_closed};

void cloud_link_init(struct client *c)
{
    ag_list_init(&c->link.calls);
    c->link.ops = cloud_find(c->options.cloud);
    c->link.env = (struct cloud_env){.loop = c->loop,
                                     .conf = c->conf,
                                     .events = &events,
                                     .user = c,
                                     .data_dir = c->options.dir.path,
                                     .token_hex = c->token_hex,
                                     .device_info = on_device_info};
}

int cloud_link_start(struct client *c)
{
    int r;

    if (!c->link.ops || c->link.cloud)
        return 0;
    r = c->link.ops->create(&c->link.cloud, &c->link.env);
    if (r < 0) {
        c->link.cloud = NULL;
        ag_log(AG_LOG_ERROR, "cloud %s cannot start: %s", c->link.ops->name, strerror(-r));
        return r;
    }
    c->link.since_ms = uv_now(c->loop);
    client_event(c, DEVICE_EV_CLOUD_START);
    c->link.ops->start(c->link.cloud);
    return 0;
}

void cloud_link_stop(struct client *c, bool restart)
{
    c->link.restart = restart;
    if (!c->link.cloud || c->link.stopping)
        return;
    c->link.stopping = true;
    c->link.connected = false;
    report_path_lost(&c->reports);
    uplink_pump(&c->uplink);
    uplink_lost(&c->uplink);
    c->link.ops->stop(c->link.cloud);
}
