/* SPDX-License-Identifier: MIT */
#include "client/cloud/gizwits/core/gizwits_acks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/deadline.h"

/* ---- ours ---- */

void gizwits_outs_init(struct gizwits_outs *t, unsigned wait_ms)
{
    ag_list_init(&t->all);
    t->n = 0;
    t->wait_ms = wait_ms;
}

struct gizwits_out *gizwits_out_free(struct gizwits_out *o)
{
    if (o) {
        ag_buf_deinit(&o->frame);
        free(o);
    }
    return NULL;
}

struct gizwits_out *gizwits_outs_take_any(struct gizwits_outs *t)
{
    struct gizwits_out *o = ag_list_first(&t->all, struct gizwits_out, link);

    if (o) {
        ag_list_del(&o->link);
        t->n--;
    }
    return o;
}

void gizwits_outs_deinit(struct gizwits_outs *t)
{
    struct gizwits_out *o;

    while ((o = gizwits_outs_take_any(t)))
        gizwits_out_free(o);
}

int gizwits_outs_add(struct gizwits_outs *t, const char *app, uint32_t sn, struct ag_buf *frame, void *user, uint64_t now_ms)
{
    struct gizwits_out *o;

    if (t->n >= GIZWITS_OUT_MAX)
        return GIZWITS_OUT_E_FULL;
    o = calloc(1, sizeof *o);
    if (!o)
        return -ENOMEM;
    strncpy(o->app, app, GIZWITS_APP_MAX);
    o->sn = sn;
    o->frame = *frame;
    ag_buf_init(frame);
    o->n_sent = 1;
    o->due_ms = now_ms + t->wait_ms;
    o->user = user;
    ag_list_append(&t->all, &o->link);
    t->n++;
    return 0;
}

struct gizwits_out *gizwits_outs_take(struct gizwits_outs *t, const char *app, uint32_t sn)
{
    ag_list_for_each (it, &t->all) {
        struct gizwits_out *o = ag_list_entry(it, struct gizwits_out, link);

        if (o->sn != sn || (o->app[0] && strcmp(o->app, app) != 0))
            continue;
        ag_list_del(&o->link);
        t->n--;
        return o;
    }
    return NULL;
}

struct gizwits_out *gizwits_outs_due(struct gizwits_outs *t, uint64_t now_ms, bool *give_up)
{
    struct gizwits_out *o = ag_list_first(&t->all, struct gizwits_out, link);

    if (!o || o->due_ms > now_ms)
        return NULL;
    ag_list_del(&o->link);
    *give_up = o->n_sent >= GIZWITS_ACK_TRIES;
    if (*give_up) {
        t->n--;
        return o;
    }
    o->n_sent++;
    o->due_ms = now_ms + t->wait_ms;
    ag_list_append(&t->all, &o->link);
    return o;
}

uint64_t gizwits_outs_deadline(const struct gizwits_outs *t)
{
    const struct gizwits_out *o = ag_list_first(&t->all, struct gizwits_out, link);

    return o ? o->due_ms : AG_NEVER;
}

/* ---- theirs ---- */

void gizwits_seen_init(struct gizwits_seen *s)
{
    *s = (struct gizwits_seen){.counter = 0};
}

static void sn_free(struct gizwits_seen *s, struct gizwits_seen_app *a, struct gizwits_seen_sn *e)
{
    if (e->answered)
        a->n_answered--;
    else
        a->n_waiting--;
    s->bytes -= e->answer.len;
    ag_list_del(&e->link);
    HASH_DEL(a->by_sn, e);
    ag_buf_deinit(&e->answer);
    free(e);
}

static void app_free(struct gizwits_seen *s, struct gizwits_seen_app *a)
{
    if (!a)
        return;
    while (a->by_sn)
        sn_free(s, a, a->by_sn);
    free(a);
}

void gizwits_seen_deinit(struct gizwits_seen *s)
{
    for (unsigned i = 0; i < GIZWITS_SEEN_APPS; i++)
        app_free(s, s->apps[i]);
    gizwits_seen_init(s);
}

static struct gizwits_seen_app *find_app(struct gizwits_seen *s, const char *app)
{
    for (unsigned i = 0; i < GIZWITS_SEEN_APPS; i++)
        if (s->apps[i] && strcmp(s->apps[i]->app, app) == 0)
            return s->apps[i];
    return NULL;
}

/* A free place, or that of the App silent longest; one that waits for an answer keeps its place. */
static struct gizwits_seen_app **find_place(struct gizwits_seen *s)
{
    struct gizwits_seen_app **best = NULL;

    for (unsigned i = 0; i < GIZWITS_SEEN_APPS; i++) {
        struct gizwits_seen_app **at = &s->apps[i];

        if (!*at)
            return at;
        if ((*at)->n_waiting == 0 && (!best || (*at)->used_at < (*best)->used_at))
            best = at;
    }
    return best;
}

static int add_app(struct gizwits_seen *s, const char *app, struct gizwits_seen_app **out)
{
    struct gizwits_seen_app **place = find_place(s), *a;

    if (!place)
        return GIZWITS_NO_PLACE;
    a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    ag_list_init(&a->answered);
    strncpy(a->app, app, GIZWITS_APP_MAX);
    app_free(s, *place);
    *out = *place = a;
    return 0;
}

static struct gizwits_seen_sn *find_sn(struct gizwits_seen_app *a, uint32_t sn)
{
    struct gizwits_seen_sn *e = NULL;

    if (a)
        HASH_FIND(hh, a->by_sn, &sn, sizeof sn, e);
    return e;
}

static int add_sn(struct gizwits_seen_app *a, uint32_t sn)
{
    struct gizwits_seen_sn *e = calloc(1, sizeof *e);

    if (!e)
        return -ENOMEM;
    e->sn = sn;
    ag_list_init(&e->link);
    HASH_ADD(hh, a->by_sn, sn, sizeof e->sn, e);
    if (!e->hh.tbl) {
        free(e);
        return -ENOMEM;
    }
    a->n_waiting++;
    return GIZWITS_NEW;
}

int gizwits_seen_note(struct gizwits_seen *s, const char *app, uint32_t sn, struct ag_span *answer)
{
    struct gizwits_seen_app *a = find_app(s, app);
    struct gizwits_seen_sn *e = find_sn(a, sn);
    int r = a ? 0 : add_app(s, app, &a);

    if (r != 0)
        return r;
    a->used_at = ++s->counter;
    if (!e)
        return add_sn(a, sn);
    *answer = ag_buf_span(&e->answer);
    return e->answered ? GIZWITS_ANSWERED : GIZWITS_WAITING;
}

void gizwits_seen_answer(struct gizwits_seen *s, const char *app, uint32_t sn, struct ag_span answer)
{
    struct gizwits_seen_app *a = find_app(s, app);
    struct gizwits_seen_sn *e = find_sn(a, sn);

    if (!e || e->answered)
        return;
    e->answered = true;
    ag_list_append(&a->answered, &e->link);
    a->n_waiting--;
    a->n_answered++;
    /* without memory: an empty one, which is legal too */
    if (answer.len <= GIZWITS_SEEN_ANSWER_MAX && s->bytes + answer.len <= GIZWITS_SEEN_BYTES_MAX &&
        ag_buf_append_span(&e->answer, answer) == 0)
        s->bytes += e->answer.len;
    if (a->n_answered > GIZWITS_SEEN_SNS)
        sn_free(s, a, ag_list_first(&a->answered, struct gizwits_seen_sn, link));
}
