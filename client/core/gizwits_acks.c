#include "client/core/gizwits_acks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

int gizwits_outs_add(struct gizwits_outs *t, const char *app, uint32_t sn, struct ag_buf *frame, void *user,
                     uint64_t now_ms)
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

uint64_t gizwits_outs_wait_ms(const struct gizwits_outs *t, uint64_t now_ms)
{
    const struct gizwits_out *o = ag_list_first(&t->all, struct gizwits_out, link);

    if (!o)
        return UINT64_MAX;
    return o->due_ms > now_ms ? o->due_ms - now_ms : 0;
}

/* ---- theirs ---- */

void gizwits_seen_init(struct gizwits_seen *s)
{
    *s = (struct gizwits_seen){.counter = 0};
}

static void app_free(struct gizwits_seen_app *a)
{
    if (!a)
        return;
    for (unsigned i = 0; i < GIZWITS_SEEN_SNS; i++)
        ag_buf_deinit(&a->sns[i].answer);
    free(a);
}

void gizwits_seen_deinit(struct gizwits_seen *s)
{
    for (unsigned i = 0; i < GIZWITS_SEEN_APPS; i++)
        app_free(s->apps[i]);
    gizwits_seen_init(s);
}

static struct gizwits_seen_app *find_app(struct gizwits_seen *s, const char *app)
{
    for (unsigned i = 0; i < GIZWITS_SEEN_APPS; i++)
        if (s->apps[i] && strcmp(s->apps[i]->app, app) == 0)
            return s->apps[i];
    return NULL;
}

static struct gizwits_seen_app *add_app(struct gizwits_seen *s, const char *app)
{
    struct gizwits_seen_app *a = calloc(1, sizeof *a);
    unsigned at = 0;

    if (!a)
        return NULL;
    for (unsigned i = 0; i < GIZWITS_SEEN_APPS; i++) {
        if (!s->apps[i]) {
            at = i;
            break;
        }
        if (s->apps[i]->used_at < s->apps[at]->used_at)
            at = i;
    }
    app_free(s->apps[at]);
    strncpy(a->app, app, GIZWITS_APP_MAX);
    s->apps[at] = a;
    return a;
}

static struct gizwits_seen_sn *find_sn(struct gizwits_seen_app *a, uint32_t sn)
{
    for (unsigned i = 0; a && i < GIZWITS_SEEN_SNS; i++)
        if (a->sns[i].used && a->sns[i].sn == sn)
            return &a->sns[i];
    return NULL;
}

int gizwits_seen_note(struct gizwits_seen *s, const char *app, uint32_t sn, struct ag_span *answer)
{
    struct gizwits_seen_app *a = find_app(s, app);
    struct gizwits_seen_sn *e = find_sn(a, sn);

    if (!a)
        a = add_app(s, app);
    if (!a)
        return -ENOMEM;
    a->used_at = ++s->counter;
    if (e) {
        *answer = ag_buf_span(&e->answer);
        return e->answered ? GIZWITS_ANSWERED : GIZWITS_WAITING;
    }
    e = &a->sns[a->next];
    a->next = (a->next + 1) % GIZWITS_SEEN_SNS;
    ag_buf_deinit(&e->answer);
    e->sn = sn;
    e->used = true;
    e->answered = false;
    return GIZWITS_NEW;
}

void gizwits_seen_answer(struct gizwits_seen *s, const char *app, uint32_t sn, struct ag_span answer)
{
    struct gizwits_seen_sn *e = find_sn(find_app(s, app), sn);

    if (!e || e->answered)
        return;
    e->answered = true;
    if (answer.len <= GIZWITS_SEEN_ANSWER_MAX)
        (void) !ag_buf_append_span(&e->answer, answer); /* without memory: an empty one, which is legal too */
}
