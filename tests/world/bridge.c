/* SPDX-License-Identifier: MIT */
#include "tests/world/bridge.h"

#include <stdio.h>
#include <string.h>
#include "tests/world/firmware.h"
#include "tests/world/kernel/files.h"
#include "tests/world/scene.h"
#include "tests/world/stand/mcu.h"

#define TTY "/dev/ttyMCU"

enum { REPLY_WITHIN_S = 10 };

static struct mcu_stand mcu;
static bool is_out; /* the adapter is not there */

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
    is_out = arg % 3 == 0;
    mcu.mute = arg % 3 == 1;
    if (arg % 3 != 1)
        mcu_hang_up(&mcu);
}

void bridge_is_well(void)
{
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
