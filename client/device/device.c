/* SPDX-License-Identifier: MIT */
#include "client/device/device.h"

#include <fcntl.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>
#include "client/device/io/data_dir.h"
#include "libagent/core/hash.h"
#include "libagent/core/log/log.h"

enum { CLOCK_IS_SET = 1577836800 /* 2020-01-01 */, CLOCK_FRESH_MS = 1000 };

/* 0: this system does not tell. */
static uint64_t read_boot(void)
{
    char text[64];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);

    if (fd >= 0)
        close(fd);
    return n > 0 ? ag_hash(AG_HASH_BEGIN, text, (size_t) n) : 0;
}

void device_init(struct device *d, uv_loop_t *loop, struct device_conf *conf, const char *os_release, device_said_fn *said,
                 void *user)
{
    *d = (struct device){.loop = loop,
                         .conf = conf,
                         .os_release = os_release,
                         .started_ms = uv_now(loop),
                         .boot = read_boot(),
                         .said = said,
                         .user = user};
}

void device_deinit(struct device *d)
{
    explicit_bzero(d->token, sizeof d->token);
    explicit_bzero(d->token_hex, sizeof d->token_hex);
}

void device_event(struct device *d, enum device_event ev)
{
    const char *word = device_machine_step(&d->machine, ev);

    if (!word)
        return;
    d->last_word = word;
    ag_log(AG_LOG_INFO, "state %s, status %s", device_state_word(d), word);
    d->said(d->user, word);
}

const char *device_state_word(const struct device *d)
{
    return device_state_name(d->machine.state);
}

bool device_is_online(const struct device *d)
{
    return device_state_is_online(d->machine.state);
}

void device_set_token(struct device *d, const char token[DEVICE_TOKEN_LEN + 1])
{
    memcpy(d->token, token, sizeof d->token);
    device_token_hex(d->token_hex, token);
}

void device_read_version(struct device *d)
{
    data_dir_read_version(d->version, d->os_release, d->conf->vendor);
}

const char *device_country(const struct device *d)
{
    const char *in_use = device_conf_get(d->conf, "country");

    return in_use ? in_use : "";
}

/* ---- time ---- */

uint32_t device_unix_time(void)
{
    uv_timeval64_t tv;

    return uv_gettimeofday(&tv) == 0 ? (uint32_t) tv.tv_sec : 0;
}

static int64_t cloud_time(const struct device *d)
{
    return d->cloud_time_s + (int64_t) ((uv_now(d->loop) - d->cloud_time_at_ms) / 1000);
}

uint32_t device_best_time(const struct device *d)
{
    uint32_t own = device_unix_time();

    return own >= CLOCK_IS_SET || d->cloud_time_s == 0 ? own : (uint32_t) cloud_time(d);
}

void device_take_time(struct device *d, int64_t unix_s)
{
    d->cloud_time_s = unix_s;
    d->cloud_time_at_ms = uv_now(d->loop);
}

enum device_clock device_clock(const struct device *d, bool *has_offset_out, int64_t *offset_s_out)
{
    uint32_t own = device_unix_time();

    *has_offset_out = d->cloud_time_s != 0;
    *offset_s_out = *has_offset_out ? (int64_t) own - cloud_time(d) : 0;
    return own >= CLOCK_IS_SET ? DEVICE_CLOCK_OWN : *has_offset_out ? DEVICE_CLOCK_CLOUD : DEVICE_CLOCK_UNSET;
}

/* The kernel knows whether somebody keeps its clock right. */
bool device_clock_is_kept_now(void)
{
    struct timex t = {0};
    int state = adjtimex(&t);

    return state >= 0 && state != TIME_ERROR;
}

bool device_clock_is_kept(struct device *d)
{
    uint64_t now_ms = uv_now(d->loop);

    if (d->clock_asked_until_ms <= now_ms) {
        d->clock_kept = device_clock_is_kept_now();
        d->clock_asked_until_ms = now_ms + CLOCK_FRESH_MS;
    }
    return d->clock_kept;
}

uint64_t device_uptime_ms(const struct device *d)
{
    return uv_now(d->loop) - d->started_ms;
}

uint64_t device_life_s(const struct device *d)
{
    struct timespec t;

    return clock_gettime(CLOCK_BOOTTIME, &t) == 0 ? (uint64_t) t.tv_sec : device_uptime_ms(d) / 1000;
}
