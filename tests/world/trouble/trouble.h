/* SPDX-License-Identifier: MIT */
/*
 * What a good device has to put up with without anybody noticing: bursts of commands, a line that is cut while an
 * application is at work, a clock that is set, an application that starts again within the second, datagrams that come
 * twice, guests that behave badly. None of it counts as a disturbance: the promises hold meanwhile.
 */
#ifndef WORLD_TROUBLE_H
#define WORLD_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>
#include "tests/world/kernel/kernel.h"

struct troubles {
    bool between;  /* a program is between agent and client, and says what nobody should */
    bool deaf;     /* a plain socket beside the agent, which knows no method */
    bool half;     /* a guest that asks and ends its stream, again and again */
    bool twice;    /* datagrams come twice */
    bool channels; /* the client's MQTT API has a broker */
    bool retained; /* the mqtt cloud keeps the state */
    int house;     /* Home Assistant is told of the device: 1 by a list, 2 by a model; 0: not */
    bool asleep;   /* a guest would like to know how long the device may sleep */
    bool odd_name; /* the Wi-Fi's name is no UTF-8 */
    bool storm;    /* what is between closes at once, for now */
};
extern struct troubles troubles;

void trouble_draw(uint64_t seed); /* before there are programs */
void trouble_open(void);
/* A fault of the plan. What the troubles do themselves is none. */
bool no_fault_since(uint64_t us);
/* true: the command is none that clouds or phone have given. */
bool trouble_executed(int app, uint64_t n);
void trouble_answered(uint64_t n, const char *text);
void trouble_reported(int app, uint64_t n);
void trouble_told(int app, uint64_t n);
/* The answer may come a second time: the command did. */
bool trouble_repeats(uint64_t n);
/* The network has set the clock. */
void trouble_clock_set(void);
void trouble_line(const struct proc *p, const char *line);

#endif
