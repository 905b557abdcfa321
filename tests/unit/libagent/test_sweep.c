/* SPDX-License-Identifier: MIT */
/* Every allocation of a whole session of the library fails once: nothing leaks, nothing is forgotten, all stays usable. */
#include "tests/unit/libagent/fake.h"
#include "tests/unit/libagent/lab.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "libagent/events.h"
#include "tests/support/alloc_fail.h"

static unsigned n_ends, n_started, n_destroyed, n_owned, n_posts;

static void on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) conn;
    (void) status;
    (void) result;
    (void) error;
    (void) user;
    n_ends++;
}

static void on_status(agent_conn *conn, const char *status, void *user)
{
    (void) conn;
    (void) status;
    (void) user;
}

static int keep(agent_request *req, void *user)
{
    agent_request **kept = user;

    if (!*kept)
        *kept = agent_request_ref(req);
    return 0;
}

static void start_call(agent_conn *conn, const char *method, agent_slot **slot)
{
    if (agent_call(conn, slot, method, "{\"x\":1}", 0, on_end, NULL) == 0)
        n_started++;
}

/* What comes from an agent may be lost for want of memory, but only together with the connection. */
static void say(struct lab *l, const char *text)
{
    char copy[256];
    int r;

    strcpy(copy, text);
    l->conn->processing = true;
    r = ag_conn_on_bytes(l->conn, copy, strlen(copy));
    if (r < 0)
        ag_conn_on_down(l->conn, 2000);
    l->conn->processing = false;
}

static void on_destroy(void *user)
{
    (void) user;
    n_destroyed++;
}

static void on_timer(agent_conn *conn, void *user)
{
    (void) conn;
    (void) user;
}

static void on_post(agent_conn *conn, void *user)
{
    (void) conn;
    (void) user;
    n_posts++;
}

static void on_log(enum agent_log_level level, const char *text, void *user)
{
    (void) level;
    (void) user;
    assert_true(strlen(text) > 0);
}

static void own(int r, agent_slot *slot)
{
    assert_true(r == 0 || r == -ENOMEM);
    if (r < 0)
        return;
    assert_int_equal(agent_slot_set_destroy(slot, on_destroy), 0);
    n_owned++;
    agent_slot_give(slot);
}

/* Reads its params in every way, which allocates nothing, and answers. */
static int read_all(agent_request *req, void *user)
{
    const char *raw;
    char word[8];
    int64_t i = 0;
    uint64_t u = 0;
    double d = 0;
    size_t n;
    int b;

    (void) user;
    assert_int_equal(agent_param_str(req, "s", word, sizeof word), 0);
    assert_int_equal(agent_param_int(req, "i", 0, 9, &i), 0);
    assert_int_equal(agent_param_uint(req, "i", 0, 9, &u), 0);
    assert_int_equal(agent_param_double(req, "i", 0, 9, &d), 0);
    assert_int_equal(agent_param_bool(req, "b", &b), 0);
    assert_int_equal(agent_param_raw(req, "b", &raw, &n), 0);
    assert_int_equal(agent_param_count(req, ""), 3);
    agent_request_origin(req);
    agent_request_answer_errors(req, 1);
    if (agent_param_int(req, "i", 1000, 1001, &i) == 0)
        return agent_replyf(req, "[%s,%d]", word, (int) i);
    if (agent_request_id(req, NULL) == 1)
        agent_reply_error_data(req, 1, "x", "[1]");
    return 0;
}

static void on_bound(agent_conn *conn, uint32_t address, int status, void *user)
{
    (void) conn;
    lab_note(user, "%u %d;", (unsigned) address, status);
}

static void session(void *user)
{
    enum agent_encoding encoding = *(enum agent_encoding *) user;
    struct lab l;
    agent_slot *sub = NULL, *call = NULL;
    agent_request *kept = NULL;

    lab_init(&l);
    if (!l.conn)
        return;
    n_ends = n_started = n_destroyed = n_owned = n_posts = 0;
    agent_set_log(l.conn, on_log, AGENT_LOG_DEBUG, NULL);
    agent_set_report_wait(l.conn, 100);
    l.conn->encoding = (uint8_t) encoding;
    agent_subscribe(l.conn, &sub, "m", keep, &kept);
    agent_subscribe(l.conn, NULL, "pre.*", keep, &kept);
    agent_follow_status(l.conn, NULL, on_status, NULL);
    agent_set_on_bound(l.conn, on_bound, &l);
    agent_bind(l.conn, 2, keep, &kept);
    start_call(l.conn, "early", NULL);
    {
        agent_slot *slot = NULL;
        int r = agent_timer(l.conn, &slot, 1, 1, on_timer, NULL);

        own(r, slot);
        r = agent_subscribe_mode(l.conn, &slot, "owned", AGENT_STANDBY, read_all, NULL, NULL);
        own(r, slot);
    }
    assert_int_equal(agent_post(l.conn, on_post, NULL), 0);
    agent_report_props(l.conn, "{\"waits\":1}", NULL, NULL);
    agent_reportf(l.conn, "event.waits", NULL, NULL, "[%s,%f]", "x", 1.5);
    lab_up(&l);
    start_call(l.conn, "one", NULL);
    start_call(l.conn, "two", NULL);
    agent_report_property(l.conn, "1", 2, 3, "4", NULL, NULL);
    say(&l, "{\"id\":1,\"method\":\"m\",\"params\":[1]}{\"id\":2,\"method\":\"pre.x\"}{\"id\":3,\"meth");
    say(&l, "od\":\"nobody\"}{\"method\":\"local.status\",\"params\":\"x\"}{\"id\":3,\"result\":[\"ok\"]}");
    say(&l, "{\"id\":5,\"method\":\"owned\",\"_origin\":\"l\\u0061n\",\"params\":{\"s\":\"x\",\"i\":3,\"b\":true}}");
    say(&l, "{\"method\":\"agent.owner\",\"params\":{\"key\":\"owned\"}}");
    agent_report_prop(l.conn, "p", "1", NULL, NULL);
    agent_report_event(l.conn, "e", "[1]", NULL, NULL);
    agent_report_miot_event(l.conn, "1", 2, 3, "[4]", NULL, NULL);
    agent_notify(l.conn, "n", NULL);
    agent_send(l.conn, NULL, 2, "to", NULL, 0, NULL, NULL);
    if (kept)
        agent_reply(kept, "[2]");
    ag_conn_tell_log(l.conn);
    lab_down(&l);
    lab_up(&l);
    start_call(l.conn, "three", NULL);
    if (agent_call(l.conn, &call, "given up", NULL, 0, on_end, NULL) == 0)
        call = agent_slot_unref(call);
    agent_bind(l.conn, 0, NULL, NULL);
    sub = agent_slot_unref(sub);
    lab_deinit(&l);
    agent_request_unref(kept);
    assert_int_equal(n_ends, n_started); /* no callback is forgotten, none comes twice */
    assert_int_equal(n_destroyed, n_owned);
    assert_int_equal(n_posts, 1);
}

static void sweep_json(void **state)
{
    enum agent_encoding encoding = AGENT_JSON;

    (void) state;
    alloc_fail_sweep(session, &encoding);
}

static void sweep_msgpack(void **state)
{
    enum agent_encoding encoding = AGENT_MSGPACK;

    (void) state;
    alloc_fail_sweep(session, &encoding);
}

static int answer_ok(agent_request *req, void *user)
{
    (void) user;
    return agent_reply(req, NULL);
}

/* It is answered in any case, and not as a method that nobody serves. */
static void a_command_without_memory_is_busy(void **state)
{
    int n_busy = 0;

    (void) state;
    for (unsigned long n = 1; n <= 8; n++) {
        const char *sent;
        struct lab l;

        lab_init(&l);
        lab_up(&l);
        agent_subscribe(l.conn, NULL, "m", answer_ok, NULL);
        lab_say(&l, "{\"id\":1,\"method\":\"m\"}"); /* what is allocated once is there */
        lab_sent(&l);
        alloc_fail_at(n);
        say(&l, "{\"id\":7,\"method\":\"m\",\"params\":[1]}");
        alloc_fail_at(0);
        sent = lab_sent(&l);
        assert_null(strstr(sent, "-32601"));
        n_busy += strcmp(sent, "{\"id\":7,\"error\":{\"code\":-32000,\"message\":\"out of memory\"}}") == 0;
        lab_deinit(&l);
    }
    assert_in_range(n_busy, 1, 2); /* linked statically, the libc's own strdup() is a second place of the same */
}

/* ---- over a socket: what waits, and coming up ---- */

static uint64_t rushing_ms;

static uint64_t rushing_clock(void *user)
{
    (void) user;
    return rushing_ms += 40;
}

/* What the last connection has heard, all of it. */
static const char *hear_last(struct fake *f)
{
    struct pollfd p = {.fd = f->listener, .events = POLLIN};

    while (poll(&p, 1, 0) == 1)
        fake_accept(f);
    return f->peer >= 0 && fake_has_heard(f) ? fake_hear(f) : "";
}

/* The answer to the next question is there before it is asked. */
static void answer_next(struct fake *f, agent_conn *conn, const char *member)
{
    char text[96];

    hear_last(f);
    snprintf(text, sizeof text, "{\"id\":%u,%s}", conn->waits.next_id, member);
    send(f->peer, text, strlen(text), MSG_NOSIGNAL);
}

/* An answer, or what a lack of memory on either side of it makes of one. */
static bool is_fair(int r)
{
    return r == 0 || r == -ENOMEM || r == AGENT_E_LOST || r == AGENT_E_TIMEOUT;
}

/* Memory that is short while it comes up leaves no application deaf: it is READY only when all has been said. */
static void coming_up(void *user)
{
    struct fake f;
    agent_conn *conn = NULL;
    agent_request *kept = NULL;
    char word[16], *text = NULL;
    int64_t t;
    int n_subs = 0, r, left = 3000;
    const char *heard;

    (void) user;
    fake_init(&f, false);
    if (agent_new(&conn) < 0) {
        fake_deinit(&f);
        return;
    }
    conn->now_ms = rushing_clock;
    agent_set_log(conn, on_log, AGENT_LOG_DEBUG, NULL);
    agent_set_reconnect(conn, 1, 1);
    n_subs += agent_subscribe(conn, NULL, "one", keep, &kept) == 0;
    n_subs += agent_subscribe(conn, NULL, "two", keep, &kept) == 0;
    n_subs += agent_follow_status(conn, NULL, on_status, NULL) == 0;
    agent_bind(conn, 2, keep, &kept);
    assert_int_equal(agent_open(conn, f.address), 0);
    do {
        r = agent_process(conn);
        assert_true(r >= 0 || r == -ENOMEM);
        assert_true(--left > 0);
    } while (agent_get_state(conn) != AGENT_READY);
    heard = hear_last(&f);
    assert_non_null(strstr(heard, "\"bind\""));
    for (r = 0; (heard = strstr(heard, "\"register\"")); heard++)
        r++;
    assert_int_equal(r, n_subs);
    conn->now_ms = ag_transport_now_ms;
    answer_next(&f, conn, "\"result\":1");
    r = agent_call_sync(conn, "x", NULL, 50, &text);
    assert_true(is_fair(r));
    free(text);
    answer_next(&f, conn, "\"result\":5");
    r = agent_query_time(conn, &t);
    assert_true(is_fair(r));
    answer_next(&f, conn, "\"result\":\"sg\"");
    r = agent_query_country(conn, word, sizeof word);
    assert_true(is_fair(r));
    answer_next(&f, conn, "\"error\":{\"code\":-1}");
    r = agent_query_status(conn, word, sizeof word);
    assert_true(is_fair(r) || r == AGENT_E_REMOTE);
    agent_unref(conn);
    fake_deinit(&f);
}

static void sweep_coming_up(void **state)
{
    (void) state;
    alloc_fail_sweep(coming_up, NULL);
}

static void sync_answered(void *user)
{
    struct fake f;
    agent_conn *conn = NULL;
    char text[128], *result = NULL;
    int r;

    (void) user;
    fake_init(&f, false);
    if (agent_new(&conn) < 0 || agent_open(conn, f.address) < 0) {
        agent_unref(conn);
        fake_deinit(&f);
        return;
    }
    for (int i = 0; i < 100 && agent_get_state(conn) != AGENT_READY; i++)
        agent_process(conn);
    if (agent_get_state(conn) == AGENT_READY) {
        fake_accept(&f);
        snprintf(text, sizeof text, "{\"id\":%u,\"error\":{\"code\":-1}}", conn->waits.next_id);
        fake_say(&f, text);
        r = agent_call_sync(conn, "x", NULL, 0, &result);
        assert_true(r == AGENT_E_REMOTE || r == -ENOMEM || r == AGENT_E_LOST);
        assert_int_equal(r == AGENT_E_REMOTE, result != NULL);
        agent_last_error(conn);
        free(result);
    }
    agent_unref(conn);
    fake_deinit(&f);
}

static void sweep_sync(void **state)
{
    (void) state;
    alloc_fail_sweep(sync_answered, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sweep_json),      cmocka_unit_test(sweep_msgpack), cmocka_unit_test(a_command_without_memory_is_busy),
        cmocka_unit_test(sweep_coming_up), cmocka_unit_test(sweep_sync),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
