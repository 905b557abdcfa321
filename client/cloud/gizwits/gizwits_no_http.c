/* SPDX-License-Identifier: MIT */
/* Stands in for the Gizwits cloud in a build without libcurl: it cannot register without HTTP. */
#include <errno.h>
#include <stdio.h>
#include "client/cloud/gizwits/gizwits.h"

static int gizwits_check(const struct device_conf *conf, char *why, size_t n)
{
    (void) conf;
    snprintf(why, n, "cloud gizwits needs a build with HTTP");
    return -EINVAL;
}

static int gizwits_create(struct cloud **out, const struct cloud_env *env)
{
    (void) out;
    (void) env;
    return -EINVAL;
}

const struct cloud_ops cloud_gizwits_ops = {
    .name = "gizwits", .place = CLOUD_GIZWITS, .check = gizwits_check, .create = gizwits_create};
