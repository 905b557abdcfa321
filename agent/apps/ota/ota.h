/* SPDX-License-Identifier: MIT */
/*
 * miio_ota: owns the state machine and everything it decides about: downloads, sums, the hook, reports, the
 * state file. Methods: miIO.ota, miIO.get_ota_state, miIO.get_ota_progress from the cloud; ota.cancel and
 * ota.set_busy from the device's own side.
 */
#ifndef OTA_H
#define OTA_H

#include <agent/agent.h>
#include <agent/uv.h>
#include "agent/apps/ota/core/ota_store.h"
#include "agent/apps/ota/ota_fetch.h"
#include "agent/apps/ota/ota_hash.h"
#include "agent/apps/ota/ota_hook.h"
#include "agent/apps/ota/ota_reports.h"
#include "agent/apps/ota/ota_verify.h"
#include "libagent/core/log/log.h"

struct ota_options {
    const char *agent;  /* address of miio_agent; NULL: libagent's default */
    const char *dir;    /* ends in '/'; made with its parents when it is missing */
    const char *hook;   /* NULL: installing is refused */
    const char *reboot; /* program to run after an installation; NULL: none */
    const char *ca_file;
    const char *verify;  /* program that says whether a file is genuine; NULL: none */
    bool require_sha256; /* a command without file_sha256 is refused */
    bool require_https;  /* so is one whose app_url is not https */
    unsigned install_timeout_s, verify_timeout_s;
    unsigned reboot_wait_ms; /* at most, for "installed" to be acknowledged */
    uint64_t max_bytes;
    uint64_t keep_free; /* bytes that a download leaves free on its file system */
    struct ota_settings machine;
};

struct ota {
    uv_loop_t *loop;
    const struct ota_options *options;
    struct ota_machine machine;
    agent_conn *conn;
    agent_uv adapter;
    bool adapted;
    struct ag_http *http; /* made for the first download */
    struct ota_fetch fetch;
    struct ota_hash hash;
    struct ota_verify verify;
    struct ota_hook hook;
    struct ota_reports reports;
    uv_timer_t later;        /* the next try to download */
    uv_timer_t reboot_later; /* the report of "installed" goes first */
    uint64_t reboot_by_ms;
    struct ag_child *reboot; /* NULL: it does not run */
    bool unkept;             /* the last download could not be put in its place: what lies there is something else */
    char *part_path, *stored_path, *state_path;
    const char *checked_path; /* one of them: whose sum is being computed, or was */
    char boot_id[OTA_BOOT_ID_MAX + 1];
    struct ag_log_gate gate; /* for lines that others can cause */
    bool stopping;
};

/* 0 or -errno, with a line in the log. On failure ota_stop() is still to be called. */
int ota_start(struct ota *o, uv_loop_t *loop, const struct ota_options *options);
/* Leaves: the loop ends by itself. A download goes on at the next start, an installation by itself.
 * Idempotent. */
void ota_stop(struct ota *o);
/* After the loop has ended. */
void ota_deinit(struct ota *o);

#endif
