/* SPDX-License-Identifier: MIT */
/* Bad luck: what the seed has planned, and what each of it does. */
#include <signal.h>
#include "tests/world/kernel/calls.h"
#include "tests/world/kernel/files.h"
#include "tests/world/kernel/net.h"
#include "tests/world/bridge.h"
#include "tests/world/firmware.h"
#include "tests/world/home.h"
#include "tests/world/rules/pauses.h"
#include "tests/world/trouble/quiet.h"
#include "tests/world/scene.h"

enum fault_kind {
    F_KILL,
    F_TERM,
    F_POWER,
    F_CUT,
    F_DOWN,
    F_SLOW,
    F_LOSS,
    F_REFUSE,
    F_MUTE,
    F_NO_ACKS,
    F_RESTART,
    F_RESOLVER,
    F_IO,
    F_ALLOC,
    F_CLOCK,
    F_DISK_FULL,
    F_DISK_FAILS,
    F_LAN_LOSS,
    F_PLAIN_KINDS,
    F_FDS = F_PLAIN_KINDS, /* descriptors run out */
    F_HALF_OPEN,           /* a cloud has forgotten its connections, and nobody tells the device */
    F_CLOCK_YEARS,
    F_READ_ONLY,
    F_LAN_DOWN,
    F_ALLOC_ALL, /* memory is short for all at once */
    F_CLOUDS_KINDS,
    F_MOVE = F_CLOUDS_KINDS, /* another house, another network */
    F_RENEW,                 /* the router gives itself another password, and tells the device before */
    F_RESET,                 /* the owner gives it away */
    F_HOOKS,                 /* the platform's programs fail, or hang */
    F_HOME_KINDS,
    F_FILES = F_HOME_KINDS, /* the server that has the firmware */
    F_OTA_KINDS,
    F_LINE = F_OTA_KINDS, /* the MCU is mute, or its line is pulled out */
    F_LINE_KINDS,
    F_HUP = F_LINE_KINDS, /* a daemon reads its configuration again */
    F_REBOOT,             /* a cloud has the device rebooted */
    F_KINDS
};

const char *fault_name(int kind)
{
    static const char *const names[F_KINDS] = {
        "kill",       "term",     "power",   "cut",       "down",     "slow",      "loss",     "refuse",
        "mute",       "no-acks",  "restart", "resolver",  "short-io", "alloc",     "clock",    "disk-full",
        "disk-fails", "lan-loss", "fds",     "half-open", "years",    "read-only", "lan-down", "alloc-all",
        "move",       "renew",    "reset",   "hooks",     "files",    "mcu-line",  "hup",      "reboot"};

    return names[kind];
}

static int kinds_of(int width)
{
    return width == WIDTH_PLAIN    ? F_PLAIN_KINDS
           : width == WIDTH_CLOUDS ? F_CLOUDS_KINDS
           : width < WIDTH_OTA     ? F_HOME_KINDS
                                   : F_KINDS;
}

void plan_make(struct plan *p, uint64_t seed, uint64_t hours, const struct breadth *b)
{
    struct rng r = {seed ^ 0x5151515151515151ull};
    uint64_t pause_s = rng_between(&r, 60, 1500), at_us = rng_between(&r, 0, 60) * SECOND;

    p->breadth = *b;
    for (p->n = 0; p->n < FAULTS_MAX; p->n++) {
        at_us += rng_below(&r, 2 * pause_s) * SECOND + rng_below(&r, SECOND);
        if (at_us >= hours * 3600 * SECOND)
            return;
        p->at[p->n] = (struct fault){at_us, rng_between(&r, 1, rng_below(&r, 4) ? 40 : 900) * SECOND,
                                     (int) rng_below(&r, (uint64_t) kinds_of(b->width)), (int) rng_below(&r, 1 << 30)};
        if (p->at[p->n].kind == F_DISK_FAILS && !b->failing_disks)
            p->at[p->n].kind = F_DISK_FULL;
    }
}

static void power_cut(void)
{
    sums.power_cuts++;
    scene_disturbed("power");
    scene_line_disturbed();
    net_power_cut();
    for (unsigned i = 0; i < scene.n_programs; i++)
        if (runs(i))
            proc_kill(scene.procs[i]);
    disk_power_cut();
    booted_us = W.now_us;
    home_boots();
}

/* ---- on: each has an end ---- */

static void on_process(const struct fault *f)
{
    unsigned victim = (unsigned) f->arg % scene.n_programs;
    struct proc *p = scene.procs[victim];

    if (!runs(victim))
        return;
    if (f->kind == F_KILL) {
        proc_kill(p);
    } else if (f->kind == F_ALLOC) {
        p->fail_alloc_in = 1 + (uint64_t) f->arg % 200;
        p->fail_allocs = 1 + (unsigned) f->arg / 256 % 4;
    } else if (f->kind == F_FDS) {
        p->fd_limit = fd_count(p) + (unsigned) f->arg / 64 % 3;
    } else {
        terminate(victim);
    }
}

static void on_all_processes(const struct fault *f)
{
    for (unsigned i = 0; i < scene.n_programs; i++)
        if (runs(i) && f->kind == F_IO) {
            scene.procs[i]->io_faults = 300000;
        } else if (runs(i)) {
            scene.procs[i]->fail_alloc_in = 1 + ((uint64_t) f->arg + 97 * i) % 500;
            scene.procs[i]->fail_allocs = 1 + (unsigned) f->arg / 512 % 40;
        }
}

static void on_side(struct side *s, const struct fault *f)
{
    switch ((enum fault_kind) f->kind) {
    case F_CUT:
        net_cut(s->link);
        break;
    case F_DOWN:
        s->link->down = true;
        break;
    case F_SLOW:
        s->link->latency_us = 1500 * MS;
        s->link->jitter_us = 800 * MS;
        break;
    case F_LOSS:
        s->link->loss_ppm = (uint32_t) f->arg % 500000;
        s->link->dup_ppm = 50000;
        s->link->late_ppm = 100000;
        break;
    case F_REFUSE:
        s->broker.faults.refuse_login = f->arg & 1 ? 3 : 0;
        s->broker.faults.close_at_once = f->arg & 2;
        if (s->gizwits)
            s->gizwits->web.fails = f->arg & 1;
        s->link->refuses = !(f->arg & 3);
        net_cut(s->link);
        break;
    case F_MUTE:
        if (s->gizwits)
            s->gizwits->web.mute = f->arg & 1;
        s->broker.faults.mute = s->ot.mute = true;
        break;
    case F_NO_ACKS:
        s->broker.faults.no_acks = s->ot.no_acks = true;
        break;
    case F_RESTART:
        broker_restart(&s->broker, f->arg & 1);
        ot_restart(&s->ot);
        break;
    case F_RESOLVER: /* of all names */
        net_cut(s->link);
        break;
    case F_HALF_OPEN:
        net_forget(s->link);
        break;
    default:
        break;
    }
}

static void on_lan(const struct fault *f)
{
    if (f->kind == F_LAN_DOWN) {
        scene.lan->down = true;
        return;
    }
    scene.lan->loss_ppm = 300000;
    scene.lan->dup_ppm = 100000;
    scene.lan->late_ppm = 100000;
}

static void on_clock(const struct fault *f)
{
    int64_t s = f->kind == F_CLOCK ? f->arg / 2 % 86400 : (int64_t) (f->arg / 2 % 3600) * 86400;

    W.wall_us += (f->arg & 1 ? 1 : -1) * s * 1000000;
    quiet_clock_set();
    if (f->kind == F_CLOCK_YEARS) /* between boots the wall clock alone tells how old a report is */
        traffic_forgiven();
    if (wall_now_us() < 0)
        W.wall_us = -(int64_t) W.now_us;
}

/* In a wider world one cloud has bad luck, or all of them at once. */
static void on_sides(const struct fault *f)
{
    unsigned which = (unsigned) f->arg / 4096 % (scene.shape.n_sides + 1);

    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        if (scene.shape.n_sides == 1 || which == i || which == scene.shape.n_sides)
            on_side(&scene.sides[i], f);
}

static void fault_on(const struct fault *f)
{
    switch ((enum fault_kind) f->kind) {
    case F_KILL:
        sums.kills++;
        on_process(f);
        break;
    case F_TERM:
    case F_ALLOC:
    case F_FDS:
        on_process(f);
        break;
    case F_POWER:
        power_cut();
        break;
    case F_RESOLVER:
        resolver.mute = f->arg & 1;
        resolver.failing = !resolver.mute;
        on_sides(f);
        break;
    case F_IO:
    case F_ALLOC_ALL:
        on_all_processes(f);
        break;
    case F_CLOCK:
    case F_CLOCK_YEARS:
        on_clock(f);
        break;
    case F_DISK_FULL:
        disk.full = true;
        break;
    case F_DISK_FAILS:
        disk.failing = true;
        break;
    case F_READ_ONLY:
        disk.read_only = true;
        break;
    case F_MOVE:
        home_moves();
        break;
    case F_RENEW:
        home_renews();
        break;
    case F_RESET:
        home_gives_away(f->arg & 1, f->arg & 2);
        break;
    case F_FILES:
        firmware_suffers(f->arg);
        break;
    case F_LINE:
        bridge_suffers(f->arg);
        break;
    case F_HUP:
        pauses_start_over();
        if (runs((unsigned) f->arg % FIRST_APP))
            proc_signal(scene.procs[f->arg % FIRST_APP], SIGHUP);
        break;
    case F_REBOOT:
        home_is_rebooted();
        break;
    case F_HOOKS:
        home.hooks_fail = true;
        home.hooks_hang = f->arg & 1;
        break;
    case F_LAN_LOSS:
    case F_LAN_DOWN:
        on_lan(f);
        break;
    default:
        on_sides(f);
        break;
    }
}

/* ---- off ---- */

static void side_is_well(struct side *s)
{
    s->link->down = s->link->refuses = false;
    if (scene.plan->breadth.width == WIDTH_PLAIN && s->link->latency_us > SECOND) /* as it was when its rows were found */
        s->latency_us = 30 * MS;
    s->link->latency_us = s->latency_us;
    s->link->jitter_us = s->latency_us / 4;
    s->link->loss_ppm = s->link->dup_ppm = s->link->late_ppm = 0;
    s->broker.faults = (struct broker_faults){.refuse_sub_above = 3};
    s->ot.mute = s->ot.no_acks = false;
    if (s->gizwits)
        s->gizwits->web.mute = s->gizwits->web.fails = false;
}

static void all_well(void)
{
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        side_is_well(&scene.sides[i]);
    home.hooks_fail = home.hooks_hang = false;
    firmware_is_well();
    bridge_is_well();
    scene.lan->down = false;
    scene.lan->loss_ppm = scene.lan->dup_ppm = scene.lan->late_ppm = 0;
    resolver.mute = resolver.failing = false;
    disk.full = disk.failing = disk.read_only = false;
    for (unsigned i = 0; i < scene.n_programs; i++)
        if (runs(i)) {
            scene.procs[i]->io_faults = 0;
            scene.procs[i]->fail_alloc_in = scene.procs[i]->fail_allocs = 0;
            scene.procs[i]->fd_limit = FDS_MAX;
        }
}

void scene_is_down(bool down)
{
    scene.n_down += down ? 1 : -1;
    if (scene.n_down == 0)
        all_well();
}

/* When the last of those that overlap ends, all is well again. */
static void fault_off(void *arg, uint64_t i)
{
    (void) arg;
    say("fault %llu ends", (unsigned long long) i);
    scene.fault_us = scene.planned_us = W.now_us;
    scene_disturbed("end of a fault");
    scene_line_disturbed();
    scene.n_planned--;
    scene_is_down(false);
}

static void fault_begin(void *arg, uint64_t i)
{
    const struct fault *f = &scene.plan->at[i];

    (void) arg;
    if (scene.over || scene.left_out[i])
        return;
    say("fault %llu: %s %d for %llu s", (unsigned long long) i, fault_name(f->kind), f->arg,
        (unsigned long long) (f->lasts_us / SECOND));
    scene.fault_us = scene.planned_us = W.now_us;
    scene_disturbed("fault");
    scene_line_disturbed();
    scene.n_planned++;
    scene_is_down(true);
    fault_on(f);
    after(f->lasts_us, fault_off, NULL, i);
}

void faults_begin(void)
{
    for (unsigned i = 0; i < scene.plan->n; i++)
        after(scene.plan->at[i].at_us, fault_begin, NULL, i);
}
