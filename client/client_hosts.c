/* SPDX-License-Identifier: MIT */
/* The wiring: what each part asks of the others, passed on. */
#include "client/client.h"

#include "libagent/core/codes.h"

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

unsigned client_name_clouds(const struct cloud_list *list, struct route_cloud out[CLOUDS_MAX])
{
    for (unsigned i = 0; i < list->n; i++)
        out[i] = (struct route_cloud){list->ops[i]->name, list->ops[i]->place};
    return list->n;
}

static int cloud_list(void *user, const struct cloud_list *list, const struct device_conf *fresh)
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

/* ---- of reports ---- */

_Static_assert((int) CLOUDS_MAX <= (int) ROUTE_PLACES, "a lane for each cloud");

static bool report_takes(void *user, unsigned place)
{
    const struct client *c = user;

    return cloud_links_takes(&c->clouds, place);
}

static int report_give(void *user, unsigned place, uint32_t id, struct ag_span text, uint32_t at_s, bool repeat)
{
    struct client *c = user;

    return cloud_links_report(&c->clouds, place, id, text, at_s, repeat);
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

static void report_reply(void *user, unsigned peer, struct ag_span text)
{
    client_send_peer(user, peer, text);
}

const struct reports_host client_reports_host = {report_takes,   report_give,  report_has_room,
                                                 report_carries, report_reply, part_closed};
