/* SPDX-License-Identifier: MIT */
/*
 * MD5 and AES through libcrypto's plain functions. OpenSSL 3 recommends EVP instead, whose providers cost a process more than
 * 2 MB, and a lookup for each use; the protocol will never need other algorithms, and the devices are small. crypt_evp.c does
 * the same through EVP, for a libcrypto without these functions.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "client/lan/core/crypt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/aes.h>
#include <openssl/crypto.h>
#include <openssl/md5.h>

struct crypt {
    AES_KEY enc, dec;
    uint8_t iv[CRYPT_BLOCK];
};

int crypt_new(struct crypt **out)
{
    struct crypt *c = calloc(1, sizeof *c);

    if (!c)
        return -ENOMEM;
    *out = c;
    return 0;
}

struct crypt *crypt_free(struct crypt *c)
{
    if (c)
        OPENSSL_cleanse(c, sizeof *c);
    free(c);
    return NULL;
}

int crypt_set_key(struct crypt *c, const uint8_t key[CRYPT_BLOCK], const uint8_t iv[CRYPT_BLOCK])
{
    AES_set_encrypt_key(key, CRYPT_BLOCK * 8, &c->enc);
    AES_set_decrypt_key(key, CRYPT_BLOCK * 8, &c->dec);
    memcpy(c->iv, iv, sizeof c->iv);
    return 0;
}

int crypt_md5(struct crypt *c, const struct ag_span *parts, size_t n_parts, uint8_t out[CRYPT_BLOCK])
{
    MD5_CTX md;

    (void) c;
    MD5_Init(&md);
    for (size_t i = 0; i < n_parts; i++)
        MD5_Update(&md, parts[i].p, parts[i].len);
    MD5_Final(out, &md);
    return 0;
}

int crypt_encrypt(struct crypt *c, struct ag_span text, uint8_t *out)
{
    size_t whole = text.len - text.len % CRYPT_BLOCK, rest = text.len - whole;
    uint8_t iv[CRYPT_BLOCK], last[CRYPT_BLOCK];

    memcpy(iv, c->iv, sizeof iv);
    if (whole > 0)
        AES_cbc_encrypt((const uint8_t *) text.p, out, whole, &c->enc, iv, AES_ENCRYPT);
    if (rest > 0)
        memcpy(last, text.p + whole, rest);
    memset(last + rest, (int) (CRYPT_BLOCK - rest), CRYPT_BLOCK - rest);
    AES_cbc_encrypt(last, out + whole, CRYPT_BLOCK, &c->enc, iv, AES_ENCRYPT);
    return 0;
}

int crypt_decrypt(struct crypt *c, struct ag_span data, uint8_t *out, size_t *n_out)
{
    uint8_t iv[CRYPT_BLOCK], pad;

    memcpy(iv, c->iv, sizeof iv);
    AES_cbc_encrypt((const uint8_t *) data.p, out, data.len, &c->dec, iv, AES_DECRYPT);
    pad = out[data.len - 1];
    if (pad < 1 || pad > CRYPT_BLOCK)
        return CRYPT_E_PADDING;
    for (size_t i = data.len - pad; i < data.len; i++) {
        if (out[i] != pad)
            return CRYPT_E_PADDING;
    }
    *n_out = data.len - pad;
    return 0;
}
