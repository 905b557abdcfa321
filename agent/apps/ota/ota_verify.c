/* SPDX-License-Identifier: MIT */
#include "agent/apps/ota/ota_verify.h"

#include <errno.h>

static void on_end(void *user, int status, struct ag_buf *output)
{
    struct ota_verify *v = user;
    const char *how = status == 0            ? "genuine"
                      : status == -ETIMEDOUT ? "the program took too long"
                      : status > 128         ? "the program was killed"
                                             : "the program refused the file";

    (void) output;
    v->child = NULL;
    v->on_done(v->user, status == 0, how);
}

int ota_verify_start(struct ota_verify *v, const char *file, const char *md5)
{
    const char *args[] = {v->prog, file, md5, NULL};

    if (v->child)
        return -EBUSY;
    return ag_child_run(&v->child, v->loop,
                        &(struct ag_child_options){.args = args, .timeout_ms = v->timeout_s * 1000, .done = on_end, .user = v});
}

void ota_verify_close(struct ota_verify *v)
{
    ag_child_cancel(v->child);
    v->child = NULL;
}
