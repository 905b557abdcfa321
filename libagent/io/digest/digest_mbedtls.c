/* SPDX-License-Identifier: MIT */
#include "libagent/io/digest/digest.h"

#include <mbedtls/md.h>
#include <stdlib.h>
#include "libagent/io/digest/digest_hex.h"

struct ag_digest {
    mbedtls_md_context_t ctx;
    unsigned size; /* of the sum, bytes */
};

struct ag_digest *ag_digest_new(enum ag_digest_kind kind)
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(kind == AG_DIGEST_MD5 ? MBEDTLS_MD_MD5 : MBEDTLS_MD_SHA256);
    struct ag_digest *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->size = kind == AG_DIGEST_MD5 ? 16 : 32;
    mbedtls_md_init(&d->ctx);
    if (!info || mbedtls_md_setup(&d->ctx, info, 0) != 0 || mbedtls_md_starts(&d->ctx) != 0)
        return ag_digest_free(d);
    return d;
}

struct ag_digest *ag_digest_free(struct ag_digest *d)
{
    if (d)
        mbedtls_md_free(&d->ctx);
    free(d);
    return NULL;
}

bool ag_digest_add(struct ag_digest *d, const void *p, size_t n)
{
    return mbedtls_md_update(&d->ctx, p, n) == 0;
}

bool ag_digest_end(struct ag_digest *d, char hex[AG_DIGEST_HEX])
{
    unsigned char sum[MBEDTLS_MD_MAX_SIZE];

    return mbedtls_md_finish(&d->ctx, sum) == 0 && ag_digest_hex(sum, d->size, hex, AG_DIGEST_HEX);
}
