/* Every allocation of a whole session of the library fails once: nothing leaks, nothing is forgotten, all stays usable. */
#include "tests/unit/libagent/lab.h"

#include <string.h>
#include "tests/support/alloc_fail.h"

static unsigned n_ends, n_started;

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
    n_ends = n_started = 0;
    l.conn->encoding = (uint8_t) encoding;
    agent_subscribe(l.conn, &sub, "m", keep, &kept);
    agent_subscribe(l.conn, NULL, "pre.*", keep, &kept);
    agent_follow_status(l.conn, NULL, on_status, NULL);
    agent_set_on_bound(l.conn, on_bound, &l);
    agent_bind(l.conn, 2, keep, &kept);
    start_call(l.conn, "early", NULL);
    lab_up(&l);
    start_call(l.conn, "one", NULL);
    start_call(l.conn, "two", NULL);
    agent_report_property(l.conn, "1", 2, 3, "4", NULL, NULL);
    say(&l, "{\"id\":1,\"method\":\"m\",\"params\":[1]}{\"id\":2,\"method\":\"pre.x\"}{\"id\":3,\"meth");
    say(&l, "od\":\"nobody\"}{\"method\":\"local.status\",\"params\":\"x\"}{\"id\":3,\"result\":[\"ok\"]}");
    if (kept)
        agent_reply(kept, "[2]");
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sweep_json),
        cmocka_unit_test(sweep_msgpack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
