/* SPDX-License-Identifier: MIT */
#include "client/report/core/given.h"

#include <errno.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct given_entry {
    struct given g;
    UT_hash_handle hh;
};

static struct given_entry *find(const struct given_list *l, uint32_t id)
{
    struct given_entry *e;

    HASH_FIND(hh, l->by_id, &id, sizeof id, e);
    return e;
}

enum { MAX_SPARE = 64 };

int given_add(struct given_list *l, uint32_t id, struct ag_span text, int64_t born_ms, bool tells)
{
    struct given_entry *e = ag_spares_take(&l->spares, sizeof *e);

    if (!e)
        return -ENOMEM;
    e->g = (struct given){.id = id, .tells = tells, .born_ms = born_ms};
    if (ag_buf_append_span(&e->g.text, text) < 0) {
        ag_spares_give(&l->spares, e, MAX_SPARE);
        return -ENOMEM;
    }
    HASH_ADD(hh, l->by_id, g.id, sizeof e->g.id, e);
    if (!e->hh.tbl) {
        ag_buf_deinit(&e->g.text);
        ag_spares_give(&l->spares, e, MAX_SPARE);
        return -ENOMEM;
    }
    l->n++;
    l->bytes += text.len;
    return 0;
}

bool given_has(const struct given_list *l, uint32_t id)
{
    return find(l, id) != NULL;
}

bool given_tells(const struct given_list *l, uint32_t id)
{
    const struct given_entry *e = find(l, id);

    return e && e->g.tells;
}

static bool take(struct given_list *l, struct given_entry *e, struct given *out)
{
    if (!e)
        return false;
    HASH_DEL(l->by_id, e);
    l->n--;
    l->bytes -= ag_buf_size(&e->g.text);
    *out = e->g;
    ag_spares_give(&l->spares, e, MAX_SPARE);
    return true;
}

bool given_take(struct given_list *l, uint32_t id, struct given *out)
{
    return take(l, find(l, id), out);
}

bool given_take_first(struct given_list *l, struct given *out)
{
    return take(l, l->by_id, out);
}

void given_deinit(struct given_list *l)
{
    struct given g;

    while (given_take_first(l, &g))
        ag_buf_deinit(&g.text);
    ag_spares_deinit(&l->spares);
}
