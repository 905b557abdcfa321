/* SPDX-License-Identifier: MIT */
/* Any bytes as the store's file. Every entry that is given out must be found at its place, and no byte is read behind the end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "client/report/core/spool_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct bytes {
    const uint8_t *p;
    size_t n;
};

static int read_bytes(void *user, uint64_t at, void *out, size_t n)
{
    const struct bytes *b = user;

    if (at > b->n || b->n - at < n)
        abort();
    memcpy(out, b->p + at, n);
    return 0;
}

static void on_entry(void *user, uint64_t at, uint64_t seq, unsigned needs, struct ag_span body)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf again = AG_BUF_INIT;
    const struct spool_source *src = user;

    if (needs == 0 || needs > UINT16_MAX || spool_form_read(src, at, seq, &again) != 0 || ag_buf_size(&again) != body.len ||
        memcmp(again.data, body.p, body.len) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes b = {data, n};
    struct spool_source src = {read_bytes, &b, n};
    struct spool_scan s;

    if (spool_form_scan(&src, &s, on_entry, &src) != 0 || s.end < n || (spool_scan_is_clean(&s) && s.n_damaged > 0))
        abort();
    return 0;
}
