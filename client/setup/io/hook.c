#include "client/setup/io/hook.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client/device/io/heap.h"

extern char **environ;

struct hook {
    uv_process_t process;
    uv_timer_t limit;
    hook_fn done;
    void *user;
    bool timed_out;
    int n_open;
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

static void on_closed(uv_handle_t *h)
{
    struct hook *k = h->data;

    if (--k->n_open == 0)
        free(k);
}

static void on_exit_status(uv_process_t *p, int64_t status, int signal_number)
{
    struct hook *k = p->data;
    hook_fn done = k->done;
    int result = signal_number ? 128 + signal_number : (int) status;

    uv_close((uv_handle_t *) &k->process, on_closed);
    uv_close((uv_handle_t *) &k->limit, on_closed);
    if (done)
        done(k->user, k->timed_out ? -ETIMEDOUT : result);
}

static void on_limit(uv_timer_t *t)
{
    struct hook *k = t->data;

    k->timed_out = true;
    kill(-k->process.pid, SIGKILL);
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

int hook_run(struct hook **out, uv_loop_t *loop, const char *const args[], const char *const env[],
             unsigned timeout_ms, hook_fn done, void *user)
{
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
                                     {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
    uv_process_options_t o = {.file = args[0],
                              .args = (char **) args,
                              .exit_cb = on_exit_status,
                              .flags = UV_PROCESS_DETACHED, /* a group of its own, to be killed as a whole */
                              .stdio_count = 3,
                              .stdio = stdio};
    struct hook *k = calloc(1, sizeof *k);
    char **all = merge_env(env);
    struct heap_limits limits;
    int r;

    if (!k || !all) {
        free(k);
        free(all);
        return -ENOMEM;
    }
    o.env = all;
    k->done = done;
    k->user = user;
    k->n_open = 2;
    k->process.data = k->limit.data = k;
    uv_timer_init(loop, &k->limit);
    limits = heap_lift_roof();
    r = uv_spawn(loop, &k->process, &o);
    heap_restore_roof(&limits);
    free(all);
    if (r < 0) {
        uv_close((uv_handle_t *) &k->process, on_closed);
        uv_close((uv_handle_t *) &k->limit, on_closed);
        return r;
    }
    uv_timer_start(&k->limit, on_limit, timeout_ms, 0);
    *out = k;
    return 0;
}

void hook_cancel(struct hook *k)
{
    if (!k)
        return;
    k->done = NULL;
    kill(-k->process.pid, SIGKILL);
}
