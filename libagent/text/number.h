/* SPDX-License-Identifier: MIT */
/* Whole numbers of JSON as C has them. The text is one number of a scanned text. */
#ifndef AG_NUMBER_H
#define AG_NUMBER_H

#include "libagent/core/util.h"

/* How large it is without its sign. 0; -ERANGE: beyond 64 bits; -EBADMSG: not a whole number. 1e2 and 50.0 are whole. */
int ag_number_whole(struct ag_span raw, _Bool *negative_out, uint64_t *size_out);

#endif
