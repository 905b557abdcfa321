/* SPDX-License-Identifier: MIT */
/*
 * Announcements of any model: well-formed JSON within its bound, the same twice, every component listed, what is gone in
 * a form of its own.
 */
#include <stdint.h>
#include <stdlib.h>
#include "client/cloud/mqtt/core/ha/ha_ask.h"
#include "client/cloud/mqtt/core/ha/ha_model.h"
#include "client/cloud/mqtt/core/ha/ha_vacuum.h"
#include "libagent/core/json/json_iter.h"

static const struct ha_model_device D = {"1", "a.b.v1", "a", "34:CE:00:AA:BB:01", "sn", "1.0", "s", "c",
                                         "r", "st",     "v", HA_MODEL_BYTES_MAX};

static unsigned check_message(const struct ha_text *t)
{
    struct ag_span text = ag_buf_span(&t->b), components, key, value;
    struct ag_json_iter it;
    struct ag_json_view view;
    unsigned n = 0;

    if (text.len > HA_MODEL_BYTES_MAX || ag_json_parse(&text, 32, &view) != 0 || text.len != ag_buf_size(&t->b))
        abort();
    components = ag_json_get(text, "components");
    it = ag_json_iter_begin(components);
    while (ag_json_iter_member(&it, &key, &value)) {
        if (ag_json_type(ag_json_get(value, "platform")) != AG_JSON_STRING)
            abort();
        n++;
    }
    return n;
}

static unsigned lines(const struct ha_text *t)
{
    unsigned n = 0;

    for (size_t i = 0; i < t->b.len; i++)
        n += t->b.data[i] == '\n';
    return n;
}

static void ask_all(const struct model *m)
{
    struct ag_buf text = AG_BUF_INIT;
    struct ha_ask a;

    if (ha_ask_init(&a, m) < 0)
        abort();
    ha_ask_begin(&a, false);
    while (ha_ask_next(&a, "1", &text) == 1) {
        struct ag_span span = ag_buf_span(&text);
        struct ag_json_view view;

        if (ag_json_parse(&span, 8, &view) != 0)
            abort();
        ag_buf_clear(&text);
    }
    ag_buf_deinit(&text);
    ha_ask_deinit(&a);
}

static void announce(const struct model *m)
{
    struct ha_model_message a, b;
    struct ha_text gone, none;
    struct ha_vacuum_state vacuum;

    if (ha_model_build(m, &D, AG_SPAN("s2 light\np2_1 switch\nx1 sensor\nno line\nx x\nX\n"), &a, &gone) < 0)
        abort();
    if (check_message(&a.payload) != a.n || lines(&a.components) != a.n)
        abort();
    check_message(&gone);
    if (ha_model_build(m, &D, ag_buf_span(&a.components.b), &b, &none) < 0 || ag_buf_size(&none.b) != 0)
        abort(); /* nothing is gone */
    if (!ag_span_is(ag_buf_span(&b.payload.b), ag_buf_span(&a.payload.b).p, ag_buf_size(&a.payload.b)))
        abort();
    ha_vacuum_state_init(&vacuum, m);
    ask_all(m);
    ha_model_message_deinit(&a);
    ha_model_message_deinit(&b);
    ha_text_deinit(&gone);
    ha_text_deinit(&none);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct model_error error;
    struct model m;

    if (ag_model_parse(&m, (struct ag_span){(const char *) data, n}, &error) == 0) {
        announce(&m);
        ag_model_deinit(&m);
    }
    return 0;
}
