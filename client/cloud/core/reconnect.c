/* SPDX-License-Identifier: MIT */
#include "client/cloud/core/reconnect.h"

enum { REFUSED_FIRST_MS = 10000, REFUSED_MAX_MS = 300000 };

void reconnect_init(struct reconnect *r, uint32_t first_ms, uint32_t step_ms, uint32_t max_ms, uint32_t seed)
{
    *r = (struct reconnect){.up = false};
    ag_backoff_init(&r->after_cut, first_ms, step_ms, max_ms, seed);
    ag_backoff_init(&r->after_refusal, REFUSED_FIRST_MS, 0, REFUSED_MAX_MS, seed);
}

void reconnect_init_steps(struct reconnect *r, uint32_t step_ms, uint32_t max_ms)
{
    *r = (struct reconnect){.in_steps = true};
    ag_backoff_init_steps(&r->after_cut, step_ms, max_ms);
    ag_backoff_init_steps(&r->after_refusal, step_ms, max_ms);
}

void reconnect_up(struct reconnect *r, uint64_t now_ms)
{
    r->up = true;
    r->up_ms = now_ms;
    ag_backoff_reset(&r->after_refusal);
}

uint32_t reconnect_down(struct reconnect *r, bool login_refused, uint64_t now_ms, bool *suspect_out)
{
    bool was_up = r->up;

    *suspect_out = false;
    if (r->up && ag_backoff_session_ended(&r->after_cut, now_ms - r->up_ms))
        r->n_short = r->n_spared = 0;
    else if (r->up && r->n_spared < r->spared)
        r->n_spared++;
    else if (r->up)
        *suspect_out = ++r->n_short == RECONNECT_SHORT_MAX;
    r->up = false;
    if (r->in_steps && was_up && r->n_short <= 1 && r->after_cut.tries == 0)
        return 0;
    return ag_backoff_next(login_refused ? &r->after_refusal : &r->after_cut);
}

void reconnect_left(struct reconnect *r)
{
    r->up = false;
}

void reconnect_reset(struct reconnect *r)
{
    r->n_short = r->n_spared = 0;
    ag_backoff_reset(&r->after_cut);
    ag_backoff_reset(&r->after_refusal);
}
