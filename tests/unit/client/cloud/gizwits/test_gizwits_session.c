/* SPDX-License-Identifier: MIT */
/* The way to a session and back, heartbeats, acknowledgements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "client/cloud/gizwits/core/gizwits_acks.h"
#include "client/cloud/gizwits/core/gizwits_session.h"
#include "client/cloud/core/heartbeat.h"
#include "tests/support/alloc_fail.h"
#include "libagent/core/deadline.h"

#define DID "1234567890123456789012"

struct story {
    const char *event, *decision;
};

static void print(const struct gizwits_decision *d, char *out, size_t n)
{
    static const char *const names[] = {"-", "pause", "disable", "register", "provision", "connect", "subscribe", "online"};

    snprintf(out, n, "%s%s%s%s", d->save ? "save " : "", d->drop ? "drop " : "", d->lost ? "lost " : "", names[d->what]);
    if (d->what == GIZWITS_DO_PAUSE || d->what == GIZWITS_DO_SUBSCRIBE)
        snprintf(out + strlen(out), n - strlen(out), " %u", d->n);
    if (d->suspect)
        snprintf(out + strlen(out), n - strlen(out), " suspect");
}

struct teller {
    struct gizwits_store store;
    struct broker_session broker;
    struct gizwits_session s;
    uint64_t now_ms;
};

static void begin(struct teller *t, const struct gizwits_store *store)
{
    *t = (struct teller){.store = *store, .now_ms = 500};
    broker_session_init_steps(&t->broker, 10000, 45000);
    gizwits_session_init(&t->s, &t->store, &t->broker);
}

/* The clock goes on: to the end of a pause; as long as a session lasts. */
static void pass(struct teller *t, const char *event)
{
    uint64_t pause_ms = broker_session_next_try_ms(&t->broker, t->now_ms);

    if (strcmp(event, "time") == 0 && pause_ms != UINT64_MAX)
        t->now_ms += pause_ms;
    else if (strcmp(event, "lost soon") == 0)
        t->now_ms += AG_BACKOFF_LASTED_MS - 1;
    else if (strcmp(event, "lost") == 0)
        t->now_ms += AG_BACKOFF_LASTED_MS;
    else
        t->now_ms += 7;
}

static struct gizwits_decision happen(struct teller *t, const char *event)
{
    struct gizwits_m2m m2m = {.host = "h", .port = 1};
    struct gizwits_session *s = &t->s;
    uint64_t now_ms;

    pass(t, event);
    now_ms = t->now_ms;
    if (strcmp(event, "start") == 0)
        return gizwits_session_start(s);
    if (strcmp(event, "stop") == 0)
        return gizwits_session_stop(s);
    if (strcmp(event, "time") == 0)
        return gizwits_session_on_pause_over(s);
    if (strcmp(event, "disabled") == 0)
        return gizwits_session_on_disabled(s, true, now_ms);
    if (strcmp(event, "not disabled") == 0)
        return gizwits_session_on_disabled(s, false, now_ms);
    if (strcmp(event, "registered") == 0)
        return gizwits_session_on_registered(s, DID, now_ms);
    if (strcmp(event, "not registered") == 0)
        return gizwits_session_on_registered(s, NULL, now_ms);
    if (strcmp(event, "bad did") == 0)
        return gizwits_session_on_registered(s, "a/b", now_ms);
    if (strcmp(event, "provisioned") == 0)
        return gizwits_session_on_provision(s, GIZWITS_PROVISION_OK, &m2m, now_ms);
    if (strcmp(event, "unknown") == 0)
        return gizwits_session_on_provision(s, GIZWITS_PROVISION_UNKNOWN, NULL, now_ms);
    if (strcmp(event, "not provisioned") == 0)
        return gizwits_session_on_provision(s, GIZWITS_PROVISION_FAILED, NULL, now_ms);
    if (strcmp(event, "connected") == 0)
        return gizwits_session_on_connected(s);
    if (strcmp(event, "granted") == 0)
        return gizwits_session_on_subscribed(s, true, now_ms);
    if (strcmp(event, "refused") == 0)
        return gizwits_session_on_subscribed(s, false, now_ms);
    if (strcmp(event, "lost soon") == 0 || strcmp(event, "lost") == 0)
        return gizwits_session_on_lost(s, now_ms);
    if (strcmp(event, "kick") == 0)
        return gizwits_session_kick(s, now_ms);
    if (strcmp(event, "forget") == 0)
        return gizwits_session_forget(s, "newpass", now_ms);
    fail_msg("no such event: %s", event);
    return (struct gizwits_decision){.what = GIZWITS_DO_NOTHING};
}

#define UP                                                                                                                       \
    {"provisioned", "connect"}, {"connected", "subscribe 0"}, {"granted", "subscribe 1"}, {"granted", "subscribe 2"},            \
    {                                                                                                                            \
        "granted", "online"                                                                                                      \
    }

static const struct {
    const char *name;
    struct gizwits_store store;
    struct story steps[40];
} stories[] = {
    {"first start", {.passcode = "p"}, {{"start", "register"}, {"registered", "save provision"}, UP}},
    {"later starts do not register", {.passcode = "p", .did = DID}, {{"start", "provision"}, UP}},
    {"pauses grow by a step",
     {.passcode = "p", .did = DID},
     {{"start", "provision"},
      {"not provisioned", "pause 10000"},
      {"time", "provision"},
      {"not provisioned", "pause 20000"},
      {"time", "provision"},
      {"provisioned", "connect"},
      {"lost", "pause 30000"},
      {"time", "provision"},
      {"provisioned", "connect"},
      {"connected", "subscribe 0"},
      {"lost", "pause 40000"},
      {"time", "provision"},
      UP,
      {"lost", "lost pause 0"},
      {"time", "provision"},
      {"not provisioned", "pause 10000"}}},
    {"the pause has a limit",
     {.passcode = "p", .did = DID},
     {{"start", "provision"},
      {"not provisioned", "pause 10000"},
      {"time", "provision"},
      {"not provisioned", "pause 20000"},
      {"time", "provision"},
      {"not provisioned", "pause 30000"},
      {"time", "provision"},
      {"not provisioned", "pause 40000"},
      {"time", "provision"},
      {"not provisioned", "pause 45000"},
      {"time", "provision"},
      {"not provisioned", "pause 45000"}}},
    {"registering fails",
     {.passcode = "p"},
     {{"start", "register"},
      {"not registered", "pause 10000"},
      {"time", "register"},
      {"bad did", "pause 20000"},
      {"time", "register"},
      {"registered", "save provision"}}},
    {"the server has forgotten us",
     {.passcode = "p", .did = DID},
     {{"start", "provision"}, {"unknown", "save pause 10000"}, {"time", "register"}, {"registered", "save provision"}}},
    {"a subscription is refused",
     {.passcode = "p", .did = DID},
     {{"start", "provision"}, {"provisioned", "connect"}, {"connected", "subscribe 0"}, {"refused", "drop pause 10000"}}},
    {"reset",
     {.passcode = "p", .did = DID},
     {{"start", "provision"},
      UP,
      {"forget", "save drop lost pause 0"},
      {"time", "disable"},
      {"disabled", "save register"},
      {"registered", "save provision"}}},
    {"reset, disabling fails",
     {.passcode = "p", .did = DID},
     {{"start", "provision"},
      {"forget", "save drop pause 0"},
      {"time", "disable"},
      {"not disabled", "pause 10000"},
      {"time", "disable"},
      {"not disabled", "pause 20000"},
      {"time", "disable"},
      {"not disabled", "register"},
      {"registered", "save provision"},
      UP,
      {"lost", "lost pause 0"},
      {"time", "disable"},
      {"disabled", "save provision"}}},
    {"an old identity from before the restart",
     {.passcode = "p", .old_did = "old", .old_passcode = "o"},
     {{"start", "disable"}, {"disabled", "save register"}}},
    {"a session that keeps breaking",
     {.passcode = "p", .did = DID},
     {{"start", "provision"},
      UP,
      {"lost soon", "lost pause 0"},
      {"time", "provision"},
      UP,
      {"lost soon", "lost pause 10000"},
      {"time", "provision"},
      UP,
      {"lost soon", "lost pause 20000 suspect"},
      {"time", "provision"},
      UP,
      {"lost soon", "lost pause 30000"},
      {"time", "provision"},
      UP,
      {"lost", "lost pause 0"},
      {"time", "provision"},
      {"not provisioned", "pause 10000"}}},
    {"a session that does not last does not end the pauses",
     {.passcode = "p", .did = DID},
     {{"start", "provision"}, {"not provisioned", "pause 10000"}, {"time", "provision"}, UP, {"lost soon", "lost pause 20000"}}},
    {"kick while pausing",
     {.passcode = "p", .did = DID},
     {{"start", "provision"}, {"not provisioned", "pause 10000"}, {"kick", "drop pause 0"}, {"time", "provision"}}},
    {"kick online", {.passcode = "p", .did = DID}, {{"start", "provision"}, UP, {"kick", "drop lost pause 0"}}},
    {"stop; late events do nothing",
     {.passcode = "p", .did = DID},
     {{"start", "provision"}, {"stop", "drop -"}, {"provisioned", "-"}, {"lost", "-"}, {"time", "-"}, {"kick", "-"}}},
};

static void test_stories(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(stories); i++) {
        struct teller t;

        begin(&t, &stories[i].store);
        for (const struct story *step = stories[i].steps; step->event; step++) {
            struct gizwits_decision d = happen(&t, step->event);
            uint64_t next = broker_session_next_try_ms(&t.broker, t.now_ms);
            char got[64];

            if (next != (t.s.phase == GIZWITS_PH_PAUSE ? (d.what == GIZWITS_DO_PAUSE ? d.n : next) : UINT64_MAX))
                fail_msg("%s, step %td: the next try is in %llu", stories[i].name, step - stories[i].steps,
                         (unsigned long long) next);

            print(&d, got, sizeof got);
            if (strcmp(got, step->decision) != 0)
                fail_msg("%s, step %td (%s): %s", stories[i].name, step - stories[i].steps, step->event, got);
        }
    }
}

static void test_forget_keeps_the_old_pair(void **state)
{
    struct gizwits_store store = {.passcode = "p", .did = DID, .fid = {3, 4}, .version = {"1.2", "3.4"}};
    struct teller t;

    (void) state;
    begin(&t, &store);
    gizwits_session_forget(&t.s, "fresh", t.now_ms);
    store = t.store;
    assert_string_equal(store.old_did, DID);
    assert_string_equal(store.old_passcode, "p");
    assert_string_equal(store.did, "");
    assert_string_equal(store.passcode, "fresh");
    assert_int_equal(store.fid[0], 3); /* a reset changes no firmware */
    assert_int_equal(store.fid[1], 4);
    assert_string_equal(store.version[0], "1.2");
    assert_string_equal(store.version[1], "3.4");
}

/* ---- heartbeats ---- */

static void test_two_missed_are_dead(void **state)
{
    struct heartbeat h;

    (void) state;
    heartbeat_init(&h, 60000);
    heartbeat_start(&h, 1000);
    assert_int_equal(heartbeat_wait_ms(&h, 1000), 60000);
    assert_int_equal(heartbeat_step(&h, 60999), HEARTBEAT_WAIT);
    assert_int_equal(heartbeat_step(&h, 61000), HEARTBEAT_PING);
    assert_int_equal(heartbeat_step(&h, 121000), HEARTBEAT_PING); /* one missed: go on */
    heartbeat_answered(&h);
    assert_int_equal(heartbeat_step(&h, 181000), HEARTBEAT_PING);
    assert_int_equal(heartbeat_step(&h, 241000), HEARTBEAT_PING);
    assert_int_equal(heartbeat_step(&h, 301000), HEARTBEAT_DEAD);
    heartbeat_start(&h, 400000);
    assert_int_equal(heartbeat_step(&h, 460000), HEARTBEAT_PING);
}

/* Whatever happens, reconnects and pings of others included: no more than 60 in any 180 s. */
static void test_never_too_fast(void **state)
{
    static uint64_t sent[20000];
    struct heartbeat h;
    size_t n = 0;

    (void) state;
    heartbeat_init(&h, 1); /* raised to the smallest */
    for (uint64_t now = 0; now < 3600000; now += 100) {
        if (now % 1000 == 0) /* a session a second */
            heartbeat_start(&h, now >= 3000 ? now - 3000 : 0);
        if (heartbeat_step(&h, now) == HEARTBEAT_PING) {
            sent[n++] = now;
            heartbeat_answered(&h);
        }
    }
    assert_true(n > 1000);
    for (size_t i = 0; i < n; i++)
        for (size_t k = i; k < n && sent[k] - sent[i] < HEARTBEAT_WINDOW_MS; k++)
            assert_true(k - i < HEARTBEAT_WINDOW_MAX);
}

/* ---- acknowledgements ---- */

static void test_outs(void **state)
{
    struct gizwits_outs t;
    struct gizwits_out *o;
    struct ag_buf frame = AG_BUF_INIT;
    bool give_up = true;

    (void) state;
    gizwits_outs_init(&t, 5000);
    ag_buf_append_str(&frame, "frame");
    assert_int_equal(gizwits_outs_add(&t, "app", 7, &frame, NULL, 0), 0);
    assert_int_equal(gizwits_outs_deadline(&t), 5000);
    assert_null(gizwits_outs_due(&t, 4999, &give_up));
    for (int i = 1; i < GIZWITS_ACK_TRIES; i++) {
        o = gizwits_outs_due(&t, 5000u * (unsigned) i, &give_up);
        assert_non_null(o);
        assert_false(give_up);
    }
    o = gizwits_outs_due(&t, 15000, &give_up);
    assert_true(give_up);
    assert_int_equal(o->sn, 7);
    gizwits_out_free(o);
    assert_int_equal(gizwits_outs_deadline(&t), AG_NEVER);

    assert_int_equal(gizwits_outs_add(&t, "app", 8, &frame, NULL, 0), 0);
    assert_int_equal(gizwits_outs_add(&t, "", 9, &frame, NULL, 0), 0);
    assert_null(gizwits_outs_take(&t, "other", 8));
    assert_null(gizwits_outs_take(&t, "app", 10));
    gizwits_out_free(gizwits_outs_take(&t, "app", 8));
    gizwits_out_free(gizwits_outs_take(&t, "anyone", 9)); /* to all: the first acknowledgement counts */
    assert_int_equal(t.n, 0);
    for (unsigned i = 0; i < GIZWITS_OUT_MAX; i++)
        assert_int_equal(gizwits_outs_add(&t, "app", i, &frame, NULL, 0), 0);
    assert_int_equal(gizwits_outs_add(&t, "app", 99, &frame, NULL, 0), GIZWITS_OUT_E_FULL);
    gizwits_outs_deinit(&t);
}

static void test_seen(void **state)
{
    struct gizwits_seen s;
    struct ag_span answer;

    (void) state;
    gizwits_seen_init(&s);
    assert_int_equal(gizwits_seen_note(&s, "a", 1, &answer), GIZWITS_NEW);
    assert_int_equal(gizwits_seen_note(&s, "a", 1, &answer), GIZWITS_WAITING);
    assert_int_equal(gizwits_seen_note(&s, "b", 1, &answer), GIZWITS_NEW);
    gizwits_seen_answer(&s, "a", 1, AG_SPAN("done"));
    gizwits_seen_answer(&s, "a", 1, AG_SPAN("again"));
    gizwits_seen_answer(&s, "c", 1, AG_SPAN("nobody"));
    assert_int_equal(gizwits_seen_note(&s, "a", 1, &answer), GIZWITS_ANSWERED);
    assert_true(ag_span_eq(answer, "done"));
    assert_int_equal(gizwits_seen_note(&s, "b", 1, &answer), GIZWITS_WAITING);
    for (uint32_t sn = 2; sn < 2 + GIZWITS_SEEN_SNS; sn++) {
        assert_int_equal(gizwits_seen_note(&s, "a", sn, &answer), GIZWITS_NEW);
        gizwits_seen_answer(&s, "a", sn, AG_SPAN("x"));
    }
    assert_int_equal(gizwits_seen_note(&s, "a", 1, &answer), GIZWITS_NEW); /* out of the window */
    for (uint32_t sn = 1000; sn < 1000 + 2 * GIZWITS_SEEN_SNS; sn++)
        assert_int_equal(gizwits_seen_note(&s, "a", sn, &answer), GIZWITS_NEW);
    assert_int_equal(gizwits_seen_note(&s, "a", 1, &answer), GIZWITS_WAITING); /* what is open is never forgotten */
    assert_int_equal(gizwits_seen_note(&s, "a", 1000, &answer), GIZWITS_WAITING);
    gizwits_seen_deinit(&s);
}

static void test_seen_apps(void **state)
{
    static char large[GIZWITS_SEEN_ANSWER_MAX];
    struct gizwits_seen s;
    struct ag_span answer;
    char app[16];

    (void) state;
    gizwits_seen_init(&s);
    for (unsigned i = 0; i < GIZWITS_SEEN_APPS; i++) {
        snprintf(app, sizeof app, "app%u", i);
        assert_int_equal(gizwits_seen_note(&s, app, 1, &answer), GIZWITS_NEW);
    }
    assert_int_equal(gizwits_seen_note(&s, "b", 1, &answer), GIZWITS_NO_PLACE); /* all wait for answers */
    gizwits_seen_answer(&s, "app3", 1, AG_SPAN("done"));
    assert_int_equal(gizwits_seen_note(&s, "b", 1, &answer), GIZWITS_NEW); /* it is the one that gives way */
    gizwits_seen_answer(&s, "app0", 1, AG_SPAN("done"));
    assert_int_equal(gizwits_seen_note(&s, "app0", 1, &answer), GIZWITS_ANSWERED);
    assert_int_equal(gizwits_seen_note(&s, "app1", 1, &answer), GIZWITS_WAITING);
    for (unsigned i = 2; i < 1000; i++) {
        assert_int_equal(gizwits_seen_note(&s, i % 2 ? "app0" : "b", i, &answer), GIZWITS_NEW);
        gizwits_seen_answer(&s, i % 2 ? "app0" : "b", i, (struct ag_span){large, sizeof large});
        assert_true(s.bytes <= GIZWITS_SEEN_BYTES_MAX);
    }
    assert_true(s.bytes > GIZWITS_SEEN_BYTES_MAX / 2);
    gizwits_seen_deinit(&s);
}

static void use_acks(void *user)
{
    struct gizwits_seen seen;
    struct gizwits_outs outs;
    struct ag_buf frame = AG_BUF_INIT;
    struct ag_span answer;
    int r;

    (void) user;
    gizwits_seen_init(&seen);
    gizwits_outs_init(&outs, 5000);
    r = gizwits_seen_note(&seen, "a", 1, &answer);
    assert_true(r == GIZWITS_NEW || r == -ENOMEM);
    gizwits_seen_answer(&seen, "a", 1, AG_SPAN("done"));
    r = gizwits_seen_note(&seen, "a", 1, &answer); /* without memory for the answer: an empty one */
    assert_true(r == GIZWITS_ANSWERED || r == GIZWITS_NEW || r == -ENOMEM);
    r = ag_buf_append_str(&frame, "frame");
    if (r == 0)
        r = gizwits_outs_add(&outs, "app", 1, &frame, NULL, 0);
    assert_true(r == 0 || r == -ENOMEM);
    ag_buf_deinit(&frame);
    gizwits_outs_deinit(&outs);
    gizwits_seen_deinit(&seen);
}

static void test_no_memory(void **state)
{
    (void) state;
    alloc_fail_sweep(use_acks, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_forget_keeps_the_old_pair),
        cmocka_unit_test(test_two_missed_are_dead),
        cmocka_unit_test(test_never_too_fast),
        cmocka_unit_test(test_outs),
        cmocka_unit_test(test_seen),
        cmocka_unit_test(test_seen_apps),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
