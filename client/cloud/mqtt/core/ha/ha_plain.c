/* SPDX-License-Identifier: MIT */
/* Components of one property, action or event, by format and access; and the firmware. */
#include <stdio.h>
#include <string.h>
#include "client/cloud/mqtt/core/ha/ha_part.h"
#include "libagent/model/core/number.h"

enum { TEXT_MAX = 255 }; /* characters of a state at Home Assistant */

/* A component of its own: "p2_3" and "a2_1"; a property's unique id is the one that earlier versions gave it: "2_3". */
static void head_of(struct ha_head *head, char kind, unsigned siid, unsigned iid, const char *platform)
{
    snprintf(head->key, sizeof head->key, "%c%u_%u", kind, siid, iid);
    memcpy(head->unique, head->key + (kind == 'p'), sizeof head->unique - 1);
    head->unique[sizeof head->unique - 1] = '\0';
    head->platform = platform;
}

/* ---- what is only shown ---- */

static void put_list_sensor(struct ha_part *h, const struct model_prop *p)
{
    ag_cleanup(ha_prop_choices_deinit) struct ha_prop_choices c;

    ha_prop_choices_read(h, p, &c);
    ha_put_texts(h, "options", &c.c);
    ha_put_choice_state(h, "state_topic", "value_template", p, &c.c);
}

static void put_unit(struct ha_part *h, const char *unit)
{
    if (*unit)
        ha_put_member(&h->out, "unit_of_measurement", unit);
}

static void put_number_sensor(struct ha_part *h, const struct model_prop *p, const char *unit, const struct ha_class *class)
{
    if (class->state_class)
        ha_put_member(&h->out, "state_class", class->state_class);
    put_unit(h, unit);
    if (p->format == MODEL_FLOAT && p->has_range && p->step > 0)
        ha_put(&h->out, ",\"suggested_display_precision\":%u", ha_decimals(p));
    ha_put_number_state(h, "state_topic", "value_template", p);
}

/* Any kind of value, cut to the length of a state. */
static void put_text_state(struct ha_part *h, const struct model_prop *p)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    ha_set(&t, h, p, "v");
    ha_put(&t, "{{ '' if v is not defined else v[:%d] if v is string else (v | tojson)[:%d] }}", TEXT_MAX, TEXT_MAX);
    ha_put_member(&h->out, "state_topic", h->d->state_topic);
    ha_put_text(&h->out, "value_template", &t);
}

static void put_sensor(struct ha_part *h, const struct model_prop *p, struct ha_head *head)
{
    const char *unit = ha_unit(model_str(h->m, p->unit));
    struct ha_class class = ha_class_of(ha_prop_name(h, p), unit);

    head->platform = "sensor";
    if (ha_is_list(p))
        head->device_class = "enum";
    else if (ha_is_number(p))
        head->device_class = class.device_class;
    ha_begin(h, head);
    if (ha_is_list(p))
        put_list_sensor(h, p);
    else if (ha_is_number(p))
        put_number_sensor(h, p, unit, &class);
    else
        put_text_state(h, p);
    ha_end(h, head);
}

static void put_binary_sensor(struct ha_part *h, const struct model_prop *p, struct ha_head *head)
{
    head->platform = "binary_sensor";
    head->device_class = ha_binary_class(ha_prop_name(h, p));
    ha_begin(h, head);
    ha_put_bool_state(h, "state_topic", "value_template", p, "ON", "OFF");
    ha_end(h, head);
}

/* ---- what can be set ---- */

static void put_switch(struct ha_part *h, const struct model_prop *p, struct ha_head *head)
{
    const struct model_service *s = &h->m->services[p->service];
    static const char *const names[] = {"outlet", "switch", NULL};

    head->platform = "switch";
    if (strcmp(ha_prop_name(h, p), "on") == 0 && ha_service_is(h, s, names)) {
        head->device_class = strcmp(model_str(h->m, s->name), "outlet") == 0 ? "outlet" : "switch";
        if (!h->has_main)
            head->name = NULL;
        h->has_main = true;
    }
    ha_begin(h, head);
    if (ha_readable(p))
        ha_put_bool_state(h, "state_topic", "value_template", p, "ON", "OFF");
    ha_put_bool_command(h, "command_topic", "command_template", p, "ON");
    ha_end(h, head);
}

static void put_select(struct ha_part *h, const struct model_prop *p, struct ha_head *head)
{
    ag_cleanup(ha_prop_choices_deinit) struct ha_prop_choices c;

    head->platform = "select";
    ha_begin(h, head);
    ha_prop_choices_read(h, p, &c);
    ha_put_texts(h, "options", &c.c);
    if (ha_readable(p))
        ha_put_choice_state(h, "state_topic", "value_template", p, &c.c);
    ha_put_choice_command(h, "command_topic", "command_template", p, &c.c);
    ha_end(h, head);
}

/* Home Assistant counts in doubles: what has more digits loses them at the ends. */
static void put_bounds(struct ha_part *h, const struct model_prop *p)
{
    char min[MODEL_NUMBER_TEXT], max[MODEL_NUMBER_TEXT], step[MODEL_NUMBER_TEXT];

    if (p->format == MODEL_FLOAT && !p->has_range) {
        ha_put(&h->out, ",\"min\":-1000000000,\"max\":1000000000,\"step\":0.001,\"mode\":\"box\"");
        return;
    }
    ag_model_number_write(p->min, p->scale, min);
    ag_model_number_write(p->max, p->scale, max);
    ag_model_number_write(p->step > 0 ? p->step : 1, p->step > 0 ? p->scale : 0, step);
    if (p->step > 0 && ag_model_number_double(p->step, p->scale) < 0.001)
        memcpy(step, "0.001", 6); /* the least that Home Assistant takes */
    ha_put(&h->out, ",\"min\":%s,\"max\":%s,\"step\":%s", min, max, step);
}

static void put_number(struct ha_part *h, const struct model_prop *p, struct ha_head *head)
{
    const char *unit = ha_unit(model_str(h->m, p->unit));
    struct ha_class class = ha_class_of(ha_prop_name(h, p), unit);

    head->platform = "number";
    head->device_class = class.device_class;
    ha_begin(h, head);
    put_unit(h, unit);
    put_bounds(h, p);
    if (ha_readable(p))
        ha_put_number_state(h, "state_topic", "value_template", p);
    ha_put_number_command(h, "command_topic", "command_template", p);
    ha_end(h, head);
}

static void put_text(struct ha_part *h, const struct model_prop *p, struct ha_head *head)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    head->platform = "text";
    ha_begin(h, head);
    ha_put(&h->out, ",\"max\":%u", p->max_len > 0 && p->max_len < TEXT_MAX ? p->max_len : TEXT_MAX);
    if (p->format == MODEL_HEX)
        ha_put_member(&h->out, "pattern", "^[0-9A-Fa-f]*$");
    if (ha_readable(p))
        put_text_state(h, p);
    ha_command(&t, h, p, "{{ value | tojson }}");
    ha_put_member(&h->out, "command_topic", h->d->command_topic);
    ha_put_text(&h->out, "command_template", &t);
    ha_end(h, head);
}

static void put_settable(struct ha_part *h, const struct model_prop *p, struct ha_head *head)
{
    if (p->format == MODEL_BOOL)
        put_switch(h, p, head);
    else if (ha_is_list(p))
        put_select(h, p, head);
    else if (p->format == MODEL_STRING || p->format == MODEL_HEX)
        put_text(h, p, head);
    else
        put_number(h, p, head);
}

/* A range of one value leaves nothing to set, and a value without a type has no form to set it with. */
static bool is_settable(const struct model_prop *p)
{
    if (!ha_writable(p) || p->format == MODEL_ANY)
        return false;
    return !ha_is_number(p) || ha_is_list(p) || p->min < p->max;
}

void ha_plain_prop(struct ha_part *h, const struct model_prop *p)
{
    const struct model_service *s = &h->m->services[p->service];
    bool settable = is_settable(p);
    char entity[80];
    struct ha_head head = {
        .name = ha_name_of_prop(&h->names, h->m, p),
        .entity = entity,
        .category = ha_category(model_str(h->m, s->name), ha_prop_name(h, p), settable),
    };

    if (!settable && !ha_readable(p))
        return; /* an argument or input only */
    head_of(&head, 'p', s->siid, p->iid, "");
    ha_entity_of(entity, sizeof entity, model_str(h->m, p->path), s->siid, p->iid);
    if (settable)
        put_settable(h, p, &head);
    else if (p->format == MODEL_BOOL)
        put_binary_sensor(h, p, &head);
    else
        put_sensor(h, p, &head);
}

/* ---- actions and events ---- */

/* An action that wants inputs has no button: Home Assistant would not ask for them. */
void ha_plain_action(struct ha_part *h, const struct model_call *a)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;
    const char *name = model_str(h->m, a->name);
    char entity[80];
    struct ha_head head = {.name = ha_name_of_action(&h->names, h->m, a), .entity = entity};

    if (a->n_in > 0)
        return;
    head_of(&head, 'a', model_call_siid(h->m, a), a->iid, "button");
    ha_entity_of(entity, sizeof entity, model_str(h->m, a->path), model_call_siid(h->m, a), a->iid);
    head.device_class = strcmp(name, "identify") == 0                                 ? "identify"
                        : strcmp(name, "reboot") == 0 || strcmp(name, "restart") == 0 ? "restart"
                                                                                      : NULL;
    ha_begin(h, &head);
    ha_action(&t, h, a);
    ha_put_member(&h->out, "command_topic", h->d->command_topic);
    ha_put_text(&h->out, "payload_press", &t);
    ha_end(h, &head);
}

static const char *event_class(const char *name)
{
    if (strstr(name, "doorbell"))
        return "doorbell";
    if (strstr(name, "click") || strstr(name, "press"))
        return "button";
    return strstr(name, "motion") ? "motion" : NULL;
}

/* The report topic is never retained; anything but this event renders nothing. Arguments have the names of their properties. */
void ha_plain_event(struct ha_part *h, const struct model_call *e)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;
    const char *name = model_str(h->m, e->name);
    char entity[80];
    struct ha_head head = {.name = ha_name_of_event(&h->names, h->m, e), .entity = entity, .device_class = event_class(name)};

    head_of(&head, 'e', model_call_siid(h->m, e), e->iid, "event");
    ha_entity_of(entity, sizeof entity, model_str(h->m, e->path), model_call_siid(h->m, e), e->iid);
    ha_begin(h, &head);
    ha_put_member(&h->out, "state_topic", h->d->report_topic);
    ha_put(&h->out, ",\"event_types\":[");
    if (h->out.r == 0)
        h->out.r = ag_buf_append_json_str(&h->out.b, name, strlen(name));
    ha_put(&h->out, "]");
    ha_put(
        &t,
        "{%% if value_json.method == 'event_occured' %%}{%% set p = value_json.params %%}{%% if p.siid == %u and p.eiid == %u %%}"
        "{{ {'event_type': ",
        model_call_siid(h->m, e), e->iid);
    ha_put_literal(&t, (struct ag_span){name, strlen(name)});
    ha_put(&t, ", 'arguments': p.arguments | default([])} | tojson }}{%% endif %%}{%% endif %%}");
    ha_put_text(&h->out, "value_template", &t);
    ha_end(h, &head);
}

/* ---- firmware ---- */

static const struct model_prop *revision(const struct ha_part *h)
{
    for (uint32_t i = 0; i < h->m->n_props && model_prop_siid(h->m, &h->m->props[i]) == 1; i++) {
        if (ha_readable(&h->m->props[i]) && strcmp(ha_prop_name(h, &h->m->props[i]), "firmware-revision") == 0)
            return &h->m->props[i];
    }
    return NULL;
}

/* Nothing here tells which version is the newest; the reports of miio_ota tell that one is being installed, and how far it is. */
void ha_firmware(struct ha_part *h)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;
    const struct model_prop *p = revision(h);
    struct ha_head head = {.platform = "update",
                           .key = "firmware",
                           .unique = "firmware",
                           .name = "Firmware",
                           .entity = "firmware",
                           .category = "diagnostic",
                           .device_class = "firmware"};

    if (!*h->d->fw_version && !p)
        return;
    ha_put(&t, "{%% set f = ");
    if (p)
        ha_value(&t, h, p);
    else
        ha_put(&t, "none");
    ha_put(&t, " %%}{%% set i = f if f is string else ");
    ha_put_literal(&t, (struct ag_span){h->d->fw_version, strlen(h->d->fw_version)});
    ha_put(
        &t,
        " %%}{%% set b = value_json.ota_state in ['downloading','downloaded','installing'] %%}{%% set n = value_json.ota_progress %%}"
        "{{ {'installed_version': i, 'latest_version': i, 'in_progress': b, 'update_percentage': n if b and n is number else none} "
        "| tojson if i else '' }}");
    ha_begin(h, &head);
    ha_put_member(&h->out, "state_topic", h->d->state_topic);
    ha_put_text(&h->out, "value_template", &t);
    ha_end(h, &head);
}
