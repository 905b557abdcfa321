/* SPDX-License-Identifier: MIT */
#include "agent/apps/ota/ota_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "libagent/io/digest/digest.h"

struct sums {
    struct ag_digest *md5, *sha256; /* sha256 NULL: not asked for */
};

static bool is_sum(struct ag_digest *d, const char *want)
{
    char hex[AG_DIGEST_HEX];

    return ag_digest_end(d, hex) && strcmp(hex, want) == 0;
}

static bool sums_begin(struct sums *s, bool both)
{
    s->md5 = ag_digest_new(AG_DIGEST_MD5);
    s->sha256 = both ? ag_digest_new(AG_DIGEST_SHA256) : NULL;
    return s->md5 && (!both || s->sha256);
}

static bool sums_of_fd(struct ota_hash *h, struct sums *s, int fd)
{
    unsigned char block[65536];
    ssize_t n;

    while ((n = read(fd, block, sizeof block)) > 0) {
        if (atomic_load(&h->given_up))
            return false;
        if (!ag_digest_add(s->md5, block, (size_t) n))
            return false;
        if (s->sha256 && !ag_digest_add(s->sha256, block, (size_t) n))
            return false;
    }
    return n == 0;
}

static void hash_work(uv_work_t *work)
{
    struct ota_hash *h = work->data;
    struct sums s = {NULL, NULL};
    int fd = open(h->path, O_RDONLY | O_CLOEXEC);

    h->good = fd >= 0 && sums_begin(&s, h->sha256[0] != '\0') && sums_of_fd(h, &s, fd) && is_sum(s.md5, h->md5) &&
              (!s.sha256 || is_sum(s.sha256, h->sha256));
    ag_digest_free(s.md5);
    ag_digest_free(s.sha256);
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
