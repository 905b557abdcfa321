/* SPDX-License-Identifier: MIT */
/* The origin table: ids of the client's own, first good answer, "not mine" held back, one end for each command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/local/core/command.h"
#include "tests/support/alloc_fail.h"

struct world {
    struct command_table t;
    struct ag_buf log; /* what the sink was told, one line each */
};

static void on_send(void *user, uint64_t peers, struct ag_span text)
{
    struct world *w = user;

    ag_buf_printf(&w->log, "send %llx %.*s\n", (unsigned long long) peers, (int) text.len, text.p);
}

static void on_done(void *user, struct origin to, unsigned tag, enum command_end end, struct ag_span text,
                    const struct ag_json_view *view)
{
    struct world *w = user;

    (void) view;
    ag_buf_printf(&w->log, "done %d/%llu tag %u end %d %.*s\n", to.kind, (unsigned long long) to.token, tag, end, (int) text.len,
                  text.p);
}

static const struct command_sink sink = {.send = on_send, .done = on_done};

static int start(struct world *w, struct origin from, const char *text, uint64_t now_ms)
{
    struct ag_span s = {text, strlen(text)};
    struct ag_json_view v;

    assert_int_equal(ag_json_parse(&s, 32, &v), 0);
    return command_start(&w->t, from, 7, s, &v, ag_view_has(&v, AG_M_ID), now_ms);
}

static bool answer(struct world *w, unsigned peer, const char *text)
{
    struct ag_span s = {text, strlen(text)};
    struct ag_json_view v;

    assert_int_equal(ag_json_parse(&s, 32, &v), 0);
    return command_answer(&w->t, peer, s, &v);
}

static const struct origin phone = {.kind = ORIGIN_LAN, .token = 5}, cloud = {.kind = ORIGIN_CLOUD, .token = 5};

/* One row, one script: N start LAN at time 0 (id 101, 102 ...), C the same from the cloud, Pn= answer of peer n,
   -n peer n leaves, T time passes the deadline. */
static const struct row {
    const char *name;
    unsigned peers;
    const char *script[6];
    const char *log;
} rows[] = {
    {"first good answer wins, the second one is stray",
     2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"result\":[1]}", "P1={\"id\":101,\"result\":[2]}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":[1]}\n"},
    {"not mine is held back until the good answer",
     2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-32601}}", "P1={\"id\":101,\"result\":[2]}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":[2]}\n"},
    {"all say not mine",
     2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-32601,\"message\":\"a\"}}",
      "P1={\"id\":101,\"error\":{\"code\":\"-32601\"}}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 1 {\"id\":101,\"error\":{\"code\":\"-32601\"}}\n"},
    {"not mine, then the other one is silent",
     2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-32601}}", "T"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 1 {\"id\":101,\"error\":{\"code\":-32601}}\n"},
    {"not mine, then the other one leaves",
     2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-32601}}", "-1"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 1 {\"id\":101,\"error\":{\"code\":-32601}}\n"},
    {"what is no answer is not mine either",
     2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101}", "P1={\"id\":101,\"result\":[2]}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":[2]}\n"},
    {"a code in the wrong place is one",
     2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"code\":-10000,\"message\":\"no\"}", "P1={\"id\":101}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\n"
     "done 1/5 tag 7 end 1 {\"id\":101,\"error\":{\"code\":-10000,\"message\":\"Method not found.\"}}\n"},
    {"-10000 is as good as not mine",
     2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-10000}}", "P1={\"id\":101,\"result\":[2]}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":[2]}\n"},
    {"one of each, and it was a third one's",
     3,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-10000}}",
      "P1={\"id\":101,\"error\":{\"code\":-32601}}", "P2={\"id\":101,\"error\":{\"code\":-5001}}"},
     "send 7 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"error\":{\"code\":-5001}}\n"},
    {"-10000 says more than -32601, whoever comes last",
     2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-10000,\"message\":\"jammed\"}}",
      "P1={\"id\":101,\"error\":{\"code\":-32601}}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\n"
     "done 1/5 tag 7 end 1 {\"id\":101,\"error\":{\"code\":-10000,\"message\":\"jammed\"}}\n"},
    {"the same the other way round",
     2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-32601}}",
      "P1={\"id\":101,\"error\":{\"code\":-10000,\"message\":\"jammed\"}}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\n"
     "done 1/5 tag 7 end 1 {\"id\":101,\"error\":{\"code\":-10000,\"message\":\"jammed\"}}\n"},
    {"a bare code",
     2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":-32601}", "P1={\"id\":101,\"result\":[2]}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":[2]}\n"},
    {"another error is an answer",
     2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-5001}}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"error\":{\"code\":-5001}}\n"},
    {"a code inside data does not count",
     1,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"data\":{\"code\":-32601},\"code\":-1}}"},
     "send 1 {\"id\":101,\"method\":\"m\"}\n"
     "done 1/5 tag 7 end 0 {\"id\":101,\"error\":{\"data\":{\"code\":-32601},\"code\":-1}}\n"},
    {"silence",
     1,
     {"N{\"id\":9,\"method\":\"m\"}", "T"},
     "send 1 {\"id\":101,\"method\":\"m\"}\n"
     "done 1/5 tag 7 end 3 {\"id\":101,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\"}}\n"},
    {"all leave",
     1,
     {"N{\"id\":9,\"method\":\"m\"}", "-0"},
     "send 1 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 2 "
     "{\"id\":101,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\",\"data\":\"subscriber gone\"}}\n"},
    {"nobody there",
     0,
     {"N{\"id\":9,\"method\":\"m\"}"},
     "done 1/5 tag 7 end 2 "
     "{\"id\":0,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\",\"data\":\"no application connected\"}}\n"},
    {"no id: sent and forgotten", 1, {"N{\"method\":\"m\"}", "T"}, "send 1 {\"method\":\"m\"}\n"},
    {"two origins with one id",
     1,
     {"N{\"id\":9,\"method\":\"m\"}", "C{\"id\":9,\"method\":\"m\"}", "P0={\"id\":102,\"result\":2}",
      "P0={\"id\":101,\"result\":1}"},
     "send 1 {\"id\":101,\"method\":\"m\"}\nsend 1 {\"id\":102,\"method\":\"m\"}\n"
     "done 0/5 tag 7 end 0 {\"id\":102,\"result\":2}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":1}\n"},
    {"everything but the id goes through as it came",
     1,
     {"N{ \"from\":[1.50] , \"id\" : 9,\"method\":\"m\",\"big\":123456789012345678901234567890 }"},
     "send 1 { \"from\":[1.50] , \"id\" : 101,\"method\":\"m\",\"big\":123456789012345678901234567890 }\n"},
    {"an answer of a peer that was not asked",
     1,
     {"N{\"id\":9,\"method\":\"m\"}", "P3={\"id\":101,\"result\":1}", "P0={\"id\":101,\"result\":2}"},
     "send 1 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":2}\n"},
};

static void run_row(struct world *w, const struct row *row)
{
    for (unsigned i = 0; i < row->peers; i++)
        command_peer_added(&w->t, i);
    for (size_t i = 0; i < ag_array_size(row->script) && row->script[i]; i++) {
        const char *s = row->script[i];

        if (s[0] == 'N' || s[0] == 'C')
            start(w, s[0] == 'N' ? phone : cloud, s + 1, 0);
        else if (s[0] == 'P')
            answer(w, (unsigned) (s[1] - '0'), s + 3);
        else if (s[0] == '-')
            command_peer_removed(&w->t, (unsigned) (s[1] - '0'));
        else
            command_expire(&w->t, 4000);
    }
}

static void test_rows(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct world w = {.log = AG_BUF_INIT};

        command_table_init(&w.t, &sink, &w, 100);
        run_row(&w, &rows[i]);
        if (strcmp(ag_buf_cstr(&w.log), rows[i].log) != 0)
            fail_msg("%s:\n%sinstead of\n%s", rows[i].name, ag_buf_cstr(&w.log), rows[i].log);
        command_table_deinit(&w.t);
        ag_buf_deinit(&w.log);
    }
}

/* A long "not mine" is not kept: its sender decides how long it is, and a thousand commands may be open. */
static void test_long_not_mine(void **state)
{
    struct world w = {.log = AG_BUF_INIT};
    struct ag_buf text = AG_BUF_INIT;

    (void) state;
    command_table_init(&w.t, &sink, &w, 100);
    command_peer_added(&w.t, 0);
    command_peer_added(&w.t, 1);
    start(&w, phone, "{\"id\":9,\"method\":\"m\"}", 0);
    ag_buf_clear(&w.log);
    ag_buf_append_str(&text, "{\"id\":101,\"error\":{\"code\":-10000,\"message\":\"");
    for (int i = 0; i < 5000; i++)
        ag_buf_append_char(&text, 'x');
    ag_buf_append_str(&text, "\"}}");
    assert_true(answer(&w, 0, ag_buf_cstr(&text)));
    command_peer_removed(&w.t, 1);
    assert_string_equal(ag_buf_cstr(&w.log), "done 1/5 tag 7 end 1 "
                                             "{\"id\":101,\"error\":{\"code\":-10000,\"message\":\"Method not found.\"}}\n");
    command_table_deinit(&w.t);
    ag_buf_deinit(&text);
    ag_buf_deinit(&w.log);
}

/* While applications are about to come, from 0 to 1000 ms. N, P, - as above, +n peer n joins, n a command without an
   id, Gt the grace begins at t, Et what is due at t. */
static const struct row graces[] = {
    {"it waits for the one that comes",
     0,
     {"N{\"id\":9,\"method\":\"m\"}", "+0", "P0={\"id\":101,\"result\":[1]}"},
     "send 1 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":[1]}\n"},
    {"nobody came",
     0,
     {"N{\"id\":9,\"method\":\"m\"}", "E999", "E1000"},
     "done 1/5 tag 7 end 2 "
     "{\"id\":101,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\",\"data\":\"no application connected\"}}\n"},
    {"not mine of the first one waits for the second one",
     0,
     {"N{\"id\":9,\"method\":\"m\"}", "+0", "P0={\"id\":101,\"error\":{\"code\":-32601}}", "+1",
      "P1={\"id\":101,\"result\":[1]}"},
     "send 1 {\"id\":101,\"method\":\"m\"}\nsend 2 {\"id\":101,\"method\":\"m\"}\n"
     "done 1/5 tag 7 end 0 {\"id\":101,\"result\":[1]}\n"},
    {"not mine, and nobody else came",
     0,
     {"N{\"id\":9,\"method\":\"m\"}", "+0", "P0={\"id\":101,\"error\":{\"code\":-32601}}", "E1000"},
     "send 1 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 1 {\"id\":101,\"error\":{\"code\":-32601}}\n"},
    {"who was asked is waited for beyond it",
     0,
     {"N{\"id\":9,\"method\":\"m\"}", "+0", "E1000", "P0={\"id\":101,\"result\":[1]}"},
     "send 1 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":[1]}\n"},
    {"what one has begun no other one begins again",
     0,
     {"N{\"id\":9,\"method\":\"m\"}", "+0", "-0", "+1"},
     "send 1 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 2 "
     "{\"id\":101,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\",\"data\":\"subscriber gone\"}}\n"},
    {"without an id, too", 0, {"n{\"method\":\"m\"}", "+0", "E1000", "+1"}, "send 1 {\"method\":\"m\"}\n"},
    {"without an id, once", 0, {"n{\"method\":\"m\"}", "+0", "-0", "+1"}, "send 1 {\"method\":\"m\"}\n"},
    {"later ones are refused at once",
     0,
     {"E1000", "L{\"id\":9,\"method\":\"m\"}"},
     "done 1/5 tag 7 end 2 "
     "{\"id\":0,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\",\"data\":\"no application connected\"}}\n"},
    {"it starts over when the last one goes",
     1,
     {"-0", "G3000", "L{\"id\":9,\"method\":\"m\"}", "+0", "P0={\"id\":101,\"result\":[1]}"},
     "send 1 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":[1]}\n"},
};

static void run_grace_row(struct world *w, const struct row *row)
{
    w->t.grace_ms = 1000;
    command_expect_peers(&w->t, 0);
    for (unsigned i = 0; i < row->peers; i++)
        command_peer_added(&w->t, i);
    for (size_t i = 0; i < ag_array_size(row->script) && row->script[i]; i++) {
        const char *s = row->script[i];

        switch (s[0]) {
        case 'N':
        case 'n':
            start(w, phone, s + 1, 0);
            break;
        case 'L':
            start(w, phone, s + 1, 3500);
            break;
        case 'P':
            answer(w, (unsigned) (s[1] - '0'), s + 3);
            break;
        case '+':
            command_peer_added(&w->t, (unsigned) (s[1] - '0'));
            break;
        case '-':
            command_peer_removed(&w->t, (unsigned) (s[1] - '0'));
            break;
        case 'G':
            command_expect_peers(&w->t, strtoul(s + 1, NULL, 10));
            break;
        default:
            command_expire(&w->t, strtoul(s + 1, NULL, 10));
        }
    }
}

static void test_grace(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(graces); i++) {
        struct world w = {.log = AG_BUF_INIT};

        command_table_init(&w.t, &sink, &w, 100);
        run_grace_row(&w, &graces[i]);
        if (strcmp(ag_buf_size(&w.log) ? ag_buf_cstr(&w.log) : "", graces[i].log) != 0)
            fail_msg("%s:\n%sinstead of\n%s", graces[i].name, ag_buf_cstr(&w.log), graces[i].log);
        command_refuse_all(&w.t);
        assert_int_equal(w.t.kept_bytes, 0);
        command_table_deinit(&w.t);
        ag_buf_deinit(&w.log);
    }
}

static void test_grace_is_bounded_and_counted(void **state)
{
    struct world w = {.log = AG_BUF_INIT};

    (void) state;
    command_table_init(&w.t, &sink, &w, 100);
    w.t.grace_ms = 1000;
    w.t.max_kept_bytes = 30;
    command_expect_peers(&w.t, 0);
    assert_true(command_next_deadline(&w.t) == UINT64_MAX);
    start(&w, phone, "{\"id\":1,\"method\":\"m\"}", 10);
    assert_int_equal(command_next_deadline(&w.t), 1000);
    assert_int_equal(w.t.stats.waited, 1);
    start(&w, phone, "{\"id\":2,\"method\":\"m\"}", 10); /* no room for its text */
    assert_int_equal(w.t.stats.waited, 1);
    assert_int_equal(w.t.stats.nobody, 1);
    start(&w, phone, "{\"method\":\"m\"}", 10);
    assert_int_equal(w.t.stats.nobody, 2);
    command_expire(&w.t, 1000);
    assert_int_equal(w.t.stats.nobody, 3);
    assert_int_equal(w.t.n_open, 0);
    start(&w, phone, "{\"method\":\"m\"}", 1000); /* lost, but not without a count */
    assert_int_equal(w.t.stats.nobody, 4);
    command_table_deinit(&w.t);
    ag_buf_deinit(&w.log);
}

/* The cloud was stopped: its token of then is another command's now. */
static void test_a_gone_origin_hears_nothing(void **state)
{
    struct world w = {.log = AG_BUF_INIT};

    (void) state;
    command_table_init(&w.t, &sink, &w, 100);
    command_peer_added(&w.t, 0);
    start(&w, cloud, "{\"id\":1,\"method\":\"m\"}", 0);
    start(&w, phone, "{\"id\":1,\"method\":\"m\"}", 0);
    start(&w, (struct origin){.kind = ORIGIN_CLOUD, .token = 5, .place = 1}, "{\"id\":1,\"method\":\"m\"}", 0);
    command_forget_origin(&w.t, (struct origin){.kind = ORIGIN_CLOUD, .place = 0});
    ag_buf_clear(&w.log);
    answer(&w, 0, "{\"id\":101,\"result\":1}");
    answer(&w, 0, "{\"id\":102,\"result\":2}");
    answer(&w, 0, "{\"id\":103,\"result\":3}"); /* another cloud's, under the same token */
    assert_string_equal(ag_buf_cstr(&w.log), "done 4/0 tag 7 end 0 {\"id\":101,\"result\":1}\n"
                                             "done 1/5 tag 7 end 0 {\"id\":102,\"result\":2}\n"
                                             "done 0/5 tag 7 end 0 {\"id\":103,\"result\":3}\n");
    assert_int_equal(w.t.stats.ownerless, 1);
    command_table_deinit(&w.t);
    ag_buf_deinit(&w.log);
}

/* Peer 0 may not see "secret": it is as if it were not there, now and when it comes later. */
static uint64_t on_servers(void *user, uint64_t peers, struct ag_span text)
{
    (void) user;
    return memmem(text.p, text.len, "secret", 6) ? peers & ~UINT64_C(1) : peers;
}

static void test_who_may_not_serve_is_not_asked(void **state)
{
    static const struct command_sink guarded = {on_send, on_done, on_servers};
    struct world w = {.log = AG_BUF_INIT};

    (void) state;
    command_table_init(&w.t, &guarded, &w, 100);
    w.t.grace_ms = 1000;
    command_peer_added(&w.t, 0);
    start(&w, phone, "{\"id\":1,\"method\":\"secret\"}", 0);
    start(&w, phone, "{\"method\":\"secret\"}", 0);
    command_peer_added(&w.t, 1);
    start(&w, phone, "{\"id\":2,\"method\":\"secret\"}", 0);
    assert_false(answer(&w, 0, "{\"id\":101,\"result\":1}"));
    start(&w, phone, "{\"id\":3,\"method\":\"open\"}", 0);
    command_expect_peers(&w.t, 0);
    start(&w, phone, "{\"id\":4,\"method\":\"secret\"}", 0);
    command_peer_removed(&w.t, 0);
    command_peer_added(&w.t, 0);
    assert_string_equal(ag_buf_cstr(&w.log),
                        "done 1/5 tag 7 end 2 {\"id\":0,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\","
                        "\"data\":\"no application connected\"}}\n"
                        "send 2 {\"id\":101,\"method\":\"secret\"}\nsend 3 {\"id\":102,\"method\":\"open\"}\n"
                        "send 2 {\"id\":103,\"method\":\"secret\"}\n");
    assert_int_equal(w.t.stats.nobody, 2);
    command_table_deinit(&w.t);
    ag_buf_deinit(&w.log);
}

/* A shorter time-out holds at once: an older command that may take longer is no obstacle. */
static void test_a_new_timeout_counts_for_new_commands(void **state)
{
    struct world w = {.log = AG_BUF_INIT};

    (void) state;
    command_table_init(&w.t, &sink, &w, 100);
    command_peer_added(&w.t, 0);
    start(&w, cloud, "{\"id\":1,\"method\":\"m\"}", 0);
    w.t.timeout_ms = 300;
    start(&w, phone, "{\"id\":1,\"method\":\"m\"}", 10);
    assert_int_equal(command_next_deadline(&w.t), 310);
    command_expire(&w.t, 310);
    assert_int_equal(w.t.n_open, 1);
    assert_int_equal(command_next_deadline(&w.t), 4000);
    command_table_deinit(&w.t);
    ag_buf_deinit(&w.log);
}

static void test_limits_and_ids(void **state)
{
    struct world w = {.log = AG_BUF_INIT};

    (void) state;
    command_table_init(&w.t, &sink, &w, INT32_MAX - 1);
    w.t.max_open = 2;
    command_peer_added(&w.t, 0);
    start(&w, phone, "{\"id\":1,\"method\":\"m\"}", 10);
    start(&w, phone, "{\"id\":2,\"method\":\"m\"}", 20);
    start(&w, phone, "{\"id\":3,\"method\":\"m\"}", 30);
    /* an application's C int holds all ids of ours; the third one is refused */
    assert_non_null(strstr(ag_buf_cstr(&w.log), "{\"id\":2147483647,"));
    assert_non_null(strstr(ag_buf_cstr(&w.log), "send 1 {\"id\":1,"));
    assert_non_null(strstr(ag_buf_cstr(&w.log), "\"code\":-32000"));
    assert_int_equal(command_next_deadline(&w.t), 4010);
    command_expire(&w.t, 4010);
    assert_int_equal(command_next_deadline(&w.t), 4020);
    command_refuse_all(&w.t);
    assert_non_null(strstr(ag_buf_cstr(&w.log), "-32003"));
    assert_true(command_next_deadline(&w.t) == UINT64_MAX);
    command_table_deinit(&w.t);
    ag_buf_deinit(&w.log);
}

/* Each command that was started has one end. */
static void check_sum(const struct command_table *t)
{
    const struct command_stats *s = &t->stats;

    assert_int_equal(s->started, s->answered + s->timed_out + s->nobody + s->refused + s->no_memory + s->silent + t->n_open);
}

static void sweep(void *user)
{
    (void) user;
    for (size_t i = 0; i < ag_array_size(graces); i++) {
        struct world w = {.log = AG_BUF_INIT};

        command_table_init(&w.t, &sink, &w, 100);
        run_grace_row(&w, &graces[i]);
        check_sum(&w.t);
        command_refuse_all(&w.t);
        assert_int_equal(w.t.n_open + w.t.kept_bytes, 0);
        check_sum(&w.t);
        command_table_deinit(&w.t);
        ag_buf_deinit(&w.log);
    }
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct world w = {.log = AG_BUF_INIT};

        command_table_init(&w.t, &sink, &w, 100);
        run_row(&w, &rows[i]);
        check_sum(&w.t);
        command_refuse_all(&w.t);
        assert_int_equal(w.t.n_open, 0);
        check_sum(&w.t);
        command_table_deinit(&w.t);
        ag_buf_deinit(&w.log);
    }
}

static void test_alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_long_not_mine),
        cmocka_unit_test(test_grace),
        cmocka_unit_test(test_grace_is_bounded_and_counted),
        cmocka_unit_test(test_a_gone_origin_hears_nothing),
        cmocka_unit_test(test_who_may_not_serve_is_not_asked),
        cmocka_unit_test(test_a_new_timeout_counts_for_new_commands),
        cmocka_unit_test(test_limits_and_ids),
        cmocka_unit_test(test_alloc_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
