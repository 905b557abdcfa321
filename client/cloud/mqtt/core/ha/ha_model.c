/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/core/ha/ha_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/mqtt/core/ha/ha_part.h"
#include "libagent/core/json/json_walk.h"

void ha_model_message_deinit(struct ha_model_message *message)
{
    ha_text_deinit(&message->payload);
    ha_text_deinit(&message->components);
}

int ha_model_topic(char *out, size_t n, const char *prefix, const char *did)
{
    return snprintf(out, n, "%s/device/miio_%s/config", prefix, did);
}

/* Service 1 is the platform's own: it is announced as the device. */
static void put_components(struct ha_part *h)
{
    const struct model *m = h->m;

    for (uint32_t i = 0; i < m->n_services; i++) {
        const struct model_service *s = &m->services[i];

        if (s->siid != 1 && !ha_light(h, s) && !ha_climate(h, s) && !ha_water_heater(h, s) && !ha_fan(h, s) &&
            !ha_humidifier(h, s) && !ha_cover(h, s))
            ha_vacuum(h, s);
    }
    for (uint32_t i = 0; i < m->n_props; i++) {
        if (model_prop_siid(m, &m->props[i]) != 1 && !h->taken[i])
            ha_plain_prop(h, &m->props[i]);
    }
    for (uint32_t i = 0; i < m->n_actions; i++) {
        if (model_call_siid(m, &m->actions[i]) != 1 && !h->action_taken[i])
            ha_plain_action(h, &m->actions[i]);
    }
    for (uint32_t i = 0; i < m->n_events; i++)
        ha_plain_event(h, &m->events[i]);
    ha_firmware(h);
}

static void put_optional(struct ha_text *o, const char *key, const char *text)
{
    if (*text)
        ha_put_member(o, key, text);
}

static void put_device(struct ha_text *o, const struct model *m, const struct ha_model_device *d)
{
    ag_cleanup(ha_text_deinit) struct ha_text name = HA_TEXT_INIT;

    ha_name_put(&name, model_str(m, m->description), d->model);
    ha_put(o, "{\"device\":{\"identifiers\":[\"miio_%s\"]", d->did);
    ha_put_text(o, "name", &name);
    if (*d->mac) {
        ha_put(o, ",\"connections\":[[\"mac\",\"");
        for (const char *p = d->mac; *p; p++)
            ha_put(o, "%c", *p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p);
        ha_put(o, "\"]]");
    }
    put_optional(o, "manufacturer", d->vendor);
    put_optional(o, "model", d->model);
    put_optional(o, "serial_number", d->sn);
    put_optional(o, "sw_version", d->fw_version);
    ha_put(o, "},\"origin\":{\"name\":\"miio-linux\",\"sw_version\":\"%s\"},\"components\":{", MIIO_VERSION);
}

static void put_message(struct ha_text *o, const struct model *m, const struct ha_model_device *d,
                        const struct ha_text *components)
{
    put_device(o, m, d);
    if (o->r == 0)
        o->r = components->r;
    ha_put_span(o, ag_buf_span(&components->b));
    ha_put(o, "}}");
}

static bool has_line(struct ag_span lines, struct ag_span line)
{
    while (lines.len > 0) {
        const char *end = memchr(lines.p, '\n', lines.len);
        size_t n = end ? (size_t) (end - lines.p) : lines.len;

        if (n == line.len && memcmp(lines.p, line.p, n) == 0)
            return true;
        n += end ? 1 : 0;
        lines = (struct ag_span){lines.p + n, lines.len - n};
    }
    return false;
}

/* A line that an earlier version of this program wrote, and nothing else. */
static bool is_sound(struct ag_span line, size_t *key_len)
{
    const char *blank = memchr(line.p, ' ', line.len);

    *key_len = blank ? (size_t) (blank - line.p) : 0;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.p[i];

        if (i != *key_len && !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return *key_len > 0 && *key_len + 1 < line.len;
}

static bool stays(struct ag_span key, struct ag_span gone)
{
    for (const char *p = gone.p, *end = gone.p + gone.len; p < end;) {
        size_t n = (size_t) ((const char *) memchr(p, '\n', (size_t) (end - p)) - p);

        if (n > key.len && p[key.len] == ' ' && memcmp(p, key.p, key.len) == 0)
            return false;
        p += n + 1;
    }
    return true;
}

/* The components of the new message but those whose key is in the lines; then those, cut down. */
static void put_gone(struct ha_text *o, struct ag_span components, struct ag_span list, struct ag_span lines)
{
    const char *p = components.p, *end = components.p + components.len, *line = list.p;
    bool first = true;

    (void) end;
    /* list and components are in the same order, and each component begins with its key */
    for (; line < list.p + list.len; line = (const char *) memchr(line, '\n', (size_t) (list.p + list.len - line)) + 1) {
        size_t key_len = (size_t) (strchr(line, ' ') - line), n = 0;
        struct ag_json_value value;

        p += *p == ',' ? 1 : 0;
        value = ag_json_value_at(p + key_len + 3, end);
        n = (size_t) (value.raw.p + value.raw.len - p);
        if (stays((struct ag_span){line, key_len}, lines)) {
            ha_put(o, first ? "" : ",");
            ha_put_span(o, (struct ag_span){p, n});
            first = false;
        }
        p += n;
    }
    for (line = lines.p; line < lines.p + lines.len;
         line = (const char *) memchr(line, '\n', (size_t) (lines.p + lines.len - line)) + 1) {
        size_t key_len = (size_t) (strchr(line, ' ') - line), len = (size_t) (strchr(line, '\n') - line);

        ha_put(o, "%s\"%.*s\":{\"platform\":\"%.*s\"}", first ? "" : ",", (int) key_len, line, (int) (len - key_len - 1),
               line + key_len + 1);
        first = false;
    }
}

/* The lines of keep that are not in the new list. */
static void find_gone(struct ha_text *lines, struct ag_span keep, struct ag_span list)
{
    while (keep.len > 0) {
        const char *end = memchr(keep.p, '\n', keep.len);
        struct ag_span line = {keep.p, end ? (size_t) (end - keep.p) : keep.len};
        size_t key_len, n = line.len + (end ? 1 : 0);

        if (is_sound(line, &key_len) && !has_line(list, line) && !has_line(ag_buf_span(&lines->b), line))
            ha_put(lines, "%.*s\n", (int) line.len, line.p);
        keep = (struct ag_span){keep.p + n, keep.len - n};
    }
}

static void make_gone(struct ha_text *gone, struct ha_part *h, struct ag_span keep)
{
    ag_cleanup(ha_text_deinit) struct ha_text lines = HA_TEXT_INIT, components = HA_TEXT_INIT;

    find_gone(&lines, keep, ag_buf_span(&h->list.b));
    if (lines.r == 0 && lines.b.len > 0 && (!ag_buf_cstr(&lines.b) || (h->list.b.len > 0 && !ag_buf_cstr(&h->list.b))))
        lines.r = -ENOMEM;
    if (lines.r == 0 && lines.b.len > 0) {
        put_gone(&components, ag_buf_span(&h->out.b), ag_buf_span(&h->list.b), ag_buf_span(&lines.b));
        put_message(gone, h->m, h->d, &components);
    }
    if (gone->r == 0)
        gone->r = lines.r;
}

int ha_model_build(const struct model *m, const struct ha_model_device *d, struct ag_span keep, struct ha_model_message *out,
                   struct ha_text *gone)
{
    struct ha_part h = {.m = m, .d = d, .out = HA_TEXT_INIT, .list = HA_TEXT_INIT};
    int r = ha_names_init(&h.names, m);

    *out = (struct ha_model_message){HA_TEXT_INIT, HA_TEXT_INIT, 0, 0};
    *gone = (struct ha_text) HA_TEXT_INIT;
    h.taken = calloc(m->n_props + 1, sizeof *h.taken);
    h.action_taken = calloc(m->n_actions + 1, sizeof *h.action_taken);
    if (r == 0 && (!h.taken || !h.action_taken))
        r = -ENOMEM;
    if (r == 0) {
        put_components(&h);
        put_message(&out->payload, m, d, &h.out);
        r = out->payload.r < 0 ? out->payload.r : h.list.r;
    }
    if (r == 0) {
        make_gone(gone, &h, keep);
        r = gone->r;
    }
    out->components = h.list;
    out->n = h.n;
    out->n_left_out = h.n_left_out;
    ha_names_deinit(&h.names);
    ha_text_deinit(&h.out);
    free(h.taken);
    free(h.action_taken);
    return r;
}
