#include "client/client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include "client/lan/io/udp_owner.h"
#include "client/local/core/tell_origin.h"
#include "client/trace.h"
#include "libagent/core/codes.h"
#include "libagent/core/log/log.h"

enum { MEMORY_LIMIT = 16 << 20 };

/* ---- deadlines ---- */

static void on_timer(uv_timer_t *t)
{
    struct client *c = t->data;
    uint64_t now_ms = uv_now(c->loop);

    c->timer_at = 0;
    command_expire(&c->commands, now_ms);
    uplink_expire(&c->uplink, now_ms);
    report_path_expire(&c->reports, now_ms);
    lan_expire(&c->lan, now_ms);
    setup_link_tick(&c->setup, now_ms);
    local_gate_tick(&c->gate, now_ms);
}

/* Once in each turn of the loop, whatever has happened in it. */
static void on_prepare(uv_prepare_t *p)
{
    struct client *c = p->data;
    uint64_t at = command_next_deadline(&c->commands), now_ms = uv_now(c->loop);
    uint64_t others[] = {uplink_next_deadline(&c->uplink), lan_next_deadline(&c->lan),
                         setup_link_next_deadline(&c->setup), local_gate_next_deadline(&c->gate),
                         report_path_next_deadline(&c->reports)};

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

/* ---- to the applications ---- */

void client_send_peer(struct client *c, unsigned peer, struct ag_span text)
{
    client_trace_to((struct origin){.kind = ORIGIN_LOCAL, .token = peer}, text, NULL);
    if (peer == CLIENT_MQTT_PEER && c->mqtt_api)
        mqtt_api_send(c->mqtt_api, text);
    else if (peer != CLIENT_MQTT_PEER && c->local)
        local_server_send(c->local, peer, text);
}

static void send_to_peers(struct client *c, uint64_t peers, struct ag_span text)
{
    for (unsigned i = 0; i <= CLIENT_MQTT_PEER; i++) {
        if (peers & (UINT64_C(1) << i))
            client_send_peer(c, i, text);
    }
}

void client_broadcast(struct client *c, struct ag_span text)
{
    send_to_peers(c, local_gate_servers(&c->gate, c->commands.peers, text), text);
}

static void tell_status(struct client *c, uint64_t peers, const char *word)
{
    char text[96];
    int n = snprintf(text, sizeof text, "{\"method\":\"local.status\",\"params\":\"%s\"}", word);

    peers = local_gate_servers(&c->gate, peers, (struct ag_span){text, (size_t) n});
    send_to_peers(c, peers, (struct ag_span){text, (size_t) n});
}

static void on_said(void *user, const char *word)
{
    struct client *c = user;

    tell_status(c, c->commands.peers, word);
}

static void on_command_send(void *user, uint64_t peers, struct ag_span text)
{
    send_to_peers(user, peers, text);
}

static void answer_origin(struct client *c, struct origin to, struct ag_span text, const struct ag_json_view *view);

static void on_command_done(void *user, struct origin to, unsigned tag, enum command_end end, struct ag_span text,
                            const struct ag_json_view *view)
{
    struct client *c = user;

    if ((end == COMMAND_NOT_MINE || end == COMMAND_NOBODY) && client_serve_fallback(c, to, tag))
        return;
    answer_origin(c, to, text, view);
}

static uint64_t on_command_servers(void *user, uint64_t peers, struct ag_span text)
{
    const struct client *c = user;

    return local_gate_servers(&c->gate, peers, text);
}

static const struct command_sink command_sink = {on_command_send, on_command_done, on_command_servers};

/* ---- to whoever gave a command ---- */

static void answer_cloud(struct client *c, struct origin to, struct ag_span text)
{
    int r = cloud_links_answer(c, to, text);
    char left_out[AG_LOG_HELD_MAX];
    unsigned held;

    if (r == 0)
        return;
    c->stats.answers_lost++;
    if (ag_log_gate_pass(&c->log, uv_now(c->loop), &held))
        ag_log(AG_LOG_WARNING, "an answer to the cloud is lost: %s%s", strerror(-r), ag_log_held(held, left_out));
}

static void answer_origin(struct client *c, struct origin to, struct ag_span text, const struct ag_json_view *view)
{
    if (to.kind != ORIGIN_LOCAL)
        client_trace_to(to, text, view);
    switch (to.kind) {
    case ORIGIN_CLOUD:
        answer_cloud(c, to, text);
        break;
    case ORIGIN_LAN:
        lan_answer(&c->lan, to.token, text, view, uv_now(c->loop), device_unix_time());
        break;
    case ORIGIN_BLE:
        if (c->ble_socket)
            lan_socket_send(c->ble_socket, &c->ble_asker, text);
        break;
    case ORIGIN_LOCAL:
        client_send_peer(c, (unsigned) to.token, text);
        break;
    case ORIGIN_CLIENT:
    case ORIGIN_N_KINDS:
        break;
    }
}

void client_answer(struct client *c, struct origin to, struct ag_span text)
{
    answer_origin(c, to, text, NULL);
}

void client_answer_own(struct client *c, struct origin to, struct ag_span text)
{
    if (to.kind != ORIGIN_LAN) {
        answer_origin(c, to, text, NULL);
        return;
    }
    client_trace_to(to, text, NULL);
    lan_answer_as_it_is(&c->lan, to.token, text, uv_now(c->loop), device_unix_time());
}

void client_refuse(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view, int code,
                   const char *why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

    if (local_cmd_put_error(&out, ag_view_raw(view, text.p, AG_M_ID), code, why) == 0)
        client_answer(c, from, ag_buf_span(&out));
}

/* true: the text has been refused for its form. An id that stands twice or is too long is not told back. */
static bool refuse_form(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view,
                        bool wants_answer)
{
    static const struct ag_json_view nothing;
    const char *why = command_check_form(view);
    char left_out[AG_LOG_HELD_MAX];
    unsigned held;

    if (!why)
        return false;
    c->stats.bad_form++;
    if (ag_log_gate_pass(&c->log, uv_now(c->loop), &held))
        ag_log(AG_LOG_DEBUG, "a message is refused: %s%s", why, ag_log_held(held, left_out));
    if (wants_answer)
        client_refuse(c, from, text, command_id_is_good(view) ? view : &nothing, -32600, why);
    return true;
}

#define OUT_OF_MEMORY AG_SPAN("{\"error\":{\"code\":-32000,\"message\":\"out of memory\"}}")

static void give_told(struct client *c, struct origin from, unsigned tag, struct ag_span text,
                      const struct ag_json_view *view, bool wants_answer)
{
    struct origin_told told;
    int r = tell_origin(&told, text, from.kind);

    if (r == 0) {
        r = command_start(&c->commands, from, tag, told.text, &told.view, wants_answer, uv_now(c->loop));
        origin_told_deinit(&told);
    }
    c->stats.bad_form += r == TELL_ORIGIN_E_SAID;
    if (wants_answer && r == TELL_ORIGIN_E_SAID)
        client_refuse(c, from, text, view, -32600, "_origin is for the device to say");
    else if (wants_answer && r < 0)
        client_answer(c, from, OUT_OF_MEMORY);
}

void client_command(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view,
                    bool wants_answer)
{
    unsigned tag;

    client_trace_from(from, text, view);
    if (refuse_form(c, from, text, view, wants_answer))
        return;
    if (client_serve(c, from, text, view, &tag))
        return;
    if (c->options.tells_origin)
        give_told(c, from, tag, text, view, wants_answer);
    else if (command_start(&c->commands, from, tag, text, view, wants_answer, uv_now(c->loop)) < 0 && wants_answer)
        client_answer(c, from, OUT_OF_MEMORY);
}

/* ---- from the applications ---- */

static int on_uplink_report(void *user, uint32_t id, struct ag_span text, bool repeat)
{
    struct client *c = user;

    client_trace_to((struct origin){.kind = ORIGIN_CLOUD, .token = 0}, text, NULL);
    return report_path_report(&c->reports, id, text, repeat);
}

static void on_uplink_reply(void *user, unsigned peer, struct ag_span text)
{
    struct client *c = user;

    client_send_peer(c, peer, text);
}

static bool on_uplink_taken(void *user, uint32_t id)
{
    const struct client *c = user;

    return report_path_has(&c->reports, id);
}

static unsigned on_uplink_lane(void *user, struct ag_span text, const struct ag_json_view *view)
{
    const struct client *c = user;
    struct ag_span method = {"", 0};
    char name[256];

    ag_view_str(view, text.p, AG_M_METHOD, name, sizeof name, &method);
    return report_path_route(&c->reports, method).first;
}

static const struct uplink_sink uplink_sink = {.report = on_uplink_report,
                                               .reply = on_uplink_reply,
                                               .taken = on_uplink_taken,
                                               .lane = on_uplink_lane};

static const struct local_who *on_gate_who(void *user, unsigned peer)
{
    const struct client *c = user;

    return c->local ? local_server_who(c->local, peer) : NULL;
}

static bool on_gate_ble_sender(void *user, uint32_t *uid_out)
{
    const struct client *c = user;

    return udp_owner_find(&c->ble_asker, uid_out);
}

static void on_gate_not_helper(void *user, unsigned peer)
{
    struct client *c = user;

    setup_link_peer_gone(&c->setup, peer);
}

static const struct local_gate_host gate_host = {on_gate_who, on_gate_ble_sender, on_gate_not_helper};

static void on_local_identify(void *user, int fd, struct local_who *out)
{
    struct client *c = user;

    local_access_identify(&c->gate.access, fd, out);
}

static void on_local_joined(void *user, unsigned peer)
{
    struct client *c = user;

    ag_log(AG_LOG_DEBUG, "local peer %u connected", peer);
    local_gate_joined(&c->gate, peer, uv_now(c->loop));
}

/* The last of them has gone; the MQTT channels are there although nobody may listen on them. */
static bool was_last(const struct client *c, unsigned peer)
{
    uint64_t bit = UINT64_C(1) << peer, channels = UINT64_C(1) << CLIENT_MQTT_PEER;

    return (c->commands.peers & bit) && (c->commands.peers & ~bit & ~channels) == 0;
}

static void on_local_left(void *user, unsigned peer)
{
    struct client *c = user;
    bool last = was_last(c, peer);

    ag_log(AG_LOG_DEBUG, "local peer %u gone", peer);
    local_gate_left(&c->gate, peer);
    cloud_link_forget_peer(c, peer);
    setup_link_peer_gone(&c->setup, peer);
    command_peer_removed(&c->commands, peer, uv_now(c->loop));
    uplink_peer_removed(&c->uplink, peer);
    if (last)
        command_expect_peers(&c->commands, uv_now(c->loop));
}

static bool refuse_access(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view)
{
    if (local_gate_passes(&c->gate, from, text, view, uv_now(c->loop)))
        return false;
    if (ag_view_has(view, AG_M_ID))
        client_refuse(c, from, text, view, AG_CODE_NOT_PERMITTED, "not permitted");
    return true;
}

static void refuse_memory(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view)
{
    if (ag_view_has(view, AG_M_ID))
        client_refuse(c, from, text, view, AG_CODE_BUSY, "out of memory");
    else
        c->stats.reports_silent++;
}

static void on_local_text(void *user, unsigned peer, struct ag_span text, const struct ag_json_view *view)
{
    struct client *c = user;
    struct origin from = {.kind = ORIGIN_LOCAL, .token = peer};
    unsigned tag;

    client_trace_from(from, text, view);
    if (!ag_view_has(view, AG_M_METHOD) && command_id_is_good(view))
        command_answer(&c->commands, peer, text, view);
    else if (!refuse_form(c, from, text, view, true) && !refuse_access(c, from, text, view) && !client_serve(c, from, text, view, &tag) &&
             !cloud_link_offer(c, peer, text, view) &&
             uplink_submit(&c->uplink, peer, text, view, uv_now(c->loop)) < 0)
        refuse_memory(c, from, text, view);
}

void client_part_closed(struct client *c)
{
    if (--c->n_open == 0)
        c->on_closed(c->user);
}

static void on_local_closed(void *user)
{
    struct client *c = user;

    c->local = NULL;
    client_part_closed(c);
}

/* The uplink's texts count twice, as the cloud may have a copy of each; three sixteenths of all are for what has just
   come from clouds and phones. */
static size_t on_held_elsewhere(void *user)
{
    const struct client *c = user;

    return 2 * c->uplink.bytes + c->commands.kept_bytes + c->options.memory_limit / 16 * 3;
}

static const struct local_server_events local_events = {on_local_joined,   on_local_left,
                                                        on_local_text,     on_local_closed,
                                                        on_local_identify, on_held_elsewhere};

/* ---- the MQTT API: one more local peer ---- */

/* Nobody asks on the channels when they come: whoever listens hears the last word, said before or not. */
static void on_mqtt_joined(void *user)
{
    struct client *c = user;

    on_local_joined(c, CLIENT_MQTT_PEER);
    if (c->device.last_word)
        tell_status(c, UINT64_C(1) << CLIENT_MQTT_PEER, c->device.last_word);
}

static void on_mqtt_left(void *user)
{
    on_local_left(user, CLIENT_MQTT_PEER);
}

static void on_mqtt_text(void *user, struct ag_span text, const struct ag_json_view *view)
{
    on_local_text(user, CLIENT_MQTT_PEER, text, view);
}

static void on_mqtt_closed(void *user)
{
    struct client *c = user;

    c->mqtt_api = NULL;
    client_part_closed(c);
}

static const struct mqtt_api_events mqtt_api_events = {on_mqtt_joined, on_mqtt_left, on_mqtt_text, on_mqtt_closed};

static int open_mqtt_api(struct client *c, char error[DATA_ERROR_MAX])
{
    const struct endpoint *broker = &c->options.mqtt_api;
    int r = broker->port ? mqtt_api_open(&c->mqtt_api, c->loop, broker, c->device.conf->did, &mqtt_api_events, c) : 0;

    c->n_open += c->mqtt_api != NULL;
    if (r < 0)
        snprintf(error, DATA_ERROR_MAX, "MQTT API at %s: %s", broker->host, strerror(-r));
    return r;
}

/* ---- LAN and Bluetooth helper ---- */

static void on_lan_send(void *user, const struct lan_addr *to, struct ag_span datagram)
{
    struct client *c = user;

    if (c->lan_socket)
        lan_socket_send(c->lan_socket, to, datagram);
}

static void on_lan_command(void *user, uint64_t handle, struct ag_span text, const struct ag_json_view *view,
                           bool wants_answer)
{
    client_command(user, (struct origin){.kind = ORIGIN_LAN, .token = handle}, text, view, wants_answer);
}

static const struct lan_sink lan_sink = {on_lan_send, on_lan_command};

static void on_lan_datagram(void *user, const struct lan_addr *from, struct ag_span datagram)
{
    struct client *c = user;

    if (ag_log_enabled(AG_LOG_DEBUG)) {
        struct lan_stats before = c->lan.stats;

        lan_receive(&c->lan, from, datagram, uv_now(c->loop), device_unix_time());
        client_trace_lan(from, &before, &c->lan.stats);
    } else {
        lan_receive(&c->lan, from, datagram, uv_now(c->loop), device_unix_time());
    }
}

static void on_lan_closed(void *user)
{
    struct client *c = user;

    c->lan_socket = NULL;
    client_part_closed(c);
}

static const struct lan_socket_events lan_events = {on_lan_datagram, on_lan_closed};

/* Bluetooth provisioning: the helper that speaks Bluetooth sends the phone's JSON in one datagram, from loopback. */
static void on_ble_datagram(void *user, const struct lan_addr *from, struct ag_span datagram)
{
    struct client *c = user;
    struct ag_json_view view;
    unsigned tag;

    c->ble_asker = *from;
    if (ag_json_parse(&datagram, 16, &view) != 0 || command_check_form(&view)) {
        c->stats.bad_form++;
        client_answer(c, (struct origin){.kind = ORIGIN_BLE, .token = 0},
                      AG_SPAN("{\"id\":null,\"error\":{\"code\":-32700,\"message\":\"not a JSON command\"}}"));
        return;
    }
    if (!refuse_access(c, (struct origin){.kind = ORIGIN_BLE, .token = 0}, datagram, &view) &&
        !client_serve(c, (struct origin){.kind = ORIGIN_BLE, .token = 0}, datagram, &view, &tag))
        client_refuse(c, (struct origin){.kind = ORIGIN_BLE, .token = 0}, datagram, &view, AG_CODE_NOT_FOUND, "Method not found.");
}

static void on_ble_closed(void *user)
{
    struct client *c = user;

    c->ble_socket = NULL;
    client_part_closed(c);
}

static const struct lan_socket_events ble_events = {on_ble_datagram, on_ble_closed};

/* ---- start and end ---- */

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

static int open_failed(char error[DATA_ERROR_MAX], const char *what, const struct ag_addr *at, int r)
{
    char text[AG_ADDR_TEXT_MAX];

    snprintf(error, DATA_ERROR_MAX, "%s %s: %s", what, ag_addr_format(at, text), strerror(-r));
    return r;
}

/* One total for all peers; who sends up may take a quarter of it, so that there is room for answers. */
static void set_memory_limit(struct client *c, size_t limit)
{
    if (limit == 0)
        limit = MEMORY_LIMIT;
    c->options.memory_limit = limit;
    c->uplink.max_bytes = limit / 4;
    c->commands.max_kept_bytes = limit / 16;
    if (c->local)
        local_server_set_max_bytes(c->local, limit);
}

static int open_sockets(struct client *c, char error[DATA_ERROR_MAX])
{
    const struct client_options *o = &c->options;
    int r = local_server_open(&c->local, c->loop, &o->local, &local_events, c, &c->local_bound);

    c->n_open += c->local != NULL;
    if (r < 0)
        return open_failed(error, "local socket", &o->local, r);
    set_memory_limit(c, o->memory_limit);
    if (o->lan.kind == AG_ADDR_INET) {
        r = lan_socket_open(&c->lan_socket, c->loop, &o->lan, &lan_events, c, &c->lan_bound);
        c->n_open += c->lan_socket != NULL;
        if (r < 0)
            return open_failed(error, "LAN socket", &o->lan, r);
    }
    if (o->ble.kind == AG_ADDR_INET) {
        r = lan_socket_open(&c->ble_socket, c->loop, &o->ble, &ble_events, c, &c->ble_bound);
        c->n_open += c->ble_socket != NULL;
        if (r < 0)
            return open_failed(error, "Bluetooth helper's socket", &o->ble, r);
    }
    return 0;
}

static int open_access(struct client *c, char error[DATA_ERROR_MAX])
{
    char why[AG_INI_ERROR_MAX] = "";
    int r = local_access_open(&c->gate.access, c->options.access_file, why);

    c->gate.access.has_agent_user = c->options.has_agent_user;
    c->gate.access.agent_uid = c->options.agent_uid;
    if (r < 0)
        snprintf(error, DATA_ERROR_MAX, "%s", why);
    return r;
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
    command_table_init(&c->commands, &command_sink, c, random_id());
    uplink_init(&c->uplink, &uplink_sink, c, random_id());
    lan_init(&c->lan, &lan_sink, c, conf->did);
    c->commands.timeout_ms = options->command_timeout_ms;
    c->commands.grace_ms = options->command_grace_ms;
    command_expect_peers(&c->commands, uv_now(loop));
    c->uplink.timeout_ms = options->request_timeout_ms;
    c->lan.stamp_window_s = options->lan_stamp_window_s;
    local_gate_init(&c->gate, &c->commands, options->external_helper, &gate_host, c);
    client_init_setup(c);
    cloud_links_init(c, options->cloud);
    uv_timer_init(loop, &c->timer);
    uv_prepare_init(loop, &c->prepare);
    uv_prepare_start(&c->prepare, on_prepare);
    c->timer.data = c->prepare.data = c;
    c->n_open = 2;
    if (net_info_open(&c->net, loop, on_net_closed, c) == 0)
        c->n_open++;
    r = open_access(c, error);
    if (r == 0)
        r = client_open_reports(c, error);
    if (r == 0)
        r = open_sockets(c, error);
    if (r == 0)
        r = open_mqtt_api(c, error);
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
    report_path_close(&c->reports);
    uplink_refuse_all(&c->uplink);
    setup_link_close(&c->setup);
    c->closing = true;
    cloud_links_close(c);
    local_server_close(c->local);
    mqtt_api_close(c->mqtt_api);
    lan_socket_close(c->lan_socket);
    lan_socket_close(c->ble_socket);
    net_info_close(c->net);
    c->net = NULL;
    uv_close((uv_handle_t *) &c->timer, on_handle_closed);
    uv_close((uv_handle_t *) &c->prepare, on_handle_closed);
}

void client_deinit(struct client *c)
{
    command_table_deinit(&c->commands);
    uplink_deinit(&c->uplink);
    report_path_deinit(&c->reports);
    lan_deinit(&c->lan);
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
    c->uplink.timeout_ms = fresh->request_timeout_ms;
    c->lan.stamp_window_s = fresh->lan_stamp_window_s;
    c->options.tells_origin = fresh->tells_origin;
    set_memory_limit(c, fresh->memory_limit);
    local_access_reload(&c->gate.access, fresh->access_file);
    setup_link_reload(&c->setup, fresh->join_tries, fresh->join_pause_ms);
    device_read_version(&c->device);
    cloud_links_reload(c);
}
