/* SPDX-License-Identifier: MIT */
#include "tests/world/stand/packet.h"

#include <openssl/evp.h>
#include <string.h>

static void md5(uint8_t out[16], const void *a, size_t n, const void *b, size_t m)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    EVP_DigestInit_ex(c, EVP_md5(), NULL);
    EVP_DigestUpdate(c, a, n);
    if (m)
        EVP_DigestUpdate(c, b, m);
    EVP_DigestFinal_ex(c, out, NULL);
    EVP_MD_CTX_free(c);
}

void pk_key_init(struct pk_key *k, const uint8_t secret[16])
{
    memcpy(k->secret, secret, 16);
    md5(k->key, secret, 16, NULL, 0);
    md5(k->iv, k->key, 16, secret, 16);
}

static void put(uint8_t *p, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t) (v >> 8 * (n - 1 - i));
}

static uint64_t get(const uint8_t *p, int n)
{
    uint64_t v = 0;

    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static void checksum(const struct pk_key *k, const uint8_t *p, size_t n, uint8_t out[16])
{
    uint8_t head[PK_HEADER];

    memcpy(head, p, 16);
    memcpy(head + 16, k->secret, 16);
    md5(out, head, PK_HEADER, p + PK_HEADER, n - PK_HEADER);
}

static int crypt_text(const struct pk_key *k, int enc, const void *in, size_t n, uint8_t *out, size_t *n_out)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int a = 0, b = 0, ok;

    ok = EVP_CipherInit_ex(c, EVP_aes_128_cbc(), NULL, k->key, k->iv, enc) && EVP_CipherUpdate(c, out, &a, in, (int) n) &&
         EVP_CipherFinal_ex(c, out + a, &b);
    EVP_CIPHER_CTX_free(c);
    *n_out = (size_t) (a + b);
    return ok;
}

size_t pk_encode(const struct pk_key *k, uint64_t did, uint32_t stamp, const char *text, size_t n, uint8_t *out)
{
    size_t body = 0;

    if (n > 0)
        crypt_text(k, 1, text, n, out + PK_HEADER, &body);
    put(out, 0x2131, 2);
    put(out + 2, PK_HEADER + body, 2);
    put(out + 4, did, 8);
    put(out + 12, stamp, 4);
    checksum(k, out, PK_HEADER + body, out + 16);
    return PK_HEADER + body;
}

const char *pk_decode(const struct pk_key *k, const uint8_t *p, size_t n, struct pk *out)
{
    uint8_t sum[16];

    if (n < PK_HEADER || get(p, 2) != 0x2131 || get(p + 2, 2) != n)
        return "magic or length";
    checksum(k, p, n, sum);
    if (memcmp(sum, p + 16, 16) != 0)
        return "checksum";
    out->did = get(p + 4, 8);
    out->stamp = (uint32_t) get(p + 12, 4);
    out->n = 0;
    if (n > PK_HEADER && (n % 16 != 0 || !crypt_text(k, 0, p + PK_HEADER, n - PK_HEADER, (uint8_t *) out->text, &out->n)))
        return "padding";
    out->text[out->n] = '\0';
    out->zero = out->n > 0 && out->text[out->n - 1] == '\0';
    out->n = strlen(out->text);
    return NULL;
}

/* Strict enough: lengths, continuation bytes, nothing overlong. */
bool pk_is_utf8(const char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    for (const uint8_t *p = (const uint8_t *) text; *p;) {
        int n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
        uint32_t c = n == 1 ? *p : *p & (0xffu >> (n + 1));

        if (n == 0)
            return false;
        for (int i = 1; i < n; i++) {
            if (p[i] >> 6 != 2)
                return false;
            c = c << 6 | (p[i] & 63);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            return false;
        p += n;
    }
    return true;
}
