/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/core/ha_list/ha_property.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/json/json_iter.h"

static const char *const component_names[N_COMPONENTS] = {"switch", "binary_sensor", "number", "select", "text", "sensor"};

/* ---- the members of a property ---- */

#define ON(component) (1u << (component))

enum {
    ON_ALL = (1u << N_COMPONENTS) - 1,
    ON_SET = ON(C_SWITCH) | ON(C_NUMBER) | ON(C_SELECT) | ON(C_TEXT),
    ON_BOOL = ON(C_SWITCH) | ON(C_BINARY_SENSOR),
    ON_SHOWN = ON(C_SENSOR) | ON(C_BINARY_SENSOR)
};

enum member_type { ANY, TEXT, NUMBER, BOOL, LIST };

/* What a property may have, on which components. passed: Home Assistant's own, unchanged. */
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

const char *ha_component_name(enum ha_component c)
{
    return component_names[c];
}

bool ha_component_is_shown(enum ha_component c)
{
    return c == C_SENSOR || c == C_BINARY_SENSOR;
}

const char *ha_member_passed(size_t n)
{
    for (size_t i = 0; i < ag_array_size(members); i++) {
        if (members[i].passed && n-- == 0)
            return members[i].name;
    }
    return NULL;
}

/* ---- reading and checking ---- */

int ha_refuse(const struct ha_why *why, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why->text, why->n, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static bool is_slug_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Property names become part of topics and templates: letters, digits, '_', '-' and '.'. */
static int take_key(const struct ha_why *why, struct ag_span name, struct ha_property *p)
{
    long n = ag_json_type(name) == AG_JSON_STRING ? ag_json_unescape(name, p->key, HA_KEY_MAX) : -1;

    if (n <= 0)
        return ha_refuse(why, "a property's name must be a string of 1 to 64 bytes");
    p->key[n] = '\0';
    for (long i = 0; i <= n; i++) {
        if (p->key[i] && !is_slug_char(p->key[i]) && p->key[i] != '-' && p->key[i] != '.')
            return ha_refuse(why, "a property's name may hold letters, digits, '_', '-' and '.' only");
        p->slug[i] = p->key[i] && !is_slug_char(p->key[i]) ? '_' : p->key[i];
    }
    return 0;
}

static int check_options(const struct ha_why *why, struct ag_span options)
{
    struct ag_json_iter it = ag_json_iter_begin(options);
    struct ag_span item;
    int n = 0;

    if (ag_json_type(options) != AG_JSON_ARRAY)
        return ha_refuse(why, "a select needs options, an array");
    for (; ag_json_iter_item(&it, &item); n++) {
        if (ag_json_type(item) != AG_JSON_STRING)
            return ha_refuse(why, "options must be strings");
    }
    return n > 0 ? 0 : ha_refuse(why, "a select needs options");
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
static int check_members(const struct ha_why *why, const struct ha_property *p)
{
    static const char *const types[] = {"any value", "a string", "a number", "true or false", "an array"};
    struct ag_json_iter it = ag_json_iter_begin(p->object);
    struct ag_span name, value;

    while (ag_json_iter_member(&it, &name, &value)) {
        const struct member *m = find_member(name);

        if (!m)
            return ha_refuse(why, "property %s: unknown member %.*s", p->key, name.len > 48 ? 48 : (int) name.len, name.p);
        if (!(m->on & ON(p->component)))
            return ha_refuse(why, "property %s: a %s has no %s", p->key, component_names[p->component], m->name);
        if (!fits(m->type, value))
            return ha_refuse(why, "property %s: %s must be %s", p->key, m->name, types[m->type]);
    }
    return 0;
}

static int check_property(const struct ha_why *why, const struct ha_property *p)
{
    struct ag_span category = ag_json_get(p->object, "entity_category"), icon = ag_json_get(p->object, "icon");
    bool shown = ha_component_is_shown(p->component);
    int r = check_members(why, p);

    if (r < 0)
        return r;
    if (category.p && !ag_span_eq(category, "\"diagnostic\"") && (shown || !ag_span_eq(category, "\"config\"")))
        return ha_refuse(why, "property %s: entity_category must be diagnostic%s", p->key, shown ? "" : " or config");
    if (icon.p && !memchr(icon.p, ':', icon.len))
        return ha_refuse(why, "property %s: icon must be mdi:NAME", p->key);
    if (!shown && !p->set.p)
        return ha_refuse(why, "property %s: needs \"set\", the method that sets it", p->key);
    return p->component == C_SELECT ? check_options(why, p->options) : 0;
}

static int take_component(const struct ha_why *why, struct ag_span type, enum ha_component *out)
{
    for (unsigned i = 0; i < N_COMPONENTS; i++) {
        size_t len = strlen(component_names[i]);

        if (type.len == len + 2 && memcmp(type.p + 1, component_names[i], len) == 0) {
            *out = (enum ha_component) i;
            return 0;
        }
    }
    return ha_refuse(why, "type must be switch, binary_sensor, number, select, text or sensor");
}

int ha_property_read(struct ha_property *out, struct ag_span object, const struct ha_why *why)
{
    struct ha_property p = {
        .object = object,
        .label = ag_json_get(object, "label"),
        .unit = ag_json_get(object, "unit"),
        .device_class = ag_json_get(object, "device_class"),
        .min = ag_json_get(object, "min"),
        .max = ag_json_get(object, "max"),
        .step = ag_json_get(object, "step"),
        .on = ag_json_get(object, "on"),
        .off = ag_json_get(object, "off"),
        .options = ag_json_get(object, "options"),
        .set = ag_json_get(object, "set"),
    };
    struct ag_span name = ag_json_get(object, "name");
    int r;

    if (ag_json_type(object) != AG_JSON_OBJECT)
        return ha_refuse(why, "a property must be an object");
    r = take_key(why, name, &p);
    if (r == 0)
        r = take_component(why, ag_json_get(object, "type"), &p.component);
    if (r == 0)
        r = check_property(why, &p);
    if (r < 0)
        return r;
    p.on = p.on.p ? p.on : AG_SPAN("\"on\"");
    p.off = p.off.p ? p.off : AG_SPAN("\"off\"");
    *out = p;
    return 0;
}
