/* SPDX-License-Identifier: MIT */
/*
 * The sockets on TCP 54322: JSON texts back to back, both ways. A socket is a peer, a number below LOCAL_PEERS_MAX that
 * may be given to another socket once left() has been called. What is sent in one turn of the loop goes out in one write.
 *
 * Limits: LOCAL_PEERS_MAX sockets, 1 MiB a text, depth 128, 2 MiB waiting to be read by a peer, and one total of bytes
 * for what all of them hold; a peer beyond them is told why if it still reads, and closed. Nobody else notices. When
 * the total is passed, the user who holds most loses the socket that holds most.
 *
 * The last place is kept for a trusted socket (the agent). When all are taken, the user with the most sockets loses the oldest
 * one that has never said anything, to a trusted newcomer or to a user who has far fewer.
 */
#ifndef CLIENT_LOCAL_SERVER_H
#define CLIENT_LOCAL_SERVER_H

#include <stdbool.h>
#include <uv.h>
#include "client/local/io/local_conn.h"
#include "libagent/core/json/json.h"
#include "libagent/io/addr.h"

enum { LOCAL_PEERS_MAX = 63 }; /* one number of core/command's is left for the MQTT channels */

struct local_server_events {
    void (*joined)(void *user, unsigned peer);
    /* The socket has gone or is being closed; nothing more comes from it. Also during local_server_close(). */
    void (*left)(void *user, unsigned peer);
    void (*text)(void *user, unsigned peer, struct ag_span text, const struct ag_json_view *view);
    void (*closed)(void *user); /* the last event */
    /* Before joined(): who is at the other end of this new socket. */
    void (*identify)(void *user, int fd, struct local_who *out);
    /* Bytes that peers make the daemon keep elsewhere; part of the total. */
    size_t (*held_elsewhere)(void *user);
};

struct local_server_stats {
    uint64_t accepted, refused, texts_in, texts_out, dropped, overflows;
    uint64_t greedy;  /* closed because all together held too much */
    uint64_t evicted; /* silent ones that made room */
    uint64_t unsent;  /* texts for a peer that had gone */
    uint64_t bytes;   /* held now */
};

struct local_server;

/* Binds and listens. 0 or -errno; *bound_out holds the real port. */
int local_server_open(struct local_server **out, uv_loop_t *loop, const struct ag_addr *at,
                      const struct local_server_events *events, void *user, struct ag_addr *bound_out);

/* Sends what is queued as far as the sockets take it, closes all. closed() follows and frees the server. */
void local_server_close(struct local_server *s);

/* Queues a text. A peer that is not there is ignored. Never calls events within the call. */
void local_server_send(struct local_server *s, unsigned peer, struct ag_span text);

/* Total of held bytes; 0: no limit but those of each socket. */
void local_server_set_max_bytes(struct local_server *s, size_t max);

/* NULL when it is not there. */
const struct local_who *local_server_who(const struct local_server *s, unsigned peer);

void local_server_get_stats(const struct local_server *s, struct local_server_stats *out);

#endif
