/* SPDX-License-Identifier: MIT */
#include "tests/world/kernel/files.h"
#include "tests/world/uv/loop_priv.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/kernel/calls.h"
#include "tests/world/uv/spawned.h"

bool (*uv_spawn_decides)(const uv_process_options_t *o, struct spawned *out);

/* ---- handles ---- */

void h_init(uv_loop_t *l, uv_handle_t *h, uv_handle_type type)
{
    h->loop = l;
    h->type = type;
    h->flags = H_REF;
    h->close_cb = NULL;
    h->next_closing = NULL;
}

static bool counts(const uv_handle_t *h)
{
    return (h->flags & (H_ACTIVE | H_REF)) == (H_ACTIVE | H_REF);
}

void h_start(uv_handle_t *h)
{
    if (h->flags & H_ACTIVE)
        return;
    h->flags |= H_ACTIVE;
    uloop_of(h->loop)->n_active += counts(h);
}

void h_stop(uv_handle_t *h)
{
    if (!(h->flags & H_ACTIVE))
        return;
    uloop_of(h->loop)->n_active -= counts(h);
    h->flags &= ~(unsigned) H_ACTIVE;
}

bool h_is_closing(const uv_handle_t *h)
{
    return h->flags & (H_CLOSING | H_CLOSED);
}

int uv_is_active(const uv_handle_t *h)
{
    return (h->flags & H_ACTIVE) != 0;
}

int uv_is_closing(const uv_handle_t *h)
{
    return h_is_closing(h);
}

void uv_unref(uv_handle_t *h)
{
    if (!(h->flags & H_REF))
        return;
    uloop_of(h->loop)->n_active -= counts(h);
    h->flags &= ~(unsigned) H_REF;
}

void uv_ref(uv_handle_t *h)
{
    if (h->flags & H_REF)
        return;
    h->flags |= H_REF;
    uloop_of(h->loop)->n_active += counts(h);
}

int uv_has_ref(const uv_handle_t *h)
{
    return (h->flags & H_REF) != 0;
}

/* ---- descriptors that are watched ---- */

void io_init(uv__io_t *w, uv__io_cb cb, int fd)
{
    w->cb = cb;
    w->fd = fd;
    w->events = w->pevents = 0;
}

static int io_find(uv__io_t *const *at, unsigned n, const uv__io_t *w)
{
    for (unsigned i = 0; i < n; i++)
        if (at[i] == w)
            return (int) i;
    return -1;
}

void io_start(uv_loop_t *l, uv__io_t *w, unsigned events)
{
    struct uloop *u = uloop_of(l);

    w->pevents |= events;
    if (io_find(u->watchers, u->n_watchers, w) < 0)
        u->watchers[u->n_watchers++] = w;
}

static void take_out(uv__io_t **at, unsigned *n, const uv__io_t *w)
{
    int i = io_find(at, *n, w);

    if (i < 0)
        return;
    memmove(at + i, at + i + 1, (--*n - (unsigned) i) * sizeof *at);
}

void io_stop(uv_loop_t *l, uv__io_t *w, unsigned events)
{
    struct uloop *u = uloop_of(l);

    w->pevents &= ~events;
    if (w->pevents == 0)
        take_out(u->watchers, &u->n_watchers, w);
}

void io_close(uv_loop_t *l, uv__io_t *w)
{
    struct uloop *u = uloop_of(l);

    io_stop(l, w, POLLIN | POLLOUT | POLLRDHUP | POLLPRI);
    take_out(u->pending, &u->n_pending, w);
}

void io_feed(uv_loop_t *l, uv__io_t *w)
{
    struct uloop *u = uloop_of(l);

    if (io_find(u->pending, u->n_pending, w) < 0)
        u->pending[u->n_pending++] = w;
}

bool io_active(const uv__io_t *w, unsigned events)
{
    return w->pevents & events;
}

/* ---- timers ---- */

#define NEXT(t) (*(uv_timer_t **) &(t)->heap_node[0])

int uv_timer_init(uv_loop_t *l, uv_timer_t *t)
{
    h_init(l, (uv_handle_t *) t, UV_TIMER);
    t->timer_cb = NULL;
    t->repeat = 0;
    NEXT(t) = NULL;
    return 0;
}

static bool is_before(const uv_timer_t *a, const uv_timer_t *b)
{
    return a->timeout != b->timeout ? a->timeout < b->timeout : a->start_id < b->start_id;
}

int uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
    struct uloop *u = uloop_of(t->loop);
    uv_timer_t **at = (uv_timer_t **) &u->timers;

    if (h_is_closing((uv_handle_t *) t) || !cb)
        return UV_EINVAL;
    if (uv_is_active((uv_handle_t *) t))
        uv_timer_stop(t);
    t->timer_cb = cb;
    t->timeout = t->loop->time + timeout;
    if (t->timeout < timeout)
        t->timeout = UINT64_MAX;
    t->repeat = repeat;
    t->start_id = t->loop->timer_counter++;
    while (*at && is_before(*at, t))
        at = &NEXT(*at);
    NEXT(t) = *at;
    *at = t;
    h_start((uv_handle_t *) t);
    return 0;
}

int uv_timer_stop(uv_timer_t *t)
{
    uv_timer_t **at = (uv_timer_t **) &uloop_of(t->loop)->timers;

    if (!uv_is_active((uv_handle_t *) t))
        return 0;
    while (*at != t)
        at = &NEXT(*at);
    *at = NEXT(t);
    h_stop((uv_handle_t *) t);
    return 0;
}

int uv_timer_again(uv_timer_t *t)
{
    if (!t->timer_cb)
        return UV_EINVAL;
    if (t->repeat) {
        uv_timer_stop(t);
        uv_timer_start(t, t->timer_cb, t->repeat, t->repeat);
    }
    return 0;
}

uint64_t uv_timer_get_due_in(const uv_timer_t *t)
{
    return t->loop->time >= t->timeout ? 0 : t->timeout - t->loop->time;
}

static void run_timers(struct uloop *u)
{
    for (;;) {
        uv_timer_t *t = (uv_timer_t *) u->timers;

        if (!t || t->timeout > u->loop->time)
            return;
        uv_timer_stop(t);
        uv_timer_again(t);
        t->timer_cb(t);
    }
}

/* ---- idle, prepare, check ---- */

enum { IDLE, PREPARE, CHECK };

static int phase_start(uv_handle_t *h, int which)
{
    struct uloop *u = uloop_of(h->loop);
    void **at = u->phases[which];

    if (h->flags & H_ACTIVE)
        return 0;
    memmove(at + 1, at, u->n_phases[which]++ * sizeof *at);
    at[0] = h;
    h_start(h);
    return 0;
}

static int phase_stop(uv_handle_t *h, int which)
{
    struct uloop *u = uloop_of(h->loop);

    for (unsigned i = 0; i < u->n_phases[which]; i++)
        if (u->phases[which][i] == h) {
            memmove(&u->phases[which][i], &u->phases[which][i + 1], (--u->n_phases[which] - i) * sizeof(void *));
            break;
        }
    h_stop(h);
    return 0;
}

/* Those that are there when the phase begins, and still when their turn comes. */
static void run_phase(struct uloop *u, int which)
{
    void *all[64];
    unsigned n = u->n_phases[which];

    memcpy(all, u->phases[which], n * sizeof all[0]);
    for (unsigned i = 0; i < n; i++) {
        bool there = false;

        for (unsigned k = 0; k < u->n_phases[which]; k++)
            there = there || u->phases[which][k] == all[i];
        if (!there)
            continue;
        if (which == IDLE)
            ((uv_idle_t *) all[i])->idle_cb(all[i]);
        else if (which == PREPARE)
            ((uv_prepare_t *) all[i])->prepare_cb(all[i]);
        else
            ((uv_check_t *) all[i])->check_cb(all[i]);
    }
}

#define PHASE(name, type, number)                                                                                                \
    int uv_##name##_init(uv_loop_t *l, uv_##name##_t *h)                                                                         \
    {                                                                                                                            \
        h_init(l, (uv_handle_t *) h, type);                                                                                      \
        return 0;                                                                                                                \
    }                                                                                                                            \
    int uv_##name##_start(uv_##name##_t *h, uv_##name##_cb cb)                                                                   \
    {                                                                                                                            \
        if (uv_is_active((uv_handle_t *) h))                                                                                     \
            return 0;                                                                                                            \
        if (!cb)                                                                                                                 \
            return UV_EINVAL;                                                                                                    \
        h->name##_cb = cb;                                                                                                       \
        return phase_start((uv_handle_t *) h, number);                                                                           \
    }                                                                                                                            \
    int uv_##name##_stop(uv_##name##_t *h)                                                                                       \
    {                                                                                                                            \
        return phase_stop((uv_handle_t *) h, number);                                                                            \
    }
PHASE(idle, UV_IDLE, IDLE)
PHASE(prepare, UV_PREPARE, PREPARE)
PHASE(check, UV_CHECK, CHECK)

/* ---- poll ---- */

static void on_poll_io(uv_loop_t *l, uv__io_t *w, unsigned events)
{
    uv_poll_t *h = (uv_poll_t *) ((char *) w - offsetof(uv_poll_t, io_watcher));
    int told = 0;

    if ((events & POLLERR) && !(events & POLLPRI)) {
        io_stop(l, w, POLLIN | POLLOUT | POLLRDHUP | POLLPRI);
        h_stop((uv_handle_t *) h);
        h->poll_cb(h, UV_EBADF, 0);
        return;
    }
    told |= events & POLLIN ? UV_READABLE : 0;
    told |= events & POLLPRI ? UV_PRIORITIZED : 0;
    told |= events & POLLOUT ? UV_WRITABLE : 0;
    told |= events & POLLRDHUP ? UV_DISCONNECT : 0;
    h->poll_cb(h, 0, told);
}

int uv_poll_init(uv_loop_t *l, uv_poll_t *h, int fd)
{
    if (!fd_get(uloop_of(l)->proc, fd))
        return UV_EBADF;
    h_init(l, (uv_handle_t *) h, UV_POLL);
    h->poll_cb = NULL;
    io_init(&h->io_watcher, on_poll_io, fd);
    return 0;
}

int uv_poll_init_socket(uv_loop_t *l, uv_poll_t *h, uv_os_sock_t fd)
{
    return uv_poll_init(l, h, fd);
}

int uv_poll_stop(uv_poll_t *h)
{
    io_stop(h->loop, &h->io_watcher, POLLIN | POLLOUT | POLLRDHUP | POLLPRI);
    h_stop((uv_handle_t *) h);
    return 0;
}

int uv_poll_start(uv_poll_t *h, int wanted, uv_poll_cb cb)
{
    unsigned events = 0;

    uv_poll_stop(h);
    if (wanted == 0)
        return 0;
    events |= wanted & UV_READABLE ? POLLIN : 0;
    events |= wanted & UV_PRIORITIZED ? POLLPRI : 0;
    events |= wanted & UV_WRITABLE ? POLLOUT : 0;
    events |= wanted & UV_DISCONNECT ? POLLRDHUP : 0;
    io_start(h->loop, &h->io_watcher, events);
    h_start((uv_handle_t *) h);
    h->poll_cb = cb;
    return 0;
}

/* ---- async ---- */

int uv_async_init(uv_loop_t *l, uv_async_t *h, uv_async_cb cb)
{
    struct uloop *u = uloop_of(l);

    if (u->n_asyncs >= 128)
        return UV_ENOMEM;
    h_init(l, (uv_handle_t *) h, UV_ASYNC);
    h->async_cb = cb;
    h->pending = 0;
    u->asyncs[u->n_asyncs++] = h;
    h_start((uv_handle_t *) h);
    return 0;
}

int uv_async_send(uv_async_t *h)
{
    h->pending = 1;
    proc_wake(uloop_of(h->loop)->proc);
    return 0;
}

static bool async_pending(const struct uloop *u)
{
    for (unsigned i = 0; i < u->n_asyncs; i++)
        if (u->asyncs[i]->pending)
            return true;
    return u->done != NULL;
}

static void run_done(struct uloop *u);

static void run_asyncs(struct uloop *u)
{
    uv_async_t *all[128];
    unsigned n = u->n_asyncs;

    memcpy(all, u->asyncs, n * sizeof all[0]);
    run_done(u);
    for (unsigned i = 0; i < n; i++) {
        bool there = false;

        for (unsigned k = 0; k < u->n_asyncs; k++)
            there = there || u->asyncs[k] == all[i];
        if (!there || !all[i]->pending)
            continue;
        all[i]->pending = 0;
        if (all[i]->async_cb)
            all[i]->async_cb(all[i]);
    }
}

static void async_close(uv_async_t *h)
{
    struct uloop *u = uloop_of(h->loop);

    for (unsigned i = 0; i < u->n_asyncs; i++)
        if (u->asyncs[i] == h) {
            memmove(&u->asyncs[i], &u->asyncs[i + 1], (--u->n_asyncs - i) * sizeof u->asyncs[0]);
            break;
        }
    h_stop((uv_handle_t *) h);
}

/* ---- signals ---- */

static void never_called(void *handle, int number)
{
    (void) handle;
    (void) number;
}

int uv_signal_init(uv_loop_t *l, uv_signal_t *h)
{
    h_init(l, (uv_handle_t *) h, UV_SIGNAL);
    h->signum = 0;
    return 0;
}

int uv_signal_stop(uv_signal_t *h)
{
    struct uloop *u = uloop_of(h->loop);
    bool others = false;

    if (!(h->flags & H_ACTIVE))
        return 0;
    for (unsigned i = 0; i < u->n_signals; i++)
        if (u->signals[i] == h) {
            memmove(&u->signals[i], &u->signals[i + 1], (--u->n_signals - i) * sizeof u->signals[0]);
            break;
        }
    for (unsigned i = 0; i < u->n_signals; i++)
        others = others || u->signals[i]->signum == h->signum;
    if (!others)
        u->proc->watches[h->signum].deliver = NULL;
    h->signum = 0;
    h_stop((uv_handle_t *) h);
    return 0;
}

int uv_signal_start(uv_signal_t *h, uv_signal_cb cb, int number)
{
    struct uloop *u = uloop_of(h->loop);

    if (h_is_closing((uv_handle_t *) h) || number == 0)
        return UV_EINVAL;
    uv_signal_stop(h);
    h->signal_cb = cb;
    h->signum = number;
    u->signals[u->n_signals++] = h;
    u->proc->watches[number].deliver = never_called;
    h_start((uv_handle_t *) h);
    return 0;
}

static bool signal_pending(const struct uloop *u)
{
    for (unsigned i = 0; i < u->n_signals; i++)
        if (u->proc->signals & 1u << u->signals[i]->signum)
            return true;
    return false;
}

static void run_signals(struct uloop *u)
{
    uint32_t pending = u->proc->signals;
    uv_signal_t *all[32];
    unsigned n = u->n_signals;

    memcpy(all, u->signals, n * sizeof all[0]);
    for (unsigned i = 0; i < n; i++) {
        bool there = false;

        for (unsigned k = 0; k < u->n_signals; k++)
            there = there || u->signals[k] == all[i];
        if (!there || !(pending & 1u << all[i]->signum))
            continue;
        u->proc->signals &= ~(1u << all[i]->signum);
        all[i]->signal_cb(all[i], all[i]->signum);
    }
}

/* ---- children ---- */

struct child {
    struct child *next;
    uv_process_t *handle; /* NULL: closed */
    struct proc *proc;
    int proc_pid; /* of proc: it may have ended meanwhile */
    int pid, status, number;
    bool ended;
    struct spawned what;
};

static struct child *children[256]; /* of all processes, by pid % 256 */

static void child_ends(void *arg, uint64_t killed)
{
    struct child *c = arg;

    if (c->ended)
        return;
    c->ended = true;
    c->number = (int) killed;
    c->status = killed ? 0 : c->what.status;
    if (!killed && c->what.at_end)
        c->status = c->what.at_end(c->what.user, c->status);
    if (c->proc->alive && c->proc->pid == c->proc_pid)
        proc_wake(c->proc);
}

int uv_hook_kill(int pid, int number);
int uv_hook_kill(int pid, int number)
{
    struct child *c = pid > 0 ? children[pid % 256] : NULL;

    if (!c || c->pid != pid || c->ended)
        return -ESRCH;
    child_ends(c, (uint64_t) number);
    return 0;
}

int uv_spawn(uv_loop_t *l, uv_process_t *h, const uv_process_options_t *o)
{
    struct uloop *u = uloop_of(l);
    struct spawned what = {0};
    struct child *c;

    h_init(l, (uv_handle_t *) h, UV_PROCESS);
    h->exit_cb = o->exit_cb;
    h->pid = 0;
    if (!uv_spawn_decides || !uv_spawn_decides(o, &what))
        return UV_ENOENT;
    for (int i = 0; i < o->stdio_count; i++)
        if ((o->stdio[i].flags & UV_CREATE_PIPE) && pipe_join(o->stdio[i].data.stream) < 0)
            return UV_EMFILE;
    c = calloc(1, sizeof *c);
    *c = (struct child){u->children, h, u->proc, u->proc->pid, W.next_pid++, 0, 0, false, what};
    u->children = c;
    children[c->pid % 256] = c;
    h->pid = c->pid;
    h_start((uv_handle_t *) h);
    after(what.after_us, child_ends, c, 0);
    return 0;
}

static bool child_pending(const struct uloop *u)
{
    for (const struct child *c = u->children; c; c = c->next)
        if (c->ended && c->handle)
            return true;
    return false;
}

static void run_children(struct uloop *u)
{
    for (struct child **at = &u->children; *at;) {
        struct child *c = *at;
        uv_process_t *h = c->handle;

        if (!c->ended) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        if (h) {
            h_stop((uv_handle_t *) h);
            if (h->exit_cb)
                h->exit_cb(h, c->status, c->number);
            at = &u->children;
        }
    }
}

static void process_close(uv_process_t *h)
{
    for (struct child *c = uloop_of(h->loop)->children; c; c = c->next)
        if (c->handle == h)
            c->handle = NULL;
    h_stop((uv_handle_t *) h);
}

/* ---- work ---- */

struct work {
    struct work *next;
    uv_work_t *req;
    struct uloop *u;
};

static void *work_main(void *arg)
{
    struct work *w = arg;

    w->req->work_cb(w->req);
    w->next = NULL;
    if (w->u->done_last)
        w->u->done_last->next = w;
    else
        w->u->done = w;
    w->u->done_last = w;
    proc_wake(w->u->proc);
    return NULL;
}

int uv_queue_work(uv_loop_t *l, uv_work_t *req, uv_work_cb work, uv_after_work_cb then)
{
    struct uloop *u = uloop_of(l);
    struct work *w = calloc(1, sizeof *w);

    *w = (struct work){NULL, req, u};
    req->type = UV_WORK;
    req->loop = l;
    req->work_cb = work;
    req->after_work_cb = then;
    u->n_reqs++;
    thr_start(u->proc, work_main, w);
    return 0;
}

/* All work begins at once. */
int uv_cancel(uv_req_t *req)
{
    (void) req;
    return UV_EBUSY;
}

static void run_done(struct uloop *u)
{
    struct work *w;

    while ((w = u->done)) {
        u->done = w->next;
        if (!u->done)
            u->done_last = NULL;
        u->n_reqs--;
        if (w->req->after_work_cb)
            w->req->after_work_cb(w->req, 0);
        free(w);
    }
}

/* ---- closing ---- */

void uv_close(uv_handle_t *h, uv_close_cb cb)
{
    struct uloop *u = uloop_of(h->loop);

    if (h_is_closing(h)) {
        broken("a handle of type %d is closed twice", h->type);
        return;
    }
    h->flags |= H_CLOSING;
    h->close_cb = cb;
    switch (h->type) {
    case UV_TIMER:
        uv_timer_stop((uv_timer_t *) h);
        break;
    case UV_POLL:
        uv_poll_stop((uv_poll_t *) h);
        io_close(h->loop, &((uv_poll_t *) h)->io_watcher);
        break;
    case UV_ASYNC:
        async_close((uv_async_t *) h);
        break;
    case UV_IDLE:
        uv_idle_stop((uv_idle_t *) h);
        break;
    case UV_PREPARE:
        uv_prepare_stop((uv_prepare_t *) h);
        break;
    case UV_CHECK:
        uv_check_stop((uv_check_t *) h);
        break;
    case UV_SIGNAL:
        uv_signal_stop((uv_signal_t *) h);
        break;
    case UV_PROCESS:
        process_close((uv_process_t *) h);
        break;
    case UV_TCP:
    case UV_NAMED_PIPE:
        stream_close((uv_stream_t *) h);
        break;
    case UV_UDP:
        udp_close((uv_udp_t *) h);
        break;
    default:
        abort();
    }
    h->next_closing = u->closing;
    u->closing = h;
}

static void run_closing(struct uloop *u)
{
    uv_handle_t *h = u->closing, *next;

    u->closing = NULL;
    for (; h; h = next) {
        next = h->next_closing;
        h->flags |= H_CLOSED;
        if (h->type == UV_TCP || h->type == UV_NAMED_PIPE)
            stream_finish((uv_stream_t *) h);
        if (h->type == UV_UDP)
            udp_finish((uv_udp_t *) h);
        uv_unref(h);
        if (h->close_cb)
            h->close_cb(h);
    }
}

/* ---- the loop ---- */

static void uloop_end(void *u)
{
    free(u);
}

int uv_loop_init(uv_loop_t *l)
{
    struct uloop *u = calloc(1, sizeof *u);
    void *data = l->data;

    memset(l, 0, sizeof *l);
    l->data = data;
    u->loop = l;
    u->proc = proc_now();
    l->internal_fields = u;
    proc_object(u->proc, u, uloop_end);
    uv_update_time(l);
    return 0;
}

int uv_loop_close(uv_loop_t *l)
{
    struct uloop *u = uloop_of(l);

    if (u->n_active > 0 || u->closing || u->n_reqs > 0)
        return UV_EBUSY;
    proc_object_ended(u->proc, u);
    free(u);
    l->internal_fields = NULL;
    return 0;
}

void uv_update_time(uv_loop_t *l)
{
    l->time = monotonic_us() / 1000;
}

uint64_t uv_now(const uv_loop_t *l)
{
    return l->time;
}

uint64_t uv_hrtime(void)
{
    return monotonic_us() * 1000;
}

int uv_uptime(double *out)
{
    *out = (double) monotonic_us() / 1e6;
    return 0;
}

int uv_gettimeofday(uv_timeval64_t *tv)
{
    int64_t us = wall_now_us();

    *tv = (uv_timeval64_t){us / 1000000, (int32_t) (us % 1000000)};
    return 0;
}

int uv_random(uv_loop_t *l, uv_random_t *req, void *p, size_t n, unsigned flags, uv_random_cb cb)
{
    (void) l;
    (void) req;
    (void) flags;
    (void) cb;
    return get_random(p, n);
}

void uv_stop(uv_loop_t *l)
{
    uloop_of(l)->stop = true;
}

static bool is_alive(const struct uloop *u)
{
    return u->n_active > 0 || u->n_reqs > 0 || u->closing;
}

int uv_loop_alive(const uv_loop_t *l)
{
    return is_alive(uloop_of(l));
}

static bool run_pending(struct uloop *u)
{
    uv__io_t *all[FDS_MAX];
    unsigned n = u->n_pending;

    if (n == 0)
        return false;
    memcpy(all, u->pending, n * sizeof all[0]);
    for (unsigned i = 0; i < n; i++) {
        if (io_find(u->pending, u->n_pending, all[i]) < 0)
            continue;
        take_out(u->pending, &u->n_pending, all[i]);
        all[i]->cb(u->loop, all[i], POLLOUT);
    }
    return true;
}

static unsigned ready_of(const struct uloop *u, const uv__io_t *w)
{
    const struct vfile *f = fd_get(u->proc, w->fd);
    unsigned r = f ? vfile_ready(f) & (w->pevents | POLLERR | POLLHUP) : 0;

    if (r == POLLERR || r == POLLHUP)
        r |= w->pevents & (POLLIN | POLLOUT | POLLRDHUP | POLLPRI);
    return r;
}

static bool poll_once(struct uloop *u)
{
    uv__io_t *all[FDS_MAX];
    unsigned events[FDS_MAX], n = 0, first;
    bool async = async_pending(u), signals = signal_pending(u), children_ended = child_pending(u);

    first =
        u->n_watchers ? (unsigned) rng_below(&W.rng, u->n_watchers) : 0; /* the order of a kernel's list is nobody's promise */
    for (unsigned i = 0; i < u->n_watchers; i++) {
        uv__io_t *w = u->watchers[(first + i) % u->n_watchers];
        unsigned r = ready_of(u, w);

        if (r) {
            all[n] = w;
            events[n++] = r;
        }
    }
    if (n == 0 && !async && !signals && !children_ended)
        return false;
    if (async)
        run_asyncs(u);
    for (unsigned i = 0; i < n; i++) {
        unsigned r;

        if (io_find(u->watchers, u->n_watchers, all[i]) < 0)
            continue; /* stopped by one before it */
        r = events[i] & (all[i]->pevents | POLLERR | POLLHUP);
        if (r)
            all[i]->cb(u->loop, all[i], r);
    }
    if (signals)
        run_signals(u);
    if (children_ended)
        run_children(u);
    return true;
}

static void io_poll(struct uloop *u, uint64_t until_us)
{
    for (;;) {
        uv_update_time(u->loop);
        if (poll_once(u))
            return;
        if (W.now_us >= until_us)
            return;
        thr_sleep(until_us);
    }
}

static uint64_t poll_until(const struct uloop *u)
{
    const uv_timer_t *t = (const uv_timer_t *) u->timers;

    if (u->stop || !is_alive(u) || u->n_phases[IDLE] > 0 || u->n_pending > 0 || u->closing)
        return 0;
    if (!t)
        return NEVER;
    if (t->timeout <= u->loop->time)
        return 0;
    /* whole milliseconds, from the moment at which the wait begins, as epoll_wait() has it */
    return W.now_us + (t->timeout - u->loop->time) * MS;
}

int uv_run(uv_loop_t *l, uv_run_mode mode)
{
    struct uloop *u = uloop_of(l);
    bool alive = is_alive(u);

    if (!alive)
        uv_update_time(l);
    while (alive && !u->stop) {
        bool ran;

        uv_update_time(l);
        run_timers(u);
        ran = run_pending(u);
        run_phase(u, IDLE);
        run_phase(u, PREPARE);
        io_poll(u, (mode == UV_RUN_ONCE && !ran) || mode == UV_RUN_DEFAULT ? poll_until(u) : 0);
        for (int i = 0; i < 8 && u->n_pending > 0; i++)
            run_pending(u);
        run_phase(u, CHECK);
        run_closing(u);
        if (mode == UV_RUN_ONCE) {
            uv_update_time(l);
            run_timers(u);
        }
        alive = is_alive(u);
        if (mode != UV_RUN_DEFAULT)
            break;
    }
    u->stop = false;
    return alive;
}

/* ---- small ones ---- */

uv_buf_t uv_buf_init(char *base, unsigned len)
{
    return (uv_buf_t){base, len};
}

const char *uv_strerror(int e)
{
    switch (e) {
#define CASE(name, text)                                                                                                         \
    case UV_##name:                                                                                                              \
        return text;
        UV_ERRNO_MAP(CASE)
#undef CASE
    default:
        return "unknown error";
    }
}

const char *uv_err_name(int e)
{
    switch (e) {
#define CASE(name, text)                                                                                                         \
    case UV_##name:                                                                                                              \
        return #name;
        UV_ERRNO_MAP(CASE)
#undef CASE
    default:
        return "UNKNOWN";
    }
}

int uv_mutex_init(uv_mutex_t *m)
{
    (void) m;
    return 0;
}

void uv_mutex_destroy(uv_mutex_t *m)
{
    (void) m;
}

void uv_mutex_lock(uv_mutex_t *m)
{
    (void) m;
}

void uv_mutex_unlock(uv_mutex_t *m)
{
    (void) m;
}
