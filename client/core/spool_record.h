/*
 * A kept report as bytes: MessagePack [version 1, id, unix seconds, topic, text]. Further items at the end are skipped,
 * so a later version may add some.
 */
#ifndef CLIENT_SPOOL_RECORD_H
#define CLIENT_SPOOL_RECORD_H

#include <stdint.h>
#include "libagent/core/buf.h"

struct spool_record {
    uint32_t id;
    uint32_t at_s;
    uint64_t topic;
    struct ag_span text; /* borrowed */
};

/* Appends. 0 or -ENOMEM. */
int spool_record_encode(struct ag_buf *out, const struct spool_record *rec);

/* out->text points into bytes. 0, -EINVAL (not such a record), -ENOMEM. */
int spool_record_decode(struct spool_record *out, struct ag_span bytes);

#endif
