/* SPDX-License-Identifier: MIT */
#include "agent/core/state/limits.h"

#include <stddef.h>

const struct limit_row limit_rows[] = {
#define LIMITS_ROW(name, option, value, least, most) {#name, option, offsetof(struct limits, name), value, least, most},
    LIMITS(LIMITS_ROW)
#undef LIMITS_ROW
};

const size_t limit_n_rows = ag_array_size(limit_rows);

void limits_init(struct limits *l)
{
    for (size_t i = 0; i < limit_n_rows; i++)
        *limits_at(l, &limit_rows[i]) = limit_rows[i].value;
}

int limits_print(const struct limits *l, struct ag_buf *out)
{
    int r = 0;

    for (size_t i = 0; i < limit_n_rows && r == 0; i++) {
        const uint32_t *v = (const void *) ((const char *) l + limit_rows[i].offset);

        r = ag_buf_printf(out, "%s\"%s\":%u", i ? "," : "{", limit_rows[i].name, (unsigned) *v);
    }
    return r < 0 ? r : ag_buf_append_char(out, '}');
}
