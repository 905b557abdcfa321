/* SPDX-License-Identifier: MIT */
/* Templates of Home Assistant: they read a property from the state topic, and make a command from a value. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/mqtt/core/ha/ha_part.h"
#include "libagent/model/core/number.h"

enum { LOWER_MAX = 64 };

void ha_number(struct ha_text *t, const struct model_prop *p, int64_t units)
{
    char text[MODEL_NUMBER_TEXT];

    ag_model_number_write(units, p->scale, text);
    ha_put(t, units < 0 ? "(%s)" : "%s", text);
}

static unsigned decimals_of(int64_t units, unsigned scale)
{
    char text[MODEL_NUMBER_TEXT];
    const char *point;

    ag_model_number_write(units, scale, text);
    point = strchr(text, '.');
    return point ? (unsigned) strlen(point + 1) : 0;
}

unsigned ha_decimals(const struct model_prop *p)
{
    unsigned a = decimals_of(p->min, p->scale), b = decimals_of(p->step, p->scale);

    if (!p->has_range || p->step == 0)
        return p->format == MODEL_FLOAT ? 6 : 0;
    return a > b ? a : b;
}

/* A number as JSON has it: no brackets. */
static void put_value(struct ha_text *t, const struct model_prop *p, int64_t units)
{
    char text[MODEL_NUMBER_TEXT];

    ag_model_number_write(units, p->scale, text);
    ha_put(t, "%s", text);
}

void ha_value(struct ha_text *t, const struct ha_part *h, const struct model_prop *p)
{
    ha_put(t, "value_json['%u.%u']", model_prop_siid(h->m, p), p->iid);
}

void ha_set(struct ha_text *t, const struct ha_part *h, const struct model_prop *p, const char *name)
{
    ha_put(t, "{%% set %s = ", name);
    ha_value(t, h, p);
    ha_put(t, " %%}");
}

/* ---- commands ---- */

void ha_command_begin(struct ha_text *t)
{
    ha_put(t, "{\"id\":\"ha\",\"method\":\"set_properties\",\"params\":[");
}

void ha_entry_begin(struct ha_text *t, const struct ha_part *h, const struct model_prop *p)
{
    ha_put(t, "{\"did\":\"%s\",\"siid\":%u,\"piid\":%u,\"value\":", h->d->did, model_prop_siid(h->m, p), p->iid);
}

void ha_entry_end(struct ha_text *t)
{
    ha_put(t, "}");
}

void ha_entry(struct ha_text *t, const struct ha_part *h, const struct model_prop *p, const char *value)
{
    ha_entry_begin(t, h, p);
    ha_put(t, "%s", value);
    ha_entry_end(t);
}

void ha_command_end(struct ha_text *t)
{
    ha_put(t, "]}");
}

void ha_command(struct ha_text *t, const struct ha_part *h, const struct model_prop *p, const char *value)
{
    ha_command_begin(t);
    ha_entry(t, h, p, value);
    ha_command_end(t);
}

void ha_action(struct ha_text *t, const struct ha_part *h, const struct model_call *a)
{
    ha_put(t, "{\"id\":\"ha\",\"method\":\"action\",\"params\":{\"did\":\"%s\",\"siid\":%u,\"aiid\":%u,\"in\":[]}}", h->d->did,
           model_call_siid(h->m, a), a->iid);
}

void ha_snap(struct ha_text *t, const struct model_prop *p, const char *expression, int64_t least)
{
    bool grid = p->has_range && p->step > 0;

    ha_put(t, p->has_range ? "[[" : "");
    if (grid) {
        ha_put(t, "(((%s) - ", expression);
        ha_number(t, p, p->min);
        ha_put(t, ") / ");
        ha_number(t, p, p->step);
        ha_put(t, ") | round(0) * ");
        ha_number(t, p, p->step);
        ha_put(t, " + ");
        ha_number(t, p, p->min);
    } else {
        ha_put(t, "%s", expression);
    }
    if (!p->has_range)
        return;
    ha_put(t, ", ");
    ha_number(t, p, least);
    ha_put(t, "] | max, ");
    ha_number(t, p, p->max);
    ha_put(t, "] | min");
}

/* {{ ... }} around a value that was moved into place; whole numbers are written as such. */
static void put_snapped(struct ha_text *t, const struct model_prop *p, const char *expression)
{
    ha_put(t, "{{ (");
    ha_snap(t, p, expression, p->min);
    if (p->format != MODEL_FLOAT)
        ha_put(t, ") | round(0) | int }}");
    else
        ha_put(t, ") | round(%u) }}", ha_decimals(p));
}

/* ---- members of one property ---- */

static void put_topic(struct ha_part *h, const char *key, const char *topic)
{
    if (key)
        ha_put_member(&h->out, key, topic);
}

void ha_put_bool_state(struct ha_part *h, const char *topic, const char *template, const struct model_prop *p, const char *on,
                       const char *off)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    ha_set(&t, h, p, "v");
    ha_put(&t, "{{ '' if v is not defined else 'None' if v is none else '%s' if v else '%s' }}", on, off);
    put_topic(h, topic, h->d->state_topic);
    ha_put_text(&h->out, template, &t);
}

void ha_put_number_state(struct ha_part *h, const char *topic, const char *template, const struct model_prop *p)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    ha_set(&t, h, p, "v");
    ha_put(&t, "{{ v if v is number and v is not boolean else 'None' if v is none else '' }}");
    put_topic(h, topic, h->d->state_topic);
    ha_put_text(&h->out, template, &t);
}

static void put_map(struct ha_text *t, const struct ha_choices *c, bool turned)
{
    if (t->r == 0)
        t->r = ha_choices_map(c, &t->b, turned);
}

/* The text that stands for the value; of a value that is not in the list: none. */
void ha_put_choice_state(struct ha_part *h, const char *topic, const char *template, const struct model_prop *p,
                         const struct ha_choices *c)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    ha_set(&t, h, p, "v");
    ha_put(&t, "{{ '' if v is not defined else ");
    put_map(&t, c, false);
    ha_put(&t, ".get(v, 'None') if v is number else 'None' }}");
    put_topic(h, topic, h->d->state_topic);
    ha_put_text(&h->out, template, &t);
}

void ha_put_bool_command(struct ha_part *h, const char *topic, const char *template, const struct model_prop *p, const char *on)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    ha_command_begin(&t);
    ha_entry_begin(&t, h, p);
    ha_put(&t, "{{ 'true' if value == '%s' else 'false' }}", on);
    ha_entry_end(&t);
    ha_command_end(&t);
    put_topic(h, topic, h->d->command_topic);
    ha_put_text(&h->out, template, &t);
}

void ha_put_number_command(struct ha_part *h, const char *topic, const char *template, const struct model_prop *p)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    ha_command_begin(&t);
    ha_entry_begin(&t, h, p);
    put_snapped(&t, p, "value | float(0)");
    ha_entry_end(&t);
    ha_command_end(&t);
    put_topic(h, topic, h->d->command_topic);
    ha_put_text(&h->out, template, &t);
}

void ha_put_choice_command(struct ha_part *h, const char *topic, const char *template, const struct model_prop *p,
                           const struct ha_choices *c)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    ha_command_begin(&t);
    ha_entry_begin(&t, h, p);
    ha_put(&t, "{{ ");
    put_map(&t, c, true);
    ha_put(&t, "[value] | tojson }}");
    ha_entry_end(&t);
    ha_command_end(&t);
    put_topic(h, topic, h->d->command_topic);
    ha_put_text(&h->out, template, &t);
}

void ha_put_texts(struct ha_part *h, const char *key, const struct ha_choices *c)
{
    ha_put(&h->out, ",\"%s\":[", key);
    for (unsigned i = 0; h->out.r == 0 && i < c->n; i++) {
        ha_put(&h->out, i > 0 ? "," : "");
        if (h->out.r == 0)
            h->out.r = ag_buf_append_json_str(&h->out.b, ag_buf_span(&c->all[i].text).p, ag_buf_size(&c->all[i].text));
    }
    ha_put(&h->out, "]");
}

/* ---- lists ---- */

void ha_prop_choices_read(struct ha_part *h, const struct model_prop *p, struct ha_prop_choices *out)
{
    int r = 0;

    *out = (struct ha_prop_choices){.numbers = calloc(p->n_choices + 1, MODEL_NUMBER_TEXT)};
    if (!out->numbers)
        r = -ENOMEM;
    for (uint32_t i = 0; r == 0 && i < p->n_choices; i++) {
        const struct model_choice *c = &h->m->choices[p->first_choice + i];
        char *text = out->numbers + (size_t) i * MODEL_NUMBER_TEXT;
        size_t len = ag_model_number_write(c->value, p->scale, text);
        const char *description = model_str(h->m, c->description);

        r = ha_choices_add(&out->c, (struct ag_span){text, len}, (struct ag_span){description, strlen(description)});
    }
    if (r == 0)
        r = ha_choices_tell_apart(&out->c);
    if (h->out.r == 0)
        h->out.r = r;
}

void ha_prop_choices_deinit(struct ha_prop_choices *c)
{
    ha_choices_deinit(&c->c);
    free(c->numbers);
}

/* ---- words ---- */

const char *ha_word_of(const struct ha_part *h, const struct model_choice *c, ha_word_fn *word)
{
    const char *text = model_str(h->m, c->description);
    char lower[LOWER_MAX];
    size_t n = 0;

    for (; text[n] && n + 1 < sizeof lower; n++)
        lower[n] = text[n] >= 'A' && text[n] <= 'Z' ? (char) (text[n] - 'A' + 'a') : text[n];
    lower[n] = '\0';
    return word(lower);
}

const struct model_choice *ha_word_choice(const struct ha_part *h, const struct model_prop *p, ha_word_fn *word,
                                          const char *wanted)
{
    for (uint32_t i = 0; i < p->n_choices; i++) {
        const struct model_choice *c = &h->m->choices[p->first_choice + i];
        const char *mine = ha_word_of(h, c, word);

        if (mine && strcmp(mine, wanted) == 0)
            return c;
    }
    return NULL;
}

void ha_word_map(struct ha_text *t, const struct ha_part *h, const struct model_prop *p, ha_word_fn *word, bool turned)
{
    unsigned n = 0;

    ha_put(t, "{");
    for (uint32_t i = 0; i < p->n_choices; i++) {
        const struct model_choice *c = &h->m->choices[p->first_choice + i];
        const char *mine = ha_word_of(h, c, word);

        if (!mine || (turned && ha_word_choice(h, p, word, mine) != c))
            continue;
        ha_put(t, n++ > 0 ? "," : "");
        ha_put(t, turned ? "'%s':" : "", mine);
        put_value(t, p, c->value);
        ha_put(t, turned ? "" : ":'%s'", mine);
    }
    ha_put(t, "}");
}

bool ha_words_cover(const struct ha_part *h, const struct model_prop *p, ha_word_fn *word)
{
    for (uint32_t i = 0; i < p->n_choices; i++) {
        const struct model_choice *c = &h->m->choices[p->first_choice + i];
        const char *mine = ha_word_of(h, c, word);

        if (!mine || ha_word_choice(h, p, word, mine) != c)
            return false;
    }
    return true;
}
