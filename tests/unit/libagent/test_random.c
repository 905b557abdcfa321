/* SPDX-License-Identifier: MIT */
/*
 * Random operations on several connections, from outside and from inside of every callback, against agents that answer,
 * refuse, lie, ask and hang up. Whatever happens: each accepted call ends once, each notifier is told once, posted work
 * runs once, and no callback comes after agent_close() or the last agent_unref() has returned.
 *
 *     test_libagent_random [OPERATIONS [SEED]]
 */
#include "tests/unit/libagent/fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "libagent/core/util.h"

enum { N_APPS = 4, N_SLOTS = 24, N_KEPT = 8, DEPTH_MAX = 3 };

static uint64_t rng = 88172645463325252ull;
static unsigned long n_ops, max_ops = 30000;
static struct {
    unsigned long calls, ended, owned, destroyed, posted, posts_run, commands, by_status[8];
} total;

static unsigned draw(unsigned n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (unsigned) ((rng >> 20) % n);
}

struct app {
    agent_conn *conn;
    struct fake fake;
    agent_slot *slots[N_SLOTS];
    agent_request *kept[N_KEPT];
    bool closed; /* agent_close() has returned, and nothing was opened since */
    bool begun;  /* something was, while it was closed */
    unsigned n_closes;
    int depth;
    unsigned last_ids[16];
    unsigned n_ids;
};

/* What a callback's user points to: alive until it has ended once. */
struct ticket {
    struct app *app;
    int ends;
    unsigned n_closes; /* of the application when it began */
    bool notified;
};

static struct app apps[N_APPS];

static void operate(struct app *a);

static void act(struct app *a)
{
    if (a->depth >= DEPTH_MAX)
        return;
    a->depth++;
    for (unsigned n = draw(3); n > 0; n--)
        operate(a);
    a->depth--;
}

static void in_callback(struct app *a)
{
    assert_false(a->closed);
    act(a);
}

static void on_destroy(void *user)
{
    struct ticket *t = user;

    total.destroyed++;
    free(t);
}

static void on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct ticket *t = user;
    struct app *a = t->app;

    (void) conn;
    assert_int_equal(t->ends++, 0);
    assert_true(status == 0 || status == AGENT_E_REMOTE || status == AGENT_E_LOST || status == AGENT_E_TIMEOUT ||
                status == AGENT_E_CANCELED);
    assert_int_equal(status == 0, result != NULL);
    assert_int_equal(status == AGENT_E_REMOTE, error != NULL);
    total.ended++;
    total.by_status[status == 0 ? 0 : -4000 - status]++;
    assert_int_equal(t->n_closes, a->n_closes); /* it was begun after the last close */
    act(a);
    if (!t->notified)
        free(t);
}

static int on_request(agent_request *req, void *user)
{
    struct ticket *t = user;
    struct app *a = t->app;
    unsigned i = draw(N_KEPT);
    int64_t n;

    total.commands++;
    switch (draw(8)) {
    case 0:
        agent_reply(req, "[1]");
        break;
    case 1:
        agent_replyf(req, "{%s:%p}", agent_request_method(req), agent_request_params(req));
        break;
    case 2:
        agent_request_answer_errors(req, 1);
        agent_param_int(req, "0", 0, 5, &n);
        break;
    case 3:
        if (!a->kept[i])
            a->kept[i] = agent_request_ref(req);
        break;
    case 4:
        agent_request_ignore(req);
        break;
    case 5:
        return -1;
    default:
        break;
    }
    in_callback(a);
    return 0;
}

static int on_message(agent_request *req, void *user)
{
    in_callback(user);
    return agent_reply(req, NULL);
}

static void on_registered(agent_slot *slot, int status, void *user)
{
    (void) slot;
    (void) status;
    in_callback(((struct ticket *) user)->app);
}

static void on_status(agent_conn *conn, const char *status, void *user)
{
    (void) conn;
    assert_true(strlen(status) > 0);
    in_callback(((struct ticket *) user)->app);
}

static void on_timer(agent_conn *conn, void *user)
{
    (void) conn;
    in_callback(((struct ticket *) user)->app);
}

static void on_post(agent_conn *conn, void *user)
{
    (void) conn;
    total.posts_run++;
    act(user); /* a closed connection takes work as well */
}

static void on_state(agent_conn *conn, enum agent_state state, void *user)
{
    (void) conn;
    (void) state;
    in_callback(user);
}

static void on_bound(agent_conn *conn, uint32_t address, int status, void *user)
{
    (void) conn;
    (void) address;
    (void) status;
    in_callback(user);
}

static void on_log(enum agent_log_level level, const char *text, void *user)
{
    struct app *a = user;

    (void) level;
    assert_true(strlen(text) > 0);
    assert_true(!a->closed || a->begun); /* a report of after the close may be given up */
    act(a);
}

/* ---- operations ---- */

static struct ticket *ticket(struct app *a)
{
    struct ticket *t = calloc(1, sizeof *t);

    assert_non_null(t);
    t->app = a;
    t->n_closes = a->n_closes;
    a->begun |= a->closed;
    return t;
}

/* A slot is kept, given, or dropped at once; its ticket ends by the notifier. */
static void own(struct app *a, agent_slot *slot, struct ticket *t)
{
    unsigned i = draw(N_SLOTS);

    t->notified = true;
    total.owned++;
    assert_int_equal(agent_slot_set_destroy(slot, on_destroy), 0);
    if (draw(3) == 0) {
        agent_slot_give(slot);
        return;
    }
    agent_slot_unref(ag_steal(&a->slots[i]));
    if (a->slots[i])
        agent_slot_unref(slot); /* a notifier has put one there */
    else
        a->slots[i] = slot;
}

static void start_call(struct app *a)
{
    struct ticket *t = ticket(a);
    agent_slot *slot = NULL;
    bool owned = draw(2);
    static const unsigned timeouts[] = {1, 5, 50, 0};
    int r = draw(4) ? agent_call(a->conn, owned ? &slot : NULL, "up.x", "[1]", timeouts[draw(4)], on_end, t)
                    : agent_send(a->conn, owned ? &slot : NULL, 2, "x", NULL, timeouts[draw(4)], on_end, t);

    if (r < 0) {
        free(t);
        return;
    }
    total.calls++;
    if (!owned)
        return;
    t->notified = true;
    total.owned++;
    agent_slot_set_destroy(slot, on_destroy);
    agent_slot_give(slot); /* so that its end is always told */
}

static void subscribe(struct app *a)
{
    static const char *const keys[] = {"a", "b", "c", "pre.*", "pre.x.*", "local.status", "*"};
    struct ticket *t = ticket(a);
    agent_slot *slot = NULL;
    int r;

    switch (draw(3)) {
    case 0:
        r = agent_follow_status(a->conn, &slot, on_status, t);
        break;
    case 1:
        r = agent_timer(a->conn, &slot, draw(4), draw(3), on_timer, t);
        break;
    default:
        r = agent_subscribe_mode(a->conn, &slot, keys[draw(7)], (enum agent_mode) draw(3), on_request, on_registered, t);
    }
    if (r < 0)
        free(t);
    else
        own(a, slot, t);
}

static void has_closed(struct app *a)
{
    a->closed = true;
    a->begun = false;
    a->n_closes++;
}

static void drop_conn(struct app *a)
{
    if (!a->conn)
        return;
    agent_unref(ag_steal(&a->conn));
    has_closed(a);
}

static void operate(struct app *a)
{
    unsigned i;

    if (!a->conn || n_ops++ > max_ops + 1000)
        return;
    switch (draw(36)) {
    case 0:
        if (draw(6) == 0) {
            agent_close(a->conn);
            if (a->conn)
                has_closed(a);
        }
        break;
    case 1:
    case 2:
        if (agent_open(a->conn, a->fake.address) == 0)
            a->closed = false;
        break;
    case 3:
        if (draw(12) == 0)
            drop_conn(a);
        break;
    case 4:
        agent_bind(a->conn, draw(2) ? 1u << draw(4) : 0, on_message, a);
        break;
    case 5:
        agent_notify(a->conn, "n", "{\"a\":1}");
        break;
    case 6:
        a->begun |= a->closed;
        agent_reportf(a->conn, "props", NULL, NULL, "{%s:%d}", "x", (int) draw(9));
        break;
    case 7:
        agent_set_report_wait(a->conn, draw(3));
        break;
    case 8:
        if (agent_post(a->conn, on_post, a) == 0)
            total.posted++;
        break;
    case 9:
        agent_wake(a->conn);
        break;
    case 10:
        i = draw(N_KEPT);
        if (a->kept[i] && draw(2))
            agent_reply(a->kept[i], "[2]");
        agent_request_unref(ag_steal(&a->kept[i]));
        break;
    case 11:
        agent_set_queue_limit(a->conn, draw(4) ? 100000 : 400);
        break;
    case 12:
        agent_get_timeout_ms(a->conn);
        if (a->depth > 0) {
            assert_int_equal(agent_run(a->conn), -EDEADLK);
            assert_int_equal(agent_process(a->conn), 0);
        }
        break;
    case 13:
        agent_unref(agent_ref(a->conn));
        break;
    case 14:
        agent_set_on_state(a->conn, draw(2) ? on_state : NULL, a);
        break;
    case 15:
    case 16:
    case 17:
        i = draw(N_SLOTS);
        agent_slot_unref(ag_steal(&a->slots[i]));
        break;
    case 18:
    case 19:
    case 20:
    case 21:
        subscribe(a);
        break;
    default:
        start_call(a);
    }
}

/* ---- the agent ---- */

static void answer_id(struct app *a, unsigned id)
{
    static const char *const forms[] = {
        "{\"id\":%u,\"result\":[\"ok\"]}",         "{\"id\":%u,\"result\":[\"waiting\"]}",
        "{\"id\":%u,\"error\":null,\"result\":1}", "{\"id\":%u,\"error\":{\"code\":-32004,\"message\":\"x\"}}",
        "{\"id\":%u,\"_from\":2,\"result\":3}",    "{\"id\":%u,\"method\":\"local.status\",\"params\":\"cloud_retry\"}"};
    char text[96];

    snprintf(text, sizeof text, forms[draw(6)], id);
    send(a->fake.peer, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say(struct app *a)
{
    static const char *const words[] = {"{\"id\":1,\"method\":\"a\",\"params\":[3]}",
                                        "{\"id\":2,\"method\":\"pre.x.y\",\"_origin\":\"lan\"}{\"id\":3,\"method\":\"pre.q\"}",
                                        "{\"method\":\"b\"}{\"method\":\"local.status\",\"params\":\"cloud_connected\"}",
                                        "{\"id\":4,\"_from\":2,\"method\":\"c\"}",
                                        "{\"method\":\"agent.owner\",\"params\":{\"key\":\"a\"}}",
                                        "{\"error\":{\"code\":-1}}",
                                        "{\"id\":9,\"result\":1}"};

    const char *word = draw(300) == 0 ? "garbage" : words[draw(7)];

    send(a->fake.peer, word, strlen(word), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void hear(struct app *a)
{
    char buf[4096];
    ssize_t n = recv(a->fake.peer, buf, sizeof buf - 1, MSG_DONTWAIT);
    const char *p = buf;

    if (n == 0)
        fake_hang_up(&a->fake);
    if (n <= 0)
        return;
    buf[n] = '\0';
    while ((p = strstr(p, "\"id\":"))) {
        a->last_ids[a->n_ids++ % 16] = (unsigned) strtoul(p + 5, NULL, 10);
        p += 5;
    }
}

static void agent_turn(struct app *a)
{
    struct fake *f = &a->fake;

    if (f->peer < 0) {
        int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);

        if (fd >= 0)
            f->peer = fd;
        return;
    }
    hear(a);
    if (f->peer < 0)
        return;
    for (unsigned n = draw(4); n > 0 && a->n_ids > 0; n--)
        answer_id(a, a->last_ids[draw(16)]);
    if (draw(2))
        say(a);
    if (draw(400) == 0)
        fake_hang_up(f);
}

static void start_app(struct app *a)
{
    assert_int_equal(agent_new(&a->conn), 0);
    a->closed = false;
    agent_set_reconnect(a->conn, 1, 3);
    agent_set_on_state(a->conn, on_state, a);
    agent_set_on_bound(a->conn, on_bound, a);
    agent_set_log(a->conn, on_log, (enum agent_log_level) draw(4), a);
    agent_open(a->conn, a->fake.address);
}

static void end_app(struct app *a)
{
    drop_conn(a);
    for (unsigned i = 0; i < N_SLOTS; i++)
        agent_slot_unref(ag_steal(&a->slots[i]));
    for (unsigned i = 0; i < N_KEPT; i++)
        agent_request_unref(ag_steal(&a->kept[i]));
}

static void everything_ends_once(void **state)
{
    (void) state;
    for (unsigned i = 0; i < N_APPS; i++)
        fake_init(&apps[i].fake, false);
    while (n_ops < max_ops) {
        struct app *a = &apps[draw(N_APPS)];

        if (!a->conn)
            start_app(a);
        operate(a);
        agent_turn(a);
        if (a->conn && draw(2))
            agent_process(a->conn);
    }
    for (unsigned i = 0; i < N_APPS; i++) {
        end_app(&apps[i]);
        fake_deinit(&apps[i].fake);
    }
    print_message("%lu operations: %lu calls (%lu good, %lu lost, %lu late, %lu canceled, %lu refused), %lu commands, "
                  "%lu owned slots, %lu posted\n",
                  n_ops, total.calls, total.by_status[0], total.by_status[1], total.by_status[2], total.by_status[3],
                  total.by_status[4], total.commands, total.owned, total.posted);
    assert_int_equal(total.ended, total.calls);
    assert_int_equal(total.destroyed, total.owned);
    assert_int_equal(total.posts_run, total.posted);
    assert_true(total.by_status[1] > 0 && total.by_status[2] > 0 && total.by_status[3] > 0 && total.by_status[4] > 0);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(everything_ends_once)};

    if (argc > 1)
        max_ops = strtoul(argv[1], NULL, 10);
    if (argc > 2)
        rng ^= strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15ull;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
