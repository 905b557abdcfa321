/* SPDX-License-Identifier: MIT */
/*
 * What an application holds of a subscription, a status follower, a timer or a call. A slot that was asked for is owned by
 * the application and only hooked into the connection; one that was not ("floating") is owned by the connection.
 * An ended slot has conn == NULL and hangs nowhere; it only waits for its last unref.
 */
#ifndef AG_SLOT_H
#define AG_SLOT_H

#include "libagent/conn/conn.h"

enum ag_slot_kind { AG_SLOT_SUBSCRIPTION, AG_SLOT_STATUS, AG_SLOT_CALL, AG_SLOT_TIMER };

struct agent_slot;

/* Lets go of what a slot of this kind holds in the connection; it hangs nowhere already. NULL: nothing. */
typedef void (*ag_slot_unhook_fn)(struct agent_conn *c, struct agent_slot *slot);

struct agent_slot {
    unsigned refs;
    unsigned held; /* of refs: those of code on the stack; when no others are left, it ends */
    uint8_t kind;  /* enum ag_slot_kind */
    bool floating;
    uint32_t delivery; /* the last one it had, of agent_conn.deliveries */
    struct agent_conn *conn;
    struct ag_list link; /* key->slots, conn->timers, or of a call conn->calls, unsent or ending */
    ag_slot_unhook_fn unhook;
    void *user;
    agent_destroy_fn destroy; /* called when user is no longer used; may be NULL */
    union {
        struct {
            struct ag_key *key;
            agent_request_fn on_request;       /* subscription */
            agent_registered_fn on_registered; /* subscription; may be NULL */
            agent_status_fn on_status;         /* status */
            bool heard;                        /* status: has got agent_conn.status_word */
        } sub;
        struct {
            struct ag_wait wait;
            agent_call_fn fn;
            struct ag_buf unsent; /* the JSON text, while there is no connection */
            bool local;           /* the answer may be a text with a method */
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

/* A slot with one reference that hangs nowhere. NULL when memory is short. */
struct agent_slot *ag_slot_new(struct agent_conn *c, enum ag_slot_kind kind, ag_slot_unhook_fn unhook, void *user);

/* Hands the slot to the application, or to the connection when it did not ask. */
void ag_slot_give(struct agent_slot *slot, struct agent_slot **ret_slot);

/* Brackets around a callback of the slot: it stays in memory, but ends as soon as the application lets go. */
void ag_slot_enter(struct agent_slot *slot);
void ag_slot_leave(struct agent_slot *slot);

/* Drops the connection's reference; the slot has ended, or ends with it. */
void ag_slot_drop_floating(struct agent_slot *slot);

/* The connection goes away under it. Floating slots are freed. */
void ag_slot_detach(struct agent_slot *slot);

/* Unhooks it from the connection. Idempotent. */
void ag_slot_end(struct agent_slot *slot);

#endif
