/* SPDX-License-Identifier: MIT */
/*
 * How often a password may be tried: a few times a minute from one address (of IPv6 one network of 64 bits, since a host has all
 * of its addresses), and more, but bounded, from all together. Every try counts when it begins; the right password forgets them.
 */
#ifndef WEB_LIMITER_H
#define WEB_LIMITER_H

#include <stdint.h>

enum {
    WEB_LIMITER_KEY = 8,
    WEB_LIMITER_SLOTS = 64,
    WEB_LIMITER_TRIES = 5,
    WEB_LIMITER_ALL_TRIES = 60,
    WEB_LIMITER_WINDOW_MS = 60000
};

struct web_tries {
    unsigned char key[WEB_LIMITER_KEY];
    uint64_t since_ms; /* of the window */
    unsigned n;        /* 0: free */
};

struct web_limiter {
    struct web_tries list[WEB_LIMITER_SLOTS], all;
};

/*
 * 0: the try is counted and may be made; else the seconds to wait. key: an IPv4 address and zeros, or the network of an
 * IPv6 one.
 */
unsigned web_limiter_try(struct web_limiter *l, uint64_t now_ms, const unsigned char key[WEB_LIMITER_KEY]);
/* The try was the right one. */
void web_limiter_right(struct web_limiter *l, const unsigned char key[WEB_LIMITER_KEY]);

#endif
