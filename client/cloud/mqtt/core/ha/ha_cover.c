/* SPDX-License-Identifier: MIT */
/* Curtains, windows, blinds: a motor that opens, closes and stops, and a position. */
#include "client/cloud/mqtt/core/ha/ha_part.h"

#include <errno.h>
#include <string.h>
#include "libagent/model/core/number.h"

static const char *const services[] = {"curtain", "window-opener", "motor-controller", "airer", "window-door", "shade", "blind",
                                       NULL};

struct cover {
    const struct model_prop *motor, *now, *target, *status;
};

static bool has(const char *text, const char *word)
{
    return strstr(text, word) != NULL;
}

static const char *motor_word(const char *t)
{
    if (has(t, "pause") || has(t, "stop") || has(t, "\xe6\x9a\x82\xe5\x81\x9c") || has(t, "\xe5\x81\x9c\xe6\xad\xa2"))
        return "stop";
    if (has(t, "open") || strcmp(t, "up") == 0 || has(t, "rise") || has(t, "\xe5\xbc\x80"))
        return "open";
    return has(t, "close") || strcmp(t, "down") == 0 || has(t, "\xe5\x85\xb3") ? "close" : NULL;
}

static const char *status_word(const char *t)
{
    if (has(t, "opening") || has(t, "rising") || strcmp(t, "up") == 0)
        return "opening";
    if (has(t, "closing") || has(t, "falling") || has(t, "dropping") || strcmp(t, "down") == 0)
        return "closing";
    if (has(t, "stop") || has(t, "pause") || has(t, "idle"))
        return "stopped";
    if (has(t, "closed") || strcmp(t, "close") == 0)
        return "closed";
    return has(t, "open") ? "open" : NULL;
}

/* Home Assistant counts positions in whole numbers. */
static const struct model_prop *find_position(const struct ha_part *h, const struct model_service *s, const char *name,
                                              unsigned access)
{
    const struct model_prop *p = ha_find(h, s, name, access);

    if (!p || !ha_is_number(p) || ha_is_list(p) || !p->has_range || p->scale != 0)
        return NULL;
    return p->min >= INT32_MIN && p->max <= INT32_MAX && p->min < p->max ? p : NULL;
}

static bool find(const struct ha_part *h, const struct model_service *s, struct cover *c)
{
    *c = (struct cover){.motor = ha_find(h, s, "motor-control", MODEL_WRITE)};
    if (!c->motor || !ha_is_list(c->motor))
        return false;
    c->target = find_position(h, s, "target-position", MODEL_WRITE);
    c->now = find_position(h, s, "current-position", MODEL_READ);
    if (!c->now && c->target && ha_readable(c->target))
        c->now = c->target;
    c->status = ha_find(h, s, "status", MODEL_READ);
    if (c->status && (!ha_is_list(c->status) || (!ha_word_choice(h, c->status, status_word, "opening") &&
                                                 !ha_word_choice(h, c->status, status_word, "open"))))
        c->status = NULL;
    return ha_word_choice(h, c->motor, motor_word, "open") && ha_word_choice(h, c->motor, motor_word, "close");
}

/* Finished texts: covers have no command template. */
static void put_motor(struct ha_part *h, const struct model_prop *p, const char *key, const char *word)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;
    const struct model_choice *c = ha_word_choice(h, p, motor_word, word);
    char value[MODEL_NUMBER_TEXT];

    if (!c) {
        ha_put(&h->out, ",\"%s\":null", key); /* there is no such command */
        return;
    }
    ag_model_number_write(c->value, p->scale, value);
    ha_command(&t, h, p, value);
    ha_put_text(&h->out, key, &t);
}

static void put_status(struct ha_part *h, const struct model_prop *p)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    ha_set(&t, h, p, "v");
    ha_put(&t, "{{ '' if v is not defined else ");
    ha_word_map(&t, h, p, status_word, false);
    ha_put(&t, ".get(v, 'None') if v is number else 'None' }}");
    ha_put_member(&h->out, "state_topic", h->d->state_topic);
    ha_put_text(&h->out, "value_template", &t);
}

/* Both ends are those of the reading; the target is moved to its own. */
static void put_target(struct ha_part *h, const struct cover *c)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT, e = HA_TEXT_INIT;
    const struct model_prop *p = c->target;

    ha_put(&e, "position * (%lld) / 100 + (%lld)", (long long) (p->max - p->min), (long long) p->min);
    if (e.r == 0 && !ag_buf_cstr(&e.b))
        e.r = -ENOMEM;
    if (e.r < 0) {
        h->out.r = h->out.r < 0 ? h->out.r : e.r;
        return;
    }
    ha_command_begin(&t);
    ha_entry_begin(&t, h, p);
    ha_put(&t, "{{ (");
    ha_snap(&t, p, e.b.data, p->min);
    ha_put(&t, ") | round(0) | int }}");
    ha_entry_end(&t);
    ha_command_end(&t);
    ha_put_member(&h->out, "set_position_topic", h->d->command_topic);
    ha_put_text(&h->out, "set_position_template", &t);
}

static void put_position(struct ha_part *h, const struct cover *c)
{
    ha_put(&h->out, ",\"position_open\":%lld,\"position_closed\":%lld", (long long) c->now->max, (long long) c->now->min);
    ha_put_number_state(h, "position_topic", "position_template", c->now);
    if (c->target)
        put_target(h, c);
}

static const char *class_of(const char *service)
{
    static const char *const pairs[][2] = {
        {"curtain", "curtain"}, {"window-opener", "window"}, {"shade", "shade"}, {"blind", "blind"}};

    for (size_t i = 0; i < ag_array_size(pairs); i++) {
        if (strcmp(pairs[i][0], service) == 0)
            return pairs[i][1];
    }
    return NULL;
}

bool ha_cover(struct ha_part *h, const struct model_service *s)
{
    struct ha_head head = {.platform = "cover"};
    struct cover c;

    if (!ha_service_is(h, s, services) || !find(h, s, &c))
        return false;
    head.device_class = class_of(model_str(h->m, s->name));
    ha_begin_service(h, &head, s, "cover");
    ha_put_member(&h->out, "command_topic", h->d->command_topic);
    put_motor(h, c.motor, "payload_open", "open");
    put_motor(h, c.motor, "payload_close", "close");
    put_motor(h, c.motor, "payload_stop", "stop");
    ha_take(h, c.motor);
    if (c.status) {
        put_status(h, c.status);
        if (ha_words_cover(h, c.status, status_word))
            ha_take(h, c.status);
    }
    if (c.now) {
        put_position(h, &c);
        ha_take(h, c.now);
        ha_take(h, c.target);
    }
    ha_end(h, &head);
    return true;
}
