/* SPDX-License-Identifier: MIT */
/*
 * Messages under way to the OT cloud that have not been acknowledged: found by id, kept in the order in which they were first
 * sent, and in the order in which they are due. All waits have the same length, so an entry that was sent (again) goes to the
 * end of the due list. Each id is here once.
 */
#ifndef CLIENT_OT_PENDING_H
#define CLIENT_OT_PENDING_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/list.h"

struct ot_pending_entry;

struct ot_pending {
    struct ot_pending_entry *by_id; /* uthash */
    struct ag_list in_order;        /* struct ot_pending_entry.order */
    struct ag_list by_due;          /* struct ot_pending_entry.due */
    unsigned n;
};

/* Fields are read by the session; text is owned and ends with the entry. */
struct ot_pending_view {
    uint32_t id;
    unsigned n_sent;
    uint64_t due_ms;
    struct ag_span text;
};

void ot_pending_init(struct ot_pending *p);
void ot_pending_deinit(struct ot_pending *p);

/* Copies the text; counts as sent once. 0, -EEXIST, -ENOMEM. */
int ot_pending_add(struct ot_pending *p, uint32_t id, struct ag_span text, uint64_t due_ms);

bool ot_pending_has(const struct ot_pending *p, uint32_t id);

/* Does nothing when there is none. */
void ot_pending_remove(struct ot_pending *p, uint32_t id);

/* The one that is due first, or the one that was sent first. false: empty. */
bool ot_pending_next_due(const struct ot_pending *p, struct ot_pending_view *out);
bool ot_pending_oldest(const struct ot_pending *p, struct ot_pending_view *out);

/* It was sent again. */
void ot_pending_sent(struct ot_pending *p, uint32_t id, uint64_t due_ms);

#endif
