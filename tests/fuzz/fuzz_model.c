/* SPDX-License-Identifier: MIT */
/*
 * A first line that is a value, and an instance behind it: no input reads beyond its bytes; each part of what is accepted
 * is found by number and by path; a value that passed the check passes it again in the form that the application gets.
 */
#include <assert.h>
#include <string.h>
#include "libagent/core/json/json_walk.h"
#include "libagent/model/core/number.h"
#include "libagent/model/core/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_value(const struct model *m, const struct model_prop *p, struct ag_span raw)
{
    char tmp[MODEL_NUMBER_TEXT];
    struct model_value v, again;

    if (ag_model_check(m, p, raw, &v) == MODEL_FINE) {
        struct ag_span text = v.raw;

        if (v.kind == MODEL_VALUE_NUMBER)
            text = (struct ag_span){tmp, ag_model_number_write(v.units, p->scale, tmp)};
        assert(ag_model_check(m, p, text, &again) == MODEL_FINE);
        assert(v.kind != MODEL_VALUE_NUMBER || again.units == v.units);
    }
}

static void check_model(const struct model *m, struct ag_span value)
{
    for (uint32_t i = 0; i < m->n_props && i < 100; i++) {
        const struct model_prop *p = &m->props[i];

        assert(ag_model_find_prop(m, model_prop_siid(m, p), p->iid) == p);
        assert(ag_model_name_prop(m, model_str(m, p->path)) == p);
        if (value.p)
            check_value(m, p, value);
    }
    for (uint32_t i = 0; i < m->n_actions && i < 100; i++)
        assert(ag_model_name_action(m, model_str(m, m->actions[i].path)) == &m->actions[i]);
    for (uint32_t i = 0; i < m->n_events && i < 100; i++)
        assert(ag_model_name_event(m, model_str(m, m->events[i].path)) == &m->events[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *text = (const char *) data, *line = memchr(text, '\n', n);
    struct ag_span value = {NULL, 0}, instance = {text, n}, whole;
    struct ag_json_view view;
    struct model_error error;
    char wrapped[512];
    struct model m;

    if (line && (size_t) (line - text) < sizeof wrapped - 8) {
        size_t len = (size_t) (line - text);

        instance = (struct ag_span){line + 1, n - len - 1};
        memcpy(wrapped, "{\"v\":", 5);
        memcpy(wrapped + 5, text, len);
        wrapped[5 + len] = '}';
        whole = (struct ag_span){wrapped, len + 6};
        if (ag_json_parse(&whole, 16, &view) == 0)
            value = ag_json_member((struct ag_json_value){AG_JSON_OBJECT, whole}, "v").raw;
    }
    if (ag_model_parse(&m, instance, &error) == 0) {
        check_model(&m, value);
        ag_model_deinit(&m);
    } else {
        assert(error.why[0] || error.line == 0);
    }
    return 0;
}
