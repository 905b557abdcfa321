/* SPDX-License-Identifier: MIT */
#include "tests/unit/libagent/fake.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static long now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (long) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void fake_init(struct fake *f, bool packets)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(sa_family_t); /* the kernel chooses an abstract name */

    f->peer = -1;
    f->listener = socket(AF_UNIX, (packets ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(f->listener >= 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *) &at, len), 0);
    assert_int_equal(listen(f->listener, 64), 0);
    len = sizeof at;
    assert_int_equal(getsockname(f->listener, (struct sockaddr *) &at, &len), 0);
    snprintf(f->address, sizeof f->address, "%s:@%.*s", packets ? "seqpacket" : "unix", (int) (len - sizeof(sa_family_t) - 1),
             at.sun_path + 1);
}

void fake_hang_up(struct fake *f)
{
    if (f->peer >= 0)
        close(f->peer);
    f->peer = -1;
}

void fake_deinit(struct fake *f)
{
    fake_hang_up(f);
    close(f->listener);
}

void fake_accept(struct fake *f)
{
    struct pollfd p = {.fd = f->listener, .events = POLLIN};

    fake_hang_up(f);
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    f->peer = accept(f->listener, NULL, NULL);
    assert_true(f->peer >= 0);
}

void fake_say(struct fake *f, const char *text)
{
    assert_int_equal(send(f->peer, text, strlen(text), MSG_NOSIGNAL), (int) strlen(text));
}

bool fake_has_heard(const struct fake *f)
{
    struct pollfd p = {.fd = f->peer, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

const char *fake_hear(struct fake *f)
{
    struct pollfd p = {.fd = f->peer, .events = POLLIN};
    size_t n = 0;
    ssize_t got;

    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    while ((got = recv(f->peer, f->heard + n, sizeof f->heard - 1 - n, MSG_DONTWAIT)) > 0)
        n += (size_t) got;
    f->heard[n] = '\0';
    return f->heard;
}

void fake_turn(agent_conn *conn)
{
    do
        while (agent_process(conn) > 0)
            ;
    while (agent_get_timeout_ms(conn) == 0);
}

void fake_turn_until(agent_conn *conn, bool (*done)(void *user), void *user)
{
    long end = now_ms() + PATIENCE_MS;

    while (!done(user)) {
        assert_true(now_ms() < end);
        if (agent_process(conn) == 0 && !done(user))
            agent_wait(conn, 100);
    }
}

struct wanted {
    const int *value;
    int wanted;
    agent_conn *conn;
};

static bool is_reached(void *user)
{
    const struct wanted *w = user;

    return w->value ? *w->value >= w->wanted : (int) agent_get_state(w->conn) == w->wanted;
}

void fake_turn_until_value(agent_conn *conn, const int *value, int wanted)
{
    fake_turn_until(conn, is_reached, &(struct wanted){value, wanted, conn});
}

void fake_turn_until_state(agent_conn *conn, enum agent_state state)
{
    fake_turn_until(conn, is_reached, &(struct wanted){NULL, (int) state, conn});
}

agent_conn *fake_connect(struct fake *f)
{
    agent_conn *conn = NULL;

    assert_int_equal(agent_new(&conn), 0);
    assert_int_equal(agent_set_reconnect(conn, 1, 10), 0);
    assert_int_equal(agent_open(conn, f->address), 0);
    fake_turn_until_state(conn, AGENT_READY);
    fake_accept(f);
    return conn;
}
