/* SPDX-License-Identifier: MIT */
#include "examples/sim/fleet/fleet_lines.h"

#include <string.h>

char *fleet_lines_room(struct fleet_lines *l, size_t *room_out)
{
    *room_out = sizeof l->bytes - l->n;
    return l->bytes + l->n;
}

void fleet_lines_came(struct fleet_lines *l, size_t n, void (*on_line)(void *user, const char *line), void *user)
{
    char *end;

    l->n += n;
    while ((end = memchr(l->bytes, '\n', l->n))) {
        size_t used = (size_t) (end - l->bytes) + 1;

        *end = '\0';
        on_line(user, l->bytes);
        l->n -= used;
        memmove(l->bytes, end + 1, l->n);
    }
    if (l->n == sizeof l->bytes)
        l->n = 0;
}
