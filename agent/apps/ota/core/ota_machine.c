/* SPDX-License-Identifier: MIT */
#include "agent/apps/ota/core/ota_machine.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const state_names[] = {
    [OTA_IDLE] = "idle",
    [OTA_DOWNLOADING] = "downloading",
    [OTA_DOWNLOADED] = "downloaded",
    [OTA_WAIT_INSTALL] = "wait_install",
    [OTA_INSTALLING] = "installing",
    [OTA_INSTALLED] = "installed",
    [OTA_FAILED] = "failed",
    [OTA_BUSY] = "busy",
};

const char *ota_state_name(enum ota_state s)
{
    return state_names[s];
}

bool ota_state_parse(const char *name, enum ota_state *out)
{
    for (size_t i = 0; i < ag_array_size(state_names); i++) {
        if (strcmp(name, state_names[i]) == 0) {
            *out = (enum ota_state) i;
            return true;
        }
    }
    return false;
}

const char *ota_code_message(int code)
{
    switch (code) {
    case OTA_E_DOWN:
        return "down error";
    case OTA_E_DNS:
        return "dns error";
    case OTA_E_CONNECT:
        return "connect error";
    case OTA_E_DISCONNECT:
        return "disconnect";
    case OTA_E_INSTALL:
        return "install error";
    case OTA_E_CANCEL:
        return "cancel";
    case OTA_E_LOW_ENERGY:
        return "low energy";
    default:
        return "unknown";
    }
}

/* ---- decisions ---- */

static struct ota_decision *decide(struct ota_machine *m, enum ota_do what, unsigned n)
{
    struct ota_decision *d;

    if (m->n_taken == m->n_queued)
        m->n_taken = m->n_queued = 0;
    assert(m->n_queued < OTA_DECISIONS_MAX);
    d = &m->queue[m->n_queued++];
    *d = (struct ota_decision){.what = what, .n = n};
    return d;
}

bool ota_machine_next(struct ota_machine *m, struct ota_decision *out)
{
    if (m->n_taken == m->n_queued)
        return false;
    *out = m->queue[m->n_taken++];
    return true;
}

static void report_state(struct ota_machine *m)
{
    struct ota_decision *d = decide(m, OTA_DO_REPORT_STATE, 0);

    if (m->s.state == OTA_FAILED)
        snprintf(d->text, sizeof d->text, "failed|%d|%s", m->s.code, ota_code_message(m->s.code));
    else
        snprintf(d->text, sizeof d->text, "%s", ota_state_name(m->s.state));
}

static void enter(struct ota_machine *m, enum ota_state state)
{
    m->s.state = state;
    decide(m, OTA_DO_SAVE, 0);
    report_state(m);
}

/* A partial file that nobody needs would fill the disk. */
static void drop_part(struct ota_machine *m)
{
    if (m->s.has_part)
        decide(m, OTA_DO_DISCARD, 0);
    m->s.has_part = false;
}

static void fail(struct ota_machine *m, enum ota_code code)
{
    drop_part(m);
    m->phase = OTA_PH_NONE;
    m->s.code = code;
    enter(m, OTA_FAILED);
}

static void show_progress(struct ota_machine *m, unsigned percent, uint64_t now_ms)
{
    m->s.progress = m->reported = percent;
    m->reported_ms = now_ms;
    decide(m, OTA_DO_REPORT_PROGRESS, percent);
}

/* ---- the steps ---- */

static void fetch(struct ota_machine *m, unsigned in_ms)
{
    m->phase = OTA_PH_FETCH;
    decide(m, OTA_DO_FETCH, in_ms);
}

static unsigned retry_pause(const struct ota_machine *m)
{
    uint64_t pause_ms = (uint64_t) m->settings.retry_ms << (m->n_failed < 16 ? m->n_failed : 16);

    return pause_ms < OTA_RETRY_MAX_MS ? (unsigned) pause_ms : OTA_RETRY_MAX_MS;
}

static void begin_download(struct ota_machine *m)
{
    m->n_failed = 0;
    m->stitched = m->started_over = false;
    m->done = m->total = m->best = 0;
    m->s.has_part = true;
    enter(m, OTA_DOWNLOADING);
    show_progress(m, 0, 0);
    fetch(m, 0);
}

static void begin_install(struct ota_machine *m)
{
    m->phase = OTA_PH_INSTALL;
    enter(m, OTA_INSTALLING);
    decide(m, OTA_DO_INSTALL, 0);
}

/* The stored file is the one asked for. */
static void stored_is_ready(struct ota_machine *m)
{
    m->phase = OTA_PH_NONE;
    if (m->s.req.install)
        begin_install(m);
    else
        enter(m, OTA_WAIT_INSTALL);
}

static void downloaded(struct ota_machine *m)
{
    decide(m, OTA_DO_KEEP, 0);
    memcpy(m->s.stored_md5, m->s.req.md5, sizeof m->s.stored_md5);
    m->s.has_part = false;
    if (m->reported != 100)
        show_progress(m, 100, m->reported_ms);
    enter(m, OTA_DOWNLOADED);
    stored_is_ready(m);
}

/* A stitched file may join two versions of the server's: worth one more try from the first byte. */
static void wrong_sum(struct ota_machine *m)
{
    if (!m->stitched || m->started_over) {
        fail(m, OTA_E_DOWN);
        return;
    }
    decide(m, OTA_DO_DISCARD, 0);
    m->started_over = true;
    m->stitched = false;
    m->done = m->best = 0;
    fetch(m, 0);
}

/* ---- what comes in ---- */

void ota_machine_init(struct ota_machine *m, const struct ota_settings *settings)
{
    *m = (struct ota_machine){.settings = *settings, .reported = 101};
}

int ota_machine_request(struct ota_machine *m, const struct ota_request *req)
{
    if (m->phase != OTA_PH_NONE || m->busy)
        return OTA_R_BUSY;
    if (!req->install && !m->settings.split)
        return OTA_R_NO_SPLIT;
    m->s.req = *req;
    m->s.code = 0;
    if (strcmp(m->s.stored_md5, req->md5) == 0) {
        m->phase = OTA_PH_CHECK_STORED;
        decide(m, OTA_DO_CHECK_STORED, 0);
        return 0;
    }
    begin_download(m);
    return 0;
}

int ota_machine_cancel(struct ota_machine *m, enum ota_code why)
{
    if (m->phase != OTA_PH_FETCH)
        return -EALREADY;
    decide(m, OTA_DO_STOP_FETCH, 0);
    fail(m, why);
    return 0;
}

void ota_machine_set_busy(struct ota_machine *m, bool busy)
{
    m->busy = busy;
}

void ota_machine_on_begin(struct ota_machine *m, uint64_t offset, uint64_t total)
{
    m->stitched = offset > 0;
    m->done = offset;
    m->total = total == UINT64_MAX ? 0 : total;
}

void ota_machine_on_bytes(struct ota_machine *m, uint64_t n, uint64_t now_ms)
{
    unsigned percent;

    m->done += n;
    if (m->done > m->best) {
        m->best = m->done;
        m->n_failed = 0;
    }
    if (m->total == 0 || m->done > m->total)
        return;
    percent = (unsigned) (m->done * 100 / m->total);
    if (percent > 99)
        return; /* 100 is reported when the sum is right */
    if (m->reported != 101 && percent <= m->reported)
        return;
    if (now_ms - m->reported_ms >= m->settings.progress_ms)
        show_progress(m, percent, now_ms);
}

static enum ota_code fetch_code(enum ota_fetch_end end)
{
    switch (end) {
    case OTA_FETCH_DNS:
        return OTA_E_DNS;
    case OTA_FETCH_CONNECT:
        return OTA_E_CONNECT;
    case OTA_FETCH_DISCONNECT:
        return OTA_E_DISCONNECT;
    case OTA_FETCH_LOCAL:
        return OTA_E_UNKNOWN;
    default:
        return OTA_E_DOWN;
    }
}

void ota_machine_on_fetched(struct ota_machine *m, enum ota_fetch_end end)
{
    if (m->phase != OTA_PH_FETCH)
        return;
    if (end == OTA_FETCH_DONE) {
        m->phase = OTA_PH_CHECK_FETCHED;
        decide(m, OTA_DO_CHECK_FETCHED, 0);
        return;
    }
    if (end == OTA_FETCH_REFUSED || end == OTA_FETCH_LOCAL || m->n_failed >= m->settings.n_retries) {
        fail(m, fetch_code(end));
        return;
    }
    if (end == OTA_FETCH_RANGE) {
        decide(m, OTA_DO_DISCARD, 0);
        m->done = 0;
    }
    fetch(m, retry_pause(m));
    m->n_failed++;
}

void ota_machine_on_checked(struct ota_machine *m, bool good)
{
    if (m->phase == OTA_PH_CHECK_FETCHED && good) {
        downloaded(m);
    } else if (m->phase == OTA_PH_CHECK_FETCHED) {
        wrong_sum(m);
    } else if (m->phase == OTA_PH_CHECK_STORED && good) {
        if (!m->s.req.install)
            enter(m, OTA_DOWNLOADED);
        stored_is_ready(m);
    } else if (m->phase == OTA_PH_CHECK_STORED) {
        m->s.stored_md5[0] = '\0'; /* it has changed on the disk */
        begin_download(m);
    }
}

void ota_machine_on_installed(struct ota_machine *m, bool good)
{
    if (m->phase != OTA_PH_INSTALL)
        return;
    if (!good) {
        fail(m, OTA_E_INSTALL);
        return;
    }
    m->phase = OTA_PH_NONE;
    enter(m, OTA_INSTALLED);
    decide(m, OTA_DO_REBOOT, 0);
}

void ota_machine_restore(struct ota_machine *m, const struct ota_saved *saved, bool same_boot)
{
    m->s = *saved;
    if (!same_boot || saved->state != OTA_DOWNLOADING)
        drop_part(m);
    if (!same_boot) {
        m->s.state = OTA_IDLE;
        m->s.progress = 0;
        m->s.code = 0;
        return;
    }
    m->reported = saved->progress;
    switch (saved->state) {
    case OTA_DOWNLOADING:
        fetch(m, 0);
        break;
    case OTA_DOWNLOADED:
        m->phase = OTA_PH_CHECK_STORED;
        decide(m, OTA_DO_CHECK_STORED, 0);
        break;
    case OTA_INSTALLING:
        m->phase = OTA_PH_INSTALL;
        decide(m, OTA_DO_REJOIN_INSTALL, 0);
        break;
    case OTA_WAIT_INSTALL:
    case OTA_INSTALLED:
    case OTA_FAILED:
        report_state(m); /* nothing else would follow, and the report may have died with the process */
        break;
    default:
        break;
    }
}

enum ota_state ota_machine_state(const struct ota_machine *m)
{
    return m->busy && m->phase == OTA_PH_NONE ? OTA_BUSY : m->s.state;
}
