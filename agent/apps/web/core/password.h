/* SPDX-License-Identifier: MIT */
/*
 * The line of a password file, "scrypt:N:r:p:SALT:HASH" with salt and hash in hex: what was computed from the password, and how.
 * The computing itself is libcrypto's, in io.
 */
#ifndef WEB_PASSWORD_H
#define WEB_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum {
    WEB_SALT_LEN = 16,
    WEB_HASH_LEN = 32,
    WEB_PASSWORD_MIN = 8, /* bytes of a new one */
    WEB_PASSWORD_MAX = 256,
    WEB_SCRYPT_MEMORY_MAX = 64 << 20 /* bytes that a file may make us use */
};

/* RFC 7914: the memory of a try is 128*N*r bytes, its time grows with N*r*p. */
struct web_password {
    uint32_t n, r, p;
    unsigned char salt[WEB_SALT_LEN], hash[WEB_HASH_LEN];
};

/* 8 MiB and about a twentieth of a second on a desk, less than half a second on a small board. */
#define WEB_PASSWORD_COST                                                                                                        \
    {                                                                                                                            \
        .n = 8192, .r = 8, .p = 2                                                                                                \
    }

/* White space around the line is allowed. False: not such a line, or more than WEB_SCRYPT_MEMORY_MAX. */
bool web_password_parse(struct ag_span line, struct web_password *out);
/* 0 or -ENOMEM; with a line end. */
int web_password_print(const struct web_password *p, struct ag_buf *out);
/* Compares them; takes the same time whatever is in them. */
bool web_password_is(const struct web_password *p, const unsigned char hash[WEB_HASH_LEN]);

#endif
