/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/core/ha/ha_vacuum.h"

#include <stdio.h>
#include <string.h>
#include "client/cloud/mqtt/core/ha/ha_part.h"
#include "libagent/model/core/number.h"

static const char *const services[] = {"vacuum", "robot-cleaner", "sweeper", NULL};

static bool has(const char *text, const char *word)
{
    return strstr(text, word) != NULL;
}

static const char *status_word(const char *t)
{
    if (has(t, "error") || has(t, "fault"))
        return "error";
    if (has(t, "pause"))
        return "paused";
    if (has(t, "go charging") || has(t, "back") || has(t, "return") || has(t, "recharg"))
        return "returning";
    if (has(t, "charg") || has(t, "dock") || has(t, "full"))
        return "docked";
    if (has(t, "sweep") || has(t, "clean") || has(t, "mop") || has(t, "work"))
        return "cleaning";
    return has(t, "idle") || has(t, "sleep") || has(t, "standby") || has(t, "stop") ? "idle" : NULL;
}

struct vacuum {
    const struct model_call *start, *stop, *pause, *home, *locate;
    const struct model_prop *status;
};

static const struct model_call *one_of(const struct ha_part *h, const struct model_service *s, const char *const *names)
{
    const struct model_call *a = NULL;

    for (; !a && *names; names++)
        a = ha_find_action(h, s, *names);
    return a;
}

/* Going home is often an action of the battery service. */
static const struct model_call *anywhere(const struct ha_part *h, const struct model_service *s, const char *const *names)
{
    const struct model_call *a = one_of(h, s, names);

    for (uint32_t i = 0; !a && i < h->m->n_services; i++)
        a = one_of(h, &h->m->services[i], names);
    return a;
}

static const struct model_prop *status_of(const struct model *m, const struct model_service *s)
{
    for (uint32_t i = 0; i < s->n_props; i++) {
        const struct model_prop *p = &m->props[s->first_prop + i];

        if (ha_readable(p) && p->n_choices > 0 && p->n_choices <= HA_VACUUM_VALUES_MAX &&
            strcmp(model_str(m, p->name), "status") == 0)
            return p;
    }
    return NULL;
}

static bool find(const struct ha_part *h, const struct model_service *s, struct vacuum *v)
{
    static const char *const start[] = {"start-sweep", "start-clean", NULL},
                             *const stop[] = {"stop-sweeping", "stop-clean", NULL},
                             *const pause[] = {"pause", "pause-sweeping", NULL},
                             *const home[] = {"start-charge", "go-charging", "stop-and-gocharge", NULL},
                             *const locate[] = {"find-robot", "locate", "identify", NULL};

    *v = (struct vacuum){
        .start = one_of(h, s, start),
        .stop = one_of(h, s, stop),
        .pause = one_of(h, s, pause),
        .home = anywhere(h, s, home),
        .locate = anywhere(h, s, locate),
        .status = status_of(h->m, s),
    };
    return v->start && v->stop;
}

static void put_action(struct ha_part *h, const char *key, const struct model_call *a)
{
    ag_cleanup(ha_text_deinit) struct ha_text t = HA_TEXT_INIT;

    if (!a)
        return;
    h->action_taken[a - h->m->actions] = true;
    ha_action(&t, h, a);
    ha_put_text(&h->out, key, &t);
}

/* The first vacuum of the model: its state topic is the device's. */
bool ha_vacuum(struct ha_part *h, const struct model_service *s)
{
    struct ha_head head = {.platform = "vacuum"};
    struct ha_vacuum_state state;
    struct vacuum v;

    if (h->has_vacuum || !ha_service_is(h, s, services) || !find(h, s, &v))
        return false;
    h->has_vacuum = true;
    ha_vacuum_state_init(&state, h->m);
    ha_begin_service(h, &head, s, "vacuum");
    ha_put_member(&h->out, "command_topic", h->d->command_topic);
    ha_put(&h->out, ",\"supported_features\":[\"start\",\"stop\"%s%s%s%s]", v.pause ? ",\"pause\"" : "",
           v.home ? ",\"return_home\"" : "", v.locate ? ",\"locate\"" : "", state.key[0] ? ",\"status\"" : "");
    put_action(h, "payload_start", v.start);
    put_action(h, "payload_stop", v.stop);
    put_action(h, "payload_pause", v.pause);
    put_action(h, "payload_return_to_base", v.home);
    put_action(h, "payload_locate", v.locate);
    if (state.key[0])
        ha_put_member(&h->out, "state_topic", h->d->vacuum_topic);
    ha_end(h, &head);
    return true;
}

/* ---- its state ---- */

static void take_values(struct ha_vacuum_state *v, const struct model *m, const struct model_prop *p)
{
    const struct ha_part h = {.m = m};

    for (uint32_t i = 0; i < p->n_choices; i++) {
        const struct model_choice *c = &m->choices[p->first_choice + i];
        const char *word = ha_word_of(&h, c, status_word);

        if (!word)
            continue;
        ag_model_number_write(c->value, p->scale, v->values[v->n].value);
        v->values[v->n++].word = word;
    }
}

void ha_vacuum_state_init(struct ha_vacuum_state *v, const struct model *m)
{
    const struct ha_part h = {.m = m};
    struct vacuum parts;

    *v = (struct ha_vacuum_state){.n = 0};
    for (uint32_t i = 0; i < m->n_services; i++) {
        const struct model_service *s = &m->services[i];

        if (s->siid == 1 || !ha_service_is(&h, s, services) || !find(&h, s, &parts))
            continue;
        if (parts.status) {
            snprintf(v->key, sizeof v->key, "%u.%u", s->siid, parts.status->iid);
            take_values(v, m, parts.status);
        }
        return;
    }
}

int ha_vacuum_state_print(const struct ha_vacuum_state *v, struct ag_span value, struct ag_buf *out)
{
    for (unsigned i = 0; value.p && i < v->n; i++) {
        if (ag_span_is(value, v->values[i].value, strlen(v->values[i].value)))
            return ag_buf_printf(out, "{\"state\":\"%s\"}", v->values[i].word);
    }
    return ag_buf_append_str(out, "{\"state\":null}");
}
