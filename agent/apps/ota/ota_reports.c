/* SPDX-License-Identifier: MIT */
#include "agent/apps/ota/ota_reports.h"

#include <stdio.h>
#include <string.h>
#include "libagent/core/log/log.h"

enum { CROWDED = 4 }; /* so many waiting: of progress only the newest is kept */

static void reports_remove(struct ota_reports *r, unsigned i)
{
    memmove(&r->all[i], &r->all[i + 1], (r->n - i - 1) * sizeof r->all[0]);
    r->n--;
}

static void reports_send(struct ota_reports *r);

static void reports_on_retry(uv_timer_t *t)
{
    reports_send(t->data);
}

/* An error of the cloud's is an answer as well; only one which says that the report did not get there leads to another try. */
static bool arrived(int status, const char *error)
{
    if (status != AGENT_E_REMOTE || !error)
        return status == 0;
    switch (agent_error_code(error)) {
    case AGENT_CODE_NOT_CONNECTED:
    case AGENT_CODE_NO_ACK:
    case AGENT_CODE_SHUTTING_DOWN:
    case AGENT_CODE_BUSY:
        return false;
    default:
        return true;
    }
}

static void try_later(struct ota_reports *r)
{
    uv_timer_start(&r->retry, reports_on_retry, ag_backoff_next(&r->backoff), 0);
}

static bool is_empty_object(const char *s)
{
    s += strspn(s, " \t\r\n");
    if (*s != '{')
        return false;
    s++;
    return s[strspn(s, " \t\r\n")] == '}';
}

/* A device that has no cloud at all (cloud=none) has nobody to report to: whoever started the upgrade asks for its state. */
static void reports_on_clouds(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct ota_reports *r = user;

    (void) conn;
    (void) error;
    r->sending = false;
    r->slot = agent_slot_unref(r->slot);
    if (!r->open)
        return;
    if (status != 0 || !result || !is_empty_object(result)) {
        try_later(r);
        return;
    }
    if (!r->has_no_cloud)
        ag_log(AG_LOG_INFO, "there is no cloud to report to");
    r->has_no_cloud = true;
    r->n = 0;
}

static void ask_for_clouds(struct ota_reports *r)
{
    r->sending = agent_call(r->conn, &r->slot, "cloud.status", "[]", 0, reports_on_clouds, r) >= 0;
    if (!r->sending)
        try_later(r);
}

static void reports_on_answer(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct ota_reports *r = user;

    (void) conn;
    (void) result;
    r->sending = false;
    r->slot = agent_slot_unref(r->slot);
    if (!r->open)
        return;
    if (!arrived(status, error)) {
        if (status == AGENT_E_REMOTE && agent_error_code(error) == AGENT_CODE_NOT_CONNECTED)
            ask_for_clouds(r);
        else
            try_later(r);
        return;
    }
    ag_backoff_reset(&r->backoff);
    r->has_no_cloud = false;
    if (r->n > 0)
        reports_remove(r, 0);
    reports_send(r);
}

static void reports_send(struct ota_reports *r)
{
    int rc;

    if (r->n == 0 || r->sending || !r->open)
        return;
    rc = agent_call(r->conn, &r->slot, "props", r->all[0].object, 0, reports_on_answer, r);
    r->sending = rc >= 0;
    if (rc < 0)
        try_later(r);
}

/* The first one may be on its way: it stays. */
static void make_room(struct ota_reports *r, bool progress)
{
    for (unsigned i = r->sending ? 1 : 0; progress && r->n >= CROWDED && i < r->n; i++) {
        if (r->all[i].progress && i == r->n - 1) {
            reports_remove(r, i);
            return;
        }
    }
    if (r->n < OTA_REPORTS_MAX)
        return;
    r->n_dropped++;
    for (unsigned i = 1; i < r->n; i++) {
        if (r->all[i].progress) {
            reports_remove(r, i);
            return;
        }
    }
    reports_remove(r, 1);
}

void ota_reports_add(struct ota_reports *r, const char *object, bool progress)
{
    make_room(r, progress);
    snprintf(r->all[r->n].object, OTA_REPORT_LEN, "%s", object);
    r->all[r->n].progress = progress;
    r->n++;
    reports_send(r);
}

int ota_reports_init(struct ota_reports *r, uv_loop_t *loop, agent_conn *conn)
{
    int rc = uv_timer_init(loop, &r->retry);

    r->retry.data = r;
    r->conn = conn;
    ag_backoff_init_steady(&r->backoff, OTA_REPORT_RETRY_MS, OTA_REPORT_RETRY_MAX_MS);
    r->open = rc == 0;
    return rc;
}

void ota_reports_close(struct ota_reports *r)
{
    if (!r->open)
        return;
    r->open = false;
    r->slot = agent_slot_unref(r->slot);
    uv_close((uv_handle_t *) &r->retry, NULL);
}
