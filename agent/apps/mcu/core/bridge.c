/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/bridge.h"

#include <errno.h>
#include "libagent/core/codes.h"
#include "libagent/core/deadline.h"

void mcu_settings_init(struct mcu_settings *set)
{
    *set = (struct mcu_settings){
        .version = MIIO_VERSION,
        .props_per_get = MCU_GET_PART_MAX,
        .queue_max = MCU_QUEUE_MAX,
        .command_timeout_ms = MCU_COMMAND_TIMEOUT_MS,
        .announce_net = true,
        .ask_version = true,
    };
}

void mcu_bridge_mcu_started(struct mcu_bridge *b)
{
    b->started = !b->set.announce_net;
    b->net_untold = b->set.announce_net;
    b->net_told = mcu_bridge_net(b);
    b->version_due = b->set.ask_version;
    b->version_asked = false;
    b->model_due = b->set.ask_model && !*mcu_bridge_model(b);
}

/* What a module does at power-up; the MCU may have restarted too. */
static void start_over(struct mcu_bridge *b)
{
    mcu_line_init(&b->line);
    b->echo = false;
    mcu_bridge_mcu_started(b);
}

void mcu_bridge_init(struct mcu_bridge *b, const struct mcu_settings *set)
{
    memset(b, 0, sizeof *b);
    b->set = *set;
    mcu_tx_init(&b->tx);
    ag_list_init(&b->queue);
    ag_list_init(&b->finished);
    mcu_reports_init(&b->reports);
    start_over(b);
}

static void free_jobs(struct ag_list *list)
{
    ag_list_for_each_safe (it, list)
        mcu_job_free(ag_list_entry(it, struct mcu_job, link));
}

void mcu_bridge_deinit(struct mcu_bridge *b)
{
    free_jobs(&b->queue);
    free_jobs(&b->finished);
    b->out = mcu_job_free(b->out);
    mcu_reports_deinit(&b->reports);
}

/* ---- requests ---- */

void mcu_bridge_finish(struct mcu_bridge *b, struct mcu_job *job)
{
    if (mcu_job_finish(job) < 0)
        mcu_job_fail(job, MCU_CODE_MODULE, "out of memory");
    ag_list_append(&b->finished, &job->link);
}

static void finish_failed(struct mcu_bridge *b, struct mcu_job *job, int code, const char *message)
{
    mcu_job_fail(job, code, message);
    ag_list_append(&b->finished, &job->link);
}

void mcu_bridge_end_out(struct mcu_bridge *b, int code, const char *message)
{
    struct mcu_job *job = ag_steal(&b->out);

    finish_failed(b, job, code, message);
}

struct mcu_job *mcu_bridge_pop(struct mcu_bridge *b)
{
    struct mcu_job *job = ag_list_first(&b->queue, struct mcu_job, link);

    ag_list_del(&job->link);
    b->n_queued--;
    return job;
}

static void fail_queue(struct mcu_bridge *b, int code, const char *message)
{
    while (b->n_queued > 0)
        finish_failed(b, mcu_bridge_pop(b), code, message);
}

void mcu_bridge_fail_all(struct mcu_bridge *b, int code, const char *message)
{
    if (b->out)
        mcu_bridge_end_out(b, code, message);
    fail_queue(b, code, message);
}

static int refuse(struct mcu_bridge *b, int code, const char *message, struct mcu_refusal *out)
{
    b->n.refused++;
    *out = (struct mcu_refusal){code, message};
    return 1;
}

static bool is_updating(const struct mcu_bridge *b)
{
    return b->update.state == MCU_UPDATE_ASKING || b->update.state == MCU_UPDATE_SENDING;
}

int mcu_bridge_request(struct mcu_bridge *b, struct ag_span text, void *handle, uint64_t now_ms, struct mcu_refusal *refusal_out)
{
    struct mcu_job *job;
    int r;

    if (is_updating(b))
        return refuse(b, MCU_CODE_MODULE, "MCU update running", refusal_out);
    r = mcu_job_new(text, b->set.props_per_get, &job);
    if (r == MCU_JOB_E_METHOD)
        return refuse(b, AG_CODE_NOT_FOUND, "Method not found.", refusal_out);
    if (r == MCU_JOB_E_PARAMS)
        return refuse(b, AG_CODE_INVALID_PARAMS, "Invalid params.", refusal_out);
    if (r < 0)
        return r;
    job->handle = handle;
    job->deadline_ms = now_ms + b->set.command_timeout_ms;
    if (job->n_items == 0 && job->method != MCU_ACTION) {
        mcu_bridge_finish(b, job);
        return 0;
    }
    if (b->n_queued >= b->set.queue_max) {
        mcu_job_free(job);
        return refuse(b, MCU_CODE_MODULE, "queue full", refusal_out);
    }
    ag_list_append(&b->queue, &job->link);
    b->n_queued++;
    return 0;
}

struct mcu_job *mcu_bridge_take(struct mcu_bridge *b)
{
    struct mcu_job *job = ag_list_first(&b->finished, struct mcu_job, link);

    if (job)
        ag_list_del(&job->link);
    return job;
}

void mcu_bridge_update_left(struct mcu_bridge *b)
{
    start_over(b); /* a boot loader had the line, or still has it */
    if (b->update.state == MCU_UPDATE_INSTALLING)
        b->version_due = true;
}

/* ---- time ---- */

void mcu_bridge_expire(struct mcu_bridge *b, uint64_t now_ms)
{
    if (b->out && now_ms >= b->out->deadline_ms) {
        b->n.timeouts++;
        mcu_bridge_end_out(b, AG_CODE_ACK_TIMEOUT, "user ack timeout");
    }
    ag_list_for_each_safe (it, &b->queue) {
        struct mcu_job *job = ag_list_entry(it, struct mcu_job, link);

        if (now_ms < job->deadline_ms)
            continue;
        ag_list_del(&job->link);
        b->n_queued--;
        b->n.timeouts++;
        finish_failed(b, job, AG_CODE_ACK_TIMEOUT, "user ack timeout");
    }
}

void mcu_bridge_tick(struct mcu_bridge *b, uint64_t now_ms)
{
    enum mcu_update_state was = b->update.state;
    uint8_t out[XMODEM_OUT_MAX];
    size_t n;

    mcu_bridge_expire(b, now_ms);
    if (!b->echo)
        mcu_line_expire(&b->line, now_ms);
    if (was == MCU_UPDATE_NONE)
        return;
    n = mcu_update_tick(&b->update, now_ms, out);
    if (b->line_away && b->update.state == MCU_UPDATE_NONE)
        b->update.end = MCU_UPDATE_LINE_LOST;
    if (mcu_tx_has_room(&b->tx)) /* else the block is lost: a line that takes nothing ends the tries too */
        mcu_tx_put(&b->tx, out, n);
    if (was == MCU_UPDATE_SENDING && b->update.state != was)
        mcu_bridge_update_left(b);
}

uint64_t mcu_bridge_due_ms(const struct mcu_bridge *b)
{
    uint64_t due = mcu_update_due_ms(&b->update);

    if (b->out)
        due = ag_earlier(due, b->out->deadline_ms);
    ag_list_for_each (it, &b->queue)
        due = ag_earlier(due, ag_list_entry(it, struct mcu_job, link)->deadline_ms);
    return due;
}

/* ---- what happens around it ---- */

enum mcu_net mcu_bridge_net(const struct mcu_bridge *b)
{
    return b->update.state != MCU_UPDATE_NONE || b->device_updating ? MCU_NET_UPDATING : b->net;
}

const char *mcu_bridge_model(const struct mcu_bridge *b)
{
    return *b->model ? b->model : b->set.model;
}

void mcu_bridge_set_net(struct mcu_bridge *b, enum mcu_net net)
{
    b->net = net;
}

void mcu_bridge_agent_up(struct mcu_bridge *b, bool up)
{
    b->reports.up = up;
    if (up)
        return;
    mcu_bridge_fail_all(b, MCU_CODE_MODULE, "agent connection lost");
    mcu_bridge_set_net(b, MCU_NET_OFFLINE);
}

void mcu_bridge_set_updating(struct mcu_bridge *b, bool updating)
{
    b->device_updating = updating;
}

void mcu_bridge_line(struct mcu_bridge *b, bool up)
{
    b->line_away = !up;
    if (b->out)
        mcu_bridge_end_out(b, AG_CODE_ACK_TIMEOUT, "serial line lost");
    mcu_tx_init(&b->tx);
    mcu_update_interrupted(&b->update);
    start_over(b);
}

void mcu_bridge_restart(struct mcu_bridge *b)
{
    mcu_bridge_fail_all(b, MCU_CODE_MODULE, "module restarts");
    b->model[0] = b->mcu_version[0] = b->ble_version[0] = '\0';
    b->ble_pid = 0;
    start_over(b);
}

int mcu_bridge_update(struct mcu_bridge *b, const uint8_t *image, size_t len, bool use_1k, uint64_t now_ms)
{
    if (b->update.state != MCU_UPDATE_NONE)
        return -EBUSY;
    if (len == 0 || len > MCU_UPDATE_IMAGE_MAX)
        return -EINVAL;
    fail_queue(b, MCU_CODE_MODULE, "MCU update running");
    mcu_update_start(&b->update, image, len, use_1k, now_ms);
    return 0;
}

void mcu_bridge_update_stop(struct mcu_bridge *b)
{
    uint8_t out[XMODEM_OUT_MAX];

    if (b->update.state == MCU_UPDATE_SENDING && mcu_tx_has_room(&b->tx))
        mcu_tx_put(&b->tx, out, xmodem_sender_abort(&b->update.x, out));
    mcu_update_stop(&b->update, MCU_UPDATE_STOPPED);
    mcu_line_init(&b->line);
}

unsigned mcu_bridge_take_hooks(struct mcu_bridge *b)
{
    unsigned hooks = b->hooks;

    b->hooks = 0;
    return hooks;
}
