/* SPDX-License-Identifier: MIT */
#include "client/cloud/onenet/core/onenet_command.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/core/codes.h"
#include "libagent/core/text/base64.h"
#include "libagent/core/json/json_iter.h"
#include "client/cloud/onenet/core/onenet_topic.h"
#include "libagent/core/utf8.h"
#include "libagent/core/text/message.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { DEPTH_MAX = 64 };

struct onenet_command {
    struct ag_list answered_link, replied_link;
    UT_hash_handle hh_uuid, hh_token;
    uint64_t token;
    bool answered;
    bool wrapped;     /* an onenet.command */
    struct ag_buf id; /* raw id of the payload; empty: it had none */
    bool remembered;  /* reply is what was answered */
    struct ag_buf reply;
    size_t uuid_len;
    char uuid[];
};

void onenet_commands_init(struct onenet_commands *c)
{
    *c = (struct onenet_commands){.next_token = 1};
    ag_list_init(&c->answered);
    ag_list_init(&c->replied);
}

static void forget_reply(struct onenet_commands *c, struct onenet_command *k)
{
    c->bytes -= k->reply.len;
    k->remembered = false;
    ag_list_del(&k->replied_link);
    ag_buf_deinit(&k->reply);
}

static void command_free(struct onenet_commands *c, struct onenet_command *k)
{
    HASH_DELETE(hh_token, c->by_token, k);
    HASH_DELETE(hh_uuid, c->by_uuid, k);
    ag_list_del(&k->answered_link);
    c->n_answered -= k->answered;
    forget_reply(c, k);
    ag_buf_deinit(&k->id);
    free(k);
}

void onenet_commands_deinit(struct onenet_commands *c)
{
    while (c->by_uuid)
        command_free(c, c->by_uuid);
    ag_buf_deinit(&c->notice);
}

static struct onenet_command *find_uuid(struct onenet_commands *c, struct ag_span uuid)
{
    struct onenet_command *k;

    HASH_FIND(hh_uuid, c->by_uuid, uuid.p, uuid.len, k);
    return k;
}

static struct onenet_command *find_token(struct onenet_commands *c, uint64_t token)
{
    struct onenet_command *k;

    HASH_FIND(hh_token, c->by_token, &token, sizeof token, k);
    return k;
}

static struct onenet_command *command_new(struct onenet_commands *c, struct ag_span uuid)
{
    struct onenet_command *k = calloc(1, sizeof *k + uuid.len + 1);

    if (!k)
        return NULL;
    memcpy(k->uuid, uuid.p, uuid.len);
    k->uuid_len = uuid.len;
    k->token = c->next_token++;
    ag_list_init(&k->answered_link);
    ag_list_init(&k->replied_link);
    HASH_ADD_KEYPTR(hh_uuid, c->by_uuid, k->uuid, k->uuid_len, k);
    if (k->hh_uuid.tbl)
        HASH_ADD(hh_token, c->by_token, token, sizeof k->token, k);
    if (k->hh_token.tbl)
        return k;
    if (k->hh_uuid.tbl)
        HASH_DELETE(hh_uuid, c->by_uuid, k);
    free(k);
    return NULL;
}

/* Many receivers take a NUL for the end of a text: such payloads travel as bytes. */
static int wrap(struct ag_buf *out, struct ag_span payload)
{
    bool text = !memchr(payload.p ? payload.p : "", '\0', payload.len) && ag_utf8_valid(payload);
    int r = ag_buf_append_str(out, "{\"method\":\"onenet.command\",\"params\":{");

    if (r == 0)
        r = ag_buf_append_str(out, text ? "\"payload\":" : "\"base64\":\"");
    if (r == 0)
        r = text ? ag_buf_append_json_str(out, payload.p, payload.len) : ag_base64_encode(out, payload.p, payload.len);
    return r == 0 ? ag_buf_append_str(out, text ? "}}" : "\"}}") : r;
}

/* A whole command, with an id or without. false: anything else, which is wrapped. */
static bool is_command(struct ag_span *text, struct ag_json_view *view)
{
    return ag_json_parse(text, DEPTH_MAX, view) == 0 && view->at[AG_M_METHOD].type == AG_JSON_STRING &&
           !(view->twice & (1u << AG_M_ID | 1u << AG_M_METHOD));
}

static int keep_command(struct onenet_command *k, struct ag_span payload, struct ag_buf *text_out)
{
    struct ag_json_view view;
    struct ag_span text = payload, id;
    int r = 0;

    if (!is_command(&text, &view)) {
        k->wrapped = true;
        return wrap(text_out, payload);
    }
    id = ag_view_raw(&view, text.p, AG_M_ID);
    if (id.p && id.len > ONENET_ID_MAX)
        return ONENET_COMMAND_E_ID;
    if (id.p)
        r = ag_buf_append_span(&k->id, id);
    return r == 0 ? ag_buf_append_span(text_out, text) : r;
}

int onenet_command_refusal(struct ag_buf *out, struct ag_span payload, int code, const char *message)
{
    struct ag_json_view view;
    struct ag_span text = payload, id = {NULL, 0};

    if (payload.len <= ONENET_COMMAND_MAX && is_command(&text, &view))
        id = ag_view_raw(&view, text.p, AG_M_ID);
    if (id.p && id.len <= ONENET_ID_MAX)
        return ag_msg_error(out, id, code, message, NULL);
    return ag_buf_printf(out, "{\"error\":{\"code\":%d,\"message\":\"%s\"}}", code, message);
}

static int repeat(struct onenet_commands *c, const struct onenet_command *k, struct ag_span *again_out)
{
    struct ag_span id = k->id.len > 0 ? ag_buf_span(&k->id) : AG_SPAN("null");
    int r;

    c->n_repeated++;
    if (!k->answered)
        return ONENET_COMMAND_E_OPEN;
    *again_out = ag_buf_span(&k->reply);
    if (k->remembered)
        return ONENET_COMMAND_E_ANSWERED;
    ag_buf_clear(&c->notice);
    r = ag_msg_error(&c->notice, id, AG_CODE_INTERNAL, "answered before; the answer is not remembered", NULL);
    *again_out = ag_buf_span(&c->notice);
    return r < 0 ? r : ONENET_COMMAND_E_ANSWERED;
}

int onenet_commands_take(struct onenet_commands *c, struct ag_span uuid, struct ag_span payload, bool room,
                         struct ag_buf *text_out, uint64_t *token_out, struct ag_span *again_out)
{
    struct onenet_command *k = find_uuid(c, uuid);
    size_t was = text_out->len;
    int r;

    if (k)
        return repeat(c, k, again_out);
    if (payload.len > ONENET_COMMAND_MAX)
        return ONENET_COMMAND_E_TOO_LARGE;
    if (!room)
        return ONENET_COMMAND_E_FULL;
    k = command_new(c, uuid);
    if (!k)
        return -ENOMEM;
    r = keep_command(k, payload, text_out);
    if (r != 0) {
        text_out->len = was;
        command_free(c, k);
        return r;
    }
    c->n_taken++;
    *token_out = k->token;
    return 0;
}

/* {"payload":"..."} or {"base64":"..."}: the bytes themselves. -EINVAL: the result is something else. */
static int unwrap(struct ag_buf *out, struct ag_span result)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct ag_span payload = ag_json_get(result, "payload"), base64 = ag_json_get(result, "base64");
    int r;

    if (payload.p)
        return ag_json_append_text(out, payload);
    if (!base64.p)
        return -EINVAL;
    r = ag_json_append_text(&text, base64);
    return r == 0 ? ag_base64_decode(out, ag_buf_span(&text)) : r;
}

static int format_answer(struct ag_buf *out, const struct onenet_command *k, struct ag_span answer)
{
    struct ag_json_view view;
    struct ag_span body;
    bool good;
    int r;

    if (ag_json_parse(&answer, DEPTH_MAX * 2, &view) != 0)
        return -EINVAL;
    good = ag_view_has(&view, AG_M_RESULT);
    if (!good && !ag_view_has(&view, AG_M_ERROR))
        return -EINVAL;
    body = ag_view_raw(&view, answer.p, good ? AG_M_RESULT : AG_M_ERROR);
    if (k->wrapped && good) {
        r = unwrap(out, body);
        if (r != -EINVAL)
            return r;
    }
    if (k->id.len > 0 && ag_view_has(&view, AG_M_ID))
        return ag_msg_splice_value(out, answer, &view.at[AG_M_ID], ag_buf_span(&k->id));
    r = k->id.len > 0 ? ag_buf_printf(out, "{\"id\":%.*s,", (int) k->id.len, k->id.data) : ag_buf_append_char(out, '{');
    if (r == 0)
        r = ag_buf_append_str(out, good ? "\"result\":" : "\"error\":");
    if (r == 0)
        r = ag_buf_append_span(out, body);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

/* If there is no memory for it, the next repeat only learns that it was answered. */
static void remember(struct onenet_commands *c, struct onenet_command *k, struct ag_span reply)
{
    forget_reply(c, k);
    if (reply.len > ONENET_ANSWER_KEPT_MAX)
        return;
    while (c->bytes + reply.len > ONENET_ANSWERS_KEPT_MAX)
        forget_reply(c, ag_list_first(&c->replied, struct onenet_command, replied_link));
    k->remembered = ag_buf_append_span(&k->reply, reply) == 0;
    if (k->reply.len > 0)
        ag_list_append(&c->replied, &k->replied_link);
    c->bytes += k->reply.len;
}

int onenet_commands_answer(struct onenet_commands *c, uint64_t token, struct ag_span answer, struct ag_buf *topic_out,
                           struct ag_buf *payload_out)
{
    struct onenet_command *k = find_token(c, token);
    size_t topic_was = topic_out->len, was = payload_out->len;
    int r;

    if (!k || k->answered)
        return -ENOENT;
    r = format_answer(payload_out, k, answer);
    if (r == 0)
        r = onenet_topic_answer(topic_out, (struct ag_span){k->uuid, k->uuid_len});
    if (r < 0) {
        payload_out->len = was;
        topic_out->len = topic_was;
        return r;
    }
    k->answered = true;
    c->n_answered++;
    ag_list_append(&c->answered, &k->answered_link);
    remember(c, k, (struct ag_span){payload_out->data + was, payload_out->len - was});
    if (c->n_answered > ONENET_COMMANDS_KEPT)
        command_free(c, ag_list_first(&c->answered, struct onenet_command, answered_link));
    return 0;
}

void onenet_commands_amend(struct onenet_commands *c, uint64_t token, struct ag_span payload)
{
    struct onenet_command *k = find_token(c, token);

    if (k && k->answered)
        remember(c, k, payload);
}
