/* SPDX-License-Identifier: MIT */
#include "client/local/intake.h"

#include <string.h>
#include "client/local/core/tell_origin.h"
#include "client/local/trace.h"
#include "libagent/core/codes.h"
#include "libagent/core/reuse.h"

enum { SCRATCH_MAX = 8192 };

/* ---- to whoever gave a command ---- */

static void answer_cloud(struct intake *in, struct origin to, struct ag_span text)
{
    int r = in->env.host->answer_cloud(in->env.user, to.place, to.token, text);

    if (r == 0)
        return;
    in->stats.answers_lost++;
    ag_log_gated(&in->log, uv_now(in->env.loop), AG_LOG_WARNING, "an answer to the cloud is lost: %s", strerror(-r));
}

static void answer_origin(struct intake *in, struct origin to, struct ag_span text, const struct ag_json_view *view)
{
    if (to.kind != ORIGIN_LOCAL)
        local_trace_to(to, text, view);
    switch (to.kind) {
    case ORIGIN_CLOUD:
        answer_cloud(in, to, text);
        break;
    case ORIGIN_LAN:
        in->env.host->answer_phone(in->env.user, to.token, text, view);
        break;
    case ORIGIN_BLE:
        in->env.host->answer_ble(in->env.user, text);
        break;
    case ORIGIN_LOCAL:
        local_peers_send(in->env.peers, (unsigned) to.token, text);
        break;
    case ORIGIN_CLIENT:
    case ORIGIN_N_KINDS:
        break;
    }
}

static void answer(struct intake *in, struct origin to, struct ag_span text)
{
    answer_origin(in, to, text, NULL);
}

/* The same for a text that already has the asker's id. */
static void answer_own(struct intake *in, struct origin to, struct ag_span text)
{
    if (to.kind != ORIGIN_LAN) {
        answer(in, to, text);
        return;
    }
    local_trace_to(to, text, NULL);
    in->env.host->answer_phone_own(in->env.user, to.token, text);
}

/* An error to whoever sent this, under its id. */
static void refuse(struct intake *in, struct origin from, struct ag_span text, const struct ag_json_view *view, int code,
                   const char *why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

    if (local_cmd_put_error(&out, ag_view_raw(view, text.p, AG_M_ID), code, why) == 0)
        answer(in, from, ag_buf_span(&out));
}

/* ---- what is checked first ---- */

/* true: the text has been refused for its form. An id that is given twice or is too long is not sent back. */
static bool refuse_form(struct intake *in, struct origin from, struct ag_span text, const struct ag_json_view *view,
                        bool wants_answer)
{
    static const struct ag_json_view nothing;
    const char *why = command_check_form(view);

    if (!why)
        return false;
    in->stats.bad_form++;
    ag_log_gated(&in->log, uv_now(in->env.loop), AG_LOG_DEBUG, "a message is refused: %s", why);
    if (wants_answer)
        refuse(in, from, text, command_id_is_good(view) ? view : &nothing, AG_CODE_INVALID_REQUEST, why);
    return true;
}

/* true: the access rules refuse it, which has been answered. */
static bool refuse_access(struct intake *in, struct origin from, struct ag_span text, const struct ag_json_view *view)
{
    if (local_peers_may(in->env.peers, from, text, view))
        return false;
    if (ag_view_has(view, AG_M_ID))
        refuse(in, from, text, view, AG_CODE_NOT_PERMITTED, "not permitted");
    return true;
}

/* ---- what is served here ---- */

static bool serve(struct intake *in, struct origin from, struct ag_span text, const struct ag_json_view *view, unsigned *tag_out)
{
    struct ag_buf out = ag_scratch_take(&in->scratch);
    bool served = serve_method(in->env.serve, from, text, view, &out, tag_out);

    if (served && ag_buf_size(&out) > 0)
        answer_own(in, from, ag_buf_span(&out));
    ag_scratch_give(&in->scratch, &out, SCRATCH_MAX);
    return served;
}

static bool fall_back(struct intake *in, struct origin to, unsigned tag)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

    if (!serve_fallback(in->env.serve, tag, &out))
        return false;
    if (ag_buf_size(&out) > 0)
        answer(in, to, ag_buf_span(&out)); /* under the asker's own id */
    return true;
}

/* ---- commands ---- */

#define NO_COMMAND    AG_SPAN("{\"error\":{\"code\":-32600,\"message\":\"not a command\"}}")
#define NO_JSON       AG_SPAN("{\"id\":null,\"error\":{\"code\":-32700,\"message\":\"not a JSON command\"}}")
#define OUT_OF_MEMORY AG_SPAN("{\"error\":{\"code\":-32000,\"message\":\"out of memory\"}}")

static void on_command_send(void *user, uint64_t peers, struct ag_span text)
{
    struct intake *in = user;

    local_peers_send_each(in->env.peers, peers, text);
}

static void on_command_done(void *user, struct origin to, unsigned tag, enum command_end end, struct ag_span text,
                            const struct ag_json_view *view)
{
    struct intake *in = user;

    /* an application that hangs must not keep a device from its owner's reset */
    if ((end == COMMAND_NOT_MINE || end == COMMAND_NOBODY || end == COMMAND_TIMED_OUT) && fall_back(in, to, tag))
        return;
    answer_origin(in, to, text, view);
}

static uint64_t on_command_servers(void *user, uint64_t peers, struct ag_span text)
{
    const struct intake *in = user;

    return local_gate_servers(&in->env.peers->gate, peers, text);
}

static const struct command_sink command_sink = {on_command_send, on_command_done, on_command_servers};

static int start(struct intake *in, struct origin from, unsigned tag, struct ag_span text, const struct ag_json_view *view,
                 bool wants_answer)
{
    return command_start(&in->commands, from, tag, text, view, wants_answer, uv_now(in->env.loop));
}

static void give_told(struct intake *in, struct origin from, unsigned tag, struct ag_span text, const struct ag_json_view *view,
                      bool wants_answer)
{
    struct origin_told told;
    int r = tell_origin(&told, text, from.kind);

    if (r == 0) {
        r = start(in, from, tag, told.text, &told.view, wants_answer);
        origin_told_deinit(&told);
    }
    in->stats.bad_form += r == TELL_ORIGIN_E_SAID;
    if (wants_answer && r == TELL_ORIGIN_E_SAID)
        refuse(in, from, text, view, AG_CODE_INVALID_REQUEST, "only the device may set _origin");
    else if (wants_answer && r < 0)
        answer(in, from, OUT_OF_MEMORY);
}

static void refuse_no_command(struct intake *in, struct origin from, bool wants_answer)
{
    ag_log_gated(&in->log, uv_now(in->env.loop), AG_LOG_WARNING, "a command from the cloud is not a JSON object with a method");
    if (wants_answer)
        answer(in, from, NO_COMMAND);
}

void intake_command(struct intake *in, struct origin from, struct ag_span text, const struct ag_json_view *view,
                    bool wants_answer)
{
    unsigned tag;

    if (!view) {
        refuse_no_command(in, from, wants_answer);
        return;
    }
    local_trace_from(from, text, view);
    if (refuse_form(in, from, text, view, wants_answer) || serve(in, from, text, view, &tag))
        return;
    if (in->env.tells_origin)
        give_told(in, from, tag, text, view, wants_answer);
    else if (start(in, from, tag, text, view, wants_answer) < 0 && wants_answer)
        answer(in, from, OUT_OF_MEMORY);
}

/* ---- from applications ---- */

static void refuse_memory(struct intake *in, struct origin from, struct ag_span text, const struct ag_json_view *view)
{
    if (ag_view_has(view, AG_M_ID))
        refuse(in, from, text, view, AG_CODE_BUSY, "out of memory");
    else
        in->stats.reports_silent++;
}

void intake_local(struct intake *in, unsigned peer, struct ag_span text, const struct ag_json_view *view)
{
    struct origin from = {.kind = ORIGIN_LOCAL, .token = peer};
    unsigned tag;

    local_trace_from(from, text, view);
    if (!ag_view_has(view, AG_M_METHOD) && command_id_is_good(view))
        command_answer(&in->commands, peer, text, view);
    else if (!refuse_form(in, from, text, view, true) && !refuse_access(in, from, text, view) &&
             !serve(in, from, text, view, &tag) && !in->env.host->offer(in->env.user, peer, text, view) &&
             in->env.host->submit(in->env.user, peer, text, view) < 0)
        refuse_memory(in, from, text, view);
}

/* ---- from the Bluetooth helper ---- */

void intake_ble(struct intake *in, struct ag_span text)
{
    struct origin from = {.kind = ORIGIN_BLE};
    struct ag_json_view view;
    unsigned tag;

    if (ag_json_parse(&text, 16, &view) != 0 || command_check_form(&view)) {
        in->stats.bad_form++;
        answer(in, from, NO_JSON);
        return;
    }
    if (!refuse_access(in, from, text, &view) && !serve(in, from, text, &view, &tag))
        refuse(in, from, text, &view, AG_CODE_NOT_FOUND, "Method not found.");
}

/* ---- start and end ---- */

void intake_init(struct intake *in, const struct intake_env *env)
{
    *in = (struct intake){.env = *env, .scratch = AG_BUF_SECRET_INIT, .log = {.burst = 5, .period_ms = 10000}};
    command_table_init(&in->commands, &command_sink, in, env->random);
    in->commands.timeout_ms = env->command_timeout_ms;
    in->commands.grace_ms = env->command_grace_ms;
    command_expect_peers(&in->commands, uv_now(env->loop));
}

void intake_deinit(struct intake *in)
{
    command_table_deinit(&in->commands);
    ag_buf_deinit(&in->scratch);
}
