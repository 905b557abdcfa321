/* SPDX-License-Identifier: MIT */
#include "client/cloud/gizwits/core/gizwits_session.h"

#include <string.h>
#include "client/cloud/gizwits/core/gizwits_topic.h"

void gizwits_session_init(struct gizwits_session *s, struct gizwits_store *store, struct broker_session *broker)
{
    *s = (struct gizwits_session){.store = store, .broker = broker};
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

static struct gizwits_decision pause_for(struct gizwits_session *s, uint32_t ms)
{
    struct gizwits_decision d = go(s, GIZWITS_PH_PAUSE, GIZWITS_DO_PAUSE);

    d.n = ms;
    return d;
}

/* A try, or the session. */
static struct gizwits_decision failure(struct gizwits_session *s, uint64_t now_ms)
{
    bool suspect;
    uint32_t ms = broker_session_down(s->broker, BROKER_CUT, now_ms, &suspect);
    struct gizwits_decision d = pause_for(s, ms);

    d.suspect = suspect;
    return d;
}

static struct gizwits_decision nothing(void)
{
    return (struct gizwits_decision){.what = GIZWITS_DO_NOTHING};
}

struct gizwits_decision gizwits_session_start(struct gizwits_session *s)
{
    if (s->phase != GIZWITS_PH_STOPPED)
        return nothing();
    s->n_disable = 0;
    broker_session_kicked(s->broker);
    return next_step(s);
}

struct gizwits_decision gizwits_session_stop(struct gizwits_session *s)
{
    bool suspect;

    if (s->phase == GIZWITS_PH_ONLINE)
        broker_session_down(s->broker, BROKER_LEFT, 0, &suspect);
    broker_session_tries(s->broker);
    s->phase = GIZWITS_PH_STOPPED;
    return (struct gizwits_decision){.drop = true};
}

struct gizwits_decision gizwits_session_on_pause_over(struct gizwits_session *s)
{
    if (s->phase != GIZWITS_PH_PAUSE)
        return nothing();
    broker_session_tries(s->broker);
    return next_step(s);
}

struct gizwits_decision gizwits_session_on_disabled(struct gizwits_session *s, bool done, uint64_t now_ms)
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
    return s->n_disable < GIZWITS_DISABLE_TRIES ? failure(s, now_ms) : next_step(s);
}

struct gizwits_decision gizwits_session_on_registered(struct gizwits_session *s, const char *did, uint64_t now_ms)
{
    struct gizwits_decision d;

    if (s->phase != GIZWITS_PH_REGISTER)
        return nothing();
    if (!did || !gizwits_did_ok(did, strlen(did)))
        return failure(s, now_ms);
    memcpy(s->store->did, did, strlen(did) + 1);
    d = next_step(s);
    d.save = true;
    return d;
}

struct gizwits_decision gizwits_session_on_provision(struct gizwits_session *s, enum gizwits_provision how,
                                                     const struct gizwits_m2m *m2m, uint64_t now_ms)
{
    struct gizwits_decision d;

    if (s->phase != GIZWITS_PH_PROVISION)
        return nothing();
    if (how == GIZWITS_PROVISION_OK) {
        s->m2m = *m2m;
        return go(s, GIZWITS_PH_CONNECT, GIZWITS_DO_CONNECT);
    }
    if (how == GIZWITS_PROVISION_FAILED)
        return failure(s, now_ms);
    s->store->did[0] = '\0'; /* the server has forgotten us: register again, after the pause */
    d = failure(s, now_ms);
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
        d = failure(s, now_ms);
        d.drop = true;
        return d;
    }
    if (++s->n_subscribed < GIZWITS_N_FILTERS) {
        d = go(s, GIZWITS_PH_SUBSCRIBE, GIZWITS_DO_SUBSCRIBE);
        d.n = s->n_subscribed;
        return d;
    }
    broker_session_up(s->broker, now_ms);
    s->n_disable = 0;
    return go(s, GIZWITS_PH_ONLINE, GIZWITS_DO_ONLINE);
}

struct gizwits_decision gizwits_session_on_lost(struct gizwits_session *s, uint64_t now_ms)
{
    struct gizwits_decision d;
    bool online = s->phase == GIZWITS_PH_ONLINE;

    if (!online && s->phase != GIZWITS_PH_CONNECT && s->phase != GIZWITS_PH_SUBSCRIBE)
        return nothing();
    d = failure(s, now_ms);
    d.lost = online;
    return d;
}

struct gizwits_decision gizwits_session_kick(struct gizwits_session *s, uint64_t now_ms)
{
    struct gizwits_decision d;
    bool online = s->phase == GIZWITS_PH_ONLINE, suspect;

    if (s->phase == GIZWITS_PH_STOPPED)
        return nothing();
    if (online)
        broker_session_down(s->broker, BROKER_LEFT, now_ms, &suspect);
    broker_session_kicked(s->broker);
    d = pause_for(s, broker_session_soon(s->broker, now_ms));
    d.drop = true;
    d.lost = online;
    return d;
}

struct gizwits_decision gizwits_session_forget(struct gizwits_session *s, const char *new_passcode, uint64_t now_ms)
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
    d = gizwits_session_kick(s, now_ms);
    d.save = true;
    return d;
}
