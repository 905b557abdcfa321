/* SPDX-License-Identifier: MIT */
/*
 * A real mosquitto as the child of a stand-in, on a loopback port that the kernel chose, with its files in a temporary
 * directory. One owner: sim_broker_start() .. sim_broker_stop(). When the stand-in dies, the kernel ends the broker.
 */
#ifndef SIM_BROKER_H
#define SIM_BROKER_H

#include <stdint.h>
#include <sys/types.h>

struct sim_broker {
    pid_t pid; /* 0: not running */
    uint16_t port;
    char dir[64];
};

/*
 * conf: more lines of mosquitto.conf, "" for none; access is anonymous unless they say otherwise. Returns when the port
 * answers (at most 10 s). 0, or -errno with a line on standard error.
 */
int sim_broker_start(struct sim_broker *b, const char *conf);

/* SIGTERM, wait, and the directory goes. Harmless when it does not run. */
void sim_broker_stop(struct sim_broker *b);

#endif
