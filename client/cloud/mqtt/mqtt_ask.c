/* SPDX-License-Identifier: MIT */
/* Asks the device's applications for the values of its model, so that the state topic shows them before they change. */
#include <string.h>
#include "client/cloud/mqtt/mqtt_priv.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/deadline.h"

enum {
    FIRST_RETRY_MS = 5000, /* doubling; applications may come later than the client */
    TRIES_MAX = 8,
    AFTER_COMMAND_MS = 500,
    DEPTH_MAX = 128
};

void mqtt_ask_deinit(struct mqtt_cloud *m)
{
    ha_ask_deinit(&m->ask.list);
}

static void set_due(struct mqtt_cloud *m, uint64_t in_ms)
{
    m->ask.due_ms = uv_now(m->env->loop) + in_ms;
    mqtt_cloud_rearm(m);
}

/* Nothing is left to ask for: properties that do not notify are read again later. */
static void round_over(struct mqtt_cloud *m)
{
    m->ask.tries = 0;
    m->ask.due_ms = AG_NEVER;
    if (m->ask.list.n_silent > 0 && m->conf.ha_poll_s > 0)
        set_due(m, m->conf.ha_poll_s * 1000ull);
}

static void ask(struct mqtt_cloud *m)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int r = ha_ask_next(&m->ask.list, m->did, &text);

    if (r <= 0) {
        round_over(m);
        return;
    }
    m->ask.due_ms = AG_NEVER;
    m->ask.token = ++m->next_token;
    m->env->events->command(m->env->user, m->ask.token, ag_buf_span(&text), true);
}

void mqtt_ask_all(struct mqtt_cloud *m, const struct model *model)
{
    ha_ask_deinit(&m->ask.list);
    m->ask.tries = 0;
    m->ask.token = 0; /* the answer to an older question finds nothing */
    if (model && m->conf.state && ha_ask_init(&m->ask.list, model) < 0)
        ag_log(AG_LOG_WARNING, "mqtt: out of memory: values show only when they change");
    ha_ask_begin(&m->ask.list, false);
    m->ask.due_ms = AG_NEVER;
    if (m->ask.list.n > 0)
        set_due(m, 0);
}

void mqtt_ask_soon(struct mqtt_cloud *m)
{
    if (m->ask.list.n_silent == 0 || m->ask.token != 0 || m->ask.list.next < m->ask.list.n)
        return; /* nothing hides, or a round is on */
    ha_ask_begin(&m->ask.list, true);
    set_due(m, AFTER_COMMAND_MS);
}

/* Nobody has answered: once more, from the beginning of the round. */
static void again(struct mqtt_cloud *m)
{
    unsigned n = m->ask.tries++;

    ha_ask_begin(&m->ask.list, m->ask.list.silent_only);
    if (n < TRIES_MAX)
        set_due(m, (uint64_t) FIRST_RETRY_MS << n);
    else
        round_over(m);
}

bool mqtt_ask_answer(struct mqtt_cloud *m, uint64_t token, struct ag_span text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf report = AG_BUF_INIT;
    struct ag_json_view view;
    struct ag_span result;

    if (token == 0 || token != m->ask.token)
        return false;
    m->ask.token = 0;
    if (m->broker.stopping)
        return true;
    result = ag_json_parse(&text, DEPTH_MAX * 2, &view) == 0 ? ag_json_get(text, "result") : (struct ag_span){NULL, 0};
    if (ag_json_type(result) != AG_JSON_ARRAY) {
        again(m);
        return true;
    }
    m->ask.tries = 0;
    if (ag_buf_printf(&report, "{\"method\":\"properties_changed\",\"params\":%.*s}", (int) result.len, result.p) == 0)
        mqtt_picture_report(m, ag_buf_span(&report), NULL);
    if (m->ask.list.next < m->ask.list.n)
        set_due(m, 0);
    else
        round_over(m);
    return true;
}

uint64_t mqtt_ask_due_ms(const struct mqtt_cloud *m)
{
    return m->ask.token == 0 && m->picture == PICTURE_KNOWN && m->online ? m->ask.due_ms : AG_NEVER;
}

void mqtt_ask_overdue(struct mqtt_cloud *m, uint64_t now_ms)
{
    if (now_ms < mqtt_ask_due_ms(m))
        return;
    if (m->ask.list.next >= m->ask.list.n)
        ha_ask_begin(&m->ask.list, m->ask.tries == 0); /* the time to read again what does not notify */
    ask(m);
}
