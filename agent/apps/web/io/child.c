#include "agent/apps/web/io/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct child {
    struct ag_list link;
    struct web_children *owner;
    uv_process_t process;
    uv_pipe_t pipe;
    uv_timer_t timer;
    unsigned n_open;
    bool exited, ended, late, too_much, told;
    int64_t status;
    struct ag_buf output;
    size_t output_max;
    web_child_fn fn;
    void *user;
    char block[4096];
};

void web_children_init(struct web_children *c, uv_loop_t *loop)
{
    *c = (struct web_children){.loop = loop};
    ag_list_init(&c->all);
}

static void on_closed(uv_handle_t *h)
{
    struct child *c = h->data;

    if (--c->n_open > 0)
        return;
    ag_list_del(&c->link);
    c->owner->n--;
    ag_buf_deinit(&c->output);
    free(c);
}

/* When the process and its output have both ended. A grandchild that keeps the output open is not waited for beyond the time. */
static void finish(struct child *c)
{
    const char *why = c->late ? "the program took too long" : c->too_much ? "the program said too much" : "the program failed";
    bool good = c->exited && c->status == 0 && !c->late && !c->too_much;

    if (c->told)
        return;
    c->told = true;
    c->fn(good, &c->output, good ? NULL : why, c->user);
    uv_close((uv_handle_t *) &c->pipe, on_closed);
    uv_close((uv_handle_t *) &c->timer, on_closed);
    uv_close((uv_handle_t *) &c->process, on_closed);
}

static void on_exit_child(uv_process_t *p, int64_t status, int sig)
{
    struct child *c = p->data;

    c->exited = true;
    c->status = sig ? -1 : status;
    if (c->ended || c->late)
        finish(c);
}

static void stop_child(struct child *c)
{
    if (!c->exited)
        uv_process_kill(&c->process, SIGKILL);
}

static void on_time(uv_timer_t *t)
{
    struct child *c = t->data;

    c->late = true;
    stop_child(c);
    if (c->exited)
        finish(c);
}

static void on_block(uv_handle_t *h, size_t n, uv_buf_t *out)
{
    struct child *c = h->data;

    (void) n;
    *out = uv_buf_init(c->block, sizeof c->block);
}

static void on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct child *c = s->data;

    if (n > 0 && !c->too_much) {
        c->too_much = ag_buf_size(&c->output) + (size_t) n > c->output_max || ag_buf_append(&c->output, buf->base, (size_t) n) < 0;
        if (c->too_much)
            stop_child(c);
    } else if (n < 0) {
        uv_read_stop(s);
        c->ended = true;
        if (c->exited)
            finish(c);
    }
}

static int spawn(struct child *c, const char *const *args)
{
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                     {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *) &c->pipe},
                                     {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t o = {.exit_cb = on_exit_child,
                              .file = args[0],
                              .args = (char **) (uintptr_t) args,
                              .stdio_count = 3,
                              .stdio = stdio};

    return uv_spawn(c->owner->loop, &c->process, &o);
}

static void on_failed(uv_handle_t *h)
{
    struct child *c = h->data;

    if (--c->n_open == 0)
        free(c);
}

int web_child_run(struct web_children *owner, const char *const *args, size_t output_max, unsigned timeout_ms, web_child_fn fn, void *user)
{
    struct child *c = owner->n < WEB_CHILDREN ? calloc(1, sizeof *c) : NULL;
    int r;

    if (!c)
        return owner->n < WEB_CHILDREN ? -ENOMEM : -EBUSY;
    c->owner = owner;
    c->fn = fn;
    c->user = user;
    c->output_max = output_max;
    uv_pipe_init(owner->loop, &c->pipe, 0);
    uv_timer_init(owner->loop, &c->timer);
    c->pipe.data = c->timer.data = c->process.data = c;
    c->n_open = 3;
    r = spawn(c, args);
    if (r < 0) { /* the process handle is active after some failures, so it is closed like the others */
        uv_close((uv_handle_t *) &c->pipe, on_failed);
        uv_close((uv_handle_t *) &c->timer, on_failed);
        uv_close((uv_handle_t *) &c->process, on_failed);
        return r;
    }
    ag_list_append(&owner->all, &c->link);
    owner->n++;
    uv_read_start((uv_stream_t *) &c->pipe, on_block, on_output);
    uv_timer_start(&c->timer, on_time, timeout_ms, 0);
    return 0;
}

void web_children_stop(struct web_children *owner)
{
    ag_list_for_each (it, &owner->all) {
        struct child *c = ag_list_entry(it, struct child, link);

        c->late = true;
        stop_child(c);
        if (!c->told)
            uv_timer_start(&c->timer, on_time, 0, 0);
    }
}
