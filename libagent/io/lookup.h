/* SPDX-License-Identifier: MIT */
/*
 * One host name looked up on a thread of its own. A C library that waits for a silent name server cannot be interrupted, so
 * a lookup that nobody wants any more is left to its thread: giving it up costs no wait, neither while the program runs
 * nor when it ends. libuv's pool would have to be waited for.
 */
#ifndef AG_LOOKUP_H
#define AG_LOOKUP_H

#include <netdb.h>
#include <uv.h>

struct ag_lookup;

/* On the loop, once, never within ag_lookup_start(). found is the callee's, to be freed by freeaddrinfo(); NULL: none,
   and why is the reason (otherwise NULL). The lookup is gone with this call. */
typedef void (*ag_lookup_fn)(void *user, struct addrinfo *found, const char *why);

/* hints: family, socket type and flags are used. 0, -ENOMEM or -errno: nothing has begun. */
int ag_lookup_start(struct ag_lookup **out, uv_loop_t *loop, const char *host, const char *port, const struct addrinfo *hints,
                    ag_lookup_fn done, void *user);

/* done() is not called any more; at once. NULL is fine. */
void ag_lookup_cancel(struct ag_lookup *l);

#endif
