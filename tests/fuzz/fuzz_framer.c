/* SPDX-License-Identifier: MIT */
/* The framer, strict and forgiving: the texts that come out, and the way it ends, do not depend on the pieces that went in. */
#include <assert.h>
#include <stdlib.h>
#include "libagent/core/buf.h"
#include "libagent/core/frame/framer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MAX_TEXT = 200, MAX_DEPTH = 8 };

static int run(const uint8_t *data, size_t n, size_t step, bool forgiving, struct ag_buf *log)
{
    struct ag_framer_pool pool = {0};
    struct ag_framer f;
    int r = 0;

    ag_framer_init(&f, MAX_TEXT, MAX_DEPTH, step == 1 ? NULL : &pool);
    f.forgiving = forgiving;
    for (size_t at = 0; at < n && r == 0;) {
        size_t k = step > 0 ? step : 1u + data[at] % 32u;
        struct ag_text t;
        char *copy;

        k = k < n - at ? k : n - at;
        copy = malloc(k);
        assert(copy);
        memcpy(copy, data + at, k);
        ag_framer_lend(&f, copy, k);
        while ((r = ag_framer_next(&f, &t)) > 0) {
            assert((t.bytes.len > 0 || t.kind == AG_FRAMER_PASSED) && t.bytes.len <= MAX_TEXT);
            assert(ag_buf_append_span(log, t.bytes) == 0 && ag_buf_append_char(log, '|') == 0);
        }
        free(copy);
        at += k;
    }
    ag_framer_deinit(&f);
    ag_framer_pool_deinit(&pool);
    return r;
}

static void compare(const uint8_t *data, size_t n, bool forgiving)
{
    struct ag_buf whole = AG_BUF_INIT, cut = AG_BUF_INIT, bytes = AG_BUF_INIT;
    int r = run(data, n, n ? n : 1, forgiving, &whole);

    assert(run(data, n, 0, forgiving, &cut) == r && run(data, n, 1, forgiving, &bytes) == r);
    assert(ag_buf_size(&whole) == ag_buf_size(&cut) && ag_buf_size(&whole) == ag_buf_size(&bytes));
    assert(memcmp(ag_buf_span(&whole).p, ag_buf_span(&cut).p, ag_buf_size(&whole)) == 0);
    assert(memcmp(ag_buf_span(&whole).p, ag_buf_span(&bytes).p, ag_buf_size(&whole)) == 0);
    ag_buf_deinit(&whole);
    ag_buf_deinit(&cut);
    ag_buf_deinit(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    compare(data, n, false);
    compare(data, n, true);
    return 0;
}
