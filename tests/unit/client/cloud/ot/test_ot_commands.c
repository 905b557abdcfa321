/* SPDX-License-Identifier: MIT */
/* The OT session's commands: executed once, answered once, whatever the line does. */
#include "tests/unit/client/cloud/ot/ot_rig.h"

#include <errno.h>

static void commands_and_repeats(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    rig_give_text(&g, "{\"id\":0,\"method\":\"get_prop\",\"params\":[]}");
    rig_check(&g, "1.0 command {\"id\":0,\"method\":\"get_prop\",\"params\":[]}\n");
    rig_give_text(&g, "{\"id\":0,\"method\":\"get_prop\",\"params\":[]}"); /* while open: silence */
    rig_check(&g, "");
    assert_int_equal(ot_session_answer(g.s, g.token, AG_SPAN("{\"id\":99,\"result\":[1]}"), g.now_ms), 0);
    rig_check(&g, "1.0 > {\"id\":0,\"result\":[1]}\n");
    assert_int_equal(ot_session_answer(g.s, g.token, AG_SPAN("{\"id\":99,\"result\":[2]}"), g.now_ms), -ENOENT);
    rig_give_text(&g, "{\"id\":0,\"method\":\"get_prop\",\"params\":[]}");
    rig_check(&g, "1.0 > {\"id\":0,\"result\":[1]}\n");
    g.answer = "{\"result\":[\"ok\"]}";
    rig_give_text(&g, "{\"id\":0,\"method\":\"set_power\",\"params\":[]}"); /* the cloud counts again */
    rig_check(&g, "1.0 command {\"id\":0,\"method\":\"set_power\",\"params\":[]}\n1.0 > {\"id\":0,\"result\":[\"ok\"]}\n");
    rig_pass(&g, 14000);
    rig_give_text(&g, "{\"id\":4294967295,\"method\":\"x\"}");
    rig_check(&g, "15.0 command {\"id\":4294967295,\"method\":\"x\"}\n15.0 > {\"id\":4294967295,\"result\":[\"ok\"]}\n");
    assert_int_equal(ot_session_stats(g.s)->repeats, 2);
    rig_pass(&g, 31000);
    ag_buf_clear(&g.journal);
    rig_give_text(&g, "{\"id\":4294967295,\"method\":\"x\"}"); /* so late, and the same packet: somebody has listened */
    rig_check(&g, "");
    assert_int_equal(ot_session_stats(g.s)->drop_replayed, 1);
    g.cloud_stamp++;
    rig_give_text(&g, "{\"id\":4294967295,\"method\":\"x\"}"); /* so late, and a new packet: it is meant again */
    rig_check(&g, "46.0 command {\"id\":4294967295,\"method\":\"x\"}\n46.0 > {\"id\":4294967295,\"result\":[\"ok\"]}\n");
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
        rig_give_text(&g, text);
    }
    ag_buf_clear(&g.journal);
    ot_session_end(g.s, "cut");
    g.now_ms += 7200000;
    ot_session_begin(g.s, g.now_ms);
    rig_give_time(&g, 1700000000);
    rig_ack(&g, g.info_id);
    ag_buf_clear(&g.journal);
    for (uint32_t n = 0; n < ROUNDS; n++) {
        for (uint32_t i = 0; i < CAPTURED; i++) {
            snprintf(text, sizeof text, i % 5 ? "{\"id\":%u,\"method\":\"x\"}" : "{\"method\":\"x\",\"n\":%u}", i);
            g.cloud_stamp = 1000 + i;
            rig_give_text(&g, text);
        }
        assert_int_equal(ag_buf_size(&g.journal), 0);
        g.cloud_stamp = 2000 + n;
        rig_give_text(&g, "{\"id\":7,\"method\":\"y\"}");
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
        rig_give_text(&g, text);
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
        rig_give_text(&g, text);
    }
    ag_buf_clear(&g.journal);
    rig_give_text(&g, "{\"id\":0,\"method\":\"x\"}");
    rig_check(&g, "");
    rig_give_text(&g, "{\"id\":19,\"method\":\"x\"}");
    assert_true(ag_buf_size(&g.journal) > 50000);
    ag_buf_clear(&g.journal);
    rig_give_text(&g, "{\"id\":5,\"method\":\"x\"}"); /* within the limit: 17 of them fit */
    assert_true(ag_buf_size(&g.journal) > 50000);
    assert_int_equal(ot_session_stats(g.s)->commands, 20);
    rig_close(&g);
}

static void repeats_are_known_after_a_reconnect(void **state)
{
    struct rig g;

    (void) state;
    rig_up(&g, false, 0);
    rig_give_text(&g, "{\"id\":3,\"method\":\"x\"}");
    ot_session_end(g.s, "cut");
    assert_int_equal(ot_session_answer(g.s, g.token, AG_SPAN("{\"id\":1,\"result\":[]}"), g.now_ms), -ENOTCONN);
    ot_session_begin(g.s, g.now_ms);
    rig_give_time(&g, 1700000000);
    rig_ack(&g, g.info_id);
    ag_buf_clear(&g.journal);
    rig_give_text(&g, "{\"id\":3,\"method\":\"x\"}");
    rig_check(&g, "1.0 > {\"id\":3,\"result\":[]}\n");
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
        rig_give_text(&g, text);
    }
    ag_buf_clear(&g.journal);
    rig_give_text(&g, "{\"id\":5000,\"method\":\"x\"}");
    rig_check(&g, "1.0 > {\"id\":5000,\"error\":{\"code\":-32000,\"message\":\"too many commands\"}}\n");
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
    rig_give_text(&g, "{\"id\":3,\"method\":\"x\"}");
    ag_buf_clear(&g.journal);
    assert_int_equal(ot_session_answer(g.s, g.token, (struct ag_span){big, sizeof big}, g.now_ms), -EMSGSIZE);
    rig_check(&g, "1.0 > {\"id\":3,\"error\":{\"code\":-32000,\"message\":\"answer too large\"}}\n");
    assert_int_equal(ot_session_report(g.s, 9, (struct ag_span){big, sizeof big}, g.now_ms), -EMSGSIZE);
    rig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_and_repeats),
        cmocka_unit_test(replays_are_never_executed),
        cmocka_unit_test(answered_commands_make_room),
        cmocka_unit_test(large_answers_are_given_up),
        cmocka_unit_test(repeats_are_known_after_a_reconnect),
        cmocka_unit_test(too_many_commands),
        cmocka_unit_test(answers_too_large_become_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
