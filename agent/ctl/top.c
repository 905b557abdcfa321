/* SPDX-License-Identifier: MIT */
/* top: applications by traffic, again and again. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "agent/ctl/ctl.h"
#include "agent/ctl/inspect.h"

enum { ROWS_MAX = 1024 };

struct row {
    double peer, in, out;     /* counters */
    double in_rate, out_rate; /* texts a second */
    double queued, commands, requests, n_keys;
    char name[32];
};

struct top {
    struct row rows[ROWS_MAX];
    size_t n;
    struct timespec at;
};

static double seconds_between(const struct timespec *a, const struct timespec *b)
{
    return (double) (b->tv_sec - a->tv_sec) + (double) (b->tv_nsec - a->tv_nsec) / 1e9;
}

static const struct row *find(const struct top *t, double peer)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].peer == peer)
            return &t->rows[i];
    return NULL;
}

static int busier(const void *pa, const void *pb)
{
    const struct row *a = pa, *b = pb;
    double x = a->in_rate + a->out_rate, y = b->in_rate + b->out_rate;

    if (x != y)
        return x < y ? 1 : -1;
    return a->peer < b->peer ? -1 : a->peer > b->peer;
}

static void take(struct top *now, const struct top *before, const cJSON *peers)
{
    const cJSON *p;
    double s;

    clock_gettime(CLOCK_MONOTONIC, &now->at);
    s = seconds_between(&before->at, &now->at);
    now->n = 0;
    cJSON_ArrayForEach(p, peers)
    {
        struct row *r = &now->rows[now->n];
        const struct row *old;

        if (now->n == ROWS_MAX)
            break;
        now->n++;
        *r = (struct row){.peer = ctl_number(p, "peer"),
                          .in = ctl_number(p, "texts_in"),
                          .out = ctl_number(p, "texts_out"),
                          .queued = ctl_number(p, "queued"),
                          .commands = ctl_number(p, "commands"),
                          .requests = ctl_number(p, "requests"),
                          .n_keys = ctl_number(p, "n_keys")};
        inspect_name(p, r->name, sizeof r->name);
        old = find(before, r->peer);
        if (old && s > 0) {
            r->in_rate = (r->in - old->in) / s;
            r->out_rate = (r->out - old->out) / s;
        }
    }
    qsort(now->rows, now->n, sizeof now->rows[0], busier);
}

static void print_json(const struct top *t)
{
    putchar('[');
    for (size_t i = 0; i < t->n; i++) {
        const struct row *r = &t->rows[i];

        printf("%s{\"peer\":%.0f,\"in_per_s\":%.1f,\"out_per_s\":%.1f,\"queued\":%.0f,\"commands\":%.0f,"
               "\"requests\":%.0f}",
               i ? "," : "", r->peer, r->in_rate, r->out_rate, r->queued, r->commands, r->requests);
    }
    puts("]");
}

static void print_table(const struct ctl *ctl, const struct top *t)
{
    if (ctl->colour)
        fputs("\033[H\033[J", stdout); /* home, clear: only where somebody watches */
    printf("%s%-5s %-16s %10s %10s %8s %5s %5s %5s%s\n", ctl_bold(ctl), "PEER", "NAME", "IN/S", "OUT/S", "QUEUED", "REQS", "CMDS",
           "KEYS", ctl_plain(ctl));
    for (size_t i = 0; i < t->n; i++) {
        const struct row *r = &t->rows[i];

        printf("%-5.0f %-16s %10.1f %10.1f %8.0f %5.0f %5.0f %5.0f\n", r->peer, r->name, r->in_rate, r->out_rate, r->queued,
               r->requests, r->commands, r->n_keys);
    }
}

/* Sleeps in the connection's loop, so that its end is noticed. */
static int sleep_ms(struct ctl *ctl, int ms)
{
    struct timespec start, now;

    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        int left;

        clock_gettime(CLOCK_MONOTONIC, &now);
        left = ms - (int) (seconds_between(&start, &now) * 1000);
        if (left <= 0 || ctl_interrupted())
            return CTL_OK;
        agent_wait(ctl->conn, left);
        agent_process(ctl->conn);
        if (agent_get_state(ctl->conn) < AGENT_CONNECTED) {
            ctl_error("the agent is gone");
            return CTL_FAILED;
        }
    }
}

static int watch(struct ctl *ctl, long count, int interval_ms)
{
    ag_cleanup(ctl_free_text) char *storage = calloc(2, sizeof(struct top));
    struct top *now = (struct top *) (void *) storage, *before = now ? now + 1 : NULL;
    int r = now ? CTL_OK : CTL_FAILED;

    for (long i = 0; r == CTL_OK && (count == 0 || i <= count) && !ctl_interrupted(); i++) {
        ag_cleanup(ctl_delete_json) cJSON *peers = NULL;
        struct top *swap = before;

        r = ctl_ask(ctl, "agent.peers", NULL, &peers);
        if (r != CTL_OK)
            break;
        take(now, before, peers);
        if (i > 0) { /* the first one only starts the counting */
            if (ctl->json)
                print_json(now);
            else
                print_table(ctl, now);
            fflush(stdout);
        }
        before = now;
        now = swap;
        if (count == 0 || i < count)
            r = sleep_ms(ctl, interval_ms);
    }
    return r;
}

int ctl_top(struct ctl *ctl, int argc, char **argv)
{
    struct pace {
        unsigned count, interval_ms;
    } pace = {.interval_ms = 1000};
    static const struct ag_option rows[] = {
        CTL_OPTION_COUNT(struct pace, count),
        {.name = "interval",
         .letter = 'i',
         .kind = AG_OPTION_NUMBER,
         AG_OPTION_FIELD(struct pace, interval_ms),
         .least = 10,
         .most = 3600000},
    };
    int r = ctl_options(rows, ag_array_size(rows), AG_WORDS_ANYWHERE, argc, argv, &pace);

    if (r != CTL_OK || optind != argc)
        return CTL_USAGE;
    r = ctl_connect(ctl);
    return r == CTL_OK ? watch(ctl, pace.count, (int) pace.interval_ms) : r;
}
