/* SPDX-License-Identifier: MIT */
/*
 * The simulated machine: a virtual clock, processes that are coroutines with a heap of their own each, sockets with
 * latency and faults, and a disk of which only what was synced survives a power cut. One thread, one seed: the same seed
 * gives the same run to the byte.
 *
 * Programs are the project's own objects, linked with --wrap, so that their calls of libc come here (calls.c). Stand-ins
 * (clouds, phones) are no processes: they act in callbacks of events and of their sockets (net.h).
 */
#ifndef WORLD_KERNEL_H
#define WORLD_KERNEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tests/world/kernel/rng.h"

enum { PROCS_MAX = 96, FDS_MAX = 256, FD_FIRST = 3, LAST_LINES = 50, LINE_ROOM = 400 };

#define MS     UINT64_C(1000)
#define SECOND UINT64_C(1000000)
#define NEVER  UINT64_MAX

struct vfile;
struct proc;
struct thr;

typedef int main_fn(int argc, char **argv);

/* What a process is started from; outlives its runs. */
struct program {
    const char *name;
    main_fn *main;
    bool single; /* at most one run at a time: its variables are put back to their first values at each start */
    void *image; /* of them, at load; kernel's own */
    char **argv;
    const char *const *env; /* "NAME=value", ended by NULL; may be NULL */
    int uid;
    void *user;
};

struct signal_watch {
    void (*deliver)(void *handle, int number); /* of libuv's handle; NULL: sigaction() */
    void (*handler)(int number);
};

struct proc {
    struct program *program;
    int pid, index;
    bool alive, exiting;
    int exit_code;
    bool overdue;                              /* its alarm went off */
    uint64_t started_us, ended_us, term_at_us; /* SIGTERM was sent; 0: not */
    struct thr *threads;
    struct vfile *fds[FDS_MAX];
    unsigned fd_limit;
    struct { /* heap.c */
        char *base, *top;
        void *free[128];
        size_t used, peak;
        uint64_t n_allocs, n_live; /* n_live: not given back */
    } heap;
    uint64_t fail_alloc_in; /* countdown to an allocation that fails; 0: none */
    unsigned fail_allocs;   /* how many fail then */
    uint32_t signals;       /* pending, bit per number */
    struct signal_watch watches[32];
    void (*on_signal)(struct proc *p);        /* a loop looks at signals when it is woken */
    uint64_t turns, turns_at_us, turns_since; /* a process that never rests is found by these */
    uint64_t log_minute, log_lines;           /* printed in this minute */
    uint64_t io_faults;                       /* ppm of reads and writes that are cut short */
    void *objects;                            /* of the simulated libraries, ended with the process; see proc_object() */
};

struct world {
    uint64_t seed;
    struct rng rng;  /* the machine's own chances */
    uint64_t now_us; /* monotonic, since the world began */
    int64_t wall_us; /* wall clock minus now_us */
    uint64_t step;
    struct proc procs[PROCS_MAX];
    int next_pid;
    bool trace;  /* print every line */
    bool silent; /* nobody reads the lines */
    bool failed;
    char promise[512]; /* the one that was broken */
    uint64_t hash;     /* of all lines of the trace */
    char last[LAST_LINES][LINE_ROOM];
    unsigned n_last;
    void (*on_exit)(struct proc *p);                   /* told when a process has ended, however */
    void (*on_line)(struct proc *p, const char *line); /* of its standard output or error */
};
extern struct world W;

/* ---- time ---- */

typedef void event_fn(void *arg, uint64_t n);
/* Calls fn after us. Never cancelled: fn looks whether it is still wanted. */
void after(uint64_t us, event_fn *fn, void *arg, uint64_t n);
void world_init(uint64_t seed);
void world_run(uint64_t until_us);
int64_t wall_now_us(void);

/* ---- processes ---- */

void program_load(struct program *g);
struct proc *proc_start(struct program *g);
void proc_kill(struct proc *p); /* -9 */
void proc_signal(struct proc *p, int number);
void proc_wake(struct proc *p);
struct proc *proc_now(void); /* the one whose code runs; NULL: none */
void proc_exit(int code) __attribute__((noreturn));
/* An object of a simulated library that must go when the process is killed. */
void proc_object(struct proc *p, void *object, void (*end)(void *object));
void proc_object_ended(struct proc *p, void *object);

struct thr *thr_now(void);
unsigned thr_count(const struct proc *p); /* those that have not ended */
struct thr *thr_start(struct proc *p, void *(*fn)(void *), void *arg);
/* Blocks the thread that runs until it is woken or the time has come. */
void thr_sleep(uint64_t until_us);
void thr_wake(struct thr *t);

/* ---- memory ---- */

void heap_init(struct proc *p);
void heap_drop(struct proc *p);
void *heap_alloc(struct proc *p, size_t n, bool zero);
void *heap_realloc(struct proc *p, void *at, size_t n);
bool heap_owns(const void *at);
void heap_free(void *at);
/* Says what has not been given back. */
void heap_tell(const struct proc *p);

/* ---- what is told ---- */

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A promise is broken: the run ends. */
void broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
