/* SPDX-License-Identifier: MIT */
/*
 * A real mosquitto for unit tests, as a child on a loopback port. One owner: broker_start .. broker_stop. Aborts the
 * test program when mosquitto cannot be had.
 */
#ifndef TEST_BROKER_H
#define TEST_BROKER_H

#include <stdint.h>
#include <sys/types.h>

struct broker {
    pid_t pid;
    uint16_t port;
    char dir[64]; /* conf, passwords, persistence */
};

/* A loopback port that was free a moment ago. */
uint16_t broker_free_port(void);
/* extra: more lines of mosquitto.conf ("" for none); %s in it is not special. Waits until the port answers. */
void broker_start(struct broker *b, uint16_t port, const char *extra);
/* Writes a file into b->dir before broker_start(); makes the directory when it is not there yet. */
void broker_write(struct broker *b, const char *name, const char *text);
/* SIGKILL and wait; the directory stays, so that broker_start() goes on where it stood. */
void broker_kill(struct broker *b);
/* Kill, and the directory goes. */
void broker_stop(struct broker *b);

#endif
