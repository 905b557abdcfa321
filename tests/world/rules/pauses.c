/* SPDX-License-Identifier: MIT */
#include "tests/world/rules/pauses.h"

#include <stdlib.h>
#include <string.h>
#include "tests/world/app.h"
#include "tests/world/kernel/net.h"
#include "tests/world/scene.h"

enum {
    LINES = 256,
    APP_LASTS_S = 1,
    AGENT_LASTS_S = 5,
    CLOUD_LASTS_S = 30,
    FRESH_S = 100 /* two tries, each with a mute resolver */
};

/*
 * Which lines are looked at. A pause doubles until it is the longest, and is shortened by chance: by a quarter at most, that of
 * applications by a half.
 */
static const struct kind {
    const char *to;
    uint64_t least_at_last_ms;
    unsigned grows_percent, lasted_s; /* lasted_s: a session of so long has shown that all is well */
} KINDS[] = {
    {"the agent's socket", 2500, 100, APP_LASTS_S},
    {"the client's port", 1500, 140, AGENT_LASTS_S},
    {"ot", 45000, 140, CLOUD_LASTS_S},
    {"mqtt", 45000, 140, CLOUD_LASTS_S},
    {"onenet", 45000, 140, CLOUD_LASTS_S},
    {"gizwits", 45000, 100, CLOUD_LASTS_S}, /* each failed try adds a constant */
};

enum { TO_AGENT, TO_CLIENT, TO_SIDE };

static struct line {
    int pid;
    const struct kind *kind;
    uint64_t gone_us, pause_us; /* pause_us: the last one; 0: a session has lasted since, or there was none */
    uint64_t up_us, due_us;     /* of a cloud, by what the client says */
} lines[LINES];
static unsigned n_lines;
static uint64_t fresh_until_us; /* what was begun before there was a new reason ends with its old pause */

static const struct kind *kind_of(const struct vsock *s)
{
    if (s->family == AF_UNIX)
        return strcmp(s->far_path, "/run/agent.sock") == 0 ? &KINDS[TO_AGENT] : NULL;
    if (s->remote.ip >> 24 == 127)
        return s->remote.port == 54322 ? &KINDS[TO_CLIENT] : NULL;
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        if (scene.sides[i].link->ip == s->remote.ip && s->remote.port != 80)
            return &KINDS[TO_SIDE + scene.sides[i].kind];
    return NULL;
}

/* Programs without libagent make their own pauses. */
static bool is_ours(const struct proc *p)
{
    long app = p->program - scene.programs - FIRST_APP;

    return p->program->single || (app >= 0 && app < (long) scene.shape.n_apps && scene.app_kinds[app] < APP_OLD);
}

static bool lives(int pid)
{
    for (int i = 0; i < PROCS_MAX; i++)
        if (W.procs[i].alive && W.procs[i].pid == pid)
            return true;
    return false;
}

/* Those of programs that have ended are used again. */
static struct line *line_of(const struct proc *p, const struct kind *k)
{
    struct line *l = NULL;

    for (unsigned i = 0; i < n_lines; i++)
        if (lines[i].pid == p->pid && lines[i].kind == k)
            return &lines[i];
    for (unsigned i = 0; i < n_lines && !l; i++)
        l = lives(lines[i].pid) ? NULL : &lines[i];
    if (!l && n_lines == LINES)
        return NULL;
    if (!l)
        l = &lines[n_lines++];
    *l = (struct line){.pid = p->pid, .kind = k};
    return l;
}

static void look_at(struct line *l, const struct proc *p, uint64_t pause_us)
{
    uint64_t least_us = W.now_us < fresh_until_us ? 0 : l->pause_us / 100 * l->kind->grows_percent;

    if (least_us > l->kind->least_at_last_ms * MS)
        least_us = l->kind->least_at_last_ms * MS;
    if (pause_us + 2 * MS < least_us)
        broken("%s[%d] comes back to %s after %llu ms, and had waited %llu ms before: its pauses do not grow", p->program->name,
               p->pid, l->kind->to, (unsigned long long) (pause_us / MS), (unsigned long long) (l->pause_us / MS));
    l->pause_us = pause_us;
}

/* ---- on the device: by the sockets ---- */

static void on_dial(struct proc *p, const struct vsock *s)
{
    const struct kind *k = is_ours(p) ? kind_of(s) : NULL;
    struct line *l = k ? line_of(p, k) : NULL;

    if (!l)
        return;
    if (k >= &KINDS[TO_SIDE]) {
        if (W.now_us + 2 * MS < l->due_us)
            broken("%s[%d] comes back to %s %llu ms before its time", p->program->name, p->pid, k->to,
                   (unsigned long long) ((l->due_us - W.now_us) / MS));
        return;
    }
    if (l->gone_us)
        look_at(l, p, W.now_us - l->gone_us);
    l->gone_us = 0;
}

static void on_gone(struct proc *p, const struct vsock *s)
{
    const struct kind *k = is_ours(p) ? kind_of(s) : NULL;
    struct line *l = k && k < &KINDS[TO_SIDE] ? line_of(p, k) : NULL;

    if (!l)
        return;
    l->gone_us = W.now_us;
    if (s->up_us && W.now_us - s->up_us >= k->lasted_s * SECOND)
        l->pause_us = 0;
}

/* ---- clouds: by what the client says, which its sockets must keep to ---- */

void pauses_of_lines(const struct proc *p, const char *line)
{
    const char *at = p == scene.procs[CLIENT] ? strstr(line, "] cloud ") : NULL, *next;
    struct line *l = NULL;

    /* it has heard of its network, or of a country whose servers may be others, perhaps late */
    if (p == scene.procs[CLIENT] && (strstr(line, "state sta_mode") || strstr(line, "] country ")))
        pauses_start_over();
    for (unsigned i = TO_SIDE; at && i < sizeof KINDS / sizeof KINDS[0]; i++) {
        size_t n = strlen(KINDS[i].to);

        if (strncmp(at + 8, KINDS[i].to, n) == 0 && (at[8 + n] == ':' || at[8 + n] == ' '))
            l = line_of(p, &KINDS[i]);
    }
    if (!l)
        return;
    if (strstr(at, " connected")) {
        l->up_us = W.now_us;
        l->due_us = 0;
        return;
    }
    next = strstr(at, "next try in ");
    if (l->up_us && W.now_us - l->up_us >= l->kind->lasted_s * SECOND)
        l->pause_us = 0;
    l->up_us = 0;
    if (!next || strstr(at, "refuse")) /* pauses of their own: a wrong login does not get right by trying often */
        return;
    if (strstr(at, "which of two like messages")) { /* it asks, and is back at once */
        l->due_us = 0;
        return;
    }
    look_at(l, p, strtoull(next + strlen("next try in "), NULL, 10) * MS);
    l->due_us = W.now_us + l->pause_us;
}

void pauses_start_over(void)
{
    fresh_until_us = W.now_us + FRESH_S * SECOND;
    for (unsigned i = 0; i < n_lines; i++)
        lines[i].pause_us = lines[i].due_us = 0;
}

void pauses_begin(void)
{
    net_on_dial = on_dial;
    net_on_gone = on_gone;
}
