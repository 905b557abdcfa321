#include "agent/apps/ota/ota_verify.h"

#include <errno.h>
#include <signal.h>

static void verify_end(struct ota_verify *v, bool good, const char *how)
{
    v->running = false;
    uv_timer_stop(&v->timer);
    v->on_done(v->user, good, how);
}

static void verify_on_closed(uv_handle_t *handle)
{
    struct ota_verify *v = handle->data;

    v->process_open = false;
}

static void verify_on_exit(uv_process_t *p, int64_t status, int sig)
{
    struct ota_verify *v = p->data;

    uv_close((uv_handle_t *) p, verify_on_closed);
    if (v->running)
        verify_end(v, status == 0 && sig == 0,
                   sig      ? "the program was killed"
                   : status ? "the program refused the file"
                            : "genuine");
}

static void verify_kill(const struct ota_verify *v)
{
    if (v->process_open && v->process.pid > 0 && !uv_is_closing((const uv_handle_t *) &v->process))
        kill(-v->process.pid, SIGKILL); /* it has a session of its own: its children too */
}

static void verify_on_timeout(uv_timer_t *t)
{
    struct ota_verify *v = t->data;

    verify_kill(v);
    verify_end(v, false, "the program took too long");
}

int ota_verify_start(struct ota_verify *v, const char *file, const char *md5)
{
    char *args[] = {(char *) v->prog, (char *) file, (char *) md5, NULL};
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = 2}, /* ours carries the ready line */
                                     {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t o = {
        .exit_cb = verify_on_exit,
        .file = v->prog,
        .args = args,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 3,
        .stdio = stdio,
    };
    int r;

    if (v->process_open)
        return -EBUSY;
    v->process.data = v;
    v->process_open = true;
    r = uv_spawn(v->loop, &v->process, &o);
    if (r < 0) {
        uv_close((uv_handle_t *) &v->process, verify_on_closed);
        return r;
    }
    v->running = true;
    uv_timer_start(&v->timer, verify_on_timeout, v->timeout_s * 1000ull, 0);
    return 0;
}

int ota_verify_init(struct ota_verify *v)
{
    int r = uv_timer_init(v->loop, &v->timer);

    v->timer.data = v;
    v->timer_open = r == 0;
    return r;
}

void ota_verify_close(struct ota_verify *v)
{
    if (!v->timer_open)
        return;
    v->timer_open = false;
    v->running = false;
    verify_kill(v);
    uv_close((uv_handle_t *) &v->timer, NULL);
    if (v->process_open && !uv_is_closing((uv_handle_t *) &v->process))
        uv_close((uv_handle_t *) &v->process, verify_on_closed);
}
