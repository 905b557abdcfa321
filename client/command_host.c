/* SPDX-License-Identifier: MIT */
/* Commands and their answers: to the applications, and back to whoever gave them. */
#include "client/client.h"

#include <errno.h>
#include "client/local/core/tell_origin.h"
#include "client/local/trace.h"
#include "libagent/core/codes.h"
#include "libagent/core/log/log.h"

static void on_command_send(void *user, uint64_t peers, struct ag_span text)
{
    client_send_peers(user, peers, text);
}

static void answer_origin(struct client *c, struct origin to, struct ag_span text, const struct ag_json_view *view);

static void on_command_done(void *user, struct origin to, unsigned tag, enum command_end end, struct ag_span text,
                            const struct ag_json_view *view)
{
    struct client *c = user;

    /* an application that hangs must not keep a device from its owner's reset */
    if ((end == COMMAND_NOT_MINE || end == COMMAND_NOBODY || end == COMMAND_TIMED_OUT) && client_serve_fallback(c, to, tag))
        return;
    answer_origin(c, to, text, view);
}

static uint64_t on_command_servers(void *user, uint64_t peers, struct ag_span text)
{
    const struct client *c = user;

    return local_gate_servers(&c->gate, peers, text);
}

static const struct command_sink command_sink = {on_command_send, on_command_done, on_command_servers};

/* ---- to whoever gave a command ---- */

static void answer_cloud(struct client *c, struct origin to, struct ag_span text)
{
    int r = cloud_links_answer(&c->clouds, to.place, to.token, text);
    char left_out[AG_LOG_HELD_MAX];
    unsigned held;

    if (r == 0)
        return;
    c->stats.answers_lost++;
    if (ag_log_gate_pass(&c->log, uv_now(c->loop), &held))
        ag_log(AG_LOG_WARNING, "an answer to the cloud is lost: %s%s", strerror(-r), ag_log_held(held, left_out));
}

static void answer_origin(struct client *c, struct origin to, struct ag_span text, const struct ag_json_view *view)
{
    if (to.kind != ORIGIN_LOCAL)
        local_trace_to(to, text, view);
    switch (to.kind) {
    case ORIGIN_CLOUD:
        answer_cloud(c, to, text);
        break;
    case ORIGIN_LAN:
        phones_answer(&c->phones, to.token, text, view);
        break;
    case ORIGIN_BLE:
        ble_port_answer(&c->ble, text);
        break;
    case ORIGIN_LOCAL:
        client_send_peer(c, (unsigned) to.token, text);
        break;
    case ORIGIN_CLIENT:
    case ORIGIN_N_KINDS:
        break;
    }
}

void client_answer(struct client *c, struct origin to, struct ag_span text)
{
    answer_origin(c, to, text, NULL);
}

void client_answer_own(struct client *c, struct origin to, struct ag_span text)
{
    if (to.kind != ORIGIN_LAN) {
        answer_origin(c, to, text, NULL);
        return;
    }
    local_trace_to(to, text, NULL);
    phones_answer_own(&c->phones, to.token, text);
}

void client_refuse(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view, int code,
                   const char *why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

    if (local_cmd_put_error(&out, ag_view_raw(view, text.p, AG_M_ID), code, why) == 0)
        client_answer(c, from, ag_buf_span(&out));
}

bool client_refuse_form(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view,
                        bool wants_answer)
{
    static const struct ag_json_view nothing;
    const char *why = command_check_form(view);
    char left_out[AG_LOG_HELD_MAX];
    unsigned held;

    if (!why)
        return false;
    c->stats.bad_form++;
    if (ag_log_gate_pass(&c->log, uv_now(c->loop), &held))
        ag_log(AG_LOG_DEBUG, "a message is refused: %s%s", why, ag_log_held(held, left_out));
    if (wants_answer)
        client_refuse(c, from, text, command_id_is_good(view) ? view : &nothing, -32600, why);
    return true;
}

#define OUT_OF_MEMORY AG_SPAN("{\"error\":{\"code\":-32000,\"message\":\"out of memory\"}}")

static void give_told(struct client *c, struct origin from, unsigned tag, struct ag_span text, const struct ag_json_view *view,
                      bool wants_answer)
{
    struct origin_told told;
    int r = tell_origin(&told, text, from.kind);

    if (r == 0) {
        r = command_start(&c->commands, from, tag, told.text, &told.view, wants_answer, uv_now(c->loop));
        origin_told_deinit(&told);
    }
    c->stats.bad_form += r == TELL_ORIGIN_E_SAID;
    if (wants_answer && r == TELL_ORIGIN_E_SAID)
        client_refuse(c, from, text, view, -32600, "_origin is for the device to say");
    else if (wants_answer && r < 0)
        client_answer(c, from, OUT_OF_MEMORY);
}

static void refuse_no_command(struct client *c, struct origin from, bool wants_answer)
{
    ag_log(AG_LOG_WARNING, "a command from the cloud is not a JSON object with a method");
    if (wants_answer)
        client_answer(c, from, AG_SPAN("{\"error\":{\"code\":-32600,\"message\":\"not a command\"}}"));
}

void client_command(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view, bool wants_answer)
{
    unsigned tag;

    if (!view) {
        refuse_no_command(c, from, wants_answer);
        return;
    }
    local_trace_from(from, text, view);
    if (client_refuse_form(c, from, text, view, wants_answer))
        return;
    if (client_serve(c, from, text, view, &tag))
        return;
    if (c->options.tells_origin)
        give_told(c, from, tag, text, view, wants_answer);
    else if (command_start(&c->commands, from, tag, text, view, wants_answer, uv_now(c->loop)) < 0 && wants_answer)
        client_answer(c, from, OUT_OF_MEMORY);
}

void client_init_commands(struct client *c, uint32_t random)
{
    command_table_init(&c->commands, &command_sink, c, random);
    c->commands.timeout_ms = c->options.command_timeout_ms;
    c->commands.grace_ms = c->options.command_grace_ms;
    command_expect_peers(&c->commands, uv_now(c->loop));
}
