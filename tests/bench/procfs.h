/* SPDX-License-Identifier: MIT */
/* What the kernel counts for another process. */
#ifndef BENCH_PROCFS_H
#define BENCH_PROCFS_H

#include <stdio.h>
#include <string.h>
#include <sys/types.h>

/* Nanoseconds on a CPU, main thread; 0 when the kernel does not tell. */
static inline double procfs_cpu_ns(pid_t pid)
{
    unsigned long long ns = 0;
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/schedstat", (int) pid);
    f = fopen(path, "r");
    if (f) {
        if (fscanf(f, "%llu", &ns) != 1)
            ns = 0;
        fclose(f);
    }
    return (double) ns;
}

/* A number of /proc/PID/status: "VmHWM:" and "VmRSS:" in KiB, "voluntary_ctxt_switches:". */
static inline long procfs_status(pid_t pid, const char *field)
{
    char path[64], line[256];
    long v = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int) pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0)
            sscanf(line + strlen(field), "%ld", &v);
    if (f)
        fclose(f);
    return v;
}

#endif
