#include "client/setup/core/join.h"

void join_init(struct join *j)
{
    *j = (struct join){.max_tries = 5, .pause_ms = 3000, .grace_ms = 500};
}

bool join_begin(struct join *j, uint64_t now_ms)
{
    if (j->active)
        return false;
    j->active = true;
    j->running = false;
    j->tries = 0;
    j->next_at_ms = now_ms + j->grace_ms;
    return true;
}

enum join_step join_ended(struct join *j, bool joined, uint64_t now_ms)
{
    if (!j->active || !j->running)
        return JOIN_WAIT;
    j->running = false;
    if (joined || j->tries >= j->max_tries) {
        j->active = false;
        return joined ? JOIN_SUCCESS : JOIN_FAILED;
    }
    j->next_at_ms = now_ms + j->pause_ms;
    return JOIN_WAIT;
}

enum join_step join_tick(struct join *j, uint64_t now_ms)
{
    if (!j->active || j->running || now_ms < j->next_at_ms)
        return JOIN_WAIT;
    j->running = true;
    j->tries++;
    return JOIN_RUN;
}

void join_cancel(struct join *j)
{
    j->active = j->running = false;
}

uint64_t join_next_deadline(const struct join *j)
{
    return j->active && !j->running ? j->next_at_ms : UINT64_MAX;
}
