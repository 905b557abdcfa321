/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/lan/core/crypt.h"
#include "client/lan/core/lan.h"
#include "tests/support/alloc_fail.h"

#define DID   87654321u
#define TOKEN "a1B2c3D4e5F6g7H8"
#define NOW   1700000000u

/* V8: hello. V9: its answer when provisioned. V10: unprovisioned, stamp 60. */
#define V8  "21310020ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define V9  "213100200000000005397fb16553f100ffffffffffffffffffffffffffffffff"
#define V10 "213100200000000005397fb10000003c61314232633344346535463667374838"
/* V1: {"id":1,"method":"miIO.info","params":[]}, stamp NOW */
#define V1                                                                                                                       \
    "213100500000000005397fb16553f100bf30fac6036030c46f7e96bc430f35d53212c5571ce75add1f83e3c54c14b22d"                           \
    "22f9d52b4ae6cdc3c6b639d642e607c732464ee25d20558a9ce08114f589ec96"

struct world {
    struct lan l;
    struct packet_key key; /* the phone's */
    struct ag_buf sent;    /* the last datagram */
    unsigned n_sent, n_commands;
    uint64_t handle;
    char text[256];
};

static const struct lan_addr peer = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}, .port = 4000};
static const struct lan_addr other = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}, .port = 4001};

static void on_send(void *user, const struct lan_addr *to, struct ag_span datagram)
{
    struct world *w = user;

    (void) to;
    w->n_sent++;
    ag_buf_clear(&w->sent);
    ag_buf_append_span(&w->sent, datagram);
}

static void on_command(void *user, uint64_t handle, struct ag_span text, const struct ag_json_view *view, bool wants_answer)
{
    struct world *w = user;

    (void) view;
    w->n_commands++;
    w->handle = wants_answer ? handle : 0;
    snprintf(w->text, sizeof w->text, "%.*s", (int) text.len, text.p);
}

static const struct lan_sink sink = {on_send, on_command};

static int world_init(struct world *w)
{
    int r;

    *w = (struct world){.sent = AG_BUF_INIT};
    lan_init(&w->l, &sink, w, DID);
    r = lan_set_token(&w->l, TOKEN);
    return r == 0 ? packet_key_init(&w->key, TOKEN) : r;
}

static void world_deinit(struct world *w)
{
    lan_deinit(&w->l);
    packet_key_deinit(&w->key);
    ag_buf_deinit(&w->sent);
}

static size_t unhex(const char *hex, char *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (char) byte;
    }
    return n;
}

static void receive_hex_at(struct world *w, const char *hex, uint64_t now_ms, uint32_t now_s)
{
    char bytes[128];
    size_t n = unhex(hex, bytes);

    lan_receive(&w->l, &peer, (struct ag_span){bytes, n}, now_ms, now_s);
}

static void receive_hex(struct world *w, const char *hex, uint32_t now_s)
{
    receive_hex_at(w, hex, 1000, now_s);
}

static int receive(struct world *w, const struct lan_addr *from, uint64_t did, uint32_t stamp, const char *text, uint64_t now_ms)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf d = AG_BUF_INIT;
    int r = packet_encode(&d, &w->key, did, stamp, (struct ag_span){text, strlen(text)});

    return r == 0 ? lan_receive(&w->l, from, ag_buf_span(&d), now_ms, NOW) : r;
}

static void expect_sent_hex(struct world *w, const char *hex)
{
    char bytes[128];
    size_t n = unhex(hex, bytes);

    assert_int_equal(ag_buf_size(&w->sent), n);
    assert_memory_equal(ag_buf_head(&w->sent), bytes, n);
}

static void expect_sent_text(struct world *w, const char *text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf plain = AG_BUF_INIT;
    struct packet p;

    assert_int_equal(packet_decode(&p, &w->key, ag_buf_span(&w->sent), &plain), 0);
    assert_int_equal(p.did, DID);
    assert_int_equal(p.stamp, NOW);
    assert_string_equal(ag_buf_cstr(&plain), text);
}

static void test_hello(void **state)
{
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    receive_hex(&w, V8, NOW);
    expect_sent_hex(&w, V9);
    w.l.reveal_token = true;
    receive_hex_at(&w, V8, 60000, 12); /* the clock is not set: the stamp is the uptime */
    expect_sent_hex(&w, V10);
    /* another program puts its own letters into the last 16 bytes */
    receive_hex(&w, "21310020ffffffffffffffffffffffff4d444944000102030405060700000000", 60);
    assert_int_equal(w.l.stats.hellos, 3);
    world_deinit(&w);
}

static void test_request_and_answer(void **state)
{
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    receive_hex(&w, V1, NOW);
    assert_string_equal(w.text, "{\"id\":1,\"method\":\"miIO.info\",\"params\":[]}");
    lan_answer(&w.l, w.handle, AG_SPAN("{\"id\":77,\"result\":[250]}"), NULL, 0, NOW);
    expect_sent_text(&w, "{\"id\":1,\"result\":[250]}");
    lan_answer(&w.l, w.handle, AG_SPAN("{\"id\":77,\"result\":[251]}"), NULL, 0, NOW);
    lan_answer(&w.l, 999, AG_SPAN("{\"id\":77,\"result\":[251]}"), NULL, 0, NOW);
    assert_int_equal(w.n_sent, 1);
    assert_int_equal(w.l.stats.late, 2);
    world_deinit(&w);
}

static void test_repeats(void **state)
{
    const char *text = "{\"id\":5,\"method\":\"toggle\",\"params\":[]}";
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    receive(&w, &peer, DID, NOW, text, 1000);
    receive(&w, &peer, DID, NOW, text, 1100); /* no answer yet: silence */
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.n_sent, 0);
    lan_answer(&w.l, w.handle, AG_SPAN("{\"id\":1,\"result\":[\"ok\"]}"), NULL, 0, NOW);
    receive(&w, &peer, DID, NOW + 1, text, 2000);
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.n_sent, 2);
    expect_sent_text(&w, "{\"id\":5,\"result\":[\"ok\"]}");
    receive(&w, &other, DID, NOW, text, 2000);     /* the same packet from elsewhere: somebody has listened */
    receive(&w, &other, DID, NOW + 1, text, 2000); /* the repeat too */
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.n_sent, 2);
    assert_int_equal(w.l.stats.replayed, 2);
    receive(&w, &other, DID, NOW + 2, text, 2000); /* another asker */
    assert_int_equal(w.n_commands, 2);
    receive(&w, &peer, DID, NOW, "{\"id\":5,\"method\":\"other\"}", 2000); /* its id, another text: another command */
    assert_int_equal(w.n_commands, 3);
    lan_expire(&w.l, 1000 + 60000);
    assert_int_equal(w.l.requests.n, 0);
    assert_int_equal(w.l.requests.kept_bytes, 0);
    receive(&w, &peer, DID, NOW, text, 62000); /* the answer is forgotten, the packet is not */
    assert_int_equal(w.n_commands, 3);
    receive(&w, &peer, DID, NOW + 60, text, 62000);
    assert_int_equal(w.n_commands, 4);
    world_deinit(&w);
}

/* What the network doubles is executed once, also without an id, and however much later it comes. */
static void test_packets_without_id(void **state)
{
    const char *text = "{\"method\":\"toggle\"}";
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    receive(&w, &peer, DID, NOW, text, 1000);
    receive(&w, &peer, DID, NOW, text, 1000);
    receive(&w, &other, DID, NOW, text, 70000);
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.l.stats.replayed, 2);
    receive(&w, &peer, DID, NOW + 1, text, 1199);
    assert_int_equal(w.n_commands, 2);
    for (uint32_t i = 0; i < 100; i++)
        receive(&w, &peer, DID, NOW + 10 + i, text, 1300);
    assert_int_equal(w.n_commands, 102);
    assert_int_equal(w.n_sent, 0);
    world_deinit(&w);
}

static void hello(struct world *w, const struct lan_addr *from, uint64_t now_ms, uint32_t now_s)
{
    char bytes[32];

    lan_receive(&w->l, from, (struct ag_span){bytes, unhex(V8, bytes)}, now_ms, now_s);
}

static uint32_t told_stamp(struct world *w)
{
    return packet_peek_stamp(ag_buf_span(&w->sent));
}

/* A program that is started again on the same port counts its ids from 1 again. */
static void test_a_phone_begins_anew(void **state)
{
    const char *text = "{\"id\":1,\"method\":\"toggle\"}";
    static const struct lan_addr elsewhere = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 8}, .port = 4000};
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    receive(&w, &peer, DID, NOW, text, 1000);
    hello(&w, &peer, 1001, NOW); /* what is under way stays so */
    receive(&w, &peer, DID, NOW + 1, text, 1002);
    assert_int_equal(w.n_commands, 1);
    lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":[\"ok\"]}"), NULL, 1003, NOW);
    hello(&w, &elsewhere, 1004, NOW);
    receive(&w, &peer, DID, NOW + 2, text, 1005);
    assert_int_equal(w.n_commands, 1);
    hello(&w, &peer, 1006, NOW);
    receive(&w, &peer, DID, NOW + 1, text, 1007);
    assert_int_equal(w.n_commands, 1); /* the packet is known all the same */
    receive(&w, &peer, DID, NOW + 3, text, 1008);
    assert_int_equal(w.n_commands, 2);
    /* without a hello: much later by its own stamp is no repeat */
    lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":[\"ok\"]}"), NULL, 1009, NOW);
    receive(&w, &peer, DID, NOW + 22, text, 1010);
    assert_int_equal(w.n_commands, 2);
    receive(&w, &peer, DID, NOW + 23, text, 1011);
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
    receive(&w, &peer, DID, NOW + 3100, text, 1000);
    hello(&w, &peer, 4000, NOW + 3);
    receive(&w, &peer, DID, NOW + 3, text, 4001);
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
    receive(&w, &peer, DID, NOW, text, 1000);
    lan_answer(&w.l, w.handle, AG_SPAN("{\"result\":[\"ok\"]}"), NULL, 1001, NOW);
    hello(&w, &other, 1002, NOW);
    hello(&w, &other, 10900, NOW + 9);
    receive(&w, &peer, DID, NOW + 10, text, 10950);
    assert_int_equal(w.n_commands, 1); /* a repeat, answered from memory */
    assert_int_equal(w.l.stats.repeats, 1);
    hello(&w, &other, 11002, NOW + 10); /* nobody waits so long for an answer */
    receive(&w, &peer, DID, NOW + 11, text, 11003);
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
    hello(&w, &peer, 1000, NOW);
    receive(&w, &peer, DID, told_stamp(&w), text, 1001);
    for (int i = 0; i < 10; i++)
        hello(&w, &peer, 1002, NOW);
    receive(&w, &peer, DID, told_stamp(&w) + 9, text, 10000);
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
        hello(&w, &peer, 1000, NOW);
        assert_int_equal(told_stamp(&w), NOW + i);
    }
    hello(&w, &peer, 1000, NOW); /* a flood does not carry the clock away */
    assert_int_equal(told_stamp(&w), NOW);
    hello(&w, &peer, 2000, NOW + 100);
    assert_int_equal(told_stamp(&w), NOW + 100);
    w.l.stamp_window_s = 2;
    hello(&w, &peer, 2000, NOW + 100);
    assert_int_equal(told_stamp(&w), NOW + 101);
    hello(&w, &peer, 2000, NOW + 100);
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
        receive(&w, &peer, DID, NOW + 600, text, now_ms);
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
        receive(&w, &peer, DID, NOW + i, text, 1000);
    }
    assert_int_equal(w.n_commands, 50);
    for (uint32_t i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "{\"method\":\"m\",\"n\":%u}", i);
        receive(&w, &other, DID, NOW + i, text, 2000);
    }
    receive(&w, &peer, DID, NOW, "{\"method\":\"new\"}", 1000);
    assert_int_equal(w.n_commands, 50);
    assert_int_equal(w.l.stats.replayed, 20);
    assert_int_equal(w.l.stats.narrowed, 31);
    receive(&w, &peer, DID, NOW + 50, "{\"method\":\"new\"}", 1000);
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
    hello(&w, &peer, 40000, 77);
    receive_at(&w, told_stamp(&w), "{\"id\":1,\"method\":\"m\"}", 40000, 77);
    receive_at(&w, 60, "{\"id\":2,\"method\":\"m\"}", 60000, NOW);       /* the clock is set; it counts on */
    receive_at(&w, NOW - 20, "{\"id\":3,\"method\":\"m\"}", 60000, NOW); /* before the start, by the clock of now */
    assert_true(w.n_commands == 2 && w.l.stats.bad_stamp == 1);
    world_deinit(&w);
    for (uint32_t window = 1; window < 60; window++) { /* whatever the window, what is told is good */
        assert_int_equal(world_init(&w), 0);
        w.l.stamp_window_s = window;
        lan_start(&w.l, 40999);
        hello(&w, &peer, 41000, NOW);
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
    hello(&w, &peer, 100000, 100);
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

/* One zero byte behind the text, also of an answer from memory and of the error for what is too large. */
static void expect_zero_byte(struct world *w)
{
    const char *p = ag_buf_head(&w->sent) + PACKET_HEADER;
    size_t len = ag_buf_size(&w->sent) - PACKET_HEADER, n = 0;
    char *plain = malloc(len);

    assert_non_null(plain);
    assert_int_equal(crypt_decrypt(w->key.crypt, (struct ag_span){p, len}, (uint8_t *) plain, &n), 0);
    assert_true(n > 2);
    assert_int_equal(plain[n - 1], '\0');
    assert_int_equal(plain[n - 2], '}');
    free(plain);
}

static void test_zero_byte_behind_answers(void **state)
{
    struct world w;
    char answer[80];

    (void) state;
    assert_int_equal(world_init(&w), 0);
    for (uint32_t i = 0; i < 20; i++) { /* whatever the padding */
        snprintf(answer, sizeof answer, "{\"result\":{\"a\":{\"b\":\"%.*s\"}}}", (int) i, "xxxxxxxxxxxxxxxxxxxxxx");
        receive(&w, &peer, DID, NOW + 2 * i, "{\"id\":1,\"method\":\"m\"}", 1000);
        lan_answer(&w.l, w.handle, (struct ag_span){answer, strlen(answer)}, NULL, 1000, NOW);
        expect_zero_byte(&w);
        receive(&w, &peer, DID, NOW + 2 * i + 1, "{\"id\":1,\"method\":\"m\"}", 1000);
        expect_zero_byte(&w);
        hello(&w, &peer, 1000, NOW);
    }
    assert_int_equal(w.l.stats.repeats, 20);
    world_deinit(&w);
}

/* An answer is kept for half a minute from the request on, whatever comes meanwhile. */
static void test_memory_in_time(void **state)
{
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    assert_int_equal(lan_next_deadline(&w.l), UINT64_MAX);
    receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 1000);
    assert_int_equal(lan_next_deadline(&w.l), 31000);
    receive(&w, &peer, DID, NOW, "{\"id\":2,\"method\":\"m\"}", 6000);
    lan_answer(&w.l, 1, AG_SPAN("{\"result\":[1]}"), NULL, 7000, NOW);
    lan_expire(&w.l, 30999);
    receive(&w, &peer, DID, NOW + 9, "{\"id\":1,\"method\":\"m\"}", 30999);
    expect_sent_text(&w, "{\"id\":1,\"result\":[1]}");
    assert_int_equal(w.n_sent, 2);
    assert_int_equal(lan_next_deadline(&w.l), 31000); /* a repeat does not lengthen it */
    lan_expire(&w.l, 31000);
    assert_int_equal(w.l.requests.n, 1);
    assert_int_equal(lan_next_deadline(&w.l), 36000);
    lan_expire(&w.l, 36000);
    assert_int_equal(w.l.requests.n, 0);
    lan_answer(&w.l, 2, AG_SPAN("{\"result\":[1]}"), NULL, 36000, NOW); /* so late nobody waits for it */
    assert_int_equal(w.n_sent, 2);
    assert_int_equal(w.l.stats.late, 1);
    world_deinit(&w);
}

/* Before there is a token nothing is understood, not even a hello. */
static void test_without_a_token(void **state)
{
    struct world w = {.sent = AG_BUF_INIT};
    char bytes[32];

    (void) state;
    lan_init(&w.l, &sink, &w, DID);
    lan_receive(&w.l, &peer, (struct ag_span){bytes, unhex(V8, bytes)}, 0, NOW);
    assert_int_equal(w.n_sent, 0);
    assert_int_equal(w.l.stats.no_token, 1);
    assert_int_equal(w.l.stats.datagrams, 1);
    assert_int_equal(w.l.stats.hellos, 0);
    world_deinit(&w);
}

static void test_dropped_and_counted(void **state)
{
    struct world w;
    char bad[65536] = {0x21, 0x31};

    (void) state;
    assert_int_equal(world_init(&w), 0);
    lan_receive(&w.l, &peer, (struct ag_span){bad, 0}, 0, NOW);
    lan_receive(&w.l, &peer, (struct ag_span){bad, 31}, 0, NOW);
    lan_receive(&w.l, &peer, (struct ag_span){"GET / HTTP/1.1\r\nHost: device\r\n\r\n and more", 42}, 0, NOW);
    lan_receive(&w.l, &peer, (struct ag_span){bad, sizeof bad - 1}, 0, NOW);
    assert_int_equal(w.l.stats.bad_packet[PACKET_E_MAGIC] + w.l.stats.bad_packet[PACKET_E_LENGTH], 4);
    receive(&w, &peer, DID + 1, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    receive(&w, &peer, DID | (1ull << 40), NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    assert_int_equal(w.l.stats.bad_did, 2);
    receive(&w, &peer, DID, NOW - 86401, "{\"id\":1,\"method\":\"m\"}", 0);
    receive(&w, &peer, DID, NOW + 86401, "{\"id\":1,\"method\":\"m\"}", 0);
    assert_int_equal(w.l.stats.bad_stamp, 2);
    receive(&w, &peer, DID, NOW, "no json", 0);
    receive(&w, &peer, DID, NOW, "{\"id\":1}", 0);
    receive(&w, &peer, DID, NOW, "{\"id\":-1,\"method\":\"m\"}", 0);
    receive(&w, &peer, DID, NOW, "{\"id\":1,\"id\":2,\"method\":\"m\"}", 0);
    receive(&w, &peer, DID, NOW, "", 0); /* a keepalive has no place on the LAN */
    assert_int_equal(w.l.stats.bad_text, 5);
    packet_key_deinit(&w.key);
    assert_int_equal(packet_key_init(&w.key, "0123456789abcdef"), 0);
    receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    assert_int_equal(w.l.stats.bad_packet[PACKET_E_CHECKSUM], 1);
    assert_int_equal(w.n_sent + w.n_commands + w.l.requests.n, 0);
    world_deinit(&w);
}

static void test_bounds(void **state)
{
    struct world w;
    char *large = malloc(70000);

    (void) state;
    assert_non_null(large);
    assert_int_equal(world_init(&w), 0);
    w.l.requests.max = 2;
    w.l.requests.max_kept_bytes = 40;
    receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    receive(&w, &peer, DID, NOW, "{\"id\":2,\"method\":\"m\"}", 0);
    receive(&w, &peer, DID, NOW, "{\"id\":3,\"method\":\"m\"}", 0); /* both are under way: no room */
    assert_int_equal(w.n_commands, 2);
    assert_int_equal(w.l.stats.full, 1);
    lan_answer(&w.l, 1, AG_SPAN("{\"id\":0,\"result\":[\"aaaaaaaaaaaaaa\"]}"), NULL, 0, NOW);
    receive(&w, &peer, DID, NOW, "{\"id\":3,\"method\":\"m\"}", 0); /* the answered one makes room */
    assert_int_equal(w.n_commands, 3);
    lan_answer(&w.l, 2, AG_SPAN("{\"id\":0,\"result\":[\"bbbbbbbbbbbbbb\"]}"), NULL, 0, NOW);
    lan_answer(&w.l, 3, AG_SPAN("{\"id\":0,\"result\":[\"cccccccccccccc\"]}"), NULL, 0, NOW);
    assert_true(w.l.requests.kept_bytes <= 40);
    memset(large, 'x', 70000);
    memcpy(large, "{\"r\":\"", 6);
    memcpy(large + 69998, "\"}", 2);
    w.l.requests.max = 9;
    receive(&w, &peer, DID, NOW, "{\"id\":4,\"method\":\"m\"}", 0);
    lan_answer(&w.l, w.handle, (struct ag_span){large, 70000}, NULL, 0, NOW);
    expect_zero_byte(&w);
    expect_sent_text(&w, "{\"id\":4,\"error\":{\"code\":-32000,\"message\":\"answer too large\"}}");
    free(large);
    world_deinit(&w);
}

/* After a reset the last owner's token goes, also when memory is short. */
static void test_another_token_needs_no_memory(void **state)
{
    static const char fresh[] = "0123456789abcdef";
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    alloc_fail_at(1);
    assert_int_equal(lan_set_token(&w.l, fresh), 0);
    alloc_fail_at(0);
    receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0); /* under the old one */
    assert_int_equal(w.n_commands, 0);
    packet_key_deinit(&w.key);
    assert_int_equal(packet_key_init(&w.key, fresh), 0);
    receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    assert_int_equal(w.n_commands, 1);
    world_deinit(&w);
}

static void sweep(void *user)
{
    struct world w;

    (void) user;
    if (world_init(&w) == 0) {
        receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
        lan_answer(&w.l, w.handle, AG_SPAN("{\"id\":0,\"result\":1}"), NULL, 0, NOW);
        receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
        /* each datagram has one end */
        assert_int_equal(w.l.stats.datagrams,
                         w.l.stats.requests + w.l.stats.repeats + w.l.stats.no_memory + w.l.stats.no_token + w.l.stats.replayed);
    }
    world_deinit(&w);
}

static void test_alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_request_and_answer),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_packets_without_id),
        cmocka_unit_test(test_a_phone_begins_anew),
        cmocka_unit_test(test_a_hello_from_another_port),
        cmocka_unit_test(test_a_repeat_behind_another_hello),
        cmocka_unit_test(test_a_repeat_that_counts_on_from_another_hello),
        cmocka_unit_test(test_hellos_tell_different_stamps),
        cmocka_unit_test(test_a_hundred_thousand_replays),
        cmocka_unit_test(test_a_full_memory_narrows_the_window),
        cmocka_unit_test(test_captured_before_the_start),
        cmocka_unit_test(test_the_clock_is_set),
        cmocka_unit_test(test_the_clock_is_set_between_repeats),
        cmocka_unit_test(test_the_clock_is_set_back),
        cmocka_unit_test(test_zero_byte_behind_answers),
        cmocka_unit_test(test_memory_in_time),
        cmocka_unit_test(test_without_a_token),
        cmocka_unit_test(test_dropped_and_counted),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_another_token_needs_no_memory),
        cmocka_unit_test(test_alloc_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
