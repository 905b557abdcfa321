#include "client/cloud/mqtt/core/ha_discovery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "client/cloud/mqtt/core/ha_choice.h"
#include "libagent/core/json_iter.h"

enum { DEPTH_MAX = 16, NAME_MAX_LEN = 64 };

enum component { C_SWITCH, C_BINARY_SENSOR, C_NUMBER, C_SELECT, C_TEXT, C_SENSOR, N_COMPONENTS };

static const char *const component_names[N_COMPONENTS] = {"switch", "binary_sensor", "number",
                                                          "select", "text",          "sensor"};

/* One property, whatever list it came from. Spans lie in the list. */
struct entity {
    enum component component;
    char key[NAME_MAX_LEN + 1]; /* its member in the state */
    char slug[NAME_MAX_LEN + 1]; /* the same in [A-Za-z0-9_] */
    struct ag_span label; /* JSON string; absent or empty: the key stands for it */
    struct ag_span group; /* JSON string: what it belongs to, told when labels repeat; absent: nothing */
    struct ag_span unit, device_class, min, max, step;
    struct ag_span on, off; /* JSON values; absent: true and false (MIoT) or "on" and "off" */
    struct ag_span options; /* array of strings, or a MIoT value-list */
    struct ag_span set; /* JSON string: method; absent with MIoT */
    bool miot;
    uint64_t siid, piid;
};

/* How an entity is called. Collected before the first message is made: names that repeat are told apart. */
struct name {
    struct ag_buf base, full; /* the label; the label behind its group */
    char slug[NAME_MAX_LEN + 1];
};

struct builder {
    const struct ha_device *device;
    ha_config_fn fn; /* NULL: only check */
    void *user;
    const char *why;
    struct ag_span name, manufacturer, model; /* JSON strings; absent: the device's own */
    struct name *names;
    unsigned n_names, n; /* collected; the entities of this walk */
};

static int refuse(struct builder *b, const char *why)
{
    b->why = why;
    return -EINVAL;
}

/* ---- writing ---- */

static int put_text(struct ag_buf *out, const char *key, const char *text)
{
    int r = ag_buf_printf(out, "\"%s\":", key);

    if (r == 0)
        r = ag_buf_append_json_str(out, text, strlen(text));
    return r == 0 ? ag_buf_append_char(out, ',') : r;
}

static int put_raw(struct ag_buf *out, const char *key, struct ag_span value)
{
    int r;

    if (!value.p)
        return 0;
    r = ag_buf_printf(out, "\"%s\":", key);
    if (r == 0)
        r = ag_json_append_compact(out, value);
    return r == 0 ? ag_buf_append_char(out, ',') : r;
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
static int append_command(struct ag_buf *out, const struct builder *b, const struct entity *e,
                          struct ag_span value)
{
    int r;

    if (e->miot)
        return ag_buf_printf(
            out,
            "{\"method\":\"set_properties\",\"params\":[{\"did\":\"%s\",\"siid\":%llu,\"piid\":%llu,"
            "\"value\":%.*s}]}",
            b->device->did, (unsigned long long) e->siid, (unsigned long long) e->piid, (int) value.len,
            value.p);
    r = ag_buf_append_str(out, "{\"method\":");
    for (size_t i = 0; r == 0 && i < e->set.len; i++) /* no brace of it begins an expression of a template */
        r = e->set.p[i] == '{' ? ag_buf_append_str(out, "\\u007b") : ag_buf_append_char(out, e->set.p[i]);
    return r == 0 ? ag_buf_printf(out, ",\"params\":[%.*s]}", (int) value.len, value.p) : r;
}

static int put_command(struct ag_buf *out, const struct builder *b, const struct entity *e, const char *key,
                       struct ag_span value)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf command = AG_BUF_INIT;
    int r = append_command(&command, b, e, value);

    if (r == 0)
        r = ag_buf_printf(out, "\"%s\":", key);
    if (r == 0)
        r = ag_buf_append_json_str(out, command.data, command.len);
    return r == 0 ? ag_buf_append_char(out, ',') : r;
}

static int put_state_text(struct ag_buf *out, const char *key, struct ag_span value)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int r = append_as_text(&text, value);

    if (r == 0)
        r = ag_buf_printf(out, "\"%s\":", key);
    if (r == 0)
        r = ag_buf_append_json_str(out, text.data ? text.data : "", text.len);
    return r == 0 ? ag_buf_append_char(out, ',') : r;
}

static int put_switch(struct ag_buf *out, const struct builder *b, const struct entity *e)
{
    bool binary = e->component == C_BINARY_SENSOR;
    int r = put_state_text(out, binary ? "payload_on" : "state_on", e->on);

    if (r == 0)
        r = put_state_text(out, binary ? "payload_off" : "state_off", e->off);
    if (r == 0 && !binary)
        r = put_command(out, b, e, "payload_on", e->on);
    if (r == 0 && !binary)
        r = put_command(out, b, e, "payload_off", e->off);
    return r;
}

static int put_options(struct ag_buf *out, const struct ha_choices *c)
{
    int r = ag_buf_append_str(out, "\"options\":[");

    for (unsigned i = 0; r == 0 && i < c->n; i++) {
        if (i > 0)
            r = ag_buf_append_char(out, ',');
        if (r == 0)
            r = ag_buf_append_json_str(out, ag_buf_head(&c->all[i].text), ag_buf_size(&c->all[i].text));
    }
    return r == 0 ? ag_buf_append_str(out, "],") : r;
}

static int put_template(struct ag_buf *out, const char *key, const struct ag_buf *t)
{
    int r = ag_buf_printf(out, "\"%s\":", key);

    if (r == 0)
        r = ag_buf_append_json_str(out, t->data, t->len);
    return r == 0 ? ag_buf_append_char(out, ',') : r;
}

/* The text that stands for the value; of a value that is not in the list: none. */
static int put_choice_template(struct ag_buf *out, const struct entity *e, const struct ha_choices *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf t = AG_BUF_INIT;
    int r = ag_buf_printf(&t, "{%% set v = value_json['%s'] %%}{{ '' if v is not defined else ", e->key);

    if (r == 0)
        r = ha_choices_map(c, &t, false);
    if (r == 0)
        r = ag_buf_append_str(&t, ".get(v, 'None') if v is string or v is number else 'None' }}");
    return r == 0 ? put_template(out, "value_template", &t) : r;
}

static int put_select(struct ag_buf *out, const struct builder *b, const struct entity *e)
{
    ag_cleanup(ha_choices_deinit) struct ha_choices c = {.n = 0};
    ag_cleanup(ag_buf_deinit) struct ag_buf value = AG_BUF_INIT;
    int r = ha_choices_read(&c, e->options, e->miot);

    if (r == 0)
        r = put_options(out, &c);
    if (r == 0)
        r = put_choice_template(out, e, &c);
    if (r == 0)
        r = ag_buf_append_str(&value, "{{ ");
    if (r == 0)
        r = ha_choices_map(&c, &value, true);
    if (r == 0)
        r = ag_buf_append_str(&value, "[value] | tojson }}");
    return r == 0 ? put_command(out, b, e, "command_template", ag_buf_span(&value)) : r;
}

/* What Home Assistant gives is written as JSON by its own filter: quotes, backslashes and line ends are safe. */
static int put_value_command(struct ag_buf *out, const struct builder *b, const struct entity *e)
{
    return put_command(out, b, e, "command_template", AG_SPAN("{{ value | tojson }}"));
}

static int put_number(struct ag_buf *out, const struct builder *b, const struct entity *e)
{
    int r = put_raw(out, "min", e->min);

    if (r == 0)
        r = put_raw(out, "max", e->max);
    if (r == 0)
        r = put_raw(out, "step", e->step);
    return r == 0 ? put_value_command(out, b, e) : r;
}

static int put_value_template(struct ag_buf *out, const struct entity *e)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf t = AG_BUF_INIT;
    int r = e->component == C_SELECT ? 0 : ag_buf_printf(&t, "{{ value_json['%s'] }}", e->key);

    return r == 0 && t.len > 0 ? put_template(out, "value_template", &t) : r;
}

static int put_device(struct ag_buf *out, const struct builder *b)
{
    const struct ha_device *d = b->device;
    int r = ag_buf_printf(out, "\"device\":{\"identifiers\":[\"miio_%s\"],", d->did);

    if (r == 0)
        r = b->name.p ? put_raw(out, "name", b->name) : put_text(out, "name", d->model);
    if (r == 0)
        r = b->manufacturer.p ? put_raw(out, "manufacturer", b->manufacturer)
                              : put_text(out, "manufacturer", d->vendor);
    if (r == 0)
        r = b->model.p ? put_raw(out, "model", b->model) : put_text(out, "model", d->model);
    if (r == 0)
        out->len--; /* the last comma */
    return r == 0 ? ag_buf_append_str(out, "}}") : r;
}

/* ---- names ---- */

static bool same(const struct ag_buf *a, const struct ag_buf *b)
{
    return ag_buf_size(a) == ag_buf_size(b) && memcmp(ag_buf_head(a), ag_buf_head(b), ag_buf_size(a)) == 0;
}

static int collect_name(struct builder *b, const struct entity *e)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf group = AG_BUF_INIT;
    struct name *grown, *n;
    int r = 0;

    for (unsigned i = 0; i < b->n_names; i++) {
        if (strcmp(b->names[i].slug, e->slug) == 0)
            return refuse(b, "two properties have the same name, or differ in '-' and '.' only");
    }
    grown = realloc(b->names, (b->n_names + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    b->names = grown;
    n = &grown[b->n_names++];
    *n = (struct name){.base = AG_BUF_INIT, .full = AG_BUF_INIT};
    memcpy(n->slug, e->slug, sizeof n->slug);
    if (e->label.p)
        r = ha_append_clean(&n->base, e->label);
    if (r == 0 && ag_buf_size(&n->base) == 0)
        r = ag_buf_append_str(&n->base, e->key);
    if (r == 0 && e->group.p)
        r = ha_append_clean(&group, e->group);
    if (r == 0 && ag_buf_size(&group) > 0 && !same(&group, &n->base))
        r = ag_buf_printf(&n->full, "%.*s ", (int) ag_buf_size(&group), ag_buf_head(&group));
    return r == 0 ? ag_buf_append_span(&n->full, ag_buf_span(&n->base)) : r;
}

/* The label; when others have it too with its group in front; when that repeats as well with the key behind. */
static int put_name(struct ag_buf *out, const struct builder *b, const struct entity *e)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    const struct name *mine = &b->names[b->n - 1];
    bool base_twice = false, full_twice = false;
    int r;

    for (unsigned i = 0; i < b->n_names; i++) {
        const struct name *other = &b->names[i];

        if (other == mine)
            continue;
        base_twice = base_twice || same(&other->base, &mine->base);
        full_twice = full_twice || same(&other->full, &mine->full) || same(&other->base, &mine->full);
    }
    r = ag_buf_append_span(&text, ag_buf_span(base_twice ? &mine->full : &mine->base));
    if (r == 0 && base_twice && full_twice)
        r = ag_buf_printf(&text, " (%s)", e->key);
    if (r == 0)
        r = ag_buf_append_str(out, "\"name\":");
    if (r == 0)
        r = ag_buf_append_json_str(out, ag_buf_head(&text), ag_buf_size(&text));
    return r == 0 ? ag_buf_append_char(out, ',') : r;
}

static void free_names(struct builder *b)
{
    for (unsigned i = 0; i < b->n_names; i++) {
        ag_buf_deinit(&b->names[i].base);
        ag_buf_deinit(&b->names[i].full);
    }
    free(b->names);
}

/* ---- one message ---- */

static int put_component(struct ag_buf *out, const struct builder *b, const struct entity *e)
{
    switch (e->component) {
    case C_SWITCH:
    case C_BINARY_SENSOR:
        return put_switch(out, b, e);
    case C_NUMBER:
        return put_number(out, b, e);
    case C_SELECT:
        return put_select(out, b, e);
    case C_TEXT:
        return put_value_command(out, b, e);
    default:
        return 0;
    }
}

static int build_payload(struct ag_buf *out, const struct builder *b, const struct entity *e)
{
    const struct ha_device *d = b->device;
    bool commands = e->component != C_SENSOR && e->component != C_BINARY_SENSOR;
    int r = ag_buf_append_char(out, '{');

    if (r == 0)
        r = put_name(out, b, e);
    if (r == 0)
        r = ag_buf_printf(out, "\"unique_id\":\"miio_%s_%s\",\"default_entity_id\":\"%s.miio_%s_%s\",\"qos\":1,", d->did,
                          e->slug, component_names[e->component], d->did, e->slug);
    if (r == 0)
        r = put_text(out, "state_topic", d->state_topic);
    if (r == 0)
        r = put_value_template(out, e);
    if (r == 0 && commands)
        r = put_text(out, "command_topic", d->command_topic);
    if (r == 0)
        r = put_component(out, b, e);
    if (r == 0)
        r = put_raw(out, "unit_of_measurement", e->unit);
    if (r == 0)
        r = put_raw(out, "device_class", e->device_class);
    if (r == 0)
        r = put_text(out, "availability_topic", d->status_topic);
    if (r == 0)
        r = ag_buf_append_str(out, "\"payload_available\":\"online\",\"payload_not_available\":\"offline\",");
    return r == 0 ? put_device(out, b) : r;
}

static int publish(struct builder *b, const struct entity *e)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf topic = AG_BUF_INIT, payload = AG_BUF_INIT;
    int r = ag_buf_printf(&topic, "%s/%s/miio_%s/%s/config", b->device->prefix, component_names[e->component],
                          b->device->did, e->slug);

    if (r == 0)
        r = build_payload(&payload, b, e);
    if (r == 0 && !ag_buf_cstr(&topic))
        r = -ENOMEM;
    return r == 0 ? b->fn(b->user, topic.data, ag_buf_span(&payload)) : r;
}

static int emit(struct builder *b, const struct entity *e)
{
    if (++b->n > HA_ENTITIES_MAX)
        return refuse(b, "more than 256 properties");
    return b->fn ? publish(b, e) : collect_name(b, e);
}

/* ---- the small list ---- */

static bool is_slug_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Property names stand in topics and templates: letters, digits, '_', '-' and '.'. */
static int take_key(struct builder *b, struct ag_span name, struct entity *e)
{
    long n = ag_json_type(name) == AG_JSON_STRING ? ag_json_unescape(name, e->key, NAME_MAX_LEN) : -1;

    if (n <= 0)
        return refuse(b, "a property's name must be a string of 1 to 64 bytes");
    e->key[n] = '\0';
    for (long i = 0; i <= n; i++) {
        if (e->key[i] && !is_slug_char(e->key[i]) && e->key[i] != '-' && e->key[i] != '.')
            return refuse(b, "a property's name may hold letters, digits, '_', '-' and '.' only");
        e->slug[i] = e->key[i] && !is_slug_char(e->key[i]) ? '_' : e->key[i];
    }
    return 0;
}

static bool wrong_type(struct ag_span value, enum ag_json_type type)
{
    return value.p && ag_json_type(value) != type;
}

static int check_options(struct builder *b, struct ag_span options)
{
    struct ag_json_iter it = ag_json_iter_begin(options);
    struct ag_span item;
    int n = 0;

    if (ag_json_type(options) != AG_JSON_ARRAY)
        return refuse(b, "a select needs options, an array");
    for (; ag_json_iter_item(&it, &item); n++) {
        if (ag_json_type(item) != AG_JSON_STRING)
            return refuse(b, "options must be strings");
    }
    return n > 0 ? 0 : refuse(b, "a select needs options");
}

static int check_entity(struct builder *b, const struct entity *e)
{
    bool commands = e->component != C_SENSOR && e->component != C_BINARY_SENSOR;

    if (wrong_type(e->label, AG_JSON_STRING) || wrong_type(e->unit, AG_JSON_STRING) ||
        wrong_type(e->device_class, AG_JSON_STRING))
        return refuse(b, "label, unit and device_class must be strings");
    if (wrong_type(e->min, AG_JSON_NUMBER) || wrong_type(e->max, AG_JSON_NUMBER) ||
        wrong_type(e->step, AG_JSON_NUMBER))
        return refuse(b, "min, max and step must be numbers");
    if (commands && ag_json_type(e->set) != AG_JSON_STRING)
        return refuse(b, "what can be set needs \"set\", the method that does it");
    return e->component == C_SELECT ? check_options(b, e->options) : 0;
}

static int take_component(struct builder *b, struct ag_span type, enum component *out)
{
    for (unsigned i = 0; i < N_COMPONENTS; i++) {
        size_t len = strlen(component_names[i]);

        if (type.len == len + 2 && memcmp(type.p + 1, component_names[i], len) == 0) {
            *out = (enum component) i;
            return 0;
        }
    }
    return refuse(b, "type must be switch, binary_sensor, number, select, text or sensor");
}

static int take_property(struct builder *b, struct ag_span p)
{
    struct entity e = {
        .label = ag_json_get(p, "label"),
        .unit = ag_json_get(p, "unit"),
        .device_class = ag_json_get(p, "device_class"),
        .min = ag_json_get(p, "min"),
        .max = ag_json_get(p, "max"),
        .step = ag_json_get(p, "step"),
        .on = ag_json_get(p, "on"),
        .off = ag_json_get(p, "off"),
        .options = ag_json_get(p, "options"),
        .set = ag_json_get(p, "set"),
    };
    struct ag_span name = ag_json_get(p, "name");
    int r;

    if (ag_json_type(p) != AG_JSON_OBJECT)
        return refuse(b, "a property must be an object");
    r = take_key(b, name, &e);
    if (r == 0)
        r = take_component(b, ag_json_get(p, "type"), &e.component);
    if (r == 0)
        r = check_entity(b, &e);
    if (r < 0)
        return r;
    e.on = e.on.p ? e.on : AG_SPAN("\"on\"");
    e.off = e.off.p ? e.off : AG_SPAN("\"off\"");
    return emit(b, &e);
}

/* ---- a MIoT specification ---- */

static bool lists(struct ag_span array, const char *word)
{
    struct ag_json_iter it = ag_json_iter_begin(array);
    struct ag_span item;

    while (ag_json_iter_item(&it, &item)) {
        if (item.len == strlen(word) + 2 && memcmp(item.p + 1, word, strlen(word)) == 0)
            return true;
    }
    return false;
}

static bool is_text(struct ag_span string, const char *word)
{
    return string.len == strlen(word) + 2 && memcmp(string.p + 1, word, strlen(word)) == 0;
}

static struct ag_span item_at(struct ag_span array, int n)
{
    struct ag_json_iter it = ag_json_iter_begin(array);
    struct ag_span item = {NULL, 0};

    for (; n >= 0; n--) {
        if (!ag_json_iter_item(&it, &item))
            return (struct ag_span){NULL, 0};
    }
    return item;
}

static bool value_list_is_sound(struct ag_span list)
{
    struct ag_json_iter it = ag_json_iter_begin(list);
    struct ag_span item;
    int n = 0;

    for (; ag_json_iter_item(&it, &item); n++) {
        if (ag_json_type(ag_json_get(item, "value")) != AG_JSON_NUMBER ||
            ag_json_type(ag_json_get(item, "description")) != AG_JSON_STRING)
            return false;
    }
    return n > 0;
}

static enum component miot_component(struct ag_span p, bool can_write)
{
    struct ag_span format = ag_json_get(p, "format");

    if (is_text(format, "bool"))
        return can_write ? C_SWITCH : C_BINARY_SENSOR;
    if (!can_write)
        return C_SENSOR;
    if (value_list_is_sound(ag_json_get(p, "value-list")))
        return C_SELECT;
    return is_text(format, "string") ? C_TEXT : C_NUMBER;
}

/* Units of the specification that Home Assistant writes otherwise. */
static struct ag_span miot_unit(struct ag_span unit)
{
    if (is_text(unit, "percentage"))
        return AG_SPAN("\"%\"");
    if (is_text(unit, "celsius"))
        return AG_SPAN("\"\xc2\xb0"
                       "C\"");
    if (is_text(unit, "seconds"))
        return AG_SPAN("\"s\"");
    if (is_text(unit, "minutes"))
        return AG_SPAN("\"min\"");
    return ag_json_type(unit) == AG_JSON_STRING && !is_text(unit, "none") ? unit : (struct ag_span){NULL, 0};
}

/* Without a range Home Assistant would let 1 to 100 pass only. */
static void take_range(struct entity *e, struct ag_span range, struct ag_span format)
{
    static const struct {
        const char *format;
        struct ag_span min, max;
    } whole[] = {
        {"uint8", AG_SPAN("0"), AG_SPAN("255")},        {"uint16", AG_SPAN("0"), AG_SPAN("65535")},
        {"uint32", AG_SPAN("0"), AG_SPAN("4294967295")}, {"int8", AG_SPAN("-128"), AG_SPAN("127")},
        {"int16", AG_SPAN("-32768"), AG_SPAN("32767")}, {"int32", AG_SPAN("-2147483648"), AG_SPAN("2147483647")},
    };

    e->min = item_at(range, 0);
    e->max = item_at(range, 1);
    e->step = item_at(range, 2);
    for (size_t i = 0; i < ag_array_size(whole) && !e->min.p; i++) {
        if (!is_text(format, whole[i].format))
            continue;
        e->min = whole[i].min;
        e->max = whole[i].max;
    }
}

static int take_miot_property(struct builder *b, uint64_t siid, struct ag_span group, struct ag_span p)
{
    struct ag_span access = ag_json_get(p, "access"), iid = ag_json_get(p, "iid");
    struct entity e = {.miot = true,
                       .siid = siid,
                       .group = group,
                       .label = ag_json_get(p, "description"),
                       .on = AG_SPAN("true"),
                       .off = AG_SPAN("false")};

    if (!iid.p || !ag_span_uint(iid, UINT32_MAX, &e.piid) || wrong_type(e.label, AG_JSON_STRING))
        return refuse(b, "a property of the specification needs iid, and description is a text");
    if (!lists(access, "read") && !lists(access, "notify"))
        return 0; /* nothing to show */
    e.component = miot_component(p, lists(access, "write"));
    e.unit = e.component == C_NUMBER || e.component == C_SENSOR ? miot_unit(ag_json_get(p, "unit")) : e.unit;
    e.options = ag_json_get(p, "value-list");
    take_range(&e, ag_json_get(p, "value-range"), ag_json_get(p, "format"));
    snprintf(e.key, sizeof e.key, "%llu.%llu", (unsigned long long) siid, (unsigned long long) e.piid);
    snprintf(e.slug, sizeof e.slug, "%llu_%llu", (unsigned long long) siid, (unsigned long long) e.piid);
    return emit(b, &e);
}

static int take_service(struct builder *b, struct ag_span service)
{
    struct ag_json_iter it = ag_json_iter_begin(ag_json_get(service, "properties"));
    struct ag_span p, iid = ag_json_get(service, "iid"), group = ag_json_get(service, "description");
    uint64_t siid;
    int r = 0;

    if (!iid.p || !ag_span_uint(iid, UINT32_MAX, &siid))
        return refuse(b, "a service of the specification needs iid");
    while (r == 0 && siid != 1 && ag_json_iter_item(&it, &p)) /* 1 is the device information */
        r = take_miot_property(b, siid, ag_json_type(group) == AG_JSON_STRING ? group : (struct ag_span){NULL, 0}, p);
    return r;
}

static int walk(struct builder *b, struct ag_span list)
{
    struct ag_span services = ag_json_get(list, "services"), properties = ag_json_get(list, "properties"), item;
    struct ag_json_iter it = ag_json_iter_begin(services.p ? services : properties);
    int r = 0;

    if (ag_json_type(services) != AG_JSON_ARRAY && ag_json_type(properties) != AG_JSON_ARRAY)
        return refuse(b, "neither properties nor services is an array");
    b->name = ag_json_get(list, "name");
    b->manufacturer = ag_json_get(list, "manufacturer");
    b->model = ag_json_get(list, "model");
    if (wrong_type(b->name, AG_JSON_STRING) || wrong_type(b->manufacturer, AG_JSON_STRING) ||
        wrong_type(b->model, AG_JSON_STRING))
        return refuse(b, "name, manufacturer and model must be strings");
    b->n = 0;
    while (r == 0 && ag_json_iter_item(&it, &item))
        r = services.p ? take_service(b, item) : take_property(b, item);
    return r;
}

int ha_discovery_build(struct ag_span list, const struct ha_device *device, ha_config_fn fn, void *user,
                       const char **why_out)
{
    struct builder b = {.device = device, .user = user, .why = "not a JSON object"};
    struct ag_json_view view;
    int r = ag_json_parse(&list, DEPTH_MAX, &view) == 0 ? walk(&b, list) : -EINVAL;

    if (r == 0 && fn) {
        b.fn = fn;
        r = walk(&b, list);
    }
    free_names(&b);
    if (r == -EINVAL)
        *why_out = b.why;
    return r;
}
