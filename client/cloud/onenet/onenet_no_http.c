/* SPDX-License-Identifier: MIT */
/* In place of onenet_http.c in a build without libcurl. */
#include <errno.h>
#include "client/cloud/onenet/onenet_priv.h"

int onenet_http_post(struct onenet *o, const char *path, struct ag_span body, struct onenet_call *call)
{
    (void) o;
    (void) path;
    (void) body;
    (void) call;
    return -ENOSYS;
}

bool onenet_http_close(struct onenet *o)
{
    (void) o;
    return true;
}
