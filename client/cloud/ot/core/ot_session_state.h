/* SPDX-License-Identifier: MIT */
/*
 * What the two halves of an OT session share: ot_session.c (life, sending, time) and ot_receive.c (what comes from the
 * cloud). Nobody else includes this.
 */
#ifndef CLIENT_OT_SESSION_STATE_H
#define CLIENT_OT_SESSION_STATE_H

#include "client/cloud/ot/core/ot_memory.h"
#include "client/cloud/ot/core/ot_pending.h"
#include "client/cloud/ot/core/ot_session.h"
#include "client/lan/core/packet.h"
#include "client/lan/core/replay.h"

enum ot_state { OT_IDLE, OT_HELLO, OT_PROVING, OT_UP };

struct ot_session {
    struct ot_config cfg;
    const struct ot_sink *sink;
    void *user;
    struct packet_key key;
    enum ot_state state;

    uint64_t begun_ms; /* of this state */
    uint64_t hello_due_ms;
    unsigned n_hellos;
    uint64_t wrong_sums; /* drop_checksum at begin: to tell a wrong key from silence */

    uint32_t time_base; /* what the cloud said at time_base_ms */
    uint64_t time_base_ms;
    uint32_t last_stamp;

    uint32_t info_id; /* 0: the next one draws a new id */
    uint64_t info_due_ms;
    uint32_t idle_id;     /* the ota_state report's; 0: acknowledged */
    uint64_t idle_due_ms; /* AG_NEVER: sent, and not to be sent again on this link */
    unsigned idle_sends;

    uint64_t last_tx_ms, last_rx_ms, last_keepalive_ms;
    unsigned n_missed; /* keepalives since the last sign of life */

    struct ot_pending pending;
    struct ot_memory memory;
    struct replay taken;  /* packets with commands; outlives sessions */
    struct ag_buf in;     /* the unfinished end of the stream */
    struct ag_buf plain;  /* the text under way; lent to sink functions */
    struct ag_buf packet; /* the packet being built */
    struct ag_buf text;   /* the text being built */
    uint32_t random;
    struct ot_stats stats;
};

/* One text to the cloud; empty: a keepalive. 0, -ENOMEM, -EMSGSIZE. */
int ot_session_send(struct ot_session *s, struct ag_span text, uint64_t now_ms);

/* The hello's answer has come: HELLO becomes PROVING. */
void ot_session_take_time(struct ot_session *s, uint32_t stamp, uint64_t now_ms);
/* The first right checksum has come: PROVING becomes UP. */
void ot_session_take_proof(struct ot_session *s, uint64_t now_ms);

#endif
