/* SPDX-License-Identifier: MIT */
/*
 * Message ids that our programs draw: 1..2147483647. An id of a message is any unsigned 32-bit number, but applications
 * keep it in a C int, and JSON libraries cut what is larger (json-c's json_object_get_int(), cJSON's valueint).
 */
#ifndef AG_IDS_H
#define AG_IDS_H

#include <stdint.h>

enum { AG_ID_MAX = 0x7fffffff };

/* The id after this one; 1 after 0 and after the last. */
static inline uint32_t ag_id_next(uint32_t id)
{
    return id >= AG_ID_MAX ? 1 : id + 1;
}

/* An id made of any number. Without a division: small processors have none, and would carry a function for it. */
static inline uint32_t ag_id_from(uint32_t random)
{
    return ag_id_next(random & AG_ID_MAX);
}

#endif
