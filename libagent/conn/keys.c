/* SPDX-License-Identifier: MIT */
#include "libagent/conn/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ag_keys_init(struct ag_keys *k)
{
    for (size_t i = 0; i < AG_KEYS_BUCKETS; i++)
        ag_list_init(&k->buckets[i]);
    ag_list_init(&k->prefixes);
    ag_list_init(&k->all);
}

static struct ag_list *bucket_of(struct ag_keys *k, struct ag_span name)
{
    uint32_t h = 2166136261u; /* FNV-1a; the names are the application's own */

    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (unsigned char) name.p[i]) * 16777619u;
    return &k->buckets[(h ^ h >> 16) % AG_KEYS_BUCKETS];
}

static bool is_prefix(struct ag_span name)
{
    return name.len > 0 && name.p[name.len - 1] == '*';
}

static struct ag_key *find_exact(struct ag_keys *k, struct ag_span method)
{
    ag_list_for_each (it, bucket_of(k, method)) {
        struct ag_key *key = ag_list_entry(it, struct ag_key, by_name);

        if (ag_span_is(method, key->name, key->len))
            return key;
    }
    return NULL;
}

struct ag_key *ag_keys_find(struct ag_keys *k, const char *name)
{
    struct ag_span s = {name, strlen(name)};

    if (!is_prefix(s))
        return find_exact(k, s);
    ag_list_for_each (it, &k->prefixes) {
        struct ag_key *key = ag_list_entry(it, struct ag_key, by_name);

        if (strcmp(key->name, name) == 0)
            return key;
    }
    return NULL;
}

struct ag_key *ag_keys_add(struct ag_keys *k, const char *name)
{
    struct ag_span s = {name, strlen(name)};
    struct ag_key *key = calloc(1, sizeof *key + s.len + 1);

    if (!key)
        return NULL;
    memcpy(key->name, name, s.len + 1);
    key->prefix = is_prefix(s);
    key->len = key->prefix ? s.len - 1 : s.len;
    key->status = -ENOTCONN;
    ag_list_init(&key->slots);
    ag_list_init(&key->by_untold);
    ag_wait_init(&key->reg, AG_WAIT_REGISTER);
    ag_list_append(key->prefix ? &k->prefixes : bucket_of(k, s), &key->by_name);
    ag_list_append(&k->all, &key->by_order);
    return key;
}

void ag_keys_remove(struct ag_key *key)
{
    ag_list_del(&key->by_name);
    ag_list_del(&key->by_order);
    ag_list_del(&key->by_untold);
    ag_wait_end(&key->reg);
    free(key);
}

struct ag_key *ag_keys_match(struct ag_keys *k, struct ag_span method)
{
    struct ag_key *best = find_exact(k, method);

    if (best)
        return best;
    ag_list_for_each (it, &k->prefixes) {
        struct ag_key *key = ag_list_entry(it, struct ag_key, by_name);

        if (key->len <= method.len && (!best || key->len > best->len) && memcmp(key->name, method.p, key->len) == 0)
            best = key;
    }
    return best;
}
