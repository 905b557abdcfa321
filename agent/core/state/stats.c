/* SPDX-License-Identifier: MIT */
#include "agent/core/state/stats.h"

#include <inttypes.h>

const char *stats_nth(const struct stats *s, size_t i, uint64_t *value_out)
{
    static const struct {
        const char *name;
        size_t offset;
    } counters[] = {
#define STATS_ROW(name) {#name, offsetof(struct stats, name)},
        STATS_COUNTERS(STATS_ROW)
#undef STATS_ROW
    };

    if (i >= ag_array_size(counters))
        return NULL;
    memcpy(value_out, (const char *) s + counters[i].offset, sizeof *value_out);
    return counters[i].name;
}

int stats_print(const struct stats *s, struct ag_buf *out)
{
    const char *name;
    uint64_t value;
    int r = 0;

    for (size_t i = 0; r == 0 && (name = stats_nth(s, i, &value)); i++)
        r = ag_buf_printf(out, "%s\"%s\":%" PRIu64, i ? "," : "{", name, value);
    return r < 0 ? r : ag_buf_append_char(out, '}');
}
