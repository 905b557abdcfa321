/* SPDX-License-Identifier: MIT */
/*
 * What the clouds' readers of device.conf share: a value or its default, and one line that says what is
 * wrong.
 */
#ifndef CLIENT_CONF_READING_H
#define CLIENT_CONF_READING_H

#include <stddef.h>
#include "client/device/core/device_conf.h"
#include "libagent/core/util.h"

/* One reading of a device.conf. why and n: the caller's room for the line. */
struct conf_reading {
    const struct device_conf *conf;
    char *why;
    size_t n;
};

/* Fills why; always -EINVAL. */
int conf_refuse(const struct conf_reading *r, const char *fmt, ...) ag_printf_like(2, 3);
/* An empty value counts as absent. Lives as long as the device_conf. */
const char *conf_text(const struct conf_reading *r, const char *key, const char *fallback);
/* 0, or -EINVAL with line and reason in why. */
int conf_int(const struct conf_reading *r, const char *key, long min, long max, long fallback, long *out);

#endif
