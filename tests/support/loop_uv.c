/* SPDX-License-Identifier: MIT */
#include <agent/uv.h>
#include "tests/support/loop_probe.h"

static void stop(void *user)
{
    agent_uv_close((agent_uv *) user, NULL);
}

int main(void)
{
    agent_uv adapter;
    struct probe p;

    probe_open(&p, stop, &adapter);
    probe_check("start", agent_uv_start(&adapter, uv_default_loop(), p.conn));
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    agent_unref(p.conn);
    uv_loop_close(uv_default_loop());
    return 0;
}
