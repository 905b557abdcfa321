/* SPDX-License-Identifier: MIT */
/* The wiring: passes on what each part asks of the others. */
#include "client/client_priv.h"

#include "libagent/core/deadline.h"

void client_part_closed(void *user)
{
    struct client *c = user;

    if (--c->n_open == 0)
        c->on_closed(c->user);
}

void client_said(void *user, const char *word)
{
    struct client *c = user;

    local_peers_say_word(&c->peers, word);
}

/* ---- of the intake ---- */

static int intake_answer_cloud(void *user, unsigned place, uint64_t token, struct ag_span text)
{
    struct client *c = user;

    return cloud_links_answer(&c->clouds, place, token, text);
}

static void intake_answer_phone(void *user, uint64_t token, struct ag_span text, const struct ag_json_view *view)
{
    struct client *c = user;

    phones_answer(&c->phones, token, text, view);
}

static void intake_answer_phone_own(void *user, uint64_t token, struct ag_span text)
{
    struct client *c = user;

    phones_answer_own(&c->phones, token, text);
}

static void intake_answer_ble(void *user, struct ag_span text)
{
    struct client *c = user;

    ble_port_answer(&c->ble, text);
}

static bool intake_offer(void *user, unsigned peer, struct ag_span text, const struct ag_json_view *view)
{
    struct client *c = user;

    return cloud_links_offer(&c->clouds, peer, text, view);
}

static int intake_submit(void *user, unsigned peer, struct ag_span text, const struct ag_json_view *view)
{
    struct client *c = user;

    return reports_submit(&c->reports, peer, text, view);
}

const struct intake_host client_intake_host = {.answer_cloud = intake_answer_cloud,
                                               .answer_phone = intake_answer_phone,
                                               .answer_phone_own = intake_answer_phone_own,
                                               .answer_ble = intake_answer_ble,
                                               .offer = intake_offer,
                                               .submit = intake_submit};

/* ---- of the methods that are served here ---- */

static void serve_work(void *user, struct serve_work *out)
{
    const struct client *c = user;

    out->busy = c->intake.commands.n_open > 0 || reports_is_busy(&c->reports) || setup_is_busy(&c->setup.machine);
    out->next_ms = ag_earlier(reports_next_deadline(&c->reports), setup_link_next_deadline(&c->setup));
}

static unsigned serve_cloud_wakeup_s(void *user, unsigned s)
{
    const struct client *c = user;

    return cloud_links_wakeup_s(&c->clouds, s);
}

static struct ag_span serve_told_info(void *user)
{
    const struct client *c = user;

    return ag_buf_span(&c->setup.info);
}

static void serve_joins(void *user, unsigned *joined_out, unsigned *failed_out)
{
    const struct client *c = user;

    *joined_out = c->setup.machine.n_joined;
    *failed_out = c->setup.machine.n_failed;
}

static int serve_put_status(void *user, struct ag_buf *out)
{
    const struct client *c = user;

    return status_put(&c->parts, out);
}

static int serve_put_counters(void *user, struct ag_buf *out)
{
    const struct client *c = user;

    return status_put_counters(&c->parts, out);
}

static int serve_put_cloud_words(void *user, struct ag_buf *out)
{
    const struct client *c = user;

    return cloud_links_put_words(&c->clouds, out);
}

static void serve_info_changed(void *user)
{
    struct client *c = user;

    cloud_links_info_changed(&c->clouds);
}

static int serve_trust_owner_only(void *user)
{
    struct client *c = user;

    return setup_link_trust_owner_only(&c->setup);
}

static int serve_set_zone(void *user, const char *zone)
{
    struct client *c = user;

    return setup_link_zone(&c->setup, zone);
}

static int serve_set_network(void *user, enum origin_kind from, const struct router_params *params)
{
    struct client *c = user;

    return setup_link_network(&c->setup, from, params);
}

static int serve_reboot(void *user)
{
    struct client *c = user;

    return setup_link_reboot(&c->setup);
}

static int serve_reset(void *user)
{
    struct client *c = user;

    return setup_link_reset(&c->setup);
}

static bool serve_helper_text(void *user, unsigned peer, struct ag_span method, struct ag_span text,
                              const struct ag_json_view *view)
{
    struct client *c = user;

    return setup_link_helper_text(&c->setup, peer, method, text, view);
}

const struct serve_host client_serve_host = {.work = serve_work,
                                             .cloud_wakeup_s = serve_cloud_wakeup_s,
                                             .told_info = serve_told_info,
                                             .joins = serve_joins,
                                             .put_status = serve_put_status,
                                             .put_counters = serve_put_counters,
                                             .put_cloud_words = serve_put_cloud_words,
                                             .info_changed = serve_info_changed,
                                             .trust_owner_only = serve_trust_owner_only,
                                             .set_zone = serve_set_zone,
                                             .set_network = serve_set_network,
                                             .reboot = serve_reboot,
                                             .reset = serve_reset,
                                             .helper_text = serve_helper_text};

/* ---- of the local peers ---- */

static void peers_text(void *user, unsigned peer, struct ag_span text, const struct ag_json_view *view)
{
    struct client *c = user;

    intake_local(&c->intake, peer, text, view);
}

static void peers_left(void *user, unsigned peer)
{
    struct client *c = user;

    cloud_links_forget_peer(&c->clouds, peer);
    setup_link_peer_gone(&c->setup, peer);
    reports_peer_removed(&c->reports, peer);
}

static void peers_not_helper(void *user, unsigned peer)
{
    struct client *c = user;

    setup_link_peer_gone(&c->setup, peer);
}

static bool peers_ble_sender(void *user, uint32_t *uid_out)
{
    const struct client *c = user;

    return ble_port_sender(&c->ble, uid_out);
}

/* What goes up counts twice, as the cloud may have a copy of each text; three sixteenths of the total are for what has just come
   from clouds and phones. */
static size_t peers_held_elsewhere(void *user)
{
    const struct client *c = user;

    return 2 * c->reports.uplink.bytes + c->intake.commands.kept_bytes + c->options.memory_limit / 16 * 3;
}

const struct local_peers_host client_peers_host = {.text = peers_text,
                                                   .left = peers_left,
                                                   .not_helper = peers_not_helper,
                                                   .ble_sender = peers_ble_sender,
                                                   .held_elsewhere = peers_held_elsewhere,
                                                   .closed = client_part_closed};

/* ---- of phones and the Bluetooth helper ---- */

static void phone_command(void *user, uint64_t token, struct ag_span text, const struct ag_json_view *view, bool wants_answer)
{
    struct client *c = user;

    intake_command(&c->intake, (struct origin){.kind = ORIGIN_LAN, .token = token}, text, view, wants_answer);
}

const struct phones_host client_phones_host = {phone_command, client_part_closed};

static void ble_text(void *user, struct ag_span text)
{
    struct client *c = user;

    intake_ble(&c->intake, text);
}

const struct ble_port_host client_ble_host = {ble_text, client_part_closed};

/* ---- of reports ---- */

_Static_assert((int) CLOUDS_MAX <= (int) ROUTE_PLACES, "a lane for each cloud");

static bool report_takes(void *user, unsigned place)
{
    const struct client *c = user;

    return cloud_links_takes(&c->clouds, place);
}

static int report_give(void *user, unsigned place, uint32_t id, struct ag_span text, const struct ag_json_view *view,
                       uint32_t at_s, bool repeat)
{
    struct client *c = user;

    return cloud_links_report(&c->clouds, place, id, text, view, at_s, repeat);
}

static bool report_has_room(void *user, unsigned place)
{
    const struct client *c = user;

    return cloud_links_has_room(&c->clouds, place);
}

static int report_carries(void *user, unsigned place, struct ag_span text)
{
    const struct client *c = user;

    return cloud_links_carries(&c->clouds, place, text);
}

static void send_peer(void *user, unsigned peer, struct ag_span text)
{
    struct client *c = user;

    local_peers_send(&c->peers, peer, text);
}

const struct reports_host client_reports_host = {.cloud_takes = report_takes,
                                                 .cloud_report = report_give,
                                                 .cloud_has_room = report_has_room,
                                                 .cloud_carries = report_carries,
                                                 .reply = send_peer,
                                                 .closed = client_part_closed};

/* ---- of the clouds ---- */

static void cloud_command(void *user, unsigned place, uint64_t token, struct ag_span text, const struct ag_json_view *view,
                          bool wants_answer)
{
    struct client *c = user;
    struct origin from = {.kind = ORIGIN_CLOUD, .token = token, .place = place};

    intake_command(&c->intake, from, text, view, wants_answer);
}

static void cloud_acked(void *user, unsigned place, uint32_t id, struct ag_span answer)
{
    struct client *c = user;

    reports_acked(&c->reports, place, id, answer);
}

static void cloud_failed(void *user, unsigned place, uint32_t id, bool retry, int code, const char *message)
{
    struct client *c = user;

    reports_failed(&c->reports, place, id, retry, code, message);
}

static void cloud_room(void *user, unsigned place)
{
    struct client *c = user;

    reports_pump(&c->reports, place);
}

static void cloud_lost(void *user, unsigned place)
{
    struct client *c = user;

    reports_lost(&c->reports, place);
}

static void cloud_gone(void *user, unsigned place)
{
    struct client *c = user;

    command_forget_origin(&c->intake.commands, (struct origin){.kind = ORIGIN_CLOUD, .place = place});
}

static void cloud_status(void *user, struct ag_span text)
{
    struct client *c = user;

    local_peers_broadcast(&c->peers, text);
}

static int cloud_device_info(void *user, struct ag_buf *out)
{
    struct client *c = user;

    return serve_put_info(&c->serve, out, true);
}

unsigned client_name_clouds(const struct cloud_list *list, struct route_cloud out[CLOUDS_MAX])
{
    for (unsigned i = 0; i < list->n; i++)
        out[i] = (struct route_cloud){list->ops[i]->name, list->ops[i]->place};
    return list->n;
}

static int cloud_take_list(void *user, const struct cloud_list *list, const struct device_conf *fresh)
{
    struct client *c = user;
    struct route_cloud names[CLOUDS_MAX];

    return reports_take_list(&c->reports, names, client_name_clouds(list, names), fresh);
}

const struct cloud_links_host client_clouds_host = {.command = cloud_command,
                                                    .acked = cloud_acked,
                                                    .failed = cloud_failed,
                                                    .room = cloud_room,
                                                    .lost = cloud_lost,
                                                    .gone = cloud_gone,
                                                    .answer = send_peer,
                                                    .status = cloud_status,
                                                    .device_info = cloud_device_info,
                                                    .list = cloud_take_list,
                                                    .closed = client_part_closed};

/* ---- of setup ---- */

static void setup_state(void *user, enum device_event ev)
{
    struct client *c = user;

    device_event(&c->device, ev);
}

static int setup_set_token(void *user, const char token[DEVICE_TOKEN_LEN + 1])
{
    struct client *c = user;
    int r = lan_set_token(&c->phones.lan, token);

    if (r < 0)
        return r;
    device_set_token(&c->device, token);
    return 0;
}

static void setup_owner_gone(void *user)
{
    struct client *c = user;

    lan_expire(&c->phones.lan, AG_NEVER);
}

static void setup_provisioned(void *user)
{
    struct client *c = user;

    c->phones.lan.reveal_token = setup_link_reveals_token(&c->setup);
}

static void setup_identity(void *user)
{
    struct client *c = user;

    c->phones.lan.did = c->device.conf->did;
    device_read_version(&c->device);
}

/* It may mean another server. */
static void setup_country(void *user)
{
    struct client *c = user;

    cloud_links_kick(&c->clouds);
}

static void setup_online(void *user)
{
    struct client *c = user;

    cloud_links_go_online(&c->clouds);
}

static void setup_cloud_stop(void *user)
{
    struct client *c = user;

    cloud_links_stop(&c->clouds);
}

static void setup_cloud_forget(void *user)
{
    struct client *c = user;

    cloud_links_forget(&c->clouds);
}

static int setup_forget_reports(void *user)
{
    struct client *c = user;

    return reports_forget(&c->reports);
}

static void setup_is_helper(void *user, unsigned peer)
{
    struct client *c = user;

    local_gate_is_helper(&c->peers.gate, peer);
}

const struct setup_host client_setup_host = {.state = setup_state,
                                             .set_token = setup_set_token,
                                             .owner_gone = setup_owner_gone,
                                             .provisioned = setup_provisioned,
                                             .identity = setup_identity,
                                             .country = setup_country,
                                             .online = setup_online,
                                             .cloud_stop = setup_cloud_stop,
                                             .cloud_forget = setup_cloud_forget,
                                             .forget_reports = setup_forget_reports,
                                             .send = send_peer,
                                             .is_helper = setup_is_helper};
