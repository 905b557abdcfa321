/* SPDX-License-Identifier: MIT */
/* A listening socket: made here or inherited. Accepts in portions; refuses when limits or descriptors run
 * out. */
#ifndef AGENT_IO_LISTENER_H
#define AGENT_IO_LISTENER_H

#include <uv.h>
#include "libagent/io/addr.h"

struct conns;

struct listener {
    uv_poll_t poll;
    uv_timer_t timer; /* while it pauses */
    struct conns *conns;
    struct ag_addr addr; /* with the port the kernel chose */
    int fd;
    uint8_t full_turns; /* of the loop, while connections are waiting to be accepted or refused */
    bool inherited;     /* its path is not ours to remove */
    bool closing;
};

/* group: of a unix socket; NULL or unknown: stays as it is. 0 or -errno. */
int listener_open(struct listener *l, struct conns *s, const struct ag_addr *addr, const char *group);
/* A socket that listens already. */
int listener_adopt(struct listener *l, struct conns *s, int fd);
void listener_close(struct listener *l);

#endif
