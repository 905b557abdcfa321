/* SPDX-License-Identifier: MIT */
/* Commands of the mqtt cloud, and the answers to them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/mqtt/mqtt_priv.h"
#include "libagent/core/codes.h"
#include "libagent/core/text/message.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* With the client's own id in it, a little less than the 1 MiB that the agent takes. */
enum { COMMAND_MAX = (1 << 20) - 64, DEPTH_MAX = 128 };

struct open_command {
    UT_hash_handle hh;
    uint64_t token;
    size_t id_len;
    char id[]; /* as it was in the command */
};

void mqtt_commands_init(struct mqtt_cloud *m)
{
    m->commands = NULL;
    answer_box_init(&m->answers);
}

static void command_free(struct mqtt_cloud *m, struct open_command *c)
{
    HASH_DEL(m->commands, c);
    free(c);
}

void mqtt_commands_deinit(struct mqtt_cloud *m)
{
    while (m->commands)
        command_free(m, m->commands);
    answer_box_deinit(&m->answers);
}

/* ---- answers ---- */

void mqtt_answers_send(struct mqtt_cloud *m)
{
    struct answer *a;

    while ((a = answer_box_next(&m->answers))) {
        const struct mqtt_link_msg msg = {.topic = a->topic, .payload = a->payload, .qos = m->conf.qos};
        int r = mqtt_cloud_publish(m, &msg, mqtt_cookie(MQTT_COOKIE_ANSWER, a->n));

        if (r == 0) {
            answer_box_sent(&m->answers, a);
        } else if (r == -EINVAL || r == -EMSGSIZE) {
            ag_log(AG_LOG_ERROR, "mqtt: an answer is dropped: %s", strerror(-r));
            answer_box_drop(&m->answers, a);
        } else {
            return; /* no room, or no session: room() or the next login calls again */
        }
    }
}

static void refuse(struct mqtt_cloud *m, struct ag_span id, int code, const char *why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    mqtt_cloud_refused(m, &m->broker.count.commands_refused, "command", why);
    if (ag_msg_error(&b, id.p ? id : AG_SPAN("null"), code, why, NULL) < 0)
        m->answers.n_dropped++;
    else
        answer_box_put_refusal(&m->answers, m->topics[MQTT_T_COMMAND_ACK], ag_buf_span(&b));
    mqtt_answers_send(m);
}

/* ---- commands ---- */

/* NULL: it can be executed under *id_out, p NULL when it has none. Else why not, and the code. */
static const char *judge(struct ag_span *text, struct ag_json_view *view, struct ag_span *id_out, int *code)
{
    *id_out = (struct ag_span){NULL, 0};
    *code = -32700;
    if (text->len > COMMAND_MAX || ag_json_parse(text, DEPTH_MAX, view) != 0)
        return "not a JSON object of less than 1 MiB";
    *code = -32600;
    if (view->twice & (1u << AG_M_ID | 1u << AG_M_METHOD))
        return "id or method is given twice";
    *id_out = ag_view_raw(view, text->p, AG_M_ID);
    if (id_out->p && id_out->len > CLOUD_ID_MAX) {
        id_out->p = NULL;
        return "an id over 128 bytes";
    }
    return view->at[AG_M_METHOD].type == AG_JSON_STRING ? NULL : "not a command";
}

static struct open_command *command_new(struct mqtt_cloud *m, struct ag_span id)
{
    struct open_command *c = calloc(1, sizeof *c + id.len + 1);

    if (!c)
        return NULL;
    memcpy(c->id, id.p, id.len);
    c->id_len = id.len;
    c->token = m->next_token + 1;
    HASH_ADD(hh, m->commands, token, sizeof c->token, c);
    if (!c->hh.tbl) {
        free(c);
        return NULL;
    }
    m->next_token++;
    return c;
}

static void start(struct mqtt_cloud *m, struct ag_span id, struct ag_span text)
{
    struct open_command *c;

    if (!answer_box_keep_place(&m->answers)) {
        refuse(m, id, AG_CODE_BUSY, "too many commands open");
        return;
    }
    c = command_new(m, id);
    if (!c) {
        answer_box_give_back(&m->answers);
        refuse(m, id, AG_CODE_BUSY, "out of memory");
        return;
    }
    m->broker.count.commands++;
    m->env->events->command(m->env->user, c->token, text, true);
}

void mqtt_command_come(struct mqtt_cloud *m, const struct mqtt_link_msg *msg)
{
    struct ag_span text = msg->payload, id;
    struct ag_json_view view;
    const char *why;
    int code;

    if (msg->retain) { /* it would be executed again at each login */
        mqtt_cloud_refused(m, &m->broker.count.commands_refused, "command", "it is retained");
        return;
    }
    why = judge(&text, &view, &id, &code);
    if (why) {
        refuse(m, id, code, why);
    } else if (id.p) {
        start(m, id, text);
    } else {
        m->broker.count.commands++;
        m->env->events->command(m->env->user, 0, text, false);
    }
}

static struct open_command *find(struct mqtt_cloud *m, uint64_t token)
{
    struct open_command *c;

    HASH_FIND(hh, m->commands, &token, sizeof token, c);
    return c;
}

/* An answer that cannot be given as it is: the command is answered all the same. */
static void put_error(struct mqtt_cloud *m, const struct open_command *c, const char *why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    mqtt_cloud_refused(m, &m->broker.count.answers_refused, "answer", why);
    if (ag_msg_error(&b, (struct ag_span){c->id, c->id_len}, AG_CODE_BUSY, why, NULL) == 0) {
        answer_box_put_answer(&m->answers, m->topics[MQTT_T_COMMAND_ACK], ag_buf_span(&b));
    } else {
        m->answers.n_dropped++;
        answer_box_give_back(&m->answers);
    }
}

int mqtt_command_answer(struct cloud *base, uint64_t token, struct ag_span text)
{
    struct mqtt_cloud *m = (struct mqtt_cloud *) base;
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct open_command *c = find(m, token);
    struct ag_json_view view;
    int r = -EINVAL;

    if (!c)
        return mqtt_ask_answer(m, token, text) ? 0 : -ENOENT;
    if (ag_json_parse(&text, DEPTH_MAX * 2, &view) == 0)
        r = ag_msg_put_raw_id(&b, text, &view, (struct ag_span){c->id, c->id_len});
    if (r == 0)
        r = answer_box_put_answer(&m->answers, m->topics[MQTT_T_COMMAND_ACK], ag_buf_span(&b));
    else
        put_error(m, c, r == -ENOMEM ? "out of memory" : "the answer is not a JSON object");
    if (r == -EMSGSIZE)
        put_error(m, c, "the answer is too large to wait for the connection");
    command_free(m, c);
    mqtt_answers_send(m);
    mqtt_ask_soon(m);
    return 0;
}
