/*
 * A device without an identity: did 0 in device.conf asks for did and key at once, did 1 after provisioning. The vendor's
 * form of that request is not public, so the exchange is a program of the platform's: "miio_client_helper.sh identity"
 * gets the identity from wherever the maker keeps it, writes device.conf, and exits with 0; any other status means "not
 * yet", and it is run again: after a day for did 0 (the server works in batches), after half a minute for did 1.
 * Source: Xiaomi Linux client document, section 11.
 */
#ifndef CLIENT_IDENTITY_H
#define CLIENT_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include "client/device/core/device_conf.h"
#include "client/setup/io/hook.h"

struct client;

struct identity {
    struct hook *hook;
    bool asking;
    uint64_t next_at_ms;
    unsigned pause_ms; /* between two tries */
};

static inline bool identity_is_missing(uint64_t did)
{
    return did <= 1;
}

/* did 0 or 1: enters didkey_req1 or didkey_req2 and asks. client_identity_known() follows. */
void identity_ask(struct client *c);
void identity_deinit(struct client *c);
void identity_tick(struct client *c, uint64_t now_ms);
uint64_t identity_next_deadline(const struct client *c);

/* Takes did, key, mac, model and vendor over into the client's conf. */
void identity_take(struct client *c, const struct device_conf *fresh);

#endif
