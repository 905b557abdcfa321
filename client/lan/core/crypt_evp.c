/* SPDX-License-Identifier: MIT */
/* MD5 and AES through OpenSSL's EVP, with contexts that are kept. See crypt.c for when this one is built (MIIO_EVP). */
#include "client/lan/core/crypt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

struct crypt {
    EVP_MD *md5; /* fetched once; the contexts below keep to them */
    EVP_CIPHER *aes;
    EVP_MD_CTX *md;
    EVP_CIPHER_CTX *enc, *dec;
    uint8_t iv[CRYPT_BLOCK];
};

struct crypt *crypt_free(struct crypt *c)
{
    if (!c)
        return NULL;
    EVP_CIPHER_CTX_free(c->dec);
    EVP_CIPHER_CTX_free(c->enc);
    EVP_MD_CTX_free(c->md);
    EVP_CIPHER_free(c->aes);
    EVP_MD_free(c->md5);
    OPENSSL_cleanse(c->iv, sizeof c->iv);
    free(c);
    return NULL;
}

int crypt_new(struct crypt **out)
{
    struct crypt *c = calloc(1, sizeof *c);

    if (!c)
        return -ENOMEM;
    c->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    c->aes = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
    if (!c->md5 || !c->aes) {
        crypt_free(c);
        return -ENOTSUP;
    }
    c->md = EVP_MD_CTX_new();
    c->enc = EVP_CIPHER_CTX_new();
    c->dec = EVP_CIPHER_CTX_new();
    if (!c->md || !c->enc || !c->dec) {
        crypt_free(c);
        return -ENOMEM;
    }
    *out = c;
    return 0;
}

int crypt_set_key(struct crypt *c, const uint8_t key[CRYPT_BLOCK], const uint8_t iv[CRYPT_BLOCK])
{
    if (EVP_EncryptInit_ex2(c->enc, c->aes, key, iv, NULL) != 1 || EVP_DecryptInit_ex2(c->dec, c->aes, key, iv, NULL) != 1)
        return -ENOMEM;
    memcpy(c->iv, iv, sizeof c->iv);
    return 0;
}

int crypt_md5(struct crypt *c, const struct ag_span *parts, size_t n_parts, uint8_t out[CRYPT_BLOCK])
{
    if (EVP_DigestInit_ex2(c->md, c->md5, NULL) != 1)
        return -ENOMEM;
    for (size_t i = 0; i < n_parts; i++) {
        if (EVP_DigestUpdate(c->md, parts[i].p, parts[i].len) != 1)
            return -ENOMEM;
    }
    return EVP_DigestFinal_ex(c->md, out, NULL) == 1 ? 0 : -ENOMEM;
}

int crypt_encrypt(struct crypt *c, struct ag_span text, uint8_t *out)
{
    int n = 0, tail = 0;

    /* Only the vector is set again: the key schedule stays. */
    if (EVP_EncryptInit_ex2(c->enc, NULL, NULL, c->iv, NULL) != 1 ||
        EVP_EncryptUpdate(c->enc, out, &n, (const unsigned char *) text.p, (int) text.len) != 1 ||
        EVP_EncryptFinal_ex(c->enc, out + n, &tail) != 1)
        return -ENOMEM;
    return 0;
}

int crypt_decrypt(struct crypt *c, struct ag_span data, uint8_t *out, size_t *n_out)
{
    int n = 0, tail = 0;

    if (EVP_DecryptInit_ex2(c->dec, NULL, NULL, c->iv, NULL) != 1 ||
        EVP_DecryptUpdate(c->dec, out, &n, (const unsigned char *) data.p, (int) data.len) != 1)
        return -ENOMEM;
    if (EVP_DecryptFinal_ex(c->dec, out + n, &tail) != 1)
        return CRYPT_E_PADDING;
    *n_out = (size_t) (n + tail);
    return 0;
}
