/* SPDX-License-Identifier: MIT */
/* The life of one device: its files, its programs, who starts them again, and how it ends. */
#include "tests/world/world.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "tests/world/app.h"
#include "tests/world/bridge.h"
#include "tests/world/kernel/calls.h"
#include "tests/world/kernel/files.h"
#include "tests/world/kernel/net.h"
#include "tests/world/firmware.h"
#include "tests/world/home.h"
#include "tests/world/rules/ledger.h"
#include "tests/world/rules/papers.h"
#include "tests/world/rules/pauses.h"
#include "tests/world/rules/promises.h"
#include "tests/world/rules/rest.h"
#include "tests/world/scene.h"
#include "tests/world/rules/watch.h"
#include "tests/world/trouble/trouble.h"

main_fn world_agent_main, world_client_main, world_app_main, world_old_main, world_mcu_main, world_helper_main;
main_fn world_between_main, world_guest_main;
#ifdef WORLD_HAS_OTA /* not in a build without HTTP */
main_fn world_ota_main;
static main_fn *const ota_main = world_ota_main;
#else
static main_fn *const ota_main = NULL;
#endif
void *__wrap_malloc(size_t n);
void __wrap_free(void *at);

enum {
    LONGEST_FAULT_S = 900,
    REST_S = 900,
    LAST_LOOK_S = 30,
    TERM_MS = 1050,
    CONNECTS_A_MINUTE = 40,
    ASKS_A_MINUTE = 64,
    PLAIN_APPS = 5
};

static const char TOKEN[] = "tokentokentokent";

struct scene scene;

static bool is_wide(int width)
{
    return scene.plan->breadth.width >= width;
}

void scene_disturbed(const char *what)
{
    scene.disturbed_us = W.now_us;
    disturbed(what);
}

void scene_line_disturbed(void)
{
    scene.line_disturbed_us = W.now_us;
    line_disturbed();
}

static void on_line(struct proc *p, const char *line)
{
    const char *at = p == scene.procs[CLIENT] ? strstr(line, ", status ") : NULL;

    if (at) {
        snprintf(scene.word, sizeof scene.word, "%.31s", at + strlen(", status "));
        scene.word_us = W.now_us;
    }
    if (p == scene.procs[CLIENT] && strstr(line, "; trying again"))
        scene.lost_us = W.now_us;
    if (p == scene.procs[CLIENT] && strstr(line, "commands come with QoS 1 only"))
        commands_come_again();
    if (ledger_takes(p, line))
        return;
    trouble_line(p, line);
    home_line(p, line);
    promises_of_lines(p, line);
    if (is_wide(WIDTH_SUMS))
        pauses_of_lines(p, line);
}

/* ---- processes, and who starts them again ---- */

void scene_start(void *arg, uint64_t i)
{
    (void) arg;
    if (scene.over || runs((unsigned) i) || (scene.still && i >= FIRST_APP && i < FIRST_APP + scene.shape.n_apps))
        return;
    if (i == CLIENT)
        home_client_starts();
    scene.procs[i] = proc_start(&scene.programs[i]);
}

bool runs(unsigned i)
{
    return scene.procs[i] && scene.procs[i]->alive && scene.procs[i]->program == &scene.programs[i];
}

static void on_exit_of(struct proc *p)
{
    int i = (int) (p->program - scene.programs);
    bool forced = p->exit_code >= 128 || p->term_at_us || p->heap.n_allocs == 0;
    bool poor = p->fail_alloc_in || p->fail_allocs || p->fd_limit < FDS_MAX || disk.failing || disk.full || disk.read_only;

    if (is_wide(WIDTH_SUMS) && p->program->single)
        rest_ended(p);
    if (p->program->single || forced || poor || scene.plan->breadth.width < WIDTH_APPS)
        scene_disturbed(p->program->name); /* an application that ends by itself is nobody else's trouble */
    if (p->overdue && scene.over && scene.n_down == 0 && scene.plan->breadth.width >= WIDTH_TROUBLES)
        broken("%s[%d] has not come to its end by itself, and nothing kept it", p->program->name, p->pid);
    if (!forced && !poor && p->program->single)
        broken("%s[%d] ended by itself with %d", p->program->name, p->pid, p->exit_code);
    if (!scene.over)
        after(rng_between(&W.rng, 100, 3000) * MS, scene_start, NULL, (uint64_t) i);
}

static void look_for_end(void *arg, uint64_t pid)
{
    struct proc *p = arg;

    if (p->alive && (uint64_t) p->pid == pid)
        broken("%s[%d] still runs %d ms after SIGTERM", p->program->name, p->pid, TERM_MS);
}

void terminate(unsigned i)
{
    if (!runs(i))
        return;
    scene_disturbed("term");
    proc_signal(scene.procs[i], SIGTERM);
    after(TERM_MS * MS, look_for_end, scene.procs[i], (uint64_t) scene.procs[i]->pid);
}

/* ---- every second ---- */

static void look_at_connects(void)
{
    for (unsigned i = 0; i < scene.shape.n_sides; i++) {
        struct side *s = &scene.sides[i];
        uint64_t n = side_connects(s) - s->n_connects;

        if (n > CONNECTS_A_MINUTE + (s->kind == SIDE_MQTT ? ASKS_A_MINUTE : 0)) /* which of two messages of QoS 2 */
            broken("%llu connections to %s within a minute: its pauses do not grow", (unsigned long long) n, side_name(s->kind));
        s->n_connects += n;
    }
}

/* Long faults go on disturbing. */
static void on_second(void *arg, uint64_t n)
{
    (void) arg;
    if (n % 60 == 0)
        look_at_connects();
    if (scene.n_down > 0)
        scene.fault_us = W.now_us;
    if (scene.n_down > 0 || !home.joined || home.phone_out) {
        scene_disturbed("fault");
        scene_line_disturbed();
    }
    if (is_wide(WIDTH_SUMS) && !scene.over)
        watch_looks();
    if (!scene.over)
        after(SECOND, on_second, NULL, n + 1);
}

/* ---- the beginning ---- */

static enum side_kind pick_side(struct rng *r, const struct shape *s)
{
    bool has_gizwits = scene.plan->breadth.width >= WIDTH_GIZWITS && ota_main; /* both need HTTP */

    for (;;) {
        enum side_kind k = (enum side_kind) rng_below(r, has_gizwits ? SIDE_KINDS : SIDE_GIZWITS);
        bool taken = false;

        for (unsigned i = 0; i < s->n_sides; i++)
            taken = taken || s->sides[i] == k;
        if (!taken)
            return k;
    }
}

/* The older rows of seeds.txt are of a world that draws just this. */
static void plain_shape(struct shape *s)
{
    s->sides[0] = rng_below(&scene.traffic, 2) ? SIDE_OT : SIDE_MQTT;
    s->n_sides = 1;
    s->tcp = rng_below(&scene.traffic, 2);
    s->n_apps = PLAIN_APPS;
    s->n_phones = 1;
}

static void wide_shape(struct shape *s, uint64_t seed)
{
    struct rng r = {seed ^ 0x3333};
    unsigned n = (unsigned) rng_below(&r, 8);

    n = n < 4 ? 1 : n < 7 ? 2 : 3;
    while (s->n_sides < n) {
        s->sides[s->n_sides] = pick_side(&r, s);
        s->n_sides++;
    }
    s->tcp = rng_below(&r, 2);
    n = (unsigned) rng_below(&r, 16);
    s->n_apps = n == 0 ? (unsigned) rng_between(&r, 10, APPS_MAX) : (unsigned) rng_between(&r, 1, 8);
    s->clockless = rng_below(&r, 4) == 0;
    s->n_phones = 1;
    if (scene.plan->breadth.width < WIDTH_HOME)
        return;
    s->wifi = rng_below(&r, 2);
    s->fresh = rng_below(&r, 2);
    s->ota = scene.plan->breadth.width >= WIDTH_OTA && rng_below(&r, 2) && ota_main;
    s->mcu = scene.plan->breadth.width >= WIDTH_MCU && rng_below(&r, 4) == 0;
    s->external = scene.plan->breadth.width >= WIDTH_HELPER && s->wifi && rng_below(&r, 4) == 0;
    if (scene.plan->breadth.width >= WIDTH_PHONES)
        s->n_phones = 1 + (unsigned) (rng_below(&r, 2) ? rng_below(&r, PHONES_MAX) : 0);
}

static void put_files(void)
{
    char conf[4096];
    int n = snprintf(conf, sizeof conf,
                     "did=%d\nmac=AA:BB:CC:DD:EE:FF\nmodel=world.test.v1\nvendor=world\nprovisioning=%s\nble=none\n", DID,
                     scene.shape.external ? "wifi\nhelper=external"
                     : scene.shape.wifi   ? "wifi\nhooks=/hooks"
                                          : "none");

    sides_conf(conf + n, sizeof conf - (size_t) n);
    disk_put_dir("/etc");
    disk_put_dir("/etc/miio");
    disk_put_dir("/run");
    disk_put_dir("/tmp");
    disk_put("/etc/miio/device.conf", conf, strlen(conf));
    disk_put("/etc/miio/device.token", TOKEN, 16);
}

static void add_program(const char *name, main_fn *fn, char **argv, bool single, const char *const *env)
{
    struct program *p = &scene.programs[scene.n_programs++];

    *p = (struct program){.name = name, .main = fn, .argv = argv, .single = single, .env = env};
    program_load(p);
}

static bool has_mqtt(void)
{
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        if (scene.shape.sides[i] == SIDE_MQTT)
            return true;
    return false;
}

static void put_programs(void)
{
    static char *agent[] = {"miio_agent", "--listen", "127.0.0.1:54320", "--unix", "/run/agent.sock", NULL, NULL, NULL,
                            NULL,         NULL};
    static char *client[] = {"miio_client", "-d", "/etc/miio", NULL};
    static char *between[] = {"--upstream", "127.0.0.1:54329"}, *few[] = {"--max-connections", "80"};
    static const char *const env[] = {"MIIO_AGENT=unix:/run/agent.sock", NULL};
    static char names[APPS_MAX][8], numbers[APPS_MAX][3][12], *argv[APPS_MAX][6];
    const uint64_t n_kinds = scene.plan->breadth.width < WIDTH_APPS ? APP_FIRST_KINDS : APP_KINDS;

    if (troubles.between)
        memcpy(&agent[5], between, sizeof between);
    if (troubles.half)
        memcpy(&agent[troubles.between ? 7 : 5], few, sizeof few);
    add_program("agent", world_agent_main, agent, true, NULL);
    add_program("client", world_client_main, client, true, NULL);
    for (unsigned i = 0; i < scene.shape.n_apps; i++) {
        int kind = i == 0 ? APP_GOOD : (int) rng_below(&scene.traffic, n_kinds);

        scene.app_kinds[i] = kind;
        snprintf(names[i], sizeof names[i], "app%u", i);
        snprintf(numbers[i][0], 12, "%u", i);
        snprintf(numbers[i][1], 12, "%d", kind);
        snprintf(numbers[i][2], 12, "%d", (int) rng_between(&scene.traffic, 10, 120) * 1000);
        argv[i][0] = names[i];
        for (int k = 0; k < 3; k++)
            argv[i][k + 1] = numbers[i][k];
        argv[i][4] = scene.plan->breadth.width >= WIDTH_TROUBLES
                         ? has_mqtt() ? "own" : "big"
                         : NULL; /* reports a property of its own; and what most clouds cannot carry */
        add_program(names[i], kind == APP_OLD || kind == APP_WRONG ? world_old_main : world_app_main, argv[i], false, env);
    }
}

static void put_more_programs(void)
{
    static char *ota[] = {"miio_ota", "--dir", "/data/ota", "--install-hook", "/hooks/install.sh", NULL};
    static char *helper[] = {"miio_client_helper", NULL, NULL}, *between[] = {"between", NULL};
    static char *deaf[] = {"guest", "deaf", NULL}, *half[] = {"guest", "half", NULL}, *asleep[] = {"guest", "asleep", NULL};
    static char *mcu[] = {"miio_mcu", "--tty", "/dev/ttyMCU", "--agent", "unix:/run/agent.sock", NULL};
    static const char *const env[] = {"MIIO_AGENT=unix:/run/agent.sock", NULL};

    if (scene.shape.external) {
        scene.helper = scene.n_programs;
        if (scene.plan->breadth.width >= WIDTH_ENDS)
            helper[1] = (char *) home_helper_kind();
        add_program("helper", world_helper_main, helper, false, NULL);
    }
    if (scene.shape.mcu) {
        scene.mcu = scene.n_programs;
        add_program("mcu", world_mcu_main, mcu, true, env);
    }
    if (scene.shape.ota) {
        scene.ota = scene.n_programs;
        add_program("ota", ota_main, ota, true, env);
    }
    if (troubles.between)
        add_program("between", world_between_main, between, false, NULL);
    if (troubles.deaf)
        add_program("deaf", world_guest_main, deaf, false, NULL);
    if (troubles.half)
        add_program("half", world_guest_main, half, false, NULL);
    if (troubles.asleep)
        add_program("asleep", world_guest_main, asleep, false, NULL);
}

/* The time comes from the network, late. */
static void clock_is_set(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    say("the clock is set");
    W.wall_us = INT64_C(1764000000) * 1000000;
    clock_synced = true;
    trouble_clock_set();
}

static void put_clock(void)
{
    if (!scene.shape.clockless)
        return;
    W.wall_us = 0;
    clock_synced = false;
    after(rng_between(&scene.traffic, 1, 3000) * SECOND, clock_is_set, NULL, 0);
}

static void begin(uint64_t seed)
{
    cJSON_Hooks hooks = {__wrap_malloc, __wrap_free};

    world_init(seed);
    cJSON_InitHooks(&hooks);
    scene.traffic.s = seed ^ 0x7777;
    if (scene.plan->breadth.width == WIDTH_PLAIN)
        plain_shape(&scene.shape);
    else
        wide_shape(&scene.shape, seed);
    trouble_draw(seed);
    reports_keep_order(scene.shape.sides[0] != SIDE_OT || scene.shape.tcp);
    scene.next_command = 1;
    W.on_exit = on_exit_of;
    W.on_line = on_line;
    put_files();
    sides_open();
    scene.lan = net_host(IP(10, 0, 0, 77), "phone", 3 * MS);
    scene.lan->first_ip = IP(10, 0, 1, 0);
    scene.lan->n_ips = PHONES_MAX;
    for (unsigned i = 0; i < scene.shape.n_phones; i++)
        phone_open(&scene.phones[i], i ? scene.lan->first_ip + i : scene.lan->ip, 40000, scene.lan, DID, TOKEN);
    put_programs();
    put_more_programs();
    put_clock();
    home_open();
    firmware_open();
    bridge_open();
    trouble_open();
}

void world_live(uint64_t seed, uint64_t hours, const struct plan *p, const bool *left_out)
{
    scene.plan = p;
    scene.left_out = left_out;
    scene.rest_us = hours * 3600 * SECOND;
    begin(seed);
    for (unsigned i = 0; i < scene.n_programs; i++)
        after(rng_below(&scene.traffic, 4000) * MS, scene_start, NULL, (uint64_t) i);
    scene_disturbed("start");
    scene_line_disturbed();
    faults_begin();
    after(SECOND, on_second, NULL, 0);
    traffic_begin();
    if (is_wide(WIDTH_SUMS)) {
        ledger_begin();
        pauses_begin();
        papers_begin();
    }
    world_run((hours * 3600 + LONGEST_FAULT_S + REST_S - LAST_LOOK_S) * SECOND);
    firmware_looks();
    world_run((hours * 3600 + LONGEST_FAULT_S + REST_S) * SECOND);
    if (!home_is_settled())
        traffic_forgiven();
    if (!W.failed)
        home_at_rest();
    if (!W.failed)
        bridge_at_rest();
    if (!W.failed)
        promises_at_rest();
    if (!W.failed)
        traffic_at_rest();
    if (!W.failed && is_wide(WIDTH_SUMS))
        rest_looks();
    scene.over = !W.failed;
    for (unsigned i = 0; i < scene.n_programs && !W.failed; i++)
        if (scene.programs[i].single)
            terminate(i);
    world_run(W.now_us + 5 * SECOND);
}
