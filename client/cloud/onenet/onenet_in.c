/* SPDX-License-Identifier: MIT */
/* What comes from OneNET: commands, the answers to them, firmware notices, messages on topics. */
#include <errno.h>
#include <string.h>
#include "client/cloud/onenet/core/onenet_topic.h"
#include "client/cloud/onenet/onenet_priv.h"
#include "libagent/core/codes.h"
#include "libagent/core/text/base64.h"
#include "libagent/core/utf8.h"
#include "libagent/core/json/json.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/text/message.h"

/* ---- answers ---- */

void onenet_answers_send(struct onenet *o)
{
    struct answer *a;

    while ((a = answer_box_next(&o->answers))) {
        const struct mqtt_link_msg m = {.topic = a->topic, .payload = a->payload, .qos = o->conf.qos, .urgent = true};
        int r = mqtt_link_publish(o->link, &m, onenet_cookie(ONENET_COOKIE_ANSWER, a->n));

        if (r == 0) {
            broker_session_sent(&o->broker, uv_now(o->env->loop));
            answer_box_sent(&o->answers, a);
        } else if (r == -EINVAL || r == -EMSGSIZE) {
            ag_log(AG_LOG_ERROR, "onenet: an answer is dropped: %s", strerror(-r));
            answer_box_drop(&o->answers, a);
        } else {
            return; /* no room, or no session: on_room() or the next login calls again */
        }
    }
}

/* What has no place kept for it: refusals, and repeated answers. */
static void send_short(struct onenet *o, struct ag_span uuid, struct ag_span payload)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf topic = AG_BUF_INIT;

    if (onenet_topic_answer(&topic, uuid) < 0 || !ag_buf_cstr(&topic))
        o->answers.n_dropped++;
    else
        answer_box_put_refusal(&o->answers, topic.data, payload);
    onenet_answers_send(o);
}

static void refuse(struct onenet *o, struct ag_span uuid, struct ag_span payload, int code, const char *why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    o->broker.count.commands_refused++;
    onenet_log_refused(o, "command", why);
    if (onenet_command_refusal(&b, payload, code, why) == 0)
        send_short(o, uuid, ag_buf_span(&b));
    else
        o->answers.n_dropped++;
}

/* An answer that cannot be given as it is: the command is answered all the same, under its id when it has one. */
static void answer_error(struct onenet *o, uint64_t token, const char *topic, struct ag_span answer, struct ag_span error)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf named = AG_BUF_INIT;
    struct ag_span id = ag_json_get(answer, "id");

    if (id.p && ag_msg_error(&named, id, AG_CODE_BUSY, "the answer cannot be carried", NULL) == 0)
        error = ag_buf_span(&named);
    o->broker.count.answers_refused++;
    onenet_log_refused(o, "answer", "too large to wait for the connection, or no answer at all");
    onenet_commands_amend(&o->commands, token, error);
    answer_box_put_answer(&o->answers, topic, error);
}

int onenet_answer(struct cloud *base, uint64_t token, struct ag_span text)
{
    struct onenet *o = (struct onenet *) base;
    ag_cleanup(ag_buf_deinit) struct ag_buf topic = AG_BUF_INIT, payload = AG_BUF_INIT;
    const struct ag_span error = AG_SPAN("{\"error\":{\"code\":-32000,\"message\":\"the answer cannot be carried\"}}");
    int r = onenet_commands_answer(&o->commands, token, text, &topic, &payload);

    if (r == -ENOENT)
        return r;
    if (r < 0) {
        o->broker.count.answers_refused++;
        r = onenet_commands_answer(&o->commands, token, error, &topic, &payload);
    }
    if (r < 0 || !ag_buf_cstr(&topic)) {
        o->answers.n_dropped++;
        answer_box_give_back(&o->answers);
        return 0;
    }
    if (answer_box_put_answer(&o->answers, topic.data, ag_buf_span(&payload)) == -EMSGSIZE)
        answer_error(o, token, topic.data, ag_buf_span(&payload), error);
    onenet_answers_send(o);
    return 0;
}

/* ---- commands ---- */

static void start(struct onenet *o, uint64_t token, struct ag_span text)
{
    o->broker.count.commands++;
    o->env->events->command(o->env->user, token, text, true);
}

static void take_command(struct onenet *o, struct ag_span uuid, struct ag_span payload)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    bool room = answer_box_keep_place(&o->answers);
    struct ag_span again;
    uint64_t token;
    int r = onenet_commands_take(&o->commands, uuid, payload, room, &text, &token, &again);

    if (r != 0 && room)
        answer_box_give_back(&o->answers);
    switch (r) {
    case 0:
        start(o, token, ag_buf_span(&text));
        break;
    case ONENET_COMMAND_E_OPEN:
        break;
    case ONENET_COMMAND_E_ANSWERED:
        send_short(o, uuid, again);
        break;
    case ONENET_COMMAND_E_TOO_LARGE:
        refuse(o, uuid, payload, AG_CODE_INVALID_REQUEST, "over 65535 bytes");
        break;
    case ONENET_COMMAND_E_ID:
        refuse(o, uuid, payload, AG_CODE_INVALID_REQUEST, "an id over 128 bytes");
        break;
    case ONENET_COMMAND_E_FULL:
        refuse(o, uuid, payload, AG_CODE_BUSY, "too many commands open");
        break;
    default:
        refuse(o, uuid, payload, AG_CODE_BUSY, "out of memory");
        break;
    }
}

/* ---- messages ---- */

/* Bytes as the value of "payload", or of "base64" when they are no text. */
static int append_payload(struct ag_buf *out, struct ag_span payload)
{
    bool text = !memchr(payload.p, '\0', payload.len) && ag_utf8_valid(payload);
    int r = ag_buf_append_str(out, text ? "\"payload\":" : "\"base64\":\"");

    if (r == 0)
        r = text ? ag_buf_append_json_str(out, payload.p, payload.len) : ag_base64_encode(out, payload.p, payload.len);
    return r == 0 && !text ? ag_buf_append_char(out, '"') : r;
}

static void take_message(struct onenet *o, const struct mqtt_link_msg *m)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int r = ag_buf_append_str(&text, "{\"method\":\"onenet.message\",\"params\":{\"topic\":");

    if (r == 0)
        r = ag_buf_append_json_str(&text, m->topic, strlen(m->topic));
    if (r == 0)
        r = ag_buf_append_char(&text, ',');
    if (r == 0)
        r = append_payload(&text, m->payload);
    if (r == 0)
        r = ag_buf_printf(&text, ",\"qos\":%u,\"retain\":%s}}", m->qos, m->retain ? "true" : "false");
    if (r == 0)
        o->env->events->command(o->env->user, 0, ag_buf_span(&text), false);
    else
        onenet_log_refused(o, "message", "out of memory");
}

/* A firmware notice: a whole miIO.ota command, or its params. */
static void take_firmware_notice(struct onenet *o, struct ag_span payload)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct ag_json_view view;

    if (ag_json_parse(&payload, 64, &view) != 0) {
        onenet_log_refused(o, "firmware notice", "not a JSON object");
        return;
    }
    if (ag_view_has(&view, AG_M_METHOD)) {
        o->env->events->command(o->env->user, 0, payload, false);
        return;
    }
    if (ag_buf_append_str(&text, "{\"method\":\"miIO.ota\",\"params\":") == 0 && ag_buf_append_span(&text, payload) == 0 &&
        ag_buf_append_char(&text, '}') == 0)
        o->env->events->command(o->env->user, 0, ag_buf_span(&text), false);
}

/* Commands come without a subscription: everything is checked here. */
void onenet_on_message(void *user, const struct mqtt_link_msg *m)
{
    struct onenet *o = user;
    struct ag_span topic = {m->topic, strlen(m->topic)}, uuid;

    if (onenet_topic_is_command(topic, &uuid)) {
        take_command(o, uuid, m->payload);
    } else if (topic.len == 0 || topic.p[0] == '$') {
        o->count.messages_ignored++;
        onenet_log_refused(o, "message", "unknown reserved topic");
    } else if (o->conf.ota_topic && strcmp(o->conf.ota_topic, m->topic) == 0) {
        take_firmware_notice(o, m->payload);
    } else {
        take_message(o, m);
    }
}
