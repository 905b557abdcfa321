/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/mcu.h"

#include <errno.h>
#include <time.h>
#include "agent/apps/mcu/core/identity.h"
#include "libagent/core/log/local_time.h"
#include "libagent/core/log/log.h"
#include "libagent/io/timer_at.h"
#include "libagent/core/deadline.h"

static struct mcu_clock clock_now(struct mcu *m)
{
    time_t now = time(NULL);
    struct tm local;

    ag_local_time(now, &local);
    return (struct mcu_clock){.now_ms = uv_now(m->loop), .unix_s = now, .utc_offset_s = (int) local.tm_gmtoff};
}

/* ---- what comes out of the bridge ---- */

static void answer(struct mcu_job *job)
{
    agent_request *req = job->handle;
    const char *text = ag_buf_cstr(&job->text);
    int r;

    if (job->code == 0 && text)
        r = agent_reply(req, text);
    else
        r = agent_reply_error(req, job->code ? job->code : MCU_CODE_MODULE, text ? text : "out of memory");
    if (r < 0 && r != AGENT_E_LOST && r != AGENT_E_ANSWERED)
        ag_log(AG_LOG_WARNING, "answer to %s not sent: %s", agent_request_method(req), agent_strerror(r));
    agent_request_unref(req);
}

static void answer_finished(struct mcu *m)
{
    struct mcu_job *job;

    while ((job = mcu_bridge_take(&m->bridge))) {
        answer(job);
        mcu_job_free(job);
    }
}

static void send_reports(struct mcu *m)
{
    struct ag_buf params = AG_BUF_INIT;
    enum mcu_report_kind kind;

    for (;;) {
        const char *text;
        int r = mcu_reports_next(&m->bridge.reports, uv_now(m->loop), m->bridge.set.did, &params, &kind);

        if (r < 0 || kind == MCU_REPORT_NONE)
            break;
        text = ag_buf_cstr(&params);
        if (text)
            mcu_link_report(&m->link, kind, text);
        else
            mcu_reports_done(&m->bridge.reports, kind, MCU_REPORT_LOST, uv_now(m->loop));
        ag_buf_clear(&params);
    }
    ag_buf_deinit(&params);
}

static void run_hook(struct mcu *m, const char *program, const char *verb)
{
    int r;

    ag_log(AG_LOG_INFO, "the MCU asks for %s%s", verb, *program ? "" : ": no hook configured");
    r = *program ? mcu_hooks_run(&m->hooks, program, verb, m->conf->tty) : 0;
    if (r == MCU_HOOKS_E_UNDER_WAY)
        ag_log(AG_LOG_WARNING, "hook %s is under way already: not run again", verb);
    else if (r < 0)
        ag_log(AG_LOG_ERROR, "hook %s: %s", verb, strerror(-r));
}

/* Without a hook for it the client does it: it forgets the Wi-Fi and the owner. */
static void run_restore(struct mcu *m)
{
    run_hook(m, m->conf->hook_restore, "restore");
    if (!*m->conf->hook_restore)
        mcu_link_restore(&m->link);
}

static void run_hooks(struct mcu *m)
{
    unsigned hooks = mcu_bridge_take_hooks(&m->bridge);

    if (hooks & MCU_HOOK_RESTORE)
        run_restore(m);
    if (hooks & MCU_HOOK_FACTORY)
        run_hook(m, m->conf->hook_factory, "factory");
    if (hooks & MCU_HOOK_REBOOT) /* after what it would cut off */
        run_hook(m, m->conf->hook_reboot, "reboot");
}

/* What the MCU says about itself is for the platform. */
static void tell_identity(struct mcu *m)
{
    mcu_link_tell_mcu(&m->link, m->bridge.model, m->bridge.mcu_version);
}

static void tell_of_bad_values(struct mcu *m, uint64_t was)
{
    uint64_t n = m->bridge.n.bad_values;

    if (n != was && (n & (n - 1)) == 0) /* the first one, then fewer and fewer */
        ag_log(AG_LOG_WARNING, "%llu strings of the MCU could not be read and were left out", (unsigned long long) n);
}

/* Lines in, replies out, until neither moves. A bounded number of turns, so that a flood does not hold the
 * loop. */
static void move_bytes(struct mcu *m)
{
    uint64_t bad_values = m->bridge.n.bad_values;

    for (int turn = 0; turn < 16; turn++) {
        struct mcu_clock clock;
        size_t used, written;

        mcu_tty_read(&m->tty);
        clock = clock_now(m); /* of what has just come: the zone may have changed since the turn before */
        used = mcu_bridge_feed(&m->bridge, &clock, m->tty.in, m->tty.in_len);
        mcu_tty_consume(&m->tty, used);
        written = mcu_tty_write(&m->tty, mcu_tx_bytes(&m->bridge.tx));
        mcu_tx_consume(&m->bridge.tx, written);
        if (used == 0 && written == 0)
            break;
    }
    tell_of_bad_values(m, bad_values);
}

static void on_timer(uv_timer_t *t)
{
    struct mcu *m = t->data;

    mcu_link_turn(&m->link); /* works, and lets the library send the results */
}

static void set_timer(struct mcu *m)
{
    uint64_t due = ag_earlier(mcu_bridge_due_ms(&m->bridge), mcu_reports_due_ms(&m->bridge.reports));

    if (m->tty.in_len > 0 && mcu_tx_bytes(&m->bridge.tx).len == 0)
        due = 0; /* the turns were used up, and no event of the device will ask for the rest */
    ag_timer_at(&m->timer, on_timer, due);
}

/* Does everything that is due: lines, answers, reports, hooks, timers. */
static void work(struct mcu *m)
{
    if (m->working || m->stopping)
        return;
    m->working = true;
    move_bytes(m);
    mcu_bridge_tick(&m->bridge, uv_now(m->loop));
    mcu_tx_consume(&m->bridge.tx, mcu_tty_write(&m->tty, mcu_tx_bytes(&m->bridge.tx)));
    answer_finished(m);
    run_hooks(m);
    tell_identity(m);
    send_reports(m);
    mcu_service_show_update(&m->service);
    mcu_tty_want(&m->tty, mcu_tx_bytes(&m->bridge.tx).len > 0);
    set_timer(m);
    m->working = false;
}

/* ---- the device's callbacks ---- */

static void on_tty_ready(struct mcu_tty *tty)
{
    struct mcu *m = tty->user;

    mcu_link_turn(&m->link);
}

static void on_tty_state(struct mcu_tty *tty, bool up)
{
    struct mcu *m = tty->user;

    ag_log(up ? AG_LOG_INFO : AG_LOG_WARNING, up ? "%s is back" : "%s hung up; waiting for it", tty->path);
    tty->keep_input = m->bridge.update.state == MCU_UPDATE_SENDING;
    mcu_bridge_line(&m->bridge, up);
    if (!m->working && !m->stopping)
        mcu_link_turn(&m->link);
}

/* ---- the agent's callbacks ---- */

static int on_request(struct mcu_link *l, agent_request *req)
{
    struct mcu *m = l->user;
    const char *text = agent_request_text(req);
    struct mcu_refusal refusal;
    int r;

    if (mcu_service_run(&m->service, req))
        return 0;
    r = mcu_bridge_request(&m->bridge, (struct ag_span){text, strlen(text)}, agent_request_ref(req), uv_now(m->loop), &refusal);
    if (r == 0)
        return 0;
    if (r > 0)
        agent_reply_error(req, refusal.code, refusal.message);
    agent_request_unref(req);
    return r < 0 ? r : 0;
}

static void on_up(struct mcu_link *l, bool up)
{
    struct mcu *m = l->user;

    mcu_bridge_agent_up(&m->bridge, up);
    m->bridge.reports.up = up && *m->bridge.set.did; /* otherwise once the client has told the did, or will not */
}

static void on_status(struct mcu_link *l, const char *status)
{
    struct mcu *m = l->user;
    enum mcu_net net = mcu_net_of_status(status, m->bridge.net);

    if (net != m->bridge.net)
        ag_log(AG_LOG_INFO, "net: %s (%s)", mcu_net_name(net), status);
    if (net != m->bridge.net && (!*m->bridge.set.did || !*m->bridge.set.mac)) {
        m->bridge.reports.up = l->up && *m->bridge.set.did; /* the client may have started after us */
        mcu_link_ask_identity(l);
    }
    mcu_bridge_set_net(&m->bridge, net);
}

static void on_updating(struct mcu_link *l, bool updating)
{
    struct mcu *m = l->user;

    mcu_bridge_set_updating(&m->bridge, updating);
}

/* The configuration comes first; the client fills in the rest. */
static void on_identity(struct mcu_link *l, const struct mcu_identity *who)
{
    struct mcu *m = l->user;
    struct mcu_settings *set = &m->bridge.set;
    const struct mcu_settings *fixed = &m->conf->set;

    if (!*fixed->model && mcu_model_is_good((struct ag_span){who->model, strlen(who->model)}))
        strcpy(set->model, who->model);
    if (!*fixed->mac)
        mcu_mac_read(who->mac, set->mac);
    if (strcmp(fixed->version, MIIO_VERSION) == 0 && mcu_version_is_good(who->version))
        strcpy(set->version, who->version);
    if (!*fixed->did && *who->did)
        strcpy(set->did, who->did);
    if (who->last && l->up)
        m->bridge.reports.up = true;
}

static void on_reported(struct mcu_link *l, enum mcu_report_kind kind, enum mcu_report_end end)
{
    struct mcu *m = l->user;

    uint64_t given_up = m->bridge.reports.n_given_up;

    mcu_reports_done(&m->bridge.reports, kind, end, uv_now(m->loop));
    if (m->bridge.reports.n_given_up != given_up)
        ag_log(AG_LOG_WARNING, "a report was refused %d times and is given up", MCU_REPORT_REFUSALS);
}

static void on_turn(struct mcu_link *l)
{
    work(l->user);
}

/* ---- start and end ---- */

static bool is_absent(int error)
{
    return error == -ENOENT || error == -ENODEV || error == -ENXIO || error == -EIO;
}

static int open_tty(struct mcu *m)
{
    int r = mcu_tty_init(&m->tty, m->loop, m->conf->tty);

    if (r < 0)
        return r;
    m->tty.user = m;
    m->tty.on_ready = on_tty_ready;
    m->tty.on_state = on_tty_state;
    r = mcu_tty_open(&m->tty);
    if (r == 0)
        return 0;
    if (!is_absent(r)) {
        ag_log(AG_LOG_ERROR, "%s: %s", m->conf->tty, r == -EBUSY ? "in use by another program" : strerror(-r));
        return r;
    }
    ag_log(AG_LOG_WARNING, "%s: %s; waiting for it", m->conf->tty, strerror(-r));
    mcu_tty_keep_trying(&m->tty);
    return 0;
}

int mcu_open(struct mcu *m, uv_loop_t *loop, const struct mcu_conf *conf)
{
    int r;

    *m = (struct mcu){.conf = conf, .loop = loop};
    mcu_bridge_init(&m->bridge, &conf->set);
    m->service = (struct mcu_service){.loop = loop, .conf = conf, .bridge = &m->bridge, .tty = &m->tty, .link = &m->link};
    mcu_hooks_init(&m->hooks, loop, conf->hook_timeout_ms);
    m->timer.data = m;
    r = uv_timer_init(loop, &m->timer);
    if (r == 0)
        r = open_tty(m);
    if (r < 0)
        return r;
    m->link = (struct mcu_link){.on_request = on_request,
                                .on_up = on_up,
                                .on_status = on_status,
                                .on_updating = on_updating,
                                .on_identity = on_identity,
                                .on_reported = on_reported,
                                .on_turn = on_turn,
                                .status_period_ms = conf->status_period_ms,
                                .user = m};
    r = mcu_link_open(&m->link, loop, conf->agent);
    if (r < 0)
        ag_log(AG_LOG_ERROR, "agent %s: %s", conf->agent, agent_strerror(r));
    return r;
}

void mcu_close(struct mcu *m)
{
    if (m->stopping)
        return;
    mcu_bridge_update_stop(&m->bridge);
    mcu_tx_consume(&m->bridge.tx, mcu_tty_write(&m->tty, mcu_tx_bytes(&m->bridge.tx)));
    mcu_bridge_fail_all(&m->bridge, AGENT_CODE_SHUTTING_DOWN, "shutting down");
    answer_finished(m);
    mcu_service_show_update(&m->service);
    m->stopping = true;
    mcu_hooks_close(&m->hooks);
    mcu_link_close(&m->link);
    mcu_tty_close(&m->tty);
    uv_close((uv_handle_t *) &m->timer, NULL);
}

void mcu_deinit(struct mcu *m)
{
    mcu_bridge_deinit(&m->bridge);
    mcu_service_deinit(&m->service);
}

void mcu_log_state(struct mcu *m)
{
    const struct mcu_bridge *b = &m->bridge;

    ag_log(AG_LOG_INFO,
           "tty %s, agent %s, net %s, queue %u, lines %llu, bad %llu, bad values %llu, downs %llu, results %llu, timeouts %llu, "
           "refused %llu, properties waiting %u, events waiting %u, update: %s",
           m->tty.fd >= 0 ? "open" : "absent", m->link.up ? "up" : "down", mcu_net_name(mcu_bridge_net(b)), b->n_queued,
           (unsigned long long) b->n.lines, (unsigned long long) b->n.bad_lines, (unsigned long long) b->n.bad_values,
           (unsigned long long) b->n.downs, (unsigned long long) b->n.results, (unsigned long long) b->n.timeouts,
           (unsigned long long) b->n.refused, b->reports.props.n, b->reports.events.n, mcu_update_end_text(&b->update));
}
