/* SPDX-License-Identifier: MIT */
/*
 * MessagePack and JSON. Whatever comes out is well-formed, and a second trip there and back changes nothing more:
 * the first one may (unknown members, number forms), the second one has nothing left to change.
 */
#include <assert.h>
#include "libagent/core/pack/pack.h"
#include "libagent/core/pack/pack_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool equal(struct ag_buf *a, struct ag_buf *b)
{
    return ag_buf_size(a) == ag_buf_size(b) && memcmp(ag_buf_span(a).p, ag_buf_span(b).p, ag_buf_size(a)) == 0;
}

static int to_pack(struct ag_span json, struct ag_buf *out)
{
    struct ag_json_view v;

    assert(ag_json_parse(&json, AG_JSON_DEPTH_MAX, &v) == 0); /* what we wrote is JSON */
    return ag_pack_from_json(json, &v, out);
}

static void check_pack_end(struct ag_span pack)
{
    struct ag_pack_scan s;
    size_t used;

    ag_pack_scan_init(&s, AG_PACK_DEPTH_MAX, UINT32_MAX);
    assert(ag_pack_scan(&s, pack.p, pack.len, &used) == -1 && used == pack.len);
}

/* JSON of ours goes there and back without a change; MessagePack that came out of it too. */
static int check_stable(struct ag_span json)
{
    struct ag_buf pack = AG_BUF_INIT, json2 = AG_BUF_INIT, pack2 = AG_BUF_INIT;
    int r = to_pack(json, &pack);

    if (r == 0) {
        check_pack_end(ag_buf_span(&pack));
        r = ag_pack_to_json(ag_buf_span(&pack), &json2);
    }
    if (r == 0) {
        assert(to_pack(ag_buf_span(&json2), &pack2) == 0);
        assert(equal(&pack, &pack2));
    }
    ag_buf_deinit(&pack);
    ag_buf_deinit(&json2);
    ag_buf_deinit(&pack2);
    return r;
}

static void from_pack(struct ag_span pack)
{
    struct ag_buf json = AG_BUF_INIT;
    int r = ag_pack_to_json(pack, &json);

    assert(r >= 0 && (r == 0 || ag_buf_size(&json) == 0));
    if (r == 0) {
        assert(ag_buf_size(&json) <= 6 * pack.len + 64);
        r = check_stable(ag_buf_span(&json));
        /* a map may be lifted to a text that lacks what a message needs, or is one level deeper on the way back */
        assert(r == 0 || r == AG_PACK_E_SHAPE || r == AG_PACK_E_ID || r == AG_PACK_E_DEPTH);
    }
    ag_buf_deinit(&json);
}

static void from_json(struct ag_span json)
{
    struct ag_json_view v;

    if (ag_json_parse(&json, AG_JSON_DEPTH_MAX, &v) == 0)
        check_stable(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ag_span in = {(const char *) data, n};

    if (n > 0 && data[0] == '{')
        from_json(in);
    else
        from_pack(in);
    return 0;
}
