#include "agent/apps/mcu/io/hooks.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "libagent/core/log.h"
#include "libagent/core/util.h"

struct hook {
    struct ag_list link;
    struct mcu_hooks *owner;
    uv_process_t process;
    uv_timer_t timer;
    int n_open;
    int n_signals;
    char verb[16];
};

void mcu_hooks_init(struct mcu_hooks *h, uv_loop_t *loop, unsigned timeout_ms)
{
    *h = (struct mcu_hooks){.loop = loop, .timeout_ms = timeout_ms};
    ag_list_init(&h->running);
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
    hook->n_open = 2;
    uv_close((uv_handle_t *) &hook->process, on_closed);
    uv_close((uv_handle_t *) &hook->timer, on_closed);
}

static void on_exit_hook(uv_process_t *process, int64_t status, int signal)
{
    struct hook *hook = process->data;

    if (status == 0 && signal == 0)
        ag_log(AG_LOG_INFO, "hook %s done", hook->verb);
    else
        ag_log(AG_LOG_WARNING, "hook %s failed: status %d, signal %d", hook->verb, (int) status, signal);
    close_hook(hook);
}

static void on_timeout(uv_timer_t *timer)
{
    struct hook *hook = timer->data;
    int signal = hook->n_signals++ == 0 ? SIGTERM : SIGKILL;

    ag_log(AG_LOG_WARNING, "hook %s takes over %u ms: signal %d", hook->verb, hook->owner->timeout_ms,
           signal);
    uv_process_kill(&hook->process, signal);
}

static int spawn(struct hook *hook, const char *program, const char *tty)
{
    char tty_env[300], path_env[1024];
    const char *path = getenv("PATH");
    char *args[] = {(char *) program, hook->verb, NULL};
    char *env[] = {path_env, tty_env, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = 2}, {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t options = {
        .exit_cb = on_exit_hook, .file = program, .args = args, .env = env, .stdio = stdio, .stdio_count = 3};

    snprintf(path_env, sizeof path_env, "PATH=%s", path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
    snprintf(tty_env, sizeof tty_env, "MIIO_TTY=%s", tty);
    return uv_spawn(hook->owner->loop, &hook->process, &options);
}

int mcu_hooks_run(struct mcu_hooks *h, const char *program, const char *verb, const char *tty)
{
    struct hook *hook;
    int r;

    if (!*program)
        return 0;
    hook = calloc(1, sizeof *hook);
    if (!hook)
        return -ENOMEM;
    hook->owner = h;
    hook->process.data = hook->timer.data = hook;
    snprintf(hook->verb, sizeof hook->verb, "%s", verb);
    uv_timer_init(h->loop, &hook->timer);
    ag_list_append(&h->running, &hook->link);
    r = spawn(hook, program, tty);
    if (r < 0)
        close_hook(hook); /* the process handle is initialised even when uv_spawn() fails */
    else
        uv_timer_start(&hook->timer, on_timeout, h->timeout_ms, h->timeout_ms);
    return r;
}

void mcu_hooks_close(struct mcu_hooks *h)
{
    ag_list_for_each_safe (it, &h->running) {
        struct hook *hook = ag_list_entry(it, struct hook, link);

        ag_log(AG_LOG_INFO, "hook %s goes on by itself", hook->verb);
        close_hook(hook);
    }
}
