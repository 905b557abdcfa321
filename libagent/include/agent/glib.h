/* SPDX-License-Identifier: MIT */
/*
 * libagent in a GLib main loop. Header only: libagent itself knows no loop.
 *
 *     GSource *source = agent_glib_source_new(conn);
 *
 *     g_source_attach(source, NULL);
 *     g_main_loop_run(loop);
 *     ...
 *     g_source_destroy(source);
 *     g_source_unref(source);
 *
 * The source holds a reference to the connection until it is destroyed and unreferenced. Callbacks of the connection run
 * inside the loop; they may destroy the source. One source per connection, in a context that runs in the connection's
 * thread. Needs GLib 2.36.
 */
#ifndef AGENT_GLIB_H
#define AGENT_GLIB_H

#include <agent/agent.h>
#include <glib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The inside of the source. */
typedef struct agent_glib_source_ {
    GSource source;
    agent_conn *conn;
    gpointer tag; /* of the descriptor */
} agent_glib_source_;

/* Before the loop sleeps: how long it may. */
static inline gboolean agent_glib_prepare_(GSource *source, gint *timeout_ms)
{
    *timeout_ms = agent_get_timeout_ms(((agent_glib_source_ *) source)->conn);
    return *timeout_ms == 0;
}

static inline gboolean agent_glib_check_(GSource *source)
{
    agent_glib_source_ *s = (agent_glib_source_ *) source;

    return g_source_query_unix_fd(source, s->tag) != 0 || agent_get_timeout_ms(s->conn) == 0;
}

static inline gboolean agent_glib_dispatch_(GSource *source, GSourceFunc fn, gpointer user)
{
    (void) fn;
    (void) user;
    agent_process(((agent_glib_source_ *) source)->conn); /* what is left over is still readable in the next turn */
    return G_SOURCE_CONTINUE;
}

static inline void agent_glib_finalize_(GSource *source)
{
    agent_unref(((agent_glib_source_ *) source)->conn);
}

/* A source to attach; the caller owns one reference. */
static inline GSource *agent_glib_source_new(agent_conn *conn)
{
    static GSourceFuncs funcs = {agent_glib_prepare_, agent_glib_check_, agent_glib_dispatch_, agent_glib_finalize_, NULL, NULL};
    GSource *source = g_source_new(&funcs, sizeof(agent_glib_source_));
    agent_glib_source_ *s = (agent_glib_source_ *) source;

    s->conn = agent_ref(conn);
    s->tag = g_source_add_unix_fd(source, agent_get_fd(conn), G_IO_IN);
    g_source_set_name(source, "libagent");
    return source;
}

#ifdef __cplusplus
}
#endif

#endif
