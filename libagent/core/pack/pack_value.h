/* SPDX-License-Identifier: MIT */
/*
 * One value from MessagePack to JSON text and back. The data model is JSON's; what MessagePack has beyond it is
 * either written in a documented form or refused, never guessed:
 *
 *   nil, booleans        null, true, false
 *   integers             the same digits; JSON integers of -2^63 .. 2^64-1 become integers, exactly
 *   float 32, float 64   the shortest decimal that reads back to the same value at that width, always with a point or
 *                        an exponent ("1.0"), so that it comes back as a float; NaN and infinities are refused
 *   other JSON numbers   the nearest float 64: fractions, exponents, -0, integers beyond 64 bits (these lose digits:
 *                        MessagePack has no type for them); a number beyond the range of float 64 is refused
 *   str                  a string; bytes that are not UTF-8 are refused, as is a lone surrogate ("\ud800") in JSON
 *   bin                  {"base64":"..."} (RFC 4648, padded), whatever the bytes are, so that a receiver never has to
 *                        guess; an object of that form stays a map on the way back
 *   ext, timestamp       refused
 *   array, map           array, object; a map key must be a str; order and equal keys are kept
 */
#ifndef AG_PACK_VALUE_H
#define AG_PACK_VALUE_H

#include "libagent/core/buf.h"

enum { AG_PACK_VALUE_DEPTH = 128 }; /* containers inside each other in one value */

/*
 * Appends the JSON text of the value that begins at in->p, and moves *in behind it. 0, -ENOMEM, or AG_PACK_E_*
 * (out is unchanged then). The text is at most 6 times as long as the value, plus a few bytes.
 */
int ag_pack_value_to_json(struct ag_span *in, struct ag_buf *out);

/* Appends the value of a JSON text that the scanner has accepted, white space around it allowed. As above. */
int ag_pack_value_from_json(struct ag_span json, struct ag_buf *out);

/* ---- reading heads; for pack.c ---- */

enum ag_pack_type {
    AG_PACK_NIL,
    AG_PACK_BOOL,
    AG_PACK_UINT,
    AG_PACK_INT, /* negative */
    AG_PACK_FLOAT32,
    AG_PACK_FLOAT64,
    AG_PACK_STR,
    AG_PACK_BIN,
    AG_PACK_EXT,
    AG_PACK_ARRAY,
    AG_PACK_MAP
};

struct ag_pack_head {
    enum ag_pack_type type;
    uint64_t u; /* the value's bits; bytes of str and bin; elements of array; pairs of map */
};

/* Reads a head and moves *in behind it; the bytes of a str or bin are there in full. 0 or AG_PACK_E_SYNTAX. */
int ag_pack_read_head(struct ag_span *in, struct ag_pack_head *out);

/* Appends a JSON string of bytes that must be UTF-8. 0, -ENOMEM or AG_PACK_E_UTF8. */
int ag_pack_str_to_json(struct ag_span bytes, struct ag_buf *out);

/* The writing function for a msgpack_packer whose data is a struct ag_buf. */
int ag_pack_write(void *buf, const char *p, size_t n);

#endif
