/* SPDX-License-Identifier: MIT */
#include "tests/world/firmware.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/kernel/calls.h"
#include "tests/world/kernel/files.h"
#include "tests/world/home.h"
#include "tests/world/scene.h"
#include "tests/world/stand/http.h"
#include "tests/world/trouble/part.h"
#include "tests/world/trouble/trouble.h"

enum { FILES = 3, SIZE_MAX_ = 300000 };

static struct {
    struct http_server server;
    struct link *link;
    char *file[FILES], md5[FILES][33];
    size_t n[FILES];
    bool offered[FILES]; /* under its sum */
    uint64_t question, pid;
} fw;

void firmware_sum(const char *p, size_t n, char out[33])
{
    unsigned char sum[16];

    EVP_Digest(p, n, sum, NULL, EVP_md5(), NULL);
    for (int i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/* ---- the server ---- */

static void on_ask(void *user, const struct http_ask *ask, struct http_answer *out)
{
    int i = ask->path[strlen("/fw")] - '0';

    (void) user;
    if (strncmp(ask->path, "/fw", 3) != 0 || strcmp(ask->method, "GET") != 0 || i < 0 || i >= FILES) {
        out->status = 404;
        return;
    }
    out->status = ask->range_from ? 206 : 200;
    if (ask->range_from >= fw.n[i]) {
        out->status = 416;
        snprintf(out->headers, sizeof out->headers, "Content-Range: bytes */%zu\r\n", fw.n[i]);
        return;
    }
    if (ask->range_from)
        snprintf(out->headers, sizeof out->headers, "Content-Range: bytes %llu-%zu/%zu\r\n", (unsigned long long) ask->range_from,
                 fw.n[i] - 1, fw.n[i]);
    out->body = fw.file[i] + ask->range_from;
    out->n = fw.n[i] - ask->range_from;
    out->piece_us = 200 * MS;
}

/* ---- commands ---- */

/* One in six has a wrong sum: then nothing may be installed. */
static void offer(void *arg, uint64_t unused)
{
    static const char *const procs[] = {"dnld install", "dnld install", "dnld", "install"};
    struct side *s = &scene.sides[rng_below(&scene.traffic, scene.shape.n_sides)];
    unsigned i = (unsigned) rng_below(&scene.traffic, FILES);
    bool wrong = rng_below(&scene.traffic, 6) == 0;
    const char *proc = procs[rng_below(&scene.traffic, 4)];
    uint64_t n = scene.next_command;
    char text[300];

    (void) arg;
    (void) unused;
    if (W.now_us > scene.rest_us)
        return;
    after(rng_between(&scene.traffic, 600, 4000) * SECOND, offer, NULL, 0);
    snprintf(text, sizeof text,
             "{\"id\":%llu,\"method\":\"miIO.ota\",\"params\":{\"app_url\":\"http://files.world/fw%u.bin\",\"file_md5\":\"%s\","
             "\"proc\":\"%s\",\"mode\":\"normal\"}}",
             (unsigned long long) n, i, wrong ? "00000000000000000000000000000000" : fw.md5[i], proc);
    if (side_gives(s, n, text)) {
        say("command %llu is an update: fw%u, %s%s", (unsigned long long) n, i, proc, wrong ? ", a wrong sum" : "");
        fw.offered[i] = fw.offered[i] || !wrong;
        scene.next_command++;
    }
}

void firmware_looks(void)
{
    char text[100];

    if (!scene.shape.ota || fw.question)
        return;
    snprintf(text, sizeof text, "{\"id\":%llu,\"method\":\"miIO.get_ota_state\",\"params\":[]}",
             (unsigned long long) scene.next_command);
    if (side_gives(&scene.sides[0], scene.next_command, text))
        fw.question = scene.next_command++;
}

static void fate_goes_on(uint64_t n, const char *text);

void firmware_answered(uint64_t n, const char *text)
{
    if (n > 0)
        fate_goes_on(n, text);
    if (n > 0 && n == fw.question &&
        (strstr(text, "downloading") || strstr(text, "\"downloaded\"") || strstr(text, "installing")))
        broken("an update is under way for ever: %.100s", text);
}

/* ---- miio_ota dies, and goes on ---- */

enum { LOOK_EVERY_S = 60, ENDS_WITHIN_S = 600 };

static struct {
    uint64_t command, accepted_us, question, boots;
} fate;

static void look_at_fate(void *arg, uint64_t n)
{
    char text[100];

    (void) arg;
    if (fate.command != n || scene.over || !no_fault_since(fate.accepted_us))
        return;
    after(LOOK_EVERY_S * SECOND, look_at_fate, NULL, n);
    snprintf(text, sizeof text, "{\"id\":%llu,\"method\":\"miIO.get_ota_state\",\"params\":[]}",
             (unsigned long long) scene.next_command);
    if (side_gives(&scene.sides[0], scene.next_command, text))
        fate.question = scene.next_command++;
}

static void die(void *arg, uint64_t n)
{
    (void) arg;
    if (fate.command != n || !runs(scene.ota) || !no_fault_since(fate.accepted_us))
        return;
    say("miio_ota dies with an update under way");
    proc_kill(scene.procs[scene.ota]);
}

void firmware_dies(void)
{
    struct side *s = &scene.sides[rng_below(&trouble_rng, scene.shape.n_sides)];
    unsigned i = (unsigned) rng_below(&trouble_rng, FILES);
    uint64_t n = scene.next_command;
    char text[300];

    if (!scene.shape.ota || !runs(scene.ota) || scene.procs[scene.ota]->started_us + LOOK_EVERY_S * SECOND > W.now_us)
        return;
    snprintf(text, sizeof text,
             "{\"id\":%llu,\"method\":\"miIO.ota\",\"params\":{\"app_url\":\"http://files.world/fw%u.bin\",\"file_md5\":\"%s\","
             "\"proc\":\"dnld install\",\"mode\":\"normal\"}}",
             (unsigned long long) n, i, fw.md5[i]);
    if (!side_gives(s, n, text))
        return;
    fw.offered[i] = true;
    scene.next_command++;
    fate.command = n;
    fate.accepted_us = fate.question = 0;
    fate.boots = home.boots;
}

static void fate_goes_on(uint64_t n, const char *text)
{
    if (n == fate.command && !fate.accepted_us && strstr(text, "OK")) {
        fate.accepted_us = W.now_us;
        after(rng_between(&trouble_rng, 10, 30000) * MS, die, NULL, n);
        after(LOOK_EVERY_S * SECOND, look_at_fate, NULL, n);
    }
    if (n != fate.question || !fate.accepted_us || !no_fault_since(fate.accepted_us) || fate.boots != home.boots)
        return;
    if (strstr(text, "\"idle\""))
        broken("an update was accepted, and miio_ota knows nothing of it: %.100s", text);
    if (strstr(text, "\"downloading\"") || strstr(text, "\"downloaded\"") || strstr(text, "\"installing\"")) {
        if (fate.accepted_us + ENDS_WITHIN_S * SECOND < W.now_us)
            broken("an update was accepted %d s ago, and is under way for ever: %.100s", ENDS_WITHIN_S, text);
    } else {
        fate.command = 0;
    }
}

/* ---- the installation ---- */

#define STORED "/data/ota/firmware.bin"
#define PROC   "/proc/4242/cmdline"

static int install(void *user, int status)
{
    const char *path = STORED;
    const struct bytes *b = disk_get(path);
    char sum[33] = "", line[8];
    bool known = false, offered = false;

    if ((uint64_t) (uintptr_t) user != home.boots)
        return status;
    disk_remove(PROC);
    if (b)
        firmware_sum(b->p, b->n, sum);
    for (int i = 0; i < FILES; i++)
        if (strcmp(sum, fw.md5[i]) == 0) {
            known = true;
            offered = offered || fw.offered[i];
        }
    say("installs %s: %s", path, sum);
    if (!known)
        broken("what is installed was never offered: %s", path);
    else if (!offered)
        broken("what is installed was never offered under its sum: %s", path);
    snprintf(line, sizeof line, "%d\n", status);
    disk_put("/data/ota/install.status", line, strlen(line));
    return status;
}

/* sh -c WRAPPER miio_ota DIR PROG FILE MD5 MODE */
bool firmware_spawns(const uv_process_options_t *o, struct spawned *out)
{
    static const char line[] = "sh\0-c\0install.status\0/data/ota/";

    if (strcmp(o->file, "/bin/sh") != 0 || !o->args[6])
        return false;
    if (strcmp(o->args[6], STORED) != 0)
        broken("miio_ota installs %s", o->args[6]);
    disk_put("/data/ota/install.pid", "4242\n", 5);
    disk_put(PROC, line, sizeof line);
    out->after_us = rng_between(&W.rng, 1, 40) * SECOND;
    out->status = rng_below(&W.rng, 8) == 0;
    out->at_end = install;
    out->user = (void *) (uintptr_t) home.boots;
    return true;
}

void firmware_boots(void)
{
    disk_remove(PROC);
}

/* ---- bad luck ---- */

void firmware_suffers(int arg)
{
    if (!fw.link)
        return;
    fw.server.fails = arg % 4 == 0;
    fw.server.mute = arg % 4 == 1;
    fw.server.cut_after = arg % 4 == 2 ? 1 + (unsigned) arg / 4 % 100000 : 0;
    fw.link->down = arg % 4 == 3;
    if (arg / 4 % 2)
        net_cut(fw.link);
}

void firmware_is_well(void)
{
    fw.server.fails = fw.server.mute = false;
    fw.server.cut_after = 0;
    if (fw.link)
        fw.link->down = false;
}

void firmware_open(void)
{
    struct rng r = {W.seed ^ 0x99};

    if (!scene.shape.ota)
        return;
    for (int i = 0; i < FILES; i++) {
        fw.n[i] = (size_t) rng_between(&r, 100, SIZE_MAX_);
        fw.file[i] = malloc(fw.n[i]);
        for (size_t k = 0; k < fw.n[i]; k++)
            fw.file[i][k] = (char) rng_next(&r);
        firmware_sum(fw.file[i], fw.n[i], fw.md5[i]);
    }
    fw.link = net_host(IP(10, 9, 1, 1), "files", 20 * MS);
    resolver.at[resolver.n].name = "files.world";
    resolver.at[resolver.n++].ip = IP(10, 9, 1, 1);
    fw.server.on_ask = on_ask;
    http_open(&fw.server, IP(10, 9, 1, 1), 80);
    disk_put_dir("/hooks");
    disk_put_dir("/");
    disk_put_program("/hooks/install.sh");
    disk_put_dir("/data");
    disk_put_dir("/data/ota");
    disk_find("/data/ota")->mode = 0700;
    after(rng_between(&scene.traffic, 60, 1500) * SECOND, offer, NULL, 0);
}
