/* SPDX-License-Identifier: MIT */
#include "tests/unit/client/cloud/qos2_rig.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_connected(void *user)
{
    ((struct fixture *) user)->n_connected++;
}

static void on_lost(void *user, enum mqtt_link_loss loss, int code, const char *why)
{
    struct fixture *f = user;

    (void) code, (void) why;
    f->n_lost++;
    f->loss = loss;
    if (f->again)
        mqtt_link_connect(f->link);
}

static void on_message(void *user, const struct mqtt_link_msg *m)
{
    struct fixture *f = user;

    f->n_messages++;
    f->messages_len += (size_t) snprintf(f->messages + f->messages_len, sizeof f->messages - f->messages_len, "%.*s,",
                                         (int) m->payload.len, m->payload.p);
}

static void on_done(void *user, uint64_t cookie, int result)
{
    struct fixture *f = user;

    f->result[cookie] = result;
    f->times[cookie]++;
}

static void on_closed(void *user)
{
    struct fixture *f = user;

    f->n_closed++;
    f->link = NULL;
}

static const struct mqtt_link_events EVENTS = {on_connected, on_lost, on_message, on_done, on_closed, NULL};

void turn(struct fixture *f, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    poll(&p, 1, 2);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    if (uv_hrtime() / 1000000 > f->until)
        fail_msg("nothing happened within the deadline");
}

void wait_for(struct fixture *f, const int *counter, int n)
{
    while (*counter < n)
        turn(f, -1);
}

static void broker_open(struct played_broker *b)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;

    b->fd = -1;
    b->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    uv_ip4_addr("127.0.0.1", 0, &a);
    assert_int_equal(bind(b->listener, (struct sockaddr *) &a, len), 0);
    assert_int_equal(listen(b->listener, 8), 0);
    getsockname(b->listener, (struct sockaddr *) &a, &len);
    b->port = ntohs(a.sin_port);
}

void broker_cut(struct played_broker *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
    b->n = 0;
}

void put(struct played_broker *b, const void *p, size_t n)
{
    if (send(b->fd, p, n, MSG_NOSIGNAL) < 0)
        assert_true(errno == EPIPE || errno == ECONNRESET);
}

void put_small(struct played_broker *b, uint8_t first, unsigned word)
{
    put(b, (uint8_t[]){first, 2, (uint8_t) (word >> 8), (uint8_t) word}, 4);
}

void put_publish(struct played_broker *b, uint8_t flags, unsigned id, const char *payload)
{
    uint8_t p[256] = {PUBLISH | flags, (uint8_t) (5 + strlen(payload)), 0, 1, 't', (uint8_t) (id >> 8), (uint8_t) id};

    memcpy(p + 7, payload, strlen(payload));
    put(b, p, 7 + strlen(payload));
}

bool have_packet(struct played_broker *b, struct packet *out)
{
    ssize_t r = recv(b->fd, b->in + b->n, sizeof b->in - b->n, MSG_DONTWAIT);
    size_t len;

    *out = (struct packet){0};
    b->n += r > 0 ? (size_t) r : 0;
    if (b->n < 2 || b->n < 2u + b->in[1])
        return r == 0 || (r < 0 && errno != EAGAIN);
    assert_true(b->in[1] < 128); /* nothing here is longer */
    len = b->in[1];
    out->first = b->in[0];
    out->n = len;
    memcpy(out->body, b->in + 2, len);
    memmove(b->in, b->in + 2 + len, b->n -= 2 + len);
    return true;
}

struct packet next_packet(struct fixture *f, struct played_broker *b)
{
    struct packet p;

    while (!have_packet(b, &p))
        turn(f, b->fd);
    return p;
}

unsigned id_of(const struct packet *p)
{
    return (unsigned) p->body[0] << 8 | p->body[1];
}

struct packet expect(struct fixture *f, struct played_broker *b, uint8_t first)
{
    struct packet p = next_packet(f, b);

    assert_int_equal(p.first, first);
    return p;
}

void expect_id(struct fixture *f, struct played_broker *b, uint8_t first, unsigned id)
{
    struct packet p = expect(f, b, first);

    assert_int_equal(id_of(&p), id);
}

void login(struct fixture *f, struct played_broker *b, bool present)
{
    broker_cut(b);
    while ((b->fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
        turn(f, b->listener);
    expect(f, b, CONNECT);
    put_small(b, CONNACK, present ? 0x100 : 0);
}

void login_afresh(struct fixture *f, struct played_broker *b)
{
    int n = f->n_connected;
    struct packet p;

    for (int i = 0; i < 2 && f->n_connected == n; i++) {
        login(f, b, false);
        while (f->n_connected == n) {
            if (have_packet(b, &p)) {
                assert_int_equal(p.first, DISCONNECT);
                break;
            }
            turn(f, b->fd);
        }
    }
    assert_int_equal(f->n_connected, n + 1);
}

void subscribe(struct fixture *f, struct played_broker *b)
{
    struct packet p;

    assert_int_equal(mqtt_link_subscribe(f->link, "t", 2, 0), 0);
    p = expect(f, b, SUBSCRIBE);
    put(b, (uint8_t[]){SUBACK, 3, p.body[0], p.body[1], 2}, 5);
}

void whole(struct fixture *f, struct played_broker *b, uint8_t flags, unsigned id, const char *payload)
{
    put_publish(b, flags | QOS2, id, payload);
    expect_id(f, b, PUBREC, id);
    put_small(b, PUBREL, id);
    expect_id(f, b, PUBCOMP, id);
}

void whole_over_cuts(struct fixture *f, struct played_broker *b, unsigned id, const char *payload)
{
    struct packet p;

    put_publish(b, QOS2, id, payload);
    expect_id(f, b, PUBREC, id);
    for (;;) {
        put_small(b, PUBREL, id);
        p = next_packet(f, b);
        if (p.first == PUBCOMP)
            break;
        assert_int_equal(p.first, 0);
        login(f, b, true);
    }
    assert_int_equal(id_of(&p), id);
}

void half(struct fixture *f, struct played_broker *b, unsigned id, const char *payload)
{
    put_publish(b, QOS2, id, payload);
    expect_id(f, b, PUBREC, id);
}

void cut_and_come_again(struct fixture *f, struct played_broker *b)
{
    int n = f->n_lost;

    broker_cut(b);
    wait_for(f, &f->n_lost, n + 1);
    assert_int_equal(mqtt_link_connect(f->link), 0);
}

void expect_messages(struct fixture *f, const char *want)
{
    int n = 0;

    for (const char *p = want; *p; p++)
        n += *p == ',';
    wait_for(f, &f->n_messages, n);
    turn(f, -1);
    assert_string_equal(f->messages, want);
}

int qos2_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    uv_loop_init(&f->loop);
    f->until = uv_hrtime() / 1000000 + DEADLINE_MS;
    broker_open(&f->a);
    *state = f;
    return 0;
}

int qos2_teardown(void **state)
{
    struct fixture *f = *state;

    f->again = false;
    mqtt_link_close(f->link);
    wait_for(f, &f->n_closed, f->link ? 1 : 0);
    broker_cut(&f->a);
    close(f->a.listener);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

void open_link(struct fixture *f, bool clean)
{
    struct mqtt_link_config c = {.host = "127.0.0.1", .port = f->a.port, .client_id = "dev", .clean_session = clean};

    open_limited(f, &c, NULL);
}

void open_limited(struct fixture *f, const struct mqtt_link_config *c, const struct mqtt_link_limits *limits)
{
    assert_int_equal(mqtt_link_open(&f->link, &f->loop, c, limits, &EVENTS, f), 0);
    assert_int_equal(mqtt_link_connect(f->link), 0);
    login(f, &f->a, false);
    wait_for(f, &f->n_connected, 1);
    subscribe(f, &f->a);
}

void publish(struct fixture *f, const char *payload, uint8_t qos, uint64_t cookie)
{
    const struct mqtt_link_msg m = {.topic = "r", .payload = {payload, strlen(payload)}, .qos = qos};

    assert_int_equal(mqtt_link_publish(f->link, &m, cookie), 0);
}
