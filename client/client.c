/* SPDX-License-Identifier: MIT */
#include "client/client_priv.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "client/cloud/conf_warn.h"
#include "libagent/io/timer_at.h"
#include "libagent/core/deadline.h"

enum { MEMORY_LIMIT = 16 << 20 };

/* ---- deadlines ---- */

static void on_timer(uv_timer_t *t)
{
    struct client *c = t->data;
    uint64_t now_ms = uv_now(c->loop);

    c->timer_at = 0;
    command_expire(&c->intake.commands, now_ms);
    reports_expire(&c->reports, now_ms);
    lan_expire(&c->phones.lan, now_ms);
    setup_link_tick(&c->setup, now_ms);
    local_gate_tick(&c->peers.gate, now_ms);
    cloud_links_tick(&c->clouds, now_ms);
}

/* Once in each turn of the loop, whatever happened in it. */
static void on_prepare(uv_prepare_t *p)
{
    struct client *c = p->data;
    uint64_t at = command_next_deadline(&c->intake.commands);

    at = ag_earlier(at, reports_next_deadline(&c->reports));
    at = ag_earlier(at, lan_next_deadline(&c->phones.lan));
    at = ag_earlier(at, setup_link_next_deadline(&c->setup));
    at = ag_earlier(at, local_gate_next_deadline(&c->peers.gate));
    at = ag_earlier(at, cloud_links_next_deadline(&c->clouds));
    if (at == c->timer_at)
        return;
    c->timer_at = at;
    ag_timer_at(&c->timer, on_timer, at);
}

/* ---- the parts, before anything is opened ---- */

static uint32_t random_id(void)
{
    uint32_t id = 0;

    if (getrandom(&id, sizeof id, GRND_NONBLOCK) != (ssize_t) sizeof id)
        id = (uint32_t) uv_hrtime();
    return id;
}

static void init_commands(struct client *c)
{
    const struct client_options *o = &c->options;
    const struct intake_env env = {.loop = c->loop,
                                   .peers = &c->peers,
                                   .serve = &c->serve,
                                   .command_timeout_ms = o->command_timeout_ms,
                                   .command_grace_ms = o->command_grace_ms,
                                   .tells_origin = o->tells_origin,
                                   .random = random_id(),
                                   .host = &client_intake_host,
                                   .user = c};
    const struct serve_env serve = {.loop = c->loop,
                                    .device = &c->device,
                                    .external_helper = o->external_helper,
                                    .log = &c->intake.log,
                                    .host = &client_serve_host,
                                    .user = c};
    const struct local_peers_env peers = {.loop = c->loop,
                                          .device = &c->device,
                                          .commands = &c->intake.commands,
                                          .external_helper = o->external_helper,
                                          .host = &client_peers_host,
                                          .user = c};

    intake_init(&c->intake, &env);
    serve_init(&c->serve, &serve);
    local_peers_init(&c->peers, &peers);
}

static void init_reports(struct client *c)
{
    const struct reports_env env = {.loop = c->loop,
                                    .device = &c->device,
                                    .timeout_ms = c->options.request_timeout_ms,
                                    .random = random_id(),
                                    .host = &client_reports_host,
                                    .user = c};

    reports_init(&c->reports, &env);
}

static void init_setup(struct client *c)
{
    const struct client_options *o = &c->options;
    const struct setup_settings settings = {.external = o->external_helper,
                                            .wired = o->wired,
                                            .join_tries = o->join_tries,
                                            .join_pause_ms = o->join_pause_ms,
                                            .identity_pause_ms = o->identity_pause_ms};
    const struct setup_env env = {.loop = c->loop,
                                  .dir = &c->options.dir,
                                  .conf = c->device.conf,
                                  .hooks = o->hooks,
                                  .country = o->country,
                                  .host = &client_setup_host,
                                  .user = c};

    setup_link_init(&c->setup, &env, &settings);
}

static void init_clouds(struct client *c, const char *list)
{
    const struct cloud_links_env env = {
        .loop = c->loop, .device = &c->device, .data_dir = c->options.dir.path, .host = &client_clouds_host, .user = c};

    cloud_links_init(&c->clouds, &env, list);
}

static void init_timers(struct client *c)
{
    uv_timer_init(c->loop, &c->timer);
    uv_prepare_init(c->loop, &c->prepare);
    uv_prepare_start(&c->prepare, on_prepare);
    c->timer.data = c->prepare.data = c;
    c->timer_at = AG_NEVER;
    c->n_open = 2;
    if (net_info_open(&c->net, c->loop, client_part_closed, c) == 0)
        c->n_open++;
    c->serve.net = c->net;
}

static void init(struct client *c, struct device_conf *conf, const char *clouds)
{
    device_init(&c->device, c->loop, conf, c->options.os_release, client_said, c);
    init_commands(c);
    init_reports(c);
    phones_init(&c->phones, c->loop, conf->did, c->options.lan_stamp_window_s, &client_phones_host, c);
    init_setup(c);
    init_clouds(c, clouds);
    c->parts = (struct status_parts){.loop = c->loop,
                                     .device = &c->device,
                                     .dir = &c->options.dir,
                                     .intake = &c->intake,
                                     .phones = &c->phones,
                                     .reports = &c->reports,
                                     .clouds = &c->clouds,
                                     .setup = &c->setup,
                                     .external_helper = c->options.external_helper};
    init_timers(c);
}

/* ---- opening: 0 or -errno with one line in error ---- */

static int open_failed(char error[DATA_ERROR_MAX], const char *what, const struct ag_addr *at, int r)
{
    char text[AG_ADDR_TEXT_MAX];

    snprintf(error, DATA_ERROR_MAX, "%s %s: %s", what, ag_addr_format(at, text), strerror(-r));
    return r;
}

static int open_access(struct client *c, char error[DATA_ERROR_MAX])
{
    const struct client_options *o = &c->options;
    char why[AG_INI_ERROR_MAX] = "";
    int r = local_peers_open_access(&c->peers, o->access_file, o->has_agent_user ? &o->agent_uid : NULL, why);

    if (r < 0)
        snprintf(error, DATA_ERROR_MAX, "%s", why);
    return r;
}

static int open_reports(struct client *c, char error[DATA_ERROR_MAX])
{
    struct route_cloud names[CLOUDS_MAX];
    char file[DATA_PATH_MAX + 16];
    struct cloud_list list;
    int r;

    snprintf(file, sizeof file, "%sreports.mdb", c->options.dir.path);
    cloud_links_list(&c->clouds, &list);
    r = reports_open(&c->reports, file, names, client_name_clouds(&list, names), error, DATA_ERROR_MAX);
    c->n_open += reports_keeps(&c->reports);
    return r;
}

/* One total for all peers; who sends up may take a quarter of it, so that there is room for answers. */
static void set_memory_limit(struct client *c, size_t limit)
{
    if (limit == 0)
        limit = MEMORY_LIMIT;
    c->options.memory_limit = limit;
    c->reports.uplink.max_bytes = limit / 4;
    c->intake.commands.max_kept_bytes = limit / 16;
    local_peers_set_max_bytes(&c->peers, limit);
}

static int open_sockets(struct client *c, char error[DATA_ERROR_MAX])
{
    const struct client_options *o = &c->options;
    int r = local_peers_open_sockets(&c->peers, &o->local);

    c->n_open += c->peers.sockets != NULL;
    if (r < 0)
        return open_failed(error, "local socket", &o->local, r);
    set_memory_limit(c, o->memory_limit);
    r = phones_open(&c->phones, &o->lan);
    c->n_open += c->phones.socket != NULL;
    if (r < 0)
        return open_failed(error, "LAN socket", &o->lan, r);
    r = ble_port_open(&c->ble, c->loop, &o->ble, &client_ble_host, c);
    c->n_open += c->ble.socket != NULL;
    return r < 0 ? open_failed(error, "Bluetooth helper's socket", &o->ble, r) : 0;
}

static int open_channels(struct client *c, char error[DATA_ERROR_MAX])
{
    const struct endpoint *broker = &c->options.mqtt_api;
    int r = local_peers_open_channels(&c->peers, broker);

    c->n_open += c->peers.channels != NULL;
    if (r < 0)
        snprintf(error, DATA_ERROR_MAX, "MQTT API at %s: %s", broker->host, strerror(-r));
    return r;
}

/* Goes through the boot order as far as it can. */
static int boot(struct client *c, char error[DATA_ERROR_MAX])
{
    struct cloud_list list;

    cloud_links_list(&c->clouds, &list);
    cloud_conf_warn(c->device.conf, &list, c->options.dir.path);
    if (!c->options.external_helper) /* else told with the identity */
        device_read_version(&c->device);
    return setup_link_open(&c->setup, error);
}

int client_open(struct client *c, uv_loop_t *loop, const struct client_options *options, struct device_conf *conf,
                char error[DATA_ERROR_MAX])
{
    int r;

    *c = (struct client){.loop = loop, .options = *options};
    init(c, conf, options->cloud);
    r = open_access(c, error);
    if (r == 0)
        r = open_reports(c, error);
    if (r == 0)
        r = open_sockets(c, error);
    if (r == 0)
        r = open_channels(c, error);
    if (r == 0)
        r = boot(c, error);
    return r;
}

/* ---- end ---- */

static void on_handle_closed(uv_handle_t *h)
{
    client_part_closed(h->data);
}

void client_close(struct client *c, void (*on_closed)(void *user), void *user)
{
    if (c->closing)
        return;
    c->on_closed = on_closed;
    c->user = user;
    command_refuse_all(&c->intake.commands);
    reports_close(&c->reports);
    setup_link_close(&c->setup);
    c->closing = true;
    c->n_open += cloud_links_n_open(&c->clouds);
    cloud_links_close(&c->clouds);
    local_peers_close(&c->peers);
    phones_close(&c->phones);
    ble_port_close(&c->ble);
    net_info_close(c->net);
    c->net = c->serve.net = NULL;
    uv_close((uv_handle_t *) &c->timer, on_handle_closed);
    uv_close((uv_handle_t *) &c->prepare, on_handle_closed);
}

void client_deinit(struct client *c)
{
    intake_deinit(&c->intake);
    reports_deinit(&c->reports);
    phones_deinit(&c->phones);
    setup_link_deinit(&c->setup);
    local_peers_deinit(&c->peers);
    device_deinit(&c->device);
}

/* One timeout for all that is open: what was begun under the old one keeps its deadline. */
void client_reload(struct client *c, const struct client_options *fresh)
{
    c->intake.commands.timeout_ms = fresh->command_timeout_ms;
    c->intake.commands.grace_ms = fresh->command_grace_ms;
    c->intake.env.tells_origin = fresh->tells_origin;
    c->reports.uplink.timeout_ms = fresh->request_timeout_ms;
    c->phones.lan.stamp_window_s = fresh->lan_stamp_window_s;
    set_memory_limit(c, fresh->memory_limit);
    local_access_reload(&c->peers.gate.access, fresh->access_file);
    setup_link_reload(&c->setup, fresh->join_tries, fresh->join_pause_ms);
    device_read_version(&c->device);
    cloud_links_reload(&c->clouds);
}
