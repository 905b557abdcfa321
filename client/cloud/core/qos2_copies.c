/* SPDX-License-Identifier: MIT */
#include "client/cloud/core/qos2_copies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/grow.h"
#include "libagent/core/hash.h"

struct qos2_entry {
    int mid;
    unsigned stale;   /* copies of what was delivered last that may be in front of what comes next */
    unsigned current; /* copies of what comes next that have been counted; 0: it has not begun */
    unsigned perhaps; /* and perhaps so many more, which were not counted */
    bool asked;       /* held was taken in a session before this one */
    uint64_t hash;    /* of what was delivered last */
    void *held;
};

/* ---- lines ---- */

static const char *after(const char *text, const char *prefix)
{
    size_t n = prefix ? strlen(prefix) : 0;

    return text && prefix && strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

struct qos2_line qos2_line_read(const char *text, const char *client_id)
{
    const char *at = after(after(text, "Client "), client_id);
    struct qos2_line line = {0};
    int dup, qos, retain;

    if (sscanf(at ? at : "", " received PUBLISH (d%d, q%d, r%d, m%d,", &dup, &qos, &retain, &line.mid) == 4 && qos == 2) {
        line.type = QOS2_LINE_PUBLISH;
        line.dup = dup != 0;
    } else if (sscanf(at ? at : "", " received PUBREL (Mid: %d", &line.mid) == 1) {
        line.type = QOS2_LINE_PUBREL;
    }
    return line;
}

/* ---- copies ---- */

void qos2_copies_init(struct qos2_copies *c, void (*drop)(void *user, void *held), void *user)
{
    *c = (struct qos2_copies){.drop = drop, .user = user};
}

static void drop_held(struct qos2_copies *c, struct qos2_entry *e)
{
    if (e->held)
        c->drop(c->user, e->held);
    e->held = NULL;
    e->asked = false;
}

void qos2_copies_clear(struct qos2_copies *c)
{
    for (unsigned i = 0; i < c->n; i++)
        drop_held(c, &c->entries[i]);
    free(c->entries);
    qos2_copies_init(c, c->drop, c->user);
}

static struct qos2_entry *find(const struct qos2_copies *c, int mid)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->entries[i].mid == mid)
            return &c->entries[i];
    return NULL;
}

static void end(struct qos2_copies *c, struct qos2_entry *e)
{
    drop_held(c, e);
    *e = c->entries[--c->n];
    if (c->n > 0)
        return;
    free(c->entries);
    c->entries = NULL;
    c->room = 0;
}

/* Ids have 16 bits, so this ends. */
static struct qos2_entry *add(struct qos2_copies *c, int mid)
{
    if (AG_GROW(c->entries, c->room, c->n + 1) < 0)
        return NULL;
    c->entries[c->n] = (struct qos2_entry){.mid = mid, .perhaps = 1 + c->n_missed};
    return &c->entries[c->n++];
}

void qos2_copies_resumed(struct qos2_copies *c)
{
    for (unsigned i = 0; i < c->n; i++)
        c->entries[i].asked = c->entries[i].held != NULL;
}

int qos2_copies_published(struct qos2_copies *c, int mid, bool dup)
{
    struct qos2_entry *e = find(c, mid);

    if (!e && !dup)
        return 0;
    if (!e)
        e = add(c, mid);
    if (!e) {
        c->n_missed++;
        return -ENOMEM;
    }
    e->current++;
    return 0;
}

enum qos2_verdict qos2_copies_message(struct qos2_copies *c, int mid, const void *payload, size_t len)
{
    struct qos2_entry *e = find(c, mid);
    uint64_t hash;

    if (mid == c->released)
        c->released = 0;
    if (!e)
        return QOS2_DELIVER;
    hash = ag_hash(AG_HASH_BEGIN, payload, len); /* two with the same hash only cost a needless check */
    if (e->held) {                               /* something came behind it */
        drop_held(c, e);
        e->stale--;
    }
    if (e->current == 0) { /* PUBREL came once more, PUBCOMP had been lost */
        e->stale--;
        if (e->stale == 0)
            end(c, e);
        return QOS2_DROP;
    }
    if (e->stale > 0 && hash == e->hash)
        return QOS2_HOLD;
    e->stale = e->current - 1 + e->perhaps;
    e->current = 0;
    e->perhaps = 0;
    e->hash = hash;
    if (e->stale == 0)
        end(c, e);
    return QOS2_DELIVER;
}

void qos2_copies_hold(struct qos2_copies *c, int mid, void *held)
{
    find(c, mid)->held = held;
}

void qos2_copies_released(struct qos2_copies *c, int mid)
{
    c->released = mid;
}

void *qos2_copies_settle(struct qos2_copies *c)
{
    struct qos2_entry *e = c->released > 0 ? find(c, c->released) : NULL;
    void *held = e && e->asked ? e->held : NULL;

    c->released = 0;
    if (!held)
        return NULL;
    e->held = NULL;
    end(c, e); /* nothing is left of that id */
    return held;
}
