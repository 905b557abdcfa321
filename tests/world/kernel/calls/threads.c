/* SPDX-License-Identifier: MIT */
/* Threads, locks and conditions, and calls that do nothing here. */
#include "tests/world/kernel/calls/wrap.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "tests/world/kernel/calls.h"
#include "tests/world/kernel/kernel.h"

/* Its name in the programs: see world.cmake. */
int world_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    struct thr *t = thr_start(proc_now(), fn, arg);

    (void) attr;
    *out = (pthread_t) t;
    return 0;
}

bool thr_is_dead(const struct thr *t);

WRAP(int, pthread_join, pthread_t thread, void **out)
{
    (void) out;
    while (!thr_is_dead((const struct thr *) thread))
        thr_sleep(W.now_us + MS);
    return 0;
}

#define NOTHING(name, ...)                                                                                                       \
    WRAP(int, name, __VA_ARGS__)                                                                                                 \
    {                                                                                                                            \
        return 0;                                                                                                                \
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
NOTHING(pthread_detach, pthread_t t)
NOTHING(pthread_attr_init, pthread_attr_t *a)
NOTHING(pthread_attr_destroy, pthread_attr_t *a)
NOTHING(pthread_attr_setdetachstate, pthread_attr_t *a, int s)
NOTHING(pthread_attr_setstacksize, pthread_attr_t *a, size_t n)
NOTHING(pthread_setattr_default_np, const pthread_attr_t *a)
NOTHING(pthread_condattr_init, pthread_condattr_t *a)
NOTHING(pthread_condattr_destroy, pthread_condattr_t *a)
NOTHING(pthread_condattr_setclock, pthread_condattr_t *a, clockid_t c)
NOTHING(pthread_cond_init, pthread_cond_t *c, const pthread_condattr_t *a)
NOTHING(pthread_cond_destroy, pthread_cond_t *c)
NOTHING(pthread_mutex_init, pthread_mutex_t *m, const pthread_mutexattr_t *a)
NOTHING(pthread_mutex_destroy, pthread_mutex_t *m)
NOTHING(pthread_mutex_lock, pthread_mutex_t *m) /* threads leave each other the processor only where they block */
NOTHING(pthread_mutex_unlock, pthread_mutex_t *m)
NOTHING(setvbuf, FILE *f, char *b, int m, size_t n)
NOTHING(fflush, FILE *f)
NOTHING(chown, const char *path, uid_t u, gid_t g)
NOTHING(chdir, const char *path)
NOTHING(fchdir, int fd)
#pragma GCC diagnostic pop

WRAP(int, pthread_cond_signal, pthread_cond_t *c)
{
    (void) c;
    proc_wake(proc_now());
    return 0;
}

WRAP(int, pthread_cond_broadcast, pthread_cond_t *c)
{
    return __wrap_pthread_cond_signal(c);
}

WRAP(int, pthread_cond_wait, pthread_cond_t *c, pthread_mutex_t *m)
{
    (void) c;
    (void) m;
    thr_sleep(NEVER);
    return 0;
}

WRAP(int, pthread_cond_timedwait, pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    uint64_t at = (uint64_t) until->tv_sec * SECOND + (uint64_t) until->tv_nsec / 1000;

    (void) c;
    (void) m;
    thr_sleep(at > monotonic_us() ? W.now_us + at - monotonic_us() : W.now_us);
    return 0;
}

WRAP(int, pthread_once, pthread_once_t *once, void (*fn)(void))
{
    if (*once == 0) {
        *once = 1;
        fn();
    }
    return 0;
}
