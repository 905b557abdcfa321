/* SPDX-License-Identifier: MIT */
/*
 * MD5 and SHA-256 of bytes that come in pieces, by the crypto library that the tree is built with (digest.c: OpenSSL,
 * digest_mbedtls.c: Mbed TLS).
 *
 * A digest belongs to one thread; different threads may have one each.
 */
#ifndef AG_DIGEST_H
#define AG_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

enum ag_digest_kind { AG_DIGEST_MD5, AG_DIGEST_SHA256 };
enum { AG_DIGEST_HEX = 65 }; /* hex digits of the longest one, and the end */

struct ag_digest;

/* NULL: out of memory, or the library has no such sum. Ended by ag_digest_free(), which takes NULL and returns it. */
struct ag_digest *ag_digest_new(enum ag_digest_kind kind);
struct ag_digest *ag_digest_free(struct ag_digest *d);

/* False: the sum cannot be had any more. */
bool ag_digest_add(struct ag_digest *d, const void *p, size_t n);
/* The sum of all that was added, lower-case hex. Once. */
bool ag_digest_end(struct ag_digest *d, char hex[AG_DIGEST_HEX]);

#endif
