/* SPDX-License-Identifier: MIT */
/*
 * Lights: on, brightness, colour temperature, colour, mode. Home Assistant counts brightness to 255 and temperatures in
 * kelvin.
 */
#include "client/cloud/mqtt/core/ha/ha_part.h"

#include <errno.h>
#include <string.h>

static const char *const services[] = {"light", "indicator-light", "ambient-light", "night-light", NULL};

enum temperature { NO_TEMPERATURE, KELVIN, MIRED };

struct light {
    const struct model_prop *on, *brightness, *temperature, *color, *mode;
    enum temperature unit;
    struct ha_prop_choices modes;
};

/* Without a unit the numbers tell: no light's temperature is below 1000 in kelvin, and none above in mired. */
static enum temperature temperature_of(const struct ha_part *h, const struct model_prop *p)
{
    const char *unit = model_str(h->m, p->unit);
    bool silent = !*unit || strcmp(unit, "none") == 0;

    if (!p->has_range || p->scale != 0 || p->min <= 0 || p->min >= p->max)
        return NO_TEMPERATURE;
    if (strcmp(unit, "kelvin") == 0 || (silent && p->min >= 1000))
        return KELVIN;
    return strcmp(unit, "mired") == 0 || strcmp(unit, "mireds") == 0 || (silent && p->min >= 100 && p->max <= 1000)
               ? MIRED
               : NO_TEMPERATURE;
}

static bool is_scale(const struct model_prop *p)
{
    return p && ha_is_number(p) && !ha_is_list(p) && p->has_range && p->min >= 0 && p->max > p->min;
}

static bool find(struct ha_part *h, const struct model_service *s, struct light *l)
{
    enum { RW = MODEL_READ | MODEL_WRITE };

    l->on = ha_find(h, s, "on", RW);
    if (!l->on || l->on->format != MODEL_BOOL)
        return false;
    l->brightness = ha_find(h, s, "brightness", RW);
    if (!is_scale(l->brightness))
        l->brightness = NULL;
    l->temperature = ha_find(h, s, "color-temperature", RW);
    l->unit = l->temperature && ha_is_number(l->temperature) ? temperature_of(h, l->temperature) : NO_TEMPERATURE;
    if (l->unit == NO_TEMPERATURE)
        l->temperature = NULL;
    l->color = ha_find(h, s, "color", RW);
    if (l->color && (l->color->format != MODEL_UINT32 || ha_is_list(l->color)))
        l->color = NULL;
    l->mode = ha_find(h, s, "mode", MODEL_WRITE);
    if (l->mode && !ha_is_list(l->mode))
        l->mode = NULL;
    return true;
}

static void take(struct ha_part *h, const struct light *l)
{
    ha_take(h, l->on);
    ha_take(h, l->brightness);
    ha_take(h, l->temperature);
    ha_take(h, l->color);
    ha_take(h, l->mode);
}

/* ---- states ---- */

static void put_on_state(struct ha_part *h, const struct light *l)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    ha_set(&t, h, l->on, "v");
    ha_put(&t, "{{ 'None' if v is not defined or v is none else 'on' if v else 'off' }}");
    ha_put_text(&h->out, "state_template", &t);
}

/* Of a number v, an expression. */
static void put_number_template(struct ha_part *h, const char *key, const struct model_prop *p, const char *expression,
                                const char *other)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    ha_set(&t, h, p, "v");
    ha_put(&t, "{{ %s if v is number and v is not boolean else %s }}", expression, other);
    ha_put_text(&h->out, key, &t);
}

static void put_brightness_state(struct ha_part *h, const struct model_prop *p)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    ha_set(&t, h, p, "v");
    ha_put(&t, "{{ [(v * 255 / ");
    ha_number(&t, p, p->max);
    ha_put(&t, ") | round(0) | int, 255] | min if v is number and v is not boolean else 0 }}");
    ha_put_text(&h->out, "brightness_template", &t);
}

static void put_color_state(struct ha_part *h, const struct model_prop *p)
{
    put_number_template(h, "red_template", p, "(v | int) // 65536 % 256", "'None'");
    put_number_template(h, "green_template", p, "(v | int) // 256 % 256", "'None'");
    put_number_template(h, "blue_template", p, "(v | int) % 256", "'None'");
}

static void put_kelvin_bounds(struct ha_part *h, const struct light *l)
{
    long long min = l->temperature->min, max = l->temperature->max;

    if (l->unit == KELVIN)
        ha_put(&h->out, ",\"color_temp_kelvin\":true,\"min_kelvin\":%lld,\"max_kelvin\":%lld", min, max);
    else
        ha_put(&h->out, ",\"color_temp_kelvin\":true,\"min_kelvin\":%lld,\"max_kelvin\":%lld", (1000000 + max - 1) / max,
               1000000 / min);
}

static void put_effect_state(struct ha_part *h, const struct light *l)
{
    ha_put_texts(h, "effect_list", &l->modes.c);
    if (ha_readable(l->mode))
        ha_put_choice_state(h, NULL, "effect_template", l->mode, &l->modes.c);
}

/* ---- commands ---- */

/* {% if WORD is defined %},{...:{{ EXPRESSION }}}{% endif %} */
static void put_part(struct ha_text *t, struct ha_part *h, const struct model_prop *p, const char *word, const char *expression,
                     int64_t least, const char *filter)
{
    ha_put(t, "{%% if %s is defined %%},", word);
    ha_entry_begin(t, h, p);
    ha_put(t, "{{ (");
    ha_snap(t, p, expression, least);
    ha_put(t, ")%s }}", filter);
    ha_entry_end(t);
    ha_put(t, "{%% endif %%}");
}

/* A light that is on never has brightness 0. */
static int64_t dimmest(const struct model_prop *p)
{
    return p->min > 0 ? p->min : p->step > 0 ? p->step : 1;
}

static void put_brightness_part(struct ha_text *t, struct ha_part *h, const struct model_prop *p)
{
    ag_cleanup(ha_text_deinit) struct ha_text e = HA_TEXT_INIT;
    char filter[32] = " | round(0) | int";

    ha_put(&e, "brightness * ");
    ha_number(&e, p, p->max);
    ha_put(&e, " / 255");
    if (e.r == 0 && !ag_buf_cstr(&e.b))
        e.r = -ENOMEM;
    if (p->format == MODEL_FLOAT)
        memcpy(filter, " | round(3)", 12);
    if (e.r == 0)
        put_part(t, h, p, "brightness", e.b.data, dimmest(p), filter);
    else if (t->r == 0)
        t->r = -ENOMEM;
}

static void put_effect_part(struct ha_text *t, struct ha_part *h, const struct light *l)
{
    ha_put(t, "{%% if effect is defined %%},");
    ha_entry_begin(t, h, l->mode);
    ha_put(t, "{{ ");
    if (t->r == 0)
        t->r = ha_choices_map(&l->modes.c, &t->b, true);
    ha_put(t, "[effect] | tojson }}");
    ha_entry_end(t);
    ha_put(t, "{%% endif %%}");
}

static void put_commands(struct ha_part *h, const struct light *l)
{
    ag_cleanup(ha_text_deinit) struct ha_text on = HA_TEXT_INIT, off = HA_TEXT_INIT;
    const struct model_prop *t = l->temperature;

    ha_command(&off, h, l->on, "false");
    ha_command_begin(&on);
    ha_entry(&on, h, l->on, "true");
    if (l->brightness)
        put_brightness_part(&on, h, l->brightness);
    if (t)
        put_part(&on, h, t, "color_temp", l->unit == KELVIN ? "color_temp" : "1000000 / color_temp", t->min, " | round(0) | int");
    if (l->color)
        put_part(&on, h, l->color, "red", "red * 65536 + green * 256 + blue", l->color->min, " | int");
    if (l->mode)
        put_effect_part(&on, h, l);
    ha_command_end(&on);
    ha_put_member(&h->out, "command_topic", h->d->command_topic);
    ha_put_text(&h->out, "command_on_template", &on);
    ha_put_text(&h->out, "command_off_template", &off);
}

static void write_light(struct ha_part *h, const struct light *l)
{
    ha_put_member(&h->out, "schema", "template");
    ha_put_member(&h->out, "state_topic", h->d->state_topic);
    put_on_state(h, l);
    if (l->brightness)
        put_brightness_state(h, l->brightness);
    if (l->temperature) {
        put_kelvin_bounds(h, l);
        put_number_template(h, "color_temp_template", l->temperature,
                            l->unit == KELVIN ? "v | int" : "(1000000 / v) | round(0) | int if v else 'None'", "'None'");
    }
    if (l->color)
        put_color_state(h, l->color);
    if (l->mode)
        put_effect_state(h, l);
    put_commands(h, l);
}

bool ha_light(struct ha_part *h, const struct model_service *s)
{
    struct light l = {.unit = NO_TEMPERATURE};
    struct ha_head head = {.platform = "light"};

    if (!ha_service_is(h, s, services) || !find(h, s, &l))
        return false;
    if (l.mode)
        ha_prop_choices_read(h, l.mode, &l.modes);
    take(h, &l);
    ha_begin_service(h, &head, s, "light");
    write_light(h, &l);
    ha_end(h, &head);
    ha_prop_choices_deinit(&l.modes);
    return true;
}
