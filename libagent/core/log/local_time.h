/* SPDX-License-Identifier: MIT */
/*
 * Local time in a program that runs for years: the zone may change under it, and localtime_r() looks at it only once.
 */
#ifndef AG_LOCAL_TIME_H
#define AG_LOCAL_TIME_H

#include <time.h>

/* In the zone that holds now. */
static inline void ag_local_time(time_t at, struct tm *out)
{
    static const struct tm none;

    tzset(); /* the C library reads /etc/localtime again when that has changed */
    *out = none;
    localtime_r(&at, out);
}

#endif
