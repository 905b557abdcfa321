/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/io/link.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "libagent/core/log/log.h"

enum {
    QUERY_TIMEOUT_MS = 5000,
    REPORT_TIMEOUT_MS = 10000,
    STATUS_RETRY_MS = 1000,
    RESTORE_TIMEOUT_MS = 60000,
    DID_SILENT_MAX = 3
};

static void cjson_freep(cJSON **j)
{
    cJSON_Delete(*j);
}

/* The daemons on the way have codes of their own, which mean that nobody beyond them has seen the call. */
static bool is_on_the_way(const char *error)
{
    static const int codes[] = {AGENT_CODE_BUSY, AGENT_CODE_NOT_CONNECTED, AGENT_CODE_SHUTTING_DOWN, AGENT_CODE_NO_ACK,
                                AGENT_CODE_ACK_TIMEOUT};
    ag_cleanup(cjson_freep) cJSON *json = cJSON_Parse(error);
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(json, "code");

    for (size_t i = 0; cJSON_IsNumber(code) && i < ag_array_size(codes); i++)
        if (code->valueint == codes[i])
            return true;
    return false;
}

/* ---- what the MCU says, for the platform ---- */

static void on_mcu_told(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) conn;
    (void) result;
    (void) user;
    if (status == AGENT_E_REMOTE && !is_on_the_way(error))
        ag_log(AG_LOG_DEBUG, "the client does not accept what the MCU says of itself: %s", error ? error : "");
}

static void forget_told(struct mcu_link *l)
{
    l->told_model[0] = l->told_version[0] = '\0';
}

void mcu_link_tell_mcu(struct mcu_link *l, const char *model, const char *version)
{
    char params[2 * MCU_LINK_NAME_MAX + 64];

    if (!l->up || (strcmp(model, l->told_model) == 0 && strcmp(version, l->told_version) == 0))
        return;
    snprintf(l->told_model, sizeof l->told_model, "%s", model);
    snprintf(l->told_version, sizeof l->told_version, "%s", version);
    snprintf(params, sizeof params, "{\"model\":\"%s\",\"mcu_fw_ver\":\"%s\"}", l->told_model, l->told_version);
    agent_call(l->conn, NULL, "local.mcu_info", params, QUERY_TIMEOUT_MS, on_mcu_told, l);
}

static void on_restored(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) conn;
    (void) result;
    (void) user;
    if (status == 0)
        ag_log(AG_LOG_INFO, "the client restores the device");
    else if (status != AGENT_E_CANCELED)
        ag_log(AG_LOG_ERROR, "the client does not restore the device: %s",
               status == AGENT_E_REMOTE && error ? error : agent_strerror(status));
}

void mcu_link_restore(struct mcu_link *l)
{
    int r = agent_call(l->conn, NULL, "miIO.restore", NULL, RESTORE_TIMEOUT_MS, on_restored, l);

    if (r < 0)
        ag_log(AG_LOG_ERROR, "the client is not asked to restore the device: %s", agent_strerror(r));
}

/* ---- the device's own firmware ---- */

/* "downloading" to "installing"; what waits, has ended or has failed hinders nobody. */
static bool is_updating(const char *state)
{
    static const char *const names[] = {"downloading", "downloaded", "installing"};

    for (size_t i = 0; i < ag_array_size(names); i++)
        if (strcmp(state, names[i]) == 0)
            return true;
    return false;
}

/* ["downloading"], or a bare string. */
static void take_ota_state(struct mcu_link *l, const char *json)
{
    ag_cleanup(cjson_freep) cJSON *whole = json ? cJSON_Parse(json) : NULL;
    const cJSON *state = cJSON_IsArray(whole) ? whole->child : whole;

    if (cJSON_IsString(state))
        l->on_updating(l, is_updating(state->valuestring));
}

/* A program that does the updates may report each change; in case it does not, or has died, it is asked. None: no update. */
static void on_ota_answer(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct mcu_link *l = user;

    (void) conn;
    (void) error;
    if (status == 0)
        take_ota_state(l, result);
    else if (status == AGENT_E_REMOTE)
        l->on_updating(l, false);
}

static void ask_ota_state(struct mcu_link *l)
{
    agent_call(l->conn, NULL, "agent.call", "{\"method\":\"miIO.get_ota_state\"}", QUERY_TIMEOUT_MS, on_ota_answer, l);
}

/* ---- when to ask ---- */

static void on_status_timer(uv_timer_t *t);

static void ask_status_in(struct mcu_link *l, unsigned ms)
{
    uv_timer_start(&l->status_timer, on_status_timer, ms, 0);
}

static void ask_soon(struct mcu_link *l)
{
    ask_status_in(l, STATUS_RETRY_MS < l->status_period_ms ? STATUS_RETRY_MS : l->status_period_ms);
}

/* ---- what the client says about the device ---- */

static void copy_member(const cJSON *object, const char *name, char *to, size_t room)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);

    if (cJSON_IsString(v) && strlen(v->valuestring) < room)
        strcpy(to, v->valuestring);
}

static void on_info(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    ag_cleanup(cjson_freep) cJSON *json = status == 0 ? cJSON_Parse(result) : NULL;
    struct mcu_identity who = {.model = ""};
    struct mcu_link *l = user;

    (void) conn;
    (void) error;
    copy_member(json, "model", who.model, sizeof who.model);
    copy_member(json, "mac", who.mac, sizeof who.mac);
    copy_member(json, "fw_ver", who.version, sizeof who.version);
    l->on_identity(l, &who);
}

/* The did comes as a string or as a number; digits are kept as text. 0 and 1 stand for a device that has none
 * yet. */
static void read_did(const char *json, char *out, size_t room)
{
    static const char allowed[] = "0123456789.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
    bool quoted = *json == '"';
    size_t n = strspn(json + quoted, allowed);

    if (n == 1 && (json[quoted] == '0' || json[quoted] == '1'))
        return;
    if (n > 0 && n < room && json[quoted + n] == (quoted ? '"' : '\0'))
        memcpy(out, json + quoted, n);
}

/* A client that never answers this question is not waited for for ever. */
static bool did_is_settled(struct mcu_link *l, int status, const char *error)
{
    if (status == AGENT_E_TIMEOUT)
        return ++l->n_did_silent >= DID_SILENT_MAX;
    return status == 0 || (status == AGENT_E_REMOTE && !is_on_the_way(error));
}

static void on_did(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct mcu_identity who = {.model = ""};
    struct mcu_link *l = user;

    (void) conn;
    if (status == AGENT_E_CANCELED || status == AGENT_E_LOST)
        return;
    if (status == 0 && result)
        read_did(result, who.did, sizeof who.did);
    who.last = did_is_settled(l, status, error);
    l->on_identity(l, &who);
    l->ask_again = !who.last;
    if (l->ask_again)
        ask_soon(l);
}

void mcu_link_ask_identity(struct mcu_link *l)
{
    agent_call(l->conn, NULL, "miIO.info", NULL, QUERY_TIMEOUT_MS, on_info, l);
    l->ask_again = agent_call(l->conn, NULL, "local.query_did", NULL, QUERY_TIMEOUT_MS, on_did, l) < 0;
}

/*
 * Broadcasts tell every change, but not that the client itself is gone; in that case the question stays
 * unanswered. The answer is a JSON string.
 */
static void on_status_answer(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct mcu_link *l = user;
    char name[64] = "wifi_failed";
    size_t n = result ? strlen(result) : 0;

    (void) conn;
    (void) error;
    if (status == AGENT_E_CANCELED || status == AGENT_E_LOST)
        return;
    if (status != 0) /* the client may be about to start */
        ask_soon(l);
    if (status == 0 && (n < 3 || n >= sizeof name || result[0] != '"'))
        return;
    if (status == 0)
        snprintf(name, sizeof name, "%.*s", (int) n - 2, result + 1);
    l->on_status(l, name);
}

static void on_status_timer(uv_timer_t *t)
{
    struct mcu_link *l = t->data;

    if (!l->up)
        return;
    ask_status_in(l, l->status_period_ms);
    if (l->ask_again)
        mcu_link_ask_identity(l);
    forget_told(l); /* a client that was replaced between two questions has not been told */
    ask_ota_state(l);
    agent_call(l->conn, NULL, "local.query_status", "\"\"", QUERY_TIMEOUT_MS, on_status_answer, l);
    mcu_link_turn(l);
}

/* ---- the library's callbacks ---- */

static void on_state(agent_conn *conn, enum agent_state state, void *user)
{
    struct mcu_link *l = user;
    bool up = state == AGENT_READY;

    (void) conn;
    if (up == l->up)
        return;
    l->up = up;
    ag_log(AG_LOG_INFO, up ? "agent connected" : "agent connection lost");
    l->on_up(l, up);
    if (!up)
        return;
    l->n_did_silent = 0;
    forget_told(l);
    mcu_link_ask_identity(l);
    ask_status_in(l, STATUS_RETRY_MS);
}

static int on_request(agent_request *req, void *user)
{
    struct mcu_link *l = user;

    return l->on_request(l, req);
}

static int on_ota_state(agent_request *req, void *user)
{
    take_ota_state(user, agent_request_params(req));
    return agent_request_ignore(req);
}

static void on_status(agent_conn *conn, const char *status, void *user)
{
    struct mcu_link *l = user;

    (void) conn;
    forget_told(l); /* the client may have restarted: its states begin anew */
    l->on_status(l, status);
}

static void on_log(enum agent_log_level level, const char *text, void *user)
{
    static const enum ag_log_level levels[] = {AG_LOG_ERROR, AG_LOG_WARNING, AG_LOG_INFO, AG_LOG_DEBUG};

    (void) user;
    ag_log(levels[level], "libagent: %s", text);
}

static enum mcu_report_end report_end(int status, const char *error)
{
    if (status == 0)
        return MCU_REPORT_TAKEN;
    return status == AGENT_E_REMOTE && !is_on_the_way(error) ? MCU_REPORT_REFUSED : MCU_REPORT_LOST;
}

static void on_properties_reported(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct mcu_link *l = user;

    (void) conn;
    (void) result;
    if (status != 0)
        ag_log(AG_LOG_DEBUG, "properties_changed not accepted: %s", error ? error : agent_strerror(status));
    l->on_reported(l, MCU_REPORT_PROPERTIES, report_end(status, error));
}

static void on_event_reported(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct mcu_link *l = user;

    (void) conn;
    (void) result;
    if (status != 0)
        ag_log(AG_LOG_DEBUG, "event_occured not accepted: %s", error ? error : agent_strerror(status));
    l->on_reported(l, MCU_REPORT_EVENT, report_end(status, error));
}

/* ---- the loop ---- */

static void on_poll(uv_poll_t *p, int status, int events)
{
    (void) status;
    (void) events;
    mcu_link_turn(p->data);
}

static void on_timer(uv_timer_t *t)
{
    mcu_link_turn(t->data);
}

static void wait_for(struct mcu_link *l)
{
    int events = agent_get_events(l->conn), timeout = agent_get_timeout_ms(l->conn);
    int want = (events & POLLIN ? UV_READABLE : 0) | (events & POLLOUT ? UV_WRITABLE : 0);

    uv_poll_start(&l->poll, want, on_poll);
    if (timeout < 0)
        uv_timer_stop(&l->timer);
    else
        uv_timer_start(&l->timer, on_timer, (uint64_t) timeout, 0);
}

void mcu_link_turn(struct mcu_link *l)
{
    int r;

    while ((r = agent_process(l->conn)) > 0)
        l->on_turn(l);
    if (r < 0)
        ag_log(AG_LOG_ERROR, "agent: %s", agent_strerror(r));
    l->on_turn(l);
    wait_for(l);
}

static int subscribe(struct mcu_link *l)
{
    static const char *const keys[] = {"get_properties", "set_properties", "action", "mcu.update", "mcu.info"};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ag_array_size(keys); i++)
        r = agent_subscribe(l->conn, NULL, keys[i], on_request, l);
    if (r >= 0)
        r = agent_subscribe(l->conn, NULL, "ota.state", on_ota_state, l);
    return r < 0 ? r : agent_follow_status(l->conn, NULL, on_status, l);
}

int mcu_link_open(struct mcu_link *l, uv_loop_t *loop, const char *address)
{
    int r = agent_new(&l->conn);

    if (r < 0)
        return r;
    l->poll.data = l->timer.data = l->status_timer.data = l;
    r = uv_timer_init(loop, &l->timer);
    if (r == 0)
        r = uv_timer_init(loop, &l->status_timer);
    if (r == 0)
        r = uv_poll_init(loop, &l->poll, agent_get_fd(l->conn));
    if (r == 0)
        r = agent_set_log(l->conn, on_log, AGENT_LOG_DEBUG, l);
    if (r >= 0)
        r = agent_set_on_state(l->conn, on_state, l);
    if (r >= 0)
        r = subscribe(l);
    if (r >= 0)
        r = agent_open(l->conn, *address ? address : NULL);
    if (r >= 0)
        wait_for(l);
    return r < 0 ? r : 0;
}

void mcu_link_report(struct mcu_link *l, enum mcu_report_kind kind, const char *params)
{
    bool event = kind == MCU_REPORT_EVENT;
    int r = agent_call(l->conn, NULL, event ? "event_occured" : "properties_changed", params, REPORT_TIMEOUT_MS,
                       event ? on_event_reported : on_properties_reported, l);

    if (r < 0)
        l->on_reported(l, kind, MCU_REPORT_LOST);
}

void mcu_link_props(struct mcu_link *l, const char *object)
{
    agent_report_props(l->conn, object, NULL, NULL);
}

void mcu_link_close(struct mcu_link *l)
{
    agent_close(l->conn);
    uv_poll_stop(&l->poll);
    uv_close((uv_handle_t *) &l->poll, NULL);
    uv_close((uv_handle_t *) &l->timer, NULL);
    uv_close((uv_handle_t *) &l->status_timer, NULL);
    l->conn = agent_unref(l->conn);
}
