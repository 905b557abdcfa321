/* SPDX-License-Identifier: MIT */
/*
 * The OT session against a small cloud in the test: what the session sends is decrypted and written into a journal, one
 * line each, with the simulated second in front. A case is a script of calls and the journal it must leave.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/cloud/ot/core/ot_session.h"
#include "client/cloud/ot/core/ot_text.h"
#include "client/lan/core/packet.h"
#include "tests/support/alloc_fail.h"

#define DID 87654321u
#define KEY "Qw3rTy7UiOp9AsDf"

struct rig {
    struct ot_session *s;
    struct packet_key key;
    uint64_t now_ms;
    struct ag_buf journal;
    struct ag_buf plain;
    uint32_t cloud_stamp; /* of what the cloud sends */
    uint32_t last_stamp, info_id, idle_id, last_hello_stamp;
    uint64_t token;       /* of the last command */
    bool stamps_grow;     /* so far */
    bool is_up;           /* connected, and not lost */
    const char *answer;   /* given to a command at once; NULL: none */
    uint32_t next_report; /* reported on each ack; 0: none */
};

static void note(struct rig *g, const char *fmt, ...) ag_printf_like(2, 3);

static void note(struct rig *g, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    ag_buf_printf(&g->journal, "%u.%u ", (unsigned) (g->now_ms / 1000), (unsigned) (g->now_ms % 1000 / 100));
    ag_buf_vprintf(&g->journal, fmt, ap);
    ag_buf_append_char(&g->journal, '\n');
    va_end(ap);
}

static uint32_t id_of(struct ag_span text)
{
    struct ag_json_view v;
    uint64_t id = 0;

    assert_int_equal(ag_json_parse(&text, 16, &v), 0);
    assert_true(ag_view_uint(&v, text.p, AG_M_ID, UINT32_MAX, &id));
    return (uint32_t) id;
}

/* Ids that the session draws are written as names. */
static void note_text(struct rig *g, struct ag_span text)
{
    if (memmem(text.p, text.len, "_otc.info", 9)) {
        g->info_id = id_of(text);
        note(g, "> info");
    } else if (memmem(text.p, text.len, "ota_state", 9)) {
        g->idle_id = id_of(text);
        note(g, "> idle");
    } else {
        note(g, "> %.*s", (int) text.len, text.p);
    }
}

static void on_send(void *user, struct ag_span packet)
{
    struct rig *g = user;
    uint8_t hello[PACKET_HEADER];
    struct packet p;

    packet_cloud_hello(hello);
    if (packet.len == sizeof hello && memcmp(packet.p, hello, sizeof hello) == 0) {
        note(g, "> hello");
        return;
    }
    if (packet_decode(&p, &g->key, packet, &g->plain) != 0)
        fail_msg("the session sent a bad packet");
    assert_int_equal(p.did, DID);
    if (p.stamp < g->last_stamp || (p.header_only && p.stamp == g->last_stamp))
        g->stamps_grow = false;
    g->last_stamp = p.stamp;
    if (p.header_only)
        note(g, "> keepalive");
    else
        note_text(g, ag_buf_span(&g->plain));
}

static void on_connected(void *user, int64_t unix_s)
{
    struct rig *g = user;

    g->is_up = true;
    note(g, "connected %" PRId64, unix_s);
}

static void on_lost(void *user, const char *why)
{
    struct rig *g = user;

    g->is_up = false;
    note(g, "lost %s", why);
}

static void on_command(void *user, uint64_t token, struct ag_span text, bool wants_answer)
{
    struct rig *g = user;

    g->token = token;
    note(g, "command%s %.*s", wants_answer ? "" : " (no answer)", (int) text.len, text.p);
    if (g->answer && wants_answer)
        ot_session_answer(g->s, token, (struct ag_span){g->answer, strlen(g->answer)}, g->now_ms);
}

static int report(struct rig *g, uint32_t id)
{
    char text[64];
    int n = snprintf(text, sizeof text, "{\"id\":%" PRIu32 ",\"method\":\"props\",\"params\":{}}", id);

    return ot_session_report(g->s, id, (struct ag_span){text, (size_t) n}, g->now_ms);
}

static void on_acked(void *user, uint32_t id, struct ag_span answer)
{
    struct rig *g = user;

    note(g, "acked %" PRIu32 " %.*s", id, (int) answer.len, answer.p);
    if (g->next_report) {
        uint32_t next = g->next_report;

        g->next_report = 0;
        assert_int_equal(report(g, next), 0);
    }
}

static void on_failed(void *user, uint32_t id, bool retry, int code, const char *message)
{
    note(user, "failed %" PRIu32 " %s %d %s", id, retry ? "retry" : "final", code, message);
}

static int on_info(void *user, struct ag_buf *out)
{
    (void) user;
    return ag_buf_append_str(out, "{\"model\":\"a.b.c\"}");
}

static const struct ot_sink sink = {on_send, on_connected, on_lost, on_command, on_acked, on_failed, on_info};

static void rig_open_seeded(struct rig *g, bool stream, unsigned window, uint32_t seed)
{
    struct ot_config cfg;

    *g = (struct rig){.now_ms = 1000, .stamps_grow = true, .cloud_stamp = 7};
    ot_config_defaults(&cfg);
    cfg.stream = stream;
    cfg.did = DID;
    cfg.key = KEY;
    cfg.seed = seed;
    if (window)
        cfg.window = window;
    assert_int_equal(packet_key_init(&g->key, KEY), 0);
    assert_int_equal(ot_session_new(&g->s, &cfg, &sink, g), 0);
}

static void rig_open(struct rig *g, bool stream, unsigned window)
{
    rig_open_seeded(g, stream, window, 42);
}

static void rig_close(struct rig *g)
{
    assert_true(g->stamps_grow);
    g->s = ot_session_free(g->s);
    ag_buf_deinit(&g->journal);
    ag_buf_deinit(&g->plain);
    packet_key_deinit(&g->key);
}

/* Lets time pass, waking the session exactly when it asks to. */
static void pass(struct rig *g, uint64_t ms)
{
    uint64_t end = g->now_ms + ms;

    for (unsigned n = 0; n < 100000; n++) {
        uint64_t due = ot_session_deadline(g->s);

        if (due > end) {
            g->now_ms = end;
            return;
        }
        if (due > g->now_ms)
            g->now_ms = due;
        ot_session_tick(g->s, g->now_ms);
    }
    fail_msg("the session asks to be woken for ever");
}

static void give(struct rig *g, const void *p, size_t n)
{
    ot_session_input(g->s, (struct ag_span){p, n}, g->now_ms);
}

static void give_time(struct rig *g, uint32_t stamp)
{
    uint8_t h[PACKET_HEADER];

    packet_cloud_hello(h);
    for (int i = 0; i < 4; i++)
        h[12 + i] = (uint8_t) (stamp >> (24 - 8 * i));
    g->last_stamp = stamp;
    give(g, h, sizeof h);
}

static void give_from(struct rig *g, const char *secret, uint64_t did, const char *text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
    struct packet_key key;

    assert_int_equal(packet_key_init(&key, secret), 0);
    assert_int_equal(packet_encode(&out, &key, did, g->cloud_stamp, (struct ag_span){text, strlen(text)}), 0);
    packet_key_deinit(&key);
    give(g, ag_buf_head(&out), ag_buf_size(&out));
}

static void give_text(struct rig *g, const char *text)
{
    give_from(g, KEY, DID, text);
}

static void ack(struct rig *g, uint32_t id)
{
    char text[64];

    snprintf(text, sizeof text, "{\"id\":%" PRIu32 ",\"result\":\"ok\"}", id);
    give_text(g, text);
}

static void check(struct rig *g, const char *want)
{
    const char *got = ag_buf_cstr(&g->journal);

    assert_string_equal(got ? got : "", want);
    ag_buf_clear(&g->journal);
}

/* Up, all of the session's own messages acknowledged, journal empty. */
static void rig_up(struct rig *g, bool stream, unsigned window)
{
    rig_open(g, stream, window);
    ot_session_begin(g->s, g->now_ms);
    give_time(g, 1700000000);
    ack(g, g->info_id);
    ack(g, g->idle_id);
    ag_buf_clear(&g->journal);
}

static void connects_in_order(void **state)
{
    struct rig g;

    (void) state;
    rig_open(&g, false, 0);
    ot_session_begin(g.s, g.now_ms);
    check(&g, "1.0 > hello\n");
    pass(&g, 500);
    assert_int_equal(report(&g, 5), -ENOTCONN);
    give_time(&g, 1700000000);
    check(&g, "1.5 > info\n");
    assert_false(g.is_up);
    assert_int_equal(report(&g, 5), -ENOTCONN);
    pass(&g, 1000);
    ack(&g, g.info_id);
    check(&g, "2.5 > idle\n2.5 connected 1700000001\n");
    assert_true(g.is_up);
    ack(&g, g.idle_id);
    assert_false(ot_session_is_busy(g.s));
    /* and at a later connection of the same start no second one */
    ot_session_end(g.s, "test");
    ot_session_begin(g.s, g.now_ms);
    give_time(&g, 1700000100);
    ack(&g, g.info_id);
    check(&g, "2.5 lost test\n2.5 > hello\n2.5 > info\n2.5 connected 1700000100\n");
    rig_close(&g);
}

/* A datagram without an id that the network doubles, or somebody sends again; a stream doubles nothing. */
static void twins_without_id(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    give_text(&g, "{\"method\":\"toggle\"}");
    give_text(&g, "{\"method\":\"toggle\"}");
    check(&g, "1.0 command (no answer) {\"method\":\"toggle\"}\n");
    assert_int_equal(ot_session_stats(g.s)->drop_replayed, 1);
    pass(&g, 200);
    give_text(&g, "{\"method\":\"toggle\"}");
    check(&g, "");
    rig_close(&g);
    rig_up(&g, true, 0);
    give_text(&g, "{\"method\":\"toggle\"}");
    give_text(&g, "{\"method\":\"toggle\"}");
    check(&g, "1.0 command (no answer) {\"method\":\"toggle\"}\n1.0 command (no answer) {\"method\":\"toggle\"}\n");
    rig_close(&g);
}

static void info_is_repeated(void **state)
{
    uint32_t first;
    struct rig g;

    (void) state;
    rig_open(&g, false, 0);
    ot_session_begin(g.s, g.now_ms);
    give_time(&g, 1700000000);
    first = g.info_id;
    assert_int_not_equal(first, 0);
    give_text(&g, "{\"method\":\"hi\"}"); /* a right checksum, but no ack of it */
    check(&g, "1.0 > hello\n1.0 > info\n1.0 > idle\n1.0 connected 1700000000\n1.0 command (no answer) {\"method\":\"hi\"}\n");
    ack(&g, g.idle_id);
    pass(&g, 5000);
    check(&g, "6.0 > info\n");
    assert_int_equal(g.info_id, first);
    pass(&g, 5000);
    check(&g, "11.0 > info\n");
    ack(&g, first);
    for (int i = 0; i < 200 && ag_buf_size(&g.journal) == 0; i++) {
        pass(&g, 10000);
        give_text(&g, "{\"method\":\"hi\"}"); /* the line lives */
        if (!memmem(ag_buf_head(&g.journal), ag_buf_size(&g.journal), "info", 4))
            ag_buf_clear(&g.journal);
    }
    assert_int_equal(g.now_ms / 1000, 1811);
    assert_int_not_equal(g.info_id, first);
    rig_close(&g);
}

static void news_of_the_device_go_at_once(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    ack(&g, g.info_id);
    ack(&g, g.idle_id);
    ag_buf_clear(&g.journal);
    ot_session_info_changed(g.s, g.now_ms);
    pass(&g, 0);
    assert_non_null(memmem(ag_buf_head(&g.journal), ag_buf_size(&g.journal), "> info", 6));
    rig_close(&g);
}

static void hello_is_given_up(void **state)
{
    struct rig g;

    (void) state;
    rig_open(&g, false, 0);
    ot_session_begin(g.s, g.now_ms);
    pass(&g, 60000);
    check(&g, "1.0 > hello\n4.0 > hello\n7.0 > hello\n10.0 lost no answer to hello\n");
    assert_true(ot_session_deadline(g.s) == UINT64_MAX);
    rig_close(&g);
    rig_open(&g, true, 0);
    ot_session_begin(g.s, g.now_ms);
    pass(&g, 60000);
    check(&g, "1.0 > hello\n10.0 lost no answer to hello\n");
    rig_close(&g);
}

static void wrong_key_is_named(void **state)
{
    struct rig g;

    (void) state;
    rig_open(&g, true, 0);
    ot_session_begin(g.s, g.now_ms);
    give_time(&g, 1700000000);
    give_from(&g, "0123456789abcdef", DID, "{\"id\":1,\"result\":\"ok\"}");
    pass(&g, 60000);
    check(&g, "1.0 > hello\n1.0 > info\n6.0 > info\n11.0 > info\n16.0 > info\n"
              "21.0 lost the cloud's packets have a wrong checksum: is key= right?\n");
    assert_int_equal(ot_session_stats(g.s)->drop_checksum, 1);
    rig_close(&g);
    rig_open(&g, true, 0);
    ot_session_begin(g.s, g.now_ms);
    give_time(&g, 1700000000);
    ag_buf_clear(&g.journal);
    pass(&g, 20000);
    assert_non_null(strstr(ag_buf_cstr(&g.journal), "lost the cloud does not answer _otc.info"));
    rig_close(&g);
}

static void keepalives(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    pass(&g, 15000);
    check(&g, "16.0 > keepalive\n");
    give_text(&g, ""); /* the echo */
    assert_int_equal(ot_session_stats(g.s)->echoes, 1);
    pass(&g, 15000);
    check(&g, "31.0 > keepalive\n");
    pass(&g, 100000); /* silence */
    check(&g, "46.0 > keepalive\n61.0 > keepalive\n76.0 lost keepalives are not answered\n");
    rig_close(&g);
}

static void busy_uplink_does_not_hide_a_dead_line(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, true, 0);
    for (uint32_t id = 10; g.is_up && id < 1000; id++) {
        report(&g, id);
        pass(&g, 500);
    }
    assert_in_range(g.now_ms, 60000, 80000);
    rig_close(&g);
}

static void reports_and_acks(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    assert_int_equal(report(&g, 7), 0);
    assert_int_equal(report(&g, 7), -EINVAL);
    assert_int_equal(report(&g, 0), -EINVAL);
    g.next_report = 8;
    give_text(&g, "{ \"id\":7, \"result\" : [\"ok\"],\"exe_time\":3 }");
    give_text(&g, "{\"error\":{\"code\":-6,\"message\":\"not set app data\"}  ,  \"id\":8}");
    give_text(&g, "{\"id\":7,\"result\":\"ok\"}");
    check(&g, "1.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n"
              "1.0 acked 7 {  \"result\" : [\"ok\"],\"exe_time\":3 }\n"
              "1.0 > {\"id\":8,\"method\":\"props\",\"params\":{}}\n"
              "1.0 acked 8 {\"error\":{\"code\":-6,\"message\":\"not set app data\"}  }\n");
    assert_int_equal(ot_session_stats(g.s)->stray_acks, 1);
    assert_int_equal(ot_session_stats(g.s)->acks, 2);
    rig_close(&g);
}

static void datagrams_are_sent_again(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    assert_int_equal(report(&g, 7), 0);
    pass(&g, 14900);
    check(&g, "1.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n4.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n"
              "7.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n10.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n"
              "13.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n");
    pass(&g, 200);
    check(&g, "16.0 failed 7 retry -30011 OT server noack\n16.0 > keepalive\n");
    assert_int_equal(ot_session_stats(g.s)->resends, 4);
    ack(&g, 7); /* late */
    check(&g, "");
    rig_close(&g);
}

static void streams_send_once(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, true, 0);
    assert_int_equal(report(&g, 7), 0);
    pass(&g, 14000);
    check(&g, "1.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n");
    pass(&g, 1000);
    check(&g, "16.0 failed 7 retry -30011 OT server noack\n16.0 > keepalive\n");
    rig_close(&g);
}

static void window_is_bounded(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 3);
    assert_int_equal(report(&g, 1), 0);
    assert_int_equal(report(&g, 2), 0);
    assert_int_equal(report(&g, 3), 0);
    assert_int_equal(report(&g, 4), -ENOBUFS);
    ack(&g, 2);
    assert_int_equal(report(&g, 4), 0);
    ag_buf_clear(&g.journal);
    ot_session_end(g.s, "cut");
    check(&g, "1.0 lost cut\n1.0 failed 1 retry -32002 not connected\n1.0 failed 3 retry -32002 not connected\n"
              "1.0 failed 4 retry -32002 not connected\n");
    ot_session_end(g.s, "again");
    check(&g, "");
    rig_close(&g);
}

static void commands_and_repeats(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    give_text(&g, "{\"id\":0,\"method\":\"get_prop\",\"params\":[]}");
    check(&g, "1.0 command {\"id\":0,\"method\":\"get_prop\",\"params\":[]}\n");
    give_text(&g, "{\"id\":0,\"method\":\"get_prop\",\"params\":[]}"); /* while open: silence */
    check(&g, "");
    assert_int_equal(ot_session_answer(g.s, g.token, AG_SPAN("{\"id\":99,\"result\":[1]}"), g.now_ms), 0);
    check(&g, "1.0 > {\"id\":0,\"result\":[1]}\n");
    assert_int_equal(ot_session_answer(g.s, g.token, AG_SPAN("{\"id\":99,\"result\":[2]}"), g.now_ms), -ENOENT);
    give_text(&g, "{\"id\":0,\"method\":\"get_prop\",\"params\":[]}");
    check(&g, "1.0 > {\"id\":0,\"result\":[1]}\n");
    g.answer = "{\"result\":[\"ok\"]}";
    give_text(&g, "{\"id\":0,\"method\":\"set_power\",\"params\":[]}"); /* the cloud counts again */
    check(&g, "1.0 command {\"id\":0,\"method\":\"set_power\",\"params\":[]}\n1.0 > {\"id\":0,\"result\":[\"ok\"]}\n");
    pass(&g, 14000);
    give_text(&g, "{\"id\":4294967295,\"method\":\"x\"}");
    check(&g, "15.0 command {\"id\":4294967295,\"method\":\"x\"}\n15.0 > {\"id\":4294967295,\"result\":[\"ok\"]}\n");
    assert_int_equal(ot_session_stats(g.s)->repeats, 2);
    pass(&g, 31000);
    ag_buf_clear(&g.journal);
    give_text(&g, "{\"id\":4294967295,\"method\":\"x\"}"); /* so late, and the same packet: somebody has listened */
    check(&g, "");
    assert_int_equal(ot_session_stats(g.s)->drop_replayed, 1);
    g.cloud_stamp++;
    give_text(&g, "{\"id\":4294967295,\"method\":\"x\"}"); /* so late, and a new packet: it is meant again */
    check(&g, "46.0 command {\"id\":4294967295,\"method\":\"x\"}\n46.0 > {\"id\":4294967295,\"result\":[\"ok\"]}\n");
    rig_close(&g);
}

/* Packets that were taken stay known, over hours and new sessions, and beside them the cloud is served. */
static void replays_are_never_executed(void **state)
{
    enum { CAPTURED = 100, ROUNDS = 1000 };
    char text[64];
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    g.answer = "{\"result\":[]}";
    for (uint32_t i = 0; i < CAPTURED; i++) {
        snprintf(text, sizeof text, i % 5 ? "{\"id\":%u,\"method\":\"x\"}" : "{\"method\":\"x\",\"n\":%u}", i);
        g.cloud_stamp = 1000 + i;
        give_text(&g, text);
    }
    ag_buf_clear(&g.journal);
    ot_session_end(g.s, "cut");
    g.now_ms += 7200000;
    ot_session_begin(g.s, g.now_ms);
    give_time(&g, 1700000000);
    ack(&g, g.info_id);
    ag_buf_clear(&g.journal);
    for (uint32_t n = 0; n < ROUNDS; n++) {
        for (uint32_t i = 0; i < CAPTURED; i++) {
            snprintf(text, sizeof text, i % 5 ? "{\"id\":%u,\"method\":\"x\"}" : "{\"method\":\"x\",\"n\":%u}", i);
            g.cloud_stamp = 1000 + i;
            give_text(&g, text);
        }
        assert_int_equal(ag_buf_size(&g.journal), 0);
        g.cloud_stamp = 2000 + n;
        give_text(&g, "{\"id\":7,\"method\":\"y\"}");
        assert_true(ag_buf_size(&g.journal) > 0);
        ag_buf_clear(&g.journal);
    }
    assert_int_equal(ot_session_stats(g.s)->drop_replayed, CAPTURED * ROUNDS);
    rig_close(&g);
}

/* More commands than are remembered, each answered: the oldest make room, none is refused. */
static void answered_commands_make_room(void **state)
{
    char text[64];
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    g.answer = "{\"result\":[]}";
    for (uint32_t i = 0; i < 1500; i++) {
        snprintf(text, sizeof text, "{\"id\":%u,\"method\":\"x\"}", i);
        g.cloud_stamp = 1000 + i;
        give_text(&g, text);
    }
    assert_int_equal(ot_session_stats(g.s)->commands, 1500);
    assert_int_equal(ot_session_stats(g.s)->drop_busy, 0);
    rig_close(&g);
}

/* Answers have 1 MiB in all: the oldest are given up, but their commands are not executed again. */
static void large_answers_are_given_up(void **state)
{
    static char answer[60000];
    char text[64];
    struct rig g;

    (void) state;
    memset(answer, 'x', sizeof answer - 1);
    memcpy(answer, "{\"result\":\"", 11);
    memcpy(answer + sizeof answer - 3, "\"}", 2);
    rig_up(&g, false, 0);
    g.answer = answer;
    for (uint32_t i = 0; i < 20; i++) {
        snprintf(text, sizeof text, "{\"id\":%u,\"method\":\"x\"}", i);
        give_text(&g, text);
    }
    ag_buf_clear(&g.journal);
    give_text(&g, "{\"id\":0,\"method\":\"x\"}");
    check(&g, "");
    give_text(&g, "{\"id\":19,\"method\":\"x\"}");
    assert_true(ag_buf_size(&g.journal) > 50000);
    ag_buf_clear(&g.journal);
    give_text(&g, "{\"id\":5,\"method\":\"x\"}"); /* within the limit: 17 of them fit */
    assert_true(ag_buf_size(&g.journal) > 50000);
    assert_int_equal(ot_session_stats(g.s)->commands, 20);
    rig_close(&g);
}

static unsigned count_lines(struct rig *g, const char *what)
{
    const char *p = ag_buf_cstr(&g->journal);
    unsigned n = 0;

    while (p && (p = strstr(p, what))) {
        n++;
        p++;
    }
    return n;
}

/* The report that nobody acknowledges is sent five times on a link, then no more. */
static void idle_report_is_given_up(void **state)
{
    struct rig g;

    (void) state;
    rig_open(&g, false, 0);
    ot_session_begin(g.s, g.now_ms);
    give_time(&g, 1700000000);
    ack(&g, g.info_id);
    for (unsigned i = 0; i < 30; i++) {
        pass(&g, 1000);
        give_text(&g, "{\"id\":1,\"result\":1}"); /* a sign of life */
    }
    assert_int_equal(count_lines(&g, "> idle"), 5);
    assert_true(g.is_up);
    rig_close(&g);
}

static void repeats_are_known_after_a_reconnect(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    give_text(&g, "{\"id\":3,\"method\":\"x\"}");
    ot_session_end(g.s, "cut");
    assert_int_equal(ot_session_answer(g.s, g.token, AG_SPAN("{\"id\":1,\"result\":[]}"), g.now_ms), -ENOTCONN);
    ot_session_begin(g.s, g.now_ms);
    give_time(&g, 1700000000);
    ack(&g, g.info_id);
    ag_buf_clear(&g.journal);
    give_text(&g, "{\"id\":3,\"method\":\"x\"}");
    check(&g, "1.0 > {\"id\":3,\"result\":[]}\n");
    rig_close(&g);
}

static void too_many_commands(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    for (int i = 0; i < 1024; i++) {
        char text[64];

        snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"x\"}", i);
        give_text(&g, text);
    }
    ag_buf_clear(&g.journal);
    give_text(&g, "{\"id\":5000,\"method\":\"x\"}");
    check(&g, "1.0 > {\"id\":5000,\"error\":{\"code\":-32000,\"message\":\"too many commands\"}}\n");
    assert_int_equal(ot_session_stats(g.s)->drop_busy, 1);
    rig_close(&g);
}

static void answers_too_large_become_errors(void **state)
{
    static char big[PACKET_UDP_TEXT_MAX + 100];
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    memset(big, ' ', sizeof big);
    memcpy(big, "{\"result\":1", 11);
    big[sizeof big - 1] = '}';
    give_text(&g, "{\"id\":3,\"method\":\"x\"}");
    ag_buf_clear(&g.journal);
    assert_int_equal(ot_session_answer(g.s, g.token, (struct ag_span){big, sizeof big}, g.now_ms), -EMSGSIZE);
    check(&g, "1.0 > {\"id\":3,\"error\":{\"code\":-32000,\"message\":\"answer too large\"}}\n");
    assert_int_equal(ot_session_report(g.s, 9, (struct ag_span){big, sizeof big}, g.now_ms), -EMSGSIZE);
    rig_close(&g);
}

static void bad_input_is_dropped_and_counted(void **state)
{
    static const struct {
        const char *text;
        size_t counter;
    } texts[] = {
        {"not json", offsetof(struct ot_stats, drop_json)},
        {"[1]", offsetof(struct ot_stats, drop_json)},
        {"{\"id\":1", offsetof(struct ot_stats, drop_json)},
        {"{\"id\":\"1\",\"method\":\"x\"}", offsetof(struct ot_stats, drop_message)},
        {"{\"id\":-1,\"method\":\"x\"}", offsetof(struct ot_stats, drop_message)},
        {"{\"id\":1,\"id\":2,\"method\":\"x\"}", offsetof(struct ot_stats, drop_message)},
        {"{\"id\":1,\"method\":7}", offsetof(struct ot_stats, drop_message)},
        {"{\"id\":1}", offsetof(struct ot_stats, drop_message)},
        {"{\"result\":\"ok\"}", offsetof(struct ot_stats, drop_message)},
        {"{\"id\":0,\"result\":\"ok\"}", offsetof(struct ot_stats, drop_message)},
        {"{\"id\":4294967296,\"result\":\"ok\"}", offsetof(struct ot_stats, drop_message)},
        {"{\"id\":77,\"result\":\"ok\"}", offsetof(struct ot_stats, stray_acks)},
    };
    const struct ot_stats *st;
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    st = ot_session_stats(g.s);
    for (size_t i = 0; i < ag_array_size(texts); i++) {
        const uint64_t *counter = (const uint64_t *) (const void *) ((const char *) st + texts[i].counter);
        uint64_t before = *counter;

        give_text(&g, texts[i].text);
        assert_int_equal(*counter, before + 1);
    }
    give_time(&g, 1800000000); /* forged: nobody waits for it */
    g.last_stamp = 0;
    assert_int_equal(st->drop_hello, 1);
    give_from(&g, "0123456789abcdef", DID, "{\"id\":1,\"method\":\"x\"}");
    assert_int_equal(st->drop_checksum, 1);
    give_from(&g, KEY, DID + 1, "{\"id\":1,\"method\":\"x\"}");
    assert_int_equal(st->drop_did, 1);
    give(&g, "\x21\x31", 2);
    give(&g, "!1\0\x20 and then not enough", 20);
    assert_int_equal(st->drop_length, 2);
    give(&g, "what is this, thirty-two bytes? ", 32);
    assert_int_equal(st->drop_magic, 1);
    check(&g, "");
    rig_close(&g);
}

static void hello_answers_count_only_while_waited_for(void **state)
{
    struct rig g;

    (void) state;
    rig_open(&g, false, 0);
    give_time(&g, 5);
    assert_int_equal(ot_session_stats(g.s)->drop_early, 1);
    ot_session_begin(g.s, g.now_ms);
    give_text(&g, "{\"id\":1,\"method\":\"x\"}");
    assert_int_equal(ot_session_stats(g.s)->drop_early, 2);
    give_time(&g, 1700000000);
    give_time(&g, 1800000000);
    g.last_stamp = 1700000000;
    assert_int_equal(ot_session_stats(g.s)->drop_hello, 1);
    ack(&g, g.info_id);
    check(&g, "1.0 > hello\n1.0 > info\n1.0 > idle\n1.0 connected 1700000000\n");
    rig_close(&g);
}

/* The same bytes, in pieces of every size, give the same journal. */
static void a_stream_may_be_cut_anywhere(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf bytes = AG_BUF_INIT;
    struct packet_key key;

    (void) state;
    assert_int_equal(packet_key_init(&key, KEY), 0);
    assert_int_equal(packet_encode(&bytes, &key, DID, 1, AG_SPAN("{\"id\":1,\"method\":\"a\"}")), 0);
    assert_int_equal(packet_encode(&bytes, &key, DID, 1, AG_SPAN("")), 0);
    assert_int_equal(packet_encode(&bytes, &key, DID, 1, AG_SPAN("{\"id\":2,\"method\":\"b\"}")), 0);
    packet_key_deinit(&key);
    for (size_t cut = 1; cut <= ag_buf_size(&bytes); cut++) {
        struct rig g;

        rig_up(&g, true, 0);
        for (size_t at = 0; at < ag_buf_size(&bytes); at += cut) {
            size_t left = ag_buf_size(&bytes) - at;

            give(&g, ag_buf_head(&bytes) + at, left < cut ? left : cut);
        }
        check(&g, "1.0 command {\"id\":1,\"method\":\"a\"}\n1.0 command {\"id\":2,\"method\":\"b\"}\n");
        rig_close(&g);
    }
}

static void a_broken_stream_ends(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, true, 0);
    give(&g, "HTTP/1.1 400 Bad Request\r\n", 26);
    check(&g, "1.0 lost what came is not a packet\n");
    rig_close(&g);
}

static void own_ids_step_aside(void **state)
{
    uint32_t idle;
    struct rig g;

    (void) state;
    rig_open(&g, false, 0);
    ot_session_begin(g.s, g.now_ms);
    give_time(&g, 1700000000);
    ack(&g, g.info_id);
    idle = g.idle_id;
    assert_int_equal(report(&g, idle), 0);
    ack(&g, idle);
    assert_non_null(strstr(ag_buf_cstr(&g.journal), "acked"));
    pass(&g, 3000);
    assert_int_not_equal(g.idle_id, idle);
    rig_close(&g);
}

static void own_ids_fit_an_int(void **state)
{
    (void) state;
    for (uint32_t seed = 1; seed < 200; seed++) {
        struct rig g;

        rig_open_seeded(&g, false, 0, seed * 0x9e3779b9u);
        ot_session_begin(g.s, g.now_ms);
        give_time(&g, 1700000000);
        assert_in_range(g.info_id, 1, INT32_MAX);
        ack(&g, g.info_id);
        assert_in_range(g.idle_id, 1, INT32_MAX);
        rig_close(&g);
    }
}

static void texts_without_id(void **state)
{
    static const char *const rows[][2] = {
        {"{\"id\":1,\"result\":2}", "{\"result\":2}"},
        {"{\"result\":2,\"id\":1}", "{\"result\":2}"},
        {"{\"a\":{\"id\":3} , \"id\" : 1 , \"result\":2}", "{\"a\":{\"id\":3} ,  \"result\":2}"},
        {"{ \"id\":1 }", "{}"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
        struct ag_span text = {rows[i][0], strlen(rows[i][0])};
        struct ag_json_view v;

        assert_int_equal(ag_json_parse(&text, 8, &v), 0);
        assert_int_equal(ot_text_without_id(&out, text, &v), 0);
        assert_string_equal(ag_buf_cstr(&out), rows[i][1]);
    }
}

static void quiet_send(void *user, struct ag_span p)
{
    (void) user;
    (void) p;
}

static void quiet_connected(void *user, int64_t t)
{
    (void) user;
    (void) t;
}

static void quiet_lost(void *user, const char *why)
{
    (void) user;
    (void) why;
}

struct tally {
    struct ot_session *s;
    int taken, ended;
};

static void tally_command(void *user, uint64_t token, struct ag_span text, bool wants_answer)
{
    struct tally *t = user;

    (void) text;
    (void) wants_answer;
    ot_session_answer(t->s, token, AG_SPAN("{\"id\":1,\"result\":[]}"), 2000);
}

static void tally_acked(void *user, uint32_t id, struct ag_span answer)
{
    (void) id;
    (void) answer;
    ((struct tally *) user)->ended++;
}

static void tally_failed(void *user, uint32_t id, bool retry, int code, const char *message)
{
    (void) id;
    (void) retry;
    (void) code;
    (void) message;
    ((struct tally *) user)->ended++;
}

static const struct ot_sink tally_sink = {quiet_send,  quiet_connected, quiet_lost, tally_command,
                                          tally_acked, tally_failed,    on_info};

static struct ag_buf canned; /* hello answer, command, ack of 7: built before the sweep */

static void short_of_memory(void *user)
{
    struct tally t = {NULL, 0, 0};
    struct ot_config cfg;

    (void) user;
    ot_config_defaults(&cfg);
    cfg.stream = true;
    cfg.did = DID;
    cfg.key = KEY;
    cfg.seed = 42;
    if (ot_session_new(&t.s, &cfg, &tally_sink, &t) < 0)
        return;
    ot_session_begin(t.s, 1000);
    ot_session_input(t.s, ag_buf_span(&canned), 1000);
    if (ot_session_report(t.s, 7, AG_SPAN("{\"id\":7,\"method\":\"props\"}"), 1000) == 0)
        t.taken++;
    if (ot_session_report(t.s, 8, AG_SPAN("{\"id\":8,\"method\":\"props\"}"), 1000) == 0)
        t.taken++;
    ot_session_tick(t.s, 4000);
    ot_session_input(t.s, ag_buf_span(&canned), 4000);
    ot_session_end(t.s, "end");
    assert_int_equal(t.taken, t.ended);
    ot_session_free(t.s);
}

static void allocation_failures(void **state)
{
    struct packet_key key;
    uint8_t h[PACKET_HEADER];

    (void) state;
    packet_cloud_hello(h);
    h[12] = 0x65;
    assert_int_equal(packet_key_init(&key, KEY), 0);
    ag_buf_append(&canned, h, sizeof h);
    packet_encode(&canned, &key, DID, 1, AG_SPAN("{\"id\":1,\"method\":\"a\"}"));
    packet_encode(&canned, &key, DID, 1, AG_SPAN("{\"id\":7,\"result\":\"ok\"}"));
    packet_key_deinit(&key);
    alloc_fail_sweep(short_of_memory, NULL);
    ag_buf_deinit(&canned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects_in_order),
        cmocka_unit_test(info_is_repeated),
        cmocka_unit_test(news_of_the_device_go_at_once),
        cmocka_unit_test(twins_without_id),
        cmocka_unit_test(hello_is_given_up),
        cmocka_unit_test(wrong_key_is_named),
        cmocka_unit_test(keepalives),
        cmocka_unit_test(busy_uplink_does_not_hide_a_dead_line),
        cmocka_unit_test(reports_and_acks),
        cmocka_unit_test(datagrams_are_sent_again),
        cmocka_unit_test(streams_send_once),
        cmocka_unit_test(window_is_bounded),
        cmocka_unit_test(commands_and_repeats),
        cmocka_unit_test(replays_are_never_executed),
        cmocka_unit_test(answered_commands_make_room),
        cmocka_unit_test(large_answers_are_given_up),
        cmocka_unit_test(idle_report_is_given_up),
        cmocka_unit_test(repeats_are_known_after_a_reconnect),
        cmocka_unit_test(too_many_commands),
        cmocka_unit_test(answers_too_large_become_errors),
        cmocka_unit_test(bad_input_is_dropped_and_counted),
        cmocka_unit_test(hello_answers_count_only_while_waited_for),
        cmocka_unit_test(a_stream_may_be_cut_anywhere),
        cmocka_unit_test(a_broken_stream_ends),
        cmocka_unit_test(own_ids_step_aside),
        cmocka_unit_test(own_ids_fit_an_int),
        cmocka_unit_test(texts_without_id),
        cmocka_unit_test(allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
