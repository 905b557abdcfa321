/* SPDX-License-Identifier: MIT */
/* Lines from the bytes of a pipe. Zero-initialise. */
#ifndef SIM_FLEET_LINES_H
#define SIM_FLEET_LINES_H

#include <stddef.h>

enum { FLEET_LINE_MAX = 128 };

struct fleet_lines {
    char bytes[FLEET_LINE_MAX]; /* the unfinished line */
    size_t n;
};

/* Where the next bytes go. */
char *fleet_lines_room(struct fleet_lines *l, size_t *room_out);
/* n bytes have come: calls on_line for each whole line, without its end. A longer one is dropped; the fleet sends none. */
void fleet_lines_came(struct fleet_lines *l, size_t n, void (*on_line)(void *user, const char *line), void *user);

#endif
