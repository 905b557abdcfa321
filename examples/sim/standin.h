/* SPDX-License-Identifier: MIT */
/*
 * What the MQTT stand-ins share around their cloud: the journal (one JSON object a line on standard output),
 * commands from standard input, the end by SIGINT or SIGTERM.
 *
 * sim_standin_start() .. sim_standin_stop(); the struct must live until its loop has run out.
 */
#ifndef SIM_STANDIN_H
#define SIM_STANDIN_H

#include <stdbool.h>
#include <uv.h>
#include "libagent/core/buf.h"

struct sim_standin_ops {
    void (*line)(void *user, char *line); /* of standard input, without its end; may be written to */
    void (*stop)(void *user);             /* SIGINT or SIGTERM; may come again */
};

struct sim_standin {
    const struct sim_standin_ops *ops;
    void *user;
    uv_signal_t sigint, sigterm;
    union {
        uv_stream_t stream;
        uv_pipe_t pipe;
    } input;
    bool has_input;
    struct ag_buf line; /* the unfinished line */
};

/* Only a pipe is read on standard input, and its end ends nothing. ops and user outlive the struct. */
void sim_standin_start(struct sim_standin *s, uv_loop_t *loop, const struct sim_standin_ops *ops, void *user);
/* Once, after the start. */
void sim_standin_stop(struct sim_standin *s);

/* A line of the journal: {"event":EVENT, then the formatted members}. */
void sim_note(const char *event, const char *fmt, ...) ag_printf_like(2, 3);

/* Digits to bytes, in place; what is no pair of digits ends it. The number of bytes. */
size_t sim_from_hex(char *text);

#endif
