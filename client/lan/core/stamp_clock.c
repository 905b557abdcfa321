/* SPDX-License-Identifier: MIT */
#include "client/lan/core/stamp_clock.h"

uint32_t stamp_clock_stamp(uint64_t now_ms, uint32_t now_s)
{
    return now_s >= STAMP_CLOCK_SET_S ? now_s : (uint32_t) (now_ms / 1000);
}

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

bool stamp_clock_look(struct stamp_clock *c, uint64_t now_ms, uint32_t now_s)
{
    int64_t offset_s = (int64_t) stamp_clock_stamp(now_ms, now_s) - (int64_t) (now_ms / 1000);
    int64_t before_s = c->offset_s;
    bool stepped = c->running && distance(offset_s, before_s) > STAMP_CLOCK_STEP_S;

    c->running = true;
    c->offset_s = offset_s;
    if (!stepped)
        return false;
    c->old[c->next_old].offset_s = before_s;
    c->old[c->next_old].until_ms = now_ms + STAMP_CLOCK_GRACE_MS;
    c->next_old = (c->next_old + 1) % STAMP_CLOCK_N_OLD;
    return offset_s < before_s;
}

void stamp_clock_start(struct stamp_clock *c, uint64_t now_ms)
{
    c->has_start = true;
    c->start_s = (int64_t) (now_ms / 1000);
}

/* The highest stamp that counts as from before the start, by the clock with that offset: a phone that keeps counting is heard a
   second later. A narrow window leaves less room for the stamp told instead. */
static int64_t floor_of(const struct stamp_clock *c, int64_t offset_s, uint32_t window_s)
{
    int64_t earlier_s = window_s < 4 ? 2 - (int64_t) (window_s / 2) : 0;

    return c->has_start ? offset_s + c->start_s - earlier_s : INT64_MIN;
}

uint32_t stamp_clock_told(const struct stamp_clock *c, uint32_t window_s, uint64_t now_ms, uint32_t now_s)
{
    uint32_t stamp = stamp_clock_stamp(now_ms, now_s);
    int64_t least = floor_of(c, (int64_t) stamp - (int64_t) (now_ms / 1000), window_s);

    if (window_s == 0 || least < 0 || least + 2 <= stamp)
        return stamp;
    return (uint32_t) (least + 2); /* the seconds of the two clocks do not begin together */
}

static bool is_near(const struct stamp_clock *c, int64_t offset_s, uint32_t stamp, uint32_t window_s, uint64_t now_ms)
{
    return distance(stamp, offset_s + (int64_t) (now_ms / 1000)) <= window_s && stamp > floor_of(c, offset_s, window_s);
}

bool stamp_clock_is_good(const struct stamp_clock *c, uint32_t stamp, uint32_t window_s, uint64_t now_ms)
{
    if (window_s == 0 || is_near(c, c->offset_s, stamp, window_s, now_ms))
        return true;
    for (unsigned i = 0; i < STAMP_CLOCK_N_OLD; i++) {
        if (now_ms < c->old[i].until_ms && is_near(c, c->old[i].offset_s, stamp, window_s, now_ms))
            return true;
    }
    return false;
}

int64_t stamp_clock_apart(const struct stamp_clock *c, uint32_t a, uint32_t b, uint64_t now_ms)
{
    int64_t offsets[1 + STAMP_CLOCK_N_OLD] = {c->offset_s}, least = distance(a, b);
    unsigned n = 1;

    for (unsigned i = 0; i < STAMP_CLOCK_N_OLD; i++)
        if (now_ms < c->old[i].until_ms)
            offsets[n++] = c->old[i].offset_s;
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < n; k++) {
            int64_t apart = distance(a - offsets[i], b - offsets[k]);

            least = apart < least ? apart : least;
        }
    return least;
}
