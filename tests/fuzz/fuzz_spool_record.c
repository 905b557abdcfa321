/* SPDX-License-Identifier: MIT */
/* Any bytes as a kept report, as a damaged file may hold them. What is read must be written and read again the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "client/report/core/spool_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ag_buf bytes = AG_BUF_INIT;
    struct spool_record a, b;

    if (spool_record_decode(&a, (struct ag_span){(const char *) data, n}) == 0) {
        if (a.text.p < (const char *) data || a.text.p + a.text.len > (const char *) data + n)
            abort();
        if (spool_record_encode(&bytes, &a) != 0 || spool_record_decode(&b, ag_buf_span(&bytes)) != 0)
            abort();
        if (a.id != b.id || a.at_s != b.at_s || a.topic != b.topic || a.text.len != b.text.len ||
            memcmp(a.text.p, b.text.p, a.text.len) != 0)
            abort();
    }
    ag_buf_deinit(&bytes);
    return 0;
}
