/* SPDX-License-Identifier: MIT */
#include "tests/world/rules/rest.h"

#include "tests/world/kernel/files.h"
#include "tests/world/kernel/net.h"
#include "tests/world/scene.h"

/*
 * LOG_BYTES: the last lines of its log, which are there until the process is gone.
 *
 * What a daemon may keep on purpose at rest: spare entries, tables that have grown, lines of its log; of each packet of a
 * phone that it was taken before; and, of the commands of a day, the answers, for those who ask again.
 */
enum {
    SETTLES_S = 120,
    LOOKS = 20,
    LOOK_MS = 1700,
    LOG_BYTES = 128 << 10,
    BLOCKS_MORE = 150,
    BYTES_MORE = 400 << 10,
    BLOCKS_A_COMMAND = 4,
    BYTES_A_BLOCK = 256
};

struct holding {
    unsigned fds;
    uint64_t blocks, bytes;
};

/* Its own: who has come to it may go and come again. */
static unsigned own_fds(struct proc *p)
{
    unsigned n = 0;

    for (int i = 0; i < FDS_MAX; i++) {
        const struct vfile *f = fd_get(p, i);
        const struct vsock *s = f && f->kind == V_SOCKET ? (const struct vsock *) f : NULL;

        n += f && !(s && s->state == S_UP && !s->dialled);
    }
    return n;
}

/* The least of some looks: what is tried now and then comes and goes. */
static void look(struct holding out[PROGRAMS_MAX])
{
    for (unsigned n = 0; n < LOOKS; n++) {
        for (unsigned i = 0; i < scene.n_programs; i++) {
            struct proc *p = scene.procs[i];
            unsigned fds;

            if (!scene.programs[i].single || !runs(i))
                continue;
            fds = own_fds(p);
            if (n == 0 || fds < out[i].fds)
                out[i].fds = fds;
            out[i].blocks = p->heap.n_live;
            out[i].bytes = p->heap.used;
        }
        world_run(W.now_us + LOOK_MS * MS);
    }
}

static uint64_t blocks_of_commands(void)
{
    uint64_t n = sums.commands * BLOCKS_A_COMMAND;

    for (unsigned i = 0; i < scene.shape.n_phones; i++)
        n += scene.phones[i].n_sent;
    return n;
}

void rest_ended(const struct proc *p)
{
    bool only_its_log = p->heap.n_live == 1 && p->heap.used == LOG_BYTES;

    if (p->exit_code != 0 || !p->term_at_us || p->heap.n_live == 0 || only_its_log)
        return;
    if (thr_count(p) > 1)
        return; /* a thread hangs in a lookup, and has what it needs until the process is gone */
    heap_tell(p);
    broken("%s[%d] has left, and has not given back %llu blocks of %llu bytes", p->program->name, p->pid,
           (unsigned long long) p->heap.n_live, (unsigned long long) p->heap.used);
}

static void compare(const char *name, const struct holding *day, const struct holding *fresh)
{
    if (day->fds == 0 || fresh->fds == 0)
        return; /* it did not run */
    say("%s at rest: %u descriptors, %llu blocks of %llu bytes; just started: %u, %llu, %llu", name, day->fds,
        (unsigned long long) day->blocks, (unsigned long long) day->bytes, fresh->fds, (unsigned long long) fresh->blocks,
        (unsigned long long) fresh->bytes);
    if (day->fds > fresh->fds)
        broken("%s at rest has %u descriptors; just started it has %u", name, day->fds, fresh->fds);
    if (day->blocks > fresh->blocks + BLOCKS_MORE + blocks_of_commands() ||
        day->bytes > fresh->bytes + BYTES_MORE + blocks_of_commands() * BYTES_A_BLOCK)
        broken("%s at rest has %llu blocks of %llu bytes; just started it has %llu of %llu", name,
               (unsigned long long) day->blocks, (unsigned long long) day->bytes, (unsigned long long) fresh->blocks,
               (unsigned long long) fresh->bytes);
}

void rest_looks(void)
{
    static struct holding day[PROGRAMS_MAX], fresh[PROGRAMS_MAX];

    scene.still = true;
    for (unsigned i = FIRST_APP; i < FIRST_APP + scene.shape.n_apps; i++)
        if (runs(i))
            proc_kill(scene.procs[i]);
    world_run(W.now_us + SETTLES_S * SECOND);
    look(day);
    scene_line_disturbed(); /* what one run could not read goes with the next one, behind newer ones */
    for (unsigned i = 0; i < scene.n_programs && !W.failed; i++)
        if (scene.programs[i].single)
            terminate(i);
    world_run(W.now_us + SETTLES_S * SECOND);
    look(fresh);
    for (unsigned i = 0; i < scene.n_programs && !W.failed; i++)
        compare(scene.programs[i].name, &day[i], &fresh[i]);
}
