/* SPDX-License-Identifier: MIT */
/*
 * OneNET's data points and topics from the platform's side: strictly read. Byte 0 of "$dp": bits 0..5 type, bit 6 zero, bit 7 "6
 * date bytes follow" (types 6 and 7 only). Lengths are big-endian and count bytes. Type 7 is mixed: numbers high byte first,
 * floats (IEEE-754 single) low byte first.
 * Source: OneNET MQTT access document, sections 4.9.3, 5.2.1, 5.3 and 5.8; where its tables contradict each other, the reading
 * that its prose and examples share.
 */
#ifndef SIM_ONENET_WIRE_H
#define SIM_ONENET_WIRE_H

#include <stdbool.h>
#include "libagent/core/util.h"

enum {
    ON_BINARY_MAX = 3 << 20, /* bytes of binary, type 2 */
    ON_FLOATS_MAX = 500,     /* floats of one type 7 payload, all records together */
    ON_DEPTH_MAX = 64,       /* nesting of JSON */
    ON_TOPIC_MAX = 1024,
    ON_SUBSCRIPTIONS_MAX = 100,
    ON_TIME_LEN = 19 /* "2015-03-22 22:31:12" */
};

/* Why a payload is refused. */
enum on_error {
    ON_E_TYPE = 1,   /* not 1..7, bit 6 set, or a date bit where none is allowed */
    ON_E_TRUNCATED,  /* ends inside a length field or before what it announces */
    ON_E_TRAILING,   /* bytes behind the end */
    ON_E_DATE,       /* the 6 date bytes are no date */
    ON_E_JSON,       /* not JSON, or no UTF-8 */
    ON_E_SHAPE,      /* JSON of another form than this type has */
    ON_E_STREAM,     /* stream name missing, empty or with control characters */
    ON_E_TIME,       /* not YYYY-MM-DD hh:mm:ss, or missing where it is needed */
    ON_E_SEPARATORS, /* equal, missing, or not ASCII */
    ON_E_FIELD,      /* a field of more than three parts, or no field at all */
    ON_E_NUMBER,     /* stream number outside 1..65535 */
    ON_E_COUNT,      /* 0 floats, or more than 500 */
    ON_E_FLOAT,      /* not a number, or infinite */
    ON_E_TOO_LARGE,  /* beyond ON_BINARY_MAX */
    ON_E_TWICE,      /* the same stream twice */
    ON_E_EMPTY       /* no points */
};

/* One phrase for the journal. */
const char *on_points_fault(int error);

enum on_value_kind {
    ON_VALUE_JSON,   /* types 1, 3, 4: value is the JSON unchanged */
    ON_VALUE_BINARY, /* type 2 */
    ON_VALUE_TEXT,   /* types 5, 6 */
    ON_VALUE_FLOAT   /* type 7: number */
};

struct on_value {
    struct ag_span stream; /* plain text */
    struct ag_span time;   /* empty: the moment of arrival counts */
    enum on_value_kind kind;
    struct ag_span value;
    float number;
};

/* Called for each point, in order; spans are borrowed for the call. Not 0 ends the decoding with that value. */
typedef int (*on_value_fn)(void *user, const struct on_value *v);

/*
 * fn (may be NULL: only check) sees points only when the whole payload is right. 0, -ENOMEM, an enum on_error,
 * or what fn returned.
 */
int on_points_read(struct ag_span payload, on_value_fn fn, void *user);

/* NULL, or why a device may not publish or subscribe to this topic. point: "/<device id>/<stream>" is good, too. */
const char *on_topic_fault(struct ag_span topic, bool point);

#endif
