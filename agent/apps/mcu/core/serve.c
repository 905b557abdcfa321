/* SPDX-License-Identifier: MIT */
/* The serial side of the bridge: what goes down at get_down, what result and error end, and the dispatch of every line. */
#include "agent/apps/mcu/core/bridge.h"

#include "agent/apps/mcu/core/commands.h"
#include "libagent/core/json/json.h"

static void down(struct mcu_bridge *b, const char *text, size_t n)
{
    mcu_tx_put(&b->tx, text, n);
    mcu_tx_put(&b->tx, "\r", 1);
    b->n.downs++;
}

static void down_job(struct mcu_bridge *b)
{
    char line[MCU_DOWN_MAX];

    b->out = mcu_bridge_pop(b);
    down(b, line, mcu_job_print(b->out, line));
}

static void down_net(struct mcu_bridge *b)
{
    b->net_told = mcu_bridge_net(b);
    b->net_untold = false;
    mcu_tx_printf(&b->tx, "down MIIO_net_change %s\r", mcu_net_name(b->net_told));
}

/*
 * First requests to the MCU, then what the module wants to know, then what it has to tell. Until the
 * first "none" only the network state goes out: boot loaders are known to run their program after exactly
 * these two.
 */
static void down_next(struct mcu_bridge *b)
{
    if (b->started && b->n_queued > 0) {
        down_job(b);
    } else if (b->started && b->version_due) {
        b->version_due = false;
        b->version_asked = true;
        down(b, "down MIIO_mcu_version_req", strlen("down MIIO_mcu_version_req"));
    } else if (b->started && b->model_due) {
        b->model_due = false;
        down(b, "down MIIO_model_req", strlen("down MIIO_model_req"));
    } else if (b->net_untold || b->net_told != mcu_bridge_net(b)) {
        down_net(b);
    } else {
        b->started = true;
        mcu_tx_printf(&b->tx, "down none\r");
    }
}

static void line_get_down(struct mcu_bridge *b, uint64_t now_ms)
{
    bool asking = b->update.state == MCU_UPDATE_ASKING;

    if (b->out) {
        mcu_bridge_reply(b, false);
    } else if (asking && b->set.announce_net && b->net_told != mcu_bridge_net(b)) {
        down_net(b);
    } else if (asking) {
        mcu_update_asked(&b->update, now_ms);
        mcu_tx_printf(&b->tx, "down update_fw\r");
    } else {
        down_next(b);
    }
}

static void result_for_job(struct mcu_bridge *b, const struct mcu_words *words)
{
    int r = mcu_job_result(b->out, words);
    struct mcu_job *job;

    mcu_bridge_reply(b, r == 0);
    if (r != 0) {
        mcu_bridge_end_out(b, r < 0 ? MCU_CODE_MODULE : MCU_CODE_ACK_INVALID, r < 0 ? "out of memory" : "user ack invalid");
        return;
    }
    b->n.results++;
    job = ag_steal(&b->out);
    if (mcu_job_next_part(job)) {
        mcu_bridge_finish(b, job);
        return;
    }
    ag_list_prepend(&b->queue, &job->link);
    b->n_queued++;
}

static void result_for_update(struct mcu_bridge *b, const struct mcu_words *words, uint64_t now_ms)
{
    bool asked = b->update.asked && words->n == 1 && words->param[0].quoted;
    bool ready = asked && ag_span_eq(words->param[0].raw, "\"ready\"");
    bool busy = asked && ag_span_eq(words->param[0].raw, "\"busy\"");

    mcu_bridge_reply(b, ready || busy);
    if (ready || busy)
        mcu_update_answered(&b->update, ready, now_ms);
}

static void line_result(struct mcu_bridge *b, const struct mcu_words *words, uint64_t now_ms)
{
    if (b->out)
        result_for_job(b, words);
    else if (b->update.state == MCU_UPDATE_ASKING)
        result_for_update(b, words, now_ms);
    else
        mcu_bridge_reply(b, false);
}

static void line_error(struct mcu_bridge *b, const struct mcu_words *words)
{
    char message[MCU_LINE_MAX];
    int32_t code;
    long len;

    if (words->n != 2 || !words->param[0].quoted || words->param[0].bad || !mcu_word_code(&words->param[1], &code) ||
        code < -9999 || code > -5000) {
        mcu_bridge_reply(b, false);
        return;
    }
    mcu_bridge_reply(b, true);
    if (!b->out)
        return;
    len = ag_json_unescape(words->param[0].raw, message, sizeof message - 1);
    message[len < 0 ? 0 : len] = '\0';
    mcu_bridge_end_out(b, code, message);
}

/* ---- every line ---- */

static bool serve_reports(struct mcu_bridge *b, const struct mcu_words *words, uint64_t now_ms)
{
    if (ag_span_eq(words->command, "properties_changed"))
        mcu_bridge_reply(b, prop_queue_add(&b->reports.props, words) == 0);
    else if (ag_span_eq(words->command, "event_occured"))
        mcu_bridge_reply(b, event_queue_add(&b->reports.events, words, now_ms) == 0);
    else
        return false;
    return true;
}

/* Even a result that cannot be read was the MCU's answer: waiting longer would only hold up the line. */
static bool is_result(struct ag_span line)
{
    size_t i = 0;

    while (i < line.len && line.p[i] == ' ')
        i++;
    return line.len - i >= 7 && memcmp(line.p + i, "result ", 7) == 0;
}

static void bad_line(struct mcu_bridge *b, struct ag_span line)
{
    b->n.bad_lines++;
    mcu_bridge_reply(b, false);
    if (b->out && is_result(line))
        mcu_bridge_end_out(b, MCU_CODE_ACK_INVALID, "user ack invalid");
}

static void serve_line(struct mcu_bridge *b, struct ag_span line, const struct mcu_clock *clock)
{
    struct mcu_words words;

    b->n.lines++;
    if (mcu_words_parse(line, &words) != 0) {
        bad_line(b, line);
        return;
    }
    b->n.bad_values += words.n_bad;
    if (ag_span_eq(words.command, "get_down"))
        line_get_down(b, clock->now_ms);
    else if (ag_span_eq(words.command, "result"))
        line_result(b, &words, clock->now_ms);
    else if (ag_span_eq(words.command, "error") && (b->out || b->update.state != MCU_UPDATE_ASKING))
        line_error(b, &words);
    else if (b->update.state == MCU_UPDATE_ASKING)
        mcu_bridge_reply(b, false);
    else if (!serve_reports(b, &words, clock->now_ms) && !mcu_commands_run(b, &words, clock))
        mcu_bridge_reply(b, b->set.ok_unknown);
}

static size_t feed_lines(struct mcu_bridge *b, const struct mcu_clock *clock, const char *p, size_t n)
{
    struct ag_span line;
    size_t used;
    enum mcu_line_event event = mcu_line_feed(&b->line, p, n, clock->now_ms, &used, &line);

    if (b->echo)
        mcu_tx_put(&b->tx, p, used);
    if (event == MCU_LINE_READY)
        serve_line(b, line, clock);
    else if (event == MCU_LINE_TOO_LONG)
        bad_line(b, line);
    return used;
}

static void feed_transfer(struct mcu_bridge *b, uint64_t now_ms, char c)
{
    uint8_t out[XMODEM_OUT_MAX];

    mcu_tx_put(&b->tx, out, mcu_update_byte(&b->update, (uint8_t) c, now_ms, out));
    if (b->update.state != MCU_UPDATE_SENDING)
        mcu_bridge_update_left(b);
}

size_t mcu_bridge_feed(struct mcu_bridge *b, const struct mcu_clock *clock, const char *p, size_t n)
{
    enum { ECHO_CHUNK = 1024 }; /* so that echo and reply always fit what mcu_tx_has_room() promised */
    size_t i = 0;

    mcu_bridge_expire(b, clock->now_ms); /* after a long sleep the bytes may be there before the timer */
    if (!b->echo)
        mcu_line_expire(&b->line, clock->now_ms);
    while (i < n && mcu_tx_has_room(&b->tx)) {
        if (b->update.state == MCU_UPDATE_SENDING)
            feed_transfer(b, clock->now_ms, p[i++]);
        else
            i += feed_lines(b, clock, p + i, n - i > ECHO_CHUNK ? ECHO_CHUNK : n - i);
    }
    return i;
}
