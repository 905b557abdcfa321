/* SPDX-License-Identifier: MIT */
/*
 * Passes over one JSON value of any kind on a stream, cut anywhere, without keeping it: it only finds the end, by brackets
 * and strings; what is inside is not checked. For streams that go on behind a value nobody wants.
 */
#ifndef AG_JSON_PASS_H
#define AG_JSON_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ag_json_pass {
    uint32_t depth; /* open brackets */
    uint8_t state;  /* json_pass.c */
    uint8_t word;   /* of the literals: which one, and how much of it is there */
    uint8_t at;
    bool escaped; /* the next byte of the string is quoted by a backslash */
};

void ag_json_pass_init(struct ag_json_pass *s);

/* 0: it goes on behind these n bytes; 1: it has ended, *used_out of the bytes belong to it; -1: no JSON value. */
int ag_json_pass(struct ag_json_pass *s, const char *p, size_t n, size_t *used_out);

#endif
