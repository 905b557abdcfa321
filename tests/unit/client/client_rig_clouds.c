/* SPDX-License-Identifier: MIT */
/* The clouds, one after the other in the list. */
#include "tests/unit/client/client_rig_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/cloud.h"

struct ear rig_cloud_ears[RIG_CLOUDS];

struct played_cloud {
    struct cloud base;
    const struct cloud_env *env;
    bool there;
    int takes; /* what report() and answer() say */
    void (*call_done)(void *user, struct ag_span text);
    void *call_user;
};

static struct played_cloud clouds[RIG_CLOUDS]; /* the one after the other in the list */

static struct played_cloud *played_of(struct cloud *c)
{
    return ag_container_of(c, struct played_cloud, base);
}

static struct ear *ear_of(struct cloud *c)
{
    return &rig_cloud_ears[played_of(c) - clouds];
}

static int create(unsigned i, struct cloud **out, const struct cloud_env *env)
{
    clouds[i].env = env;
    clouds[i].there = true;
    *out = &clouds[i].base;
    return 0;
}

static int played_create(struct cloud **out, const struct cloud_env *env)
{
    return create(0, out, env);
}

static int aside_create(struct cloud **out, const struct cloud_env *env)
{
    return create(1, out, env);
}

static void played_start(struct cloud *c)
{
    rig_hear(ear_of(c), "start");
}

static void played_stop(struct cloud *c)
{
    rig_hear(ear_of(c), "stop");
}

static void played_kick(struct cloud *c)
{
    rig_hear(ear_of(c), "kick");
}

static void played_forget(struct cloud *c)
{
    rig_hear(ear_of(c), "forget");
}

static int played_report(struct cloud *c, uint32_t id, struct ag_span text, const struct ag_json_view *view, uint32_t at_s,
                         bool repeat)
{
    (void) view;
    (void) at_s;
    if (played_of(c)->takes == 0)
        rig_hear(ear_of(c), "report %s %u %.*s", repeat ? "again" : "new", id, (int) text.len, text.p);
    return played_of(c)->takes;
}

static int played_answer(struct cloud *c, uint64_t token, struct ag_span text)
{
    rig_hear(ear_of(c), "answer %" PRIu64 " %.*s", token, (int) text.len, text.p);
    return played_of(c)->takes;
}

static int played_method(struct cloud *c, struct ag_span method, struct ag_span params,
                         void (*done)(void *user, struct ag_span text), void *user)
{
    (void) params;
    if (method.len < 7 || memcmp(method.p, "played.", 7) != 0)
        return -ENOSYS;
    rig_hear(ear_of(c), "ask %.*s", (int) method.len, method.p);
    played_of(c)->call_done = done;
    played_of(c)->call_user = user;
    return 0;
}

static unsigned played_wakeup_s(struct cloud *c)
{
    (void) c;
    return 30;
}

static const struct cloud_ops played = {.name = "played",
                                        .create = played_create,
                                        .start = played_start,
                                        .stop = played_stop,
                                        .report = played_report,
                                        .answer = played_answer,
                                        .local_method = played_method,
                                        .kick = played_kick,
                                        .forget = played_forget,
                                        .wakeup_s = played_wakeup_s};

static const struct cloud_ops aside = {.name = "aside",
                                       .place = CLOUD_MQTT,
                                       .create = aside_create,
                                       .start = played_start,
                                       .stop = played_stop,
                                       .report = played_report,
                                       .answer = played_answer,
                                       .kick = played_kick,
                                       .forget = played_forget};

/* In the place of the clouds that are built in. */
const struct cloud_ops *cloud_find(const char *name)
{
    return strcmp(name, "played") == 0 ? &played : strcmp(name, "aside") == 0 ? &aside : NULL;
}

static void cloud_tells(struct played_cloud *p, const char *text)
{
    const struct cloud_events *e = p->env->events;
    void *user = p->env->user;
    char *rest;
    uint32_t id;

    if (strncmp(text, "ack ", 4) == 0) {
        id = (uint32_t) strtoul(text + 4, &rest, 10);
        e->acked(user, id, rig_span(*rest ? rest + 1 : "{\"result\":\"ok\"}"));
    } else if (strncmp(text, "fail ", 5) == 0) {
        id = (uint32_t) strtoul(text + 5, &rest, 10);
        e->failed(user, id, strcmp(rest, " retry") == 0, -30011, "played");
    } else if (strcmp(text, "room") == 0) {
        e->room(user);
    } else if (strncmp(text, "time ", 5) == 0) {
        e->time_known(user, strtoll(text + 5, NULL, 10));
    } else if (strncmp(text, "done ", 5) == 0) {
        p->call_done(p->call_user, rig_span(text + 5));
    } else if (strcmp(text, "closed") == 0) {
        p->there = false;
        e->closed(user);
    } else {
        rig_fail("no such event");
    }
}

void rig_cloud_line(unsigned which, char what, const char *text)
{
    struct played_cloud *p = &clouds[which];
    char *rest;
    uint64_t token;

    if (!p->there && !strchr("<=", what))
        rig_fail("there is no cloud");
    if (what == '+') {
        p->env->events->connected(p->env->user);
    } else if (what == '-') {
        p->env->events->lost(p->env->user, text);
    } else if (what == '=') {
        p->takes = strcmp(text, "ENOBUFS") == 0 ? -ENOBUFS : 0; /* its number is not the same on MIPS */
    } else if (what == '!') {
        cloud_tells(p, text);
    } else if (what == '~') {
        p->env->events->command(p->env->user, 0, rig_received(rig_span(text)), false);
    } else if (what == '>') {
        token = strtoull(text, &rest, 10);
        p->env->events->command(p->env->user, token, rig_received(rig_span(rest + 1)), true);
    } else {
        rig_expect(&rig_cloud_ears[which], text);
    }
}

void rig_clouds_begin(void)
{
    clouds[0] = (struct played_cloud){.base.ops = &played};
    clouds[1] = (struct played_cloud){.base.ops = &aside};
}

void rig_clouds_close(void)
{
    for (unsigned i = 0; i < RIG_CLOUDS; i++) {
        if (!clouds[i].there)
            continue;
        clouds[i].there = false;
        clouds[i].env->events->closed(clouds[i].env->user);
    }
}
