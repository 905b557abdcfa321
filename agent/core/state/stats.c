/* SPDX-License-Identifier: MIT */
#include "agent/core/state/stats.h"

#include <inttypes.h>

int stats_print(const struct stats *s, struct ag_buf *out)
{
    static const struct {
        const char *name;
        size_t offset;
    } counters[] = {
#define STATS_ROW(name) {#name, offsetof(struct stats, name)},
        STATS_COUNTERS(STATS_ROW)
#undef STATS_ROW
    };
    int r = 0;

    for (size_t i = 0; i < ag_array_size(counters) && r == 0; i++) {
        const uint64_t *v = (const void *) ((const char *) s + counters[i].offset);

        r = ag_buf_printf(out, "%s\"%s\":%" PRIu64, i ? "," : "{", counters[i].name, *v);
    }
    return r < 0 ? r : ag_buf_append_char(out, '}');
}
