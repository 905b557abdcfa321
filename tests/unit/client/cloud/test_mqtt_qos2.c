/* SPDX-License-Identifier: MIT */
/*
 * Commands of QoS 2 over connections that are cut between their two halves: the link with the real libmosquitto, against a
 * broker that is played packet by packet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client/cloud/io/mqtt_link.h"

enum { DEADLINE_MS = 60000, N_COOKIES = 256, MAX_COMMANDS = 400 };
enum { CONNACK = 0x20, PUBLISH = 0x30, PUBACK = 0x40, PUBREC = 0x50, PUBREL = 0x62, PUBCOMP = 0x70, SUBACK = 0x90 };
enum { CONNECT = 0x10, SUBSCRIBE = 0x82, DISCONNECT = 0xe0 };
enum { DUP = 8, QOS1 = 2, QOS2 = 4 };

struct played_broker {
    int listener, fd;
    uint16_t port;
    uint8_t in[65536];
    size_t n;
};

struct packet {
    uint8_t first; /* of the fixed header; 0: the connection has ended */
    uint8_t body[1024];
    size_t n;
};

struct fixture {
    uv_loop_t loop;
    struct mqtt_link *link;
    struct played_broker a;
    uint64_t until; /* the test fails then */
    int n_connected, n_lost, n_closed, n_messages;
    enum mqtt_link_loss loss;
    bool again;                       /* a lost session is followed by the next try at once */
    char messages[MAX_COMMANDS * 16]; /* all payloads, a comma behind each */
    size_t messages_len;
    int result[N_COOKIES], times[N_COOKIES];
};

/* ---- the link ---- */

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

static void turn(struct fixture *f, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    poll(&p, 1, 2);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    if (uv_hrtime() / 1000000 > f->until)
        fail_msg("nothing happened within the deadline");
}

static void wait_for(struct fixture *f, const int *counter, int n)
{
    while (*counter < n)
        turn(f, -1);
}

/* ---- the broker ---- */

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

static void broker_cut(struct played_broker *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
    b->n = 0;
}

static void put(struct played_broker *b, const void *p, size_t n)
{
    if (send(b->fd, p, n, MSG_NOSIGNAL) < 0)
        assert_true(errno == EPIPE || errno == ECONNRESET);
}

static void put_small(struct played_broker *b, uint8_t first, unsigned word)
{
    put(b, (uint8_t[]){first, 2, (uint8_t) (word >> 8), (uint8_t) word}, 4);
}

static void put_publish(struct played_broker *b, uint8_t flags, unsigned id, const char *payload)
{
    uint8_t p[256] = {PUBLISH | flags, (uint8_t) (5 + strlen(payload)), 0, 1, 't', (uint8_t) (id >> 8), (uint8_t) id};

    memcpy(p + 7, payload, strlen(payload));
    put(b, p, 7 + strlen(payload));
}

/* true: a packet, or the end of the connection. */
static bool have_packet(struct played_broker *b, struct packet *out)
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

static struct packet next_packet(struct fixture *f, struct played_broker *b)
{
    struct packet p;

    while (!have_packet(b, &p))
        turn(f, b->fd);
    return p;
}

static unsigned id_of(const struct packet *p)
{
    return (unsigned) p->body[0] << 8 | p->body[1];
}

static struct packet expect(struct fixture *f, struct played_broker *b, uint8_t first)
{
    struct packet p = next_packet(f, b);

    assert_int_equal(p.first, first);
    return p;
}

static void expect_id(struct fixture *f, struct played_broker *b, uint8_t first, unsigned id)
{
    struct packet p = expect(f, b, first);

    assert_int_equal(id_of(&p), id);
}

static void login(struct fixture *f, struct played_broker *b, bool present)
{
    broker_cut(b);
    while ((b->fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
        turn(f, b->listener);
    expect(f, b, CONNECT);
    put_small(b, CONNACK, present ? 0x100 : 0);
}

/* A link may come twice when nothing is kept: the first one ends in good order before anything is subscribed. */
static void login_anew(struct fixture *f, struct played_broker *b)
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

static void subscribe(struct fixture *f, struct played_broker *b)
{
    struct packet p;

    assert_int_equal(mqtt_link_subscribe(f->link, "t", 2, 0), 0);
    p = expect(f, b, SUBSCRIBE);
    put(b, (uint8_t[]){SUBACK, 3, p.body[0], p.body[1], 2}, 5);
}

/* One command from PUBLISH to PUBCOMP. */
static void whole(struct fixture *f, struct played_broker *b, uint8_t flags, unsigned id, const char *payload)
{
    put_publish(b, flags | QOS2, id, payload);
    expect_id(f, b, PUBREC, id);
    put_small(b, PUBREL, id);
    expect_id(f, b, PUBCOMP, id);
}

/* The same by a broker that repeats what it has to when the link leaves between PUBREL and PUBCOMP. */
static void whole_over_cuts(struct fixture *f, struct played_broker *b, unsigned id, const char *payload)
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

static void half(struct fixture *f, struct played_broker *b, unsigned id, const char *payload)
{
    put_publish(b, QOS2, id, payload);
    expect_id(f, b, PUBREC, id);
}

static void cut_and_come_again(struct fixture *f, struct played_broker *b)
{
    int n = f->n_lost;

    broker_cut(b);
    wait_for(f, &f->n_lost, n + 1);
    assert_int_equal(mqtt_link_connect(f->link), 0);
}

/* What has been delivered, when all that was sent has been. */
static void expect_messages(struct fixture *f, const char *want)
{
    int n = 0;

    for (const char *p = want; *p; p++)
        n += *p == ',';
    wait_for(f, &f->n_messages, n);
    turn(f, -1);
    assert_string_equal(f->messages, want);
}

/* ---- */

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    uv_loop_init(&f->loop);
    f->until = uv_hrtime() / 1000000 + DEADLINE_MS;
    broker_open(&f->a);
    *state = f;
    return 0;
}

static int teardown(void **state)
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

static void open_link(struct fixture *f, bool clean)
{
    struct mqtt_link_config c = {.host = "127.0.0.1", .port = f->a.port, .client_id = "dev", .clean_session = clean};

    assert_int_equal(mqtt_link_open(&f->link, &f->loop, &c, NULL, &EVENTS, f), 0);
    assert_int_equal(mqtt_link_connect(f->link), 0);
    login(f, &f->a, false);
    wait_for(f, &f->n_connected, 1);
    subscribe(f, &f->a);
}

static void publish(struct fixture *f, const char *payload, uint8_t qos, uint64_t cookie)
{
    const struct mqtt_link_msg m = {.topic = "r", .payload = {payload, strlen(payload)}, .qos = qos};

    assert_int_equal(mqtt_link_publish(f->link, &m, cookie), 0);
}

static void forgotten_halves(struct fixture *f, bool clean)
{
    open_link(f, clean);
    half(f, &f->a, 1, "old");
    half(f, &f->a, 2, "old2");
    cut_and_come_again(f, &f->a);
    login_anew(f, &f->a);
    subscribe(f, &f->a);
    whole(f, &f->a, 0, 1, "new");
    whole(f, &f->a, 0, 2, "new2");
    whole(f, &f->a, 0, 1, "newer");
    expect_messages(f, "new,new2,newer,");
}

static void a_clean_session_begins_without_the_last_ones_halves(void **state)
{
    forgotten_halves(*state, true);
}

static void a_broker_that_has_lost_the_session_begins_without_its_halves(void **state)
{
    forgotten_halves(*state, false);
}

static void a_kept_half_is_ended_by_its_release(void **state)
{
    struct fixture *f = *state;

    open_link(f, false);
    half(f, &f->a, 1, "old");
    cut_and_come_again(f, &f->a);
    login(f, &f->a, true);
    put_small(&f->a, PUBREL, 1);
    expect_id(f, &f->a, PUBCOMP, 1);
    whole(f, &f->a, 0, 1, "new");
    expect_messages(f, "old,new,");
    assert_int_equal(f->n_connected, 2);
}

static void a_kept_half_that_comes_again_is_one_command(void **state)
{
    struct fixture *f = *state;

    open_link(f, false);
    for (unsigned id = 1; id <= 3; id++)
        half(f, &f->a, id, "old");
    for (int i = 0; i < 2; i++) { /* cut twice, and sent three times */
        cut_and_come_again(f, &f->a);
        login(f, &f->a, true);
        for (unsigned id = 1; id <= 3; id++) {
            put_publish(&f->a, QOS2 | DUP, id, "old");
            expect_id(f, &f->a, PUBREC, id);
        }
    }
    for (unsigned id = 1; id <= 3; id++) {
        put_small(&f->a, PUBREL, id);
        expect_id(f, &f->a, PUBCOMP, id);
    }
    f->again = true;
    whole_over_cuts(f, &f->a, 1, "new1");
    whole(f, &f->a, 0, 4, "new4");
    whole_over_cuts(f, &f->a, 2, "new2");
    whole(f, &f->a, 0, 1, "new5");
    whole_over_cuts(f, &f->a, 3, "new3");
    expect_messages(f, "old,old,old,new1,new4,new2,new5,new3,");
    assert_int_equal(f->n_connected, 3 + 6); /* libmosquitto has each of the three two times too many */
}

/*
 * What came again has the same bytes as the next command under its id: the broker says which it was, when it is asked to
 * repeat.
 */
static void alike_commands_are_told_apart(void **state)
{
    struct fixture *f = *state;

    open_link(f, false);
    half(f, &f->a, 1, "on");
    cut_and_come_again(f, &f->a);
    login(f, &f->a, true);
    whole(f, &f->a, DUP, 1, "on");
    f->again = true;
    put_publish(&f->a, QOS2, 1, "on");
    expect_id(f, &f->a, PUBREC, 1);
    put_small(&f->a, PUBREL, 1);
    assert_int_equal(next_packet(f, &f->a).first, 0); /* no PUBCOMP */
    login(f, &f->a, true);
    assert_int_equal(f->loss, MQTT_LINK_ASKED); /* no reason for a pause, or for another server */
    put_small(&f->a, PUBREL, 1);
    expect_id(f, &f->a, PUBCOMP, 1);
    whole(f, &f->a, 0, 1, "on");
    whole(f, &f->a, 0, 1, "on");
    expect_messages(f, "on,on,on,on,");
    assert_int_equal(f->n_connected, 3);
}

/* The same where the first half had been lost on its way, and nothing was there twice. */
static void alike_commands_are_told_apart_when_nothing_came_twice(void **state)
{
    struct fixture *f = *state;

    open_link(f, false);
    whole(f, &f->a, 0, 1, "a");
    cut_and_come_again(f, &f->a);
    login(f, &f->a, true);
    whole(f, &f->a, DUP, 1, "on");
    f->again = true;
    put_publish(&f->a, QOS2, 1, "on");
    expect_id(f, &f->a, PUBREC, 1);
    put_small(&f->a, PUBREL, 1);
    assert_int_equal(next_packet(f, &f->a).first, 0);
    login(f, &f->a, true);
    put_small(&f->a, PUBREL, 1);
    expect_id(f, &f->a, PUBCOMP, 1);
    whole(f, &f->a, 0, 1, "on");
    expect_messages(f, "a,on,on,on,");
}

static void a_release_that_comes_again_delivers_nothing(void **state)
{
    struct fixture *f = *state;

    open_link(f, false);
    half(f, &f->a, 1, "on");
    for (int i = 0; i < 3; i++) {
        cut_and_come_again(f, &f->a);
        login(f, &f->a, true);
        if (i == 0) {
            put_publish(&f->a, QOS2 | DUP, 1, "on");
            expect_id(f, &f->a, PUBREC, 1);
        }
        put_small(&f->a, PUBREL, 1);
        expect_id(f, &f->a, PUBCOMP, 1);
    }
    whole(f, &f->a, 0, 1, "on");
    expect_messages(f, "on,on,");
    assert_int_equal(f->n_connected, 4); /* the copy went with the second PUBREL */
}

/* Nothing of the device's own is lost or told twice when the session is not kept, and commands wait for it. */
static void own_publishes_survive_a_session_that_is_not_kept(struct fixture *f, bool clean)
{
    struct packet p;

    open_link(f, clean);
    half(f, &f->a, 1, "old");
    for (uint64_t i = 1; i <= 3; i++)
        publish(f, "r", 1, i);
    for (int i = 0; i < 3; i++)
        expect(f, &f->a, PUBLISH | QOS1);
    cut_and_come_again(f, &f->a);
    login(f, &f->a, false);
    for (int i = 0; i < 3; i++) {
        p = expect(f, &f->a, PUBLISH | QOS1 | DUP);
        assert_int_equal(f->n_connected, 1);
        put_small(&f->a, PUBACK, (unsigned) p.body[3] << 8 | p.body[4]);
    }
    expect(f, &f->a, DISCONNECT);
    login(f, &f->a, !clean);
    wait_for(f, &f->n_connected, 2);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(f->times[i], 1);
        assert_int_equal(f->result[i], 0);
    }
    subscribe(f, &f->a);
    whole(f, &f->a, 0, 1, "new");
    publish(f, "r", 1, 4);
    p = expect(f, &f->a, PUBLISH | QOS1);
    put_small(&f->a, PUBACK, (unsigned) p.body[3] << 8 | p.body[4]);
    wait_for(f, &f->times[4], 1);
    expect_messages(f, "new,");
    assert_int_equal(f->n_lost, 1);
}

static void own_publishes_survive_a_clean_session(void **state)
{
    own_publishes_survive_a_session_that_is_not_kept(*state, true);
}

static void own_publishes_survive_a_broker_that_has_lost_the_session(void **state)
{
    own_publishes_survive_a_session_that_is_not_kept(*state, false);
}

/*
 * The broker keeps the session in which the link only settles, and a cut can come in it: it is another one than the last
 * handle's.
 */
static void a_lost_session_stays_lost_when_the_next_one_is_cut(void **state)
{
    struct fixture *f = *state;
    struct packet p;

    open_link(f, false);
    half(f, &f->a, 1, "old");
    publish(f, "r", 1, 1);
    expect(f, &f->a, PUBLISH | QOS1);
    cut_and_come_again(f, &f->a);
    login(f, &f->a, false);
    expect(f, &f->a, PUBLISH | QOS1 | DUP);
    cut_and_come_again(f, &f->a);
    login(f, &f->a, true);
    p = expect(f, &f->a, PUBLISH | QOS1 | DUP);
    put_small(&f->a, PUBACK, (unsigned) p.body[3] << 8 | p.body[4]);
    expect(f, &f->a, DISCONNECT);
    assert_int_equal(f->n_connected, 1);
    login(f, &f->a, true);
    wait_for(f, &f->n_connected, 2);
    subscribe(f, &f->a);
    whole(f, &f->a, 0, 1, "new");
    expect_messages(f, "new,");
    assert_int_equal(f->times[1], 1);
}

static void a_link_can_be_left_and_closed_while_its_publishes_are_repeated(void **state)
{
    struct fixture *f = *state;

    for (int close_it = 0; close_it < 2; close_it++) {
        if (!close_it)
            open_link(f, true);
        publish(f, "r", 1, 1);
        expect(f, &f->a, PUBLISH | QOS1);
        cut_and_come_again(f, &f->a);
        login(f, &f->a, false);
        expect(f, &f->a, PUBLISH | QOS1 | DUP);
        if (close_it) {
            mqtt_link_close(f->link);
            wait_for(f, &f->n_closed, 1);
            return;
        }
        assert_int_equal(mqtt_link_disconnect(f->link), 0);
        wait_for(f, &f->n_lost, 2);
        assert_int_equal(f->n_connected, 1);
        assert_int_equal(mqtt_link_connect(f->link), 0);
        login(f, &f->a, false);
        put_small(&f->a, PUBACK, 2);
        expect(f, &f->a, PUBLISH | QOS1 | DUP);
        expect(f, &f->a, DISCONNECT);
        login(f, &f->a, false);
        wait_for(f, &f->n_connected, 2);
        subscribe(f, &f->a);
    }
}

/* ---- a strict broker with bad luck ---- */

struct flight {
    unsigned id;
    int command; /* its number; -1: free */
    bool released;
};

struct play {
    struct fixture *f;
    struct flight flights[4]; /* in order */
    int n_flights, next, n_released;
    unsigned seed;
    bool alike, kept;
    bool ended[MAX_COMMANDS]; /* PUBCOMP came */
    bool released[MAX_COMMANDS];
};

static unsigned dice(struct play *p, unsigned n)
{
    p->seed = p->seed * 1103515245u + 12345u;
    return (p->seed >> 16) % n;
}

static const char *text_of(const struct play *p, int command)
{
    static char text[16];

    snprintf(text, sizeof text, p->alike ? "same" : "c%03d", command);
    return text;
}

static unsigned lowest_free_id(const struct play *p)
{
    unsigned id = 1;

    for (int i = 0; i < p->n_flights; i++)
        if (p->flights[i].id == id) {
            id++;
            i = -1;
        }
    return id;
}

static void resume(struct play *p)
{
    login(p->f, &p->f->a, p->kept);
    if (!p->kept)
        p->n_flights = 0;
    for (int i = 0; i < p->n_flights; i++) {
        struct flight *w = &p->flights[i];

        if (w->released)
            put_small(&p->f->a, PUBREL, w->id);
        else
            put_publish(&p->f->a, QOS2 | DUP, w->id, text_of(p, w->command));
    }
}

static void take(struct play *p, const struct packet *got)
{
    for (int i = 0; i < p->n_flights; i++) {
        struct flight *w = &p->flights[i];

        if (w->id != id_of(got))
            continue;
        if (got->first == PUBREC) {
            w->released = p->released[w->command] = true;
            put_small(&p->f->a, PUBREL, w->id);
        } else if (got->first == PUBCOMP) {
            p->ended[w->command] = true;
            memmove(w, w + 1, (size_t) (p->n_flights - i - 1) * sizeof *w);
            p->n_flights--;
        }
        return;
    }
}

static void serve(struct play *p)
{
    struct played_broker *b = &p->f->a;
    struct packet got;

    turn(p->f, b->fd);
    while (b->fd >= 0 && have_packet(b, &got)) {
        if (got.first == 0)
            broker_cut(b);
        else if (got.first == SUBSCRIBE)
            put(b, (uint8_t[]){SUBACK, 3, got.body[0], got.body[1], 2}, 5);
        else
            take(p, &got);
        if (b->fd >= 0 && dice(p, 12) == 0)
            broker_cut(b);
    }
    if (b->fd < 0)
        resume(p);
}

/* Whatever was ended with PUBCOMP has been delivered. */
static bool all_there(const struct play *p)
{
    int n = 0;

    for (int i = 0; i < p->next; i++) {
        n += p->ended[i];
        if (!p->alike && p->ended[i] && !strstr(p->f->messages, text_of(p, i)))
            return false;
    }
    return p->f->n_messages >= n;
}

static void play(struct fixture *f, unsigned seed, bool alike, bool kept)
{
    enum { N = 200 };
    struct play p = {.f = f, .seed = seed, .alike = alike, .kept = kept};
    int subscribed = 1;

    open_link(f, !kept);
    f->again = true;
    while (p.next < N || p.n_flights > 0) {
        if (!kept && f->n_connected > subscribed && mqtt_link_is_connected(f->link)) {
            subscribed = f->n_connected;
            mqtt_link_subscribe(f->link, "t", 2, 0);
        }
        if (p.next < N && p.n_flights < 3 && (kept || subscribed == f->n_connected) && f->a.fd >= 0 && dice(&p, 2)) {
            struct flight *w = &p.flights[p.n_flights];

            *w = (struct flight){lowest_free_id(&p), p.next++, false};
            p.n_flights++;
            put_publish(&f->a, QOS2, w->id, text_of(&p, w->command));
        }
        serve(&p);
    }
    while (!all_there(&p))
        turn(f, -1);
    f->again = false;
    mqtt_link_close(f->link);
    wait_for(f, &f->n_closed, 1);
    if (kept && alike)
        assert_int_equal(f->n_messages, N);
    for (int i = 0; i < N && !alike; i++) {
        const char *at = strstr(f->messages, text_of(&p, i));

        assert_true(!kept || at);
        assert_true(!at || p.released[i]);
        assert_null(at ? strstr(at + 1, text_of(&p, i)) : NULL);
    }
    print_message("seed %u: %d sessions\n", seed, f->n_connected);
}

static void commands_of_a_kept_session_come_once_each(void **state)
{
    play(*state, 1, false, true);
}

static void alike_commands_of_a_kept_session_come_once_each(void **state)
{
    play(*state, 2, true, true);
}

static void commands_of_clean_sessions_come_once_at_most(void **state)
{
    play(*state, 3, false, false);
}

#define ROW(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_clean_session_begins_without_the_last_ones_halves),
        ROW(a_broker_that_has_lost_the_session_begins_without_its_halves),
        ROW(a_kept_half_is_ended_by_its_release),
        ROW(a_kept_half_that_comes_again_is_one_command),
        ROW(alike_commands_are_told_apart),
        ROW(alike_commands_are_told_apart_when_nothing_came_twice),
        ROW(a_release_that_comes_again_delivers_nothing),
        ROW(own_publishes_survive_a_clean_session),
        ROW(own_publishes_survive_a_broker_that_has_lost_the_session),
        ROW(a_lost_session_stays_lost_when_the_next_one_is_cut),
        ROW(a_link_can_be_left_and_closed_while_its_publishes_are_repeated),
        ROW(commands_of_a_kept_session_come_once_each),
        ROW(alike_commands_of_a_kept_session_come_once_each),
        ROW(commands_of_clean_sessions_come_once_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
