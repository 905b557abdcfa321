/* SPDX-License-Identifier: MIT */
/*
 * The LAN protocol of the device, UDP 54321: hello, encrypted requests, repeats. Datagrams and the time in; datagrams and
 * commands out.
 *
 * Nothing is executed twice. A packet is taken once within the stamp window, whoever sends it again (client/lan/core/replay.h).
 * A request is remembered by (address, port, id) for some time: a repeat of it, with the same text and nearly the same
 * stamp, is answered from memory, or left alone while the answer is still due. A hello from its address forgets the
 * answers, as a phone that starts over may begin with the same ids; it never forgets the packets. Only a peer that knows
 * the token can make the session keep anything, and what is kept is bounded.
 *
 * Source: miIO wire format (docs/protocol.md, "LAN"). Everything malformed is dropped without an answer and counted.
 */
#ifndef CLIENT_LAN_H
#define CLIENT_LAN_H

#include "client/lan/core/lan_requests.h"
#include "client/lan/core/packet.h"
#include "client/lan/core/replay.h"
#include "client/lan/core/stamp_clock.h"
#include "libagent/core/json/json.h"

struct lan_sink {
    void (*send)(void *user, const struct lan_addr *to, struct ag_span datagram);
    /* A request; wants_answer: lan_answer(handle) is expected, once. text and view are borrowed. */
    void (*command)(void *user, uint64_t handle, struct ag_span text, const struct ag_json_view *view, bool wants_answer);
};

struct lan_stats {
    uint64_t datagrams, hellos, requests, repeats, answers;
    uint64_t bad_packet[PACKET_N_E]; /* by PACKET_E_* */
    uint64_t bad_did, bad_stamp, bad_text, no_token, full, no_memory, late;
    uint64_t replayed, narrowed; /* packets taken before; packets too old to tell */
};

struct lan {
    const struct lan_sink *sink;
    void *user;
    uint64_t did;
    struct packet_key key;
    char token[17]; /* a secret */
    bool has_token;
    bool reveal_token;       /* hello reveals the token: unprovisioned, and no owner has forbidden it */
    uint32_t stamp_window_s; /* a request's stamp may be this far off; 0: any */
    struct stamp_clock clock;
    struct replay taken;
    uint32_t told_stamp;  /* in the last hello */
    uint64_t purge_at_ms; /* when taken is purged, some time after the clock was set back */
    unsigned keep_ms;     /* how long a request is remembered */
    struct lan_requests requests;
    struct ag_buf plain, answer, packet; /* scratch */
    struct lan_stats stats;
};

/* Defaults: one day of stamp window, 30 s memory, 1024 requests, 1 MiB of answers. No token yet: all is dropped. */
void lan_init(struct lan *l, const struct lan_sink *sink, void *user, uint64_t did);
void lan_deinit(struct lan *l);
/* Packets stamped before now are refused: what an earlier run of the program has taken is not remembered. */
void lan_start(struct lan *l, uint64_t now_ms);

/* 16 characters. 0, -ENOMEM, -ENOTSUP. What is remembered stays. Replacing a token needs no memory: the last owner's goes
   whatever happens. */
int lan_set_token(struct lan *l, const char token[17]);

/* now_s: the device's own Unix time, set or not; see stamp_clock.h. 0 or -ENOMEM (the datagram is dropped). */
int lan_receive(struct lan *l, const struct lan_addr *from, struct ag_span datagram, uint64_t now_ms, uint32_t now_s);

/* An object with "result" or "error"; its id is replaced by the asker's. view: of the text, or NULL. An answer to a forgotten
   handle is counted. */
void lan_answer(struct lan *l, uint64_t handle, struct ag_span text, const struct ag_json_view *view, uint64_t now_ms,
                uint32_t now_s);
/* The same for a text that already has the asker's id. */
void lan_answer_as_it_is(struct lan *l, uint64_t handle, struct ag_span text, uint64_t now_ms, uint32_t now_s);

/* Addresses whose requests are remembered: those that asked something within keep_ms. */
unsigned lan_count_peers(const struct lan *l);

/* Forgets what is old. */
void lan_expire(struct lan *l, uint64_t now_ms);
uint64_t lan_next_deadline(const struct lan *l);

#endif
