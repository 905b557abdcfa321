/* SPDX-License-Identifier: MIT */
/* Events, threads and processes. */
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tests/world/kernel/files.h"
#include "tests/world/kernel/kernel.h"
#include "tests/world/kernel/switch.h"

enum { STACK = 512 * 1024, TURN_US = 8, TURNS_A_SECOND_MAX = 20000 };

struct world W;

/* ---- events: a heap ordered by time, then by the order of their making ---- */

struct event {
    uint64_t at_us, seq;
    event_fn *fn;
    void *arg;
    uint64_t n;
};

static struct {
    struct event *at;
    size_t n, room;
    uint64_t seq;
} events;

static bool earlier(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->seq < b->seq;
}

static void event_push(struct event e)
{
    size_t i = events.n++;

    if (events.n > events.room) {
        events.room = events.room ? events.room * 2 : 256;
        events.at = realloc(events.at, events.room * sizeof *events.at);
    }
    for (; i > 0 && earlier(&e, &events.at[(i - 1) / 2]); i = (i - 1) / 2)
        events.at[i] = events.at[(i - 1) / 2];
    events.at[i] = e;
}

void after(uint64_t us, event_fn *fn, void *arg, uint64_t n)
{
    event_push((struct event){W.now_us + us, events.seq++, fn, arg, n});
}

static struct event event_pop(void)
{
    struct event top = events.at[0], last = events.at[--events.n];
    size_t i = 0, c;

    while ((c = 2 * i + 1) < events.n) {
        c += c + 1 < events.n && earlier(&events.at[c + 1], &events.at[c]);
        if (!earlier(&events.at[c], &last))
            break;
        events.at[i] = events.at[c];
        i = c;
    }
    events.at[i] = last;
    return top;
}

/* ---- threads ---- */

struct thr {
    struct proc *proc;
    struct ctx ctx;
    char *stack;
    void *(*fn)(void *);
    void *arg;
    bool ready, blocked, dead;
    struct deadline {
        uint64_t at_us, seq;
    } until, queued; /* of this sleep; its one event that counts, never behind it. NEVER: none */
    struct thr *next, *next_ready;
};

static struct {
    struct ctx main;
    struct thr *now, *first, *last;
    char *stacks[64];
    unsigned n_stacks;
} sched;

struct thr *thr_now(void)
{
    return sched.now;
}

struct proc *proc_now(void)
{
    return sched.now ? sched.now->proc : NULL;
}

static char *stack_take(void)
{
    if (sched.n_stacks > 0)
        return sched.stacks[--sched.n_stacks];
    return mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void stack_give(char *stack)
{
    if (sched.n_stacks < 64)
        sched.stacks[sched.n_stacks++] = stack;
    else
        munmap(stack, STACK);
}

void thr_wake(struct thr *t)
{
    if (t->ready || t->dead)
        return;
    t->ready = true;
    t->next_ready = NULL;
    if (sched.last)
        sched.last->next_ready = t;
    else
        sched.first = t;
    sched.last = t;
}

void proc_wake(struct proc *p)
{
    for (struct thr *t = p->threads; t; t = t->next)
        if (t->blocked)
            thr_wake(t);
}

static struct thr *ready_pop(void)
{
    struct thr *t = sched.first;

    if (!t)
        return NULL;
    sched.first = t->next_ready;
    if (!sched.first)
        sched.last = NULL;
    t->ready = false;
    return t;
}

static void thr_leave(void)
{
    struct thr *t = sched.now;

    ctx_switch(&t->ctx, &sched.main);
}

static void on_deadline(void *arg, uint64_t seq);

/* Most sleeps end early: the event of one that did stands for those behind it, else the queue would be full of them. */
static void deadline_queue(struct thr *t)
{
    if (t->queued.at_us <= t->until.at_us)
        return;
    t->queued = t->until;
    event_push((struct event){t->until.at_us, t->until.seq, on_deadline, t, t->until.seq});
}

static void on_deadline(void *arg, uint64_t seq)
{
    struct thr *t = arg;

    if (t->queued.at_us == NEVER || t->queued.seq != seq)
        return;
    t->queued.at_us = NEVER;
    if (!t->blocked || t->until.at_us == NEVER)
        return;
    if (t->until.seq == seq)
        thr_wake(t);
    else
        deadline_queue(t);
}

static void run_handlers(struct proc *p);

void thr_sleep(uint64_t until_us)
{
    struct thr *t = sched.now;

    t->blocked = true;
    if (until_us <= W.now_us) {
        thr_wake(t);
    } else if (until_us != NEVER) {
        t->until = (struct deadline){until_us, events.seq++};
        deadline_queue(t);
    }
    thr_leave();
    t->blocked = false;
    t->until.at_us = NEVER;
    if (t->proc->signals)
        run_handlers(t->proc);
}

bool thr_is_dead(const struct thr *t);
bool thr_is_dead(const struct thr *t)
{
    return t->dead;
}

static void thr_main(void)
{
    struct thr *t = sched.now;

    t->fn(t->arg);
    t->dead = true;
    thr_leave();
}

unsigned thr_count(const struct proc *p)
{
    unsigned n = 0;

    for (const struct thr *t = p->threads; t; t = t->next)
        n += !t->dead;
    return n;
}

/* Threads are never freed while the world lasts: events may still name them. */
struct thr *thr_start(struct proc *p, void *(*fn)(void *), void *arg)
{
    struct thr *t = calloc(1, sizeof *t);

    t->proc = p;
    t->fn = fn;
    t->arg = arg;
    t->until.at_us = t->queued.at_us = NEVER;
    t->stack = stack_take();
    ctx_make(&t->ctx, t->stack, STACK, thr_main);
    t->next = p->threads;
    p->threads = t;
    thr_wake(t);
    return t;
}

/* ---- programs: their variables at load ---- */

struct image {
    char *at;
    size_t n;
    char *copy;
    struct image *next;
};

static int note_module(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct program *g = arg;
    uintptr_t fn = (uintptr_t) g->main, lo = 0, hi = 0;
    bool mine = false;

    (void) size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + h->p_vaddr;

        if (h->p_type == PT_LOAD && fn >= at && fn < at + h->p_memsz)
            mine = true;
        if (h->p_type == PT_GNU_RELRO) {
            lo = at;
            hi = (at + h->p_memsz + 4095) & ~(uintptr_t) 4095;
        }
    }
    for (int i = 0; mine && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + h->p_vaddr, end = at + h->p_memsz;
        struct image *m;

        if (h->p_type != PT_LOAD || !(h->p_flags & PF_W))
            continue;
        if (at >= lo && at < hi)
            at = hi;
        if (at >= end)
            continue;
        m = malloc(sizeof *m);
        *m = (struct image){(char *) at, end - at, malloc(end - at), g->image};
        memcpy(m->copy, m->at, m->n);
        g->image = m;
    }
    return mine;
}

void program_load(struct program *g)
{
    if (g->single && !g->image)
        dl_iterate_phdr(note_module, g);
}

static void program_restore(const struct program *g)
{
    for (const struct image *m = g->image; m; m = m->next)
        memcpy(m->at, m->copy, m->n);
}

/* ---- processes ---- */

struct object {
    void *object;
    void (*end)(void *object);
    struct object *next;
};

void proc_object(struct proc *p, void *object, void (*end)(void *object))
{
    struct object *o = malloc(sizeof *o);

    *o = (struct object){object, end, p->objects};
    p->objects = o;
}

void proc_object_ended(struct proc *p, void *object)
{
    for (struct object **at = (struct object **) &p->objects; *at; at = &(*at)->next) {
        struct object *o = *at;

        if (o->object != object)
            continue;
        *at = o->next;
        free(o);
        return;
    }
}

static void *proc_main(void *arg)
{
    struct proc *p = arg;
    int argc = 0;

    while (p->program->argv[argc])
        argc++;
    optind = 0;
    proc_exit(p->program->main(argc, p->program->argv));
}

struct proc *proc_start(struct program *g)
{
    struct proc *p = NULL;

    for (int i = 0; i < PROCS_MAX && !p; i++)
        if (!W.procs[i].alive && !W.procs[i].threads)
            p = &W.procs[i];
    if (!p)
        abort();
    char *base = p->heap.base;
    *p = (struct proc){.program = g, .pid = W.next_pid++, .index = (int) (p - W.procs), .alive = true, .fd_limit = FDS_MAX};
    p->heap.base = base;
    p->started_us = p->turns_at_us = W.now_us;
    heap_init(p);
    program_restore(g);
    say("%s[%d] starts", g->name, p->pid);
    thr_start(p, proc_main, p);
    return p;
}

static void threads_drop(struct proc *p)
{
    struct thr *t, *next;

    for (t = p->threads; t; t = next) {
        next = t->next;
        t->dead = true;
        t->blocked = false;
        if (t != sched.now) {
            stack_give(t->stack);
            t->stack = NULL;
        }
    }
    p->threads = NULL;
}

static void proc_end(struct proc *p, const char *how)
{
    if (!p->alive)
        return;
    p->alive = false;
    p->ended_us = W.now_us;
    say("%s[%d] %s %d", p->program->name, p->pid, how, p->exit_code);
    while (p->objects) {
        struct object *o = p->objects;

        p->objects = o->next;
        o->end(o->object);
        free(o);
    }
    for (int i = 0; i < FDS_MAX; i++)
        fd_close(p, i);
    if (W.on_exit)
        W.on_exit(p);
    threads_drop(p);
    heap_drop(p);
}

/* Only the leaving thread's own stack is still needed, until it has switched away. */
void proc_exit(int code)
{
    struct thr *t = sched.now;

    t->proc->exit_code = code;
    proc_end(t->proc, "ends with");
    t->dead = true;
    thr_leave();
    abort();
}

void proc_kill(struct proc *p)
{
    p->exit_code = 137;
    proc_end(p, "is killed,");
}

void proc_signal(struct proc *p, int number)
{
    if (!p->alive)
        return;
    if (number == SIGTERM && !p->term_at_us)
        p->term_at_us = W.now_us;
    say("%s[%d] gets signal %d", p->program->name, p->pid, number);
    if (p->watches[number].handler == SIG_IGN)
        return;
    if (!p->watches[number].deliver && !p->watches[number].handler) {
        p->exit_code = 128 + number;
        proc_end(p, "dies of the signal,");
        return;
    }
    p->signals |= 1u << number;
    proc_wake(p);
}

/* Handlers of sigaction() run before anything else of the process; such as the one that ends it when it is overdue. */
static void run_handlers(struct proc *p)
{
    for (int n = 1; n < 32; n++) {
        if (!(p->signals & 1u << n) || !p->watches[n].handler || p->watches[n].deliver)
            continue;
        p->signals &= ~(1u << n);
        if (p->watches[n].handler != SIG_IGN)
            p->watches[n].handler(n); /* _exit() is all that it may do: it leaves through sched.now */
    }
}

static void count_turn(struct proc *p)
{
    if (W.now_us - p->turns_at_us >= SECOND) {
        p->turns_at_us = W.now_us;
        p->turns_since = 0;
    }
    p->turns++;
    if (++p->turns_since > TURNS_A_SECOND_MAX)
        broken("%s[%d] never rests: over %d turns within a second", p->program->name, p->pid, TURNS_A_SECOND_MAX);
}

static void run_thread(struct thr *t)
{
    if (t->dead)
        return;
    count_turn(t->proc);
    sched.now = t;
    ctx_switch(&sched.main, &t->ctx);
    sched.now = NULL;
    if (t->dead && t->stack) {
        struct thr **at = &t->proc->threads;

        while (*at && *at != t)
            at = &(*at)->next;
        if (*at)
            *at = t->next;
        stack_give(t->stack);
        t->stack = NULL;
    }
}

int64_t wall_now_us(void)
{
    return (int64_t) W.now_us + W.wall_us;
}

void world_init(uint64_t seed)
{
    W.seed = seed;
    W.rng.s = seed;
    W.next_pid = 100;
    W.hash = 14695981039346656037ull;
    W.wall_us = INT64_C(1764000000) * 1000000;
}

void world_run(uint64_t until_us)
{
    struct thr *t;

    while (!W.failed && W.now_us < until_us) {
        while (!W.failed && (t = ready_pop())) {
            W.step++;
            run_thread(t);
            W.now_us += TURN_US;
            while (events.n > 0 && events.at[0].at_us <= W.now_us) {
                struct event e = event_pop();

                e.fn(e.arg, e.n);
            }
        }
        if (W.failed)
            break;
        if (events.n == 0 || events.at[0].at_us > until_us) {
            W.now_us = until_us;
            break;
        }
        struct event e = event_pop();

        if (e.at_us > W.now_us)
            W.now_us = e.at_us;
        W.step++;
        e.fn(e.arg, e.n);
    }
}

/* ---- what is told ---- */

static void keep_line(const char *line)
{
    for (const char *p = line; *p; p++)
        W.hash = (W.hash ^ (uint8_t) *p) * 1099511628211ull;
    snprintf(W.last[W.n_last++ % LAST_LINES], LINE_ROOM, "%s", line);
    if (W.trace)
        puts(line);
}

void say(const char *fmt, ...)
{
    char line[LINE_ROOM];
    va_list ap;
    int n;

    if (W.silent)
        return;
    n = snprintf(line, sizeof line, "%6llu.%06llu ", (unsigned long long) (W.now_us / SECOND),
                 (unsigned long long) (W.now_us % SECOND));
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof line - (size_t) n, fmt, ap);
    va_end(ap);
    keep_line(line);
}

void broken(const char *fmt, ...)
{
    va_list ap;

    if (W.failed)
        return;
    W.failed = true;
    va_start(ap, fmt);
    vsnprintf(W.promise, sizeof W.promise, fmt, ap);
    va_end(ap);
    say("BROKEN: %s", W.promise);
}
