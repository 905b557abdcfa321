/* SPDX-License-Identifier: MIT */
#include "client/cloud/ot/core/ot_line.h"

#include "libagent/core/deadline.h"

void ot_line_init(struct ot_line *l, uint32_t seed)
{
    *l = (struct ot_line){.phase = OT_LINE_OFF};
    ag_backoff_init(&l->backoff, OT_LINE_FIRST_MS, OT_LINE_FIRST_MS, OT_LINE_MAX_MS, seed);
}

static void pause_until(struct ot_line *l, uint64_t at_ms)
{
    l->phase = OT_LINE_PAUSING;
    l->at_ms = at_ms;
}

void ot_line_start(struct ot_line *l, uint64_t now_ms)
{
    if (l->phase == OT_LINE_OFF)
        pause_until(l, now_ms);
}

void ot_line_stop(struct ot_line *l)
{
    l->phase = OT_LINE_OFF;
    l->kicked = false;
}

void ot_line_kick(struct ot_line *l)
{
    l->kicked = l->phase != OT_LINE_OFF;
}

static enum ot_line_do look_up(struct ot_line *l, enum ot_line_do how)
{
    l->phase = OT_LINE_RESOLVING;
    l->n_left = 0;
    return how;
}

static enum ot_line_do restart(struct ot_line *l)
{
    l->kicked = false;
    l->was_up = false;
    ag_backoff_reset(&l->backoff);
    return look_up(l, OT_LINE_RESTART);
}

enum ot_line_do ot_line_step(struct ot_line *l, uint64_t now_ms)
{
    if (l->kicked && l->phase != OT_LINE_RESOLVING)
        return restart(l);
    if (now_ms < ot_line_deadline(l))
        return OT_LINE_WAIT;
    if (l->phase == OT_LINE_CONNECTING)
        return OT_LINE_GIVE_UP;
    return l->n_left > 0 ? OT_LINE_OPEN : look_up(l, OT_LINE_LOOK_UP);
}

uint64_t ot_line_deadline(const struct ot_line *l)
{
    if (l->kicked && l->phase != OT_LINE_RESOLVING)
        return 0;
    return l->phase == OT_LINE_CONNECTING || l->phase == OT_LINE_PAUSING ? l->at_ms : AG_NEVER;
}

void ot_line_found(struct ot_line *l, unsigned n, uint64_t now_ms)
{
    l->n_left = n;
    pause_until(l, now_ms);
}

void ot_line_opened(struct ot_line *l, bool connecting, uint64_t now_ms)
{
    l->n_left--;
    l->phase = connecting ? OT_LINE_CONNECTING : OT_LINE_TALKING;
    l->at_ms = now_ms + OT_LINE_CONNECT_MS;
}

void ot_line_talking(struct ot_line *l)
{
    l->phase = OT_LINE_TALKING;
}

void ot_line_up(struct ot_line *l, uint64_t now_ms)
{
    l->was_up = true;
    l->up_ms = now_ms;
}

uint32_t ot_line_failed(struct ot_line *l, uint64_t now_ms)
{
    uint32_t pause_ms;

    if (l->was_up) {
        ag_backoff_session_ended(&l->backoff, now_ms - l->up_ms);
        l->n_left = 0;
    }
    l->was_up = false;
    pause_ms = l->kicked ? 0 : ag_backoff_next(&l->backoff); /* kicked: the next step starts over */
    pause_until(l, now_ms + pause_ms);
    return pause_ms;
}
