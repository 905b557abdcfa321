/* SPDX-License-Identifier: MIT */
#include "libagent/core/backoff.h"

void ag_backoff_init(struct ag_backoff *b, uint32_t first_ms, uint32_t step_ms, uint32_t max_ms, uint32_t seed)
{
    *b = (struct ag_backoff){.first_ms = first_ms, .step_ms = step_ms, .max_ms = max_ms, .random = seed | 1};
}

void ag_backoff_init_steady(struct ag_backoff *b, uint32_t first_ms, uint32_t max_ms)
{
    *b = (struct ag_backoff){.first_ms = first_ms, .step_ms = first_ms, .max_ms = max_ms};
}

void ag_backoff_init_steps(struct ag_backoff *b, uint32_t step_ms, uint32_t max_ms)
{
    *b = (struct ag_backoff){.first_ms = step_ms, .step_ms = step_ms, .max_ms = max_ms, .in_steps = true};
}

/* xorshift32: enough to spread a fleet, nothing secret depends on it; 0 stays 0 */
static uint32_t next_random(struct ag_backoff *b)
{
    uint32_t x = b->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return b->random = x;
}

static uint32_t plain_next(const struct ag_backoff *b)
{
    uint64_t next = b->first_ms;

    if (b->tries > 0)
        next = b->in_steps || b->now_ms == 0 ? (uint64_t) b->now_ms + b->step_ms : (uint64_t) b->now_ms * 2;
    return next < b->max_ms ? (uint32_t) next : b->max_ms;
}

uint32_t ag_backoff_next(struct ag_backoff *b)
{
    b->now_ms = plain_next(b);
    if (b->tries < UINT32_MAX)
        b->tries++;
    if (b->now_ms < 4)
        return b->now_ms;
    return b->now_ms - next_random(b) % (b->now_ms / 4 + 1);
}

void ag_backoff_reset(struct ag_backoff *b)
{
    b->tries = 0;
    b->now_ms = 0;
}

bool ag_backoff_session_ended(struct ag_backoff *b, uint64_t lasted_ms)
{
    if (lasted_ms < AG_BACKOFF_LASTED_MS || (!b->in_steps && lasted_ms < (uint64_t) b->now_ms * 2))
        return false;
    ag_backoff_reset(b);
    return true;
}
