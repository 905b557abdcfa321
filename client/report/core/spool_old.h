/* SPDX-License-Identifier: MIT */
/*
 * The store's file as versions before 0.2 left it: LMDB 0.9, one table; key: the number, eight bytes, big-endian; value: a
 * record (client/report/core/spool_record.h). Only read, so that a firmware update loses no report; nothing in it is trusted.
 * It has no checksums: what is not a record is counted, and the caller checks the records.
 */
#ifndef CLIENT_SPOOL_OLD_H
#define CLIENT_SPOOL_OLD_H

#include "client/report/core/spool_form.h"

/* It begins like one, in this machine's byte order and word size. */
bool spool_old_is(const struct spool_source *src);

/* Called for each value, in the order of the numbers; borrowed. A result other than 0 ends the reading with that value. */
typedef int spool_old_fn(void *user, uint64_t seq, struct ag_span record);

/* 0; -ENOMEM; what fn returned. *n_damaged_out counts pages and nodes that cannot be read. */
int spool_old_scan(const struct spool_source *src, unsigned *n_damaged_out, spool_old_fn *fn, void *user);

#endif
