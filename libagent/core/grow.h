/* SPDX-License-Identifier: MIT */
/*
 * Arrays of the heap that grow at their end.
 *
 *     struct thing *list = NULL;
 *     size_t n = 0, cap = 0;
 *
 *     if (AG_GROW(list, cap, n + 1) < 0)
 *         return -ENOMEM;
 *     list[n++] = (struct thing){...};
 *     ...
 *     free(list);
 */
#ifndef AG_GROW_H
#define AG_GROW_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { AG_GROW_FIRST = 8 }; /* entries that an array begins with */

/* Room for n entries in the array list (a pointer's variable), which has room for cap (a size_t): the double of what it had, as
   often as it takes. 0; -ENOMEM: both are as they were. */
#define AG_GROW(list, cap, n) ag_grow(&(list), &(cap), (n), sizeof *(list))

static inline int ag_grow(void *list, size_t *cap, size_t n, size_t size)
{
    size_t room = *cap ? *cap : AG_GROW_FIRST;
    void *entries;

    if (n <= *cap)
        return 0;
    while (room < n && room <= SIZE_MAX / 2 / size)
        room *= 2;
    if (room < n || room > SIZE_MAX / size)
        return -ENOMEM;
    memcpy(&entries, list, sizeof entries); /* whatever it points to */
    entries = realloc(entries, room * size);
    if (!entries)
        return -ENOMEM;
    memcpy(list, &entries, sizeof entries);
    *cap = room;
    return 0;
}

#endif
