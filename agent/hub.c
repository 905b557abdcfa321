/* SPDX-License-Identifier: MIT */
#include "agent/hub.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "agent/core/router.h"
#include "agent/io/conn.h"
#include "libagent/io/access/access_file.h"
#include "libagent/io/daemon.h"
#include "libagent/core/deadline.h"

enum { DRAIN_MS = 600 /* of AG_DAEMON_LEAVE_MS */ };
enum { UPSTREAM_TEXT_MAX = 1 << 20, UPSTREAM_DEPTH_MAX = 128 };

static void hub_close(struct hub *h);

/* ---- the end of a loop turn ---- */

static void hub_end_lingering(struct hub *h)
{
    struct conn *c;

    while ((c = ag_list_first(&h->conns.lingering, struct conn, linger)) && c->linger_until_ms <= conns_now(&h->conns))
        conn_close(c);
}

static uint64_t hub_deadline(const struct hub *h)
{
    const struct conn *c = ag_list_first(&h->conns.lingering, struct conn, linger);
    uint64_t at = router_deadline(&h->router);

    if (c)
        at = ag_earlier(at, c->linger_until_ms);
    return h->stopping ? ag_earlier(at, h->drain_until_ms) : at;
}

static void hub_on_timer(uv_timer_t *timer)
{
    struct hub *h = timer->data;

    h->timer_at_ms = AG_NEVER;
    router_expire(&h->router, conns_now(&h->conns));
    hub_end_lingering(h);
    hub_flush(h);
}

/* Only ever moved forward here: a timer that fires too early finds nothing to do and is set again. */
static void hub_arm(struct hub *h)
{
    uint64_t at = hub_deadline(h);

    if (at >= h->timer_at_ms || h->conns.closed)
        return;
    h->timer_at_ms = at;
    uv_timer_start(&h->timer, hub_on_timer, ag_ms_until(at, conns_now(&h->conns)), 0);
}

/* What the end of one connection decides for others is appended to the same list. */
void hub_flush(struct hub *h)
{
    router_settle(&h->router, conns_now(&h->conns));
    while (!ag_list_empty(&h->router.work)) {
        struct peer *p = ag_list_first(&h->router.work, struct peer, work);

        ag_list_del(&p->work);
        conn_work(conn_of_peer(p));
    }
    if (h->stopping && !h->conns.closed && (h->router.queued == 0 || conns_now(&h->conns) >= h->drain_until_ms))
        hub_close(h);
    hub_arm(h);
}

static void hub_turn(void *user)
{
    hub_flush(user);
}

static void hub_upstream_gone(void *user)
{
    upstream_lost(&((struct hub *) user)->upstream);
}

static void hub_on_check(uv_check_t *check)
{
    struct hub *h = check->data;

    h->conns.n_read = 0;
    hub_flush(h);
}

/* ---- start ---- */

static bool hub_listen_on(struct hub *h, const struct ag_addr *addr, bool required)
{
    char text[AG_ADDR_TEXT_MAX];
    int r;

    if (addr->kind == AG_ADDR_NONE)
        return true;
    for (size_t i = 0; i < h->n_listeners; i++)
        if (h->listeners[i].inherited && h->listeners[i].addr.kind == addr->kind)
            return true;
    r = listener_open(&h->listeners[h->n_listeners], &h->conns, addr, h->settings.unix_group);
    if (r == 0) {
        h->n_listeners++;
        return true;
    }
    ag_log(required ? AG_LOG_ERROR : AG_LOG_WARNING, "cannot listen on %s: %s", ag_addr_format(addr, text), strerror(-r));
    return !required;
}

static int hub_inherit(struct hub *h)
{
    struct ag_listen_fd fds[HUB_LISTENERS - 3];
    size_t n;
    int r = ag_daemon_listen_fds(fds, ag_array_size(fds), &n);

    for (size_t i = 0; r == 0 && i < n; i++) {
        r = listener_adopt(&h->listeners[h->n_listeners], &h->conns, fds[i].fd);
        if (r == 0)
            h->n_listeners++;
        else
            ag_log(AG_LOG_ERROR, "descriptor %d of the service manager: %s", fds[i].fd,
                   r == -ESOCKTNOSUPPORT ? "it is not a listening stream or packet socket" : strerror(-r));
    }
    if (r < 0 && n == 0)
        ag_log(AG_LOG_ERROR, "sockets given by the service manager: %s", strerror(-r));
    return r;
}

static int hub_listen(struct hub *h)
{
    const struct settings *s = &h->settings;
    int r = hub_inherit(h);

    if (r < 0)
        return r;
    if (!hub_listen_on(h, &s->listen, true) || !hub_listen_on(h, &s->unix_path, !s->unix_is_default) ||
        !hub_listen_on(h, &s->seqpacket, true))
        return -EADDRNOTAVAIL;
    return h->n_listeners > 0 ? 0 : -EADDRNOTAVAIL;
}

static int64_t wall_offset(uint64_t now_ms)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000 - (int64_t) now_ms;
}

/* What miio_client takes is its own affair, but whoever passes it costs all applications the connection. */
static void tell_wide_limits(const struct settings *s)
{
    if (!s->offline && (s->limits.text > UPSTREAM_TEXT_MAX || s->limits.depth > UPSTREAM_DEPTH_MAX))
        ag_log(AG_LOG_WARNING,
               "max-text or max-depth: miio_client takes texts of %u bytes nested %u deep; over a larger one it closes the "
               "connection",
               UPSTREAM_TEXT_MAX, UPSTREAM_DEPTH_MAX);
}

/* Limits and rules: from the settings into the router. */
static void hub_apply(struct hub *h)
{
    h->router.limits = h->settings.limits;
    tell_wide_limits(&h->settings);
    ag_access_deinit(&h->router.access);
    h->router.access = h->settings.access;
    h->settings.access.rules = NULL; /* the router's now */
    h->router.wall_offset = wall_offset;
    router_reconfigure(&h->router);
    conns_fit(&h->conns);
}

static int hub_init(struct hub *h, uv_loop_t *loop, struct settings *settings)
{
    uint64_t seed = 0;
    int r;

    *h = (struct hub){.loop = loop, .settings = *settings, .timer_at_ms = AG_NEVER};
    settings->access.rules = NULL;
    uv_random(NULL, NULL, &seed, sizeof seed, 0, NULL);
    r = conns_init(&h->conns, loop, &h->router);
    if (r == 0)
        r = router_init(&h->router, uv_now(loop), seed, (uint32_t) geteuid());
    if (r < 0) {
        conns_deinit(&h->conns);
        settings_deinit(&h->settings);
        return r;
    }
    h->conns.turn = hub_turn;
    h->conns.upstream_gone = hub_upstream_gone;
    h->conns.user = h;
    h->router.own_pid = (int32_t) getpid();
    h->router.log = ag_log_kept();
    hub_apply(h);
    return 0;
}

static void hub_tell_access(const struct hub *h)
{
    if (!h->router.access.enabled)
        ag_log(AG_LOG_WARNING, AG_ACCESS_NONE_TEXT);
    else if (h->settings.access_empty)
        ag_log(AG_LOG_WARNING, AG_ACCESS_EMPTY_TEXT, h->settings.access_file);
}

int hub_start(struct hub *h, uv_loop_t *loop, struct settings *settings)
{
    int r = hub_init(h, loop, settings);

    if (r < 0)
        return r;
    uv_check_init(loop, &h->check);
    h->check.data = h;
    uv_check_start(&h->check, hub_on_check);
    uv_timer_init(loop, &h->timer);
    h->timer.data = h;
    upstream_init(&h->upstream, &h->conns, &h->settings.upstream, &h->settings.upstream_user);
    r = hub_listen(h);
    if (r < 0) {
        hub_close(h);
        return r;
    }
    hub_tell_access(h);
    if (!h->settings.offline)
        upstream_start(&h->upstream);
    return 0;
}

/* ---- the end ---- */

static void hub_close(struct hub *h)
{
    struct conn *c;

    h->conns.closed = true;
    while ((c = ag_list_first(&h->conns.all, struct conn, all)))
        conn_drop(c);
    for (size_t i = 0; i < h->n_listeners; i++)
        listener_close(&h->listeners[i]);
    upstream_close(&h->upstream);
    uv_close((uv_handle_t *) &h->check, NULL);
    uv_close((uv_handle_t *) &h->timer, NULL);
}

void hub_stop(struct hub *h)
{
    if (h->stopping)
        return;
    h->stopping = true;
    h->drain_until_ms = conns_now(&h->conns) + DRAIN_MS;
    for (size_t i = 0; i < h->n_listeners; i++)
        listener_close(&h->listeners[i]);
    upstream_stop(&h->upstream);
    router_shutdown(&h->router, conns_now(&h->conns));
    hub_flush(h);
}

void hub_deinit(struct hub *h)
{
    if (!h->conns.read_buf)
        return;
    router_deinit(&h->router);
    settings_deinit(&h->settings);
    conns_deinit(&h->conns);
}

/* ---- while running ---- */

/*
 * A file that has become empty (it is just being written, the disk is full) must not take the rules away: that has to
 * be said explicitly.
 */
static void hub_take_access(struct hub *h, struct settings *settings)
{
    bool says_nothing = settings->access.n_items == 0 || settings->access_empty;

    if (h->router.access.enabled && says_nothing) {
        ag_log(AG_LOG_ERROR, AG_ACCESS_EMPTY_TEXT "; the old ones stay",
               settings->access_file[0] ? settings->access_file : settings->config);
        h->settings.access = h->router.access;
        h->router.access.rules = NULL;
        return;
    }
    if (h->router.access.enabled && !settings->access.enabled)
        ag_log(AG_LOG_WARNING, AG_ACCESS_NONE_TEXT);
    h->settings.access = settings->access;
    settings->access.rules = NULL;
}

void hub_reload(struct hub *h, struct settings *settings)
{
    h->settings.limits = settings->limits;
    hub_take_access(h, settings);
    ag_log_set_level(settings->log_level);
    hub_apply(h);
}

void hub_log_state(struct hub *h)
{
    const struct router *r = &h->router;
    const char *name;
    uint64_t n;

    ag_log(AG_LOG_INFO, "state: upstream %s, %u peers, %u keys, %u requests and %u commands open, %zu bytes queued",
           h->upstream.state == UPSTREAM_UP ? "connected" : "not connected", r->n_peers, r->subs.n_subs, r->requests.n,
           r->commands.n, r->queued);
    for (size_t i = 0; (name = stats_nth(&r->stats, i, &n)); i++) {
        if (n > 0) /* one line each: together they would be too long for a line */
            ag_log(AG_LOG_INFO, "  %s %" PRIu64, name, n);
    }
}
