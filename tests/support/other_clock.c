/* SPDX-License-Identifier: MIT */
/* Loaded before the C library: the device's clock is off by OTHER_CLOCK_S seconds, or stands at the start of 1970 ("unset"). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

typedef int gettimeofday_fn(struct timeval *, void *);

__attribute__((visibility("default"))) int gettimeofday(struct timeval *tv, void *zone)
{
    const char *off = getenv("OTHER_CLOCK_S");
    int r = ((gettimeofday_fn *) dlsym(RTLD_NEXT, "gettimeofday"))(tv, zone);

    if (r == 0 && off && strcmp(off, "unset") == 0)
        tv->tv_sec = 77;
    else if (r == 0 && off)
        tv->tv_sec += atol(off);
    return r;
}
