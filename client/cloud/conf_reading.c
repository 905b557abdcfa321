/* SPDX-License-Identifier: MIT */
#include "client/cloud/conf_reading.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int conf_refuse(const struct conf_reading *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->why, r->n, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

const char *conf_text(const struct conf_reading *r, const char *key, const char *fallback)
{
    const char *v = device_conf_get(r->conf, key);

    return v && v[0] ? v : fallback;
}

int conf_int(const struct conf_reading *r, const char *key, long min, long max, long fallback, long *out)
{
    struct device_conf_error err;

    if (device_conf_get_int(r->conf, key, min, max, fallback, out, &err) == 0)
        return 0;
    return conf_refuse(r, "line %u: %s", err.line, err.why);
}
