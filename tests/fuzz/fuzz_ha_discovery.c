/* SPDX-License-Identifier: MIT */
/* Property lists: what is accepted must give well-formed JSON on topics without wildcards, the same twice. */
#include <stdint.h>
#include <stdlib.h>
#include "client/cloud/mqtt/core/ha_list/ha_discovery.h"
#include "libagent/core/json/json_iter.h"

struct seen {
    unsigned n;
    size_t bytes;
};

static int on_config(void *user, const char *topic, struct ag_span payload)
{
    struct seen *s = user;
    struct ag_json_view view;
    size_t len = payload.len;

    if (ag_json_parse(&payload, 32, &view) != 0 || payload.len != len || strpbrk(topic, "+# "))
        abort();
    if (!ag_json_get(payload, "unique_id").p || !ag_json_get(payload, "device").p)
        abort();
    s->n++;
    s->bytes += len;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct ha_device d = {"homeassistant", "1", "a.b.v1", "a", "s", "c", "st"};
    struct ag_span list = {(const char *) data, n};
    struct seen a = {0}, b = {0};
    char why[160];
    int check = ha_discovery_build(list, &d, NULL, NULL, why, sizeof why),
        r = ha_discovery_build(list, &d, on_config, &a, why, sizeof why);

    if (check != r || (r != 0 && a.n > 0))
        abort();
    if (r == 0 && (ha_discovery_build(list, &d, on_config, &b, why, sizeof why) != 0 || a.n != b.n || a.bytes != b.bytes))
        abort();
    return 0;
}
