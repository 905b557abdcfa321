/* SPDX-License-Identifier: MIT */
/* Time, chance, and what a process is and does to itself and to others. */
#include "tests/world/kernel/calls/wrap.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>
#include "tests/world/kernel/calls.h"
#include "tests/world/kernel/kernel.h"

uint64_t booted_us;
bool clock_synced = true;

uint64_t monotonic_us(void)
{
    return W.now_us - booted_us + 12 * SECOND;
}

WRAP(int, clock_gettime, clockid_t id, struct timespec *ts)
{
    int64_t us = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? wall_now_us() : (int64_t) monotonic_us();

    *ts = (struct timespec){us / 1000000, us % 1000000 * 1000};
    return 0;
}

WRAP(time_t, time, time_t *out)
{
    time_t t = (time_t) (wall_now_us() / 1000000);

    if (out)
        *out = t;
    return t;
}

WRAP(void, tzset, void)
{
}

WRAP(int, adjtimex, struct timex *t)
{
    t->status = clock_synced ? 0 : STA_UNSYNC;
    return clock_synced ? TIME_OK : TIME_ERROR;
}

int get_random(void *p, size_t n)
{
    uint8_t *at = p;

    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t) rng_next(&W.rng);
    return 0;
}

WRAP(ssize_t, getrandom, void *p, size_t n, unsigned flags)
{
    (void) flags;
    get_random(p, n);
    return (ssize_t) n;
}

static void on_alarm(void *arg, uint64_t pid)
{
    struct proc *p = arg;

    if (!p->alive || (uint64_t) p->pid != pid)
        return;
    p->overdue = true;
    proc_signal(p, SIGALRM);
}

WRAP(int, setitimer, int which, const struct itimerval *v, struct itimerval *old)
{
    struct proc *p = proc_now();

    (void) which;
    (void) old;
    after((uint64_t) v->it_value.tv_sec * SECOND + (uint64_t) v->it_value.tv_usec, on_alarm, p, (uint64_t) p->pid);
    return 0;
}

/* ---- the process ---- */

WRAP(void, _exit, int code)
{
    proc_exit(code);
}

WRAP(void, exit, int code)
{
    proc_exit(code);
}

WRAP(int, sigaction, int n, const struct sigaction *act, struct sigaction *old)
{
    if (old)
        memset(old, 0, sizeof *old);
    if (act)
        proc_now()->watches[n].handler = act->sa_handler;
    return 0;
}

WRAP(sighandler_t, signal, int n, sighandler_t fn)
{
    proc_now()->watches[n].handler = fn;
    return SIG_DFL;
}

WRAP(int, sigprocmask, int how, const sigset_t *set, sigset_t *old)
{
    (void) how;
    (void) set;
    if (old)
        sigemptyset(old);
    return 0;
}

WRAP(int, pthread_sigmask, int how, const sigset_t *set, sigset_t *old)
{
    return __wrap_sigprocmask(how, set, old);
}

#define NUMBER(type, name, value)                                                                                                \
    WRAP(type, name, void)                                                                                                       \
    {                                                                                                                            \
        return (type) (value);                                                                                                   \
    }
NUMBER(pid_t, getpid, proc_now()->pid)
NUMBER(uid_t, getuid, proc_now()->program->uid)
NUMBER(uid_t, geteuid, proc_now()->program->uid)
NUMBER(gid_t, getgid, proc_now()->program->uid)
NUMBER(gid_t, getegid, proc_now()->program->uid)
NUMBER(pid_t, setsid, 1)
NUMBER(pid_t, fork, done(-ENOSYS))

int uv_hook_kill(int pid, int number); /* of uv/spawn.c */

WRAP(int, kill, pid_t pid, int number)
{
    return (int) done(uv_hook_kill(pid < 0 ? -pid : pid, number));
}

WRAP(pid_t, waitpid, pid_t pid, int *status, int options)
{
    (void) pid;
    (void) status;
    (void) options;
    return (pid_t) done(-ECHILD);
}

WRAP(char *, getenv, const char *name)
{
    const char *const *env = proc_now()->program->env;
    size_t n = strlen(name);

    for (; env && *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return (char *) *env + n + 1;
    return NULL;
}

WRAP(int, unsetenv, const char *name)
{
    (void) name;
    return 0;
}

WRAP(int, getrlimit64, int what, struct rlimit *l)
{
    *l = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
    if (what == RLIMIT_NOFILE)
        l->rlim_cur = l->rlim_max = proc_now()->fd_limit;
    return 0;
}

WRAP(int, setrlimit64, int what, const struct rlimit *l)
{
    (void) what;
    (void) l;
    return 0;
}

WRAP(int, getrlimit, int what, struct rlimit *l)
{
    return __wrap_getrlimit64(what, l);
}

WRAP(int, setrlimit, int what, const struct rlimit *l)
{
    return __wrap_setrlimit64(what, l);
}

WRAP(void *, dlopen, const char *name, int flags)
{
    (void) name;
    (void) flags;
    return NULL;
}

WRAP(mode_t, umask, mode_t mask)
{
    (void) mask;
    return 022;
}
