/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/core/ha/ha_part.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FRAME_MAX = 16384 }; /* of the message: device and origin */

void ha_begin(struct ha_part *h, const struct ha_head *head)
{
    struct ha_text *o = &h->out;

    h->out_mark = o->b.len;
    ha_put(o, "%s\"%s\":{\"platform\":\"%s\",\"unique_id\":\"miio_%s_%s\",\"default_entity_id\":\"%s.miio_%s_%s\"",
           o->b.len > 0 ? "," : "", head->key, head->platform, h->d->did, head->unique, head->platform, h->d->did, head->entity);
    if (head->name)
        ha_put_member(o, "name", head->name);
    else
        ha_put(o, ",\"name\":null");
    if (head->device_class)
        ha_put_member(o, "device_class", head->device_class);
    if (head->category)
        ha_put_member(o, "entity_category", head->category);
    ha_put_member(o, "availability_topic", h->d->status_topic);
    ha_put(o, ",\"qos\":1");
}

/* What goes beyond the bound is taken out again. */
void ha_end(struct ha_part *h, const struct ha_head *head)
{
    ha_put(&h->out, "}");
    if (h->out.r == 0 && h->out.b.len > h->d->bytes_max - FRAME_MAX) {
        h->out.b.len = h->out_mark;
        h->n_left_out++;
        return;
    }
    h->n++;
    ha_put(&h->list, "%s %s\n", head->key, head->platform);
}

void ha_begin_service(struct ha_part *h, struct ha_head *head, const struct model_service *s, const char *platform)
{
    ag_cleanup(ha_text_deinit) struct ha_text name = HA_TEXT_INIT;
    const char *service = model_str(h->m, s->name);
    char entity[80];

    snprintf(head->key, sizeof head->key, "s%u", s->siid);
    snprintf(head->unique, sizeof head->unique, "s%u", s->siid);
    ha_entity_of(entity, sizeof entity, service, s->siid, 0);
    head->platform = platform;
    head->entity = entity;
    head->category = ha_category(service, "", true);
    if (h->has_main) {
        ha_name_put(&name, model_str(h->m, s->description), service);
        if (name.r == 0 && !ag_buf_cstr(&name.b))
            name.r = -ENOMEM;
        if (h->out.r == 0)
            h->out.r = name.r;
        head->name = name.r == 0 ? name.b.data : "";
    }
    h->has_main = true;
    ha_begin(h, head);
    head->name = head->entity = NULL; /* they end here */
}

/* ---- finding ---- */

bool ha_taken(const struct ha_part *h, const struct model_prop *p)
{
    return h->taken[p - h->m->props];
}

void ha_take(struct ha_part *h, const struct model_prop *p)
{
    if (p)
        h->taken[p - h->m->props] = true;
}

const struct model_prop *ha_find(const struct ha_part *h, const struct model_service *s, const char *name, unsigned access)
{
    for (uint32_t i = 0; i < s->n_props; i++) {
        const struct model_prop *p = &h->m->props[s->first_prop + i];

        if (!ha_taken(h, p) && (p->access & access) == access && strcmp(ha_prop_name(h, p), name) == 0)
            return p;
    }
    return NULL;
}

static const struct model_prop *reading_of(const struct ha_part *h, const struct model_service *s, const char *name)
{
    for (uint32_t i = 0; i < s->n_props; i++) {
        const struct model_prop *p = &h->m->props[s->first_prop + i];

        if (ha_readable(p) && ha_is_number(p) && strcmp(ha_prop_name(h, p), name) == 0)
            return p;
    }
    return NULL;
}

const struct model_prop *ha_find_reading(const struct ha_part *h, const struct model_service *s, const char *name)
{
    static const char *const around[] = {"environment", "temperature-humidity-sensor", NULL};
    const struct model_prop *p = reading_of(h, s, name);

    for (uint32_t i = 0; !p && i < h->m->n_services; i++) {
        if (ha_service_is(h, &h->m->services[i], around))
            p = reading_of(h, &h->m->services[i], name);
    }
    return p;
}

const struct model_call *ha_find_action(const struct ha_part *h, const struct model_service *s, const char *name)
{
    for (uint32_t i = 0; i < s->n_actions; i++) {
        const struct model_call *a = &h->m->actions[s->first_action + i];

        if (a->n_in == 0 && strcmp(model_str(h->m, a->name), name) == 0)
            return a;
    }
    return NULL;
}

bool ha_service_is(const struct ha_part *h, const struct model_service *s, const char *const *names)
{
    while (*names && strcmp(*names, model_str(h->m, s->name)) != 0)
        names++;
    return *names != NULL;
}
