/* SPDX-License-Identifier: MIT */
/*
 * The firmware upgrade as a state machine: commands, results of downloads, checks and installations go in;
 * decisions come out, to be carried out in order. No file, socket or clock: the shell (ota.c) has them.
 *
 *     ota_machine_request(m, &req, now) ; while (ota_machine_next(m, &d)) carry_out(&d);
 *
 * Invariants: a request is accepted only while phase is OTA_PH_NONE; a decision to fetch, check or install is
 * answered by exactly one result (unless it was stopped); ota_progress never falls within one upgrade; what
 * is reported has been saved before; there is a partial file only while a download is under way.
 *
 * Source: Xiaomi Linux client document, section 9: states (steps), scenes (4), failures (4.3.2), progress
 * (4.4).
 */
#ifndef OTA_MACHINE_H
#define OTA_MACHINE_H

#include <stdint.h>
#include "agent/apps/ota/core/ota_request.h"

enum ota_state {
    OTA_IDLE,
    OTA_DOWNLOADING,
    OTA_DOWNLOADED,
    OTA_WAIT_INSTALL,
    OTA_INSTALLING,
    OTA_INSTALLED,
    OTA_FAILED,
    OTA_BUSY /* only shown: the device has said that it cannot upgrade now */
};

/* The codes of failed; each has one fixed message. */
enum ota_code {
    OTA_E_DOWN = -33001,
    OTA_E_DNS = -33002,
    OTA_E_CONNECT = -33003,
    OTA_E_DISCONNECT = -33004,
    OTA_E_INSTALL = -33005,
    OTA_E_CANCEL = -33006,
    OTA_E_LOW_ENERGY = -33007,
    OTA_E_UNKNOWN = -33020
};

/* What is under way below the visible state. */
enum ota_phase {
    OTA_PH_NONE,
    OTA_PH_FETCH, /* downloading, or waiting for the next try */
    OTA_PH_CHECK_FETCHED,
    OTA_PH_CHECK_STORED, /* the file of an earlier download is checked again before it is used */
    OTA_PH_INSTALL
};

/* How a try to download ended. */
enum ota_fetch_end {
    OTA_FETCH_DONE,
    OTA_FETCH_DNS,
    OTA_FETCH_CONNECT,
    OTA_FETCH_DISCONNECT,
    OTA_FETCH_SERVER,  /* the server is troubled (5xx) */
    OTA_FETCH_RANGE,   /* what we have does not fit the server's file: start over */
    OTA_FETCH_REFUSED, /* 404 and the like, too large: another try is useless */
    OTA_FETCH_LOCAL    /* our own trouble: no space, no memory */
};

enum ota_do {
    OTA_DO_SAVE,            /* ota_saved() to the state file */
    OTA_DO_REPORT_STATE,    /* text: the value of ota_state */
    OTA_DO_REPORT_PROGRESS, /* n: the value of ota_progress */
    OTA_DO_FETCH,           /* in n ms go on with the partial file */
    OTA_DO_STOP_FETCH,      /* no result may come from now on */
    OTA_DO_DISCARD,         /* remove the partial file */
    OTA_DO_CHECK_FETCHED,   /* hash the partial file */
    OTA_DO_CHECK_STORED,    /* hash the stored file */
    OTA_DO_KEEP,            /* the partial file becomes the stored file */
    OTA_DO_INSTALL,         /* run the hook on the stored file */
    OTA_DO_REJOIN_INSTALL,  /* the hook was running when the process ended: find out how it did */
    OTA_DO_REBOOT
};

struct ota_decision {
    enum ota_do what;
    unsigned n;
    char text[64];
};

enum { OTA_RETRY_MAX_MS = 600000 };

struct ota_settings {
    bool split;           /* downloading without installing is supported (scene 1) */
    unsigned n_retries;   /* tries in a row that get no further, after the first; 3 */
    unsigned retry_ms;    /* pause before the first of them, doubled each time up to OTA_RETRY_MAX_MS; 1000 */
    unsigned progress_ms; /* least time between two reports of progress, except 0 and 100; 1000 */
};

/* What a restart of the process must find again. */
struct ota_saved {
    enum ota_state state;
    int code; /* of OTA_FAILED */
    unsigned progress;
    struct ota_request req;           /* of the upgrade under way, or of the last one */
    bool has_part;                    /* a partial file of req may exist */
    char stored_md5[OTA_MD5_LEN + 1]; /* of the stored file; empty: there is none */
};

enum { OTA_DECISIONS_MAX = 12 };

struct ota_machine {
    struct ota_settings settings;
    struct ota_saved s;
    enum ota_phase phase;
    bool busy;            /* said by the device */
    unsigned n_failed;    /* tries without progress, in a row */
    bool stitched;        /* the file comes from more than one answer */
    bool started_over;    /* a stitched file with a wrong sum was fetched again already */
    uint64_t done, total; /* bytes; total 0: unknown */
    uint64_t best;        /* the largest done yet: a try counts as progress only beyond it */
    uint64_t reported_ms; /* when progress was reported last */
    unsigned reported;    /* which; 101: not yet */
    struct ota_decision queue[OTA_DECISIONS_MAX];
    unsigned n_queued, n_taken;
};

/* Named conditions of ota_machine_request(). */
enum {
    OTA_R_BUSY = 1, /* an upgrade is under way, or the device cannot upgrade now */
    OTA_R_NO_SPLIT  /* download only, which this device does not do */
};

void ota_machine_init(struct ota_machine *m, const struct ota_settings *settings);
/* Takes up what was saved. same_boot: the device has not been started since; otherwise the state is idle
 * again and a partial file is given up. */
void ota_machine_restore(struct ota_machine *m, const struct ota_saved *saved, bool same_boot);

/* 0: accepted; OTA_R_*: refused, nothing changes. */
int ota_machine_request(struct ota_machine *m, const struct ota_request *req);
/* The device's side gives the download up: OTA_E_CANCEL or OTA_E_LOW_ENERGY. 0, or -EALREADY: nothing to give
 * up. */
int ota_machine_cancel(struct ota_machine *m, enum ota_code why);
/* The device says that it cannot (or can again) upgrade. What is under way goes on. */
void ota_machine_set_busy(struct ota_machine *m, bool busy);

/* An answer begins at offset of total bytes (UINT64_MAX: unknown). */
void ota_machine_on_begin(struct ota_machine *m, uint64_t offset, uint64_t total);
void ota_machine_on_bytes(struct ota_machine *m, uint64_t n, uint64_t now_ms);
void ota_machine_on_fetched(struct ota_machine *m, enum ota_fetch_end end);
void ota_machine_on_checked(struct ota_machine *m, bool good);
void ota_machine_on_installed(struct ota_machine *m, bool good);

/* Takes the next decision. false: none left. */
bool ota_machine_next(struct ota_machine *m, struct ota_decision *out);

enum ota_state ota_machine_state(const struct ota_machine *m);
/* "idle", ... */
const char *ota_state_name(enum ota_state s);
bool ota_state_parse(const char *name, enum ota_state *out);
/* "down error", ...; "unknown" for any other code. */
const char *ota_code_message(int code);

#endif
