/* SPDX-License-Identifier: MIT */
/* The OT session: login, keepalive, reports, and what it makes of bad input. */
#include "tests/unit/client/cloud/ot/ot_rig.h"

#include <errno.h>
#include "client/cloud/ot/core/ot_text.h"
#include "tests/support/alloc_fail.h"

static void connects_in_order(void **state)
{
    struct rig g;

    (void) state;
    rig_open(&g, false, 0);
    ot_session_begin(g.s, g.now_ms);
    rig_check(&g, "1.0 > hello\n");
    rig_pass(&g, 500);
    assert_int_equal(rig_report(&g, 5), -ENOTCONN);
    rig_give_time(&g, 1700000000);
    rig_check(&g, "1.5 > info\n");
    assert_false(g.is_up);
    assert_int_equal(rig_report(&g, 5), -ENOTCONN);
    rig_pass(&g, 1000);
    rig_ack(&g, g.info_id);
    rig_check(&g, "2.5 > idle\n2.5 connected 1700000001\n");
    assert_true(g.is_up);
    rig_ack(&g, g.idle_id);
    assert_false(ot_session_is_busy(g.s));
    /* and at a later connection of the same start no second one */
    ot_session_end(g.s, "test");
    ot_session_begin(g.s, g.now_ms);
    rig_give_time(&g, 1700000100);
    rig_ack(&g, g.info_id);
    rig_check(&g, "2.5 lost test\n2.5 > hello\n2.5 > info\n2.5 connected 1700000100\n");
    rig_close(&g);
}

/* A datagram without an id that the network doubles, or somebody sends again; a stream doubles nothing. */
static void twins_without_id(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    rig_give_text(&g, "{\"method\":\"toggle\"}");
    rig_give_text(&g, "{\"method\":\"toggle\"}");
    rig_check(&g, "1.0 command (no answer) {\"method\":\"toggle\"}\n");
    assert_int_equal(ot_session_stats(g.s)->drop_replayed, 1);
    rig_pass(&g, 200);
    rig_give_text(&g, "{\"method\":\"toggle\"}");
    rig_check(&g, "");
    rig_close(&g);
    rig_up(&g, true, 0);
    rig_give_text(&g, "{\"method\":\"toggle\"}");
    rig_give_text(&g, "{\"method\":\"toggle\"}");
    rig_check(&g, "1.0 command (no answer) {\"method\":\"toggle\"}\n1.0 command (no answer) {\"method\":\"toggle\"}\n");
    rig_close(&g);
}

static void info_is_repeated(void **state)
{
    uint32_t first;
    struct rig g;

    (void) state;
    rig_open(&g, false, 0);
    ot_session_begin(g.s, g.now_ms);
    rig_give_time(&g, 1700000000);
    first = g.info_id;
    assert_int_not_equal(first, 0);
    rig_give_text(&g, "{\"method\":\"hi\"}"); /* a right checksum, but no ack of it */
    rig_check(&g, "1.0 > hello\n1.0 > info\n1.0 > idle\n1.0 connected 1700000000\n1.0 command (no answer) {\"method\":\"hi\"}\n");
    rig_ack(&g, g.idle_id);
    rig_pass(&g, 5000);
    rig_check(&g, "6.0 > info\n");
    assert_int_equal(g.info_id, first);
    rig_pass(&g, 5000);
    rig_check(&g, "11.0 > info\n");
    rig_ack(&g, first);
    for (int i = 0; i < 200 && ag_buf_size(&g.journal) == 0; i++) {
        rig_pass(&g, 10000);
        rig_give_text(&g, "{\"method\":\"hi\"}"); /* the line lives */
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
    rig_ack(&g, g.info_id);
    rig_ack(&g, g.idle_id);
    ag_buf_clear(&g.journal);
    ot_session_info_changed(g.s, g.now_ms);
    rig_pass(&g, 0);
    assert_non_null(memmem(ag_buf_head(&g.journal), ag_buf_size(&g.journal), "> info", 6));
    rig_close(&g);
}

static void hello_is_given_up(void **state)
{
    struct rig g;

    (void) state;
    rig_open(&g, false, 0);
    ot_session_begin(g.s, g.now_ms);
    rig_pass(&g, 60000);
    rig_check(&g, "1.0 > hello\n4.0 > hello\n7.0 > hello\n10.0 lost no answer to hello\n");
    assert_true(ot_session_deadline(g.s) == UINT64_MAX);
    rig_close(&g);
    rig_open(&g, true, 0);
    ot_session_begin(g.s, g.now_ms);
    rig_pass(&g, 60000);
    rig_check(&g, "1.0 > hello\n10.0 lost no answer to hello\n");
    rig_close(&g);
}

static void wrong_key_is_named(void **state)
{
    struct rig g;

    (void) state;
    rig_open(&g, true, 0);
    ot_session_begin(g.s, g.now_ms);
    rig_give_time(&g, 1700000000);
    rig_give_from(&g, "0123456789abcdef", DID, "{\"id\":1,\"result\":\"ok\"}");
    rig_pass(&g, 60000);
    rig_check(&g, "1.0 > hello\n1.0 > info\n6.0 > info\n11.0 > info\n16.0 > info\n"
                  "21.0 lost the cloud's packets have a wrong checksum: is key= right?\n");
    assert_int_equal(ot_session_stats(g.s)->drop_checksum, 1);
    rig_close(&g);
    rig_open(&g, true, 0);
    ot_session_begin(g.s, g.now_ms);
    rig_give_time(&g, 1700000000);
    ag_buf_clear(&g.journal);
    rig_pass(&g, 20000);
    assert_non_null(strstr(ag_buf_cstr(&g.journal), "lost the cloud does not answer _otc.info"));
    rig_close(&g);
}

static void keepalives(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    rig_pass(&g, 15000);
    rig_check(&g, "16.0 > keepalive\n");
    rig_give_text(&g, ""); /* the echo */
    rig_pass(&g, 15000);
    rig_check(&g, "31.0 > keepalive\n");
    rig_pass(&g, 100000); /* silence */
    rig_check(&g, "46.0 > keepalive\n61.0 > keepalive\n76.0 lost keepalives are not answered\n");
    rig_close(&g);
}

static void busy_uplink_does_not_hide_a_dead_line(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, true, 0);
    for (uint32_t id = 10; g.is_up && id < 1000; id++) {
        rig_report(&g, id);
        rig_pass(&g, 500);
    }
    assert_in_range(g.now_ms, 60000, 80000);
    rig_close(&g);
}

static void reports_and_acks(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    assert_int_equal(rig_report(&g, 7), 0);
    assert_int_equal(rig_report(&g, 7), -EINVAL);
    assert_int_equal(rig_report(&g, 0), -EINVAL);
    g.next_report = 8;
    rig_give_text(&g, "{ \"id\":7, \"result\" : [\"ok\"],\"exe_time\":3 }");
    rig_give_text(&g, "{\"error\":{\"code\":-6,\"message\":\"not set app data\"}  ,  \"id\":8}");
    rig_give_text(&g, "{\"id\":7,\"result\":\"ok\"}");
    rig_check(&g, "1.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n"
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
    assert_int_equal(rig_report(&g, 7), 0);
    rig_pass(&g, 14900);
    rig_check(&g, "1.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n4.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n"
                  "7.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n10.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n"
                  "13.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n");
    rig_pass(&g, 200);
    rig_check(&g, "16.0 failed 7 retry -30011 OT server noack\n16.0 > keepalive\n");
    assert_int_equal(ot_session_stats(g.s)->resends, 4);
    rig_ack(&g, 7); /* late */
    rig_check(&g, "");
    rig_close(&g);
}

static void streams_send_once(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, true, 0);
    assert_int_equal(rig_report(&g, 7), 0);
    rig_pass(&g, 14000);
    rig_check(&g, "1.0 > {\"id\":7,\"method\":\"props\",\"params\":{}}\n");
    rig_pass(&g, 1000);
    rig_check(&g, "16.0 failed 7 retry -30011 OT server noack\n16.0 > keepalive\n");
    rig_close(&g);
}

static void window_is_bounded(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 3);
    assert_int_equal(rig_report(&g, 1), 0);
    assert_int_equal(rig_report(&g, 2), 0);
    assert_int_equal(rig_report(&g, 3), 0);
    assert_int_equal(rig_report(&g, 4), -ENOBUFS);
    rig_ack(&g, 2);
    assert_int_equal(rig_report(&g, 4), 0);
    ag_buf_clear(&g.journal);
    ot_session_end(g.s, "cut");
    rig_check(&g, "1.0 lost cut\n1.0 failed 1 retry -32002 not connected\n1.0 failed 3 retry -32002 not connected\n"
                  "1.0 failed 4 retry -32002 not connected\n");
    ot_session_end(g.s, "again");
    rig_check(&g, "");
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
    rig_give_time(&g, 1700000000);
    rig_ack(&g, g.info_id);
    for (unsigned i = 0; i < 30; i++) {
        rig_pass(&g, 1000);
        rig_give_text(&g, "{\"id\":1,\"result\":1}"); /* a sign of life */
    }
    assert_int_equal(count_lines(&g, "> idle"), 5);
    assert_true(g.is_up);
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

        rig_give_text(&g, texts[i].text);
        assert_int_equal(*counter, before + 1);
    }
    rig_give_time(&g, 1800000000); /* forged: nobody waits for it */
    g.last_stamp = 0;
    assert_int_equal(st->drop_hello, 1);
    rig_give_from(&g, "0123456789abcdef", DID, "{\"id\":1,\"method\":\"x\"}");
    assert_int_equal(st->drop_checksum, 1);
    rig_give_from(&g, KEY, DID + 1, "{\"id\":1,\"method\":\"x\"}");
    assert_int_equal(st->drop_did, 1);
    rig_give(&g, "\x21\x31", 2);
    rig_give(&g, "!1\0\x20 and then not enough", 20);
    assert_int_equal(st->drop_length, 2);
    rig_give(&g, "what is this, thirty-two bytes? ", 32);
    assert_int_equal(st->drop_magic, 1);
    rig_check(&g, "");
    rig_close(&g);
}

static void hello_answers_count_only_while_waited_for(void **state)
{
    struct rig g;

    (void) state;
    rig_open(&g, false, 0);
    rig_give_time(&g, 5);
    assert_int_equal(ot_session_stats(g.s)->drop_early, 1);
    ot_session_begin(g.s, g.now_ms);
    rig_give_text(&g, "{\"id\":1,\"method\":\"x\"}");
    assert_int_equal(ot_session_stats(g.s)->drop_early, 2);
    rig_give_time(&g, 1700000000);
    rig_give_time(&g, 1800000000);
    g.last_stamp = 1700000000;
    assert_int_equal(ot_session_stats(g.s)->drop_hello, 1);
    rig_ack(&g, g.info_id);
    rig_check(&g, "1.0 > hello\n1.0 > info\n1.0 > idle\n1.0 connected 1700000000\n");
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

            rig_give(&g, ag_buf_head(&bytes) + at, left < cut ? left : cut);
        }
        rig_check(&g, "1.0 command {\"id\":1,\"method\":\"a\"}\n1.0 command {\"id\":2,\"method\":\"b\"}\n");
        rig_close(&g);
    }
}

static void a_broken_stream_ends(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, true, 0);
    rig_give(&g, "HTTP/1.1 400 Bad Request\r\n", 26);
    rig_check(&g, "1.0 lost what came is not a packet\n");
    rig_close(&g);
}

static void own_ids_step_aside(void **state)
{
    uint32_t idle;
    struct rig g;

    (void) state;
    rig_open(&g, false, 0);
    ot_session_begin(g.s, g.now_ms);
    rig_give_time(&g, 1700000000);
    rig_ack(&g, g.info_id);
    idle = g.idle_id;
    assert_int_equal(rig_report(&g, idle), 0);
    rig_ack(&g, idle);
    assert_non_null(strstr(ag_buf_cstr(&g.journal), "acked"));
    rig_pass(&g, 3000);
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
        rig_give_time(&g, 1700000000);
        assert_in_range(g.info_id, 1, INT32_MAX);
        rig_ack(&g, g.info_id);
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
                                          tally_acked, tally_failed,    rig_info};

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
        cmocka_unit_test(idle_report_is_given_up),
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
