/* SPDX-License-Identifier: MIT */
/*
 * One socket on 54322: reading through a framer, a bounded queue out. Used by local_server only, which owns it.
 * local_conn_held() returns what it makes the daemon keep: an unfinished text, and what the peer has not read.
 */
#ifndef CLIENT_LOCAL_CONN_H
#define CLIENT_LOCAL_CONN_H

#include <uv.h>
#include "libagent/core/buf.h"
#include "libagent/core/frame/framer.h"
#include "libagent/core/list.h"

/* A text of 1 MiB, with room for the longer id that the agent puts into what an application has sent it. */
enum { LOCAL_TEXT_MAX = (1 << 20) + 64, LOCAL_DEPTH_MAX = 128, LOCAL_QUEUE_MAX = 2 << 20, LOCAL_READ_SIZE = 64 * 1024 };

struct local_conn;

struct local_conn_events {
    /* A whole JSON text. */
    void (*text)(struct local_conn *c, const struct ag_text *text);
    /* The amount that it holds may have changed: after a read, whose texts have been handed on, and after a write. Also
       after ended(). */
    void (*changed)(struct local_conn *c);
    /* The other side is done, or broke the rules (why, for the log; NULL: it closed). The owner calls close. */
    void (*ended)(struct local_conn *c, const char *why);
    /* Closed for good: the owner frees it. */
    void (*closed)(struct local_conn *c);
};

/* Who is at the other end, as asked when it was accepted. */
struct local_who {
    bool known;
    uint32_t uid; /* when known */
    bool trusted; /* root, the daemon's own user, or the agent's */
};

struct local_conn {
    uv_tcp_t tcp;
    uv_write_t write;
    const struct local_conn_events *events;
    void *owner;
    unsigned peer;
    struct ag_framer framer;
    struct ag_buf queue;  /* until the end of this turn */
    struct ag_buf flying; /* being written by libuv */
    struct ag_list dirty; /* in the owner's list when queue is not empty */
    char *read_buf;       /* lent by the owner, LOCAL_READ_SIZE, one for all */
    bool full_read;       /* the last read filled the buffer: let others have a turn */
    struct local_who who;
    uint64_t since_ms;
    size_t charged; /* the owner's account of what is held */
    bool spoken;    /* a whole text has come */
    bool ended, closing, overflow;
    bool deaf;   /* writing has failed: nothing more is queued, what it has sent is read to its end */
    bool doomed; /* it holds too much: nothing more is read or queued, the owner closes it this turn */
};

/* c is zeroed memory. Accepts from the listener and starts reading. On -errno call local_conn_close(). */
int local_conn_init(struct local_conn *c, uv_loop_t *loop);
int local_conn_start(struct local_conn *c, uv_stream_t *listener);

/* 0, -ENOMEM, or -ENOBUFS: queue over its limit; the owner closes it at the end of the turn. */
int local_conn_queue(struct local_conn *c, struct ag_span text);
void local_conn_flush(struct local_conn *c);
/* Hands the kernel what it takes at once; calls no events. */
void local_conn_push(struct local_conn *c);
/* Frees what is queued, and tells the peer why if that is possible. */
void local_conn_doom(struct local_conn *c, const char *why);
size_t local_conn_held(const struct local_conn *c);
void local_conn_close(struct local_conn *c);

#endif
