/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/core/ha_list/ha_discovery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/mqtt/core/ha/ha_choice.h"
#include "client/cloud/mqtt/core/ha_list/ha_property.h"
#include "libagent/core/grow.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/utf8.h"

enum { DEPTH_MAX = 16 };

/* What a property is called. Collected before the first message is made: names that repeat are told apart. */
struct name {
    struct ag_buf text;
    char slug[HA_KEY_MAX + 1];
};

struct builder {
    const struct ha_device *device;
    ha_config_fn fn; /* NULL: only check */
    void *user;
    struct ha_why why;
    struct ha_of_device of_device;
    struct name *names;
    size_t cap;
    unsigned n_names, n; /* collected; the properties of this walk */
};

/* ---- names ---- */

static bool same(const struct ag_buf *a, const struct ag_buf *b)
{
    return ag_buf_size(a) == ag_buf_size(b) && memcmp(ag_buf_head(a), ag_buf_head(b), ag_buf_size(a)) == 0;
}

static int collect_name(struct builder *b, const struct ha_property *p)
{
    struct name *n;
    int r = 0;

    for (unsigned i = 0; i < b->n_names; i++) {
        if (strcmp(b->names[i].slug, p->slug) == 0)
            return ha_refuse(&b->why, "two properties have the same name, or differ in '-' and '.' only");
    }
    if (AG_GROW(b->names, b->cap, b->n_names + 1) < 0)
        return -ENOMEM;
    n = &b->names[b->n_names++];
    *n = (struct name){.text = AG_BUF_INIT};
    memcpy(n->slug, p->slug, sizeof n->slug);
    if (p->label.p)
        r = ha_append_clean(&n->text, p->label);
    if (r == 0 && ag_buf_size(&n->text) == 0)
        r = ag_buf_append_str(&n->text, p->key);
    return r;
}

/* The label; if others have the same, followed by the key. */
static int append_name(struct ag_buf *out, const struct builder *b, const struct ha_property *p)
{
    const struct name *mine = &b->names[b->n - 1];
    bool twice = false;
    int r;

    for (unsigned i = 0; i < b->n_names && !twice; i++)
        twice = &b->names[i] != mine && same(&b->names[i].text, &mine->text);
    r = ag_buf_append_span(out, ag_buf_span(&mine->text));
    return r == 0 && twice ? ag_buf_printf(out, " (%s)", p->key) : r;
}

static void free_names(struct builder *b)
{
    for (unsigned i = 0; i < b->n_names; i++)
        ag_buf_deinit(&b->names[i].text);
    free(b->names);
}

/* ---- one message ---- */

static int publish(struct builder *b, const struct ha_property *p)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf topic = AG_BUF_INIT, name = AG_BUF_INIT, payload = AG_BUF_INIT;
    int r = ag_buf_printf(&topic, "%s/%s/miio_%s/%s/config", b->device->prefix, ha_component_name(p->component), b->device->did,
                          p->slug);

    if (r == 0)
        r = append_name(&name, b, p);
    if (r == 0)
        r = ha_config_build(&payload, b->device, &b->of_device, p, ag_buf_span(&name));
    if (r == 0 && !ag_buf_cstr(&topic))
        r = -ENOMEM;
    return r == 0 ? b->fn(b->user, topic.data, ag_buf_span(&payload)) : r;
}

static int emit(struct builder *b, const struct ha_property *p)
{
    if (++b->n > HA_ENTITIES_MAX)
        return ha_refuse(&b->why, "more than 256 properties");
    return b->fn ? publish(b, p) : collect_name(b, p);
}

/* ---- the small list ---- */

/* Not given is fine. */
static bool is_no_string(struct ag_span value)
{
    return value.p && ag_json_type(value) != AG_JSON_STRING;
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
            return ha_refuse(&b->why, "unknown member %.*s", key.len > 48 ? 48 : (int) key.len, key.p);
    }

    if (ag_json_type(properties) != AG_JSON_ARRAY)
        return ha_refuse(&b->why, "properties is not an array");
    b->of_device.name = ag_json_get(list, "name");
    b->of_device.manufacturer = ag_json_get(list, "manufacturer");
    b->of_device.model = ag_json_get(list, "model");
    if (is_no_string(b->of_device.name) || is_no_string(b->of_device.manufacturer) || is_no_string(b->of_device.model))
        return ha_refuse(&b->why, "name, manufacturer and model must be strings");
    b->n = 0;
    while (r == 0 && ag_json_iter_item(&it, &item)) {
        struct ha_property p;

        r = ha_property_read(&p, item, &b->why);
        if (r == 0)
            r = emit(b, &p);
    }
    return r;
}

int ha_discovery_build(struct ag_span list, const struct ha_device *device, ha_config_fn fn, void *user, char *why, size_t n)
{
    struct builder b = {.device = device, .user = user, .why = {why, n}};
    struct ag_json_view view;
    int r;

    list = ag_utf8_without_mark(list);
    r = ag_json_parse(&list, DEPTH_MAX, &view) == 0 ? walk(&b, list) : ha_refuse(&b.why, "not a JSON object");
    if (r == 0 && fn) {
        b.fn = fn;
        r = walk(&b, list);
    }
    free_names(&b);
    return r;
}
