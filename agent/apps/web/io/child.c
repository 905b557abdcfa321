/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/io/child.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/io/child.h"

struct child {
    struct ag_list link;
    struct web_children *owner;
    struct ag_child *child;
    web_child_fn fn;
    void *user;
};

void web_children_init(struct web_children *c, uv_loop_t *loop)
{
    *c = (struct web_children){.loop = loop};
    ag_list_init(&c->all);
}

static void tell(struct child *c, bool good, struct ag_buf *output, const char *why)
{
    ag_list_del(&c->link);
    c->owner->n--;
    c->fn(good, output, why, c->user);
    free(c);
}

static void on_end(void *user, int status, struct ag_buf *output)
{
    const char *why = status == 0            ? NULL
                      : status == -ETIMEDOUT ? "the program took too long"
                      : status == -E2BIG     ? "the program said too much"
                                             : "the program failed";

    tell(user, status == 0, output, why);
}

int web_child_run(struct web_children *owner, const char *const *args, size_t output_max, unsigned timeout_ms, web_child_fn fn,
                  void *user)
{
    struct child *c = owner->n < WEB_CHILDREN ? calloc(1, sizeof *c) : NULL;
    struct ag_child_options o = {.args = args, .timeout_ms = timeout_ms, .output_max = output_max, .done = on_end, .user = c};
    int r;

    if (!c)
        return owner->n < WEB_CHILDREN ? -ENOMEM : -EBUSY;
    c->owner = owner;
    c->fn = fn;
    c->user = user;
    r = ag_child_run(&c->child, owner->loop, &o);
    if (r < 0) {
        free(c);
        return r;
    }
    ag_list_append(&owner->all, &c->link);
    owner->n++;
    return 0;
}

void web_children_stop(struct web_children *owner)
{
    while (!ag_list_empty(&owner->all)) {
        struct child *c = ag_list_first(&owner->all, struct child, link);
        struct ag_buf nothing = AG_BUF_INIT;

        ag_child_cancel(c->child);
        tell(c, false, &nothing, "the program took too long");
    }
}
