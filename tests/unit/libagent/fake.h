/* SPDX-License-Identifier: MIT */
/*
 * An agent that the test plays: a real socket, in this process, without a thread. What the library sent is read with
 * fake_hear(), what the agent says is written with fake_say(). No test waits for a fixed time: fake_turn_until() turns
 * the connection until something is so, and fails the test when that does not come.
 */
#ifndef TEST_FAKE_H
#define TEST_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "agent/agent.h"

struct fake {
    int listener, peer;
    char address[80]; /* for agent_open() */
    char heard[1 << 16];
};

/* packets: a packet socket. */
void fake_init(struct fake *f, bool packets);
void fake_deinit(struct fake *f);
/* The next connection takes the place of the last. */
void fake_accept(struct fake *f);
void fake_hang_up(struct fake *f);
void fake_say(struct fake *f, const char *text);
/* All that has come, waiting until there is something. "" at the end of the stream. */
const char *fake_hear(struct fake *f);
/* True when something, or the end, can be read at once. */
bool fake_has_heard(const struct fake *f);

/* A connection object that has been opened to it, and whose agent has accepted. */
agent_conn *fake_connect(struct fake *f);
/* Turns until done(user) is true. */
void fake_turn_until(agent_conn *conn, bool (*done)(void *user), void *user);
/* Turns until *value is at least wanted. */
void fake_turn_until_value(agent_conn *conn, const int *value, int wanted);
/* Turns until the connection is in this state. */
void fake_turn_until_state(agent_conn *conn, enum agent_state state);
/* Turns as long as there is anything to do at once. */
void fake_turn(agent_conn *conn);

#endif
