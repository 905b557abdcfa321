/*
 * From a phone's ssid and password to a joined network and back: saving the files, running the platform's programs or
 * asking the external helper, telling the applications, starting the cloud; and the reset that undoes it all.
 */
#ifndef CLIENT_PROVISION_H
#define CLIENT_PROVISION_H

#include "client/core/join.h"
#include "client/core/local_cmd.h"
#include "client/io/hook.h"

struct client;

enum provision_after {
    AFTER_NOTHING,
    AFTER_REBOOT,
    AFTER_RESET
};

struct provision {
    struct join join;
    struct hook *hook;             /* the one that runs; NULL: none */
    struct hook *zone_hook;
    struct router_params params;   /* of the join under way; holds a secret */
    enum provision_after after;    /* what follows once the answer has left */
    uint64_t after_at_ms;
};

void provision_init(struct client *c);
void provision_deinit(struct client *c); /* kills what runs */

/* 0: begun, the asker is told ok; ROUTER_E_*; -EBUSY; -EPERM: no longer trusted; -errno: the files. */
int provision_begin(struct client *c, const struct router_params *params);

/* true: the zone was set, or somebody is on it. */
bool provision_set_zone(struct client *c, const char *zone);

/* miIO.reboot and miIO.restore when no application took them. false: not possible here. */
bool provision_reboot(struct client *c);
bool provision_reset(struct client *c);

/* The network is joined: tells the applications and starts the cloud. */
void provision_joined(struct client *c);

/* Runs "miio_client_helper.sh VERB". 0 or -errno. */
int provision_run_helper(struct client *c, struct hook **slot, const char *verb, unsigned limit_ms, hook_fn done);

void provision_tick(struct client *c, uint64_t now_ms);
uint64_t provision_next_deadline(const struct client *c);
/* Something is under way that must not be slept through. */
bool provision_busy(const struct client *c);

#endif
