/* SPDX-License-Identifier: MIT */
#include "client/cloud/conf_reading.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void conf_refuse(struct conf_reading *r, const char *fmt, ...)
{
    va_list ap;

    if (r->error < 0)
        return;
    va_start(ap, fmt);
    vsnprintf(r->why, r->n, fmt, ap);
    va_end(ap);
    r->error = -EINVAL;
}

const char *conf_text(const struct conf_reading *r, const char *key, const char *fallback)
{
    const char *v = device_conf_get(r->conf, key);

    return v && v[0] ? v : fallback;
}

long conf_int(struct conf_reading *r, const char *key, long min, long max, long fallback)
{
    struct device_conf_error err;
    long v;

    if (device_conf_get_int(r->conf, key, min, max, fallback, &v, &err) == 0)
        return v;
    conf_refuse(r, "%s", err.why); /* begins with the key, by which its line is found */
    return fallback;
}

bool conf_bool(struct conf_reading *r, const char *key, bool fallback)
{
    return conf_int(r, key, 0, 1, fallback) != 0;
}
