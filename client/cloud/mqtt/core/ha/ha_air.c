/* SPDX-License-Identifier: MIT */
/* Air conditioners, heaters, thermostats: climate. Water heaters. */
#include "client/cloud/mqtt/core/ha/ha_part.h"

#include <string.h>

static const char *const climates[] = {"air-conditioner",      "heater", "thermostat", "ptc-bath-heater", "bath-heater",
                                       "air-condition-outlet", NULL};
static const char *const water_heaters[] = {"water-heater", NULL};

enum { RW = MODEL_READ | MODEL_WRITE };

static bool has(const char *text, const char *word)
{
    return strstr(text, word) != NULL;
}

static const char *climate_word(const char *t)
{
    if (strcmp(t, "off") == 0 || strcmp(t, "idle") == 0 || strcmp(t, "stop") == 0 || strcmp(t, "\xe5\x85\xb3\xe9\x97\xad") == 0)
        return "off";
    if (has(t, "auto") || has(t, "\xe8\x87\xaa\xe5\x8a\xa8"))
        return "auto";
    if (has(t, "heat") && has(t, "cool"))
        return "heat_cool";
    if (has(t, "cool") || has(t, "\xe5\x88\xb6\xe5\x86\xb7"))
        return "cool";
    if (has(t, "heat") || has(t, "warm") || has(t, "\xe5\x88\xb6\xe7\x83\xad"))
        return "heat";
    if (has(t, "dry") || has(t, "dehumid") || has(t, "\xe9\x99\xa4\xe6\xb9\xbf"))
        return "dry";
    if (has(t, "fan") || has(t, "wind") || has(t, "ventilat") || has(t, "blow") || has(t, "\xe9\x80\x81\xe9\xa3\x8e"))
        return "fan_only";
    return NULL;
}

/* What is always on in Home Assistant's eyes needs a word for it. */
static const char *water_word(const char *t)
{
    if (strcmp(t, "off") == 0)
        return "off";
    if (has(t, "eco") || has(t, "energy") || has(t, "saving"))
        return "eco";
    if (has(t, "heat pump"))
        return "heat_pump";
    if (has(t, "gas"))
        return "gas";
    if (has(t, "perform") || has(t, "boost") || has(t, "quick") || has(t, "fast"))
        return "performance";
    if (has(t, "demand") || has(t, "max"))
        return "high_demand";
    return NULL;
}

struct air {
    const struct model_prop *on, *mode, *target;
    ha_word_fn *word;
    const char *plain; /* the mode of one that is on and tells nothing else */
};

/* mode: only one with a word that Home Assistant knows. */
static bool find(const struct ha_part *h, const struct model_service *s, ha_word_fn *word, struct air *a)
{
    const struct model_prop *mode = ha_find(h, s, "mode", RW);
    const char *unit;

    *a = (struct air){.word = word, .target = ha_find(h, s, "target-temperature", RW), .on = ha_find(h, s, "on", RW)};
    if (!a->target || !ha_is_number(a->target) || ha_is_list(a->target) || !a->target->has_range ||
        a->target->min >= a->target->max)
        return false;
    unit = model_str(h->m, a->target->unit);
    if (strcmp(unit, "kelvin") == 0)
        return false;
    if (a->on && a->on->format != MODEL_BOOL)
        a->on = NULL;
    for (uint32_t i = 0; mode && ha_is_list(mode) && !a->mode && i < mode->n_choices; i++)
        a->mode = ha_word_of(h, &h->m->choices[mode->first_choice + i], word) ? mode : NULL;
    return a->on || a->mode;
}

/* ---- modes ---- */

static void put_word(struct ha_part *h, const char *word, unsigned *n)
{
    ha_put(&h->out, "%s\"%s\"", (*n)++ > 0 ? "," : "", word);
}

static void put_modes(struct ha_part *h, const struct air *a)
{
    unsigned n = 0;

    ha_put(&h->out, ",\"modes\":[");
    if (a->on)
        put_word(h, "off", &n);
    for (uint32_t i = 0; a->mode && i < a->mode->n_choices; i++) {
        const struct model_choice *c = &h->m->choices[a->mode->first_choice + i];
        const char *word = ha_word_of(h, c, a->word);

        if (word && ha_word_choice(h, a->mode, a->word, word) == c && !(a->on && strcmp(word, "off") == 0) &&
            strcmp(word, a->plain) != 0)
            put_word(h, word, &n);
    }
    if (!a->mode || ha_word_choice(h, a->mode, a->word, a->plain) || a->word == water_word)
        put_word(h, a->plain, &n);
    ha_put(&h->out, "]");
}

static void put_mode_state(struct ha_part *h, const struct air *a)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;
    const char *other = a->word == water_word ? a->plain : "None";

    if (a->on)
        ha_set(&t, h, a->on, "p");
    if (a->mode)
        ha_set(&t, h, a->mode, "m");
    ha_put(&t, "{{ ");
    if (a->on)
        ha_put(&t, "'' if p is not defined else 'None' if p is none else 'off' if not p else ");
    else
        ha_put(&t, "'' if m is not defined else ");
    if (a->mode) {
        ha_word_map(&t, h, a->mode, a->word, false);
        ha_put(&t, ".get(m, '%s') if m is number else '%s' }}", other, other);
    } else {
        ha_put(&t, "'%s' }}", a->plain);
    }
    ha_put_member(&h->out, "mode_state_topic", h->d->state_topic);
    ha_put_text(&h->out, "mode_state_template", &t);
}

/* {% set w = {'cool':0,...} %}: the words that are values of the mode. */
static void put_mode_command(struct ha_part *h, const struct air *a)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    if (a->mode) {
        ha_put(&t, "{%% set w = ");
        ha_word_map(&t, h, a->mode, a->word, true);
        ha_put(&t, " %%}");
    }
    ha_command_begin(&t);
    if (a->on)
        ha_entry(&t, h, a->on, "{{ 'false' if value == 'off' else 'true' }}");
    if (a->mode) {
        ha_put(&t, a->on ? "{%% if value in w and value != 'off' %%}," : "{%% if value in w %%}");
        ha_entry(&t, h, a->mode, "{{ w[value] }}");
        ha_put(&t, "{%% endif %%}");
    }
    ha_command_end(&t);
    ha_put_member(&h->out, "mode_command_topic", h->d->command_topic);
    ha_put_text(&h->out, "mode_command_template", &t);
}

/* ---- temperatures ---- */

static void put_member_number(struct ha_part *h, const char *key, const struct model_prop *p, int64_t units)
{
    ag_cleanup(ha_text_deinit) struct ha_text n = HA_TEXT_INIT;

    ha_number(&n, p, units);
    if (h->out.r == 0)
        h->out.r = n.r;
    if (n.r == 0 && units < 0) /* without its brackets */
        ha_put(&h->out, ",\"%s\":%.*s", key, (int) n.b.len - 2, n.b.data + 1);
    else if (n.r == 0)
        ha_put(&h->out, ",\"%s\":%.*s", key, (int) n.b.len, n.b.data);
}

static bool is_fahrenheit(const struct ha_part *h, const struct model_prop *p)
{
    return strcmp(model_str(h->m, p->unit), "fahrenheit") == 0;
}

static void put_temperatures(struct ha_part *h, const struct model_service *s, const struct air *a, bool steps)
{
    const struct model_prop *p = a->target, *now = ha_find_reading(h, s, "temperature");

    ha_put(&h->out, ",\"temperature_unit\":\"%s\",\"precision\":%s", is_fahrenheit(h, p) ? "F" : "C",
           ha_decimals(p) == 0 ? "1.0" : "0.1");
    put_member_number(h, "min_temp", p, p->min);
    put_member_number(h, "max_temp", p, p->max);
    if (steps && p->step > 0)
        put_member_number(h, "temp_step", p, p->step);
    ha_put_number_state(h, "temperature_state_topic", "temperature_state_template", p);
    ha_put_number_command(h, "temperature_command_topic", "temperature_command_template", p);
    if (now && is_fahrenheit(h, now) == is_fahrenheit(h, p))
        ha_put_number_state(h, "current_temperature_topic", "current_temperature_template", now);
}

/* ---- what an air conditioner has beside them ---- */

static void put_fan_modes(struct ha_part *h, const struct model_service *s)
{
    ag_cleanup(ha_prop_choices_deinit) struct ha_prop_choices c = {.numbers = NULL};
    const struct model_prop *p = ha_find(h, s, "fan-level", RW);

    if (!p || !ha_is_list(p))
        return;
    ha_prop_choices_read(h, p, &c);
    ha_put_texts(h, "fan_modes", &c.c);
    ha_put_choice_state(h, "fan_mode_state_topic", "fan_mode_state_template", p, &c.c);
    ha_put_choice_command(h, "fan_mode_command_topic", "fan_mode_command_template", p, &c.c);
    ha_take(h, p);
}

static void put_swing(struct ha_part *h, const struct model_service *s, const char *name, bool level)
{
    const struct model_prop *p = ha_find(h, s, name, RW);

    if (!p || p->format != MODEL_BOOL)
        return;
    ha_put(&h->out, level ? ",\"swing_horizontal_modes\":[\"on\",\"off\"]" : ",\"swing_modes\":[\"on\",\"off\"]");
    ha_put_bool_state(h, level ? "swing_horizontal_mode_state_topic" : "swing_mode_state_topic",
                      level ? "swing_horizontal_mode_state_template" : "swing_mode_state_template", p, "on", "off");
    ha_put_bool_command(h, level ? "swing_horizontal_mode_command_topic" : "swing_mode_command_topic",
                        level ? "swing_horizontal_mode_command_template" : "swing_mode_command_template", p, "on");
    ha_take(h, p);
}

static void put_humidity(struct ha_part *h, const struct model_service *s)
{
    const struct model_prop *target = ha_find(h, s, "target-humidity", RW), *now = ha_find_reading(h, s, "relative-humidity");

    if (target && ha_is_number(target) && !ha_is_list(target) && target->has_range && target->scale == 0 && target->min >= 0 &&
        target->min < target->max && target->max <= 100) {
        ha_put(&h->out, ",\"min_humidity\":%lld,\"max_humidity\":%lld", (long long) target->min, (long long) target->max);
        ha_put_number_state(h, "target_humidity_state_topic", "target_humidity_state_template", target);
        ha_put_number_command(h, "target_humidity_command_topic", "target_humidity_command_template", target);
        ha_take(h, target);
    }
    if (now)
        ha_put_number_state(h, "current_humidity_topic", "current_humidity_template", now);
}

/* A property with words for only some of its values stays a select as well. */
static void take(struct ha_part *h, const struct air *a)
{
    ha_take(h, a->on);
    ha_take(h, a->target);
    if (a->mode && ha_words_cover(h, a->mode, a->word))
        ha_take(h, a->mode);
}

bool ha_climate(struct ha_part *h, const struct model_service *s)
{
    struct ha_head head = {.platform = "climate"};
    struct air a;

    if (!ha_service_is(h, s, climates) || !find(h, s, climate_word, &a))
        return false;
    a.plain = strcmp(model_str(h->m, s->name), "air-conditioner") == 0 ? "auto" : "heat";
    ha_begin_service(h, &head, s, "climate");
    put_modes(h, &a);
    put_mode_state(h, &a);
    put_mode_command(h, &a);
    put_temperatures(h, s, &a, true);
    put_fan_modes(h, s);
    put_swing(h, s, "vertical-swing", false);
    put_swing(h, s, "horizontal-swing", true);
    put_humidity(h, s);
    take(h, &a);
    ha_end(h, &head);
    return true;
}

bool ha_water_heater(struct ha_part *h, const struct model_service *s)
{
    struct ha_head head = {.platform = "water_heater"};
    struct air a;

    if (!ha_service_is(h, s, water_heaters) || !find(h, s, water_word, &a) || !a.on)
        return false;
    a.plain = "electric";
    ha_begin_service(h, &head, s, "water_heater");
    put_modes(h, &a);
    put_mode_state(h, &a);
    put_mode_command(h, &a);
    put_temperatures(h, s, &a, false);
    take(h, &a);
    ha_end(h, &head);
    return true;
}
