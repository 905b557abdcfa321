/* SPDX-License-Identifier: MIT */
#include "tests/world/world.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/app.h"
#include "tests/world/kernel/calls.h"
#include "tests/world/kernel/files.h"
#include "tests/world/kernel/net.h"
#include "tests/world/promises.h"
#include "tests/world/stand/broker.h"
#include "tests/world/stand/ot.h"
#include "tests/world/stand/phone.h"

main_fn world_agent_main, world_client_main, world_app_main;
void *__wrap_malloc(size_t n);
void __wrap_free(void *at);

enum { N_APPS = 5, DID = 10000, REST_S = 900, TERM_MS = 1050, CONNECTS_A_MINUTE = 40 };
enum { AGENT, CLIENT, FIRST_APP };
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
    F_KINDS
};

static const char KEY[] = "0123456789abcdef", TOKEN[] = "tokentokentokent";

static struct {
    const struct plan *plan;
    const bool *left_out;
    bool ot, tcp, resting, over;
    struct rng traffic;
    struct program programs[FIRST_APP + N_APPS];
    struct proc *procs[FIRST_APP + N_APPS];
    char *app_argv[N_APPS][5];
    char numbers[N_APPS][3][12];
    struct broker broker;
    struct ot_cloud cloud;
    struct phone phone;
    struct link *far, *lan;
    uint64_t next_command, connects;
    int n_down;
} w;

const char *fault_name(int kind)
{
    static const char *const names[F_KINDS] = {"kill",     "term",   "power", "cut",       "down",       "slow",
                                               "loss",     "refuse", "mute",  "no-acks",   "restart",    "resolver",
                                               "short-io", "alloc",  "clock", "disk-full", "disk-fails", "lan-loss"};

    return names[kind];
}

void plan_make(struct plan *p, uint64_t seed, uint64_t hours, bool failing_disks)
{
    struct rng r = {seed ^ 0x5151515151515151ull};
    uint64_t pause_s = rng_between(&r, 60, 1500), at_us = rng_between(&r, 0, 60) * SECOND;

    for (p->n = 0; p->n < FAULTS_MAX; p->n++) {
        at_us += rng_below(&r, 2 * pause_s) * SECOND + rng_below(&r, SECOND);
        if (at_us >= hours * 3600 * SECOND)
            return;
        p->at[p->n] = (struct fault){at_us, rng_between(&r, 1, rng_below(&r, 4) ? 40 : 900) * SECOND,
                                     (int) rng_below(&r, F_KINDS), (int) rng_below(&r, 1 << 30)};
        if (p->at[p->n].kind == F_DISK_FAILS && !failing_disks)
            p->at[p->n].kind = F_DISK_FULL;
    }
}

/* ---- processes, and who starts them again ---- */

static void start(void *arg, uint64_t i)
{
    (void) arg;
    if (!w.over && (!w.procs[i] || !w.procs[i]->alive || w.procs[i]->program != &w.programs[i]))
        w.procs[i] = proc_start(&w.programs[i]);
}

static bool runs(int i)
{
    return w.procs[i] && w.procs[i]->alive && w.procs[i]->program == &w.programs[i];
}

static void on_exit_of(struct proc *p)
{
    int i = (int) (p->program - w.programs);
    bool forced = p->exit_code >= 128 || p->term_at_us || p->heap.n_allocs == 0;

    disturbed(p->program->name);
    if (!forced && !p->fail_alloc_in && !p->fail_allocs && i < FIRST_APP && !disk.failing && !disk.full)
        broken("%s[%d] ended by itself with %d", p->program->name, p->pid, p->exit_code);
    if (!w.over)
        after(rng_between(&W.rng, 100, 3000) * MS, start, NULL, (uint64_t) i);
}

static void look_for_end(void *arg, uint64_t pid)
{
    struct proc *p = arg;

    if (p->alive && (uint64_t) p->pid == pid)
        broken("%s[%d] still runs %d ms after SIGTERM", p->program->name, p->pid, TERM_MS);
}

static void terminate(int i)
{
    if (!runs(i))
        return;
    disturbed("term");
    proc_signal(w.procs[i], SIGTERM);
    after(TERM_MS * MS, look_for_end, w.procs[i], (uint64_t) w.procs[i]->pid);
}

/* ---- faults: each has an end ---- */

static void power_cut(void)
{
    sums.power_cuts++;
    disturbed("power");
    line_disturbed();
    net_power_cut();
    for (int i = 0; i < FIRST_APP + N_APPS; i++)
        if (runs(i))
            proc_kill(w.procs[i]);
    disk_power_cut();
    booted_us = W.now_us;
}

static void fault_on(const struct fault *f)
{
    int victim = f->arg % (FIRST_APP + N_APPS);

    switch ((enum fault_kind) f->kind) {
    case F_KILL:
        sums.kills++;
        if (runs(victim))
            proc_kill(w.procs[victim]);
        break;
    case F_TERM:
        terminate(victim);
        break;
    case F_POWER:
        power_cut();
        break;
    case F_CUT:
        net_cut(w.far);
        break;
    case F_DOWN:
        w.far->down = true;
        break;
    case F_SLOW:
        w.far->latency_us = 1500 * MS;
        w.far->jitter_us = 800 * MS;
        break;
    case F_LOSS:
        w.far->loss_ppm = (uint32_t) f->arg % 500000;
        w.far->dup_ppm = 50000;
        w.far->late_ppm = 100000;
        break;
    case F_REFUSE:
        w.broker.faults.refuse_login = f->arg & 1 ? 3 : 0;
        w.broker.faults.close_at_once = f->arg & 2;
        w.far->refuses = !(f->arg & 3);
        net_cut(w.far);
        break;
    case F_MUTE:
        w.broker.faults.mute = w.cloud.mute = true;
        break;
    case F_NO_ACKS:
        w.broker.faults.no_acks = w.cloud.no_acks = true;
        break;
    case F_RESTART:
        broker_restart(&w.broker, f->arg & 1);
        ot_restart(&w.cloud);
        break;
    case F_RESOLVER:
        resolver.mute = f->arg & 1;
        resolver.failing = !resolver.mute;
        net_cut(w.far);
        break;
    case F_IO:
        for (int i = 0; i < FIRST_APP + N_APPS; i++)
            if (runs(i))
                w.procs[i]->io_faults = 300000;
        break;
    case F_ALLOC:
        if (runs(victim)) {
            w.procs[victim]->fail_alloc_in = 1 + (uint64_t) f->arg % 200;
            w.procs[victim]->fail_allocs = 1 + (unsigned) f->arg / 256 % 4;
        }
        break;
    case F_CLOCK:
        W.wall_us += (f->arg & 1 ? 1 : -1) * (int64_t) (f->arg / 2 % 86400) * 1000000;
        break;
    case F_DISK_FULL:
        disk.full = true;
        break;
    case F_DISK_FAILS:
        disk.failing = true;
        break;
    case F_LAN_LOSS:
        w.lan->loss_ppm = 300000;
        w.lan->dup_ppm = 100000;
        w.lan->late_ppm = 100000;
        break;
    case F_KINDS:
        break;
    }
}

static void all_well(void)
{
    uint64_t latency = w.far->latency_us > SECOND ? 30 * MS : w.far->latency_us;

    w.far->down = w.far->refuses = false;
    w.far->latency_us = latency;
    w.far->jitter_us = latency / 4;
    w.far->loss_ppm = w.far->dup_ppm = w.far->late_ppm = 0;
    w.lan->loss_ppm = w.lan->dup_ppm = w.lan->late_ppm = 0;
    w.broker.faults = (struct broker_faults){.refuse_sub_above = 3};
    w.cloud.mute = w.cloud.no_acks = false;
    resolver.mute = resolver.failing = false;
    disk.full = disk.failing = false;
    for (int i = 0; i < FIRST_APP + N_APPS; i++)
        if (runs(i)) {
            w.procs[i]->io_faults = 0;
            w.procs[i]->fail_alloc_in = w.procs[i]->fail_allocs = 0;
        }
}

/* When the last of those that overlap ends, all is well again. */
static void fault_off(void *arg, uint64_t i)
{
    (void) arg;
    say("fault %llu ends", (unsigned long long) i);
    disturbed("end of a fault");
    line_disturbed();
    if (--w.n_down == 0)
        all_well();
}

static void fault_begin(void *arg, uint64_t i)
{
    const struct fault *f = &w.plan->at[i];

    (void) arg;
    if (w.over || w.left_out[i])
        return;
    say("fault %llu: %s %d for %llu s", (unsigned long long) i, fault_name(f->kind), f->arg,
        (unsigned long long) (f->lasts_us / SECOND));
    disturbed("fault");
    line_disturbed();
    w.n_down++;
    fault_on(f);
    after(f->lasts_us, fault_off, NULL, i);
}

/* Long faults go on disturbing. */
static void on_second(void *arg, uint64_t n)
{
    uint64_t connects = w.broker.n_connects + w.cloud.n_connects;

    (void) arg;
    if (n % 60 == 0) {
        if (connects - w.connects > CONNECTS_A_MINUTE)
            broken("%llu connections to the cloud within a minute: its pauses do not grow",
                   (unsigned long long) (connects - w.connects));
        w.connects = connects;
    }
    if (w.n_down > 0) {
        disturbed("fault");
        line_disturbed();
    }
    if (!w.over)
        after(SECOND, on_second, NULL, n + 1);
}

/* ---- traffic ---- */

static void on_device_text(const char *text, uint64_t id)
{
    const char *n = strstr(text, "\"n\":"), *app = strstr(text, "\"app\":"), *list;

    if (n && app) {
        report_arrived(atoi(app + 6), strtoull(n + 4, NULL, 10), id);
    } else if (strstr(text, "event.pressed") && (list = strstr(text, "\"params\":["))) {
        char *end;
        int a = (int) strtol(list + 10, &end, 10);

        report_arrived(a, strtoull(end + 1, NULL, 10), id);
    }
}

static uint64_t id_of(const char *text)
{
    const char *at = strstr(text, "\"id\":");

    return at ? strtoull(at + 5, NULL, 10) : 0;
}

static void on_broker_publish(void *user, const char *topic, const char *payload, size_t n, int qos, int dup, int retain)
{
    char text[4096];

    (void) user;
    (void) qos;
    (void) retain;
    snprintf(text, sizeof text, "%.*s", (int) n, payload);
    if (strstr(topic, "/command_ack"))
        command_answered(id_of(text), text, dup);
    else if (strstr(topic, "/report"))
        on_device_text(text, id_of(text));
}

static void on_ot_report(void *user, uint32_t id, const char *text)
{
    (void) user;
    on_device_text(text, id);
}

static void on_ot_answer(void *user, uint32_t id, const char *text)
{
    (void) user;
    command_answered(id, text, true);
}

static void on_phone_answer(void *user, uint32_t id, const char *text)
{
    (void) user;
    command_answered(id, text, true);
}

static void on_phone_tired(void *user, uint32_t id)
{
    (void) user;
    command_given_up(id);
}

static void on_traffic(void *arg, uint64_t unused)
{
    int app = (int) rng_below(&w.traffic, N_APPS);
    bool lan = rng_below(&w.traffic, 3) == 0;
    uint64_t n = w.next_command;
    char text[256];

    (void) arg;
    (void) unused;
    if (w.over)
        return;
    after(rng_between(&w.traffic, 2, 80) * SECOND, on_traffic, NULL, 0);
    snprintf(text, sizeof text, "{\"id\":%llu,\"method\":\"app%d.do\",\"params\":[%llu]}", (unsigned long long) n, app,
             (unsigned long long) n);
    if (lan) {
        if (!w.phone.id) {
            command_given(n, WAY_PHONE, app);
            phone_command(&w.phone, (uint32_t) n, text);
            w.next_command++;
        }
        return;
    }
    if (w.ot) {
        if (w.cloud.greeted && w.cloud.informed && W.now_us - w.cloud.heard_us < 20 * SECOND) {
            command_given(n, WAY_CLOUD, app);
            ot_send(&w.cloud, text);
            w.next_command++;
        }
    } else if (broker_serves(&w.broker, "miio/10000/command")) {
        command_given(n, WAY_CLOUD, app);
        broker_publish(&w.broker, "miio/10000/command", text, strlen(text), 2, false);
        w.next_command++;
    }
}

/* ---- the beginning ---- */

static void put_files(void)
{
    char conf[1024];

    snprintf(conf, sizeof conf,
             "did=%d\nkey=%s\nmac=AA:BB:CC:DD:EE:FF\nmodel=world.test.v1\nvendor=world\ncloud=%s\nprovisioning=none\nble=none\n"
             "mqtt_server=broker.world\not_host=ot.world\not_port=8053\not_transport=%s\nmqtt_state=0\n",
             DID, KEY, w.ot ? "ot" : "mqtt", w.tcp ? "tcp" : "udp");
    disk_put_dir("/etc");
    disk_put_dir("/etc/miio");
    disk_put_dir("/run");
    disk_put_dir("/tmp");
    disk_put("/etc/miio/device.conf", conf, strlen(conf));
    disk_put("/etc/miio/device.token", TOKEN, 16);
}

static void set_program(int i, const char *name, main_fn *fn, char **argv, bool single)
{
    w.programs[i] = (struct program){.name = name, .main = fn, .argv = argv, .single = single};
    program_load(&w.programs[i]);
}

static void put_programs(void)
{
    static char *agent[] = {"miio_agent", "--listen", "127.0.0.1:54320", "--unix", "/run/agent.sock", NULL};
    static char *client[] = {"miio_client", "-d", "/etc/miio", NULL};
    static const char *const env[] = {"MIIO_AGENT=unix:/run/agent.sock", NULL};
    static char names[N_APPS][8];

    set_program(AGENT, "agent", world_agent_main, agent, true);
    set_program(CLIENT, "client", world_client_main, client, true);
    for (int i = 0; i < N_APPS; i++) {
        snprintf(names[i], sizeof names[i], "app%d", i);
        snprintf(w.numbers[i][0], 12, "%d", i);
        snprintf(w.numbers[i][1], 12, "%d", i == 0 ? APP_GOOD : (int) rng_below(&w.traffic, APP_KINDS));
        snprintf(w.numbers[i][2], 12, "%d", (int) rng_between(&w.traffic, 10, 120) * 1000);
        w.app_argv[i][0] = names[i];
        for (int k = 0; k < 3; k++)
            w.app_argv[i][k + 1] = w.numbers[i][k];
        set_program(FIRST_APP + i, names[i], world_app_main, w.app_argv[i], false);
        w.programs[FIRST_APP + i].env = env;
    }
}

static void put_stand_ins(void)
{
    uint32_t cloud_ip = IP(10, 9, 0, 1);

    w.far = net_host(cloud_ip, "cloud", rng_between(&w.traffic, 5, 200) * MS);
    w.lan = net_host(IP(10, 0, 0, 77), "phone", 3 * MS);
    resolver.at[resolver.n].name = "broker.world";
    resolver.at[resolver.n++].ip = cloud_ip;
    resolver.at[resolver.n].name = "ot.world";
    resolver.at[resolver.n++].ip = cloud_ip;
    w.broker.on_publish = on_broker_publish;
    broker_open(&w.broker, cloud_ip, 1883, w.far);
    w.cloud.on_report = on_ot_report;
    w.cloud.on_answer = on_ot_answer;
    ot_open(&w.cloud, cloud_ip, 8053, w.far, DID, KEY);
    w.phone.on_answer = on_phone_answer;
    w.phone.on_given_up = on_phone_tired;
    phone_open(&w.phone, IP(10, 0, 0, 77), w.lan, DID, TOKEN);
}

/* Token and identity are never changed but by their owner. */
static void look_at_files(void)
{
    const struct bytes *token = disk_get("/etc/miio/device.token");

    if (!token || token->n < 16 || memcmp(token->p, TOKEN, 16) != 0)
        broken("device.token is not what its owner put there");
}

static void live_until(uint64_t us)
{
    world_run(us);
}

void world_live(uint64_t seed, uint64_t hours, const struct plan *p, const bool *left_out)
{
    cJSON_Hooks hooks = {__wrap_malloc, __wrap_free};

    world_init(seed);
    cJSON_InitHooks(&hooks);
    w.plan = p;
    w.left_out = left_out;
    w.traffic.s = seed ^ 0x7777;
    w.ot = rng_below(&w.traffic, 2);
    w.tcp = rng_below(&w.traffic, 2);
    reports_keep_order(!w.ot || w.tcp);
    w.next_command = 1;
    W.on_exit = on_exit_of;
    W.on_line = promises_of_lines;
    put_files();
    put_stand_ins();
    put_programs();
    for (int i = 0; i < FIRST_APP + N_APPS; i++)
        after(rng_below(&w.traffic, 4000) * MS, start, NULL, (uint64_t) i);
    disturbed("start");
    line_disturbed();
    for (unsigned i = 0; i < p->n; i++)
        after(p->at[i].at_us, fault_begin, NULL, i);
    after(SECOND, on_second, NULL, 0);
    after(10 * SECOND, on_traffic, NULL, 0);
    live_until(hours * 3600 * SECOND);
    live_until((hours * 3600 + 900 /* the longest fault */) * SECOND);
    live_until((hours * 3600 + 900 + REST_S) * SECOND);
    if (!W.failed)
        look_at_files();
    if (!W.failed)
        promises_at_rest();
    for (int i = 0; i < FIRST_APP && !W.failed; i++) {
        w.over = true;
        terminate(i);
    }
    live_until(W.now_us + 5 * SECOND);
}
