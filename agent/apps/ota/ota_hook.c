/* SPDX-License-Identifier: MIT */
#include "agent/apps/ota/ota_hook.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "libagent/core/buf.h"
#include "libagent/io/file.h"

enum { LOOK_MS = 500, PATH_ROOM = 512, SMALL_FILE = 4096 };

/* $1 is the folder; what follows is the hook. The status file appears whole or not at all. */
static const char wrapper[] = "dir=$1; shift; echo $$ >\"${dir}install.pid\"; \"$@\" </dev/null; s=$?; "
                              "echo $s >\"${dir}install.tmp\" && mv \"${dir}install.tmp\" \"${dir}install.status\"; exit $s";

static void hook_path(const struct ota_hook *h, const char *name, char out[PATH_ROOM])
{
    snprintf(out, PATH_ROOM, "%s%s", h->dir, name);
}

static void hook_end(struct ota_hook *h, bool good, const char *how)
{
    char path[PATH_ROOM];

    uv_timer_stop(&h->timer);
    hook_path(h, "install.status", path);
    unlink(path);
    hook_path(h, "install.pid", path);
    unlink(path);
    h->on_done(h->user, good, how);
}

/* The number in a small file; -1: none. */
static long read_number(const struct ota_hook *h, const char *name)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    char path[PATH_ROOM];
    const char *text;

    hook_path(h, name, path);
    if (ag_file_read(path, SMALL_FILE, &b) < 0)
        return -1;
    text = ag_buf_cstr(&b);
    return text && *text >= '0' && *text <= '9' ? strtol(text, NULL, 10) : -1;
}

/* A number alone may be another process by now: its command line must name our wrapper. */
static bool is_hook(const struct ota_hook *h, long pid)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    char path[64];

    snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
    if (pid <= 0 || ag_file_read(path, SMALL_FILE, &b) < 0)
        return false;
    return memmem(b.data, b.len, "install.status", 14) && memmem(b.data, b.len, h->dir, strlen(h->dir));
}

static void look_again(uv_timer_t *t)
{
    struct ota_hook *h = t->data;
    long status = read_number(h, "install.status");
    long pid = read_number(h, "install.pid");

    if (status >= 0) {
        hook_end(h, status == 0, status == 0 ? "done" : "the hook reported failure");
        return;
    }
    if (!is_hook(h, pid)) {
        hook_end(h, false, "the hook was lost");
        return;
    }
    if (uv_now(h->loop) < h->deadline_ms)
        return;
    kill(-(pid_t) pid, SIGKILL); /* it leads a session of its own */
    hook_end(h, false, "the hook took too long");
}

void ota_hook_rejoin(struct ota_hook *h)
{
    h->deadline_ms = uv_now(h->loop) + h->timeout_s * 1000ull;
    uv_timer_start(&h->timer, look_again, 0, LOOK_MS);
}

static void on_end(void *user, int status, struct ag_buf *output)
{
    struct ota_hook *h = user;

    (void) output;
    h->child = NULL;
    hook_end(h, status == 0,
             status == 0            ? "done"
             : status == -ETIMEDOUT ? "the hook took too long"
             : status > 128         ? "the hook was killed"
                                    : "the hook reported failure");
}

int ota_hook_start(struct ota_hook *h, const char *file, const char *md5, bool silent)
{
    const char *args[] = {"/bin/sh", "-c", wrapper, "miio_ota", h->dir, h->prog, file, md5, silent ? "silent" : "normal", NULL};
    char path[PATH_ROOM];

    if (h->child)
        return -EBUSY;
    hook_path(h, "install.status", path);
    unlink(path);
    return ag_child_run(&h->child, h->loop,
                        &(struct ag_child_options){.args = args, .timeout_ms = h->timeout_s * 1000, .done = on_end, .user = h});
}

int ota_hook_init(struct ota_hook *h)
{
    int r = uv_timer_init(h->loop, &h->timer);

    h->timer.data = h;
    h->timer_open = r == 0;
    return r;
}

void ota_hook_close(struct ota_hook *h)
{
    if (!h->timer_open)
        return;
    h->timer_open = false;
    uv_close((uv_handle_t *) &h->timer, NULL);
    ag_child_let_go(h->child);
    h->child = NULL;
}
