/* SPDX-License-Identifier: MIT */
/* Fans, air purifiers and the like: levels, modes, swinging, direction. Humidifiers. */
#include "client/cloud/mqtt/core/ha/ha_part.h"

#include <string.h>
#include "libagent/model/core/number.h"

static const char *const fans[] = {"fan", "fan-control", "ceiling-fan", "air-purifier", "air-fresh", NULL};
static const char *const humidifiers[] = {"humidifier", "dehumidifier", NULL};

enum { RW = MODEL_READ | MODEL_WRITE, LEVELS_MAX = 100000 };

static const char *level_word(const char *lower)
{
    return strstr(lower, "auto") || strstr(lower, "off") || strstr(lower, "\xe8\x87\xaa\xe5\x8a\xa8") ? NULL : "level";
}

/* ---- levels: 1 to n at Home Assistant, whatever they are called on the device ---- */

struct levels {
    const struct model_prop *p;
    int64_t first; /* of a range: the value of level 1 */
    int64_t n;
};

static bool find_levels(const struct ha_part *h, const struct model_service *s, struct levels *l)
{
    const struct model_prop *p = ha_find(h, s, "fan-level", RW);
    int64_t step;

    p = p ? p : ha_find(h, s, "speed-level", RW);
    *l = (struct levels){.p = p};
    if (!p || !ha_is_number(p))
        return false;
    if (ha_is_list(p)) {
        for (uint32_t i = 0; i < p->n_choices; i++)
            l->n += ha_word_of(h, &h->m->choices[p->first_choice + i], level_word) != NULL;
        return l->n > 1;
    }
    if (p->n_choices > 0 || !p->has_range || p->min < 0 || p->max <= p->min)
        return false;
    step = p->step > 0 ? p->step : (int64_t) ag_model_number_power(p->scale);
    l->first = p->min > 0 ? p->min : step;
    l->n = l->first <= p->max ? (p->max - l->first) / step + 1 : 0;
    return l->n > 1 && l->n <= LEVELS_MAX;
}

/* {VALUE:LEVEL,...}; or turned: the other way round. */
static void put_level_map(struct ha_text *t, const struct ha_part *h, const struct model_prop *p, bool turned)
{
    unsigned level = 0;

    ha_put(t, "{");
    for (uint32_t i = 0; i < p->n_choices; i++) {
        const struct model_choice *c = &h->m->choices[p->first_choice + i];

        if (!ha_word_of(h, c, level_word))
            continue;
        ha_put(t, level++ > 0 ? "," : "");
        if (turned)
            ha_put(t, "%u:", level);
        ha_number(t, p, c->value);
        if (!turned)
            ha_put(t, ":%u", level);
    }
    ha_put(t, "}");
}

static void put_level_state(struct ha_part *h, const struct levels *l)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;
    const struct model_prop *p = l->p;

    ha_set(&t, h, p, "v");
    if (ha_is_list(p)) {
        ha_put(&t, "{{ '' if v is not defined else ");
        put_level_map(&t, h, p, false);
        ha_put(&t, ".get(v, 'None') if v is number else 'None' }}");
    } else {
        ha_put(&t, "{{ ((v - ");
        ha_number(&t, p, l->first);
        ha_put(&t, ") / ");
        ha_number(&t, p, p->step > 0 ? p->step : (int64_t) ag_model_number_power(p->scale));
        ha_put(&t, ") | round(0) | int + 1 if v is number and v is not boolean else 'None' if v is none else '' }}");
    }
    ha_put_member(&h->out, "percentage_state_topic", h->d->state_topic);
    ha_put_text(&h->out, "percentage_value_template", &t);
}

static void put_level_value(struct ha_text *t, const struct ha_part *h, const struct levels *l)
{
    const struct model_prop *p = l->p;

    ha_put(t, "{{ ");
    if (ha_is_list(p)) {
        put_level_map(t, h, p, true);
        ha_put(t, "[value | int] }}");
        return;
    }
    ha_put(t, "((value | int - 1) * ");
    ha_number(t, p, p->step > 0 ? p->step : (int64_t) ag_model_number_power(p->scale));
    ha_put(t, " + ");
    ha_number(t, p, l->first);
    ha_put(t, ")");
    if (p->format == MODEL_FLOAT)
        ha_put(t, " | round(%u)", ha_decimals(p));
    ha_put(t, " }}");
}

static void put_levels(struct ha_part *h, const struct model_prop *on, const struct levels *l)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    put_level_state(h, l);
    ha_put(&h->out, ",\"speed_range_min\":1,\"speed_range_max\":%lld", (long long) l->n);
    ha_command_begin(&t);
    ha_entry(&t, h, on, "{{ 'true' if value | int > 0 else 'false' }}");
    ha_put(&t, "{%% if value | int > 0 %%},");
    ha_entry_begin(&t, h, l->p);
    put_level_value(&t, h, l);
    ha_entry_end(&t);
    ha_put(&t, "{%% endif %%}");
    ha_command_end(&t);
    ha_put_member(&h->out, "percentage_command_topic", h->d->command_topic);
    ha_put_text(&h->out, "percentage_command_template", &t);
}

/* ---- fan ---- */

static void put_modes(struct ha_part *h, const struct model_prop *p, const char *list, const char *state_topic,
                      const char *state_template, const char *command_topic, const char *command_template)
{
    ag_cleanup(ha_prop_choices_deinit) struct ha_prop_choices c;

    ha_prop_choices_read(h, p, &c);
    ha_put_texts(h, list, &c.c);
    if (ha_readable(p))
        ha_put_choice_state(h, state_topic, state_template, p, &c.c);
    ha_put_choice_command(h, command_topic, command_template, p, &c.c);
    ha_take(h, p);
}

/* on and off are sent and compared as ON and OFF */
static void put_power(struct ha_part *h, const struct model_prop *on)
{
    ha_put_bool_state(h, "state_topic", "state_value_template", on, "ON", "OFF");
    ha_put_bool_command(h, "command_topic", "command_template", on, "ON");
    ha_take(h, on);
}

static const struct model_prop *find_list(const struct ha_part *h, const struct model_service *s, const char *name)
{
    const struct model_prop *p = ha_find(h, s, name, MODEL_WRITE);

    return p && ha_is_list(p) ? p : NULL;
}

static const struct model_prop *find_bool(const struct ha_part *h, const struct model_service *s, const char *name)
{
    const struct model_prop *p = ha_find(h, s, name, RW);

    return p && p->format == MODEL_BOOL ? p : NULL;
}

/* Of a fan, as Home Assistant names it, and the model's properties that can be it: the first that is there is taken. */
struct two_ways {
    const char *names[2];
    const char *state_topic, *state_template, *command_topic, *command_template;
    const char *yes, *no; /* the states */
};

static void put_two_ways(struct ha_part *h, const struct model_service *s, const struct two_ways *w)
{
    const struct model_prop *p = find_bool(h, s, w->names[0]);

    p = p ? p : find_bool(h, s, w->names[1]);
    if (!p)
        return;
    ha_put_bool_state(h, w->state_topic, w->state_template, p, w->yes, w->no);
    ha_put_bool_command(h, w->command_topic, w->command_template, p, w->yes);
    ha_take(h, p);
}

static void put_swing(struct ha_part *h, const struct model_service *s)
{
    static const struct two_ways swing = {{"horizontal-swing", "vertical-swing"},
                                          "oscillation_state_topic",
                                          "oscillation_value_template",
                                          "oscillation_command_topic",
                                          "oscillation_command_template",
                                          "oscillate_on",
                                          "oscillate_off"};

    put_two_ways(h, s, &swing);
}

static void put_direction(struct ha_part *h, const struct model_service *s)
{
    static const struct two_ways direction = {{"wind-reverse", "motor-reverse"},
                                              "direction_state_topic",
                                              "direction_value_template",
                                              "direction_command_topic",
                                              "direction_command_template",
                                              "reverse",
                                              "forward"};

    put_two_ways(h, s, &direction);
}

bool ha_fan(struct ha_part *h, const struct model_service *s)
{
    const struct model_prop *on = find_bool(h, s, "on"), *mode;
    struct ha_head head = {.platform = "fan"};
    struct levels levels;

    if (!ha_service_is(h, s, fans) || !on)
        return false;
    ha_begin_service(h, &head, s, "fan");
    put_power(h, on);
    if (find_levels(h, s, &levels)) {
        put_levels(h, on, &levels);
        ha_take(h, levels.p);
    }
    mode = find_list(h, s, "mode");
    if (mode)
        put_modes(h, mode, "preset_modes", "preset_mode_state_topic", "preset_mode_value_template", "preset_mode_command_topic",
                  "preset_mode_command_template");
    put_swing(h, s);
    put_direction(h, s);
    ha_end(h, &head);
    return true;
}

/* ---- humidifier ---- */

static const struct model_prop *find_target(const struct ha_part *h, const struct model_service *s)
{
    const struct model_prop *p = ha_find(h, s, "target-humidity", RW);

    if (!p || !ha_is_number(p) || ha_is_list(p) || !p->has_range || p->scale != 0)
        return NULL;
    return p->min >= 0 && p->min < p->max && p->max <= 100 ? p : NULL;
}

/* Home Assistant has none without a target: such a one becomes a switch and a select. */
bool ha_humidifier(struct ha_part *h, const struct model_service *s)
{
    const struct model_prop *on = find_bool(h, s, "on"), *target = find_target(h, s), *now, *mode;
    struct ha_head head = {.platform = "humidifier"};

    if (!ha_service_is(h, s, humidifiers) || !on || !target)
        return false;
    head.device_class = model_str(h->m, s->name);
    ha_begin_service(h, &head, s, "humidifier");
    put_power(h, on);
    ha_put(&h->out, ",\"min_humidity\":%lld,\"max_humidity\":%lld", (long long) target->min, (long long) target->max);
    ha_put_number_state(h, "target_humidity_state_topic", "target_humidity_state_template", target);
    ha_put_number_command(h, "target_humidity_command_topic", "target_humidity_command_template", target);
    ha_take(h, target);
    now = ha_find_reading(h, s, "relative-humidity");
    if (now)
        ha_put_number_state(h, "current_humidity_topic", "current_humidity_template", now);
    mode = find_list(h, s, "mode");
    if (mode)
        put_modes(h, mode, "modes", "mode_state_topic", "mode_state_template", "mode_command_topic", "mode_command_template");
    ha_end(h, &head);
    return true;
}
