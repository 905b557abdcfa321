/*
 * The external helper: the vendor's _internal.* handshake, for helper scripts that exist. The helper runs a receiver again
 * and again that connects, says _internal.hello, prints the one text that it gets, and leaves; answers come over
 * connections of their own. So at most one text goes to a socket that has said hello, and what cannot be sent now is
 * held, the latest of each kind, until the next hello.
 *
 * Scripts find their case by searching the text and cut values out of it: texts are compact, their members stand in the
 * order that scripts expect. A core: texts and the time in, texts and events out.
 */
#ifndef CLIENT_HELPER_H
#define CLIENT_HELPER_H

#include <stdbool.h>
#include <stdint.h>
#include "client/core/local_cmd.h"

/* What the helper is asked; also the order in which held texts go out. */
enum helper_ask {
    HELPER_DINFO,
    HELPER_DTOKEN,
    HELPER_WIFI_STATUS,
    HELPER_INFO,
    HELPER_WIFI_START,
    HELPER_CONFIG_TZ,
    HELPER_UPDATE_TOKEN,
    HELPER_N_ASKS
};

enum helper_stage {
    HELPER_NEEDS_IDENTITY, /* answers hello with request_dinfo */
    HELPER_NEEDS_TOKEN,    /* with request_dtoken */
    HELPER_NEEDS_WIFI,     /* with req_wifi_conf_status */
    HELPER_SETTLED         /* with what is held, if anything */
};

struct helper_sink {
    void (*send)(void *user, unsigned peer, struct ag_span text);
    /* conf: device.conf lines made of the answer's members. */
    void (*identity)(void *user, struct ag_span conf);
    void (*token)(void *user, struct ag_span token);
    void (*country)(void *user, struct ag_span country);
    void (*wifi_status)(void *user, bool provisioned);
    /* params of the helper's info, an object with ap, netif, hw_ver, fw_ver. */
    void (*info)(void *user, struct ag_span params);
    void (*wifi_connected)(void *user);
    void (*wifi_failed)(void *user); /* the helper is in AP mode again, or could not connect */
};

struct helper {
    const struct helper_sink *sink;
    void *user;
    enum helper_stage stage;
    char dir[512];            /* data directory, for the helper's files */
    char new_token[17];       /* offered in request_dtoken; a secret */
    char country[16];
    struct ag_buf held[HELPER_N_ASKS];
    uint64_t free_peers;      /* bit per socket that said hello and got nothing yet */
    uint64_t last_hello_ms;   /* 0: never */
    uint64_t bad;             /* texts that made no sense */
};

void helper_init(struct helper *h, const struct helper_sink *sink, void *user, const char *dir);
void helper_deinit(struct helper *h);

/* An _internal.* text came. true: known. */
bool helper_text(struct helper *h, unsigned peer, struct ag_span method, struct ag_span text,
                 const struct ag_json_view *view, uint64_t now_ms);
void helper_peer_gone(struct helper *h, unsigned peer);

/* Asks now or at the next hello. 0 or -ENOMEM. */
int helper_ask_info(struct helper *h);
int helper_ask_zone(struct helper *h, const char *zone);
int helper_ask_wifi_start(struct helper *h, const struct router_params *p);
int helper_ask_update_token(struct helper *h, const char *token);

#endif
