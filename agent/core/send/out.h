/* SPDX-License-Identifier: MIT */
/*
 * Handing texts to peers. Every text that leaves the core passes here: quotas, accounts, packet records and
 * the translation for MessagePack peers are this file's business.
 */
#ifndef AGENT_CORE_OUT_H
#define AGENT_CORE_OUT_H

#include "agent/core/state/state.h"
#include "libagent/core/json/json.h"

enum {
    OUT_E_FULL = 1, /* no room; an application is marked for its end */
    OUT_E_CLOSED,   /* the peer is being ended */
    OUT_E_NO_FORM   /* the text has no MessagePack form, or is too large for a packet */
};

/* What is sent: a text that can be refused to its sender; an answer; news that is not repeated. If one of the last two
 * is lost for want of memory, the peer is ended and has to begin again. */
enum out_kind { OUT_MESSAGE, OUT_ANSWER, OUT_NEWS };

/* 0, OUT_E_*, -ENOMEM. */
int out_text(struct router *r, struct peer *to, enum out_kind kind, struct ag_span text);
/* The text with the bytes [from, upto) replaced. */
int out_spliced(struct router *r, struct peer *to, enum out_kind kind, struct ag_span text, size_t from, size_t upto,
                struct ag_span with);
/* The text under another id. */
int out_with_id(struct router *r, struct peer *to, enum out_kind kind, struct ag_span text, const struct ag_json_view *v,
                uint32_t id);
/* An answer made here. id: the raw text of a scalar. message and data: constant ASCII without quotes. */
int out_error(struct router *r, struct peer *to, struct ag_span id, int code, const char *message, const char *data);
void out_error_id(struct router *r, struct peer *to, uint32_t id, int code, const char *message, const char *data);
void out_ok(struct router *r, struct peer *to, uint32_t id);

/* Marks a peer for its end. What is in out is still sent for PEER_END_INPUT, else dropped. */
void out_end(struct router *r, struct peer *p, enum peer_end why);
/* n bytes of out were sent. */
void out_sent(struct router *r, struct peer *p, size_t n);
/* What is in out becomes the caller's. */
struct ag_buf out_take(struct router *r, struct peer *p);
/* Bytes that are kept for a partial text of the peer. When all queues together are too large, the greediest peer is ended. */
void out_held(struct router *r, struct peer *p, size_t n);

#endif
