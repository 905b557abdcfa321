/* SPDX-License-Identifier: MIT */
/* The connection to the agent on the libuv loop: what miio_mcu serves there, reports and asks. */
#ifndef MCU_LINK_H
#define MCU_LINK_H

#include <stdbool.h>
#include <uv.h>
#include "agent/agent.h"
#include "agent/apps/mcu/core/report/reports.h"

/* What the client knows about the device; empty strings for what it did not say. */
struct mcu_identity {
    char model[64], mac[32], version[64], did[64];
    bool last; /* there is no better answer to wait for */
};

enum { MCU_LINK_NAME_MAX = 31 };

struct mcu_link {
    agent_conn *conn;
    uv_poll_t poll;
    uv_timer_t timer; /* what the library asked for */
    uv_timer_t status_timer;
    unsigned status_period_ms; /* how often the status is asked for; set before mcu_link_open() */
    bool up;
    bool ask_again; /* the did was asked for and nobody could tell yet */
    char told_model[MCU_LINK_NAME_MAX + 1], told_version[MCU_LINK_NAME_MAX + 1]; /* what the client knows of the MCU */
    unsigned n_did_silent; /* questions for it that were never answered, since the connection came up */
    /* The owner's, called from inside the loop. */
    int (*on_request)(struct mcu_link *l, agent_request *req);
    void (*on_up)(struct mcu_link *l, bool up);
    void (*on_status)(struct mcu_link *l, const char *status);
    void (*on_updating)(struct mcu_link *l, bool updating); /* the device's own firmware is being replaced, or not */
    void (*on_identity)(struct mcu_link *l, const struct mcu_identity *who);
    void (*on_reported)(struct mcu_link *l, enum mcu_report_kind kind, enum mcu_report_end end);
    void (*on_turn)(struct mcu_link *l); /* after a turn of the library: there may be work */
    void *user;
};

/* Opens the connection and subscribes. The callbacks must be set. 0 or a negative error of libagent or libuv.
 */
int mcu_link_open(struct mcu_link *l, uv_loop_t *loop, const char *address);

/* Lets the library work and waits for what it asks for. Call after anything was sent through it. */
void mcu_link_turn(struct mcu_link *l);

/*
 * Asks the client about the device; on_identity follows. While there is no client the question is repeated; who.last
 * is set with its answer, even a refusal, or when it has left several of them unanswered. Also done at each connect.
 */
void mcu_link_ask_identity(struct mcu_link *l);

/*
 * Tells the client what the MCU says about itself, for the platform: at each change, each connect, each change of the status
 * and once a status period, since a client that has restarted knows nothing. Empty strings are not told. Cheap when
 * nothing has changed.
 */
void mcu_link_tell_mcu(struct mcu_link *l, const char *model, const char *version);

/* Asks the client to forget the Wi-Fi and the owner; how that went is logged. */
void mcu_link_restore(struct mcu_link *l);

/* Sends a report; on_reported follows, from here when it cannot be sent at all. */
void mcu_link_report(struct mcu_link *l, enum mcu_report_kind kind, const char *params);

/* {"props":...} without an answer. */
void mcu_link_props(struct mcu_link *l, const char *object);

/* Ends all calls, sends what is queued as far as possible, closes the handles. */
void mcu_link_close(struct mcu_link *l);

#endif
