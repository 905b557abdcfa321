/* SPDX-License-Identifier: MIT */
/* MD5 and AES through Mbed TLS 2.28 or 3, for devices that have no OpenSSL. See crypt.c for the others. */
#include "client/lan/core/crypt.h"

#include <errno.h>
#include <mbedtls/aes.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>

struct crypt {
    mbedtls_aes_context enc, dec;
    mbedtls_md_context_t md;
    uint8_t iv[CRYPT_BLOCK];
};

int crypt_new(struct crypt **out)
{
    const mbedtls_md_info_t *md5 = mbedtls_md_info_from_type(MBEDTLS_MD_MD5);
    struct crypt *c;

    if (!md5)
        return -ENOTSUP;
    c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    mbedtls_aes_init(&c->enc);
    mbedtls_aes_init(&c->dec);
    mbedtls_md_init(&c->md);
    if (mbedtls_md_setup(&c->md, md5, 0) != 0) {
        crypt_free(c);
        return -ENOMEM;
    }
    *out = c;
    return 0;
}

struct crypt *crypt_free(struct crypt *c)
{
    if (!c)
        return NULL;
    mbedtls_md_free(&c->md);
    mbedtls_aes_free(&c->dec); /* both wipe what they held */
    mbedtls_aes_free(&c->enc);
    mbedtls_platform_zeroize(c->iv, sizeof c->iv);
    free(c);
    return NULL;
}

int crypt_set_key(struct crypt *c, const uint8_t key[CRYPT_BLOCK], const uint8_t iv[CRYPT_BLOCK])
{
    if (mbedtls_aes_setkey_enc(&c->enc, key, 8 * CRYPT_BLOCK) != 0 || mbedtls_aes_setkey_dec(&c->dec, key, 8 * CRYPT_BLOCK) != 0)
        return -ENOMEM;
    memcpy(c->iv, iv, sizeof c->iv);
    return 0;
}

int crypt_md5(struct crypt *c, const struct ag_span *parts, size_t n_parts, uint8_t out[CRYPT_BLOCK])
{
    if (mbedtls_md_starts(&c->md) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < n_parts; i++) {
        if (mbedtls_md_update(&c->md, (const unsigned char *) parts[i].p, parts[i].len) != 0)
            return -ENOMEM;
    }
    return mbedtls_md_finish(&c->md, out) == 0 ? 0 : -ENOMEM;
}

static int run(mbedtls_aes_context *aes, int mode, const struct crypt *c, const uint8_t *in, size_t n, uint8_t *out)
{
    uint8_t iv[CRYPT_BLOCK]; /* the library leaves the next block's in it */

    memcpy(iv, c->iv, sizeof iv);
    return mbedtls_aes_crypt_cbc(aes, mode, n, iv, in, out) == 0 ? 0 : -ENOMEM;
}

int crypt_encrypt(struct crypt *c, struct ag_span text, uint8_t *out)
{
    size_t padded = crypt_padded(text.len), pad = padded - text.len;

    if (text.len > 0)
        memmove(out, text.p, text.len);
    memset(out + text.len, (int) pad, pad);
    return run(&c->enc, MBEDTLS_AES_ENCRYPT, c, out, padded, out);
}

int crypt_decrypt(struct crypt *c, struct ag_span data, uint8_t *out, size_t *n_out)
{
    int r = run(&c->dec, MBEDTLS_AES_DECRYPT, c, (const uint8_t *) data.p, data.len, out);
    uint8_t pad = r == 0 ? out[data.len - 1] : 0, differs = 0;

    if (r < 0)
        return r;
    if (pad == 0 || pad > CRYPT_BLOCK)
        return CRYPT_E_PADDING;
    for (size_t i = data.len - pad; i < data.len; i++)
        differs |= out[i] ^ pad;
    if (differs)
        return CRYPT_E_PADDING;
    *n_out = data.len - pad;
    return 0;
}
