/* SPDX-License-Identifier: MIT */
/* Splicing: the new text is well-formed, has the new member, and differs from the old one in nothing else. */
#include <assert.h>
#include "libagent/core/text/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* out is text with bytes from..to replaced by with. */
static void check(struct ag_buf *out, struct ag_span text, size_t from, size_t to, struct ag_span with)
{
    struct ag_span o = ag_buf_span(out);

    assert(o.len == text.len - (to - from) + with.len);
    assert(memcmp(o.p, text.p, from) == 0);
    assert(memcmp(o.p + from, with.p, with.len) == 0);
    assert(memcmp(o.p + from + with.len, text.p + to, text.len - to) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ag_span text = {(const char *) data, n};
    struct ag_buf out = AG_BUF_INIT;
    struct ag_json_view v, again;

    if (ag_json_parse(&text, 64, &v) != 0)
        return 0;
    if (ag_view_has(&v, AG_M_ID)) {
        struct ag_span o;
        uint64_t id;

        assert(ag_msg_splice_id(&out, text, &v, 4294967295u) == 0);
        check(&out, text, v.at[AG_M_ID].value, v.at[AG_M_ID].end, AG_SPAN("4294967295"));
        o = ag_buf_span(&out);
        assert(ag_json_parse(&o, 64, &again) == 0);
        assert(ag_view_uint(&again, o.p, AG_M_ID, UINT32_MAX, &id) && id == UINT32_MAX);
        assert(again.twice == v.twice);
        ag_buf_clear(&out);
    }
    if (ag_view_has(&v, AG_M_TO)) {
        struct ag_span o;

        assert(ag_msg_splice_value(&out, text, &v.at[AG_M_TO], AG_SPAN("[2]")) == 0);
        check(&out, text, v.at[AG_M_TO].value, v.at[AG_M_TO].end, AG_SPAN("[2]"));
        o = ag_buf_span(&out);
        assert(ag_json_parse(&o, 64, &again) == 0 && again.at[AG_M_TO].type == AG_JSON_ARRAY);
    }
    ag_buf_deinit(&out);
    return 0;
}
