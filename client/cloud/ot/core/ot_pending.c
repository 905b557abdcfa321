/* SPDX-License-Identifier: MIT */
#include "client/cloud/ot/core/ot_pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct ot_pending_entry {
    uint32_t id;
    unsigned n_sent;
    uint64_t due_ms;
    struct ag_list order, due;
    UT_hash_handle hh;
    size_t len;
    char text[];
};

void ot_pending_init(struct ot_pending *p)
{
    *p = (struct ot_pending){.by_id = NULL};
    ag_list_init(&p->in_order);
    ag_list_init(&p->by_due);
}

static struct ot_pending_entry *find(const struct ot_pending *p, uint32_t id)
{
    struct ot_pending_entry *e;

    HASH_FIND(hh, p->by_id, &id, sizeof id, e);
    return e;
}

static void entry_free(struct ot_pending *p, struct ot_pending_entry *e)
{
    HASH_DEL(p->by_id, e);
    ag_list_del(&e->order);
    ag_list_del(&e->due);
    p->n--;
    free(e);
}

void ot_pending_deinit(struct ot_pending *p)
{
    ag_list_for_each_safe (it, &p->in_order)
        entry_free(p, ag_list_entry(it, struct ot_pending_entry, order));
}

int ot_pending_add(struct ot_pending *p, uint32_t id, struct ag_span text, uint64_t due_ms)
{
    struct ot_pending_entry *e;

    if (find(p, id))
        return -EEXIST;
    e = malloc(sizeof *e + text.len);
    if (!e)
        return -ENOMEM;
    *e = (struct ot_pending_entry){.id = id, .n_sent = 1, .due_ms = due_ms, .len = text.len};
    memcpy(e->text, text.p, text.len);
    HASH_ADD(hh, p->by_id, id, sizeof e->id, e);
    if (!e->hh.tbl) { /* uthash's sign that it got no memory */
        free(e);
        return -ENOMEM;
    }
    ag_list_append(&p->in_order, &e->order);
    ag_list_append(&p->by_due, &e->due);
    p->n++;
    return 0;
}

bool ot_pending_has(const struct ot_pending *p, uint32_t id)
{
    return find(p, id) != NULL;
}

void ot_pending_remove(struct ot_pending *p, uint32_t id)
{
    struct ot_pending_entry *e = find(p, id);

    if (e)
        entry_free(p, e);
}

static bool view(const struct ot_pending_entry *e, struct ot_pending_view *out)
{
    if (!e)
        return false;
    *out = (struct ot_pending_view){e->id, e->n_sent, e->due_ms, {e->text, e->len}};
    return true;
}

bool ot_pending_next_due(const struct ot_pending *p, struct ot_pending_view *out)
{
    return view(ag_list_first(&p->by_due, struct ot_pending_entry, due), out);
}

bool ot_pending_oldest(const struct ot_pending *p, struct ot_pending_view *out)
{
    return view(ag_list_first(&p->in_order, struct ot_pending_entry, order), out);
}

void ot_pending_sent(struct ot_pending *p, uint32_t id, uint64_t due_ms)
{
    struct ot_pending_entry *e = find(p, id);

    if (!e)
        return;
    e->n_sent++;
    e->due_ms = due_ms;
    ag_list_del(&e->due);
    ag_list_append(&p->by_due, &e->due);
}
