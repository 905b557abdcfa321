/* SPDX-License-Identifier: MIT */
/* What the application has registered with the agent, and what the test has set for keys. */
#ifndef AG_TEST_CLAIMS_H
#define AG_TEST_CLAIMS_H

#include "libagent/core/list.h"

struct test_key {
    struct ag_list link;
    bool in_force; /* the application has it */
    bool waits;    /* a standby behind other_owner */
    bool tells;    /* it hears of its takeover */
    bool other_owner;
    int code; /* registrations are answered with this error; 0: accepted */
    char name[];
};

/* NULL: the test knows nothing of it. */
struct test_key *ag_test_key_find(struct ag_list *keys, struct ag_span name);
/* Finds or makes it. NULL: out of memory. */
struct test_key *ag_test_key_get(struct ag_list *keys, struct ag_span name);
/* Does a key in force give the application this method? */
bool ag_test_key_match(struct ag_list *keys, const char *method);
/* The application gives up the key, or all of them when the name is empty. */
void ag_test_keys_give_up(struct ag_list *keys, struct ag_span name);
void ag_test_keys_free(struct ag_list *keys);

#endif
