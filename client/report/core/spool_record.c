/* SPDX-License-Identifier: MIT */
#include "client/report/core/spool_record.h"

#include <errno.h>
#include <msgpack.h>
#include "libagent/core/pack/pack_scan.h"

enum { VERSION = 1, N_NEEDED = 5, N_ITEMS = 8, DEPTH_MAX = 8 };

static int write_bytes(void *user, const char *p, size_t n)
{
    return ag_buf_append(user, p, n);
}

int spool_record_encode(struct ag_buf *out, const struct spool_record *rec)
{
    size_t before = out->len;
    msgpack_packer pk;
    bool failed;

    msgpack_packer_init(&pk, out, write_bytes);
    failed = msgpack_pack_array(&pk, N_ITEMS) < 0 || msgpack_pack_uint8(&pk, VERSION) < 0 ||
             msgpack_pack_uint32(&pk, rec->id) < 0 || msgpack_pack_uint32(&pk, rec->at_s) < 0 ||
             msgpack_pack_uint64(&pk, rec->topic) < 0 || msgpack_pack_str(&pk, rec->text.len) < 0 ||
             msgpack_pack_str_body(&pk, rec->text.p, rec->text.len) < 0 || msgpack_pack_uint64(&pk, rec->boot) < 0 ||
             msgpack_pack_uint32(&pk, rec->up_s) < 0 || msgpack_pack_uint8(&pk, rec->sure) < 0;
    if (failed)
        out->len = before;
    return failed ? -ENOMEM : 0;
}

static bool is_uint(const msgpack_object *o, uint64_t max)
{
    return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 <= max;
}

static int read_items(struct spool_record *out, const msgpack_object *o)
{
    const msgpack_object *item;

    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 1)
        return -EINVAL;
    item = o->via.array.ptr;
    if (!is_uint(&item[0], UINT64_MAX))
        return -EINVAL;
    if (item[0].via.u64 != VERSION)
        return item[0].via.u64 > VERSION ? SPOOL_RECORD_E_VERSION : -EINVAL;
    if (o->via.array.size < N_NEEDED || !is_uint(&item[1], UINT32_MAX) || item[1].via.u64 == 0 ||
        !is_uint(&item[2], UINT32_MAX) || !is_uint(&item[3], UINT64_MAX) || item[4].type != MSGPACK_OBJECT_STR ||
        item[4].via.str.size == 0)
        return -EINVAL;
    *out = (struct spool_record){
        .id = (uint32_t) item[1].via.u64,
        .at_s = (uint32_t) item[2].via.u64,
        .topic = item[3].via.u64,
        .text = {item[4].via.str.ptr, item[4].via.str.size},
    };
    if (o->via.array.size >= N_ITEMS && is_uint(&item[5], UINT64_MAX) && is_uint(&item[6], UINT32_MAX) && is_uint(&item[7], 1)) {
        out->boot = item[5].via.u64;
        out->up_s = (uint32_t) item[6].via.u64;
        out->sure = item[7].via.u64 == 1;
    }
    return 0;
}

/* One whole value and nothing else. msgpack-c makes room for as many items as a header claims before it looks for them, so
   a damaged header must not get that far. */
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
    msgpack_unpacked u;
    size_t at = 0;
    int r;

    if (!is_whole(bytes))
        return -EINVAL;

    msgpack_unpacked_init(&u);
    switch (msgpack_unpack_next(&u, bytes.p, bytes.len, &at)) {
    case MSGPACK_UNPACK_SUCCESS:
    case MSGPACK_UNPACK_EXTRA_BYTES:
        r = read_items(out, &u.data);
        break;
    case MSGPACK_UNPACK_NOMEM_ERROR:
        r = -ENOMEM;
        break;
    default:
        r = -EINVAL;
        break;
    }
    msgpack_unpacked_destroy(&u);
    return r;
}
