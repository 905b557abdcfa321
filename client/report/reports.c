/* SPDX-License-Identifier: MIT */
#include "client/report/reports.h"

#include <errno.h>
#include "client/local/trace.h"
#include "libagent/core/codes.h"
#include "libagent/core/log/log.h"
#include "libagent/core/deadline.h"

/* ---- between applications and what is kept ---- */

static int on_report(void *user, uint32_t id, struct ag_span text, const struct ag_json_view *view, bool repeat)
{
    struct reports *r = user;

    local_trace_to((struct origin){.kind = ORIGIN_CLOUD, .token = 0}, text, NULL);
    return report_path_report(&r->path, id, text, view, repeat);
}

static void on_reply(void *user, unsigned peer, struct ag_span text)
{
    struct reports *r = user;

    r->env.host->reply(r->env.user, peer, text);
}

static bool on_taken(void *user, uint32_t id)
{
    const struct reports *r = user;

    return report_path_has(&r->path, id);
}

static unsigned on_lane(void *user, struct ag_span text, const struct ag_json_view *view)
{
    const struct reports *r = user;
    struct ag_span method = {"", 0};
    char name[256];

    ag_view_str(view, text.p, AG_M_METHOD, name, sizeof name, &method);
    return report_path_route(&r->path, method).first;
}

static const struct uplink_sink sink = {.report = on_report, .reply = on_reply, .taken = on_taken, .lane = on_lane};

/* ---- between what is kept and the clouds ---- */

_Static_assert((int) ROUTE_PLACES <= (int) UPLINK_LANES, "a lane for each cloud");

static bool cloud_takes(void *user, unsigned place)
{
    const struct reports *r = user;

    return r->env.host->cloud_takes(r->env.user, place);
}

static int cloud_report(void *user, unsigned place, uint32_t id, struct ag_span text, const struct ag_json_view *view,
                        uint32_t at_s, bool repeat)
{
    const struct reports *r = user;

    return r->env.host->cloud_report(r->env.user, place, id, text, view, at_s, repeat);
}

static bool cloud_has_room(void *user, unsigned place)
{
    const struct reports *r = user;

    return r->env.host->cloud_has_room(r->env.user, place);
}

static int cloud_carries(void *user, unsigned place, struct ag_span text)
{
    const struct reports *r = user;

    return r->env.host->cloud_carries(r->env.user, place, text);
}

static void queued(void *user, uint32_t id)
{
    struct reports *r = user;

    uplink_acked(&r->uplink, UPLINK_NO_LANE, id, AG_SPAN("{\"result\":[\"queued\"]}"));
}

static void failed(void *user, uint32_t id, int code, const char *message)
{
    struct reports *r = user;

    uplink_failed(&r->uplink, UPLINK_NO_LANE, id, code, message);
}

static bool is_awaited(void *user, uint32_t id)
{
    const struct reports *r = user;

    return uplink_is_awaited(&r->uplink, id);
}

static void time_of(void *user, struct report_time *out)
{
    const struct reports *r = user;
    struct device *d = r->env.device;

    *out = (struct report_time){
        .now_ms = uv_now(r->env.loop), .boot = d->boot, .unix_s = device_best_time(d), .sure = device_clock_is_kept(d)};
}

static void closed(void *user)
{
    const struct reports *r = user;

    r->env.host->closed(r->env.user);
}

static const struct report_host path_host = {cloud_takes, cloud_report, cloud_has_room, cloud_carries, queued,
                                             failed,      is_awaited,   time_of,        closed};

/* ---- start and end ---- */

void reports_init(struct reports *r, const struct reports_env *env)
{
    *r = (struct reports){.env = *env};
    uplink_init(&r->uplink, &sink, r, env->random);
    r->uplink.timeout_ms = env->timeout_ms;
}

int reports_open(struct reports *r, const char *file, const struct route_cloud *clouds, unsigned n_clouds, char *error, size_t n)
{
    const struct report_path_env env = {.loop = r->env.loop,
                                        .conf = r->env.device->conf,
                                        .clouds = clouds,
                                        .n_clouds = n_clouds,
                                        .path = file,
                                        .host = &path_host,
                                        .user = r};

    return report_path_open(&r->path, &env, error, n);
}

void reports_close(struct reports *r)
{
    report_path_close(&r->path);
    uplink_refuse_all(&r->uplink, AG_CODE_SHUTTING_DOWN, "shutting down");
}

void reports_deinit(struct reports *r)
{
    uplink_deinit(&r->uplink);
    report_path_deinit(&r->path);
}

bool reports_keeps(const struct reports *r)
{
    return r->path.spool != NULL;
}

/* ---- the door ---- */

int reports_submit(struct reports *r, unsigned peer, struct ag_span text, const struct ag_json_view *view)
{
    return uplink_submit(&r->uplink, peer, text, view, uv_now(r->env.loop));
}

void reports_peer_removed(struct reports *r, unsigned peer)
{
    uplink_peer_removed(&r->uplink, peer);
}

void reports_pump(struct reports *r, unsigned place)
{
    report_path_pump(&r->path, place);
    uplink_pump(&r->uplink, place);
}

void reports_acked(struct reports *r, unsigned place, uint32_t id, struct ag_span answer)
{
    if (!report_path_acked(&r->path, place, id))
        uplink_acked(&r->uplink, place, id, answer);
    reports_pump(r, place);
}

void reports_failed(struct reports *r, unsigned place, uint32_t id, bool retry, int code, const char *message)
{
    if (!report_path_failed(&r->path, place, id, retry))
        uplink_failed(&r->uplink, place, id, code, message);
    reports_pump(r, place);
}

void reports_lost(struct reports *r, unsigned place)
{
    report_path_lost(&r->path, place);
    uplink_pump(&r->uplink, place);
    uplink_lost(&r->uplink, place);
}

int reports_take_list(struct reports *r, const struct route_cloud *clouds, unsigned n_clouds, const struct device_conf *fresh)
{
    struct device_conf_error err;
    struct route_table route;
    int e = route_table_make(&route, clouds, n_clouds, fresh, &err);

    if (e < 0) {
        ag_log(AG_LOG_ERROR, "the list of clouds is kept as it was: %s", e == -ENOMEM ? "out of memory" : err.why);
        return e;
    }
    report_path_take_route(&r->path, &route);
    uplink_reroute(&r->uplink);
    if (n_clouds > 0 && !reports_keeps(r))
        ag_log(AG_LOG_WARNING, "reports are kept from the next start on");
    return 0;
}

int reports_forget(struct reports *r)
{
    int e = report_path_forget(&r->path);

    if (e == 0) /* what is with the last owner's cloud will not be answered */
        uplink_refuse_all(&r->uplink, AG_CODE_NOT_CONNECTED, "the device was reset");
    return e;
}

/* ---- time ---- */

bool reports_is_busy(const struct reports *r)
{
    return r->uplink.n_open > 0 || report_path_is_busy(&r->path);
}

void reports_expire(struct reports *r, uint64_t now_ms)
{
    uplink_expire(&r->uplink, now_ms);
    report_path_expire(&r->path, now_ms);
}

uint64_t reports_next_deadline(const struct reports *r)
{
    return ag_earlier(uplink_next_deadline(&r->uplink), report_path_next_deadline(&r->path));
}
