/* SPDX-License-Identifier: MIT */
#include "libagent/test/claims.h"

#include <stdlib.h>
#include <string.h>

struct test_key *ag_test_key_find(struct ag_list *keys, struct ag_span name)
{
    ag_list_for_each (it, keys) {
        struct test_key *key = ag_list_entry(it, struct test_key, link);

        if (ag_span_is(name, key->name, strlen(key->name)))
            return key;
    }
    return NULL;
}

struct test_key *ag_test_key_get(struct ag_list *keys, struct ag_span name)
{
    struct test_key *key = ag_test_key_find(keys, name);

    if (key)
        return key;
    key = calloc(1, sizeof *key + name.len + 1);
    if (!key)
        return NULL;
    memcpy(key->name, name.p, name.len);
    ag_list_append(keys, &key->link);
    return key;
}

bool ag_test_key_match(struct ag_list *keys, const char *method)
{
    ag_list_for_each (it, keys) {
        struct test_key *key = ag_list_entry(it, struct test_key, link);
        size_t n = strlen(key->name);

        if (key->in_force &&
            (strcmp(key->name, method) == 0 || (n > 0 && key->name[n - 1] == '*' && strncmp(key->name, method, n - 1) == 0)))
            return true;
    }
    return false;
}

void ag_test_keys_give_up(struct ag_list *keys, struct ag_span name)
{
    ag_list_for_each (it, keys) {
        struct test_key *key = ag_list_entry(it, struct test_key, link);

        if (name.len == 0 || ag_span_is(name, key->name, strlen(key->name)))
            key->in_force = key->waits = false;
    }
}

void ag_test_keys_free(struct ag_list *keys)
{
    ag_list_for_each_safe (it, keys) {
        ag_list_del(it);
        free(ag_list_entry(it, struct test_key, link));
    }
}
