/* SPDX-License-Identifier: MIT */
#include "client/lan/core/lan_requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static inline unsigned hash_words(const void *p, size_t n);

/* Keys here are whole words; nobody gets one into the tables without the token. */
#define HASH_FUNCTION(key, len, out) (out) = hash_words((key), (len))
#define HASH_NONFATAL_OOM            1
#include <uthash.h>
#include "libagent/core/deadline.h"

enum { MAX_SPARE = 64 };
enum {
    PATIENCE_MS = 1000, /* nobody repeats a request sooner */
    CROSSES_MS = 500    /* an answer and a hello, on their ways */
};

/* What an address has asked. */
struct lan_host {
    struct {
        uint8_t ip[16];
        uint32_t scope, zero;
    } key;
    unsigned n;
    struct ag_list answered;
    UT_hash_handle hh;
};

struct lan_item {
    struct lan_request q; /* first: one is found from the other */
    struct lan_host *host;
    struct ag_list age, answered, of_host;
    UT_hash_handle hh_asker, hh_handle;
};

_Static_assert(sizeof(struct lan_request_key) % 8 == 0, "hashed by words, without holes");

static inline unsigned hash_words(const void *p, size_t n)
{
    uint64_t h = n;

    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint64_t word;

        memcpy(&word, (const char *) p + i, sizeof word);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return (unsigned) h;
}

static struct lan_item *item_of(struct lan_request *q)
{
    return (struct lan_item *) (void *) q;
}

void lan_requests_init(struct lan_requests *t, unsigned max, size_t max_kept_bytes)
{
    *t = (struct lan_requests){.max = max, .max_kept_bytes = max_kept_bytes};
    ag_list_init(&t->by_age);
    ag_list_init(&t->answered);
}

void lan_requests_deinit(struct lan_requests *t)
{
    ag_list_for_each_safe (it, &t->by_age)
        lan_requests_remove(t, &ag_list_entry(it, struct lan_item, age)->q);
    ag_spares_deinit(&t->spares);
}

/* ---- hosts ---- */

static struct lan_host *host_find(const struct lan_requests *t, const struct lan_addr *from)
{
    struct lan_host probe = {.n = 0}, *h;

    memcpy(probe.key.ip, from->ip, sizeof probe.key.ip);
    probe.key.scope = from->scope;
    HASH_FIND(hh, t->hosts, &probe.key, sizeof probe.key, h);
    return h;
}

static struct lan_host *host_take(struct lan_requests *t, const struct lan_addr *from)
{
    struct lan_host *h = host_find(t, from);

    if (!h) {
        h = calloc(1, sizeof *h);
        if (!h)
            return NULL;
        memcpy(h->key.ip, from->ip, sizeof h->key.ip);
        h->key.scope = from->scope;
        ag_list_init(&h->answered);
        HASH_ADD(hh, t->hosts, key, sizeof h->key, h);
        if (!h->hh.tbl) {
            free(h);
            return NULL;
        }
    }
    h->n++;
    return h;
}

static void host_give(struct lan_requests *t, struct lan_host *h)
{
    if (--h->n > 0)
        return;
    HASH_DEL(t->hosts, h);
    free(h);
}

/* ---- requests ---- */

static struct lan_request_key key_of(const struct lan_addr *from, uint32_t id)
{
    struct lan_request_key key = {.scope = from->scope, .id = id, .port = from->port};

    memcpy(key.ip, from->ip, sizeof key.ip);
    return key;
}

struct lan_request *lan_requests_find(const struct lan_requests *t, const struct lan_addr *from, uint32_t id)
{
    struct lan_request_key key = key_of(from, id);
    struct lan_item *i;

    HASH_FIND(hh_asker, t->by_asker, &key, sizeof key, i);
    return i ? &i->q : NULL;
}

struct lan_request *lan_requests_by_handle(const struct lan_requests *t, uint64_t handle)
{
    struct lan_item *i;

    HASH_FIND(hh_handle, t->by_handle, &handle, sizeof handle, i);
    return i ? &i->q : NULL;
}

/* Both tables or none. */
static int item_enter(struct lan_requests *t, struct lan_item *i)
{
    HASH_ADD(hh_asker, t->by_asker, q.key, sizeof i->q.key, i);
    if (!i->hh_asker.tbl)
        return -ENOMEM;
    HASH_ADD(hh_handle, t->by_handle, q.handle, sizeof i->q.handle, i);
    if (!i->hh_handle.tbl) {
        HASH_DELETE(hh_asker, t->by_asker, i);
        return -ENOMEM;
    }
    return 0;
}

static void item_leave(struct lan_requests *t, struct lan_item *i)
{
    HASH_DELETE(hh_asker, t->by_asker, i);
    HASH_DELETE(hh_handle, t->by_handle, i);
}

static bool make_room(struct lan_requests *t)
{
    struct lan_item *i = ag_list_first(&t->answered, struct lan_item, answered);

    if (!i)
        return false;
    lan_requests_remove(t, &i->q);
    return true;
}

int lan_requests_add(struct lan_requests *t, const struct lan_addr *from, uint32_t id, uint64_t forget_at_ms,
                     struct lan_request **out)
{
    struct lan_item *i;

    if (t->n >= t->max && !make_room(t))
        return -ENOBUFS;
    i = ag_spares_take(&t->spares, sizeof *i);
    if (!i)
        return -ENOMEM;
    i->q.key = key_of(from, id);
    i->q.asker = *from;
    i->q.handle = t->last_handle + 1;
    i->q.forget_at_ms = forget_at_ms;
    ag_list_init(&i->answered);
    ag_list_init(&i->of_host);
    i->host = host_take(t, from);
    if (!i->host || item_enter(t, i) < 0) {
        if (i->host)
            host_give(t, i->host);
        ag_spares_give(&t->spares, i, MAX_SPARE);
        return -ENOMEM;
    }
    t->last_handle++;
    ag_list_append(&t->by_age, &i->age);
    t->n++;
    *out = &i->q;
    return 0;
}

void lan_requests_remove(struct lan_requests *t, struct lan_request *q)
{
    struct lan_item *i = item_of(q);

    item_leave(t, i);
    ag_list_del(&i->age);
    ag_list_del(&i->answered);
    ag_list_del(&i->of_host);
    host_give(t, i->host);
    t->n--;
    if (q->answer.p) {
        t->kept_bytes -= q->answer.len;
        explicit_bzero((char *) (uintptr_t) q->answer.p, q->answer.len);
        free((char *) (uintptr_t) q->answer.p);
    }
    ag_spares_give(&t->spares, i, MAX_SPARE);
}

/* Not a candidate itself: it counts as answered only after this. */
static bool fits(struct lan_requests *t, size_t n)
{
    while (t->kept_bytes + n > t->max_kept_bytes) {
        if (!make_room(t))
            return false;
    }
    return true;
}

void lan_requests_answered(struct lan_requests *t, struct lan_request *q, struct ag_span answer, uint64_t now_ms)
{
    struct lan_item *i = item_of(q);
    char *copy = fits(t, answer.len) ? malloc(answer.len ? answer.len : 1) : NULL;

    if (copy) {
        memcpy(copy, answer.p, answer.len);
        q->answer = (struct ag_span){copy, answer.len};
        t->kept_bytes += answer.len;
    }
    q->answered_ms = now_ms;
    q->answered = true; /* without a copy a repeat is left without an answer, but is still not executed */
    ag_list_append(&t->answered, &i->answered);
    ag_list_append(&i->host->answered, &i->of_host);
}

/* An answer that was long in coming may be on its way to one who says hello before a repeat. */
static bool crosses(const struct lan_request *q, uint64_t now_ms)
{
    return q->answered_ms + CROSSES_MS >= now_ms && q->answered_ms - q->asked_ms >= PATIENCE_MS;
}

/* Of a host that has others besides. */
static void forget_those_from(struct lan_requests *t, struct lan_host *h, uint16_t port, uint64_t now_ms)
{
    ag_list_for_each_safe (it, &h->answered) {
        struct lan_item *i = ag_list_entry(it, struct lan_item, of_host);

        if (i->q.key.port == port && !crosses(&i->q, now_ms))
            lan_requests_remove(t, &i->q);
    }
}

void lan_requests_forget(struct lan_requests *t, const struct lan_addr *from, uint64_t now_ms, unsigned repeat_ms)
{
    struct lan_host *h = host_find(t, from);
    bool over = false;

    if (!h)
        return;
    h->n++; /* it stays until the end */
    while (!over && !ag_list_empty(&h->answered)) {
        struct lan_item *i = ag_list_first(&h->answered, struct lan_item, of_host);

        over = i->q.answered_ms + repeat_ms >= now_ms;
        if (!over)
            lan_requests_remove(t, &i->q);
    }
    forget_those_from(t, h, from->port, now_ms);
    host_give(t, h);
}

void lan_requests_expire(struct lan_requests *t, uint64_t now_ms)
{
    for (;;) {
        struct lan_item *i = ag_list_first(&t->by_age, struct lan_item, age);

        if (!i || i->q.forget_at_ms > now_ms)
            return;
        lan_requests_remove(t, &i->q);
    }
}

uint64_t lan_requests_next_deadline(const struct lan_requests *t)
{
    const struct lan_item *i = ag_list_first(&t->by_age, struct lan_item, age);

    return i ? i->q.forget_at_ms : AG_NEVER;
}

unsigned lan_requests_count_hosts(const struct lan_requests *t)
{
    return HASH_COUNT(t->hosts);
}
