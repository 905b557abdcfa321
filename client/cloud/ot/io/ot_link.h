/* SPDX-License-Identifier: MIT */
/*
 * One try at one address of the OT cloud: a connected UDP socket, or a TCP connection. It carries bytes and knows nothing
 * of packets. A link lives from open to closed(); it is never reopened.
 *
 * The UDP socket is connected, so the kernel hands over datagrams of this one address only.
 */
#ifndef CLIENT_OT_LINK_H
#define CLIENT_OT_LINK_H

#include <stdbool.h>
#include <uv.h>
#include "libagent/core/util.h"

struct ot_link;

struct ot_link_events {
    void (*opened)(void *user);                     /* bytes may be sent; never within ot_link_open() */
    void (*data)(void *user, struct ag_span bytes); /* a datagram, or a piece of the stream */
    void (*failed)(void *user, const char *why);    /* of no further use; close it */
    void (*closed)(void *user);                     /* after ot_link_close(): it is freed */
};

/* 0, or -errno: nothing is open and no event follows. */
int ot_link_open(struct ot_link **out, uv_loop_t *loop, bool stream, const struct sockaddr *to,
                 const struct ot_link_events *events, void *user);

/*
 * All that is sent in one turn goes out together before the loop sleeps. 0; -ENOBUFS: too much waits already, dropped; -errno:
 * the socket has failed. If that shows only at the end of the turn, failed() is called.
 */
int ot_link_send(struct ot_link *l, struct ag_span bytes);

/* No event but closed() from here on. Once only. */
void ot_link_close(struct ot_link *l);

#endif
