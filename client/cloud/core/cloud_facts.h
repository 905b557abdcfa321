/* SPDX-License-Identifier: MIT */
/*
 * A cloud's condition in figures: what each reports about itself for client.status. Nothing secret is in it. A cloud keeps a
 * struct cloud_past and notes in it why there is no session each time one ends or a try fails.
 */
#ifndef CLIENT_CLOUD_FACTS_H
#define CLIENT_CLOUD_FACTS_H

#include <stdint.h>

enum { CLOUD_SERVER_MAX = 300, CLOUD_WHY_MAX = 256, CLOUD_TOPIC_MAX = 160 };

/* Why there is no session, roughly; cloud_loss_word() has the word for each. */
enum cloud_loss {
    CLOUD_LOSS_NONE,
    CLOUD_LOSS_UNREACHABLE, /* no such name, no route, nobody listens, nobody answers */
    CLOUD_LOSS_TLS,         /* certificates and keys, the server's or our own */
    CLOUD_LOSS_LOGIN,       /* the server does not know this login, or does not allow it */
    CLOUD_LOSS_REFUSED,     /* the server takes nobody now, or not in this form */
    CLOUD_LOSS_SILENT,      /* reached, but what answers does not speak the protocol, or not to us */
    CLOUD_LOSS_REGISTER,    /* the vendor's registration or address service said no */
    CLOUD_LOSS_CUT,         /* a session ended */
    CLOUD_N_LOSSES
};

struct cloud_past {
    enum cloud_loss loss;    /* NONE: nothing has gone wrong yet */
    uint64_t at_ms;          /* by the loop's clock */
    unsigned n_short;        /* sessions in a row that ended soon after login */
    char why[CLOUD_WHY_MAX]; /* for people; may not be UTF-8 */
};

struct cloud_facts {
    char server[CLOUD_SERVER_MAX]; /* HOST:PORT in use, or tried last; empty: none yet */
    struct cloud_past past;
    unsigned in_flight;            /* reports given to it and neither acknowledged nor failed */
    uint64_t sent, acked;          /* messages since the start; for MQTT everything that was published */
    char refused[CLOUD_TOPIC_MAX]; /* a topic that the server does not let us subscribe to: nothing comes; empty: none */
    const char *refused_how;       /* how it says no: sub_ladder_word() */
};

/* The word for client.status: "unreachable", "tls", "login" ... */
const char *cloud_loss_word(enum cloud_loss loss);

void cloud_past_note(struct cloud_past *p, enum cloud_loss loss, const char *why, uint64_t now_ms);

void cloud_facts_refused(struct cloud_facts *f, const char *topic, const char *how);

/* host:port, an IPv6 address in brackets. Cut when it does not fit. */
void cloud_facts_server(struct cloud_facts *f, const char *host, unsigned port);

#endif
