/* SPDX-License-Identifier: MIT */
/*
 * The HTTP side of the OneNET stand-in: commands, topics, pushes. HTTP status is 200 even for errors; see errno
 * in the body.
 */
#include <errno.h>
#include <string.h>
#include "examples/sim/onenet/onenet_wire.h"
#include "examples/sim/onenet/onenet_sim.h"
#include "examples/sim/wire/sim_json.h"

enum { BODY_MAX = 65536, TIMEOUT_MAX_S = 2678400 };
enum { ERRNO_OK = 0, ERRNO_AUTH = 3, ERRNO_ARGUMENT = 4, ERRNO_OFFLINE = 10, ERRNO_UNKNOWN = 6 };

static int answer_error(struct ag_buf *out, int code, const char *text)
{
    int r = ag_buf_printf(out, "{\"errno\":%d,\"error\":", code);

    if (r == 0)
        r = ag_buf_append_json_str(out, text, strlen(text));
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

/* A decimal argument; max + 1 when it is none. */
static unsigned number(const struct sim_web_request *q, const char *name, unsigned fallback, unsigned max)
{
    const char *text = sim_web_argument(q, name);
    uint64_t v;

    if (!text)
        return fallback;
    return sim_json_uint((struct ag_span){text, strlen(text)}, max, &v) ? (unsigned) v : max + 1;
}

static int post_command(struct onsim *s, const struct sim_web_request *q, struct ag_buf *out)
{
    const char *id = sim_web_argument(q, "device_id"), *uuid;
    struct onsim_device *d = id ? onsim_device_find(s, (struct ag_span){id, strlen(id)}) : NULL;
    unsigned qos = number(q, "qos", 0, 1), timeout = number(q, "timeout", 0, TIMEOUT_MAX_S);
    int r;

    if (!d)
        return answer_error(out, ERRNO_UNKNOWN, "no such device");
    if (qos > 1 || timeout > TIMEOUT_MAX_S)
        return answer_error(out, ERRNO_ARGUMENT, "qos or timeout out of range");
    if (q->too_long || q->body.len >= BODY_MAX)
        return answer_error(out, ERRNO_ARGUMENT, "command must be shorter than 64 KiB");
    r = onsim_command_add(s, d, q->body, qos == 1, timeout, &uuid);
    if (r == -ENOTCONN)
        return ag_buf_printf(out, "{\"errno\":%d,\"error\":\"device not online: %s\"}", ERRNO_OFFLINE, d->id);
    return r < 0 ? r : ag_buf_printf(out, "{\"errno\":0,\"error\":\"succ\",\"data\":{\"cmd_uuid\":\"%s\"}}", uuid);
}

static int get_command(struct onsim *s, const char *path, struct ag_buf *out)
{
    const char *slash = strchr(path, '/');
    struct ag_span uuid = {path, slash ? (size_t) (slash - path) : strlen(path)};
    struct onsim_command *c = onsim_command_find(s, uuid);

    if (!c)
        return answer_error(out, ERRNO_UNKNOWN, "no such command");
    if (slash && strcmp(slash, "/resp") == 0)
        return ag_buf_append_span(out, ag_buf_span(&c->answer));
    return ag_buf_printf(out, "{\"errno\":0,\"error\":\"succ\",\"data\":{\"status\":%d}}", (int) c->status);
}

static int post_topic(struct onsim *s, const struct sim_web_request *q, struct ag_buf *out)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf name = AG_BUF_INIT;
    struct ag_span body = q->body;
    const char *why;

    if (q->too_long || !sim_json_object(&body, 8) || sim_json_text(&name, sim_json_get(body, "name")) != 0)
        return answer_error(out, ERRNO_ARGUMENT, "body must be {\"name\":...}");
    why = onsim_topic_create(s, ag_buf_span(&name));
    if (why)
        onsim_refuse(s, "http", why);
    return answer_error(out, why ? ERRNO_ARGUMENT : ERRNO_OK, why ? why : "succ");
}

/* QoS 0, to devices that are online now. */
static int post_push(struct onsim *s, const struct sim_web_request *q, struct ag_buf *out)
{
    const char *topic = sim_web_argument(q, "topic");
    struct ag_span name = {topic, topic ? strlen(topic) : 0};
    const char *fault = on_topic_fault(name, false);

    if (fault)
        return answer_error(out, ERRNO_ARGUMENT, fault);
    if (q->too_long || q->body.len >= BODY_MAX)
        return answer_error(out, ERRNO_ARGUMENT, "body must be shorter than 64 KiB");
    ag_list_for_each (it, &s->devices) {
        struct onsim_device *d = ag_list_entry(it, struct onsim_device, link);

        if (d->relay && onsim_topic_find(&d->subs, name))
            s->inject(d->relay, name, q->body);
    }
    sim_note("push", ",\"topic\":\"%s\",\"bytes\":%zu", topic, q->body.len);
    return answer_error(out, ERRNO_OK, "succ");
}

static int serve(void *user, const struct sim_web_request *q, struct sim_web_answer *a)
{
    struct onsim *s = user;
    struct ag_buf *out = &a->body;
    const char *url = q->url, *key = sim_web_header(q, "api-key");
    bool post = strcmp(q->method, "POST") == 0;

    a->status = 200;
    if (!key || strcmp(key, s->api_key) != 0) {
        onsim_refuse(s, "http", "wrong or missing api-key");
        return answer_error(out, ERRNO_AUTH, "auth failed");
    }
    if (post && strcmp(url, "/cmds") == 0)
        return post_command(s, q, out);
    if (!post && strncmp(url, "/cmds/", 6) == 0)
        return get_command(s, url + 6, out);
    if (post && strcmp(url, "/mqtt/topic") == 0)
        return post_topic(s, q, out);
    if (post && strcmp(url, "/mqtt") == 0)
        return post_push(s, q, out);
    return answer_error(out, ERRNO_UNKNOWN, "no such resource");
}

int onsim_web_start(struct onsim *s, uint16_t port)
{
    return sim_web_start(&s->web, &s->loop, port, BODY_MAX, serve, s);
}
