/* SPDX-License-Identifier: MIT */
/*
 * A device's session with Xiaomi's OT cloud, over datagrams or a stream, without any I/O: bytes and the clock in, bytes
 * and events out through the sink. The shell (client/cloud/ot/ot.c) opens the link, calls ot_session_begin(), hands over
 * what arrives, and calls ot_session_tick() at ot_session_deadline().
 *
 *   IDLE --begin--> HELLO --time from the cloud--> PROVING --first right checksum--> UP
 *     ^------------------------- lost(): no answer, dead line, broken stream ------------|
 *
 * The hello is not authenticated, so it proves nothing: only a packet with the right checksum makes the session UP.
 * Once the time is known `_otc.info` goes out, again every 5 s until acknowledged, then once a period; when UP,
 * `props {"ota_state":"idle"}` goes out before anything else, once in the life of the object.
 *
 * Invariants. Every report taken ends in exactly one acked() or failed(). Stamps never go back within a session. A
 * command is executed once, however often it comes, and a packet that brought one is never taken again. What is not
 * understood is dropped and counted.
 *
 * Sources: Xiaomi Linux client document, sections 4.3.1 and 14 (order, idle); the behaviour of independent programs
 * (packets, periods, repeats), see docs/protocol.md.
 *
 * Sink functions may call ot_session_report(), _answer() and _stats(), nothing else of this file.
 */
#ifndef CLIENT_OT_SESSION_H
#define CLIENT_OT_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

struct ot_config {
    bool stream; /* TCP: nothing is sent twice, packets come back to back */
    uint64_t did;
    const char *key;           /* 16 characters; read by ot_session_new() only */
    uint32_t seed;             /* random, for ids */
    uint32_t info_period_ms;   /* 1,800,000 */
    uint32_t info_retry_ms;    /* 5,000 */
    uint32_t hello_retry_ms;   /* 3,000 */
    unsigned hello_tries;      /* 3, on datagrams */
    uint32_t prove_ms;         /* 20,000: from the hello's answer to the first right checksum */
    uint32_t keepalive_ms;     /* 15,000 */
    unsigned keepalive_misses; /* 3 */
    uint32_t resend_ms;        /* 3,000 */
    unsigned resends;          /* 4; a stream waits as long in total, but sends once */
    unsigned window;           /* 256 messages unacknowledged at a time */
};

/* The figures above; stream, did, key and seed are left for the caller. */
void ot_config_defaults(struct ot_config *c);

struct ot_sink {
    /* One packet; on a stream the bytes that follow the earlier ones. Borrowed. */
    void (*send)(void *user, struct ag_span packet);
    /* The session is UP. Reports are taken from here on. */
    void (*connected)(void *user, int64_t unix_s);
    /* The session is IDLE again; failed() for what was under way follows. The link is of no further use. */
    void (*lost)(void *user, const char *why);
    /* The text as it came. The token is for ot_session_answer(); 0 when no answer is wanted. */
    void (*command)(void *user, uint64_t token, struct ag_span text, bool wants_answer);
    /* answer: the object that came, without its id. */
    void (*acked)(void *user, uint32_t id, struct ag_span answer);
    void (*failed)(void *user, uint32_t id, bool retry, int code, const char *message);
    /* Appends the params of _otc.info, a JSON object. 0 or -ENOMEM. */
    int (*info)(void *user, struct ag_buf *out);
};

/* Counters since ot_session_new(). */
struct ot_stats {
    uint64_t rx_packets, tx_packets;
    uint64_t drop_magic, drop_length, drop_checksum, drop_padding; /* see PACKET_E_* */
    uint64_t drop_did;                                             /* right checksum, another device's id */
    uint64_t drop_hello;                                           /* hello answers that nobody waited for */
    uint64_t drop_early;                /* not a hello answer while waiting for one, or while there is no session */
    uint64_t drop_json;                 /* right checksum, but not a JSON object */
    uint64_t drop_message;              /* neither command nor answer, or with an invalid id */
    uint64_t drop_busy;                 /* commands answered with an error, because too many are open */
    uint64_t drop_memory;               /* memory was short */
    uint64_t drop_replayed;             /* packets with a command that was taken before, whoever sent them again */
    uint64_t drop_narrowed;             /* too old a stamp to know whether they were */
    uint64_t commands, repeats;         /* executed; answered from memory or passed over */
    uint64_t late_answers;              /* to commands that are forgotten or answered, or while there is no session */
    uint64_t reports, acks, stray_acks; /* stray: nothing has that id, such as a second ack */
    uint64_t resends, no_acks;
    uint64_t keepalives;
};

struct ot_session;

/* 0, -ENOMEM, -ENOTSUP (crypto library lacks MD5 or AES). config is copied; sink and user are borrowed. */
int ot_session_new(struct ot_session **out, const struct ot_config *config, const struct ot_sink *sink, void *user);
/* No callback is called. NULL is fine; returns NULL. */
struct ot_session *ot_session_free(struct ot_session *s);

/* The link is open: hello goes out. */
void ot_session_begin(struct ot_session *s, uint64_t now_ms);
/* The link is gone. lost() and failed() are called, unless the session is IDLE already. */
void ot_session_end(struct ot_session *s, const char *why);

/* One datagram, or any piece of the stream. */
void ot_session_input(struct ot_session *s, struct ag_span bytes, uint64_t now_ms);
void ot_session_tick(struct ot_session *s, uint64_t now_ms);
/* When ot_session_tick() is due; AG_NEVER: not by itself. */
uint64_t ot_session_deadline(const struct ot_session *s);

/* ot_session_report() would not say -ENOBUFS. */
bool ot_session_has_room(const struct ot_session *s);
/*
 * A report whose text has this id, not 0. 0: acked() or failed() follows. -ENOTCONN, -ENOBUFS (window full), -EMSGSIZE,
 * -EINVAL (id 0, or under way already), -ENOMEM: nothing follows.
 */
int ot_session_report(struct ot_session *s, uint32_t id, struct ag_span text, uint64_t now_ms);

/*
 * The answer to a command: an object; its id, when it has one, is replaced. 0; -ENOENT: forgotten or answered before;
 * -EINVAL: not an object; -EMSGSIZE: the cloud got an error in its place; -ENOTCONN: kept for a repeat; -ENOMEM.
 */
int ot_session_answer(struct ot_session *s, uint64_t token, struct ag_span text, uint64_t now_ms);

/* What the sink's info() says has changed: the next tick sends it. */
void ot_session_info_changed(struct ot_session *s, uint64_t now_ms);

/* Something is under way to or from the cloud. */
bool ot_session_is_busy(const struct ot_session *s);
/* Reports given to it and not acknowledged yet. */
unsigned ot_session_n_open(const struct ot_session *s);
const struct ot_stats *ot_session_stats(const struct ot_session *s);

#endif
