/* SPDX-License-Identifier: MIT */
/*
 * The store's file as versions before 0.2 left it: LMDB 0.9, one table, key: the number, eight bytes, big-endian; value: a record
 * (client/report/core/spool_record.h). Only read, so that an update of the firmware loses no report; nothing in it is
 * believed. It has no checksums: what is not a record is counted, and the caller looks at the records.
 */
#ifndef CLIENT_SPOOL_OLD_H
#define CLIENT_SPOOL_OLD_H

#include "client/report/core/spool_form.h"

/* It begins like one, in the words of this machine. */
bool spool_old_is(const struct spool_source *src);

/* Told of each value, in the order of the numbers; borrowed. Not 0 ends the reading with that value. */
typedef int spool_old_fn(void *user, uint64_t seq, struct ag_span record);

/* 0; -ENOMEM; what fn gave. *n_damaged_out counts pages and nodes that cannot be read. */
int spool_old_scan(const struct spool_source *src, unsigned *n_damaged_out, spool_old_fn *fn, void *user);

#endif
