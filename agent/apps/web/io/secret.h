/* SPDX-License-Identifier: MIT */
/* Random bytes and scrypt, by the kernel and libcrypto. */
#ifndef WEB_SECRET_H
#define WEB_SECRET_H

#include <uv.h>
#include "agent/apps/web/core/password.h"

/* 0 or -errno. */
int web_random(void *out, size_t n);
/* What the password gives under p's salt and cost, into hash. 0; -ENOMEM; -EINVAL: libcrypto refuses the cost. */
int web_scrypt(const struct web_password *p, struct ag_span password, unsigned char hash[WEB_HASH_LEN]);

/* r: 0 the right one, 1 a wrong one, -errno. */
typedef void (*web_password_fn)(int r, void *user);
/* The same outside the loop, since it is slow on purpose. password is taken over (the buffer is empty then). 0 or -ENOMEM. */
int web_password_test(uv_loop_t *loop, const struct web_password *p, struct ag_buf *password, web_password_fn fn, void *user);

#endif
