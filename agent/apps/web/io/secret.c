/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/io/secret.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/random.h>

int web_random(void *out, size_t n)
{
    ssize_t got;

    do
        got = getrandom(out, n, 0);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t) n ? 0 : got < 0 ? -errno : -EIO;
}

int web_scrypt(const struct web_password *p, struct ag_span password, unsigned char hash[WEB_HASH_LEN])
{
    uint64_t room = 2ull * WEB_SCRYPT_MEMORY_MAX;

    return EVP_PBE_scrypt(password.p, password.len, p->salt, sizeof p->salt, p->n, p->r, p->p, room, hash, WEB_HASH_LEN) == 1
               ? 0
               : -EINVAL;
}

struct job {
    uv_work_t work;
    struct web_password password;
    struct ag_buf text;
    int r;
    web_password_fn fn;
    void *user;
};

static void on_work(uv_work_t *w)
{
    struct job *j = w->data;
    unsigned char hash[WEB_HASH_LEN];

    j->r = web_scrypt(&j->password, ag_buf_span(&j->text), hash);
    if (j->r == 0)
        j->r = web_password_is(&j->password, hash) ? 0 : 1;
}

static void on_done(uv_work_t *w, int status)
{
    struct job *j = w->data;

    j->fn(status < 0 ? status : j->r, j->user);
    ag_buf_deinit(&j->text);
    free(j);
}

int web_password_test(uv_loop_t *loop, const struct web_password *p, struct ag_buf *password, web_password_fn fn, void *user)
{
    struct job *j = calloc(1, sizeof *j);
    int r;

    if (!j)
        return -ENOMEM;
    j->work.data = j;
    j->password = *p;
    j->fn = fn;
    j->user = user;
    j->text = *password;
    r = uv_queue_work(loop, &j->work, on_work, on_done);
    if (r < 0) {
        free(j);
        return r;
    }
    *password = (struct ag_buf) AG_BUF_SECRET_INIT;
    return 0;
}
