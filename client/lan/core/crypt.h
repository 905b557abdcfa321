/* SPDX-License-Identifier: MIT */
/*
 * The two primitives of the miIO packet, MD5 and AES-128-CBC with PKCS#7 padding, behind an object that is made once
 * per secret: key schedules are computed once, so a packet needs no lookup and no allocation. Its two implementations
 * are the only core files that know OpenSSL.
 *
 * A crypt object belongs to one thread.
 */
#ifndef CLIENT_CRYPT_H
#define CLIENT_CRYPT_H

#include <stdint.h>
#include "libagent/core/util.h"

enum { CRYPT_BLOCK = 16 };

/* Named condition of crypt_decrypt(). */
enum { CRYPT_E_PADDING = 1 };

struct crypt;

/* Contexts without a key yet: only crypt_md5() may be used. 0, -ENOMEM, -ENOTSUP (library without MD5 or AES). */
int crypt_new(struct crypt **out);
struct crypt *crypt_free(struct crypt *c);

/* Fixes key and initialisation vector for both directions. 0 or -ENOMEM. */
int crypt_set_key(struct crypt *c, const uint8_t key[CRYPT_BLOCK], const uint8_t iv[CRYPT_BLOCK]);

/* MD5 of the parts one after another. 0 or -ENOMEM. */
int crypt_md5(struct crypt *c, const struct ag_span *parts, size_t n_parts, uint8_t out[CRYPT_BLOCK]);

/* Bytes that n bytes of text become: padding is always added. */
static inline size_t crypt_padded(size_t n)
{
    return n - n % CRYPT_BLOCK + CRYPT_BLOCK;
}

/* out has room for crypt_padded(text.len) bytes. 0 or -ENOMEM. */
int crypt_encrypt(struct crypt *c, struct ag_span text, uint8_t *out);

/*
 * data is a positive multiple of 16 bytes, at most INT_MAX; out has room for data.len bytes and must not overlap it.
 * 0, CRYPT_E_PADDING, -ENOMEM.
 */
int crypt_decrypt(struct crypt *c, struct ag_span data, uint8_t *out, size_t *n_out);

#endif
