/* SPDX-License-Identifier: MIT */
#include <agent/event.h>
#include "tests/support/loop_probe.h"

static void stop(void *user)
{
    agent_event_stop((agent_event *) user); /* inside a callback; the loop ends, nothing is left in it */
}

int main(void)
{
    struct event_base *base = event_base_new();
    agent_event adapter = {NULL, NULL, NULL, NULL};
    struct probe p;

    if (!base)
        return 1;
    probe_open(&p, stop, &adapter);
    probe_check("start", agent_event_start(&adapter, base, p.conn));
    event_base_dispatch(base);
    agent_unref(p.conn);
    event_base_free(base);
    return 0;
}
