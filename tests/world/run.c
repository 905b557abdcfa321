/* SPDX-License-Identifier: MIT */
/*
 * world_run [--seed N] [--count M] [--hours H] [--trace] [--shrink] [--twice] [--width W] [--failing-disks] [--first]
 * [--table FILE]: seeds N to N+M-1, each in a process of its own; of a table, first its rows "SEED HOURS
 * WIDTH[,failing-disks]  what it found".
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/world/kernel/kernel.h"
#include "tests/world/world.h"

struct result {
    bool done, failed;
    char promise[512];
    uint64_t step, hash, now_us;
    char last[LAST_LINES][LINE_ROOM];
    unsigned n_last;
    struct world_sums sums;
};

static struct result *shared;

/* A program that spins between two calls stops the clock: no rule sees it, the kernel does. */
enum { PROCESSOR_S = 600 };

enum lines { SILENT, KEPT, PRINTED };

static void one(uint64_t seed, uint64_t hours, const struct plan *p, const bool *left_out, enum lines lines)
{
    pid_t child;
    int status;

    memset(shared, 0, sizeof *shared);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CPU, &(struct rlimit){PROCESSOR_S, PROCESSOR_S});
        W.trace = lines == PRINTED;
        W.silent = lines == SILENT;
        world_live(seed, hours, p, left_out);
        shared->failed = W.failed;
        memcpy(shared->promise, W.promise, sizeof W.promise);
        shared->step = W.step;
        shared->hash = W.hash;
        shared->now_us = W.now_us;
        memcpy(shared->last, W.last, sizeof W.last);
        shared->n_last = W.n_last;
        shared->sums = sums;
        shared->done = true;
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, &status, 0);
    if (!shared->done) {
        shared->failed = true;
        snprintf(shared->promise, sizeof shared->promise, "the world ended with status %d: a program crashed%s", status,
                 WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? " or spins" : "");
    }
}

static void tell(uint64_t seed, uint64_t hours, const struct plan *p, const bool *left_out)
{
    unsigned n = shared->n_last < LAST_LINES ? shared->n_last : LAST_LINES;

    printf("seed %llu, step %llu: %s\n", (unsigned long long) seed, (unsigned long long) shared->step, shared->promise);
    for (unsigned i = 0; i < n; i++)
        printf("  %s\n", shared->last[(shared->n_last - n + i) % LAST_LINES]);
    for (unsigned i = 0; i < p->n; i++)
        if (!left_out[i] && p->at[i].at_us <= shared->now_us)
            printf("  fault %u at %llu.%06llu s: %s %d for %llu s\n", i, (unsigned long long) (p->at[i].at_us / SECOND),
                   (unsigned long long) (p->at[i].at_us % SECOND), fault_name(p->at[i].kind), p->at[i].arg,
                   (unsigned long long) (p->at[i].lasts_us / SECOND));
    printf("  again: world_run --seed %llu --hours %llu --width %d%s --trace\n", (unsigned long long) seed,
           (unsigned long long) hours, p->breadth.width, p->breadth.failing_disks ? " --failing-disks" : "");
}

/* The same words, whatever their numbers are. */
static bool is_same(const char *a, const char *b)
{
    for (;;) {
        a += strspn(a, "0123456789");
        b += strspn(b, "0123456789");
        if (*a != *b || !*a)
            return *a == *b;
        a++;
        b++;
    }
}

/* Leaves out what the failure does not need: halves first, then smaller pieces. */
static void shrink(uint64_t seed, uint64_t hours, const struct plan *p, bool *left_out)
{
    char promise[sizeof shared->promise];

    memcpy(promise, shared->promise, sizeof promise);
    for (unsigned piece = p->n / 2 + 1; piece > 0; piece = piece == 1 ? 0 : (piece + 1) / 2)
        for (unsigned at = 0; at < p->n; at += piece) {
            bool before[FAULTS_MAX], any = false;

            memcpy(before, left_out, sizeof before);
            for (unsigned i = at; i < at + piece && i < p->n; i++) {
                any = any || !left_out[i];
                left_out[i] = true;
            }
            if (!any)
                continue;
            one(seed, hours, p, left_out, SILENT);
            if (!shared->failed || !is_same(promise, shared->promise))
                memcpy(left_out, before, sizeof before);
        }
    one(seed, hours, p, left_out, KEPT);
}

/* Once more, for its lines. */
static void again(uint64_t seed, uint64_t hours, const struct plan *p, const bool *left_out)
{
    char promise[sizeof shared->promise];

    memcpy(promise, shared->promise, sizeof promise);
    one(seed, hours, p, left_out, KEPT);
    if (strcmp(promise, shared->promise) != 0)
        printf("seed %llu: two runs, two ends, the first: %s\n", (unsigned long long) seed, promise);
}

struct totals {
    uint64_t n, hours, bad;
    struct world_sums sums;
};

struct wishes {
    bool trace, shrinks, twice, first; /* first: the others need not be looked at */
    struct breadth breadth;
};

static void add_up(struct totals *t, uint64_t hours)
{
    t->n++;
    t->hours += hours;
    t->sums.commands += shared->sums.commands;
    t->sums.answers += shared->sums.answers;
    t->sums.reports += shared->sums.reports;
    t->sums.arrived += shared->sums.arrived;
    t->sums.kills += shared->sums.kills;
    t->sums.power_cuts += shared->sums.power_cuts;
}

static void try_seed(uint64_t seed, uint64_t hours, const struct wishes *wish, struct totals *t)
{
    static struct plan plan;
    static bool left_out[FAULTS_MAX];
    enum lines lines = wish->trace ? PRINTED : wish->twice ? KEPT : SILENT;
    uint64_t hash;

    memset(left_out, 0, sizeof left_out);
    plan_make(&plan, seed, hours, &wish->breadth);
    one(seed, hours, &plan, left_out, lines);
    hash = shared->hash;
    add_up(t, hours);
    if (wish->twice && !shared->failed) {
        one(seed, hours, &plan, left_out, KEPT);
        if (shared->hash != hash) {
            printf("seed %llu: two runs, two traces\n", (unsigned long long) seed);
            t->bad++;
        }
    }
    if (!shared->failed)
        return;
    t->bad++;
    if (wish->shrinks)
        shrink(seed, hours, &plan, left_out);
    else if (lines == SILENT && shared->done)
        again(seed, hours, &plan, left_out);
    tell(seed, hours, &plan, left_out);
}

static bool try_table(const char *path, struct wishes wish, struct totals *t)
{
    char line[512], words[32];
    unsigned long long seed, hours;
    FILE *f = fopen(path, "r");

    if (!f) {
        perror(path);
        return false;
    }
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "%llu %llu %31s", &seed, &hours, words) == 3) {
            wish.breadth = (struct breadth){atoi(words), strstr(words, "failing-disks")};
            try_seed(seed, hours, &wish, t);
        }
    fclose(f);
    return true;
}

/* Of the worlds, each of which is a process. */
static double processor_s(void)
{
    struct rusage r;

    getrusage(RUSAGE_CHILDREN, &r);
    return (double) (r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double) (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void sum_up(const struct totals *t, double s)
{
    printf("%llu seeds, %llu device-hours, %llu broken; %.0f device-hours a minute, %.0f a minute of one core; "
           "%llu commands, %llu answers, %llu of %llu reports arrived, %llu kills, %llu power cuts\n",
           (unsigned long long) t->n, (unsigned long long) t->hours, (unsigned long long) t->bad, (double) t->hours / s * 60,
           (double) t->hours / processor_s() * 60, (unsigned long long) t->sums.commands, (unsigned long long) t->sums.answers,
           (unsigned long long) t->sums.arrived, (unsigned long long) t->sums.reports, (unsigned long long) t->sums.kills,
           (unsigned long long) t->sums.power_cuts);
}

static int usage(const char *name)
{
    fprintf(stderr,
            "usage: %s [--seed N] [--count M] [--hours H] [--trace] [--shrink] [--twice] [--width W] [--failing-disks] [--first] "
            "[--table FILE]\n",
            name);
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, count = 1, hours = 6;
    struct wishes wish = {.breadth.width = WIDTH_NOW};
    struct totals t = {0};
    const char *table = NULL;
    struct timespec t0, t1;

    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;

        if (strcmp(argv[i], "--trace") == 0)
            wish.trace = true;
        else if (strcmp(argv[i], "--shrink") == 0)
            wish.shrinks = true;
        else if (strcmp(argv[i], "--twice") == 0)
            wish.twice = true;
        else if (strcmp(argv[i], "--first") == 0)
            wish.first = true;
        else if (strcmp(argv[i], "--failing-disks") == 0)
            wish.breadth.failing_disks = true;
        else if (more && strcmp(argv[i], "--width") == 0)
            wish.breadth.width = atoi(argv[++i]);
        else if (more && strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[++i], NULL, 10);
        else if (more && strcmp(argv[i], "--count") == 0)
            count = strtoull(argv[++i], NULL, 10);
        else if (more && strcmp(argv[i], "--hours") == 0)
            hours = strtoull(argv[++i], NULL, 10);
        else if (more && strcmp(argv[i], "--table") == 0)
            table = argv[++i];
        else
            return usage(argv[0]);
    }
    setenv("TZ", "UTC", 1);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    clock_gettime(CLOCK_MONOTONIC, &t0);
    if (table && !try_table(table, wish, &t))
        return 2;
    for (uint64_t i = seed; i < seed + count && !(wish.first && t.bad); i++)
        try_seed(i, hours, &wish, &t);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    sum_up(&t, (double) (t1.tv_sec - t0.tv_sec) + (double) (t1.tv_nsec - t0.tv_nsec) / 1e9);
    return t.bad > 0;
}
