/* SPDX-License-Identifier: MIT */
/* The LAN socket on loopback: many answers in one turn, of all sizes, and one whose source address has gone. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client/lan/io/lan_socket.h"
#include "libagent/core/util.h"

enum { N = 50, LARGE = 4000, DEADLINE_MS = 30000 };

struct fixture {
    uv_loop_t loop;
    struct lan_socket *socket;
    struct ag_addr at;
    int phone; /* connected to the socket */
    int n_asked, n_closed;
    bool close_behind;
    const size_t *sizes; /* of the answers, N of them */
    struct lan_addr asker;
};

static char byte_of(int i, size_t at)
{
    return (char) (i * 7 + (int) at);
}

static void answer(struct fixture *f, const struct lan_addr *to)
{
    char text[LARGE];

    for (int i = 0; i < N; i++) {
        struct lan_addr one = *to;

        for (size_t k = 0; k < f->sizes[i]; k++)
            text[k] = byte_of(i, k);
        if (i == 3 || i == N - 1)
            memcpy(one.asked + 12, "\xc0\x00\x02\x4d", 4); /* 192.0.2.77 */
        lan_socket_send(f->socket, &one, (struct ag_span){text, f->sizes[i]});
    }
}

static void on_datagram(void *user, const struct lan_addr *from, struct ag_span datagram)
{
    struct fixture *f = user;

    f->n_asked++;
    assert_int_equal(datagram.len, 3);
    answer(f, from);
    if (f->close_behind)
        lan_socket_close(f->socket);
}

static void on_socket_closed(void *user)
{
    struct fixture *f = user;

    f->n_closed++;
}

static const struct lan_socket_events EVENTS = {on_datagram, on_socket_closed};

static void open_both(struct fixture *f)
{
    struct ag_addr loopback = {.kind = AG_ADDR_INET, .len = sizeof(struct sockaddr_in)};
    struct sockaddr_in *in = (struct sockaddr_in *) &loopback.sa;

    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(lan_socket_open(&f->socket, &f->loop, &loopback, &EVENTS, f, &f->at), 0);
    f->phone = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(f->phone, (struct sockaddr *) &f->at.sa, f->at.len), 0);
}

static void close_both(struct fixture *f)
{
    if (!f->close_behind)
        lan_socket_close(f->socket);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->n_closed, 1);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    close(f->phone);
}

/* In the order in which they were sent, each whole. */
static void expect_answers(struct fixture *f)
{
    for (int i = 0; i < N; i++) {
        struct pollfd p = {.fd = f->phone, .events = POLLIN};
        char got[LARGE + 1];

        assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
        assert_int_equal(recv(f->phone, got, sizeof got, 0), f->sizes[i]);
        for (size_t k = 0; k < f->sizes[i]; k++) {
            if (got[k] != byte_of(i, k))
                fail_msg("answer %d, byte %zu", i, k);
        }
    }
}

static void all_answers_of_a_turn_come(void **state)
{
    static const size_t small = 112, edge[] = {512, 513, 1, LARGE};
    size_t sizes[N];

    (void) state;
    for (int row = 0; row < 4; row++) {
        struct fixture f = {.close_behind = row & 1, .sizes = sizes};

        for (size_t i = 0; i < N; i++)
            sizes[i] = row & 2 ? edge[i % ag_array_size(edge)] : small;
        open_both(&f);
        assert_int_equal(send(f.phone, "ask", 3, 0), 3);
        while (f.n_asked == 0)
            uv_run(&f.loop, UV_RUN_ONCE);
        expect_answers(&f);
        close_both(&f);
    }
}

static void on_remembered(void *user, const struct lan_addr *from, struct ag_span datagram)
{
    struct fixture *f = user;

    (void) datagram;
    f->n_asked++;
    f->asker = *from;
}

/* As an application's do. */
static void answers_that_come_later_leave_before_the_loop_sleeps(void **state)
{
    static const struct lan_socket_events events = {on_remembered, on_socket_closed};
    static const size_t one = 99;
    size_t sizes[N];
    struct fixture f = {.sizes = sizes};

    (void) state;
    for (size_t i = 0; i < N; i++)
        sizes[i] = one;
    open_both(&f);
    lan_socket_close(f.socket);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    f.n_closed = 0;
    assert_int_equal(lan_socket_open(&f.socket, &f.loop, &f.at, &events, &f, &f.at), 0);
    assert_int_equal(send(f.phone, "ask", 3, 0), 3);
    while (f.n_asked == 0)
        uv_run(&f.loop, UV_RUN_ONCE);
    answer(&f, &f.asker);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    expect_answers(&f);
    close_both(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_answers_of_a_turn_come),
        cmocka_unit_test(answers_that_come_later_leave_before_the_loop_sleeps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
