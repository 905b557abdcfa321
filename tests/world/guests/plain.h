/* SPDX-License-Identifier: MIT */
/* A plain TCP socket of a program in the world: connected and written to as a program without a library does it. */
#ifndef WORLD_PLAIN_H
#define WORLD_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* To 127.0.0.1. The descriptor, or -1 when nobody has answered within wait_ms. */
int plain_connect(uint16_t port, int wait_ms);
/* All of it; false: the other side has gone, or takes nothing for wait_ms. */
bool plain_put(int fd, const char *text, size_t n, int wait_ms);
/*
 * Reads what has come behind the *n bytes of in, which has room for so many, and hands each whole object of it over,
 * NUL-terminated. false: the other side has gone, each() has had enough, or an object does not fit.
 */
bool plain_take(int fd, char *in, size_t room, size_t *n, bool (*each)(void *user, const char *text), void *user);

#endif
