/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/core/limiter.h"

#include <stddef.h>
#include <string.h>
#include "libagent/core/deadline.h"

static void refresh(struct web_tries *t, uint64_t now_ms)
{
    if (now_ms - t->since_ms >= WEB_LIMITER_WINDOW_MS)
        t->n = 0;
    if (t->n == 0)
        t->since_ms = now_ms;
}

static unsigned wait_s(const struct web_tries *t, uint64_t now_ms)
{
    return ag_ceil_s(ag_ms_until(t->since_ms + WEB_LIMITER_WINDOW_MS, now_ms));
}

static struct web_tries *find(struct web_limiter *l, const unsigned char *key)
{
    for (size_t i = 0; i < WEB_LIMITER_SLOTS; i++)
        if (l->list[i].n > 0 && memcmp(l->list[i].key, key, WEB_LIMITER_KEY) == 0)
            return &l->list[i];
    return NULL;
}

/* A free one, else the oldest: filling the table helps nobody, because of the bound on all tries together. */
static struct web_tries *make(struct web_limiter *l, const unsigned char *key)
{
    struct web_tries *t = &l->list[0];

    for (size_t i = 1; i < WEB_LIMITER_SLOTS && t->n > 0; i++)
        if (l->list[i].n == 0 || l->list[i].since_ms < t->since_ms)
            t = &l->list[i];
    t->n = 0;
    memcpy(t->key, key, WEB_LIMITER_KEY);
    return t;
}

unsigned web_limiter_try(struct web_limiter *l, uint64_t now_ms, const unsigned char key[WEB_LIMITER_KEY])
{
    struct web_tries *t = find(l, key);

    if (!t)
        t = make(l, key);
    refresh(t, now_ms);
    refresh(&l->all, now_ms);
    if (t->n >= WEB_LIMITER_TRIES)
        return wait_s(t, now_ms);
    if (l->all.n >= WEB_LIMITER_ALL_TRIES)
        return wait_s(&l->all, now_ms);
    t->n++;
    l->all.n++;
    return 0;
}

void web_limiter_right(struct web_limiter *l, const unsigned char key[WEB_LIMITER_KEY])
{
    struct web_tries *t = find(l, key);

    if (t)
        t->n = 0;
    if (l->all.n > 0)
        l->all.n--;
}
