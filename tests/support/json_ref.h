/* SPDX-License-Identifier: MIT */
/*
 * A second, slow JSON checker for tests: recursive descent straight from the grammar of RFC 8259, sharing no code with
 * the scanner, so that the two can be compared on any input.
 */
#ifndef TEST_JSON_REF_H
#define TEST_JSON_REF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True when p[0] begins an object that is well-formed, well-formed UTF-8 and no deeper than max_depth; *len_out is
 * its length then. id_out (may be NULL): offset of the value of the first top-level member named "id", 0 without one.
 */
bool json_ref_object(const char *p, size_t n, unsigned max_depth, size_t *len_out, size_t *id_out);

#endif
