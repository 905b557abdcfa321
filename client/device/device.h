/* SPDX-License-Identifier: MIT */
/*
 * What the device knows about itself: identity, token, firmware version, where it is on its way to the cloud, and the time.
 * A leaf: it depends on no other part, and only calls back when its state has a new word.
 */
#ifndef CLIENT_DEVICE_H
#define CLIENT_DEVICE_H

#include <uv.h>
#include "client/device/core/device_conf.h"
#include "client/device/core/device_files.h"
#include "client/device/core/device_state.h"

/* local.status has a new word. */
typedef void device_said_fn(void *user, const char *word);

struct device {
    uv_loop_t *loop;
    struct device_conf *conf; /* borrowed, outlives the device */
    const char *os_release;   /* NULL: /etc/os-release */
    struct device_machine machine;
    const char *last_word;            /* NULL: none yet */
    char token[DEVICE_TOKEN_LEN + 1]; /* a secret */
    char token_hex[2 * DEVICE_TOKEN_LEN + 1];
    char version[DEVICE_VERSION_MAX + 1];
    uint64_t started_ms;
    uint64_t boot;        /* identifies this start of the system; 0: not known */
    int64_t cloud_time_s; /* Unix time as a cloud gave it at cloud_time_at_ms; 0: not yet */
    uint64_t cloud_time_at_ms;
    bool clock_kept;               /* what the kernel said last */
    uint64_t clock_asked_until_ms; /* when it is asked again */
    device_said_fn *said;
    void *user;
};

enum device_clock {
    DEVICE_CLOCK_UNSET,
    DEVICE_CLOCK_OWN,
    DEVICE_CLOCK_CLOUD /* its own was never set, but a cloud gave the time */
};

void device_init(struct device *d, uv_loop_t *loop, struct device_conf *conf, const char *os_release, device_said_fn *said,
                 void *user);
/* Wipes the token. */
void device_deinit(struct device *d);

void device_event(struct device *d, enum device_event ev);
/* local.query_status's word. */
const char *device_state_word(const struct device *d);
/* Joined or wired: the cloud may be tried. */
bool device_is_online(const struct device *d);

void device_set_token(struct device *d, const char token[DEVICE_TOKEN_LEN + 1]);
/* Reads os-release again. */
void device_read_version(struct device *d);
/* The one in use, an option's or a phone's; empty: mainland. */
const char *device_country(const struct device *d);

/* ---- time ---- */

/* The device's own clock, set or not. */
uint32_t device_unix_time(void);
/* The same, or the cloud's time on a device whose own clock has never been set. */
uint32_t device_best_time(const struct device *d);
void device_take_time(struct device *d, int64_t unix_s);
/* Where device_best_time() comes from. *offset_s_out: own clock minus the cloud's time; *has_offset_out false: unknown. */
enum device_clock device_clock(const struct device *d, bool *has_offset_out, int64_t *offset_s_out);
/* Somebody keeps the clock right. The kernel is asked once a second at most; _now: just now. */
bool device_clock_is_kept(struct device *d);
bool device_clock_is_kept_now(void);
/* Since device_init(). */
uint64_t device_uptime_ms(const struct device *d);
/* Since the system's start, sleep included. */
uint64_t device_life_s(const struct device *d);

#endif
