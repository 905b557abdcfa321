/* SPDX-License-Identifier: MIT */
#include "client/client.h"

#include <stdio.h>
#include <sys/random.h>
#include "libagent/core/log/log.h"

enum { MEMORY_LIMIT = 16 << 20 };

/* ---- deadlines ---- */

static void on_timer(uv_timer_t *t)
{
    struct client *c = t->data;
    uint64_t now_ms = uv_now(c->loop);

    c->timer_at = 0;
    command_expire(&c->commands, now_ms);
    reports_expire(&c->reports, now_ms);
    lan_expire(&c->phones.lan, now_ms);
    setup_link_tick(&c->setup, now_ms);
    local_gate_tick(&c->gate, now_ms);
}

/* Once in each turn of the loop, whatever has happened in it. */
static void on_prepare(uv_prepare_t *p)
{
    struct client *c = p->data;
    uint64_t at = command_next_deadline(&c->commands), now_ms = uv_now(c->loop);
    uint64_t others[] = {reports_next_deadline(&c->reports), lan_next_deadline(&c->phones.lan),
                         setup_link_next_deadline(&c->setup), local_gate_next_deadline(&c->gate)};

    for (size_t i = 0; i < ag_array_size(others); i++)
        at = others[i] < at ? others[i] : at;
    if (at == c->timer_at)
        return;
    c->timer_at = at;
    if (at == UINT64_MAX)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_timer, at > now_ms ? at - now_ms : 0, 0);
}

/* ---- start and end ---- */

static void on_said(void *user, const char *word)
{
    struct client *c = user;

    client_say_word(c, c->commands.peers, word);
}

void client_part_closed(struct client *c)
{
    if (--c->n_open == 0)
        c->on_closed(c->user);
}

static void on_net_closed(void *user)
{
    client_part_closed(user);
}

static uint32_t random_id(void)
{
    uint32_t id = 0;

    if (getrandom(&id, sizeof id, GRND_NONBLOCK) != (ssize_t) sizeof id)
        id = (uint32_t) uv_hrtime();
    return id;
}

int client_open_failed(char error[DATA_ERROR_MAX], const char *what, const struct ag_addr *at, int r)
{
    char text[AG_ADDR_TEXT_MAX];

    snprintf(error, DATA_ERROR_MAX, "%s %s: %s", what, ag_addr_format(at, text), strerror(-r));
    return r;
}

/* One total for all peers; who sends up may take a quarter of it, so that there is room for answers. */
void client_set_memory_limit(struct client *c, size_t limit)
{
    if (limit == 0)
        limit = MEMORY_LIMIT;
    c->options.memory_limit = limit;
    c->reports.uplink.max_bytes = limit / 4;
    c->commands.max_kept_bytes = limit / 16;
    if (c->local)
        local_server_set_max_bytes(c->local, limit);
}

static void init_clouds(struct client *c, const char *list)
{
    const struct cloud_links_env env = {
        .loop = c->loop, .device = &c->device, .data_dir = c->options.dir.path, .host = &client_clouds_host, .user = c};

    cloud_links_init(&c->clouds, &env, list);
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

static int open_lan(struct client *c, char error[DATA_ERROR_MAX])
{
    const struct client_options *o = &c->options;
    int r = phones_open(&c->phones, &o->lan);

    c->n_open += c->phones.socket != NULL;
    if (r < 0)
        return client_open_failed(error, "LAN socket", &o->lan, r);
    r = ble_port_open(&c->ble, c->loop, &o->ble, &client_ble_host, c);
    c->n_open += c->ble.socket != NULL;
    return r < 0 ? client_open_failed(error, "Bluetooth helper's socket", &o->ble, r) : 0;
}

int client_open(struct client *c, uv_loop_t *loop, const struct client_options *options, struct device_conf *conf,
                char error[DATA_ERROR_MAX])
{
    int r;

    *c = (struct client){.loop = loop, .options = *options};
    device_init(&c->device, loop, conf, c->options.os_release, on_said, c);
    c->timer_at = UINT64_MAX;
    c->scratch = (struct ag_buf) AG_BUF_SECRET_INIT;
    c->log = (struct ag_log_gate){.burst = 5, .period_ms = 10000};
    client_init_commands(c, random_id());
    init_reports(c);
    client_init_local(c);
    phones_init(&c->phones, loop, conf->did, options->lan_stamp_window_s, &client_phones_host, c);
    client_init_setup(c);
    init_clouds(c, options->cloud);
    uv_timer_init(loop, &c->timer);
    uv_prepare_init(loop, &c->prepare);
    uv_prepare_start(&c->prepare, on_prepare);
    c->timer.data = c->prepare.data = c;
    c->n_open = 2;
    if (net_info_open(&c->net, loop, on_net_closed, c) == 0)
        c->n_open++;
    r = client_open_access(c, error);
    if (r == 0)
        r = open_reports(c, error);
    if (r == 0)
        r = client_open_local(c, error);
    if (r == 0)
        r = open_lan(c, error);
    if (r == 0)
        r = client_open_channels(c, error);
    if (r == 0)
        r = client_boot(c, error);
    return r;
}

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
    command_refuse_all(&c->commands);
    reports_close(&c->reports);
    setup_link_close(&c->setup);
    c->closing = true;
    c->n_open += cloud_links_n_open(&c->clouds);
    cloud_links_close(&c->clouds);
    local_server_close(c->local);
    mqtt_api_close(c->mqtt_api);
    phones_close(&c->phones);
    ble_port_close(&c->ble);
    net_info_close(c->net);
    c->net = NULL;
    uv_close((uv_handle_t *) &c->timer, on_handle_closed);
    uv_close((uv_handle_t *) &c->prepare, on_handle_closed);
}

void client_deinit(struct client *c)
{
    command_table_deinit(&c->commands);
    reports_deinit(&c->reports);
    phones_deinit(&c->phones);
    setup_link_deinit(&c->setup);
    local_access_close(&c->gate.access);
    ag_buf_deinit(&c->scratch);
    device_deinit(&c->device);
}

/* One timeout for all that is open: what was begun under the old one keeps its deadline. */
void client_reload(struct client *c, const struct client_options *fresh)
{
    c->commands.timeout_ms = fresh->command_timeout_ms;
    c->commands.grace_ms = fresh->command_grace_ms;
    c->reports.uplink.timeout_ms = fresh->request_timeout_ms;
    c->phones.lan.stamp_window_s = fresh->lan_stamp_window_s;
    c->options.tells_origin = fresh->tells_origin;
    client_set_memory_limit(c, fresh->memory_limit);
    local_access_reload(&c->gate.access, fresh->access_file);
    setup_link_reload(&c->setup, fresh->join_tries, fresh->join_pause_ms);
    device_read_version(&c->device);
    cloud_links_reload(&c->clouds);
}
