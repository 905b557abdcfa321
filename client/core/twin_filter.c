#include "client/core/twin_filter.h"

#include <string.h>

bool twin_filter_seen(struct twin_filter *f, const uint8_t sum[TWIN_SUM_LEN], uint64_t whose, uint64_t now_ms)
{
    for (unsigned i = 0; i < TWIN_FILTER_N; i++) {
        if (now_ms < f->seen[i].until_ms && f->seen[i].whose == whose &&
            memcmp(f->seen[i].sum, sum, TWIN_SUM_LEN) == 0)
            return true;
    }
    memcpy(f->seen[f->next].sum, sum, TWIN_SUM_LEN);
    f->seen[f->next].whose = whose;
    f->seen[f->next].until_ms = now_ms + TWIN_FILTER_MS;
    f->next = (f->next + 1) % TWIN_FILTER_N;
    return false;
}
