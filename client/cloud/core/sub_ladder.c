/* SPDX-License-Identifier: MIT */
#include "client/cloud/core/sub_ladder.h"

#include "libagent/core/deadline.h"

enum { LONGER_MAX = 2 /* doublings of a wait */, CLIMBS_MAX = 4 /* and of the time for which less is kept */ };

void sub_ladder_init(struct sub_ladder *s, uint8_t qos, uint32_t seed)
{
    *s = (struct sub_ladder){.first = qos, .qos = qos, .due_ms = AG_NEVER};
    ag_backoff_init(&s->pauses, SUB_LADDER_FIRST_MS, 0, SUB_LADDER_AGAIN_MS, seed);
}

static void ask(struct sub_ladder *s, uint64_t now_ms)
{
    unsigned longer = s->n_silent < LONGER_MAX ? s->n_silent : LONGER_MAX;

    s->state = SUB_ASKING;
    s->due_ms = now_ms + ((uint64_t) SUB_LADDER_WAIT_MS << longer);
}

static void lower(struct sub_ladder *s, uint64_t now_ms)
{
    s->qos--;
    s->hung_up = s->no == SUB_NO_CUT;
    s->lower_ms = now_ms;
}

static uint64_t climbs_at(const struct sub_ladder *s)
{
    return s->lower_ms + ((uint64_t) SUB_LADDER_KEPT_MS << s->n_climbs);
}

static void climb(struct sub_ladder *s)
{
    s->qos = s->first;
    if (s->n_climbs < CLIMBS_MAX)
        s->n_climbs++;
}

/* The next try is with the highest QoS after a whole round, then with one less each time. */
static void give_up(struct sub_ladder *s, uint64_t now_ms)
{
    bool whole_round = s->pauses.tries == 0;
    uint32_t pause = ag_backoff_next(&s->pauses);

    if (s->no == SUB_NO_CUT && pause < SUB_LADDER_CUT_MS)
        pause = SUB_LADDER_CUT_MS;
    s->state = SUB_GIVEN_UP;
    s->due_ms = now_ms + pause;
    if (whole_round || s->qos == 0)
        s->qos = s->first;
    else
        lower(s, now_ms);
}

/* true: with less at once. */
static bool step_down(struct sub_ladder *s, enum sub_ladder_no no, uint64_t now_ms)
{
    s->no = no;
    s->cuts = 0;
    if (s->qos == 0 || s->pauses.tries > 0) {
        give_up(s, now_ms);
        return false;
    }
    lower(s, now_ms);
    return true;
}

bool sub_ladder_begin(struct sub_ladder *s, uint64_t now_ms)
{
    if (s->state == SUB_GIVEN_UP && s->no == SUB_NO_CUT && now_ms < s->due_ms)
        return false;
    if (s->no == SUB_NO_NOT_SAID && s->qos < s->first && now_ms >= climbs_at(s))
        climb(s);
    ask(s, now_ms);
    return true;
}

/* A later request with less may still be on its way: it replaces this one at the server, and is in s->qos. */
static void grant(struct sub_ladder *s)
{
    s->state = SUB_GRANTED;
    s->no = SUB_NO_NOT_SAID;
    s->cuts = s->n_silent = 0;
    s->due_ms = s->qos < s->first && !s->hung_up ? climbs_at(s) : AG_NEVER;
    ag_backoff_reset(&s->pauses);
}

bool sub_ladder_answered(struct sub_ladder *s, uint8_t asked, int result, uint64_t now_ms)
{
    bool granted = result >= 0 && result <= 2;

    if (s->state == SUB_IDLE)
        return false;
    if (granted) {
        bool news = s->state != SUB_GRANTED;

        grant(s);
        return news;
    }
    if (s->state == SUB_GIVEN_UP || asked != s->qos)
        return false;
    if (step_down(s, SUB_NO_REFUSED, now_ms))
        ask(s, now_ms);
    return true;
}

void sub_ladder_overdue(struct sub_ladder *s, uint64_t now_ms)
{
    if (now_ms < s->due_ms)
        return;
    if (s->state == SUB_ASKING) {
        s->n_silent++;
        if (!step_down(s, SUB_NO_SILENT, now_ms))
            return;
    } else if (s->state == SUB_GRANTED) {
        climb(s);
    }
    ask(s, now_ms);
}

bool sub_ladder_lost(struct sub_ladder *s, bool cut, uint64_t now_ms)
{
    bool asking = s->state == SUB_ASKING;

    if (s->state == SUB_GIVEN_UP)
        return false;
    s->state = SUB_IDLE;
    s->due_ms = AG_NEVER;
    if (asking && cut && ++s->cuts >= SUB_LADDER_CUTS)
        step_down(s, SUB_NO_CUT, now_ms);
    return asking;
}

void sub_ladder_reset(struct sub_ladder *s)
{
    sub_ladder_init(s, s->first, s->pauses.random);
}

bool sub_ladder_is_settled(const struct sub_ladder *s)
{
    return s->state == SUB_GRANTED || s->state == SUB_GIVEN_UP;
}

bool sub_ladder_is_deaf(const struct sub_ladder *s)
{
    return s->state != SUB_GRANTED && s->no != SUB_NO_NOT_SAID;
}

unsigned sub_ladder_pause_s(const struct sub_ladder *s, uint64_t now_ms)
{
    return s->due_ms == AG_NEVER ? 0 : ag_ceil_s(ag_ms_until(s->due_ms, now_ms));
}

static const struct {
    const char *how, *word;
} noes[] = {
    [SUB_NO_NOT_SAID] = {"has granted", ""},
    [SUB_NO_REFUSED] = {"refuses", "refused"},
    [SUB_NO_SILENT] = {"does not answer", "silent"},
    [SUB_NO_CUT] = {"ends the connection at", "cut"},
};

const char *sub_ladder_how(enum sub_ladder_no no)
{
    return noes[no].how;
}

const char *sub_ladder_word(enum sub_ladder_no no)
{
    return noes[no].word;
}
