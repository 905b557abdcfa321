/* SPDX-License-Identifier: MIT */
#include "tests/world/bridge.h"

#include <stdio.h>
#include <string.h>
#include "tests/world/firmware.h"
#include "tests/world/kernel/files.h"
#include "tests/world/scene.h"
#include "tests/world/stand/mcu.h"
#include "tests/world/trouble/part.h"
#include "tests/world/trouble/trouble.h"

#define TTY "/dev/ttyMCU"

enum { REPLY_WITHIN_S = 10, ASKED_WITHIN_S = 60, GIVEN_WITHIN_S = 600, UP_S = 40, LASTS_S = 700 };

static struct mcu_stand mcu;
static bool is_out; /* the adapter is not there */
static uint64_t suffered_us;

static struct vfile *on_open(struct proc *p, const char *path)
{
    return strcmp(path, TTY) == 0 && !is_out ? mcu_open(&mcu, p) : NULL;
}

static void on_turn(void *arg, uint64_t n)
{
    (void) arg;
    mcu_turn(&mcu);
    if (!scene.over)
        after(rng_between(&W.rng, 1000, 2500) * MS, on_turn, NULL, n + 1);
}

static void next_command(void *arg, uint64_t unused)
{
    static const char *const texts[] = {
        "\"method\":\"get_properties\",\"params\":[{\"did\":\"1\",\"siid\":2,\"piid\":1},"
        "{\"did\":\"1\",\"siid\":3,\"piid\":7}]",
        "\"method\":\"set_properties\",\"params\":[{\"did\":\"1\",\"siid\":2,\"piid\":1,\"value\":5}]",
        "\"method\":\"action\",\"params\":{\"did\":\"1\",\"siid\":2,\"aiid\":1,\"in\":[]}"};
    struct side *s = &scene.sides[rng_below(&scene.traffic, scene.shape.n_sides)];
    uint64_t n = scene.next_command;
    char text[300];

    (void) arg;
    (void) unused;
    if (W.now_us > scene.rest_us)
        return;
    after(rng_between(&scene.traffic, 20, 200) * SECOND, next_command, NULL, 0);
    snprintf(text, sizeof text, "{\"id\":%llu,%s}", (unsigned long long) n, texts[rng_below(&scene.traffic, 3)]);
    scene.next_command += side_gives(s, n, text);
}

/* ---- firmware ---- */

#define IMAGE "/var/lib/miio/ota/mcu.bin"

enum { IMAGE_MAX = 40000 };

static struct {
    char bytes[IMAGE_MAX], md5[33];
    size_t n;
} image;

/* The one that was offered last; n 0: none. */
static struct {
    uint64_t n, given_us;
    bool wrong, accepted;
    int pid;
} update;

static bool nothing_since(uint64_t us)
{
    return no_fault_since(us) && scene.disturbed_us < us && scene.line_disturbed_us < us && suffered_us < us && runs(scene.mcu) &&
           scene.procs[scene.mcu]->pid == update.pid;
}

/* Told to come, it comes to the MCU; and one that is ready for it gets it whole. */
static void look_for_image(void *arg, uint64_t n)
{
    (void) arg;
    if (update.n == n && nothing_since(update.given_us) && mcu.ready_us > update.given_us && mcu.given_us < mcu.ready_us)
        broken("the MCU has been ready for its firmware for %d s, and has not got it", GIVEN_WITHIN_S);
}

static void look_for_question(void *arg, uint64_t n)
{
    (void) arg;
    if (update.n != n || !nothing_since(update.given_us))
        return;
    if (mcu.update_asked_us < update.given_us)
        broken("firmware for the MCU was accepted %d s ago, and it has not been asked", ASKED_WITHIN_S);
}

static void update_answered(const char *text)
{
    bool accepted = strstr(text, "\"result\"");

    if (accepted && update.wrong)
        broken("firmware under a wrong sum was accepted: %.100s", text);
    if (!accepted || update.accepted)
        return;
    update.accepted = true;
    after(ASKED_WITHIN_S * SECOND, look_for_question, NULL, update.n);
    after(GIVEN_WITHIN_S * SECOND, look_for_image, NULL, update.n);
}

/* One in six under a wrong sum: then nothing may be given to the MCU. */
static void next_update(void *arg, uint64_t unused)
{
    struct side *s = &scene.sides[rng_below(&scene.traffic, scene.shape.n_sides)];
    bool wrong = rng_below(&scene.traffic, 6) == 0;
    uint64_t n = scene.next_command;
    char text[300];

    (void) arg;
    (void) unused;
    if (W.now_us > scene.rest_us)
        return;
    after(rng_between(&scene.traffic, 900, 5000) * SECOND, next_update, NULL, 0);
    snprintf(text, sizeof text, "{\"id\":%llu,\"method\":\"mcu.update\",\"params\":{\"file\":\"" IMAGE "\",\"md5\":\"%s\"}}",
             (unsigned long long) n, wrong ? "00000000000000000000000000000000" : image.md5);
    if (!side_gives(s, n, text))
        return;
    say("command %llu is firmware for the MCU%s", (unsigned long long) n, wrong ? ", a wrong sum" : "");
    scene.next_command++;
    update.n = n;
    update.wrong = wrong;
    update.accepted = false;
    update.given_us = W.now_us;
    update.pid = runs(scene.mcu) ? scene.procs[scene.mcu]->pid : 0;
}

/* ---- miio_mcu ends ---- */

enum { WAITING = 3, MUTE_S = 3, GIVE_S = 2, WELL_S = 2 };

static struct {
    uint64_t n[WAITING], at_us;
} waiting;

static void speaks_again(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    if (scene.n_planned == 0)
        mcu.mute = false;
}

static void end_now(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    say("miio_mcu ends while commands wait for the MCU");
    if (no_fault_since(waiting.at_us))
        terminate(scene.mcu);
    after(WELL_S * SECOND, speaks_again, NULL, 0);
}

static void give_some(void *arg, uint64_t unused)
{
    struct side *s = arg;

    (void) unused;
    for (int i = 0; i < WAITING; i++) {
        uint64_t n = scene.next_command;
        char text[200];

        snprintf(text, sizeof text,
                 "{\"id\":%llu,\"method\":\"get_properties\",\"params\":[{\"did\":\"1\",\"siid\":2,\"piid\":1}]}",
                 (unsigned long long) n);
        waiting.n[i] = side_gives(s, n, text) ? n : 0;
        scene.next_command += waiting.n[i] > 0;
    }
    after(GIVE_S * SECOND, end_now, NULL, 0);
}

/* The MCU says nothing for a moment, so that they wait. */
void bridge_ends(void)
{
    struct side *s = &scene.sides[rng_below(&trouble_rng, scene.shape.n_sides)];

    if (!scene.shape.mcu || !runs(scene.mcu) || scene.procs[scene.mcu]->started_us + UP_S * SECOND > W.now_us || is_out ||
        !mcu.line || mcu.loader.on || W.now_us < mcu.boots_us || (update.n && update.given_us + LASTS_S * SECOND > W.now_us))
        return;
    mcu.mute = true;
    waiting.at_us = W.now_us;
    memset(waiting.n, 0, sizeof waiting.n);
    after(MUTE_S * SECOND, give_some, s, 0);
}

void bridge_answered(uint64_t n, const char *text)
{
    if (n > 0 && n == update.n)
        update_answered(text);
    for (int i = 0; n > 0 && i < WAITING; i++) {
        if (n != waiting.n[i])
            continue;
        waiting.n[i] = 0;
        bool updates = update.n > 0 && update.given_us >= waiting.at_us; /* then it is refused at once */
        if (no_fault_since(waiting.at_us) && !updates && !strstr(text, "shutting down"))
            broken("command %llu waited for the MCU when miio_mcu was told to end, and was answered %.200s",
                   (unsigned long long) n, text);
    }
}

static void put_image(void)
{
    struct rng r = {W.seed ^ 0x6789};

    image.n = (size_t) rng_between(&r, 1, IMAGE_MAX);
    if (rng_below(&r, 4) == 0)
        image.n = (image.n + 127) & ~(size_t) 127; /* it fills its last block */
    if (image.n > IMAGE_MAX)
        image.n = IMAGE_MAX;
    for (size_t i = 0; i < image.n; i++)
        image.bytes[i] = (char) rng_next(&r);
    firmware_sum(image.bytes, image.n, image.md5);
    disk_put_dir("/");
    disk_put_dir("/var");
    disk_put_dir("/var/lib");
    disk_put_dir("/var/lib/miio");
    disk_put_dir("/var/lib/miio/ota");
    disk_put(IMAGE, image.bytes, image.n);
    mcu.image = image.bytes;
    mcu.n_image = image.n;
    after(rng_between(&scene.traffic, 100, 2000) * SECOND, next_update, NULL, 0);
}

/* The line is well and has been for long: the MCU is not left without a reply. */
void bridge_at_rest(void)
{
    if (!scene.shape.mcu || is_out || !mcu.line || !mcu.waits || W.now_us - mcu.asked_us < REPLY_WITHIN_S * SECOND)
        return;
    broken("the MCU has said a line %llu s ago, and no reply has come",
           (unsigned long long) ((W.now_us - mcu.asked_us) / SECOND));
}

void bridge_suffers(int arg)
{
    suffered_us = W.now_us;
    is_out = arg % 3 == 0;
    mcu.mute = arg % 3 == 1;
    if (arg % 3 != 1)
        mcu_hang_up(&mcu);
}

void bridge_is_well(void)
{
    if (is_out || mcu.mute)
        suffered_us = W.now_us;
    is_out = mcu.mute = false;
}

void bridge_open(void)
{
    if (!scene.shape.mcu)
        return;
    disk_device = on_open;
    disk_put_dir("/dev");
    after(3 * SECOND, on_turn, NULL, 0);
    after(60 * SECOND, next_command, NULL, 0);
    if (scene.plan->breadth.width >= WIDTH_PHONES)
        put_image();
}
