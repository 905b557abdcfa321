/* SPDX-License-Identifier: MIT */
/*
 * What an application holds of a subscription, a status follower, a timer or a call. A slot that was asked for is owned by
 * the application and only hooked into the connection; one that was not ("floating") is owned by the connection.
 * An ended slot has conn == NULL and hangs nowhere; it only waits for its last unref.
 */
#ifndef AG_SLOT_H
#define AG_SLOT_H

#include "libagent/conn.h"

enum ag_slot_kind { AG_SLOT_SUBSCRIPTION, AG_SLOT_STATUS, AG_SLOT_CALL, AG_SLOT_TIMER };

struct agent_slot {
    unsigned refs;
    unsigned held; /* of refs: those of code on the stack; when no others are left, it ends */
    uint8_t kind;  /* enum ag_slot_kind */
    bool floating;
    struct agent_conn *conn;
    struct ag_list link; /* key->slots, conn->timers, or of a call conn->calls, unsent or ending */
    uint32_t delivery;   /* the last one it had, of agent_conn.deliveries */
    void *user;
    agent_destroy_fn destroy; /* told when user is not used any more; NULL */
    union {
        struct {
            struct ag_key *key;
            agent_request_fn on_request;       /* subscription */
            agent_registered_fn on_registered; /* subscription; may be NULL */
            agent_status_fn on_status;         /* status */
            bool heard;                        /* status: has been told agent_conn.status_word */
        } sub;
        struct {
            struct ag_wait wait;
            agent_call_fn fn;
            struct ag_buf unsent; /* the JSON text, while there is no connection */
            bool local;           /* may be answered by a text with a method */
            bool to_apps;         /* sent to an address */
            bool report;          /* has no id: ends when it is sent */
            int status;           /* in conn->ending */
        } call;
        struct {
            agent_timer_fn fn;
            uint64_t at_ms;
            unsigned interval_ms; /* 0: once */
        } timer;
    };
};

/* A slot of refs 1 that hangs nowhere. NULL when memory is short. */
struct agent_slot *ag_slot_new(struct agent_conn *c, enum ag_slot_kind kind, void *user);

/* Hands the slot to the application, or to the connection when it did not ask. */
void ag_slot_give(struct agent_slot *slot, struct agent_slot **ret_slot);

/* Brackets around a callback of the slot: it stays in memory, but ends as soon as the application lets go. */
void ag_slot_enter(struct agent_slot *slot);
void ag_slot_leave(struct agent_slot *slot);

/* Lets go of what the connection owns; the slot has ended, or ends by it. */
void ag_slot_drop_floating(struct agent_slot *slot);

/* The connection goes away under it. Floating slots are freed. */
void ag_slot_detach(struct agent_slot *slot);

/* Ends a call that is hooked: callback, once. */
void ag_call_end(struct agent_slot *slot, int status, const char *result, const char *error);

/* As the wire has it; NULL: not named. */
const char *ag_mode_name(enum agent_mode mode);
/* What came for a key that was registered. */
void ag_key_registered(struct agent_conn *c, struct ag_key *key, int status);
/* A standby has become the owner. */
void ag_key_taken_over(struct agent_conn *c, struct ag_key *key);
/* Tells the agent of a key. 0, -ENOMEM, -ENOBUFS. */
int ag_key_register(struct agent_conn *c, struct ag_key *key);
/* Does so again after a pause. */
void ag_key_wait_busy(struct agent_conn *c, struct ag_key *key);
/* Waits for the answer to it. */
void ag_key_count(struct agent_conn *c, struct ag_key *key);

/* Runs the timers that are due. When the next one is: UINT64_MAX, never. */
void ag_timers_run(struct agent_conn *c, uint64_t now_ms);
uint64_t ag_timers_next(const struct agent_conn *c);

#endif
