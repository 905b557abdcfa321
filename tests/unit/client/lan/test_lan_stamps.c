/* SPDX-License-Identifier: MIT */
/* Phones on the LAN: which stamps are taken, after other hellos, after replays, and when the clock is set. */
#include <stdio.h>
#include <string.h>
#include "tests/unit/client/lan/lan_rig.h"

static uint32_t told_stamp(struct world *w)
{
    return packet_peek_stamp(ag_buf_span(&w->sent));
}

/* A program that is started again on the same port counts its ids from 1 again. */
static void test_a_phone_starts_over(void **state)
{
    const char *text = "{\"id\":1,\"method\":\"toggle\"}";
    static const struct lan_addr elsewhere = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 8}, .port = 4000};
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    world_receive(&w, &peer, DID, NOW, text, 1000);
    world_hello(&w, &peer, 1001, NOW); /* what is under way stays so */
    world_receive(&w, &peer, DID, NOW + 1, text, 1002);
    assert_int_equal(w.n_commands, 1);
    lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":[\"ok\"]}"), NULL, 1003, NOW);
    world_hello(&w, &elsewhere, 1004, NOW);
    world_receive(&w, &peer, DID, NOW + 2, text, 1005);
    assert_int_equal(w.n_commands, 1);
    world_hello(&w, &peer, 1006, NOW);
    world_receive(&w, &peer, DID, NOW + 1, text, 1007);
    assert_int_equal(w.n_commands, 1); /* the packet is known all the same */
    world_receive(&w, &peer, DID, NOW + 3, text, 1008);
    assert_int_equal(w.n_commands, 2);
    /* without a hello: much later by its own stamp is no repeat */
    lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":[\"ok\"]}"), NULL, 1009, NOW);
    world_receive(&w, &peer, DID, NOW + 22, text, 1010);
    assert_int_equal(w.n_commands, 2);
    world_receive(&w, &peer, DID, NOW + 23, text, 1011);
    assert_int_equal(w.n_commands, 3);
    world_deinit(&w);
}

/* The first packet counted on from a hello before the device was rebooted, the repeat counts on from one behind it. */
static void test_a_repeat_behind_another_hello(void **state)
{
    const char *text = "{\"id\":76,\"method\":\"toggle\"}";
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    world_receive(&w, &peer, DID, NOW + 3100, text, 1000);
    world_hello(&w, &peer, 4000, NOW + 3);
    world_receive(&w, &peer, DID, NOW + 3, text, 4001);
    assert_int_equal(w.n_commands, 1);
    lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":[\"ok\"]}"), NULL, 4002, NOW + 3);
    assert_int_equal(w.l.stats.answers, 1);
    world_deinit(&w);
}

/* Hello often comes from a port of its own; but the answer to another program behind that address may just have been lost. */
static void test_a_hello_from_another_port(void **state)
{
    const char *text = "{\"id\":1,\"method\":\"toggle\"}";
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    world_receive(&w, &peer, DID, NOW, text, 1000);
    lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":[\"ok\"]}"), NULL, 1001, NOW);
    world_hello(&w, &other, 1002, NOW);
    world_hello(&w, &other, 10900, NOW + 9);
    world_receive(&w, &peer, DID, NOW + 10, text, 10950);
    assert_int_equal(w.n_commands, 1); /* a repeat, answered from memory */
    assert_int_equal(w.l.stats.repeats, 1);
    world_hello(&w, &other, 11002, NOW + 10); /* nobody waits so long for an answer */
    world_receive(&w, &peer, DID, NOW + 11, text, 11003);
    assert_int_equal(w.n_commands, 2);
    world_deinit(&w);
}

/* A phone that has waited long says hello before it repeats, and the answer crosses that. */
static void test_a_hello_that_crosses_the_answer(void **state)
{
    const char *text = "{\"id\":1,\"method\":\"toggle\"}";
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    world_receive(&w, &peer, DID, NOW, text, 1000);
    lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":[\"ok\"]}"), NULL, 4000, NOW + 3);
    world_hello(&w, &peer, 4500, NOW + 3);
    world_receive(&w, &peer, DID, NOW + 4, text, 4505);
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.l.stats.repeats, 1);
    world_hello(&w, &peer, 4506, NOW + 3); /* no longer on its way */
    world_receive(&w, &peer, DID, NOW + 5, text, 4507);
    assert_int_equal(w.n_commands, 2);
    world_deinit(&w);
}

/*
 * Many begin at once, and each hello tells a later stamp. Who hears a second one between the request and its repeat
 * counts on from that.
 */
static void test_a_repeat_that_counts_on_from_another_hello(void **state)
{
    const char *text = "{\"id\":1,\"method\":\"toggle\"}";
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    world_hello(&w, &peer, 1000, NOW);
    world_receive(&w, &peer, DID, told_stamp(&w), text, 1001);
    for (int i = 0; i < 10; i++)
        world_hello(&w, &peer, 1002, NOW);
    world_receive(&w, &peer, DID, told_stamp(&w) + 9, text, 10000);
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.l.stats.repeats, 1);
    world_deinit(&w);
}

/* Two programs that begin in the same second with the same id and command are two. */
static void test_hellos_tell_different_stamps(void **state)
{
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    for (uint32_t i = 0; i <= 10; i++) {
        world_hello(&w, &peer, 1000, NOW);
        assert_int_equal(told_stamp(&w), NOW + i);
    }
    world_hello(&w, &peer, 1000, NOW); /* a flood does not carry the clock away */
    assert_int_equal(told_stamp(&w), NOW);
    world_hello(&w, &peer, 2000, NOW + 100);
    assert_int_equal(told_stamp(&w), NOW + 100);
    w.l.stamp_window_s = 2;
    world_hello(&w, &peer, 2000, NOW + 100);
    assert_int_equal(told_stamp(&w), NOW + 101);
    world_hello(&w, &peer, 2000, NOW + 100);
    assert_int_equal(told_stamp(&w), NOW + 100);
    world_deinit(&w);
}

/* Somebody who has listened for a day sends all of it again from everywhere; a phone lives on beside that. */
static void test_a_hundred_thousand_replays(void **state)
{
    enum { CAPTURED = 500, REPLAYS = 100000, SOURCES = 2000 };
    static struct ag_buf captured[CAPTURED];
    struct world w;
    uint64_t now_ms = 1000;
    unsigned honest = 0;
    char text[64];

    (void) state;
    assert_int_equal(world_init(&w), 0);
    for (uint32_t i = 0; i < CAPTURED; i++) {
        snprintf(text, sizeof text, i % 5 ? "{\"id\":%u,\"method\":\"toggle\"}" : "{\"method\":\"toggle\",\"n\":%u}", i);
        assert_int_equal(packet_encode(&captured[i], &w.key, DID, NOW + i, (struct ag_span){text, strlen(text)}), 0);
        lan_receive(&w.l, &peer, ag_buf_span(&captured[i]), now_ms += 100, NOW);
        lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":[\"ok\"]}"), NULL, now_ms, NOW);
    }
    assert_int_equal(w.n_commands, CAPTURED);
    now_ms += 31000;
    lan_expire(&w.l, now_ms);
    w.n_commands = w.n_sent = 0;
    for (uint32_t i = 0; i < REPLAYS; i++) {
        struct lan_addr from = {
            .ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [14] = (uint8_t) (i % SOURCES >> 8), [15] = (uint8_t) (i % SOURCES)},
            .port = (uint16_t) (1024 + i % 60000)};

        lan_receive(&w.l, &from, ag_buf_span(&captured[i % CAPTURED]), now_ms += 1, NOW + 1000);
        if (i % 100 != 0)
            continue;
        snprintf(text, sizeof text, "{\"id\":%u,\"method\":\"get\"}", i);
        world_receive(&w, &peer, DID, NOW + 600, text, now_ms);
        lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":[1]}"), NULL, now_ms, NOW);
        honest++;
        assert_int_equal(w.n_commands, honest);
        assert_int_equal(w.n_sent, honest);
    }
    assert_int_equal(w.l.stats.replayed, REPLAYS);
    assert_true(w.l.requests.n <= w.l.requests.max);
    for (uint32_t i = 0; i < CAPTURED; i++)
        ag_buf_deinit(&captured[i]);
    world_deinit(&w);
}

/* More packets than are remembered: those that are old then are refused, those of now are not. */
static void test_a_full_memory_narrows_the_window(void **state)
{
    struct world w;
    char text[64];

    (void) state;
    assert_int_equal(world_init(&w), 0);
    replay_init(&w.l.taken, 20);
    for (uint32_t i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "{\"method\":\"m\",\"n\":%u}", i);
        world_receive(&w, &peer, DID, NOW + i, text, 1000);
    }
    assert_int_equal(w.n_commands, 50);
    for (uint32_t i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "{\"method\":\"m\",\"n\":%u}", i);
        world_receive(&w, &other, DID, NOW + i, text, 2000);
    }
    world_receive(&w, &peer, DID, NOW, "{\"method\":\"new\"}", 1000);
    assert_int_equal(w.n_commands, 50);
    assert_int_equal(w.l.stats.replayed, 20);
    assert_int_equal(w.l.stats.narrowed, 31);
    world_receive(&w, &peer, DID, NOW + 50, "{\"method\":\"new\"}", 1000);
    assert_int_equal(w.n_commands, 51);
    world_deinit(&w);
}

static int receive_at(struct world *w, uint32_t stamp, const char *text, uint64_t now_ms, uint32_t now_s)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf d = AG_BUF_INIT;
    int r = packet_encode(&d, &w->key, DID, stamp, (struct ag_span){text, strlen(text)});

    return r == 0 ? lan_receive(&w->l, &peer, ag_buf_span(&d), now_ms, now_s) : r;
}

/* What was captured before the start is refused, also by the clock that is set later; phones that count on, say hello or copy the
   stamp of an answer are served. */
static void test_captured_before_the_start(void **state)
{
    static const struct {
        uint32_t unset_s, stamp;
        bool served;
    } rows[] = {{0, NOW - 3600, false}, {0, NOW, false}, {0, NOW + 1, true}, {0, NOW + 12, true},
                {40, 39, false},        {40, 40, false}, {40, 41, true},     {40, NOW - 1, false}};
    struct world w;

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        uint32_t now_s = rows[i].unset_s ? 77 : NOW;

        assert_int_equal(world_init(&w), 0);
        lan_start(&w.l, 40000);
        receive_at(&w, rows[i].stamp, "{\"id\":1,\"method\":\"m\"}", 40000, now_s);
        assert_int_equal(w.n_commands, rows[i].served);
        assert_int_equal(w.l.stats.bad_stamp, !rows[i].served);
        world_deinit(&w);
    }
    assert_int_equal(world_init(&w), 0);
    lan_start(&w.l, 40000);
    world_hello(&w, &peer, 40000, 77);
    receive_at(&w, told_stamp(&w), "{\"id\":1,\"method\":\"m\"}", 40000, 77);
    receive_at(&w, 60, "{\"id\":2,\"method\":\"m\"}", 60000, NOW);       /* the clock is set; it counts on */
    receive_at(&w, NOW - 20, "{\"id\":3,\"method\":\"m\"}", 60000, NOW); /* before the start, by the clock of now */
    assert_true(w.n_commands == 2 && w.l.stats.bad_stamp == 1);
    world_deinit(&w);
    for (uint32_t window = 1; window < 60; window++) { /* whatever the window, what is told is good */
        assert_int_equal(world_init(&w), 0);
        w.l.stamp_window_s = window;
        lan_start(&w.l, 40999);
        world_hello(&w, &peer, 41000, NOW);
        receive_at(&w, told_stamp(&w), "{\"id\":1,\"method\":\"m\"}", 41999, NOW);
        lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":1}"), NULL, 42000, NOW);
        receive_at(&w, told_stamp(&w), "{\"id\":2,\"method\":\"m\"}", 42000, NOW);
        assert_int_equal(w.n_commands, 2);
        world_deinit(&w);
    }
}

/* 1970 to now, while a phone talks: it is heard on, and told the new time. */
static void test_the_clock_is_set(void **state)
{
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    world_hello(&w, &peer, 100000, 100);
    assert_int_equal(told_stamp(&w), 100);
    receive_at(&w, 101, "{\"id\":1,\"method\":\"m\"}", 101000, 101);
    receive_at(&w, 110, "{\"id\":2,\"method\":\"m\"}", 110000, NOW);
    assert_int_equal(w.n_commands, 2);
    lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":1}"), NULL, 110000, NOW);
    assert_int_equal(told_stamp(&w), NOW);
    receive_at(&w, NOW, "{\"id\":3,\"method\":\"m\"}", 110001, NOW);
    receive_at(&w, 409, "{\"id\":4,\"method\":\"m\"}", 409999, NOW + 299);
    assert_int_equal(w.n_commands, 4);
    receive_at(&w, 410, "{\"id\":5,\"method\":\"m\"}", 410000, NOW + 300);
    assert_int_equal(w.n_commands, 4);
    assert_int_equal(w.l.stats.bad_stamp, 1);
    receive_at(&w, 101, "{\"id\":1,\"method\":\"m\"}", 110002, NOW);
    assert_int_equal(w.n_commands, 4); /* never twice */
    world_deinit(&w);
}

/* A phone asks again after it has been told the new time: the same request, executed once. */
static void test_the_clock_is_set_between_repeats(void **state)
{
    static const uint32_t steps[][2] = {{101, NOW}, {NOW, NOW + 3600}, {NOW + 900000, NOW}};

    (void) state;
    for (size_t i = 0; i < ag_array_size(steps); i++) {
        uint32_t before = steps[i][0], after = steps[i][1];
        struct world w;

        assert_int_equal(world_init(&w), 0);
        receive_at(&w, before, "{\"id\":1,\"method\":\"m\"}", 101000, before);
        receive_at(&w, after + 3, "{\"id\":1,\"method\":\"m\"}", 104000, after + 3);
        assert_int_equal(w.n_commands, 1);
        assert_int_equal(w.l.stats.repeats, 1);
        lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":[\"ok\"]}"), NULL, 104500, after + 3);
        receive_at(&w, after + 1800, "{\"id\":1,\"method\":\"m\"}", 105000, after + 4); /* no phone was ever told this time */
        assert_int_equal(w.n_commands, 2);
        world_deinit(&w);
    }
}

/* A clock that was ahead: what was taken then must not narrow the window of now, and is not taken again. */
static void test_the_clock_is_set_back(void **state)
{
    struct world w;
    char text[64];

    (void) state;
    assert_int_equal(world_init(&w), 0);
    replay_init(&w.l.taken, 20);
    for (uint32_t i = 0; i < 30; i++) {
        snprintf(text, sizeof text, "{\"method\":\"m\",\"n\":%u}", i);
        receive_at(&w, NOW + 900000, text, 1000, NOW + 900000);
    }
    for (uint32_t i = 0; i < 30; i++) {
        snprintf(text, sizeof text, "{\"method\":\"m\",\"n\":%u}", i);
        receive_at(&w, NOW + 900000, text, 2000, NOW);
    }
    assert_int_equal(w.n_commands, 21); /* all with one stamp: when it is full, that one is too old */
    receive_at(&w, NOW, "{\"method\":\"m\"}", 1000 + STAMP_CLOCK_GRACE_MS + 1000, NOW + 300);
    assert_int_equal(w.n_commands, 22);
    receive_at(&w, NOW + 900000, "{\"method\":\"m\",\"n\":1}", 400000, NOW + 400);
    assert_int_equal(w.n_commands, 22);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_phone_starts_over),
        cmocka_unit_test(test_a_hello_from_another_port),
        cmocka_unit_test(test_a_hello_that_crosses_the_answer),
        cmocka_unit_test(test_a_repeat_behind_another_hello),
        cmocka_unit_test(test_a_repeat_that_counts_on_from_another_hello),
        cmocka_unit_test(test_hellos_tell_different_stamps),
        cmocka_unit_test(test_a_hundred_thousand_replays),
        cmocka_unit_test(test_a_full_memory_narrows_the_window),
        cmocka_unit_test(test_captured_before_the_start),
        cmocka_unit_test(test_the_clock_is_set),
        cmocka_unit_test(test_the_clock_is_set_between_repeats),
        cmocka_unit_test(test_the_clock_is_set_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
