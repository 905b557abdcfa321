#include "agent/apps/mcu/io/hooks.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/log/log.h"
#include "libagent/core/util.h"

struct hook {
    struct ag_list link;
    struct mcu_hooks *owner;
    uv_process_t process;
    uv_timer_t timer;
    bool begun; /* the handles are set up */
    int n_open;
    int n_signals;
    const char *program, *tty;
    char verb[16];
};

static void run_first(struct mcu_hooks *h);

void mcu_hooks_init(struct mcu_hooks *h, uv_loop_t *loop, unsigned timeout_ms)
{
    *h = (struct mcu_hooks){.loop = loop, .timeout_ms = timeout_ms};
    ag_list_init(&h->waiting);
}

static void on_closed(uv_handle_t *handle)
{
    struct hook *hook = handle->data;

    if (--hook->n_open == 0)
        free(hook);
}

static void close_hook(struct hook *hook)
{
    ag_list_del(&hook->link);
    if (!hook->begun) {
        free(hook);
        return;
    }
    hook->n_open = 2;
    uv_close((uv_handle_t *) &hook->process, on_closed);
    uv_close((uv_handle_t *) &hook->timer, on_closed);
}

static void on_exit_hook(uv_process_t *process, int64_t status, int signal)
{
    struct hook *hook = process->data;
    struct mcu_hooks *h = hook->owner;

    if (status == 0 && signal == 0)
        ag_log(AG_LOG_INFO, "hook %s done", hook->verb);
    else
        ag_log(AG_LOG_WARNING, "hook %s failed: status %d, signal %d", hook->verb, (int) status, signal);
    close_hook(hook);
    run_first(h);
}

static void on_timeout(uv_timer_t *timer)
{
    struct hook *hook = timer->data;
    int signal = hook->n_signals++ == 0 ? SIGTERM : SIGKILL;

    ag_log(AG_LOG_WARNING, "hook %s takes over %u ms: signal %d", hook->verb, hook->owner->timeout_ms,
           signal);
    kill(-hook->process.pid, signal); /* it leads a group of its own: its children too */
}

static int spawn(struct hook *hook)
{
    char tty_env[300], path_env[1024];
    const char *path = getenv("PATH");
    char *args[] = {(char *) hook->program, hook->verb, NULL};
    char *env[] = {path_env, tty_env, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = 2}, {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t options = {.exit_cb = on_exit_hook,
                                    .file = hook->program,
                                    .args = args,
                                    .env = env,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio = stdio,
                                    .stdio_count = 3};

    snprintf(path_env, sizeof path_env, "PATH=%s", path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
    snprintf(tty_env, sizeof tty_env, "MIIO_TTY=%s", hook->tty);
    return uv_spawn(hook->owner->loop, &hook->process, &options);
}

static bool begin(struct hook *hook)
{
    unsigned limit = hook->owner->timeout_ms;
    int r;

    hook->process.data = hook->timer.data = hook;
    uv_timer_init(hook->owner->loop, &hook->timer);
    r = spawn(hook);
    hook->begun = true; /* the process handle is set up even when uv_spawn() fails */
    if (r == 0)
        uv_timer_start(&hook->timer, on_timeout, limit, limit);
    else
        ag_log(AG_LOG_ERROR, "hook %s: %s: %s", hook->verb, hook->program, uv_strerror(r));
    return r == 0;
}

/* What cannot even start makes room for the next. */
static void run_first(struct mcu_hooks *h)
{
    while (!ag_list_empty(&h->waiting)) {
        struct hook *hook = ag_list_first(&h->waiting, struct hook, link);

        if (hook->begun || begin(hook))
            return;
        close_hook(hook);
    }
}

int mcu_hooks_run(struct mcu_hooks *h, const char *program, const char *verb, const char *tty)
{
    struct hook *hook;

    ag_list_for_each(it, &h->waiting)
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

        if (hook->begun)
            ag_log(AG_LOG_INFO, "hook %s goes on by itself", hook->verb);
        else
            ag_log(AG_LOG_WARNING, "hook %s is not run any more", hook->verb);
        close_hook(hook);
    }
}
