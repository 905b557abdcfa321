/* SPDX-License-Identifier: MIT */
/* A program whose output is wanted: run without a shell, for a while at most, its output bounded. */
#ifndef WEB_CHILD_H
#define WEB_CHILD_H

#include <stdbool.h>
#include <uv.h>
#include "libagent/core/buf.h"
#include "libagent/core/list.h"

enum { WEB_CHILDREN = 3 };

/* good: it ended with 0 and output holds all it said; else why says what was wrong. output is the callee's for the call. */
typedef void (*web_child_fn)(bool good, struct ag_buf *output, const char *why, void *user);

struct web_children {
    uv_loop_t *loop;
    struct ag_list all;
    unsigned n;
};

void web_children_init(struct web_children *c, uv_loop_t *loop);
/*
 * args: NULL at the end, args[0] looked up in $PATH. fn comes once, later. 0 or -errno (-EBUSY: WEB_CHILDREN run): then
 * it does not come.
 */
int web_child_run(struct web_children *c, const char *const *args, size_t output_max, unsigned timeout_ms, web_child_fn fn,
                  void *user);
/* Ends all; their fn are called before it returns. */
void web_children_stop(struct web_children *c);

#endif
