/* SPDX-License-Identifier: MIT */
/*
 * One connection object: what the application asked for (keys, calls, address), what the agent has been told of it,
 * and the bytes on their way. Built on it, each layer knowing only those before: out.c (texts to send collect in out), slot.c,
 * due.c (what the library itself has to say), request.c; ../api (what the application calls); ../dispatch.c (what came),
 * ../events.c (bytes and the time come in by ag_conn_on_*()), ../loop.c (the turn) and ../agent.c (the object's life). They
 * decide; transport.c carries.
 *
 * Invariants: epoch changes whenever a socket is gained or lost, so a thing that remembers its epoch knows whether
 * it still belongs to the current socket. User callbacks run between ag_conn_enter() and ag_conn_leave(), which keep
 * the object alive; after each of them everything may have changed, the state included. Lines for the log wait in lines
 * and are handed out between steps. What is meant for the agent and finds no room in out (bind_due, untold, status_due,
 * unsent) waits, and goes in that order when there is room.
 */
#ifndef AG_CONN_H
#define AG_CONN_H

#include "agent/agent.h"
#include "libagent/conn/address.h"
#include "libagent/conn/keys.h"
#include "libagent/conn/lines.h"
#include "libagent/conn/posts.h"
#include "libagent/conn/transport.h"
#include "libagent/conn/wait.h"
#include "libagent/core/frame/framer.h"
#include "libagent/core/list.h"
#include "libagent/conn/seam.h"

enum {
    AG_CONN_READ_MAX = 64 * 1024,   /* bytes of one read; the longest packet */
    AG_CONN_REGISTER_WAIT_MS = 200, /* an agent that has not answered by then counts as one that never does */
    AG_CONN_CONNECT_WAIT_MS = 5000, /* a TCP connect that hangs */
    AG_CONN_BUSY_RETRY_MS = 5000,   /* register again, while the agent is short of memory or room */
    AG_CONN_STATUS_RETRY_MS = 5000, /* local.query_status again, while upstream is away */
    AG_CONN_CLOSE_DEPTH = 64        /* agent_close() inside the callbacks of agent_close(), and so on */
};

/* A wake-up that agent_process() has seen: the loop around it has to turn once more before it may sleep. */
enum ag_turn { AG_TURN_NONE, AG_TURN_DUE, AG_TURN_TOLD };

struct agent_conn {
    unsigned refs;
    unsigned held;             /* of refs: those of code that is on the stack; when no others are left, it closes */
    unsigned calling;          /* user callbacks on the stack */
    unsigned closing;          /* agent_close() on the stack */
    bool processing;           /* agent_process() is on the stack */
    bool dying;                /* the last reference is gone: nothing new is begun */
    bool resting;              /* closed by agent_close(): timers wait for agent_open() */
    bool starved;              /* memory was short for something that must not be left out: the connection is given up */
    uint8_t turn;              /* enum ag_turn */
    uint8_t state, told_state; /* enum agent_state; what on_state got last */
    uint8_t encoding;          /* enum agent_encoding */
    uint64_t epoch;
    void (*end)(struct agent_conn *c);   /* nobody holds it any more: ends all that the application had in it */
    uint64_t (*now_ms)(void *seam_user); /* the clock */
    const struct agent_seam *seam;       /* of a test; NULL: the machine */
    void *seam_user;                     /* of seam */

    agent_state_fn on_state;
    void *on_state_user;
    agent_log_fn log;
    void *log_user;
    uint8_t log_max;
    struct ag_lines lines;

    /* reconnecting */
    struct ag_address_list places;
    unsigned place;      /* the one tried now */
    bool dialing;        /* a connect is under way in the transport */
    bool refused_before; /* no agent was reached since the last connection, and the log says so */
    unsigned first_pause_ms, max_pause_ms, pause_ms;
    uint64_t timer_ms; /* AGENT_CONNECTING: next try, or end of the connect under way */
    uint64_t connected_at_ms;
    uint64_t random;

    /* bytes */
    struct ag_framer framer;
    char *read_buf;        /* AG_CONN_READ_MAX bytes, made at the first connect */
    struct ag_buf out;     /* encoded texts for the socket */
    struct ag_buf sizes;   /* uint32_t per text in out; packet sockets only */
    struct ag_buf text;    /* scratch: the JSON text under construction */
    struct ag_buf decoded; /* scratch: a MessagePack message that came, as JSON */
    size_t queue_limit;
    bool write_dead;     /* sending failed; reading goes on to the end */
    size_t overdue;      /* bytes to be read before what was overdue at overdue_ms ends */
    uint64_t overdue_ms; /* 0: nothing is */

    /* what is wanted and what is awaited */
    struct ag_waits waits;
    struct ag_keys keys;
    bool answers_claims; /* this agent has answered register or bind: it is waited for */
    bool bind_due, status_due;
    struct ag_list untold; /* ag_key.by_untold: to be registered, in order */
    struct ag_list calls;  /* agent_slot.link: sent, waiting for the answer */
    struct ag_list unsent; /* agent_slot.link: waiting for a connection, in order */
    struct ag_list ending; /* agent_slot.link: their callbacks are to get call.status */
    size_t unsent_bytes;
    unsigned report_wait_ms; /* 0: reports do not wait */
    struct ag_list timers;   /* agent_slot.link, by timer.at_ms */
    struct ag_posts posts;
    char status_word[64]; /* what they got last */
    bool status_told;     /* what followers have got is true only as long as the socket lives */
    char *last_error;
    struct ag_list requests; /* agent_request.link: alive, answered or not */
    uint32_t deliveries;     /* counts commands, so that each slot has each one once */
    unsigned unsettled;      /* registrations without an answer yet */
    uint32_t address;
    agent_request_fn on_message;
    void *on_message_user;
    agent_bound_fn on_bound;
    void *on_bound_user;
    struct ag_wait bind_wait, status_wait;

    atomic_bool stopping;
    atomic_int stop_status;
    struct ag_transport transport;
};

/* A connection object that has no transport yet. NULL when memory is short. */
struct agent_conn *ag_conn_new(uint64_t random, uint64_t (*now_ms)(void *), void (*end)(struct agent_conn *));
/* Only while nothing has been begun with it; otherwise the last unref frees it. */
void ag_conn_free(struct agent_conn *c);

/* For a new stream of bytes. */
void ag_conn_init_framer(struct agent_conn *c);

static inline uint64_t ag_conn_now(const struct agent_conn *c)
{
    return c->now_ms(c->seam_user);
}

/* Keep the object in memory while code of ours uses it. release() may free it. */
void ag_conn_hold(struct agent_conn *c);
void ag_conn_release(struct agent_conn *c);
/* Brackets around user callbacks: hold() and release(), and what waits is refused in between. */
void ag_conn_enter(struct agent_conn *c);
void ag_conn_leave(struct agent_conn *c);
static inline bool ag_conn_in_callback(const struct agent_conn *c)
{
    return c->processing || c->calling > 0;
}

/* May this process use it? 0, -EINVAL, -ECHILD. */
int ag_conn_check(const struct agent_conn *c);
/* May something new be begun? As above, or -ESHUTDOWN. */
int ag_conn_admit(const struct agent_conn *c);

static inline bool ag_conn_is_up(const struct agent_conn *c)
{
    return c->state == AGENT_CONNECTED || c->state == AGENT_READY;
}

static inline bool ag_conn_is_settled(const struct agent_conn *c)
{
    return c->state == AGENT_CONNECTED && c->unsettled == 0;
}

/* Notes a line for the log. No callback runs. */
void ag_conn_logf(struct agent_conn *c, enum agent_log_level level, const char *fmt, ...) ag_printf_like(3, 4);

#endif
