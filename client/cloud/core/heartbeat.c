/* SPDX-License-Identifier: MIT */
#include "client/cloud/core/heartbeat.h"

#include "libagent/core/deadline.h"

void heartbeat_init(struct heartbeat *h, uint32_t interval_ms)
{
    *h = (struct heartbeat){.interval_ms = interval_ms < HEARTBEAT_GAP_MS ? HEARTBEAT_GAP_MS : interval_ms};
}

void heartbeat_start(struct heartbeat *h, uint64_t now_ms)
{
    h->unanswered = 0;
    h->due_ms = now_ms + h->interval_ms;
}

/* When one more ping is within what the server allows. One place of the window is left free. */
static uint64_t allowed_at(const struct heartbeat *h)
{
    const unsigned n = HEARTBEAT_WINDOW_MAX;
    uint64_t at = 0;

    if (h->n_sent > 0)
        at = h->sent[(h->next + n - 1) % n] + HEARTBEAT_GAP_MS;
    if (h->n_sent >= n - 1) {
        uint64_t full = h->sent[(h->next + 1) % n] + HEARTBEAT_WINDOW_MS;

        if (full > at)
            at = full;
    }
    return at;
}

static void note(struct heartbeat *h, uint64_t now_ms)
{
    h->sent[h->next] = now_ms;
    h->next = (h->next + 1) % HEARTBEAT_WINDOW_MAX;
    if (h->n_sent < HEARTBEAT_WINDOW_MAX)
        h->n_sent++;
    h->unanswered++;
    h->due_ms = now_ms + h->interval_ms;
}

enum heartbeat_do heartbeat_step(struct heartbeat *h, uint64_t now_ms)
{
    uint64_t allowed;

    if (now_ms < h->due_ms)
        return HEARTBEAT_WAIT;
    if (h->unanswered >= HEARTBEAT_MISSES)
        return HEARTBEAT_DEAD;
    allowed = allowed_at(h);
    if (now_ms < allowed) {
        h->due_ms = allowed;
        return HEARTBEAT_WAIT;
    }
    note(h, now_ms);
    return HEARTBEAT_PING;
}

void heartbeat_sent(struct heartbeat *h, uint64_t now_ms)
{
    note(h, now_ms);
}

void heartbeat_answered(struct heartbeat *h)
{
    h->unanswered = 0;
}

uint64_t heartbeat_wait_ms(const struct heartbeat *h, uint64_t now_ms)
{
    return ag_ms_until(h->due_ms, now_ms);
}
