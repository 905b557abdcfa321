/* SPDX-License-Identifier: MIT */
#include "libagent/io/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BLOCK = 4096, FIRST_FD = 3, RANGE_CLOEXEC = 1 << 2 };

struct ag_child {
    uv_process_t process;
    uv_timer_t limit;
    uv_pipe_t pipe;
    ag_child_fn done; /* NULL: nobody wants to know */
    void *user;
    unsigned timeout_ms, n_open;
    bool gently, timed_out, exited, has_pipe, output_open, too_much, closed;
    int status;
    struct ag_buf output;
    size_t output_max;
    char *block; /* what is read into; NULL without a pipe */
};

static void child_free(struct ag_child *c)
{
    ag_buf_deinit(&c->output);
    free(c->block);
    free(c);
}

static void on_closed(uv_handle_t *h)
{
    struct ag_child *c = h->data;

    if (--c->n_open == 0)
        child_free(c);
}

static void child_close(struct ag_child *c)
{
    if (c->closed)
        return;
    c->closed = true;
    uv_close((uv_handle_t *) &c->process, on_closed);
    uv_close((uv_handle_t *) &c->limit, on_closed);
    if (c->has_pipe)
        uv_close((uv_handle_t *) &c->pipe, on_closed);
}

static void child_signal(const struct ag_child *c, int number)
{
    if (!c->exited)
        kill(-c->process.pid, number); /* it leads a session of its own: its children too */
}

static void finish(struct ag_child *c)
{
    int status = c->timed_out ? -ETIMEDOUT : c->too_much ? -E2BIG : c->status;
    ag_child_fn done = c->done;

    child_close(c);
    c->done = NULL;
    if (done)
        done(c->user, status, c->has_pipe ? &c->output : NULL);
}

static void on_exit_status(uv_process_t *p, int64_t status, int number)
{
    struct ag_child *c = p->data;

    c->exited = true;
    c->status = number ? 128 + number : (int) status;
    if (!c->output_open || c->timed_out || !c->done)
        finish(c);
}

static void on_limit(uv_timer_t *t)
{
    struct ag_child *c = t->data;

    child_signal(c, c->gently && !c->timed_out ? SIGTERM : SIGKILL);
    c->timed_out = true;
    if (c->exited)
        finish(c);
}

static void on_block(uv_handle_t *h, size_t n, uv_buf_t *out)
{
    struct ag_child *c = h->data;

    (void) n;
    *out = uv_buf_init(c->block, BLOCK);
}

static void on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct ag_child *c = s->data;

    if (n > 0 && !c->too_much) {
        c->too_much =
            ag_buf_size(&c->output) + (size_t) n > c->output_max || ag_buf_append(&c->output, buf->base, (size_t) n) < 0;
        if (c->too_much)
            child_signal(c, SIGKILL);
    } else if (n < 0) {
        uv_read_stop(s);
        c->output_open = false;
        if (c->exited)
            finish(c);
    }
}

static void close_each_on_exec(void)
{
    DIR *dir = opendir("/proc/self/fd");

    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        int fd = atoi(e->d_name);

        if (fd >= FIRST_FD)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    if (dir)
        closedir(dir);
}

/*
 * Our descriptors are closed by exec, those of libraries are not: a daemon that a hook leaves behind would hold libmosquitto's
 * connection, and neither the broker nor our loop would see it end.
 */
static void close_all_on_exec(void)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned) FIRST_FD, ~0u, (unsigned) RANGE_CLOEXEC) == 0) /* from Linux 5.11 on */
        return;
#endif
    close_each_on_exec();
}

static int spawn(struct ag_child *c, uv_loop_t *loop, const struct ag_child_options *o)
{
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
                                     {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
    uv_process_options_t p = {.exit_cb = on_exit_status,
                              .file = o->args[0],
                              .args = (char **) (uintptr_t) o->args,
                              .env = (char **) (uintptr_t) o->env,
                              .flags = UV_PROCESS_DETACHED,
                              .stdio = stdio,
                              .stdio_count = 3};

    if (c->has_pipe) {
        stdio[1].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
        stdio[1].data.stream = (uv_stream_t *) &c->pipe;
    }
    close_all_on_exec();
    return uv_spawn(loop, &c->process, &p);
}

int ag_child_run(struct ag_child **out, uv_loop_t *loop, const struct ag_child_options *o)
{
    struct ag_child *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return -ENOMEM;
    c->has_pipe = c->output_open = o->output_max > 0;
    c->block = c->has_pipe ? malloc(BLOCK) : NULL;
    if (c->has_pipe && !c->block) {
        free(c);
        return -ENOMEM;
    }
    c->done = o->done;
    c->user = o->user;
    c->timeout_ms = o->timeout_ms;
    c->gently = o->gently;
    c->output_max = o->output_max;
    c->process.data = c->limit.data = c->pipe.data = c;
    c->n_open = c->has_pipe ? 3 : 2;
    uv_timer_init(loop, &c->limit);
    if (c->has_pipe)
        uv_pipe_init(loop, &c->pipe, 0);
    r = spawn(c, loop, o);
    if (r < 0) { /* even then the process handle is set up */
        c->done = NULL;
        child_close(c);
        return r;
    }
    if (c->has_pipe)
        uv_read_start((uv_stream_t *) &c->pipe, on_block, on_output);
    if (c->timeout_ms > 0)
        uv_timer_start(&c->limit, on_limit, c->timeout_ms, c->gently ? c->timeout_ms : 0);
    *out = c;
    return 0;
}

void ag_child_cancel(struct ag_child *c)
{
    if (!c)
        return;
    c->done = NULL;
    child_signal(c, SIGKILL);
    if (c->exited)
        child_close(c);
}

void ag_child_let_go(struct ag_child *c)
{
    if (!c)
        return;
    c->done = NULL;
    child_close(c);
}
