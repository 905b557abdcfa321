/* SPDX-License-Identifier: MIT */
/* What the rest of the client is to the way of reports: the cloud in use, the uplink, the clocks. */
#include "client/client.h"

#include <errno.h>
#include <stdio.h>

_Static_assert((int) CLOUDS_MAX <= (int) ROUTE_PLACES && (int) CLOUDS_MAX <= (int) UPLINK_LANES, "a lane for each cloud");

static bool cloud_takes(void *user, unsigned place)
{
    const struct client *c = user;

    return cloud_links_takes(&c->clouds, place);
}

static int cloud_report(void *user, unsigned place, uint32_t id, struct ag_span text, uint32_t at_s, bool repeat)
{
    struct client *c = user;

    return cloud_links_report(&c->clouds, place, id, text, at_s, repeat);
}

static bool cloud_has_room(void *user, unsigned place)
{
    const struct client *c = user;

    return cloud_links_has_room(&c->clouds, place);
}

static int cloud_carries(void *user, unsigned place, struct ag_span text)
{
    const struct client *c = user;

    return cloud_links_carries(&c->clouds, place, text);
}

static void queued(void *user, uint32_t id)
{
    struct client *c = user;

    uplink_acked(&c->uplink, UPLINK_NO_LANE, id, AG_SPAN("{\"result\":[\"queued\"]}"));
}

static void failed(void *user, uint32_t id, int code, const char *message)
{
    struct client *c = user;

    uplink_failed(&c->uplink, UPLINK_NO_LANE, id, code, message);
}

static bool is_awaited(void *user, uint32_t id)
{
    const struct client *c = user;

    return uplink_is_awaited(&c->uplink, id);
}

static void time_of(void *user, struct report_time *out)
{
    struct client *c = user;

    *out = (struct report_time){.now_ms = uv_now(c->loop),
                                .boot = c->device.boot,
                                .unix_s = device_best_time(&c->device),
                                .sure = device_clock_is_kept(&c->device)};
}

static void closed(void *user)
{
    client_part_closed(user);
}

static const struct report_host host = {cloud_takes, cloud_report, cloud_has_room, cloud_carries, queued,
                                        failed,      is_awaited,   time_of,        closed};

int client_open_reports(struct client *c, char error[DATA_ERROR_MAX])
{
    char path[DATA_PATH_MAX + 16];
    struct report_path_env env = {.loop = c->loop, .conf = c->device.conf, .host = &host, .user = c};
    struct route_cloud clouds[CLOUDS_MAX];
    const struct cloud_link *l;
    int r;

    snprintf(path, sizeof path, "%sreports.mdb", c->options.dir.path);
    env.path = path;
    env.clouds = clouds;
    for (; (l = cloud_links_nth(&c->clouds, env.n_clouds)); env.n_clouds++)
        clouds[env.n_clouds] = (struct route_cloud){l->ops->name, l->ops->place};
    r = report_path_open(&c->reports, &env, error, DATA_ERROR_MAX);
    c->n_open += c->reports.spool != NULL;
    return r;
}
