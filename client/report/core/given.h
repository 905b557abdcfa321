/* SPDX-License-Identifier: MIT */
/*
 * Reports that have been given to a cloud without being kept, until it acknowledges them: their texts, so that they can be
 * kept when the session ends. In the order in which they were given.
 */
#ifndef CLIENT_GIVEN_H
#define CLIENT_GIVEN_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"
#include "libagent/core/reuse.h"

struct given_entry;

struct given_list {
    struct given_entry *by_id; /* uthash */
    unsigned n;
    size_t bytes;            /* of the texts */
    struct ag_spares spares; /* of struct given_entry */
};

struct given {
    uint32_t id;
    bool tells; /* the cloud's word on it is the application's answer */
    int64_t born_ms;
    struct ag_buf text; /* empty: a report that cannot be kept */
};

/* The text is copied. 0 or -ENOMEM. */
int given_add(struct given_list *l, uint32_t id, struct ag_span text, int64_t born_ms, bool tells);
bool given_has(const struct given_list *l, uint32_t id);
/* It is here, and the cloud's word on it is the application's answer. */
bool given_tells(const struct given_list *l, uint32_t id);
/* Taken out; the text is the caller's. false: not here. */
bool given_take(struct given_list *l, uint32_t id, struct given *out);
/* The oldest one, or none. */
bool given_take_first(struct given_list *l, struct given *out);
void given_deinit(struct given_list *l);

#endif
