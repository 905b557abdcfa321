/* SPDX-License-Identifier: MIT */
/*
 * The OT cloud's side of one device: checks what comes as strictly as the protocol allows, acknowledges reports, keeps a
 * ledger of them, gives commands. No I/O: bytes in; bytes and journal lines (JSON) out.
 *
 * Strict means: right magic, length, checksum and device id; hello in its one form; stamps that never go back, and
 * keepalives whose stamp has grown; ids that are numbers and not 0; one text for one id; answers only to commands that
 * were given. Whatever breaks a rule is journalled as "bad" with the reason, counted, and not served.
 */
#ifndef SIM_OT_SERVER_H
#define SIM_OT_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include "examples/sim/wire/ot_packet.h"
#include "libagent/core/buf.h"

struct ot_ledger_entry;

struct ot_server_sink {
    /* One packet to the device; way: the connection or address it goes to. */
    void (*send)(void *user, void *way, struct ag_span packet);
    /* One JSON text for the journal. */
    void (*note)(void *user, struct ag_span line);
};

struct ot_server {
    const struct ot_server_sink *sink;
    void *user;
    uint64_t did;
    char secret[OT_SECRET];
    const char *mute; /* a method that is never acknowledged; NULL: none */
    bool quiet;       /* no lines for single reports and keepalives */
    uint32_t next_id; /* of commands */

    void *way;     /* where the device is; NULL: not known */
    bool greeted;  /* hello has come since the last restart */
    bool informed; /* _otc.info has come */
    uint32_t last_stamp;

    struct ot_ledger_entry *ledger;   /* reports by id; uthash */
    struct ot_ledger_entry *commands; /* given, by id */
    uint64_t executed, repeats, answers, bad;
    struct ag_buf plain, packet, line, last_command;
    uint32_t last_command_id;
};

/* 0 or -ENOMEM. */
int ot_server_init(struct ot_server *s, const struct ot_server_sink *sink, void *user, uint64_t did, const char key[16]);
void ot_server_deinit(struct ot_server *s);

/* Is this packet right? Journals why not. now_s: Unix time. Called on arrival, before any simulated fault. */
bool ot_server_check(struct ot_server *s, struct ag_span packet);
/* Serves a packet that passed the check. */
void ot_server_serve(struct ot_server *s, void *way, struct ag_span packet, uint32_t now_s);

/* Gives a command. false: the device is not there. */
bool ot_server_command(struct ot_server *s, const char *method, const char *params, uint32_t now_s);
/* The last command once more, same id and text. */
bool ot_server_again(struct ot_server *s, uint32_t now_s);

/* As if the server had been restarted: the device must greet again. The ledger is kept. */
void ot_server_forget(struct ot_server *s);
/* This way is gone (a closed connection). */
void ot_server_way_gone(struct ot_server *s, void *way);

void ot_server_note_ledger(struct ot_server *s);
void ot_server_bad(struct ot_server *s, const char *why);

#endif
