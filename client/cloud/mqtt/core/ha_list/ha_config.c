/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/core/ha_list/ha_config.h"

#include <stdio.h>
#include "client/cloud/mqtt/core/ha/ha_choice.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/json/json_out.h"

/* Nothing when it is absent. */
static void put_raw(struct ag_json_out *o, const char *key, struct ag_span value)
{
    if (!value.p)
        return;
    ag_json_out_name(o, key);
    ag_json_out_value(o);
    ag_json_out_done(o, ag_json_append_compact(o->buf, value));
}

/* A string that was built in a buffer of its own; r: how that went. */
static void put_built(struct ag_json_out *o, const char *key, const struct ag_buf *text, int r)
{
    ag_json_out_done(o, r);
    ag_json_out_name(o, key);
    ag_json_out_text(o, ag_buf_span(text));
}

/* A JSON value as the text that a template engine makes of it. */
static int append_as_text(struct ag_buf *out, struct ag_span value)
{
    if (ag_json_type(value) == AG_JSON_STRING)
        return ag_json_append_text(out, value);
    if (ag_json_type(value) == AG_JSON_TRUE)
        return ag_buf_append_str(out, "True");
    if (ag_json_type(value) == AG_JSON_FALSE)
        return ag_buf_append_str(out, "False");
    return ag_buf_append_span(out, value);
}

/* The command that carries value (JSON, or a template) to the device. */
static int append_command(struct ag_buf *out, const struct ha_property *p, struct ag_span value)
{
    int r;

    r = ag_buf_append_str(out, "{\"method\":");
    for (size_t i = 0; r == 0 && i < p->set.len; i++) /* so that no brace begins a template expression */
        r = p->set.p[i] == '{' ? ag_buf_append_str(out, "\\u007b") : ag_buf_append_char(out, p->set.p[i]);
    return r == 0 ? ag_buf_printf(out, ",\"params\":[%.*s]}", (int) value.len, value.p) : r;
}

static void put_command(struct ag_json_out *o, const struct ha_property *p, const char *key, struct ag_span value)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf command = AG_BUF_INIT;

    put_built(o, key, &command, append_command(&command, p, value));
}

static void put_state_text(struct ag_json_out *o, const char *key, struct ag_span value)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    put_built(o, key, &text, append_as_text(&text, value));
}

static void put_switch(struct ag_json_out *o, const struct ha_property *p)
{
    bool binary = p->component == C_BINARY_SENSOR;

    put_state_text(o, binary ? "payload_on" : "state_on", p->on);
    put_state_text(o, binary ? "payload_off" : "state_off", p->off);
    if (!binary) {
        put_command(o, p, "payload_on", p->on);
        put_command(o, p, "payload_off", p->off);
    }
}

static void put_options(struct ag_json_out *o, const struct ha_choices *c)
{
    ag_json_out_name_open(o, "options", '[');
    for (unsigned i = 0; i < c->n; i++)
        ag_json_out_text(o, ag_buf_span(&c->all[i].text));
    ag_json_out_close(o, ']');
}

/* The text that stands for the value; of a value that is not in the list: none. */
static void put_choice_template(struct ag_json_out *o, const struct ha_property *p, const struct ha_choices *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf t = AG_BUF_INIT;
    int r = ag_buf_printf(&t, "{%% set v = value_json['%s'] %%}{{ '' if v is not defined else ", p->key);

    if (r == 0)
        r = ha_choices_map(c, &t, false);
    if (r == 0)
        r = ag_buf_append_str(&t, ".get(v, 'None') if v is string or v is number else 'None' }}");
    put_built(o, "value_template", &t, r);
}

static void put_choice_command(struct ag_json_out *o, const struct ha_property *p, const struct ha_choices *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf value = AG_BUF_INIT;
    int r = ag_buf_append_str(&value, "{{ ");

    if (r == 0)
        r = ha_choices_map(c, &value, true);
    if (r == 0)
        r = ag_buf_append_str(&value, "[value] | tojson }}");
    ag_json_out_done(o, r);
    put_command(o, p, "command_template", ag_buf_span(&value));
}

static void put_select(struct ag_json_out *o, const struct ha_property *p)
{
    ag_cleanup(ha_choices_deinit) struct ha_choices c = {.n = 0};

    ag_json_out_done(o, ha_choices_read(&c, p->options));
    put_options(o, &c);
    put_choice_template(o, p, &c);
    put_choice_command(o, p, &c);
}

static void put_bounded(struct ag_json_out *o, const struct ha_property *p)
{
    put_raw(o, "min", p->min);
    put_raw(o, "max", p->max);
    put_raw(o, "step", p->step);
    /* Home Assistant's own filter writes its value as JSON: quotes, backslashes and line ends are safe */
    put_command(o, p, "command_template", AG_SPAN("{{ value | tojson }}"));
}

/* A select brings its own. */
static void put_value_template(struct ag_json_out *o, const struct ha_property *p)
{
    char text[HA_KEY_MAX + 32];

    if (p->component == C_SELECT)
        return;
    snprintf(text, sizeof text, "{{ value_json['%s'] }}", p->key);
    ag_json_out_name_str(o, "value_template", text);
}

/* As the list says, or the device's own. */
static void put_of_device(struct ag_json_out *o, const char *key, struct ag_span said, const char *own)
{
    if (said.p)
        put_raw(o, key, said);
    else
        ag_json_out_name_str(o, key, own);
}

static void put_device(struct ag_json_out *o, const struct ha_device *d, const struct ha_of_device *said)
{
    ag_json_out_name_open(o, "device", '{');
    ag_json_out_name_open(o, "identifiers", '[');
    ag_json_out_printf(o, "\"miio_%s\"", d->did);
    ag_json_out_close(o, ']');
    put_of_device(o, "name", said->name, d->model);
    put_of_device(o, "manufacturer", said->manufacturer, d->vendor);
    put_of_device(o, "model", said->model, d->model);
    ag_json_out_close(o, '}');
}

/* Home Assistant's own, unchanged. */
static void put_passed(struct ag_json_out *o, const struct ha_property *p)
{
    const char *name;

    for (size_t i = 0; (name = ha_member_passed(i)) != NULL; i++)
        put_raw(o, name, ag_json_get(p->object, name));
}

static void put_component(struct ag_json_out *o, const struct ha_property *p)
{
    switch (p->component) {
    case C_SWITCH:
    case C_BINARY_SENSOR:
        put_switch(o, p);
        break;
    case C_NUMBER:
    case C_TEXT:
        put_bounded(o, p);
        break;
    case C_SELECT:
        put_select(o, p);
        break;
    default:
        break;
    }
}

int ha_config_build(struct ag_buf *out, const struct ha_device *d, const struct ha_of_device *of_device,
                    const struct ha_property *p, struct ag_span name)
{
    struct ag_json_out o = ag_json_out_begin(out);

    ag_json_out_open(&o, '{');
    ag_json_out_name(&o, "name");
    ag_json_out_text(&o, name);
    ag_json_out_name(&o, "unique_id");
    ag_json_out_printf(&o, "\"miio_%s_%s\"", d->did, p->slug);
    ag_json_out_name(&o, "default_entity_id");
    ag_json_out_printf(&o, "\"%s.miio_%s_%s\"", ha_component_name(p->component), d->did, p->slug);
    ag_json_out_name_u64(&o, "qos", 1);
    ag_json_out_name_str(&o, "state_topic", d->state_topic);
    put_value_template(&o, p);
    if (!ha_component_is_shown(p->component))
        ag_json_out_name_str(&o, "command_topic", d->command_topic);
    put_component(&o, p);
    put_raw(&o, "unit_of_measurement", p->unit);
    put_raw(&o, "device_class", p->device_class);
    put_passed(&o, p);
    ag_json_out_name_str(&o, "availability_topic", d->status_topic);
    ag_json_out_name_str(&o, "payload_available", "online");
    ag_json_out_name_str(&o, "payload_not_available", "offline");
    put_device(&o, d, of_device);
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}
