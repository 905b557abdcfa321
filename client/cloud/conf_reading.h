/* SPDX-License-Identifier: MIT */
/*
 * What the clouds' readers of device.conf share: a value or its default, and one line that says what is wrong. The first
 * fault stays, so that readers look at the end.
 */
#ifndef CLIENT_CONF_READING_H
#define CLIENT_CONF_READING_H

#include <stdbool.h>
#include <stddef.h>
#include "client/device/core/device_conf.h"
#include "libagent/core/util.h"

/* One reading of a device.conf. why and n: the caller's room for the line. */
struct conf_reading {
    const struct device_conf *conf;
    char *why;
    size_t n;
    int error; /* 0 until something is refused */
};

/* The first time fills why and makes error -EINVAL. */
void conf_refuse(struct conf_reading *r, const char *fmt, ...) ag_printf_like(2, 3);
/* An empty value counts as absent. Lives as long as the device_conf. */
const char *conf_text(const struct conf_reading *r, const char *key, const char *fallback);
/* A number from min to max. Anything else is refused with its line, and is the fallback. */
long conf_int(struct conf_reading *r, const char *key, long min, long max, long fallback);
/* 0 or 1. */
bool conf_bool(struct conf_reading *r, const char *key, bool fallback);

#endif
