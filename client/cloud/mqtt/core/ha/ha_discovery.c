/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/core/ha/ha_discovery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "client/cloud/mqtt/core/ha/ha_choice.h"
#include "libagent/core/grow.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/json/json_out.h"
#include "libagent/core/utf8.h"

enum { DEPTH_MAX = 16, NAME_MAX_LEN = 64 };

enum component { C_SWITCH, C_BINARY_SENSOR, C_NUMBER, C_SELECT, C_TEXT, C_SENSOR, N_COMPONENTS };

static const char *const component_names[N_COMPONENTS] = {"switch", "binary_sensor", "number", "select", "text", "sensor"};

/* One property, whatever list it came from. Spans lie in the list. */
struct entity {
    struct ag_span object; /* the property */
    enum component component;
    char key[NAME_MAX_LEN + 1];  /* its member in the state */
    char slug[NAME_MAX_LEN + 1]; /* the same in [A-Za-z0-9_] */
    struct ag_span label;        /* JSON string; absent or empty: the key stands for it */
    struct ag_span unit, device_class, min, max, step;
    struct ag_span on, off; /* JSON values; absent: "on" and "off" */
    struct ag_span options; /* array of strings */
    struct ag_span set;     /* JSON string: method */
};

/* How an entity is called. Collected before the first message is made: names that repeat are told apart. */
struct name {
    struct ag_buf text;
    char slug[NAME_MAX_LEN + 1];
};

struct builder {
    const struct ha_device *device;
    ha_config_fn fn; /* NULL: only check */
    void *user;
    char *why; /* of n_why bytes */
    size_t n_why;
    struct ag_span name, manufacturer, model; /* JSON strings; absent: the device's own */
    struct name *names;
    size_t cap;
    unsigned n_names, n; /* collected; the entities of this walk */
};

static int refuse(struct builder *b, const char *fmt, ...) ag_printf_like(2, 3);
static int refuse(struct builder *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(b->why, b->n_why, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* ---- writing ---- */

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
static int append_command(struct ag_buf *out, const struct entity *e, struct ag_span value)
{
    int r;

    r = ag_buf_append_str(out, "{\"method\":");
    for (size_t i = 0; r == 0 && i < e->set.len; i++) /* no brace of it begins an expression of a template */
        r = e->set.p[i] == '{' ? ag_buf_append_str(out, "\\u007b") : ag_buf_append_char(out, e->set.p[i]);
    return r == 0 ? ag_buf_printf(out, ",\"params\":[%.*s]}", (int) value.len, value.p) : r;
}

static void put_command(struct ag_json_out *o, const struct entity *e, const char *key, struct ag_span value)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf command = AG_BUF_INIT;

    put_built(o, key, &command, append_command(&command, e, value));
}

static void put_state_text(struct ag_json_out *o, const char *key, struct ag_span value)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    put_built(o, key, &text, append_as_text(&text, value));
}

static void put_switch(struct ag_json_out *o, const struct entity *e)
{
    bool binary = e->component == C_BINARY_SENSOR;

    put_state_text(o, binary ? "payload_on" : "state_on", e->on);
    put_state_text(o, binary ? "payload_off" : "state_off", e->off);
    if (!binary) {
        put_command(o, e, "payload_on", e->on);
        put_command(o, e, "payload_off", e->off);
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
static void put_choice_template(struct ag_json_out *o, const struct entity *e, const struct ha_choices *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf t = AG_BUF_INIT;
    int r = ag_buf_printf(&t, "{%% set v = value_json['%s'] %%}{{ '' if v is not defined else ", e->key);

    if (r == 0)
        r = ha_choices_map(c, &t, false);
    if (r == 0)
        r = ag_buf_append_str(&t, ".get(v, 'None') if v is string or v is number else 'None' }}");
    put_built(o, "value_template", &t, r);
}

static void put_choice_command(struct ag_json_out *o, const struct entity *e, const struct ha_choices *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf value = AG_BUF_INIT;
    int r = ag_buf_append_str(&value, "{{ ");

    if (r == 0)
        r = ha_choices_map(c, &value, true);
    if (r == 0)
        r = ag_buf_append_str(&value, "[value] | tojson }}");
    ag_json_out_done(o, r);
    put_command(o, e, "command_template", ag_buf_span(&value));
}

static void put_select(struct ag_json_out *o, const struct entity *e)
{
    ag_cleanup(ha_choices_deinit) struct ha_choices c = {.n = 0};

    ag_json_out_done(o, ha_choices_read(&c, e->options));
    put_options(o, &c);
    put_choice_template(o, e, &c);
    put_choice_command(o, e, &c);
}

static void put_bounded(struct ag_json_out *o, const struct entity *e)
{
    put_raw(o, "min", e->min);
    put_raw(o, "max", e->max);
    put_raw(o, "step", e->step);
    /* what Home Assistant gives is written as JSON by its own filter: quotes, backslashes and line ends are safe */
    put_command(o, e, "command_template", AG_SPAN("{{ value | tojson }}"));
}

/* A select brings its own. */
static void put_value_template(struct ag_json_out *o, const struct entity *e)
{
    char text[NAME_MAX_LEN + 32];

    if (e->component == C_SELECT)
        return;
    snprintf(text, sizeof text, "{{ value_json['%s'] }}", e->key);
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

static void put_device(struct ag_json_out *o, const struct builder *b)
{
    const struct ha_device *d = b->device;

    ag_json_out_name_open(o, "device", '{');
    ag_json_out_name_open(o, "identifiers", '[');
    ag_json_out_printf(o, "\"miio_%s\"", d->did);
    ag_json_out_close(o, ']');
    put_of_device(o, "name", b->name, d->model);
    put_of_device(o, "manufacturer", b->manufacturer, d->vendor);
    put_of_device(o, "model", b->model, d->model);
    ag_json_out_close(o, '}');
}

/* ---- names ---- */

static bool same(const struct ag_buf *a, const struct ag_buf *b)
{
    return ag_buf_size(a) == ag_buf_size(b) && memcmp(ag_buf_head(a), ag_buf_head(b), ag_buf_size(a)) == 0;
}

static int collect_name(struct builder *b, const struct entity *e)
{
    struct name *n;
    int r = 0;

    for (unsigned i = 0; i < b->n_names; i++) {
        if (strcmp(b->names[i].slug, e->slug) == 0)
            return refuse(b, "two properties have the same name, or differ in '-' and '.' only");
    }
    if (AG_GROW(b->names, b->cap, b->n_names + 1) < 0)
        return -ENOMEM;
    n = &b->names[b->n_names++];
    *n = (struct name){.text = AG_BUF_INIT};
    memcpy(n->slug, e->slug, sizeof n->slug);
    if (e->label.p)
        r = ha_append_clean(&n->text, e->label);
    if (r == 0 && ag_buf_size(&n->text) == 0)
        r = ag_buf_append_str(&n->text, e->key);
    return r;
}

/* The label; when others have it too with the key behind. */
static void put_name(struct ag_json_out *o, const struct builder *b, const struct entity *e)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    const struct name *mine = &b->names[b->n - 1];
    bool twice = false;
    int r;

    for (unsigned i = 0; i < b->n_names && !twice; i++)
        twice = &b->names[i] != mine && same(&b->names[i].text, &mine->text);
    r = ag_buf_append_span(&text, ag_buf_span(&mine->text));
    if (r == 0 && twice)
        r = ag_buf_printf(&text, " (%s)", e->key);
    put_built(o, "name", &text, r);
}

static void free_names(struct builder *b)
{
    for (unsigned i = 0; i < b->n_names; i++)
        ag_buf_deinit(&b->names[i].text);
    free(b->names);
}

/* ---- the members of a property ---- */

#define ON(component) (1u << (component))

enum {
    ON_ALL = (1u << N_COMPONENTS) - 1,
    ON_SET = ON(C_SWITCH) | ON(C_NUMBER) | ON(C_SELECT) | ON(C_TEXT),
    ON_BOOL = ON(C_SWITCH) | ON(C_BINARY_SENSOR),
    ON_SHOWN = ON(C_SENSOR) | ON(C_BINARY_SENSOR)
};

enum member_type { ANY, TEXT, NUMBER, BOOL, LIST };

/* What a property may have, on which components. passed: Home Assistant's own, as it stands. */
static const struct member {
    const char *name;
    enum member_type type;
    unsigned on;
    bool passed;
} members[] = {
    {"name", TEXT, ON_ALL, false},
    {"type", TEXT, ON_ALL, false},
    {"label", TEXT, ON_ALL, false},
    {"set", TEXT, ON_SET, false},
    {"on", ANY, ON_BOOL, false},
    {"off", ANY, ON_BOOL, false},
    {"options", LIST, ON(C_SELECT), false},
    {"unit", TEXT, ON(C_NUMBER) | ON(C_SENSOR), false},
    {"device_class", TEXT, ON_BOOL | ON(C_NUMBER) | ON(C_SENSOR), false},
    {"min", NUMBER, ON(C_NUMBER) | ON(C_TEXT), false},
    {"max", NUMBER, ON(C_NUMBER) | ON(C_TEXT), false},
    {"step", NUMBER, ON(C_NUMBER), false},
    {"mode", TEXT, ON(C_NUMBER) | ON(C_TEXT), true},
    {"pattern", TEXT, ON(C_TEXT), true},
    {"state_class", TEXT, ON(C_SENSOR), true},
    {"suggested_display_precision", NUMBER, ON(C_SENSOR), true},
    {"expire_after", NUMBER, ON_SHOWN, true},
    {"force_update", BOOL, ON_SHOWN, true},
    {"off_delay", NUMBER, ON(C_BINARY_SENSOR), true},
    {"entity_category", TEXT, ON_ALL, true},
    {"entity_picture", TEXT, ON_ALL, true},
    {"icon", TEXT, ON_ALL, true},
    {"enabled_by_default", BOOL, ON_ALL, true},
};

/* Home Assistant's own, as they stand. */
static void put_passed(struct ag_json_out *o, const struct entity *e)
{
    for (size_t i = 0; i < ag_array_size(members); i++) {
        if (members[i].passed)
            put_raw(o, members[i].name, ag_json_get(e->object, members[i].name));
    }
}

/* ---- one message ---- */

static void put_component(struct ag_json_out *o, const struct entity *e)
{
    switch (e->component) {
    case C_SWITCH:
    case C_BINARY_SENSOR:
        put_switch(o, e);
        break;
    case C_NUMBER:
    case C_TEXT:
        put_bounded(o, e);
        break;
    case C_SELECT:
        put_select(o, e);
        break;
    default:
        break;
    }
}

static int build_payload(struct ag_buf *out, const struct builder *b, const struct entity *e)
{
    const struct ha_device *d = b->device;
    struct ag_json_out o = ag_json_out_begin(out);

    ag_json_out_open(&o, '{');
    put_name(&o, b, e);
    ag_json_out_name(&o, "unique_id");
    ag_json_out_printf(&o, "\"miio_%s_%s\"", d->did, e->slug);
    ag_json_out_name(&o, "default_entity_id");
    ag_json_out_printf(&o, "\"%s.miio_%s_%s\"", component_names[e->component], d->did, e->slug);
    ag_json_out_name_u64(&o, "qos", 1);
    ag_json_out_name_str(&o, "state_topic", d->state_topic);
    put_value_template(&o, e);
    if (e->component != C_SENSOR && e->component != C_BINARY_SENSOR)
        ag_json_out_name_str(&o, "command_topic", d->command_topic);
    put_component(&o, e);
    put_raw(&o, "unit_of_measurement", e->unit);
    put_raw(&o, "device_class", e->device_class);
    put_passed(&o, e);
    ag_json_out_name_str(&o, "availability_topic", d->status_topic);
    ag_json_out_name_str(&o, "payload_available", "online");
    ag_json_out_name_str(&o, "payload_not_available", "offline");
    put_device(&o, b);
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}

static int publish(struct builder *b, const struct entity *e)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf topic = AG_BUF_INIT, payload = AG_BUF_INIT;
    int r = ag_buf_printf(&topic, "%s/%s/miio_%s/%s/config", b->device->prefix, component_names[e->component], b->device->did,
                          e->slug);

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

/* Property names become part of topics and templates: letters, digits, '_', '-' and '.'. */
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

static const struct member *find_member(struct ag_span name)
{
    for (size_t i = 0; i < ag_array_size(members); i++) {
        if (ag_json_key_is(name, members[i].name))
            return &members[i];
    }
    return NULL;
}

static bool fits(enum member_type type, struct ag_span value)
{
    enum ag_json_type t = ag_json_type(value);

    switch (type) {
    case TEXT:
        return t == AG_JSON_STRING;
    case NUMBER:
        return t == AG_JSON_NUMBER;
    case BOOL:
        return t == AG_JSON_TRUE || t == AG_JSON_FALSE;
    case LIST:
        return t == AG_JSON_ARRAY;
    default:
        return true;
    }
}

/* Nothing is dropped silently: a member is taken, passed on, or refused by its name. */
static int check_members(struct builder *b, const struct entity *e)
{
    static const char *const types[] = {"any value", "a string", "a number", "true or false", "an array"};
    struct ag_json_iter it = ag_json_iter_begin(e->object);
    struct ag_span name, value;

    while (ag_json_iter_member(&it, &name, &value)) {
        const struct member *m = find_member(name);

        if (!m)
            return refuse(b, "property %s: unknown member %.*s", e->key, name.len > 48 ? 48 : (int) name.len, name.p);
        if (!(m->on & ON(e->component)))
            return refuse(b, "property %s: a %s has no %s", e->key, component_names[e->component], m->name);
        if (!fits(m->type, value))
            return refuse(b, "property %s: %s must be %s", e->key, m->name, types[m->type]);
    }
    return 0;
}

static int check_entity(struct builder *b, const struct entity *e)
{
    struct ag_span category = ag_json_get(e->object, "entity_category"), icon = ag_json_get(e->object, "icon");
    bool shown = e->component == C_SENSOR || e->component == C_BINARY_SENSOR;
    int r = check_members(b, e);

    if (r < 0)
        return r;
    if (category.p && !ag_span_eq(category, "\"diagnostic\"") && (shown || !ag_span_eq(category, "\"config\"")))
        return refuse(b, "property %s: entity_category must be diagnostic%s", e->key, shown ? "" : " or config");
    if (icon.p && !memchr(icon.p, ':', icon.len))
        return refuse(b, "property %s: an icon is called mdi:NAME", e->key);
    if (!shown && !e->set.p)
        return refuse(b, "property %s: what can be set needs \"set\", the method that does it", e->key);
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
        .object = p,
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

static int walk(struct builder *b, struct ag_span list)
{
    struct ag_span properties = ag_json_get(list, "properties"), item;
    struct ag_json_iter it = ag_json_iter_begin(properties), top = ag_json_iter_begin(list);
    struct ag_span key;
    int r = 0;

    while (ag_json_iter_member(&top, &key, &item)) {
        if (!ag_json_key_is(key, "properties") && !ag_json_key_is(key, "name") && !ag_json_key_is(key, "manufacturer") &&
            !ag_json_key_is(key, "model"))
            return refuse(b, "unknown member %.*s", key.len > 48 ? 48 : (int) key.len, key.p);
    }

    if (ag_json_type(properties) != AG_JSON_ARRAY)
        return refuse(b, "properties is not an array");
    b->name = ag_json_get(list, "name");
    b->manufacturer = ag_json_get(list, "manufacturer");
    b->model = ag_json_get(list, "model");
    if (wrong_type(b->name, AG_JSON_STRING) || wrong_type(b->manufacturer, AG_JSON_STRING) ||
        wrong_type(b->model, AG_JSON_STRING))
        return refuse(b, "name, manufacturer and model must be strings");
    b->n = 0;
    while (r == 0 && ag_json_iter_item(&it, &item))
        r = take_property(b, item);
    return r;
}

int ha_discovery_build(struct ag_span list, const struct ha_device *device, ha_config_fn fn, void *user, char *why, size_t n)
{
    struct builder b = {.device = device, .user = user, .why = why, .n_why = n};
    struct ag_json_view view;
    int r;

    list = ag_utf8_without_mark(list);
    r = ag_json_parse(&list, DEPTH_MAX, &view) == 0 ? walk(&b, list) : refuse(&b, "not a JSON object");
    if (r == 0 && fn) {
        b.fn = fn;
        r = walk(&b, list);
    }
    free_names(&b);
    return r;
}
