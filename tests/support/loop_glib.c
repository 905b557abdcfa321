/* SPDX-License-Identifier: MIT */
#include <agent/glib.h>
#include "tests/support/loop_probe.h"

static void stop(void *user)
{
    g_main_loop_quit((GMainLoop *) user);
}

int main(void)
{
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    struct probe p;
    GSource *source;

    probe_open(&p, stop, loop);
    source = agent_glib_source_new(p.conn);
    agent_unref(p.conn); /* the source has its own reference */
    g_source_attach(source, NULL);
    g_main_loop_run(loop);
    g_source_destroy(source);
    g_source_unref(source);
    g_main_loop_unref(loop);
    return 0;
}
