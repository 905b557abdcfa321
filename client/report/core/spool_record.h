/* SPDX-License-Identifier: MIT */
/*
 * A kept report as bytes: MessagePack [version 1, id, Unix seconds, topic, text, boot, seconds since boot, sure]. Further items
 * at the end are skipped, so a later version may add some; the last three are 0 when an earlier version has not written them.
 */
#ifndef CLIENT_SPOOL_RECORD_H
#define CLIENT_SPOOL_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

struct spool_record {
    uint32_t id;
    uint32_t at_s; /* by the device's clock, right or wrong */
    uint64_t boot; /* identifies the start of the device; 0: not known */
    uint32_t up_s; /* by a clock that nobody sets, and that began at some time in that boot */
    bool sure;     /* the device's clock was known to be right */
    uint64_t topic;
    struct ag_span text; /* borrowed */
};

/* Appends. 0 or -ENOMEM. */
int spool_record_encode(struct ag_buf *out, const struct spool_record *rec);

enum { SPOOL_RECORD_E_VERSION = 1 }; /* a record of a later version, which this one cannot read */

/* out->text points into bytes. 0, SPOOL_RECORD_E_VERSION, or -EINVAL (no such record). */
int spool_record_decode(struct spool_record *out, struct ag_span bytes);

#endif
