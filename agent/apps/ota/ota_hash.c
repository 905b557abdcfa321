#include "agent/apps/ota/ota_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sums {
    EVP_MD_CTX *md5, *sha256;
};

static bool is_sum(EVP_MD_CTX *ctx, const char *want)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned n = 0;

    if (EVP_DigestFinal_ex(ctx, digest, &n) != 1)
        return false;
    for (unsigned i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return strcmp(hex, want) == 0;
}

static bool sums_begin(struct sums *s)
{
    s->md5 = EVP_MD_CTX_new();
    s->sha256 = EVP_MD_CTX_new();
    return s->md5 && s->sha256 && EVP_DigestInit_ex(s->md5, EVP_md5(), NULL) == 1 &&
           EVP_DigestInit_ex(s->sha256, EVP_sha256(), NULL) == 1;
}

static bool sums_of_fd(struct ota_hash *h, struct sums *s, int fd, bool both)
{
    unsigned char block[65536];
    ssize_t n;

    while ((n = read(fd, block, sizeof block)) > 0) {
        if (atomic_load(&h->given_up))
            return false;
        if (EVP_DigestUpdate(s->md5, block, (size_t) n) != 1)
            return false;
        if (both && EVP_DigestUpdate(s->sha256, block, (size_t) n) != 1)
            return false;
    }
    return n == 0;
}

static void hash_work(uv_work_t *work)
{
    struct ota_hash *h = work->data;
    struct sums s = {NULL, NULL};
    int fd = open(h->path, O_RDONLY | O_CLOEXEC);

    h->good = fd >= 0 && sums_begin(&s) && sums_of_fd(h, &s, fd, h->sha256[0] != '\0') &&
              is_sum(s.md5, h->md5) && (!h->sha256[0] || is_sum(s.sha256, h->sha256));
    EVP_MD_CTX_free(s.md5);
    EVP_MD_CTX_free(s.sha256);
    if (fd >= 0)
        close(fd);
}

static void hash_after(uv_work_t *work, int status)
{
    struct ota_hash *h = work->data;

    h->running = false;
    free(h->path);
    h->path = NULL;
    if (status == 0) /* canceled only when the program ends */
        h->on_done(h->user, h->good);
}

int ota_hash_start(struct ota_hash *h, uv_loop_t *loop, const char *path, const char *md5, const char *sha256)
{
    int r;

    if (h->running)
        return -EBUSY;
    h->path = strdup(path);
    if (!h->path)
        return -ENOMEM;
    snprintf(h->md5, sizeof h->md5, "%s", md5);
    snprintf(h->sha256, sizeof h->sha256, "%s", sha256);
    h->work.data = h;
    r = uv_queue_work(loop, &h->work, hash_work, hash_after);
    if (r < 0) {
        free(h->path);
        h->path = NULL;
        return r;
    }
    h->running = true;
    return 0;
}

void ota_hash_give_up(struct ota_hash *h)
{
    atomic_store(&h->given_up, true);
    if (h->running)
        uv_cancel((uv_req_t *) &h->work); /* fails when it has begun: that ends at the next block */
}
