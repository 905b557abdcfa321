/* SPDX-License-Identifier: MIT */
/* What device.conf says about the OT cloud, and which server that means. See client/cloud/ot/ot.h for the names. */
#ifndef CLIENT_OT_OPTIONS_H
#define CLIENT_OT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "client/device/core/device_conf.h"

enum { OT_HOST_MAX = 255 };

struct ot_options {
    const char *host; /* NULL: the vendor's; borrowed from the conf */
    uint16_t port;    /* 0: the transport's usual one */
    bool stream;
    uint32_t info_period_ms, keepalive_ms, resend_ms;
    unsigned window;
};

/* 0, or -EINVAL with *err filled (line and reason). */
int ot_options_parse(struct ot_options *out, const struct device_conf *conf, struct device_conf_error *err);

/* country: the one in use, read at each try, as it may change; NULL or empty: mainland. A configured host takes precedence. */
void ot_options_host(const struct ot_options *o, const char *country, char out[OT_HOST_MAX + 1]);
uint16_t ot_options_port(const struct ot_options *o);

#endif
