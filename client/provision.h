/*
 * From a phone's ssid and password to a joined network and back: saving the files, running the platform's programs or
 * asking the external helper, telling the applications, starting the cloud; and the reset that undoes it all.
 */
#ifndef CLIENT_PROVISION_H
#define CLIENT_PROVISION_H

#include "client/device/core/device_files.h"
#include "client/setup/core/join.h"
#include "client/local/core/local_cmd.h"
#include "client/setup/io/hook.h"

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
    struct router_params params;   /* of the join under way, zero without one; holds a secret */
    uint64_t last_uid;             /* the owner whose new network failed, 0: none; until he gives another */
    enum provision_after after;    /* what follows once the answer has left */
    uint64_t after_at_ms;
    char new_token[DEVICE_TOKEN_LEN + 1]; /* after a reset, while the last answer leaves under the old one; a secret */
};

void provision_init(struct client *c);
void provision_deinit(struct client *c); /* kills what runs */

/* 0: begun, the asker is told ok; ROUTER_E_*; -EBUSY; -EPERM: a stranger, or a device that takes no network; -errno: the
   files, and nothing has changed. */
int provision_begin(struct client *c, enum origin_kind from, const struct router_params *params);
/* Goes on with a network that the last run did not get to join. */
void provision_resume(struct client *c, const struct wifi_conf *w);

/* Country, uid and wifi.conf, all or none. 0 or -errno. */
int provision_save_files(struct client *c, const struct router_params *p);
/* The network could not be joined: its files go, and what is in memory. */
void provision_drop_network(struct client *c);

/* How many of the platform's programs are not there, their names in out. */
unsigned provision_missing_hooks(const struct client *c, const char *out[2]);
/* Tells which of the platform's programs are not there. */
void provision_check_hooks(const struct client *c);

/* true: the zone was set, or somebody is on it. */
bool provision_set_zone(struct client *c, const char *zone);

/* miIO.reboot when no application took it. false: not possible here. */
bool provision_reboot(struct client *c);
/* miIO.restore likewise. 0: nothing of the owner is on the disk any more, the rest follows; -ENOSYS: not here; -EBUSY;
   -errno: the disk, and the reset has not taken place. */
int provision_reset(struct client *c);

/* The network is joined: tells the applications and starts the cloud. */
void provision_joined(struct client *c);

/* Runs "miio_client_helper.sh VERB". 0 or -errno. */
int provision_run_helper(struct client *c, struct hook **slot, const char *verb, unsigned limit_ms, hook_fn done);

void provision_tick(struct client *c, uint64_t now_ms);
uint64_t provision_next_deadline(const struct client *c);
/* Something is under way that must not be slept through. */
bool provision_busy(const struct client *c);

#endif
