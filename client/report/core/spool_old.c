/* SPDX-License-Identifier: MIT */
#include "client/report/core/spool_old.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* LMDB writes the structures of its machine: numbers of a page are size_t, everything in the machine's byte order. */
enum {
    PAGE_HEAD = sizeof(size_t) + 8, /* number, pad, flags, lower and upper (or: pages of an overflow) */
    FLAGS_AT = sizeof(size_t) + 2,
    LOWER_AT = sizeof(size_t) + 4,
    NODE_HEAD = 8,
    PAGE_MIN = 256,
    PAGE_MAX = 65536,
    DEPTH_MAX = 32,
    KEY = 8,
    PAGE_IS_BRANCH = 1,
    PAGE_IS_LEAF = 2,
    PAGE_IS_OVERFLOW = 4,
    PAGE_IS_META = 8,
    NODE_IS_BIG = 1
};

#define MAGIC   0xbeefc0deu
#define NOWHERE SIZE_MAX

struct db { /* MDB_db */
    uint32_t pad;
    uint16_t flags, depth;
    size_t n_branch, n_leaf, n_overflow, n_entries, root;
};

struct meta { /* MDB_meta */
    uint32_t magic, version;
    size_t address, map_size;
    struct db dbs[2];
    size_t last_page, txn;
};

struct node { /* MDB_node */
    uint16_t a, b, flags, n_key;
};

struct reader {
    const struct spool_source *src;
    spool_old_fn *fn;
    void *user;
    uint32_t page_size;
    uint64_t left; /* pages that may still be read: a loop ends */
    uint64_t next; /* numbers below it have been seen */
    unsigned n_damaged;
    struct ag_buf big;
};

static bool read_meta(const struct spool_source *src, uint64_t at, struct meta *out)
{
    uint8_t page[PAGE_HEAD + sizeof *out];
    uint16_t flags;

    if (src->size < at + sizeof page || src->read(src->user, at, page, sizeof page) < 0)
        return false;
    memcpy(&flags, page + FLAGS_AT, sizeof flags);
    memcpy(out, page + PAGE_HEAD, sizeof *out);
    return (flags & PAGE_IS_META) && out->magic == MAGIC && out->version == 1 && out->dbs[0].pad >= PAGE_MIN &&
           out->dbs[0].pad <= PAGE_MAX && (out->dbs[0].pad & (out->dbs[0].pad - 1)) == 0;
}

/* The later of the two on the first two pages. Only they have the size of a page. */
static bool find_meta(const struct spool_source *src, struct meta *out)
{
    struct meta a, b;
    bool has_a = read_meta(src, 0, &a);

    for (uint32_t size = has_a ? a.dbs[0].pad : PAGE_MIN; size <= PAGE_MAX; size *= 2) {
        if (read_meta(src, size, &b) && b.dbs[0].pad == size) {
            *out = has_a && a.txn > b.txn ? a : b;
            return true;
        }
        if (has_a)
            break;
    }
    if (has_a)
        *out = a;
    return has_a;
}

bool spool_old_is(const struct spool_source *src)
{
    struct meta m;

    return find_meta(src, &m);
}

static size_t low_and_high(const struct node *n)
{
    bool little = *(const uint8_t *) &(uint16_t){1} == 1;

    return little ? n->a | (size_t) n->b << 16 : n->b | (size_t) n->a << 16;
}

static int damaged(struct reader *r)
{
    r->n_damaged++;
    return 0;
}

static int take_record(struct reader *r, const uint8_t *key, struct ag_span record)
{
    uint64_t seq = 0;

    for (int i = 0; i < KEY; i++)
        seq = seq << 8 | key[i];
    if (seq < r->next || seq == UINT64_MAX)
        return damaged(r); /* the same page twice, or out of order */
    r->next = seq + 1;
    return r->fn(r->user, seq, record);
}

/* A record too long for a page has pages of its own. */
static int take_big(struct reader *r, const uint8_t *key, const uint8_t *where, size_t len)
{
    uint8_t head[PAGE_HEAD];
    uint16_t flags;
    size_t page;
    uint64_t at;

    memcpy(&page, where, sizeof page);
    at = (uint64_t) page * r->page_size;
    if (page > r->src->size / r->page_size || len > SPOOL_BODY_MAX || r->src->size < at + PAGE_HEAD + len ||
        r->src->read(r->src->user, at, head, sizeof head) < 0)
        return damaged(r);
    memcpy(&flags, head + FLAGS_AT, sizeof flags);
    if (!(flags & PAGE_IS_OVERFLOW))
        return damaged(r);
    ag_buf_clear(&r->big);
    if (ag_buf_reserve(&r->big, len + 1) < 0)
        return -ENOMEM;
    if (r->src->read(r->src->user, at + PAGE_HEAD, r->big.data, len) < 0)
        return damaged(r);
    return take_record(r, key, (struct ag_span){r->big.data, len});
}

static int take_leaf(struct reader *r, const uint8_t *page, size_t at)
{
    struct node n;
    const uint8_t *key = page + at + NODE_HEAD;
    size_t room = r->page_size - at - NODE_HEAD, len;

    memcpy(&n, page + at, sizeof n);
    len = low_and_high(&n);
    if (n.n_key != KEY || room < KEY)
        return damaged(r);
    if (n.flags == NODE_IS_BIG)
        return room - KEY >= sizeof(size_t) ? take_big(r, key, key + KEY, len) : damaged(r);
    if (n.flags != 0 || room - KEY < len)
        return damaged(r);
    return take_record(r, key, (struct ag_span){(const char *) key + KEY, len});
}

static int walk(struct reader *r, size_t number, unsigned depth);

static int take_branch(struct reader *r, const uint8_t *page, size_t at, unsigned depth)
{
    struct node n;
    size_t child;

    memcpy(&n, page + at, sizeof n);
    child = low_and_high(&n);
    if (sizeof child > 4)
        child |= (size_t) ((uint64_t) n.flags << 32);
    return walk(r, child, depth + 1);
}

static int walk_nodes(struct reader *r, const uint8_t *page, uint16_t flags, unsigned depth)
{
    uint16_t lower, at;
    int e = 0;

    memcpy(&lower, page + LOWER_AT, sizeof lower);
    if (lower < PAGE_HEAD || lower > r->page_size)
        return damaged(r);
    for (size_t i = PAGE_HEAD; e == 0 && i + 2 <= lower; i += 2) {
        memcpy(&at, page + i, sizeof at);
        if (at < lower || (uint32_t) at + NODE_HEAD > r->page_size)
            e = damaged(r);
        else
            e = flags & PAGE_IS_LEAF ? take_leaf(r, page, at) : take_branch(r, page, at, depth);
    }
    return e;
}

static int walk(struct reader *r, size_t number, unsigned depth)
{
    uint8_t *page;
    uint16_t flags;
    int e;

    if (number < 2 || number >= r->src->size / r->page_size || depth > DEPTH_MAX || r->left == 0)
        return damaged(r);
    r->left--;
    page = malloc(r->page_size);
    if (!page)
        return -ENOMEM;
    if (r->src->read(r->src->user, (uint64_t) number * r->page_size, page, r->page_size) < 0) {
        free(page);
        return damaged(r);
    }
    memcpy(&flags, page + FLAGS_AT, sizeof flags);
    flags &= PAGE_IS_BRANCH | PAGE_IS_LEAF | PAGE_IS_OVERFLOW | PAGE_IS_META;
    e = flags == PAGE_IS_BRANCH || flags == PAGE_IS_LEAF ? walk_nodes(r, page, flags, depth) : damaged(r);
    free(page);
    return e;
}

int spool_old_scan(const struct spool_source *src, unsigned *n_damaged_out, spool_old_fn *fn, void *user)
{
    struct reader r = {.src = src, .fn = fn, .user = user, .big = AG_BUF_INIT};
    struct meta m;
    int e = 0;

    if (!find_meta(src, &m)) {
        *n_damaged_out = 1;
        return 0;
    }
    r.page_size = m.dbs[0].pad;
    r.left = src->size / r.page_size;
    if (m.dbs[1].root != NOWHERE)
        e = walk(&r, m.dbs[1].root, 0);
    ag_buf_deinit(&r.big);
    *n_damaged_out = r.n_damaged;
    return e;
}
