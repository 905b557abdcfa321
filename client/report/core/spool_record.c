/* SPDX-License-Identifier: MIT */
#include "client/report/core/spool_record.h"

#include <errno.h>
#include <msgpack/pack.h>
#include "libagent/core/pack/pack_scan.h"
#include "libagent/core/pack/pack_value.h"

enum { VERSION = 1, N_NEEDED = 5, N_ITEMS = 8, DEPTH_MAX = 8 };

int spool_record_encode(struct ag_buf *out, const struct spool_record *rec)
{
    size_t before = out->len;
    msgpack_packer pk;
    bool failed;

    msgpack_packer_init(&pk, out, ag_pack_write);
    failed = msgpack_pack_array(&pk, N_ITEMS) < 0 || msgpack_pack_uint8(&pk, VERSION) < 0 ||
             msgpack_pack_uint32(&pk, rec->id) < 0 || msgpack_pack_uint32(&pk, rec->at_s) < 0 ||
             msgpack_pack_uint64(&pk, rec->topic) < 0 || msgpack_pack_str(&pk, rec->text.len) < 0 ||
             msgpack_pack_str_body(&pk, rec->text.p, rec->text.len) < 0 || msgpack_pack_uint64(&pk, rec->boot) < 0 ||
             msgpack_pack_uint32(&pk, rec->up_s) < 0 || msgpack_pack_uint8(&pk, rec->sure) < 0;
    if (failed)
        out->len = before;
    return failed ? -ENOMEM : 0;
}

/* The next item, an integer of 0 to max; *in moves behind it. */
static bool take_uint(struct ag_span *in, uint64_t max, uint64_t *out)
{
    struct ag_pack_head h;

    if (ag_pack_read_head(in, &h) != 0 || h.type != AG_PACK_UINT || h.u > max)
        return false;
    *out = h.u;
    return true;
}

static bool take_text(struct ag_span *in, struct ag_span *out)
{
    struct ag_pack_head h;

    if (ag_pack_read_head(in, &h) != 0 || h.type != AG_PACK_STR || h.u == 0)
        return false;
    *out = (struct ag_span){in->p, (size_t) h.u};
    in->p += h.u;
    in->len -= (size_t) h.u;
    return true;
}

/* What a version knows beyond the needed ones: all three, or as if none were there. */
static bool take_times(struct ag_span *in, struct spool_record *out)
{
    uint64_t boot, up_s, sure;

    if (!take_uint(in, UINT64_MAX, &boot) || !take_uint(in, UINT32_MAX, &up_s) || !take_uint(in, 1, &sure))
        return false;
    out->boot = boot;
    out->up_s = (uint32_t) up_s;
    out->sure = sure == 1;
    return true;
}

/* *whole_out: these are its items, and nothing is behind them. */
static int take_items(struct ag_span in, struct spool_record *out, bool *whole_out)
{
    uint64_t version, id, at_s, topic;
    struct ag_pack_head list;
    struct ag_span text;

    if (ag_pack_read_head(&in, &list) != 0 || list.type != AG_PACK_ARRAY || list.u < 1 || !take_uint(&in, UINT64_MAX, &version))
        return -EINVAL;
    if (version != VERSION)
        return version > VERSION ? SPOOL_RECORD_E_VERSION : -EINVAL;
    if (list.u < N_NEEDED || !take_uint(&in, UINT32_MAX, &id) || id == 0 || !take_uint(&in, UINT32_MAX, &at_s) ||
        !take_uint(&in, UINT64_MAX, &topic) || !take_text(&in, &text))
        return -EINVAL;
    *out = (struct spool_record){.id = (uint32_t) id, .at_s = (uint32_t) at_s, .topic = topic, .text = text};
    *whole_out = list.u >= N_ITEMS ? take_times(&in, out) && list.u == N_ITEMS : list.u == N_NEEDED;
    *whole_out = *whole_out && in.len == 0;
    return 0;
}

/* One whole value and nothing else, however many items its heads claim. */
static bool is_whole(struct ag_span bytes)
{
    struct ag_pack_scan scan;
    size_t used;

    if (bytes.len == 0 || bytes.len > UINT32_MAX / 2)
        return false;
    ag_pack_scan_init(&scan, DEPTH_MAX, (uint32_t) bytes.len);
    return ag_pack_scan(&scan, bytes.p, bytes.len, &used) == -1 && used == bytes.len;
}

int spool_record_decode(struct spool_record *out, struct ag_span bytes)
{
    struct spool_record rec;
    bool whole = false;
    int r = take_items(bytes, &rec, &whole);

    if (!whole && !is_whole(bytes)) /* a form of its own is gone through once more */
        return -EINVAL;
    if (r == 0)
        *out = rec;
    return r;
}
