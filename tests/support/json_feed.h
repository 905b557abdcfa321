/* SPDX-License-Identifier: MIT */
/* Feeds the scanner a text cut in pieces. The bytes of each piece stand in memory of their own, so that a read past
 * the piece is seen by the address sanitizer. */
#ifndef TEST_JSON_FEED_H
#define TEST_JSON_FEED_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/json/json.h"

struct json_fed {
    int r; /* as ag_json_scan(); 0: the text did not end */
    size_t used;
    struct ag_json_view view; /* valid when r is -1 */
};

/* next(user, left): how long the next piece is, 1..left. */
static inline struct json_fed json_feed(const char *p, size_t n, unsigned depth, size_t (*next)(void *, size_t), void *user)
{
    struct json_fed f = {0};
    struct ag_json_scan s;

    ag_json_scan_init(&s, depth);
    while (f.r == 0 && f.used < n) {
        size_t piece = next(user, n - f.used), used;
        char *copy = malloc(piece);

        assert(copy && piece > 0);
        memcpy(copy, p + f.used, piece);
        f.r = ag_json_scan(&s, copy, piece, &used);
        assert(used <= piece && (f.r != 0 || used == piece));
        f.used += used;
        free(copy);
    }
    if (f.r == -1) {
        assert(s.off == f.used);
        f.view = s.view;
    }
    return f;
}

static inline bool json_fed_equal(const struct json_fed *a, const struct json_fed *b)
{
    if (a->r != b->r || a->used != b->used)
        return false;
    if (a->r != -1)
        return true;
    if (a->view.twice != b->view.twice)
        return false;
    for (int m = 0; m < AG_N_MEMBERS; m++) {
        const struct ag_member_at *x = &a->view.at[m], *y = &b->view.at[m];

        if (x->type != y->type)
            return false;
        if (x->type == AG_JSON_NONE)
            continue;
        if (x->key != y->key || x->value != y->value || x->end != y->end || x->escaped != y->escaped)
            return false;
    }
    return true;
}

static inline size_t json_feed_whole(void *user, size_t left)
{
    (void) user;
    return left;
}

static inline size_t json_feed_bytes(void *user, size_t left)
{
    (void) user;
    (void) left;
    return 1;
}

/* user: size_t, where the one cut is. */
static inline size_t json_feed_cut(void *user, size_t left)
{
    size_t cut = *(size_t *) user;

    *(size_t *) user = 0;
    return cut > 0 && cut < left ? cut : left;
}

#endif
