/* The origin table: ids of the client's own, first good answer, "not mine" held back, one end for each command. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/core/command.h"
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

static void on_done(void *user, struct origin to, unsigned tag, enum command_end end, struct ag_span text)
{
    struct world *w = user;

    ag_buf_printf(&w->log, "done %d/%llu tag %u end %d %.*s\n", to.kind, (unsigned long long) to.token, tag, end,
                  (int) text.len, text.p);
}

static const struct command_sink sink = {on_send, on_done};

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

static const struct origin phone = {ORIGIN_LAN, 5}, cloud = {ORIGIN_CLOUD, 5};

/* One row, one script: N start LAN at time 0 (id 101, 102 ...), C the same from the cloud, Pn= answer of peer n,
   -n peer n leaves, T time passes the deadline. */
static const struct row {
    const char *name;
    unsigned peers;
    const char *script[6];
    const char *log;
} rows[] = {
    {"first good answer wins, the second one is stray", 2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"result\":[1]}", "P1={\"id\":101,\"result\":[2]}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":[1]}\n"},
    {"not mine is held back until the good answer", 2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-32601}}", "P1={\"id\":101,\"result\":[2]}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":[2]}\n"},
    {"all say not mine", 2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-32601,\"message\":\"a\"}}",
      "P1={\"id\":101,\"error\":{\"code\":\"-32601\"}}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 1 {\"id\":101,\"error\":{\"code\":\"-32601\"}}\n"},
    {"not mine, then the other one is silent", 2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-32601}}", "T"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 1 {\"id\":101,\"error\":{\"code\":-32601}}\n"},
    {"not mine, then the other one leaves", 2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-32601}}", "-1"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 1 {\"id\":101,\"error\":{\"code\":-32601}}\n"},
    {"another error is an answer", 2,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"code\":-5001}}"},
     "send 3 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 0 {\"id\":101,\"error\":{\"code\":-5001}}\n"},
    {"a code inside data does not count", 1,
     {"N{\"id\":9,\"method\":\"m\"}", "P0={\"id\":101,\"error\":{\"data\":{\"code\":-32601},\"code\":-1}}"},
     "send 1 {\"id\":101,\"method\":\"m\"}\n"
     "done 1/5 tag 7 end 0 {\"id\":101,\"error\":{\"data\":{\"code\":-32601},\"code\":-1}}\n"},
    {"silence", 1, {"N{\"id\":9,\"method\":\"m\"}", "T"},
     "send 1 {\"id\":101,\"method\":\"m\"}\n"
     "done 1/5 tag 7 end 3 {\"id\":101,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\"}}\n"},
    {"all leave", 1, {"N{\"id\":9,\"method\":\"m\"}", "-0"},
     "send 1 {\"id\":101,\"method\":\"m\"}\ndone 1/5 tag 7 end 2 "
     "{\"id\":101,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\",\"data\":\"subscriber gone\"}}\n"},
    {"nobody there", 0, {"N{\"id\":9,\"method\":\"m\"}"},
     "done 1/5 tag 7 end 2 "
     "{\"id\":0,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\",\"data\":\"no application connected\"}}\n"},
    {"no id: sent and forgotten", 1, {"N{\"method\":\"m\"}", "T"}, "send 1 {\"method\":\"m\"}\n"},
    {"two origins with one id", 1,
     {"N{\"id\":9,\"method\":\"m\"}", "C{\"id\":9,\"method\":\"m\"}", "P0={\"id\":102,\"result\":2}",
      "P0={\"id\":101,\"result\":1}"},
     "send 1 {\"id\":101,\"method\":\"m\"}\nsend 1 {\"id\":102,\"method\":\"m\"}\n"
     "done 0/5 tag 7 end 0 {\"id\":102,\"result\":2}\ndone 1/5 tag 7 end 0 {\"id\":101,\"result\":1}\n"},
    {"everything but the id goes through as it came", 1,
     {"N{ \"from\":[1.50] , \"id\" : 9,\"method\":\"m\",\"big\":123456789012345678901234567890 }"},
     "send 1 { \"from\":[1.50] , \"id\" : 101,\"method\":\"m\",\"big\":123456789012345678901234567890 }\n"},
    {"an answer of a peer that was not asked", 1,
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
            command_peer_removed(&w->t, (unsigned) (s[1] - '0'), 1);
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

static void sweep(void *user)
{
    (void) user;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct world w = {.log = AG_BUF_INIT};

        command_table_init(&w.t, &sink, &w, 100);
        run_row(&w, &rows[i]);
        command_refuse_all(&w.t);
        assert_int_equal(w.t.n_open, 0);
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
        cmocka_unit_test(test_limits_and_ids),
        cmocka_unit_test(test_alloc_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
