/* SPDX-License-Identifier: MIT */
/*
 * Commands under way from an origin to the applications. Each gets an id of the client's own and goes to every peer (a
 * local socket, or the MQTT channels); the first good answer goes back. "Not mine" (-32601, and -10000, which is what
 * the vendor's rules let applications say) from one peer is held back until every peer has answered or gone, or the
 * deadline has passed: one good answer wins over any "not mine".
 *
 * Grace: while applications are about to come (back), see command_expect_peers(), a command is kept for those that join in
 * that time, and no "not mine" ends it earlier.
 *
 * Each command that wants an answer gets exactly one done(). Only a peer that was asked is heard, and only once.
 * A core: no socket, no clock. Peers are numbers below COMMAND_PEERS_MAX that the caller hands out.
 */
#ifndef CLIENT_COMMAND_H
#define CLIENT_COMMAND_H

#include <stdbool.h>
#include "client/local/core/origin.h"
#include "libagent/core/buf.h"
#include "libagent/core/json/json.h"
#include "libagent/core/list.h"
#include "libagent/core/reuse.h"

enum command_end {
    COMMAND_ANSWERED,
    COMMAND_NOT_MINE,  /* every peer said "not mine"; text is one of those answers */
    COMMAND_NOBODY,    /* no peer was there, or all have gone; text is the error to give */
    COMMAND_TIMED_OUT, /* text is the error to give */
    COMMAND_REFUSED    /* too many open, or the daemon ends; text is the error to give */
};

struct command_sink {
    /* One text for each peer whose bit is set. */
    void (*send)(void *user, uint64_t peers, struct ag_span text);
    /* text is an answer object under the client's id (or null), view its scan or NULL; tag is what command_start() was given. */
    void (*done)(void *user, struct origin to, unsigned tag, enum command_end end, struct ag_span text,
                 const struct ag_json_view *view);
    /* Those of peers that may see this text. NULL: all. */
    uint64_t (*servers)(void *user, uint64_t peers, struct ag_span text);
};

struct command_stats {
    /* started is the sum of what is open and the other six: each command ends once */
    uint64_t started, answered, timed_out, nobody, refused, no_memory;
    uint64_t silent;    /* wanted no answer, and somebody received it */
    uint64_t stray;     /* answers to nothing open, from a peer that was not asked, or given twice */
    uint64_t waited;    /* kept for applications that were about to come */
    uint64_t ownerless; /* answered when nobody was left to hear it: command_forget_origin() */
};

struct command;

struct command_table {
    const struct command_sink *sink;
    void *user;
    struct command *by_id;      /* uthash */
    struct ag_spares spares;    /* of struct command */
    struct ag_buf scratch;      /* for a text while it is given to peers */
    struct ag_list by_deadline; /* struct command.deadline: every one */
    struct ag_list kept;        /* struct command.kept: their texts wait for peers that come within the grace */
    unsigned n_open, max_open;
    unsigned timeout_ms, grace_ms;
    uint64_t grace_until_ms; /* 0: nobody is about to come */
    size_t kept_bytes, max_kept_bytes;
    uint32_t last_id; /* ours are 1..2147483647 */
    uint64_t peers;   /* bit per peer that is there */
    struct command_stats stats;
};

/* random: any number; the first id follows from it. Defaults: 1024 open, 4000 ms, no grace, 1 MiB kept
   within it; change the fields before the first command. */
void command_table_init(struct command_table *t, const struct command_sink *sink, void *user, uint32_t random);
/* Forgets all that is open; nobody is answered (command_refuse_all() does that). */
void command_table_deinit(struct command_table *t);

/* Commands kept during the grace are sent to it, too. */
void command_peer_added(struct command_table *t, unsigned peer);
/* Ends the commands that waited for nobody else. */
void command_peer_removed(struct command_table *t, unsigned peer);

/* Applications are about to come: the daemon has started, or the last of them has just gone. grace_ms begins. */
void command_expect_peers(struct command_table *t, uint64_t now_ms);

/* Answers for this origin, whatever the token, go nowhere from now on: it has ended, and its tokens will be reused. */
void command_forget_origin(struct command_table *t, struct origin who);

/*
 * Broadcasts the command. wants_answer false: nothing is remembered. 0, also when done() was called within (nobody
 * there, too many open); -ENOMEM: nothing happened.
 */
int command_start(struct command_table *t, struct origin from, unsigned tag, struct ag_span text, const struct ag_json_view *view,
                  bool wants_answer, uint64_t now_ms);

/* A text with an id and without a method came from peer. true: it was the answer of an open command. */
bool command_answer(struct command_table *t, unsigned peer, struct ag_span text, const struct ag_json_view *view);

/* Ends what is overdue. */
void command_expire(struct command_table *t, uint64_t now_ms);
/* When command_expire() is due; AG_NEVER: no need. */
uint64_t command_next_deadline(const struct command_table *t);

/* The daemon ends: everything open is answered with -32003 shutting down. */
void command_refuse_all(struct command_table *t);

/* The code of an answer's error object; false: it has none. */
bool command_error_code(struct ag_span text, const struct ag_json_view *view, long *code_out);

/* What is wrong with the form of a request, command or report, whoever sent it; NULL: nothing. */
const char *command_check_form(const struct ag_json_view *view);
/* It can be sent back: there is at most one, and it is not too long. */
bool command_id_is_good(const struct ag_json_view *view);

#endif
