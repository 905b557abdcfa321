/* What the rest of the client is to the way of reports: the cloud in use, the uplink, the clocks. */
#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/timex.h>
#include <unistd.h>

_Static_assert((int) CLOUDS_MAX <= (int) ROUTE_PLACES && (int) CLOUDS_MAX <= (int) UPLINK_LANES, "a lane for each cloud");

static bool cloud_takes(void *user, unsigned place)
{
    const struct client *c = user;

    return cloud_link_takes(&c->clouds.at[place]);
}

static int cloud_report(void *user, unsigned place, uint32_t id, struct ag_span text, uint32_t at_s, bool repeat)
{
    struct client *c = user;
    struct cloud_link *l = &c->clouds.at[place];

    return l->ops ? l->ops->report(l->cloud, id, text, at_s, repeat) : -ENOTCONN;
}

static bool cloud_has_room(void *user, unsigned place)
{
    const struct client *c = user;
    const struct cloud_link *l = &c->clouds.at[place];

    return !l->ops || !l->ops->has_room || l->ops->has_room(l->cloud);
}

static int cloud_carries(void *user, unsigned place, struct ag_span text)
{
    const struct client *c = user;
    const struct cloud_ops *ops = c->clouds.at[place].ops;

    return ops && ops->carries ? ops->carries(c->conf, text) : 0;
}

static void queued(void *user, uint32_t id)
{
    struct client *c = user;

    uplink_acked(&c->uplink, id, AG_SPAN("{\"result\":[\"queued\"]}"));
}

static void failed(void *user, uint32_t id, int code, const char *message)
{
    struct client *c = user;

    uplink_failed(&c->uplink, id, code, message);
}

static bool is_awaited(void *user, uint32_t id)
{
    const struct client *c = user;

    return uplink_is_awaited(&c->uplink, id);
}

/* The kernel knows whether somebody keeps its clock right. */
static bool clock_is_kept(void)
{
    struct timex t = {0};
    int state = adjtimex(&t);

    return state >= 0 && state != TIME_ERROR;
}

void client_tell_time(const struct client *c, struct report_time *out)
{
    *out = (struct report_time){.now_ms = uv_now(c->loop),
                                .boot = c->boot,
                                .unix_s = client_best_time(c),
                                .sure = clock_is_kept()};
}

/* For each report: the kernel is asked once a second. */
static void time_of(void *user, struct report_time *out)
{
    struct client *c = user;
    uint64_t now_ms = uv_now(c->loop);

    if (c->clock_kept_until_ms <= now_ms) {
        c->clock_kept = clock_is_kept();
        c->clock_kept_until_ms = now_ms + 1000;
    }
    *out = (struct report_time){.now_ms = now_ms, .boot = c->boot, .unix_s = client_best_time(c), .sure = c->clock_kept};
}

static void closed(void *user)
{
    client_part_closed(user);
}

static const struct report_host host = {cloud_takes, cloud_report, cloud_has_room, cloud_carries, queued, failed,
                                        is_awaited,  time_of,      closed};

/* 0: this system does not tell. */
static uint64_t read_boot(void)
{
    char text[64];
    uint64_t h = 0xcbf29ce484222325u;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);

    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i < n; i++)
        h = (h ^ (uint8_t) text[i]) * 0x100000001b3u;
    return n > 0 && h != 0 ? h : 0;
}

int client_open_reports(struct client *c, char error[DATA_ERROR_MAX])
{
    char path[DATA_PATH_MAX + 16];
    struct report_path_env env = {.loop = c->loop, .conf = c->conf, .host = &host, .user = c};
    struct route_cloud clouds[CLOUDS_MAX];
    const struct cloud_link *l;
    int r;

    c->boot = read_boot();
    snprintf(path, sizeof path, "%sreports.mdb", c->options.dir.path);
    env.path = path;
    env.clouds = clouds;
    for (; (l = cloud_links_nth(c, env.n_clouds)); env.n_clouds++)
        clouds[env.n_clouds] = (struct route_cloud){l->ops->name, l->ops->place};
    r = report_path_open(&c->reports, &env, error, DATA_ERROR_MAX);
    c->n_open += c->reports.spool != NULL;
    return r;
}
