/* SPDX-License-Identifier: MIT */
#include "agent/apps/ota/ota.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "libagent/core/log/log.h"
#include "libagent/io/access/trust.h"
#include "libagent/io/file.h"

enum { STATE_FILE_MAX = 8192, CODE_REFUSED = -33020, REBOOT_LOOK_MS = 100 };

static void ota_act(struct ota *o);

/* ---- files ---- */

static void ota_read_boot_id(struct ota *o)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    if (ag_file_read("/proc/sys/kernel/random/boot_id", 256, &b) == 0 && ag_buf_cstr(&b))
        snprintf(o->boot_id, sizeof o->boot_id, "%.*s", (int) strcspn(ag_buf_head(&b), "\n"), ag_buf_head(&b));
}

static void ota_save(struct ota *o)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int r = ota_store_print(&text, &o->machine.s, o->boot_id);

    if (r == 0)
        r = ag_file_write_atomic(o->state_path, ag_buf_head(&text), ag_buf_size(&text), 0600);
    if (r < 0)
        ag_log(AG_LOG_ERROR, "state not saved: %s", strerror(-r));
}

/* What the configuration demands of a command. NULL: nothing is missing. */
static const char *ota_demand(const struct ota *o, const struct ota_request *req)
{
    if (o->options->require_sha256 && !req->sha256[0])
        return "file_sha256 is required here";
    if (o->options->require_https && strncasecmp(req->url, "https:", 6) != 0)
        return "app_url must be https here";
    return NULL;
}

/* States that lead to an installation without a further command. */
static bool ota_goes_on(enum ota_state state)
{
    return state == OTA_DOWNLOADING || state == OTA_DOWNLOADED;
}

static void ota_read_state(struct ota *o)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct ota_saved saved;
    char boot[OTA_BOOT_ID_MAX + 1];

    if (ag_file_read(o->state_path, STATE_FILE_MAX, &text) < 0)
        return;
    if (ota_store_parse(ag_buf_span(&text), &saved, boot) < 0) {
        ag_log(AG_LOG_WARNING, "state file is damaged: starting as idle");
        return;
    }
    ag_log(AG_LOG_INFO, "found state %s", ota_state_name(saved.state));
    if (ota_goes_on(saved.state) && ota_demand(o, &saved.req)) {
        ag_log(AG_LOG_WARNING, "it cannot be resumed: %s", ota_demand(o, &saved.req));
        saved.state = OTA_IDLE;
    }
    ota_machine_restore(&o->machine, &saved, strcmp(boot, o->boot_id) == 0);
}

static void ota_discard(struct ota *o)
{
    int r = ag_file_remove(o->part_path);

    if (r < 0)
        ag_log(AG_LOG_ERROR, "%s cannot be removed: %s", o->part_path, strerror(-r));
}

static void ota_restore(struct ota *o)
{
    ota_read_state(o);
    if (!o->machine.s.has_part)
        ota_discard(o); /* of a state file that was lost */
}

/* ---- downloads ---- */

static void fetch_on_begin(void *user, uint64_t offset, uint64_t total)
{
    struct ota *o = user;

    if (offset > 0)
        ag_log(AG_LOG_INFO, "download goes on at byte %llu", (unsigned long long) offset);
    ota_machine_on_begin(&o->machine, offset, total);
}

static void fetch_on_bytes(void *user, uint64_t n)
{
    struct ota *o = user;

    ota_machine_on_bytes(&o->machine, n, uv_now(o->loop));
    ota_act(o);
}

static void fetch_on_end(void *user, enum ota_fetch_end end)
{
    struct ota *o = user;

    if (end != OTA_FETCH_DONE)
        ag_log(AG_LOG_WARNING, "download stopped at byte %llu: %s", (unsigned long long) o->fetch.at, o->fetch.why);
    ota_machine_on_fetched(&o->machine, end);
    ota_act(o);
}

static void ota_fetch_now(uv_timer_t *t)
{
    struct ota *o = t->data;
    int r = o->http ? 0 : ag_http_new(&o->http, o->loop); /* so that an idle device needs no memory for libcurl */

    o->fetch.http = o->http;
    if (r == 0)
        r = ota_fetch_start(&o->fetch, o->machine.s.req.url, o->part_path);
    if (r == 0)
        return;
    ag_log(AG_LOG_ERROR, "download does not start: %s", strerror(-r));
    ota_machine_on_fetched(&o->machine, OTA_FETCH_LOCAL);
    ota_act(o);
}

/* ---- sums and installing ---- */

static void ota_checked(struct ota *o, bool good)
{
    ota_machine_on_checked(&o->machine, good);
    ota_act(o);
}

static void verify_on_done(void *user, bool good, const char *how)
{
    struct ota *o = user;

    ag_log(good ? AG_LOG_INFO : AG_LOG_ERROR, "verify: %s", how);
    ota_checked(o, good);
}

static void hash_on_done(void *user, bool good)
{
    struct ota *o = user;
    int r;

    if (o->stopping)
        return;
    if (!good)
        ag_log(AG_LOG_WARNING, "the file does not have the sum asked for");
    if (!good || !o->options->verify) {
        ota_checked(o, good);
        return;
    }
    r = ota_verify_start(&o->verify, o->checked_path, o->machine.s.req.md5);
    if (r < 0)
        verify_on_done(o, false, strerror(-r));
}

/* path: lasts as long as o. */
static void ota_check(struct ota *o, const char *path)
{
    const struct ota_request *req = &o->machine.s.req;
    int r = ota_hash_start(&o->hash, o->loop, path, req->md5, req->sha256);

    o->checked_path = path;
    if (r == 0)
        return;
    ag_log(AG_LOG_ERROR, "cannot compute the sum: %s", strerror(-r));
    ota_machine_on_checked(&o->machine, false);
}

static void hook_on_done(void *user, bool good, const char *how)
{
    struct ota *o = user;

    ag_log(good ? AG_LOG_INFO : AG_LOG_ERROR, "install: %s", how);
    ota_machine_on_installed(&o->machine, good);
    ota_act(o);
}

static void ota_install(struct ota *o)
{
    const struct ota_request *req = &o->machine.s.req;
    int r = o->unkept ? -ESTALE : ota_hook_start(&o->hook, o->stored_path, req->md5, req->silent);

    if (r == 0)
        return;
    ag_log(AG_LOG_ERROR, "install hook does not start: %s", strerror(-r));
    ota_machine_on_installed(&o->machine, false);
}

static void reboot_on_end(void *user, int status, struct ag_buf *output)
{
    struct ota *o = user;

    (void) output;
    o->reboot = NULL;
    if (status != 0)
        ag_log(AG_LOG_ERROR, "reboot program failed: status %d", status);
}

static void run_reboot(struct ota *o)
{
    const char *args[] = {o->options->reboot, NULL};
    int r;

    if (o->reboot)
        return; /* it is on its way */
    r = ag_child_run(&o->reboot, o->loop, &(struct ag_child_options){.args = args, .done = reboot_on_end, .user = o});
    if (r < 0)
        ag_log(AG_LOG_ERROR, "reboot program does not start: %s", uv_strerror(r));
}

/* The report of "installed" has its chance first. */
static void reboot_when_told(uv_timer_t *t)
{
    struct ota *o = t->data;

    if (o->reports.n > 0 && uv_now(o->loop) < o->reboot_by_ms)
        return;
    uv_timer_stop(t);
    run_reboot(o);
}

static void ota_reboot(struct ota *o)
{
    if (!o->options->reboot)
        return;
    o->reboot_by_ms = uv_now(o->loop) + o->options->reboot_wait_ms;
    uv_timer_start(&o->reboot_later, reboot_when_told, 0, REBOOT_LOOK_MS);
}

/* ---- what the machine decides ---- */

/* As a command to whoever subscribed to ota.state: a microcontroller's bridge, a display. Nobody has to be there. */
static void ota_tell_applications(struct ota *o, const char *state)
{
    char params[OTA_REPORT_LEN + 64];

    snprintf(params, sizeof params, "{\"method\":\"ota.state\",\"params\":[\"%s\"]}", state);
    agent_notify(o->conn, "agent.call", params); /* whoever comes later, or missed it, asks miIO.get_ota_state */
}

static void ota_report_state(struct ota *o, const char *state)
{
    char object[OTA_REPORT_LEN];

    ag_log(AG_LOG_INFO, "state %s", state);
    snprintf(object, sizeof object, "{\"ota_state\":\"%s\"}", state);
    ota_reports_add(&o->reports, object, false);
    ota_tell_applications(o, state);
}

static void ota_report_progress(struct ota *o, unsigned percent)
{
    char object[OTA_REPORT_LEN];

    snprintf(object, sizeof object, "{\"ota_progress\":%u}", percent);
    ota_reports_add(&o->reports, object, true);
}

static void ota_keep(struct ota *o)
{
    o->unkept = rename(o->part_path, o->stored_path) < 0;
    if (o->unkept)
        ag_log(AG_LOG_ERROR, "the file cannot be kept: %s", strerror(errno));
}

static void ota_do(struct ota *o, const struct ota_decision *d)
{
    switch (d->what) {
    case OTA_DO_SAVE:
        ota_save(o);
        break;
    case OTA_DO_REPORT_STATE:
        ota_report_state(o, d->text);
        break;
    case OTA_DO_REPORT_PROGRESS:
        ota_report_progress(o, d->n);
        break;
    case OTA_DO_FETCH:
        uv_timer_start(&o->later, ota_fetch_now, d->n, 0);
        break;
    case OTA_DO_STOP_FETCH:
        uv_timer_stop(&o->later);
        ota_fetch_stop(&o->fetch);
        break;
    case OTA_DO_DISCARD:
        ota_discard(o);
        break;
    case OTA_DO_CHECK_FETCHED:
        ota_check(o, o->part_path);
        break;
    case OTA_DO_CHECK_STORED:
        o->unkept = false; /* the sum will tell */
        ota_check(o, o->stored_path);
        break;
    case OTA_DO_KEEP:
        ota_keep(o);
        break;
    case OTA_DO_INSTALL:
        ota_install(o);
        break;
    case OTA_DO_REJOIN_INSTALL:
        ota_hook_rejoin(&o->hook);
        break;
    case OTA_DO_REBOOT:
        ota_reboot(o);
        break;
    }
}

static void ota_act(struct ota *o)
{
    struct ota_decision d;

    while (!o->stopping && ota_machine_next(&o->machine, &d))
        ota_do(o, &d);
}

/* ---- methods ---- */

static int refuse(struct ota *o, agent_request *req, int code, const char *message)
{
    ag_log_gated(&o->gate, uv_now(o->loop), AG_LOG_WARNING, "%s refused: %s", agent_request_method(req), message);
    return agent_reply_error(req, code, message);
}

static int on_ota(agent_request *req, void *user)
{
    const char *text = agent_request_text(req), *why = "";
    struct ota *o = user;
    struct ota_request r;
    int rc = ota_request_parse(&r, (struct ag_span){text, strlen(text)}, &why);

    if (rc == -ENOMEM)
        return rc;
    if (rc < 0)
        return refuse(o, req, AGENT_CODE_INVALID_PARAMS, why);
    why = ota_demand(o, &r);
    if (why)
        return refuse(o, req, AGENT_CODE_INVALID_PARAMS, why);
    if (r.install && !o->options->hook)
        return refuse(o, req, CODE_REFUSED, "no install hook");
    switch (ota_machine_request(&o->machine, &r)) {
    case OTA_R_BUSY:
        return refuse(o, req, CODE_REFUSED, "busy");
    case OTA_R_NO_SPLIT:
        return refuse(o, req, CODE_REFUSED, "download without install is not supported");
    default:
        break;
    }
    agent_reply(req, "[\"OK\"]"); /* before anything else happens */
    ota_act(o);
    return 0;
}

static int on_get_state(agent_request *req, void *user)
{
    struct ota *o = user;
    char result[64];

    snprintf(result, sizeof result, "[\"%s\"]", ota_state_name(ota_machine_state(&o->machine)));
    return agent_reply(req, result);
}

static int on_get_progress(agent_request *req, void *user)
{
    struct ota *o = user;
    char result[16];

    snprintf(result, sizeof result, "[%u]", o->machine.s.progress);
    return agent_reply(req, result);
}

/* The first item of params, or params itself. NULL: none. */
static cJSON *first_param(const agent_request *req, cJSON **whole)
{
    *whole = cJSON_Parse(agent_request_params(req));
    return cJSON_IsArray(*whole) ? (*whole)->child : *whole;
}

static int on_cancel(agent_request *req, void *user)
{
    enum ota_code why = OTA_E_CANCEL;
    struct ota *o = user;
    cJSON *whole, *reason = first_param(req, &whole);

    if (cJSON_IsString(reason) && strcmp(reason->valuestring, ota_code_message(OTA_E_LOW_ENERGY)) == 0)
        why = OTA_E_LOW_ENERGY;
    cJSON_Delete(whole);
    if (ota_machine_cancel(&o->machine, why) < 0)
        return refuse(o, req, CODE_REFUSED, "no download is under way");
    agent_reply(req, NULL);
    ota_act(o);
    return 0;
}

static int on_set_busy(agent_request *req, void *user)
{
    struct ota *o = user;
    cJSON *whole, *busy = first_param(req, &whole);
    bool valid = cJSON_IsBool(busy), value = cJSON_IsTrue(busy);

    cJSON_Delete(whole);
    if (!valid)
        return refuse(o, req, AGENT_CODE_INVALID_PARAMS, "params is not [true] or [false]");
    ota_machine_set_busy(&o->machine, value);
    return agent_reply(req, NULL);
}

static void on_registered(agent_slot *slot, int status, void *user)
{
    (void) slot;
    (void) user;
    if (status < 0)
        ag_log(AG_LOG_ERROR, "a method of ours cannot be served here: %s", agent_strerror(status));
}

static int ota_subscribe(struct ota *o)
{
    static const struct {
        const char *method;
        agent_request_fn fn;
    } methods[] = {
        {"miIO.ota", on_ota},      {"miIO.get_ota_state", on_get_state}, {"miIO.get_ota_progress", on_get_progress},
        {"ota.cancel", on_cancel}, {"ota.set_busy", on_set_busy},
    };

    for (size_t i = 0; i < ag_array_size(methods); i++) {
        int r = agent_subscribe_mode(o->conn, NULL, methods[i].method, AGENT_EXCLUSIVE, methods[i].fn, on_registered, o);

        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- life ---- */

static void on_agent_log(enum agent_log_level level, const char *text, void *user)
{
    (void) user;
    ag_log((enum ag_log_level) level, "agent: %s", text);
}

/* Whoever can write here could put another file in place of the checked one. */
static int ota_open_dir(const struct ota *o)
{
    const char *dir = o->options->dir;
    char why[AG_TRUST_WHY_MAX] = "";
    int r = ag_trust_make_dir(dir, 0700);

    if (r == 0)
        r = ag_trust_dir(dir, why);
    if (r == 0 && access(dir, R_OK | W_OK | X_OK) < 0)
        r = -errno;
    if (r < 0)
        ag_log(AG_LOG_ERROR, "%s: %s", dir, why[0] ? why : strerror(-r));
    return r;
}

static void ota_warn_of_modes(const struct ota *o)
{
    const char *const believed[] = {o->options->hook, o->options->verify, o->options->reboot, o->options->ca_file};

    for (size_t i = 0; i < ag_array_size(believed); i++)
        ag_trust_warn(believed[i], AG_TRUST_SETTINGS);
}

static int ota_make_paths(struct ota *o)
{
    const char *dir = o->options->dir;

    if (asprintf(&o->part_path, "%sfirmware.part", dir) < 0 || asprintf(&o->stored_path, "%sfirmware.bin", dir) < 0 ||
        asprintf(&o->state_path, "%sota.state", dir) < 0)
        return -ENOMEM;
    return 0;
}

static int ota_open_agent(struct ota *o)
{
    int r = agent_new(&o->conn);

    if (r < 0)
        return r;
    agent_set_log(o->conn, on_agent_log, AGENT_LOG_INFO, NULL);
    r = ota_subscribe(o);
    if (r == 0)
        r = agent_uv_start(&o->adapter, o->loop, o->conn);
    if (r < 0)
        return r;
    o->adapted = true;
    r = ota_reports_init(&o->reports, o->loop, o->conn);
    return r < 0 ? r : agent_open(o->conn, o->options->agent);
}

static void ota_set_up_parts(struct ota *o)
{
    o->fetch = (struct ota_fetch){
        .ca_file = o->options->ca_file,
        .max_bytes = o->options->max_bytes,
        .keep_free = o->options->keep_free,
        .fd = -1,
        .on_begin = fetch_on_begin,
        .on_bytes = fetch_on_bytes,
        .on_end = fetch_on_end,
        .user = o,
    };
    o->hash.on_done = hash_on_done;
    o->hash.user = o;
    o->verify = (struct ota_verify){
        .loop = o->loop,
        .prog = o->options->verify,
        .timeout_s = o->options->verify_timeout_s,
        .on_done = verify_on_done,
        .user = o,
    };
    o->hook = (struct ota_hook){
        .loop = o->loop,
        .prog = o->options->hook,
        .dir = o->options->dir,
        .timeout_s = o->options->install_timeout_s,
        .on_done = hook_on_done,
        .user = o,
    };
}

int ota_start(struct ota *o, uv_loop_t *loop, const struct ota_options *options)
{
    const char *what = options->dir;
    int r;

    *o = (struct ota){.loop = loop, .options = options, .gate = {.burst = 10, .period_ms = 60000}};
    uv_timer_init(loop, &o->later);
    o->later.data = o;
    uv_timer_init(loop, &o->reboot_later);
    o->reboot_later.data = o;
    ota_read_boot_id(o);
    ota_machine_init(&o->machine, &options->machine);
    r = ota_open_dir(o);
    if (r < 0)
        return r;
    ota_warn_of_modes(o);
    r = ota_make_paths(o);
    if (r == 0) {
        ota_set_up_parts(o);
        what = "hooks";
        r = ota_hook_init(&o->hook);
    }
    if (r == 0) {
        what = "agent connection";
        r = ota_open_agent(o);
    }
    if (r < 0) {
        ag_log(AG_LOG_ERROR, "%s: %s", what, agent_strerror(r));
        return r;
    }
    ota_restore(o);
    ota_act(o);
    return 0;
}

void ota_stop(struct ota *o)
{
    if (o->stopping)
        return;
    o->stopping = true;
    uv_close((uv_handle_t *) &o->later, NULL);
    uv_close((uv_handle_t *) &o->reboot_later, NULL);
    if (o->http) {
        ota_fetch_stop(&o->fetch);
        ag_http_close(o->http, NULL, NULL);
        o->http = NULL;
    }
    ota_hash_give_up(&o->hash);
    ota_hook_close(&o->hook);
    ota_verify_close(&o->verify);
    ag_child_let_go(o->reboot); /* it may wait for our end, so we do not wait for its */
    o->reboot = NULL;
    ota_reports_close(&o->reports);
    if (o->adapted)
        agent_uv_close(&o->adapter, NULL);
    if (o->conn)
        agent_close(o->conn);
}

void ota_deinit(struct ota *o)
{
    o->conn = agent_unref(o->conn);
    free(o->part_path);
    free(o->stored_path);
    free(o->state_path);
}
