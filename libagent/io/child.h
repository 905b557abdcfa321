/* SPDX-License-Identifier: MIT */
/*
 * Runs a program without a shell and without waiting for it: how it ended comes later. It has a session of its own, so that
 * it can be ended with all its children, no standard input, our standard error for both outputs unless its output is
 * wanted (standard output of a daemon carries the ready line), and no other descriptor, those of libraries included.
 */
#ifndef AG_CHILD_H
#define AG_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>
#include "libagent/core/buf.h"

struct ag_child;

/*
 * status: the exit code; 128 + n when signal n ended it; -ETIMEDOUT when its time was up; -E2BIG when it said more than it may.
 * output: all that it said, the callee's for the call; NULL when it is not wanted. Comes once, when program and output have
 * both ended; a grandchild that keeps the output open is not waited for beyond the time.
 */
typedef void (*ag_child_fn)(void *user, int status, struct ag_buf *output);

struct ag_child_options {
    const char *const *args; /* NULL at the end; args[0] without a slash is looked up in $PATH */
    const char *const *env;  /* all of its environment, NULL at the end; NULL: ours */
    unsigned timeout_ms;     /* then it is killed; 0: no limit */
    bool gently;             /* SIGTERM first, SIGKILL as long after that */
    size_t output_max;       /* 0: its output is not wanted */
    ag_child_fn done;
    void *user;
};

/* 0, or -errno: done does not come. Everything in *o is used within the call only. */
int ag_child_run(struct ag_child **out, uv_loop_t *loop, const struct ag_child_options *o);

/* It is killed; done does not come. NULL is allowed; not from within done, nor after it. */
void ag_child_cancel(struct ag_child *c);

/* It goes on by itself, without a limit; done does not come. NULL and done() as above. */
void ag_child_let_go(struct ag_child *c);

#endif
