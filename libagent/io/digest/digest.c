/* SPDX-License-Identifier: MIT */
#include "libagent/io/digest/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include "libagent/io/digest/digest_hex.h"

struct ag_digest {
    EVP_MD_CTX *ctx;
};

struct ag_digest *ag_digest_new(enum ag_digest_kind kind)
{
    struct ag_digest *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->ctx = EVP_MD_CTX_new();
    if (!d->ctx || EVP_DigestInit_ex(d->ctx, kind == AG_DIGEST_MD5 ? EVP_md5() : EVP_sha256(), NULL) != 1)
        return ag_digest_free(d);
    return d;
}

struct ag_digest *ag_digest_free(struct ag_digest *d)
{
    if (d)
        EVP_MD_CTX_free(d->ctx);
    free(d);
    return NULL;
}

bool ag_digest_add(struct ag_digest *d, const void *p, size_t n)
{
    return EVP_DigestUpdate(d->ctx, p, n) == 1;
}

bool ag_digest_end(struct ag_digest *d, char hex[AG_DIGEST_HEX])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    return EVP_DigestFinal_ex(d->ctx, sum, &n) == 1 && ag_digest_hex(sum, n, hex, AG_DIGEST_HEX);
}
