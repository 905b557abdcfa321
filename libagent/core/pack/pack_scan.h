/* SPDX-License-Identifier: MIT */
/*
 * Finds where a MessagePack value ends on a stream, without building it. The twin of ag_json_scan(): bytes may be
 * cut anywhere, none is looked at twice. What the bytes mean is pack.h's business.
 */
#ifndef AG_PACK_SCAN_H
#define AG_PACK_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AG_PACK_DEPTH_MAX = 256 };

enum {
    AG_PACK_E_SYNTAX = 1, /* the byte 0xc1, which begins no value */
    AG_PACK_E_DEPTH,      /* nested deeper than allowed */
    AG_PACK_E_SIZE        /* a length that no text within the limit could hold */
};

/* The fields are the scanner's own. */
struct ag_pack_scan {
    uint32_t off; /* bytes of this value seen so far */
    uint32_t max_size;
    uint16_t depth, max_depth;
    uint8_t head;                     /* type byte whose length field is under way */
    uint8_t head_left;                /* bytes of that length field still to come */
    uint64_t len;                     /* the length field so far */
    uint64_t skip;                    /* payload bytes still to pass over */
    uint64_t left[AG_PACK_DEPTH_MAX]; /* values still wanted, per depth */
};

void ag_pack_scan_init(struct ag_pack_scan *s, unsigned max_depth, uint32_t max_size);

/* 0: goes on; -1: complete, *used_out bytes belong to it; positive: AG_PACK_E_*. As ag_json_scan(). */
int ag_pack_scan(struct ag_pack_scan *s, const char *p, size_t n, size_t *used_out);

#endif
