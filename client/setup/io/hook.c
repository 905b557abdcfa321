/* SPDX-License-Identifier: MIT */
#include "client/setup/io/hook.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client/device/io/heap.h"
#include "libagent/io/child.h"

extern char **environ;

struct hook {
    struct ag_child *child;
    hook_fn done;
    void *user;
};

static bool hook_in(char *path, size_t room, const char *dir, const char *name)
{
    size_t n = strlen(dir);
    int len = snprintf(path, room, "%s%s%s", dir, n > 0 && dir[n - 1] == '/' ? "" : "/", name);

    if (len < 0 || (size_t) len >= room) {
        errno = ENAMETOOLONG;
        return false;
    }
    return access(path, X_OK) == 0;
}

bool hook_find(char *path_out, size_t room, const char *const dirs[], const char *name)
{
    int first;

    if (hook_in(path_out, room, dirs[0], name))
        return true;
    first = errno;
    for (size_t i = 1; dirs[i]; i++)
        if (hook_in(path_out, room, dirs[i], name))
            return true;
    hook_in(path_out, room, dirs[0], name);
    errno = first;
    return false;
}

static void on_end(void *user, int status, struct ag_buf *output)
{
    struct hook *k = user;
    hook_fn done = k->done;
    void *whose = k->user;

    (void) output;
    free(k);
    done(whose, status);
}

/* The daemon's environment with env on top; the strings are borrowed, the array is the caller's to free. */
static char **merge_env(const char *const env[])
{
    size_t n = 0, m = 0, at = 0;
    char **all;

    while (environ && environ[n])
        n++;
    while (env && env[m])
        m++;
    all = calloc(n + m + 1, sizeof *all);
    for (size_t i = 0; all && i < m; i++)
        all[at++] = (char *) env[i];
    for (size_t i = 0; all && i < n; i++)
        all[at++] = environ[i];
    return all;
}

int hook_run(struct hook **out, uv_loop_t *loop, const char *const args[], const char *const env[], unsigned timeout_ms,
             hook_fn done, void *user)
{
    struct ag_child_options o = {.args = args, .timeout_ms = timeout_ms, .done = on_end};
    struct hook *k = calloc(1, sizeof *k);
    char **all = merge_env(env);
    struct heap_limits limits;
    int r;

    if (!k || !all) {
        free(k);
        free(all);
        return -ENOMEM;
    }
    k->done = done;
    k->user = user;
    o.env = (const char *const *) all;
    o.user = k;
    limits = heap_lift_roof();
    r = ag_child_run(&k->child, loop, &o);
    heap_restore_roof(&limits);
    free(all);
    if (r < 0) {
        free(k);
        return r;
    }
    *out = k;
    return 0;
}

void hook_cancel(struct hook *k)
{
    if (!k)
        return;
    ag_child_cancel(k->child);
    free(k);
}
