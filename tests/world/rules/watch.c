/* SPDX-License-Identifier: MIT */
#include "tests/world/rules/promises.h"
#include "tests/world/rules/watch.h"

#include "tests/world/kernel/net.h"
#include "tests/world/home.h"
#include "tests/world/scene.h"
#include "tests/world/trouble/trouble.h"

/* How long a cloud may hear nothing from a device that it has, and how long such a device may stay away while nothing is in its
   way: its longest pause, and a login that is tried. */
static const struct {
    unsigned heard_s, back_s;
} LIMITS[SIDE_KINDS] = {[SIDE_OT] = {40, 150}, [SIDE_MQTT] = {100, 760}, [SIDE_ONENET] = {320, 700}, [SIDE_GIZWITS] = {200, 800}};

/* MENDS_S: of what was disturbed on the line itself. DEVICE_S: the pause of the agent, and of applications. */
enum { MENDS_S = 150, DEVICE_S = 20, AWAITED_S = 150 };

static bool undisturbed(unsigned for_s)
{
    return scene.disturbed_us + for_s * SECOND < W.now_us && scene.line_disturbed_us + for_s * SECOND < W.now_us;
}

static void look_at_side(struct side *s)
{
    unsigned heard_s = LIMITS[s->kind].heard_s, back_s = LIMITS[s->kind].back_s;

    if (side_is_in(s)) {
        s->had_us = W.now_us;
        if (undisturbed(MENDS_S + heard_s) && home_is_settled() && side_heard_us(s) + heard_s * SECOND < W.now_us)
            broken("%s has the device, and has heard nothing of it for %u s", side_name(s->kind), heard_s);
    } else if (undisturbed(back_s) && s->had_us + back_s * SECOND < W.now_us && home_is_settled()) {
        broken("nothing is in its way, and the device has not come back to %s for %u s", side_name(s->kind), back_s);
    }
}

/* What waits for the primary. A report that was refused for a while is held back for a minute. Gizwits acknowledges nothing. */
static void look_at_reports(const struct side *s)
{
    static uint64_t in_since_us;

    if (!side_is_in(s) || s->kind == SIDE_GIZWITS || scene.n_down > 0)
        in_since_us = W.now_us;
    if (in_since_us + AWAITED_S * SECOND < W.now_us && undisturbed(AWAITED_S) && no_fault_since(W.now_us - AWAITED_S * SECOND))
        reports_are_awaited(AWAITED_S);
}

static void look_at_device(void)
{
    if (!runs(AGENT) || !runs(CLIENT) || !undisturbed(DEVICE_S) || troubles.between)
        return;
    if (!net_has(scene.procs[AGENT], 54322))
        broken("nothing is in its way, and the agent has not come to the client for %d s", DEVICE_S);
}

void watch_looks(void)
{
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        look_at_side(&scene.sides[i]);
    look_at_reports(&scene.sides[0]);
    look_at_device();
}
