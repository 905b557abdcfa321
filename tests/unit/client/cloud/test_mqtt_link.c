/* SPDX-License-Identifier: MIT */
/* The MQTT link against a real mosquitto. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client/cloud/io/mqtt_link.h"
#include "tests/support/broker.h"

enum { DEADLINE_MS = 30000, N_COOKIES = 4096 };

struct fixture {
    uv_loop_t loop;
    uv_timer_t deadline;
    struct mqtt_link *link;
    struct broker broker;
    int n_connected, n_lost, n_done, n_messages, n_closed, n_room;
    enum mqtt_link_loss loss;
    int loss_code;
    char why[160];
    int result[N_COOKIES]; /* by cookie */
    int times[N_COOKIES];
    char topic[128], payload[128];
    size_t payload_len;
    int qos;
    bool retain, close_in_message;
};

static void on_connected(void *user)
{
    struct fixture *f = user;

    f->n_connected++;
}

static void on_lost(void *user, enum mqtt_link_loss loss, int code, const char *why)
{
    struct fixture *f = user;

    f->n_lost++;
    f->loss = loss;
    f->loss_code = code;
    snprintf(f->why, sizeof f->why, "%s", why);
}

static void on_message(void *user, const struct mqtt_link_msg *m)
{
    struct fixture *f = user;
    size_t n = m->payload.len < sizeof f->payload ? m->payload.len : sizeof f->payload;

    f->n_messages++;
    snprintf(f->topic, sizeof f->topic, "%s", m->topic);
    memcpy(f->payload, m->payload.p, n);
    f->payload_len = m->payload.len;
    f->qos = m->qos;
    f->retain = m->retain;
    if (f->close_in_message)
        mqtt_link_close(f->link);
}

static void on_done(void *user, uint64_t cookie, int result)
{
    struct fixture *f = user;

    f->n_done++;
    f->result[cookie] = result;
    f->times[cookie]++;
}

static void on_room(void *user)
{
    ((struct fixture *) user)->n_room++;
}

static void on_closed(void *user)
{
    struct fixture *f = user;

    f->n_closed++;
    f->link = NULL;
}

static const struct mqtt_link_events EVENTS = {on_connected, on_lost, on_message, on_done, on_closed, on_room};

static void on_deadline(uv_timer_t *t)
{
    (void) t;
    fail_msg("nothing happened within the deadline");
}

/* Runs the loop until *counter is at least n. */
static void run_until(struct fixture *f, const int *counter, int n)
{
    uv_timer_start(&f->deadline, on_deadline, DEADLINE_MS, 0);
    while (*counter < n)
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_timer_stop(&f->deadline);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->deadline);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->link) {
        mqtt_link_close(f->link);
        run_until(f, &f->n_closed, 1);
    }
    uv_close((uv_handle_t *) &f->deadline, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    broker_stop(&f->broker);
    free(f);
    return 0;
}

static struct mqtt_link_config plain_config(const struct fixture *f)
{
    return (struct mqtt_link_config){.host = "127.0.0.1", .port = f->broker.port, .client_id = "dev1", .clean_session = true};
}

static void open_and_connect(struct fixture *f, const struct mqtt_link_config *c, const struct mqtt_link_limits *lim)
{
    assert_int_equal(mqtt_link_open(&f->link, &f->loop, c, lim, &EVENTS, f), 0);
    assert_int_equal(mqtt_link_publish(f->link, &(struct mqtt_link_msg){.topic = "t"}, 1), -ENOTCONN);
    assert_int_equal(mqtt_link_connect(f->link), 0);
    assert_int_equal(mqtt_link_connect(f->link), -EBUSY);
    run_until(f, &f->n_connected, f->n_connected + 1);
}

static void messages_go_and_come_at_every_qos(void **state)
{
    struct fixture *f = *state;
    struct mqtt_link_config c;

    broker_start(&f->broker, broker_free_port(), "");
    c = plain_config(f);
    open_and_connect(f, &c, NULL);
    assert_int_equal(mqtt_link_subscribe(f->link, "a/+", 2, 1), 0);
    run_until(f, &f->n_done, 1);
    assert_int_equal(f->result[1], 2);
    for (uint8_t qos = 0; qos <= 2; qos++) {
        struct mqtt_link_msg m = {.topic = "a/b", .payload = {"x\0y", 3}, .qos = qos};

        assert_int_equal(mqtt_link_publish(f->link, &m, 10u + qos), 0);
        run_until(f, &f->n_messages, qos + 1);
        run_until(f, &f->n_done, qos + 2);
        assert_int_equal(f->result[10 + qos], 0);
        assert_string_equal(f->topic, "a/b");
        assert_int_equal(f->payload_len, 3);
        assert_memory_equal(f->payload, "x\0y", 3);
        assert_int_equal(f->qos, qos);
    }
    assert_int_equal(mqtt_link_unsubscribe(f->link, "a/+", 20), 0);
    run_until(f, &f->times[20], 1);
    assert_int_equal(mqtt_link_publish(f->link, &(struct mqtt_link_msg){.topic = "a/+"}, 0), -EINVAL);
    assert_int_equal(mqtt_link_publish(f->link, &(struct mqtt_link_msg){.topic = "a", .qos = 3}, 0), -EINVAL);
    assert_int_equal(mqtt_link_disconnect(f->link), 0);
    run_until(f, &f->n_lost, 1);
    assert_int_equal(f->loss, MQTT_LINK_ASKED);
    assert_int_equal(mqtt_link_disconnect(f->link), -ENOTCONN);
    assert_int_equal(mqtt_link_connect(f->link), 0);
    run_until(f, &f->n_connected, 2);
}

/* Bytes that nobody has read from this process's pairs of sockets: libmosquitto puts one in for each packet. */
static int bytes_in_pairs(void)
{
    int sum = 0;

    for (int fd = 3; fd < 256; fd++) {
        int domain, n;
        socklen_t len = sizeof domain;

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX && ioctl(fd, FIONREAD, &n) == 0)
            sum += n;
    }
    return sum;
}

static void publish_some(struct fixture *f, int n)
{
    int until = f->n_done + n;

    for (int i = 0; i < n; i++) {
        struct mqtt_link_msg m = {.topic = "a"}; /* of QoS 0: all in one round */

        assert_int_equal(mqtt_link_publish(f->link, &m, 1), 0);
    }
    run_until(f, &f->n_done, until);
}

/* Not packet by packet, which costs more than the packet; but once it is quiet, the kernel has its memory back. */
static void what_packets_leave_is_taken_out_when_it_is_quiet(void **state)
{
    struct fixture *f = *state;
    struct mqtt_link_config c;

    broker_start(&f->broker, broker_free_port(), "");
    c = plain_config(f);
    open_and_connect(f, &c, NULL);
    for (int i = 0; i < 4; i++)
        publish_some(f, 50);
    assert_in_range(bytes_in_pairs(), 100, 300);
    uv_timer_start(&f->deadline, on_deadline, DEADLINE_MS, 0);
    while (bytes_in_pairs() > 16)
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_timer_stop(&f->deadline);
    publish_some(f, 1);
}

static void losses_are_told_apart(void **state)
{
    struct fixture *f = *state;
    struct mqtt_link_config c;
    struct mqtt_link_limits lim = {.connect_ms = 5000};

    broker_start(&f->broker, broker_free_port(), "allow_anonymous false\n");
    c = plain_config(f);
    assert_int_equal(mqtt_link_open(&f->link, &f->loop, &c, &lim, &EVENTS, f), 0);
    mqtt_link_connect(f->link);
    run_until(f, &f->n_lost, 1);
    assert_int_equal(f->loss, MQTT_LINK_REFUSED);
    assert_int_equal(f->loss_code, 5);

    c.port = broker_free_port(); /* nobody listens there */
    assert_int_equal(mqtt_link_configure(f->link, &c), 0);
    mqtt_link_connect(f->link);
    assert_int_equal(mqtt_link_configure(f->link, &c), -EBUSY);
    run_until(f, &f->n_lost, 2);
    assert_int_equal(f->loss, MQTT_LINK_UNREACHABLE);
    assert_int_equal(f->loss_code, -ECONNREFUSED);

    c.host = "no-such-host.invalid";
    assert_int_equal(mqtt_link_configure(f->link, &c), 0);
    mqtt_link_connect(f->link);
    run_until(f, &f->n_lost, 3);
    assert_int_equal(f->loss, MQTT_LINK_UNREACHABLE);
    assert_int_equal(f->n_connected, 0);
}

static void on_raw_connection(uv_stream_t *s, int status)
{
    uv_tcp_t *c = malloc(sizeof *c);

    assert_int_equal(status, 0);
    uv_tcp_init(s->loop, c);
    uv_accept(s, (uv_stream_t *) c);
    uv_close((uv_handle_t *) c, (uv_close_cb) free); /* as OneNET does with a CONNECT of wrong form */
}

static void a_close_before_connack_has_its_name(void **state)
{
    struct fixture *f = *state;
    struct mqtt_link_config c = {.host = "127.0.0.1", .client_id = "x"};
    struct sockaddr_in a;
    int len = sizeof a;
    uv_tcp_t *listener = malloc(sizeof *listener);

    uv_ip4_addr("127.0.0.1", 0, &a);
    uv_tcp_init(&f->loop, listener);
    uv_tcp_bind(listener, (struct sockaddr *) &a, 0);
    uv_listen((uv_stream_t *) listener, 4, on_raw_connection);
    uv_tcp_getsockname(listener, (struct sockaddr *) &a, &len);
    c.port = ntohs(a.sin_port);
    assert_int_equal(mqtt_link_open(&f->link, &f->loop, &c, NULL, &EVENTS, f), 0);
    mqtt_link_connect(f->link);
    run_until(f, &f->n_lost, 1);
    assert_int_equal(f->loss, MQTT_LINK_NO_CONNACK);
    uv_close((uv_handle_t *) listener, (uv_close_cb) free);
}

static void a_silent_broker_ends_in_a_timeout(void **state)
{
    struct fixture *f = *state;
    struct mqtt_link_config c = {.host = "127.0.0.1", .client_id = "x"};
    struct mqtt_link_limits lim = {.connect_ms = 300};
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    uv_ip4_addr("127.0.0.1", 0, &a);
    assert_int_equal(bind(fd, (struct sockaddr *) &a, len), 0);
    assert_int_equal(listen(fd, 4), 0);
    getsockname(fd, (struct sockaddr *) &a, &len);
    c.port = ntohs(a.sin_port);
    assert_int_equal(mqtt_link_open(&f->link, &f->loop, &c, &lim, &EVENTS, f), 0);
    mqtt_link_connect(f->link);
    run_until(f, &f->n_lost, 1);
    assert_int_equal(f->loss, MQTT_LINK_NO_CONNACK);
    assert_true(strncmp(f->why, "timeout (127.0.0.1:", 19) == 0); /* the server is named */
    mqtt_link_connect(f->link);
    mqtt_link_disconnect(f->link);
    run_until(f, &f->n_lost, 2);
    assert_int_equal(f->loss, MQTT_LINK_ASKED);
    mqtt_link_connect(f->link); /* closed in the middle of a try */
    mqtt_link_close(f->link);
    run_until(f, &f->n_closed, 1);
    close(fd);
}

/* Exact count over a broker that is killed and started again: each cookie comes back exactly once. */
static void qos1_survives_a_killed_broker(void **state)
{
    enum { N = 2000 };
    struct fixture *f = *state;
    struct mqtt_link_config c;
    struct mqtt_link_limits lim = {.window = 100};
    int next = 1;

    broker_start(&f->broker, broker_free_port(), "");
    c = plain_config(f);
    c.clean_session = false;
    open_and_connect(f, &c, &lim);
    uv_timer_start(&f->deadline, on_deadline, 2 * DEADLINE_MS, 0);
    for (int kills = 0; f->n_done < N;) {
        while (next <= N) {
            struct mqtt_link_msg m = {.topic = "r", .payload = {"0123456789", 10}, .qos = 1};
            int r = mqtt_link_publish(f->link, &m, (uint64_t) next);

            if (r != 0) {
                assert_true(r == -ENOBUFS || r == -ENOTCONN);
                break;
            }
            next++;
        }
        if (kills < 2 && next > N / 3 * (kills + 1)) {
            kills++;
            broker_kill(&f->broker);
            broker_start(&f->broker, f->broker.port, "");
        }
        uv_run(&f->loop, UV_RUN_ONCE);
        if (f->n_lost == f->n_connected)
            mqtt_link_connect(f->link);
    }
    uv_timer_stop(&f->deadline);
    assert_int_equal(f->n_done, N);
    for (int i = 1; i <= N; i++)
        assert_int_equal(f->times[i], 1);
    assert_true(f->n_connected >= 2);
}

static void the_window_has_a_bound(void **state)
{
    struct fixture *f = *state;
    struct mqtt_link_config c;
    struct mqtt_link_limits lim = {.window = 2, .window_bytes = 100};
    struct mqtt_link_msg m = {.topic = "r", .payload = {"0123456789", 10}, .qos = 1};
    static const char big[200];
    struct mqtt_link_stats st;

    broker_start(&f->broker, broker_free_port(), "");
    c = plain_config(f);
    open_and_connect(f, &c, &lim);
    assert_int_equal(mqtt_link_publish(f->link, &m, 1), 0);
    assert_int_equal(mqtt_link_publish(f->link, &m, 2), 0);
    assert_int_equal(mqtt_link_publish(f->link, &m, 3), -ENOBUFS);
    m.urgent = true; /* an answer does not wait behind reports */
    assert_int_equal(mqtt_link_publish(f->link, &m, 6), 0);
    m.urgent = false;
    assert_int_equal(mqtt_link_publish(f->link, &m, 3), -ENOBUFS);
    run_until(f, &f->n_done, 3);
    m.payload = (struct ag_span){big, sizeof big};
    assert_int_equal(mqtt_link_publish(f->link, &m, 4), 0); /* one may always go */
    assert_int_equal(mqtt_link_publish(f->link, &m, 5), -ENOBUFS);
    m.urgent = true;
    assert_int_equal(mqtt_link_publish(f->link, &m, 5), -ENOBUFS); /* twice window_bytes at most */
    run_until(f, &f->n_done, 4);
    mqtt_link_get_stats(f->link, &st);
    assert_int_equal(st.sent, 4);
    assert_int_equal(st.acked, 4);
    assert_int_equal(st.in_window, 0);
}

/* More than the inbox holds comes in while the loop looks away: the thread waits, nothing is lost. */
static void a_slow_loop_holds_the_broker_back(void **state)
{
    enum { N = 500 };
    struct fixture *f = *state;
    struct mqtt_link_config c;
    struct mqtt_link_limits lim = {.window = N, .inbox_bytes = 4096};
    static const char kib[1024];

    broker_start(&f->broker, broker_free_port(), "max_queued_messages 0\n");
    c = plain_config(f);
    open_and_connect(f, &c, &lim);
    mqtt_link_subscribe(f->link, "big", 1, 0);
    for (int i = 1; i <= N; i++) {
        struct mqtt_link_msg m = {.topic = "big", .payload = {kib, sizeof kib}, .qos = 1};

        assert_int_equal(mqtt_link_publish(f->link, &m, (uint64_t) i), 0);
    }
    uv_sleep(100);
    run_until(f, &f->n_messages, N);
    run_until(f, &f->n_done, N);
}

static void closing_inside_an_event_is_safe(void **state)
{
    struct fixture *f = *state;
    struct mqtt_link_config c;

    broker_start(&f->broker, broker_free_port(), "");
    c = plain_config(f);
    open_and_connect(f, &c, NULL);
    f->close_in_message = true;
    mqtt_link_subscribe(f->link, "t", 0, 0);
    for (int i = 0; i < 5; i++)
        mqtt_link_publish(f->link, &(struct mqtt_link_msg){.topic = "t"}, 1);
    run_until(f, &f->n_closed, 1);
    assert_int_equal(f->n_messages, 1);
}

static void the_will_tells_of_a_death_only(void **state)
{
    struct fixture *f = *state;
    struct mqtt_link_config c;
    struct mqtt_link_msg will = {.topic = "w", .payload = {"gone", 4}, .qos = 1, .retain = true};

    broker_start(&f->broker, broker_free_port(), "");
    c = plain_config(f);
    c.will = &will;
    c.level = MQTT_LINK_V31;
    open_and_connect(f, &c, NULL);
    mqtt_link_disconnect(f->link);
    run_until(f, &f->n_lost, 1);
    c.will = NULL;
    assert_int_equal(mqtt_link_configure(f->link, &c), 0);
    mqtt_link_connect(f->link);
    run_until(f, &f->n_connected, 2);
    mqtt_link_subscribe(f->link, "w", 0, 1);
    run_until(f, &f->n_done, 1);
    assert_int_equal(f->n_messages, 0); /* DISCONNECT came: no retained will */
}

static void bad_configurations_are_refused(void **state)
{
    struct fixture *f = *state;
    struct mqtt_link_msg will = {.topic = "a/#"};
    const struct mqtt_link_config bad[] = {
        {.client_id = "x"},
        {.host = "h"},
        {.host = "h", .client_id = "x", .password = "p"},
        {.host = "h", .client_id = "x", .cert_file = "c"},
        {.host = "h", .client_id = "x", .keepalive_s = 4},
        {.host = "h", .client_id = "x", .will = &will},
    };

    for (size_t i = 0; i < ag_array_size(bad); i++)
        assert_int_equal(mqtt_link_open(&f->link, &f->loop, &bad[i], NULL, &EVENTS, f), -EINVAL);
}

static int run_shell(const char *dir, const char *script)
{
    char cmd[2048];

    snprintf(cmd, sizeof cmd, "cd '%s' && { %s; } >/dev/null 2>&1", dir, script);
    return system(cmd);
}

static const char MAKE_CERTS[] =
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -subj /CN=ca"
    " -days 2 && for n in server client client2; do"
    " openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $n.key -out $n.csr"
    " -subj /CN=127.0.0.1 && printf 'subjectAltName=IP:127.0.0.1' >ext &&"
    " openssl x509 -req -in $n.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $n.pem -days 2 -extfile ext; done;"
    " openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout other.key -out other.pem"
    " -subj /CN=other -days 2; cp other.pem cur.pem; cp other.key cur.key";

/* The client certificate is read again at each connect, so a new file under the same name is enough. */
static void tls_checks_both_sides_and_reads_files_again(void **state)
{
    struct fixture *f = *state;
    struct mqtt_link_config c;
    char extra[512], ca[96], wrong_ca[96], cert[96], key[96];

#ifndef MIIO_TLS /* nor has the library it then */
    skip();
#endif
    broker_write(&f->broker, "x", "");
    assert_int_equal(run_shell(f->broker.dir, MAKE_CERTS), 0);
    snprintf(ca, sizeof ca, "%s/ca.pem", f->broker.dir);
    snprintf(wrong_ca, sizeof wrong_ca, "%s/other.pem", f->broker.dir);
    snprintf(cert, sizeof cert, "%s/cur.pem", f->broker.dir);
    snprintf(key, sizeof key, "%s/cur.key", f->broker.dir);
    snprintf(extra, sizeof extra,
             "cafile %s/ca.pem\ncertfile %s/server.pem\nkeyfile %s/server.key\n"
             "require_certificate true\n",
             f->broker.dir, f->broker.dir, f->broker.dir);
    broker_start(&f->broker, broker_free_port(), extra);
    c = plain_config(f);
    c.tls = true;
    c.ca_file = wrong_ca;
    c.cert_file = cert;
    c.key_file = key;
    assert_int_equal(mqtt_link_open(&f->link, &f->loop, &c, NULL, &EVENTS, f), 0);
    mqtt_link_connect(f->link); /* we do not trust the broker */
    run_until(f, &f->n_lost, 1);
    assert_int_equal(f->n_connected, 0);
    c.ca_file = ca;
    assert_int_equal(mqtt_link_configure(f->link, &c), 0);
    mqtt_link_connect(f->link); /* the broker does not trust us */
    run_until(f, &f->n_lost, 2);
    assert_int_equal(f->n_connected, 0);
    assert_int_equal(run_shell(f->broker.dir, "cp client.pem cur.pem; cp client.key cur.key"), 0);
    mqtt_link_connect(f->link);
    run_until(f, &f->n_connected, 1);
    c.cert_file = "/nowhere/x.pem";
    mqtt_link_disconnect(f->link);
    run_until(f, &f->n_lost, 3);
    assert_int_equal(mqtt_link_configure(f->link, &c), 0);
    mqtt_link_connect(f->link);
    run_until(f, &f->n_lost, 4);
    assert_int_equal(f->loss, MQTT_LINK_UNREACHABLE);
    assert_non_null(strstr(f->why, "TLS files"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_go_and_come_at_every_qos, setup, teardown),
        cmocka_unit_test_setup_teardown(what_packets_leave_is_taken_out_when_it_is_quiet, setup, teardown),
        cmocka_unit_test_setup_teardown(losses_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_close_before_connack_has_its_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silent_broker_ends_in_a_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(qos1_survives_a_killed_broker, setup, teardown),
        cmocka_unit_test_setup_teardown(the_window_has_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slow_loop_holds_the_broker_back, setup, teardown),
        cmocka_unit_test_setup_teardown(closing_inside_an_event_is_safe, setup, teardown),
        cmocka_unit_test_setup_teardown(the_will_tells_of_a_death_only, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_configurations_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_checks_both_sides_and_reads_files_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
