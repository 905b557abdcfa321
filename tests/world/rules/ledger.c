/* SPDX-License-Identifier: MIT */
#include "tests/world/rules/ledger.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "tests/world/scene.h"

enum { ROWS = 160, NAME_ROOM = 48, SAYS_WITHIN_MS = 1000, FIRST_S = 30, LONGEST_S = 900 };

/* Names are apart by spaces; what does not stand in a list of counters is 0. */
static const struct sum {
    unsigned program;
    const char *what, *came, *went;
} SUMS[] = {
    {AGENT, "requests that were passed on", "requests",
     "request_answers request_answers_lost request_timeouts requests_cut orphaned_requests requests_open"},
    {AGENT, "commands that were handed out", "commands commands_waited_orphaned",
     "commands_without_id command_answers answers_upstream_busy command_answers_lost command_timeouts subscriber_gone "
     "orphaned_commands commands_open"},
    {CLIENT, "datagrams from the LAN", "lan.datagrams",
     "lan.hellos lan.requests lan.repeats lan.dropped.magic lan.dropped.length lan.dropped.checksum lan.dropped.padding "
     "lan.dropped.did lan.dropped.stamp lan.dropped.text lan.dropped.full lan.dropped.replayed lan.dropped.narrowed "
     "lan.dropped.no_token lan.dropped.memory"},
    {CLIENT, "commands", "command.started",
     "command.answered command.timed_out command.nobody command.refused command.silent command.no_memory command.open"},
    {CLIENT, "requests and reports of applications", "uplink.submitted",
     "uplink.acked uplink.failed uplink.timed_out uplink.refused uplink.no_memory uplink.open"},
    {CLIENT, "kept reports", "spool.kept spool.restored",
     "spool.acked spool.replaced spool.dropped.old spool.dropped.full spool.dropped.refused spool.dropped.unreadable "
     "spool.dropped.owner spool.unwritten spool.waiting"},
};

static struct book {
    uint64_t asked_us;
    int pid; /* of the run that was asked; 0: none is */
    bool said;
    unsigned n;
    struct {
        char name[NAME_ROOM];
        uint64_t n;
    } rows[ROWS];
} books[FIRST_APP];

static struct rng chance;

static void note(struct book *b, const char *name, uint64_t n)
{
    if (b->n == ROWS)
        broken("a daemon has more counters than the ledger has rows");
    else {
        snprintf(b->rows[b->n].name, NAME_ROOM, "%s", name);
        b->rows[b->n++].n = n;
    }
}

bool ledger_takes(const struct proc *p, const char *line)
{
    const char *text = strstr(line, "] [INFO] ");
    struct book *b = NULL;
    unsigned requests, commands;
    unsigned long long n;
    char name[NAME_ROOM];
    int len = 0;

    for (unsigned i = 0; i < FIRST_APP; i++)
        if (p == scene.procs[i] && books[i].pid == p->pid)
            b = &books[i];
    if (!b || !text)
        return false;
    text += strlen("] [INFO] ");
    if (strncmp(text, "state", 5) == 0) {
        b->said = true;
        text = strstr(text, "keys, ");
        if (text && sscanf(text, "keys, %u requests and %u commands open", &requests, &commands) == 2) {
            note(b, "requests_open", requests);
            note(b, "commands_open", commands);
        }
        return true;
    }
    if (sscanf(text, "  %47s %llu%n", name, &n, &len) != 2 || text[len] != '\0' || strncmp(text, "  ", 2) != 0)
        return false;
    note(b, name, n);
    return true;
}

static uint64_t value_of(const struct book *b, const char *name, size_t n)
{
    for (unsigned i = 0; i < b->n; i++)
        if (strlen(b->rows[i].name) == n && strncmp(b->rows[i].name, name, n) == 0)
            return b->rows[i].n;
    return 0;
}

/* Says each part of it, too, when that is wanted. */
static uint64_t sum_of(const struct book *b, const char *names, bool aloud)
{
    uint64_t all = 0;

    for (size_t n; *names; names += n + (names[n] == ' ')) {
        n = strcspn(names, " ");
        all += value_of(b, names, n);
        if (aloud && value_of(b, names, n) > 0)
            say("  %.*s %llu", (int) n, names, (unsigned long long) value_of(b, names, n));
    }
    return all;
}

static void look_at(const struct book *b, const struct sum *s)
{
    uint64_t came = sum_of(b, s->came, false), went = sum_of(b, s->went, false);

    if (came == went)
        return;
    sum_of(b, s->came, true);
    sum_of(b, s->went, true);
    broken("%s counts %llu %s, and knows what became of %llu", scene.programs[s->program].name, (unsigned long long) came,
           s->what, (unsigned long long) went);
}

static void add_up(void *arg, uint64_t i)
{
    struct book *b = arg;
    const struct proc *p = scene.procs[i];

    if (runs((unsigned) i) && p->pid == b->pid && !p->term_at_us && !b->said)
        broken("%s[%d] was asked for its counters and has said nothing for %d ms", p->program->name, p->pid, SAYS_WITHIN_MS);
    for (size_t k = 0; b->said && k < sizeof SUMS / sizeof SUMS[0]; k++)
        if (SUMS[k].program == i)
            look_at(b, &SUMS[k]);
    b->pid = 0;
}

static void ask(void *arg, uint64_t i)
{
    struct book *b = arg;
    struct proc *p = scene.procs[i];

    if (scene.over)
        return;
    after(rng_between(&chance, FIRST_S, LONGEST_S) * SECOND, ask, b, i);
    if (!runs((unsigned) i) || p->term_at_us || !p->watches[SIGUSR1].deliver)
        return;
    *b = (struct book){.pid = p->pid, .asked_us = W.now_us};
    proc_signal(p, SIGUSR1);
    after(SAYS_WITHIN_MS * MS, add_up, b, i);
}

void ledger_begin(void)
{
    chance.s = W.seed ^ 0x1ed6e8;
    for (unsigned i = 0; i < FIRST_APP; i++)
        after(rng_between(&chance, FIRST_S, LONGEST_S) * SECOND, ask, &books[i], i);
}
