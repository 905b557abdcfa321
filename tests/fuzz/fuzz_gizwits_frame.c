/* SPDX-License-Identifier: MIT */
/* Any bytes as a frame of both forms; what is accepted is built again and must read back the same. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include "client/cloud/gizwits/core/gizwits_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(enum gizwits_form form, struct ag_span payload)
{
    struct gizwits_frame f, back;
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    int r = gizwits_frame_parse(form, payload, &f);

    assert(r >= 0 && r < GIZWITS_N_ERRORS);
    if (r != 0)
        return;
    assert(gizwits_frame_build(&f, &b) == 0);
    assert(gizwits_frame_parse(form, ag_buf_span(&b), &back) == 0);
    assert(f.cmd == back.cmd && f.sn == back.sn && f.settings == back.settings && f.n_apps == back.n_apps);
    assert(f.p0.len == back.p0.len && (f.p0.len == 0 || memcmp(f.p0.p, back.p0.p, f.p0.len) == 0));
    assert(f.url.len == back.url.len && f.text.len == back.text.len && f.tag.len == back.tag.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ag_span payload = {(const char *) data, n};

    check(GIZWITS_FORM_A, payload);
    check(GIZWITS_FORM_B, payload);
    return 0;
}
