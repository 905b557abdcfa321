/* SPDX-License-Identifier: MIT */
#include "client/device/io/heap.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>

enum { LARGE = 128 * 1024, STACK = 512 * 1024, USUAL_STACK = 16 * STACK, THREADS_MAX = 5 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { ROOM_IS_NEEDED = 1 };
#else
enum { ROOM_IS_NEEDED = 0 };
#endif

static void set_soft(int what, rlim_t soft)
{
    struct rlimit l;

    if (getrlimit(what, &l) < 0)
        return;
    l.rlim_cur = soft < l.rlim_max ? soft : l.rlim_max;
    setrlimit(what, &l);
}

/* libuv's threads have stacks of the soft limit, others those of the default attributes. */
static void settle_stacks(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_STACK, &l) < 0 || l.rlim_cur <= STACK)
        return;
    set_soft(RLIMIT_STACK, STACK);
#ifdef __GLIBC__
    pthread_attr_t attr;

    if (pthread_attr_init(&attr) != 0)
        return;
    if (pthread_attr_setstacksize(&attr, STACK) == 0)
        pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
#endif
}

void heap_settle(void)
{
#ifdef M_MMAP_THRESHOLD /* glibc; others give back at once */
    mallopt(M_MMAP_THRESHOLD, LARGE);
    mallopt(M_TRIM_THRESHOLD, LARGE);
#endif
    if (!ROOM_IS_NEEDED)
        settle_stacks();
}

void heap_give_back(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

/* What the kernel counts against RLIMIT_DATA; 0: unknown. */
static size_t data_now(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    unsigned long kb = 0;
    char line[128];

    while (f && kb == 0 && fgets(line, sizeof line, f))
        if (sscanf(line, "VmData: %lu kB", &kb) != 1)
            kb = 0;
    if (f)
        fclose(f);
    return kb * 1024;
}

void heap_set_roof(size_t more)
{
    size_t now = data_now();
    rlim_t roof = now + more + (size_t) THREADS_MAX * STACK;
    struct rlimit l;

    if (!ROOM_IS_NEEDED && now > 0 && getrlimit(RLIMIT_DATA, &l) == 0 && l.rlim_cur > roof)
        set_soft(RLIMIT_DATA, roof);
}

struct heap_limits heap_lift_roof(void)
{
    struct heap_limits now;

    getrlimit(RLIMIT_DATA, &now.data);
    getrlimit(RLIMIT_STACK, &now.stack);
    set_soft(RLIMIT_DATA, now.data.rlim_max);
    set_soft(RLIMIT_STACK, now.stack.rlim_cur > USUAL_STACK ? now.stack.rlim_cur : USUAL_STACK);
    return now;
}

void heap_restore_roof(const struct heap_limits *limits)
{
    setrlimit(RLIMIT_DATA, &limits->data);
    setrlimit(RLIMIT_STACK, &limits->stack);
}
