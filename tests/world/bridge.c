/* SPDX-License-Identifier: MIT */
#include "tests/world/bridge.h"

#include <stdio.h>
#include <string.h>
#include "tests/world/kernel/files.h"
#include "tests/world/scene.h"
#include "tests/world/stand/mcu.h"

#define TTY "/dev/ttyMCU"

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
}
