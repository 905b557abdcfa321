/* SPDX-License-Identifier: MIT */
/*
 * OneNET data points: the payload of a PUBLISH to "$dp", types 1 to 7, built. No I/O, no clock.
 *
 * Byte 0: bits 0..5 type, bit 6 zero, bit 7 "6 date bytes follow" (types 6 and 7 only; without it they are absent,
 * not zero). Lengths are big-endian and count bytes. Type 7 is mixed: numbers high byte first, floats (IEEE-754 single)
 * low byte first.
 * Source: OneNET MQTT access document, section 5.2.1; where its tables contradict each other, the reading that its
 * prose and examples agree on.
 */
#ifndef CLIENT_ONENET_DP_H
#define CLIENT_ONENET_DP_H

#include <stdbool.h>
#include "libagent/core/buf.h"

enum {
    ONENET_DP_TEXT_MAX = 65535,     /* bytes of JSON or text in one payload (2-byte length) */
    ONENET_DP_BINARY_MAX = 3 << 20, /* bytes of binary, type 2 */
    ONENET_DP_FLOATS_MAX = 500,     /* floats of one type 7 payload, all records together */
    ONENET_DP_POINTS_MAX = 8192,    /* of one JSON payload; more than 64 KiB can hold */
    ONENET_TIME_LEN = 19            /* "2015-03-22 22:31:12" */
};

/* Why a payload or a point was refused. */
enum onenet_dp_error {
    ONENET_DP_E_DATE = 1,   /* the 6 date bytes are no date */
    ONENET_DP_E_JSON,       /* not JSON, or no UTF-8 */
    ONENET_DP_E_STREAM,     /* stream name missing, empty or with control characters */
    ONENET_DP_E_TIME,       /* not YYYY-MM-DD hh:mm:ss, or missing where it is needed */
    ONENET_DP_E_SEPARATORS, /* equal, missing, not ASCII; or none is free */
    ONENET_DP_E_FIELD,      /* a field of more than three parts, or no field at all */
    ONENET_DP_E_NUMBER,     /* stream number outside 1..65535 */
    ONENET_DP_E_FLOAT,      /* not a number, or infinite */
    ONENET_DP_E_TOO_LARGE,  /* beyond ONENET_DP_TEXT_MAX or ONENET_DP_BINARY_MAX */
    ONENET_DP_E_TWICE,      /* the same stream (and time) twice where the form can hold one */
    ONENET_DP_E_EMPTY       /* no points */
};

/* One phrase for logs and error answers. */
const char *onenet_dp_strerror(int error);

struct onenet_date {
    uint16_t year; /* 2000..2255 */
    uint8_t month, day, hour, minute, second;
};

bool onenet_date_is_valid(const struct onenet_date *d);
/* Exactly "YYYY-MM-DD hh:mm:ss" of a day that exists; years 1970..9999. */
bool onenet_date_parse(struct ag_span text, struct onenet_date *out);
/* out: ONENET_TIME_LEN characters and a NUL. */
void onenet_date_format(const struct onenet_date *d, char out[ONENET_TIME_LEN + 1]);
/* A moment as local time, offset_s east of UTC. false before 1970 or after 9999. */
bool onenet_date_from_unix(int64_t unix_s, int32_t offset_s, struct onenet_date *out);

/* ---- building ---- */

/* One point as it comes from the application. stream is plain text; an empty one is positional (types 5 and 6). */
struct onenet_point {
    struct ag_span stream;
    struct ag_span time;  /* empty: none */
    struct ag_span value; /* JSON, checked by the caller */
};

struct onenet_float {
    uint16_t stream; /* 1..65535 */
    float value;
};

/*
 * Each appends one payload to out. 0, -ENOMEM, or an enum onenet_dp_error; out is unchanged unless 0.
 * date may be NULL: no date bytes.
 */
int onenet_dp_encode_streams(struct ag_buf *out, const struct onenet_point *p, size_t n); /* type 1 */
int onenet_dp_encode_binary(struct ag_buf *out, struct ag_span stream, struct ag_span time, struct ag_span desc,
                            struct ag_span binary);                                      /* type 2 */
int onenet_dp_encode_values(struct ag_buf *out, const struct onenet_point *p, size_t n); /* type 3, no times */
int onenet_dp_encode_timed(struct ag_buf *out, const struct onenet_point *p, size_t n);  /* type 4, all timed */
int onenet_dp_encode_text(struct ag_buf *out, const struct onenet_point *p, size_t n);   /* type 5 */
int onenet_dp_encode_dated_text(struct ag_buf *out, const struct onenet_date *date, const struct onenet_point *p,
                                size_t n); /* type 6 */
/* Type 7. At most 500 points go into one payload: *used_out says how many were taken, call again for the rest. */
int onenet_dp_encode_floats(struct ag_buf *out, const struct onenet_date *date, const struct onenet_float *p, size_t n,
                            size_t *used_out);

#endif
