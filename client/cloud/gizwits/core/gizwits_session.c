/* SPDX-License-Identifier: MIT */
#include "client/cloud/gizwits/core/gizwits_session.h"

#include <string.h>

void gizwits_session_init(struct gizwits_session *s, struct gizwits_store *store, uint32_t step_ms, uint32_t pause_max_ms)
{
    *s = (struct gizwits_session){.store = store, .step_ms = step_ms, .pause_max_ms = pause_max_ms};
}

static struct gizwits_decision go(struct gizwits_session *s, enum gizwits_phase phase, enum gizwits_do what)
{
    s->phase = phase;
    return (struct gizwits_decision){.what = what};
}

/* The first thing that is still to be done. */
static struct gizwits_decision next_step(struct gizwits_session *s)
{
    if (s->store->old_did[0] && s->n_disable < GIZWITS_DISABLE_TRIES)
        return go(s, GIZWITS_PH_DISABLE, GIZWITS_DO_DISABLE);
    if (!s->store->did[0])
        return go(s, GIZWITS_PH_REGISTER, GIZWITS_DO_REGISTER);
    return go(s, GIZWITS_PH_PROVISION, GIZWITS_DO_PROVISION);
}

static struct gizwits_decision pause_for(struct gizwits_session *s, uint64_t ms)
{
    struct gizwits_decision d = go(s, GIZWITS_PH_PAUSE, GIZWITS_DO_PAUSE);

    d.n = (uint32_t) (ms < s->pause_max_ms ? ms : s->pause_max_ms);
    return d;
}

/* The n-th failure in a row waits n steps. */
static struct gizwits_decision failure(struct gizwits_session *s)
{
    s->n_failed++;
    return pause_for(s, (uint64_t) s->n_failed * s->step_ms);
}

static struct gizwits_decision nothing(void)
{
    return (struct gizwits_decision){.what = GIZWITS_DO_NOTHING};
}

struct gizwits_decision gizwits_session_start(struct gizwits_session *s)
{
    if (s->phase != GIZWITS_PH_STOPPED)
        return nothing();
    s->n_failed = s->n_disable = s->n_short = 0;
    return next_step(s);
}

struct gizwits_decision gizwits_session_stop(struct gizwits_session *s)
{
    s->phase = GIZWITS_PH_STOPPED;
    return (struct gizwits_decision){.drop = true};
}

struct gizwits_decision gizwits_session_on_pause_over(struct gizwits_session *s)
{
    return s->phase == GIZWITS_PH_PAUSE ? next_step(s) : nothing();
}

struct gizwits_decision gizwits_session_on_disabled(struct gizwits_session *s, bool done)
{
    struct gizwits_decision d;

    if (s->phase != GIZWITS_PH_DISABLE)
        return nothing();
    if (done) {
        s->store->old_did[0] = s->store->old_passcode[0] = '\0';
        d = next_step(s);
        d.save = true;
        return d;
    }
    s->n_disable++;
    return s->n_disable < GIZWITS_DISABLE_TRIES ? failure(s) : next_step(s);
}

struct gizwits_decision gizwits_session_on_registered(struct gizwits_session *s, const char *did)
{
    struct gizwits_decision d;

    if (s->phase != GIZWITS_PH_REGISTER)
        return nothing();
    if (!did || !gizwits_did_ok(did, strlen(did)))
        return failure(s);
    memcpy(s->store->did, did, strlen(did) + 1);
    d = next_step(s);
    d.save = true;
    return d;
}

struct gizwits_decision gizwits_session_on_provision(struct gizwits_session *s, enum gizwits_provision how,
                                                     const struct gizwits_m2m *m2m)
{
    struct gizwits_decision d;

    if (s->phase != GIZWITS_PH_PROVISION)
        return nothing();
    if (how == GIZWITS_PROVISION_OK) {
        s->m2m = *m2m;
        return go(s, GIZWITS_PH_CONNECT, GIZWITS_DO_CONNECT);
    }
    if (how == GIZWITS_PROVISION_FAILED)
        return failure(s);
    s->store->did[0] = '\0'; /* the server has forgotten us: register again, after the pause */
    d = failure(s);
    d.save = true;
    return d;
}

struct gizwits_decision gizwits_session_on_connected(struct gizwits_session *s)
{
    if (s->phase != GIZWITS_PH_CONNECT)
        return nothing();
    s->n_subscribed = 0;
    return go(s, GIZWITS_PH_SUBSCRIBE, GIZWITS_DO_SUBSCRIBE);
}

struct gizwits_decision gizwits_session_on_subscribed(struct gizwits_session *s, bool granted, uint64_t now_ms)
{
    struct gizwits_decision d;

    if (s->phase != GIZWITS_PH_SUBSCRIBE)
        return nothing();
    if (!granted) {
        d = failure(s);
        d.drop = true;
        return d;
    }
    if (++s->n_subscribed < 3) {
        d = go(s, GIZWITS_PH_SUBSCRIBE, GIZWITS_DO_SUBSCRIBE);
        d.n = s->n_subscribed;
        return d;
    }
    s->online_ms = now_ms;
    s->n_disable = 0;
    return go(s, GIZWITS_PH_ONLINE, GIZWITS_DO_ONLINE);
}

/* A session that lasted: at once. A short one too, but only once: then as after failures, or we would hammer. */
static struct gizwits_decision session_lost(struct gizwits_session *s, uint64_t now_ms)
{
    bool lasted = now_ms - s->online_ms >= GIZWITS_SHORT_MS;
    struct gizwits_decision d;

    s->n_short = lasted ? 0 : s->n_short + 1;
    if (lasted)
        s->n_failed = 0;
    d = lasted || (s->n_short == 1 && s->n_failed == 0) ? pause_for(s, 0) : failure(s);
    d.lost = true;
    return d;
}

struct gizwits_decision gizwits_session_on_lost(struct gizwits_session *s, uint64_t now_ms)
{
    switch (s->phase) {
    case GIZWITS_PH_ONLINE:
        return session_lost(s, now_ms);
    case GIZWITS_PH_CONNECT:
    case GIZWITS_PH_SUBSCRIBE:
        return failure(s);
    default:
        return nothing();
    }
}

struct gizwits_decision gizwits_session_kick(struct gizwits_session *s)
{
    struct gizwits_decision d;
    bool online = s->phase == GIZWITS_PH_ONLINE;

    if (s->phase == GIZWITS_PH_STOPPED)
        return nothing();
    s->n_failed = s->n_short = 0;
    d = pause_for(s, 0);
    d.drop = true;
    d.lost = online;
    return d;
}

struct gizwits_decision gizwits_session_forget(struct gizwits_session *s, const char *new_passcode)
{
    struct gizwits_store *t = s->store;
    struct gizwits_decision d;

    if (t->did[0]) {
        memcpy(t->old_did, t->did, sizeof t->old_did);
        memcpy(t->old_passcode, t->passcode, sizeof t->old_passcode);
    }
    t->did[0] = '\0';
    memcpy(t->passcode, new_passcode, strlen(new_passcode) + 1);
    /* what firmware is installed stays: a reset changes none */
    s->n_disable = 0;
    d = gizwits_session_kick(s);
    d.save = true;
    return d;
}
