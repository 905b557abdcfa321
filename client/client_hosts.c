/* SPDX-License-Identifier: MIT */
/* The wiring: what each part asks of the others, passed on. */
#include "client/client.h"

#include <errno.h>
#include "libagent/core/codes.h"
#include "libagent/core/log/log.h"

static void part_closed(void *user)
{
    client_part_closed(user);
}

/* ---- of the clouds ---- */

static void cloud_command(void *user, unsigned place, uint64_t token, struct ag_span text, const struct ag_json_view *view,
                          bool wants_answer)
{
    struct origin from = {.kind = ORIGIN_CLOUD, .token = token, .place = place};

    client_command(user, from, text, view, wants_answer);
}

static void cloud_room(void *user, unsigned place)
{
    struct client *c = user;

    report_path_pump(&c->reports, place);
    uplink_pump(&c->uplink, place);
}

static void cloud_acked(void *user, unsigned place, uint32_t id, struct ag_span answer)
{
    struct client *c = user;

    if (!report_path_acked(&c->reports, place, id))
        uplink_acked(&c->uplink, place, id, answer);
    cloud_room(c, place);
}

static void cloud_failed(void *user, unsigned place, uint32_t id, bool retry, int code, const char *message)
{
    struct client *c = user;

    if (!report_path_failed(&c->reports, place, id, retry))
        uplink_failed(&c->uplink, place, id, code, message);
    cloud_room(c, place);
}

/* What is under way is kept first, then what waited. */
static void cloud_lost(void *user, unsigned place)
{
    struct client *c = user;

    report_path_lost(&c->reports, place);
    uplink_pump(&c->uplink, place);
    uplink_lost(&c->uplink, place);
}

static void cloud_gone(void *user, unsigned place)
{
    struct client *c = user;

    command_forget_origin(&c->commands, (struct origin){.kind = ORIGIN_CLOUD, .place = place});
}

static void cloud_answer(void *user, unsigned peer, struct ag_span text)
{
    client_send_peer(user, peer, text);
}

static void cloud_status(void *user, struct ag_span text)
{
    client_broadcast(user, text);
}

static int cloud_device_info(void *user, struct ag_buf *out)
{
    return client_device_info(user, out, true);
}

static unsigned name_clouds(const struct cloud_list *list, struct route_cloud out[CLOUDS_MAX])
{
    for (unsigned i = 0; i < list->n; i++)
        out[i] = (struct route_cloud){list->ops[i]->name, list->ops[i]->place};
    return list->n;
}

static int cloud_list(void *user, const struct cloud_list *list, const struct device_conf *fresh)
{
    struct client *c = user;
    struct route_cloud names[CLOUDS_MAX];
    struct route_table route;
    struct device_conf_error err;
    int r = route_table_make(&route, names, name_clouds(list, names), fresh, &err);

    if (r < 0) {
        ag_log(AG_LOG_ERROR, "the list of clouds is kept as it was: %s", r == -ENOMEM ? "out of memory" : err.why);
        return r;
    }
    report_path_take_route(&c->reports, &route);
    uplink_reroute(&c->uplink);
    if (list->n > 0 && !c->reports.spool)
        ag_log(AG_LOG_WARNING, "reports are kept from the next start on");
    return 0;
}

const struct cloud_links_host client_clouds_host = {.command = cloud_command,
                                                    .acked = cloud_acked,
                                                    .failed = cloud_failed,
                                                    .room = cloud_room,
                                                    .lost = cloud_lost,
                                                    .gone = cloud_gone,
                                                    .answer = cloud_answer,
                                                    .status = cloud_status,
                                                    .device_info = cloud_device_info,
                                                    .list = cloud_list,
                                                    .closed = part_closed};

/* ---- of phones and the Bluetooth helper ---- */

static void phone_command(void *user, uint64_t token, struct ag_span text, const struct ag_json_view *view, bool wants_answer)
{
    client_command(user, (struct origin){.kind = ORIGIN_LAN, .token = token}, text, view, wants_answer);
}

const struct phones_host client_phones_host = {phone_command, part_closed};

static void ble_text(void *user, struct ag_span text)
{
    struct client *c = user;
    struct origin from = {.kind = ORIGIN_BLE};
    struct ag_json_view view;
    unsigned tag;

    if (ag_json_parse(&text, 16, &view) != 0 || command_check_form(&view)) {
        c->stats.bad_form++;
        client_answer(c, from, AG_SPAN("{\"id\":null,\"error\":{\"code\":-32700,\"message\":\"not a JSON command\"}}"));
        return;
    }
    if (!client_refuse_access(c, from, text, &view) && !client_serve(c, from, text, &view, &tag))
        client_refuse(c, from, text, &view, AG_CODE_NOT_FOUND, "Method not found.");
}

const struct ble_port_host client_ble_host = {ble_text, part_closed};
