/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/io/hooks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/log/log.h"
#include "libagent/io/child.h"

struct hook {
    struct ag_list link;
    struct mcu_hooks *owner;
    struct ag_child *child; /* NULL: it waits */
    const char *program, *tty;
    char verb[16];
};

static void run_first(struct mcu_hooks *h);

void mcu_hooks_init(struct mcu_hooks *h, uv_loop_t *loop, unsigned timeout_ms)
{
    *h = (struct mcu_hooks){.loop = loop, .timeout_ms = timeout_ms};
    ag_list_init(&h->waiting);
}

static void drop(struct hook *hook)
{
    ag_list_del(&hook->link);
    free(hook);
}

static void on_end(void *user, int status, struct ag_buf *output)
{
    struct hook *hook = user;
    struct mcu_hooks *h = hook->owner;

    (void) output;
    if (status == 0)
        ag_log(AG_LOG_INFO, "hook %s done", hook->verb);
    else if (status == -ETIMEDOUT)
        ag_log(AG_LOG_WARNING, "hook %s failed: it took over %u ms and was ended", hook->verb, h->timeout_ms);
    else
        ag_log(AG_LOG_WARNING, "hook %s failed: status %d", hook->verb, status);
    drop(hook);
    run_first(h);
}

static bool begin(struct hook *hook)
{
    char tty_env[300], path_env[1024];
    const char *path = getenv("PATH");
    const char *args[] = {hook->program, hook->verb, NULL};
    const char *env[] = {path_env, tty_env, NULL};
    struct ag_child_options o = {
        .args = args, .env = env, .timeout_ms = hook->owner->timeout_ms, .gently = true, .done = on_end, .user = hook};
    int r;

    snprintf(path_env, sizeof path_env, "PATH=%s", path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
    snprintf(tty_env, sizeof tty_env, "MIIO_TTY=%s", hook->tty);
    r = ag_child_run(&hook->child, hook->owner->loop, &o);
    if (r < 0)
        ag_log(AG_LOG_ERROR, "hook %s: %s: %s", hook->verb, hook->program, uv_strerror(r));
    return r == 0;
}

/* What cannot even start makes room for the next. */
static void run_first(struct mcu_hooks *h)
{
    while (!ag_list_empty(&h->waiting)) {
        struct hook *hook = ag_list_first(&h->waiting, struct hook, link);

        if (hook->child || begin(hook))
            return;
        drop(hook);
    }
}

int mcu_hooks_run(struct mcu_hooks *h, const char *program, const char *verb, const char *tty)
{
    struct hook *hook;

    ag_list_for_each (it, &h->waiting)
        if (strcmp(ag_list_entry(it, struct hook, link)->verb, verb) == 0)
            return MCU_HOOKS_E_UNDER_WAY;
    hook = calloc(1, sizeof *hook);
    if (!hook)
        return -ENOMEM;
    hook->owner = h;
    hook->program = program;
    hook->tty = tty;
    snprintf(hook->verb, sizeof hook->verb, "%s", verb);
    ag_list_append(&h->waiting, &hook->link);
    run_first(h);
    return 0;
}

void mcu_hooks_close(struct mcu_hooks *h)
{
    ag_list_for_each_safe (it, &h->waiting) {
        struct hook *hook = ag_list_entry(it, struct hook, link);

        if (hook->child)
            ag_log(AG_LOG_INFO, "hook %s goes on by itself", hook->verb);
        else
            ag_log(AG_LOG_WARNING, "hook %s is not run any more", hook->verb);
        ag_child_let_go(hook->child);
        drop(hook);
    }
}
