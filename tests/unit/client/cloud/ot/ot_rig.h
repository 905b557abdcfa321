/* SPDX-License-Identifier: MIT */
/*
 * The OT session against a small cloud in the test: what the session sends is decrypted and written into a journal, one
 * line each, with the simulated second in front. A case is a script of calls and the journal it must leave.
 */
#ifndef TEST_OT_RIG_H
#define TEST_OT_RIG_H

/* What cmocka wants before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "client/cloud/ot/core/ot_session.h"
#include "client/lan/core/packet.h"

#define DID 87654321u
#define KEY "Qw3rTy7UiOp9AsDf"

struct rig {
    struct ot_session *s;
    struct packet_key key;
    uint64_t now_ms;
    struct ag_buf journal;
    struct ag_buf plain;
    uint32_t cloud_stamp; /* of what the cloud sends */
    uint32_t last_stamp, info_id, idle_id, last_hello_stamp;
    uint64_t token;       /* of the last command */
    bool stamps_grow;     /* so far */
    bool is_up;           /* connected, and not lost */
    const char *answer;   /* given to a command at once; NULL: none */
    uint32_t next_report; /* reported on each ack; 0: none */
};

/* window 0: the default. */
void rig_open(struct rig *g, bool stream, unsigned window);
void rig_open_seeded(struct rig *g, bool stream, unsigned window, uint32_t seed);
/* Up, all of the session's own messages acknowledged, journal empty. */
void rig_up(struct rig *g, bool stream, unsigned window);
void rig_close(struct rig *g);
/* Lets time pass, waking the session exactly when it asks to. */
void rig_pass(struct rig *g, uint64_t ms);
/* From the client. 0 or -errno. */
int rig_report(struct rig *g, uint32_t id);
/* From the cloud: bytes, its hello with a time, a text by another key, a text, an acknowledgement. */
void rig_give(struct rig *g, const void *p, size_t n);
void rig_give_time(struct rig *g, uint32_t stamp);
void rig_give_from(struct rig *g, const char *secret, uint64_t did, const char *text);
void rig_give_text(struct rig *g, const char *text);
void rig_ack(struct rig *g, uint32_t id);
/* The journal since the last look, exactly. */
void rig_check(struct rig *g, const char *want);
/* As struct ot_sink.info. */
int rig_info(void *user, struct ag_buf *out);

#endif
