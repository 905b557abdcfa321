/* SPDX-License-Identifier: MIT */
/* Loaded before the C library: the device's clock is off by OTHER_CLOCK_S seconds, or is at the start of 1970 ("unset"). A path:
   the word is in that file, and may change. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

typedef int gettimeofday_fn(struct timeval *, void *);

static const char *word(char *room, size_t n)
{
    const char *off = getenv("OTHER_CLOCK_S");
    FILE *f = off && off[0] == '/' ? fopen(off, "r") : NULL;

    if (!f)
        return off;
    if (!fgets(room, (int) n, f))
        room[0] = '\0';
    fclose(f);
    return room;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ts)
{
    char room[32];
    const char *path = getenv("OTHER_CLOCK_S");
    int r = ((int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime"))(clock, ts);

    if (r == 0 && clock == CLOCK_REALTIME && path && path[0] == '/')
        ts->tv_sec = strcmp(word(room, sizeof room), "unset") == 0 ? 77 : ts->tv_sec + atol(room);
    return r;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *tv, void *zone)
{
    char room[32];
    const char *off = word(room, sizeof room);
    int r = ((gettimeofday_fn *) dlsym(RTLD_NEXT, "gettimeofday"))(tv, zone);

    if (r == 0 && off && strcmp(off, "unset") == 0)
        tv->tv_sec = 77;
    else if (r == 0 && off)
        tv->tv_sec += atol(off);
    return r;
}
