/* SPDX-License-Identifier: MIT */
/*
 * The OT line in virtual time. A world answers what the line asks for and writes a journal of gaps: how long nothing was
 * done before each thing that was. Jitter takes up to a quarter off a pause, so gaps are checked against bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/cloud/ot/core/ot_line.h"
#include "libagent/core/util.h"

enum server {
    NO_NAME,     /* the lookup fails */
    REFUSES,     /* the connection is refused at once */
    BLACK_HOLE,  /* nothing comes back */
    HANGS_UP,    /* the session comes up and ends at once */
    LASTS_A_BIT, /* 20 s */
    LASTS,       /* ten minutes */
};

enum { EVENTS_MAX = 4096, A_BIT_MS = 20000, LONG_MS = 600000, SLOW_LOOKUP_MS = 40000 };

struct world {
    struct ot_line l;
    enum server server;
    unsigned n_addresses;
    bool slow_lookup;
    uint64_t now_ms, ends_ms; /* ends_ms: of the lookup or the session under way; UINT64_MAX: none */
    struct event {
        enum ot_line_do what;
        uint64_t at_ms;
    } events[EVENTS_MAX];
    unsigned n;
};

static void world_init(struct world *w, enum server server, unsigned n_addresses)
{
    *w = (struct world){.server = server, .n_addresses = n_addresses, .now_ms = 5000, .ends_ms = UINT64_MAX};
    ot_line_init(&w->l, 7);
    ot_line_start(&w->l, w->now_ms);
}

static void looked_up(struct world *w)
{
    if (w->server == NO_NAME)
        ot_line_failed(&w->l, w->now_ms);
    else
        ot_line_found(&w->l, w->n_addresses, w->now_ms);
}

static void opened(struct world *w)
{
    ot_line_opened(&w->l, true, w->now_ms);
    if (w->server == REFUSES) {
        ot_line_failed(&w->l, w->now_ms);
    } else if (w->server != BLACK_HOLE) {
        ot_line_talking(&w->l);
        ot_line_up(&w->l, w->now_ms);
        w->ends_ms = w->now_ms + (w->server == LASTS ? LONG_MS : w->server == LASTS_A_BIT ? A_BIT_MS : 0);
    }
}

static void carry_out(struct world *w, enum ot_line_do what)
{
    assert_true(w->n < EVENTS_MAX);
    w->events[w->n++] = (struct event){what, w->now_ms};
    if (what == OT_LINE_OPEN) {
        opened(w);
    } else if (what == OT_LINE_GIVE_UP) {
        ot_line_failed(&w->l, w->now_ms);
    } else {
        w->ends_ms = UINT64_MAX;
        if (w->slow_lookup)
            w->ends_ms = w->now_ms + SLOW_LOOKUP_MS;
        else
            looked_up(w);
    }
}

/* What the world does by itself: the end of a lookup or of a session. */
static void end_something(struct world *w)
{
    w->ends_ms = UINT64_MAX;
    if (w->l.phase == OT_LINE_RESOLVING)
        looked_up(w);
    else if (w->l.phase == OT_LINE_TALKING)
        ot_line_failed(&w->l, w->now_ms);
}

static void pass(struct world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms;

    for (;;) {
        enum ot_line_do what = ot_line_step(&w->l, w->now_ms);
        uint64_t at = ot_line_deadline(&w->l);

        if (what != OT_LINE_WAIT) {
            carry_out(w, what);
            continue;
        }
        assert_true(at > w->now_ms); /* else it would turn for ever */
        at = w->ends_ms < at ? w->ends_ms : at;
        if (at > end)
            break;
        w->now_ms = at > w->now_ms ? at : w->now_ms;
        if (w->ends_ms <= w->now_ms)
            end_something(w);
    }
    w->now_ms = end;
}

static unsigned count(const struct world *w, enum ot_line_do what)
{
    unsigned n = 0;

    for (unsigned i = 0; i < w->n; i++)
        n += w->events[i].what == what;
    return n;
}

/* The gap before the n-th of this kind, counted from 1, since the one before. */
static uint64_t gap(const struct world *w, enum ot_line_do what, unsigned n)
{
    uint64_t before = 0;

    for (unsigned i = 0; i < w->n; i++) {
        if (w->events[i].what != what)
            continue;
        if (n-- == 0)
            return w->events[i].at_ms - before;
        before = w->events[i].at_ms;
    }
    fail_msg("there are not so many");
    return 0;
}

static void assert_gap(uint64_t ms, uint64_t plain)
{
    assert_in_range(ms, plain - plain / 4, plain);
}

/* Pauses grow to a minute and stay there, whatever it is that fails, also a server that accepts and hangs up. */
static void pauses_grow(void **state)
{
    static const uint64_t plain[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    static const enum server servers[] = {NO_NAME, REFUSES, HANGS_UP};

    (void) state;
    for (size_t s = 0; s < ag_array_size(servers); s++) {
        struct world w;

        world_init(&w, servers[s], 1);
        pass(&w, 12000);
        assert_in_range(count(&w, OT_LINE_LOOK_UP), 4, 6);
        pass(&w, 600000);
        for (unsigned i = 0; i < ag_array_size(plain); i++)
            assert_gap(gap(&w, OT_LINE_LOOK_UP, i + 1), plain[i]);
    }
}

/* Half a minute of a session is no proof either; ten minutes are. */
static void pauses_start_anew_when_a_session_has_lasted(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, LASTS_A_BIT, 1);
    pass(&w, 1200000);
    assert_gap(gap(&w, OT_LINE_LOOK_UP, 9) - A_BIT_MS, 60000);
    w.server = LASTS;
    pass(&w, 60000 + LONG_MS); /* the first that lasts */
    w.n = 0;
    pass(&w, 3 * LONG_MS);
    assert_true(count(&w, OT_LINE_LOOK_UP) >= 2);
    for (unsigned i = 1; i < count(&w, OT_LINE_LOOK_UP); i++)
        assert_gap(gap(&w, OT_LINE_LOOK_UP, i) - LONG_MS, 1000);
}

/* Two devices with one identity: each new login ends the other's session. */
static void two_devices_with_one_identity(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, LASTS, 1);
    pass(&w, 1000);
    for (unsigned i = 0; i < 30; i++) { /* the other one comes as fast as we do */
        uint64_t pause = w.l.phase == OT_LINE_TALKING ? ot_line_failed(&w.l, w.now_ms) : 0;

        w.ends_ms = UINT64_MAX;
        pass(&w, 2 * pause);
        assert_int_equal(w.l.phase, OT_LINE_TALKING);
    }
    assert_true(count(&w, OT_LINE_OPEN) == 31);
    assert_gap(gap(&w, OT_LINE_OPEN, 30), 60000 + 60000); /* our pause, and theirs */
}

static void a_black_hole_is_given_up(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, BLACK_HOLE, 1);
    pass(&w, 9999);
    assert_int_equal(count(&w, OT_LINE_GIVE_UP), 0);
    pass(&w, 1);
    assert_int_equal(count(&w, OT_LINE_GIVE_UP), 1);
    pass(&w, 11000);
    assert_int_equal(count(&w, OT_LINE_GIVE_UP), 2);
    assert_gap(gap(&w, OT_LINE_OPEN, 1), 11000);
}

/* Each address has its turn, then the name is asked for again; after a session at once. */
static void addresses_take_turns(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, REFUSES, 3);
    pass(&w, 100000);
    for (unsigned i = 0; i + 4 < w.n; i += 4) {
        assert_int_equal(w.events[i].what, OT_LINE_LOOK_UP);
        assert_int_equal(w.events[i].at_ms, w.events[i + 1].at_ms);
        for (unsigned k = 1; k < 4; k++)
            assert_int_equal(w.events[i + k].what, OT_LINE_OPEN);
    }
    world_init(&w, LASTS, 3);
    pass(&w, LONG_MS + 5000);
    assert_int_equal(w.n, 4);
    assert_int_equal(w.events[2].what, OT_LINE_LOOK_UP);
}

static void a_kick_does_not_wait(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, REFUSES, 2);
    pass(&w, 300000); /* far into the pauses, with an address left or not */
    for (unsigned i = 0; i < 2; i++) {
        w.n = 0;
        ot_line_kick(&w.l);
        pass(&w, 0);
        assert_int_equal(w.events[0].what, OT_LINE_RESTART);
        assert_int_equal(w.events[1].what, OT_LINE_OPEN);
        assert_int_equal(w.n, 2);
        pass(&w, 1000);
        assert_int_equal(w.n, 3); /* and the pauses are short again */
    }
    w.server = BLACK_HOLE;
    ot_line_kick(&w.l);
    pass(&w, 2000);
    w.n = 0;
    ot_line_kick(&w.l); /* while it connects */
    pass(&w, 0);
    assert_int_equal(w.events[0].what, OT_LINE_RESTART);
    w.server = LASTS;
    ot_line_kick(&w.l);
    pass(&w, 2000);
    w.n = 0;
    ot_line_kick(&w.l); /* while it talks */
    pass(&w, 0);
    assert_int_equal(w.events[0].what, OT_LINE_RESTART);
}

/* The lookup cannot be called back: nothing turns meanwhile, and the kick counts when it has ended. */
static void a_kick_waits_for_the_lookup(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, REFUSES, 1);
    w.slow_lookup = true;
    pass(&w, 1000);
    assert_int_equal(w.n, 1);
    ot_line_kick(&w.l);
    assert_int_equal(ot_line_deadline(&w.l), UINT64_MAX);
    pass(&w, 1000);
    assert_int_equal(w.n, 1);
    pass(&w, SLOW_LOOKUP_MS);
    assert_int_equal(w.n, 2);
    assert_int_equal(w.events[1].what, OT_LINE_RESTART);
    assert_int_equal(w.events[1].at_ms - w.events[0].at_ms, SLOW_LOOKUP_MS);
}

/* What fails then is said to wait for nothing, in whatever phase the kick came. */
static void no_pause_is_told_after_a_kick(void **state)
{
    static const enum server servers[] = {NO_NAME, BLACK_HOLE, LASTS};

    (void) state;
    for (size_t s = 0; s < ag_array_size(servers); s++) {
        struct world w;

        world_init(&w, REFUSES, 1);
        pass(&w, 300000); /* far into the pauses */
        w.server = servers[s];
        w.slow_lookup = servers[s] == NO_NAME;
        while (w.l.phase == OT_LINE_PAUSING)
            pass(&w, 1);
        ot_line_kick(&w.l);
        w.n = 0;
        w.ends_ms = UINT64_MAX;
        assert_int_equal(ot_line_failed(&w.l, w.now_ms), 0);
        assert_int_equal(ot_line_deadline(&w.l), 0);
        assert_int_equal(w.l.at_ms, w.now_ms);
        w.slow_lookup = false;
        w.server = NO_NAME;
        pass(&w, 1000);
        assert_int_equal(w.events[0].what, OT_LINE_RESTART);
        assert_gap(gap(&w, OT_LINE_LOOK_UP, 0) - w.events[0].at_ms, 1000); /* and the pauses are short again */
    }
}

static void stopped_is_silent(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, REFUSES, 1);
    pass(&w, 5000);
    w.n = 0;
    ot_line_kick(&w.l);
    ot_line_stop(&w.l);
    ot_line_kick(&w.l);
    pass(&w, 1000000);
    assert_int_equal(w.n, 0);
    ot_line_start(&w.l, w.now_ms); /* again: the kick of then is forgotten */
    pass(&w, 1);
    assert_int_equal(w.events[0].what, OT_LINE_LOOK_UP);
    w.n = 0;
    ot_line_init(&w.l, 1);
    ot_line_kick(&w.l); /* before the start */
    pass(&w, 1000000);
    assert_int_equal(w.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_grow),
        cmocka_unit_test(pauses_start_anew_when_a_session_has_lasted),
        cmocka_unit_test(two_devices_with_one_identity),
        cmocka_unit_test(a_black_hole_is_given_up),
        cmocka_unit_test(addresses_take_turns),
        cmocka_unit_test(a_kick_does_not_wait),
        cmocka_unit_test(a_kick_waits_for_the_lookup),
        cmocka_unit_test(no_pause_is_told_after_a_kick),
        cmocka_unit_test(stopped_is_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
