/* SPDX-License-Identifier: MIT */
#include "agent/core/table/unserved.h"

#include "libagent/core/json/json_out.h"

static bool is(const struct unserved *u, size_t i, struct ag_span name)
{
    return u->methods[i].n > 0 && ag_span_is(name, u->methods[i].name, u->methods[i].len);
}

void unserved_note(struct unserved *u, struct ag_span method, uint64_t now_ms)
{
    struct ag_span name = {method.p, method.len < UNSERVED_NAME_MAX ? method.len : UNSERVED_NAME_MAX};
    size_t at = 0;

    for (size_t i = 0; i < UNSERVED_MAX; i++) {
        if (is(u, i, name)) {
            u->methods[i].n++;
            u->methods[i].last_ms = now_ms;
            return;
        }
        if (u->methods[at].n > 0 && (u->methods[i].n == 0 || u->methods[i].last_ms < u->methods[at].last_ms))
            at = i;
    }
    if (name.len > 0)
        memcpy(u->methods[at].name, name.p, name.len);
    u->methods[at].len = (uint8_t) name.len;
    u->methods[at].n = 1;
    u->methods[at].last_ms = now_ms;
}

void unserved_forget(struct unserved *u, struct ag_span key, bool prefix)
{
    for (size_t i = 0; i < UNSERVED_MAX; i++) {
        bool covered = prefix ? u->methods[i].len >= key.len && memcmp(u->methods[i].name, key.p, key.len) == 0 : is(u, i, key);

        if (covered)
            u->methods[i].n = 0;
    }
}

int unserved_print(const struct unserved *u, uint64_t now_ms, struct ag_buf *out)
{
    struct ag_json_out o = ag_json_out_begin(out);

    ag_json_out_open(&o, '[');
    for (size_t i = 0; i < UNSERVED_MAX; i++) {
        if (u->methods[i].n == 0)
            continue;
        ag_json_out_open(&o, '{');
        ag_json_out_name(&o, "method");
        ag_json_out_text(&o, (struct ag_span){u->methods[i].name, u->methods[i].len});
        ag_json_out_name_u64(&o, "n", u->methods[i].n);
        ag_json_out_name_u64(&o, "ago_ms", now_ms - u->methods[i].last_ms);
        ag_json_out_close(&o, '}');
    }
    ag_json_out_close(&o, ']');
    return ag_json_out_end(&o);
}
