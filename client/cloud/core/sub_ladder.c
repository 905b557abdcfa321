/* SPDX-License-Identifier: MIT */
#include "client/cloud/core/sub_ladder.h"

void sub_ladder_init(struct sub_ladder *s, uint8_t qos)
{
    *s = (struct sub_ladder){.first = qos, .qos = qos};
}

static void ask(struct sub_ladder *s, uint64_t now_ms)
{
    s->state = SUB_ASKING;
    s->due_ms = now_ms + SUB_LADDER_WAIT_MS;
}

static void give_up(struct sub_ladder *s, uint64_t now_ms)
{
    s->state = SUB_GIVEN_UP;
    s->qos = s->first;
    s->due_ms = now_ms + SUB_LADDER_AGAIN_MS;
}

bool sub_ladder_begin(struct sub_ladder *s, uint64_t now_ms)
{
    if (s->state == SUB_GIVEN_UP && now_ms < s->due_ms)
        return false;
    ask(s, now_ms);
    return true;
}

static void step_down(struct sub_ladder *s, uint64_t now_ms)
{
    s->cuts = 0;
    if (s->qos == 0) {
        give_up(s, now_ms);
        return;
    }
    s->qos--;
    ask(s, now_ms);
}

void sub_ladder_answered(struct sub_ladder *s, int result, uint64_t now_ms)
{
    if (s->state != SUB_ASKING)
        return;
    if (result < 0 || result > 2) {
        step_down(s, now_ms);
        return;
    }
    s->state = SUB_STANDS;
    s->cuts = 0;
    s->due_ms = 0;
}

void sub_ladder_overdue(struct sub_ladder *s, uint64_t now_ms)
{
    if (s->due_ms == 0 || now_ms < s->due_ms)
        return;
    if (s->state == SUB_ASKING)
        step_down(s, now_ms);
    else if (s->state == SUB_GIVEN_UP)
        ask(s, now_ms);
}

bool sub_ladder_lost(struct sub_ladder *s, uint64_t now_ms)
{
    bool asking = s->state == SUB_ASKING;

    if (s->state == SUB_GIVEN_UP)
        return false;
    s->state = SUB_IDLE;
    s->due_ms = 0;
    if (asking && ++s->cuts >= SUB_LADDER_CUTS) {
        s->cuts = 0;
        if (s->qos == 0)
            give_up(s, now_ms);
        else
            s->qos--;
    }
    return asking;
}

bool sub_ladder_is_settled(const struct sub_ladder *s)
{
    return s->state == SUB_STANDS || s->state == SUB_GIVEN_UP;
}
