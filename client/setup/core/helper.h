/* SPDX-License-Identifier: MIT */
/*
 * The external helper: the vendor's _internal.* handshake, for existing helper scripts. The helper runs a receiver over and
 * over that connects, says _internal.hello, prints the one text that it gets, and leaves; answers come over connections of
 * their own. So at most one text goes to a socket that has said hello, and what cannot be sent now is held, the latest of each
 * kind, until the next hello. A socket that gets nothing stays open and is told later.
 *
 * Scripts find out what is asked by searching the text, and cut values out of it: so texts are compact, and their members are in
 * the order that scripts expect. A core: texts and the time in, texts and events out.
 */
#ifndef CLIENT_HELPER_H
#define CLIENT_HELPER_H

#include <stdbool.h>
#include <stdint.h>
#include "client/local/core/local_cmd.h"
#include "libagent/core/json/json.h"

/* What the helper is asked; also the order in which held texts go out. */
enum helper_ask {
    HELPER_DINFO,
    HELPER_DTOKEN,
    HELPER_OT_CONFIG, /* a newer form of the previous one: scripts know either or both */
    HELPER_WIFI_STATUS,
    HELPER_INFO,
    HELPER_WIFI_START,
    HELPER_CONFIG_TZ,
    HELPER_N_ASKS
};

/* What answers a hello. No question is repeated within HELPER_ASK_EVERY_MS: some scripts come back at once, and do not know
   every question. */
enum helper_stage {
    HELPER_NEEDS_IDENTITY, /* request_dinfo */
    HELPER_NEEDS_TOKEN,    /* request_dtoken, request_ot_config */
    HELPER_NEEDS_WIFI,     /* req_wifi_conf_status */
    HELPER_SETTLED         /* what is held, if anything */
};

enum { HELPER_ASK_EVERY_MS = 5000, HELPER_ASK_MAX = 4 };

enum helper_failure {
    HELPER_AP_MODE,   /* the access point is open again */
    HELPER_NOT_JOINED /* the network given could not be joined */
};

/* What became of a text. */
enum helper_taken {
    HELPER_TAKEN,
    HELPER_NOT_FOR_US, /* known, and of no use here */
    HELPER_BAD,        /* known, but its params do not fit */
    HELPER_UNKNOWN
};

struct helper_sink {
    void (*send)(void *user, unsigned peer, struct ag_span text);
    /* conf: device.conf lines made from the answer's members. */
    void (*identity)(void *user, struct ag_span conf);
    void (*token)(void *user, struct ag_span token);
    void (*country)(void *user, struct ag_span country);
    void (*wifi_status)(void *user, bool provisioned);
    /* params of the helper's info, an object with ap, netif, hw_ver, fw_ver. */
    void (*info)(void *user, struct ag_span params);
    void (*wifi_connected)(void *user);
    void (*wifi_failed)(void *user, enum helper_failure how);
    /* The stage's questions have been asked HELPER_ASK_MAX times without an answer; comes again after as many more. */
    void (*silent)(void *user, const char *question);
};

struct helper {
    const struct helper_sink *sink;
    void *user;
    enum helper_stage stage;
    char dir[512];      /* data directory, for the helper's files */
    char new_token[17]; /* offered in request_dtoken; a secret */
    struct ag_buf held[HELPER_N_ASKS];
    uint64_t ask_at_ms[HELPER_N_ASKS]; /* not before; 0: never asked */
    unsigned n_asked[HELPER_N_ASKS];
    uint64_t free_peers;    /* bit per socket that said hello and got nothing yet */
    uint64_t last_hello_ms; /* 0: never */
    uint64_t bad;           /* malformed texts */
};

void helper_init(struct helper *h, const struct helper_sink *sink, void *user, const char *dir);
void helper_deinit(struct helper *h);

/* An _internal.* text, or local.status, came. */
enum helper_taken helper_text(struct helper *h, unsigned peer, struct ag_span method, struct ag_span text,
                              const struct ag_json_view *view, uint64_t now_ms);
void helper_peer_gone(struct helper *h, unsigned peer);

/* Asks what is due, if a receiver waits. */
void helper_tick(struct helper *h, uint64_t now_ms);
/* AG_NEVER: none. */
uint64_t helper_next_deadline(const struct helper *h);

/* Asks now or at the next hello. 0 or -ENOMEM. */
int helper_ask_info(struct helper *h);
int helper_ask_zone(struct helper *h, const char *zone);
int helper_ask_wifi_start(struct helper *h, const struct router_params *p);

#endif
