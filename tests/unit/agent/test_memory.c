/* SPDX-License-Identifier: MIT */
/* The router when an allocation fails, and that steady state makes none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "tests/support/alloc_fail.h"
#include "tests/unit/agent/rig.h"

static void scenario(void *user)
{
    static const char *const lines[] = {
        "U+",
        "A+",
        "B+",
        "C+",
        REG("A", "m"),
        REG("B", "m"),
        REG("B", "p.*"),
        "C> {\"method\":\"bind\",\"address\":4}",
        "C> {\"id\":1,\"method\":\"agent.monitor\"}",
        "U> {\"id\":1,\"method\":\"m\"}",
        "A> {\"id\":1,\"result\":1}",
        "U> {\"id\":2,\"method\":\"p.x\"}",
        "A> {\"id\":3,\"method\":\"q\"}",
        "U> {\"id\":100,\"result\":1}",
        "A> {\"_to\":4,\"x\":1}",
        "C> "
        "{\"id\":2,\"method\":\"agent.peers\"}{\"id\":3,\"method\":\"agent.info\"}{\"id\":4,\"method\":"
        "\"agent.stats\"}",
        "C> {\"id\":5,\"method\":\"agent.call\",\"params\":{\"method\":\"m\"}}",
        "B> {\"id\":1001,\"result\":1}",
        "A> {\"id\":3,\"method\":\"q\"",
        "A> }",
        "+4000",
        "+30000",
        "stop",
        NULL};
    const char *const *at;
    struct rig g;

    (void) user;
    if (rig_init(&g) < 0)
        return;
    for (at = lines; *at; at++) {
        const char *one[] = {*at, NULL};
        bool there = (*at)[0] == '+' || (*at)[0] == 's' || (*at)[1] == '+' || rig_peer(&g, (*at)[0])->there;

        if (there)
            rig_run(&g, one);
        rig_settle(&g);
    }
    rig_deinit(&g);
}

static void test_alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(scenario, NULL);
}

/*
 * With any one allocation failing, the asker of a request and of a command gets its answer or sees its
 * connection end: nobody waits for ever.
 */
static void no_silence(void *user)
{
    static const char *const lines[] = {
        "U+",    "A+",     "B+", REG("A", "m"), "U> {\"id\":1,\"method\":\"m\"}", "B> {\"id\":3,\"method\":\"q\"}",
        "+4000", "+30000", NULL};
    struct rig g;

    (void) user;
    if (rig_init(&g) < 0)
        return;
    for (const char *const *at = lines; *at; at++) {
        const char *one[] = {*at, NULL};

        if ((*at)[0] == '+' || (*at)[1] == '+' || rig_peer(&g, (*at)[0])->there)
            rig_run(&g, one);
        rig_settle(&g);
    }
    if (rig_peer(&g, 'B')->there && rig_peer(&g, 'U')->there) {
        const struct ag_buf *b = &rig_peer(&g, 'B')->peer.out, *u = &rig_peer(&g, 'U')->peer.out;

        assert_non_null(memmem(ag_buf_span(b).p, ag_buf_size(b), "{\"id\":3,\"error\"", 14));
        assert_non_null(memmem(ag_buf_span(u).p, ag_buf_size(u), "{\"id\":1,\"error\"", 14));
    }
    rig_deinit(&g);
}

static void test_alloc_fail_no_silence(void **state)
{
    (void) state;
    alloc_fail_sweep(no_silence, NULL);
}

struct promise {
    const char *const *lines;
    const char *either, *or_else; /* what A has been given in the end, when it and upstream are still there ... */
    const char *when;             /* ... and A this; NULL: always */
};

static bool has(struct ag_span s, const char *part)
{
    return memmem(s.p, s.len, part, strlen(part)) != NULL;
}

static void keep(void *user)
{
    const struct promise *promise = user;
    struct rig g;

    if (rig_init(&g) < 0)
        return;
    for (const char *const *at = promise->lines; *at; at++) {
        const char *one[] = {*at, NULL};

        if ((*at)[1] == '+' || rig_peer(&g, (*at)[0])->there)
            rig_run(&g, one);
        rig_settle(&g);
    }
    if (rig_peer(&g, 'A')->there && rig_peer(&g, 'U')->there) {
        struct ag_span out = ag_buf_span(&rig_peer(&g, 'A')->peer.out);

        if ((!promise->when || has(out, promise->when)) && !has(out, promise->either) &&
            !(promise->or_else && has(out, promise->or_else)))
            fail_msg("A was given %.*s", (int) out.len, out.p);
    }
    rig_deinit(&g);
}

/*
 * What nobody answers for and nobody says twice: who has not been given it sees its connection end, and begins again. An
 * application that registers without an id, one that follows the state, a standby that waits.
 */
static void test_alloc_fail_not_deaf(void **state)
{
    static const char *const with_id[] = {"U+",
                                          "A+",
                                          "A> {\"id\":3,\"method\":\"register\",\"key\":\"m\"}",
                                          "U> {\"id\":1,\"method\":\"m\"}",
                                          "U> {\"id\":2,\"method\":\"m\"}",
                                          NULL};
    static const char *const without[] = {
        "U+", "A+", REG("A", "m"), "U> {\"id\":1,\"method\":\"m\"}", "U> {\"id\":2,\"method\":\"m\"}", NULL};
    static const char *const changed[] = {"U+", "A+", REG("A", "local.status"),
                                          "U> {\"method\":\"local.status\",\"params\":\"x\"}", NULL};
    static const char *const newcomer[] = {"U+", "A+", REG("A", "local.status"),
                                           "U> {\"id\":100,\"method\":\"local.status\",\"params\":\"x\"}", NULL};
    static const char *const followed[] = {"A+", REG("A", "local.status"), "U+",
                                           "U> {\"id\":100,\"method\":\"local.status\",\"params\":\"x\"}", NULL};
    static const char *const standby[] = {
        "U+",
        "B+",
        "B> {\"method\":\"register\",\"key\":\"m\",\"mode\":\"standby\"}",
        "A+",
        "A> {\"id\":3,\"method\":\"register\",\"key\":\"m\",\"mode\":\"standby\",\"params\":{\"tell\":true}}",
        "B-",
        NULL};
    static const struct promise promises[] = {
        {with_id, "\"method\":\"m\"", "{\"id\":3,\"error\"", NULL},
        {without, "\"method\":\"m\"", NULL, NULL},
        {changed, "{\"method\":\"local.status\",\"params\":\"x\"}", NULL, NULL},
        {newcomer, "{\"method\":\"local.status\",\"params\":\"x\"}", NULL, NULL},
        {followed, "{\"method\":\"local.status\",\"params\":\"x\"}", NULL, NULL},
        {standby, "agent.owner", NULL, "waiting"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(promises); i++)
        alloc_fail_sweep(keep, (void *) &promises[i]);
}

/* In steady state routing takes nothing from the heap. */
static void test_no_allocation(void **state)
{
    static const char *const start[] = {"U+", "A+", REG("A", "m"), NULL};
    static const char *const turn[] = {"U> {\"id\":1,\"method\":\"m\",\"params\":[1]}",
                                       "A< {\"id\":1,\"method\":\"m\",\"params\":[1]}",
                                       "A> {\"id\":1,\"result\":[\"ok\"]}",
                                       "U< {\"id\":1,\"result\":[\"ok\"]}",
                                       "A> {\"method\":\"q\"}",
                                       "U< {\"method\":\"q\"}",
                                       NULL};
    struct rig g;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    assert_int_equal(rig_run(&g, start), 0);
    assert_int_equal(rig_run(&g, turn), 0);
    alloc_fail_at(1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(rig_run(&g, turn), 0);
    assert_false(alloc_fail_reached());
    alloc_fail_at(0);
    rig_deinit(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_fail),
        cmocka_unit_test(test_alloc_fail_no_silence),
        cmocka_unit_test(test_alloc_fail_not_deaf),
        cmocka_unit_test(test_no_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
