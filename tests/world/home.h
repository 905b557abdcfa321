/* SPDX-License-Identifier: MIT */
/*
 * The device's home: an owner who gives it a network, moves, gives it away; a router; and the platform's programs that
 * miio_client runs (wifi_start.sh, miio_client_helper.sh).
 */
#ifndef WORLD_HOME_H
#define WORLD_HOME_H

#include <stdbool.h>
#include <stdint.h>
#include "tests/world/kernel/kernel.h"

struct home {
    bool joined;    /* the device is in the house's network */
    bool ap;        /* its access point is open */
    bool phone_out; /* the device has another token by now */
    uint64_t changed_us;
    bool hooks_fail, hooks_hang;
    uint64_t boots; /* what ran before does not run on */
};
extern struct home home;

/* Before the programs start. A home without Wi-Fi: the network is there, nothing of this happens. */
void home_open(void);
/* The power is back. */
void home_boots(void);
/* The client starts: without a network in its files it forgets the last owner. */
void home_client_starts(void);
/* What the external helper is like; NULL: as most are. */
const char *home_helper_kind(void);
void home_line(const struct proc *p, const char *line);
/* Bad luck that only a home with Wi-Fi knows. */
void home_moves(void);
void home_renews(void);
/* kept: by phone, while reports wait for their clouds. */
void home_gives_away(bool by_button, bool kept);
/* A cloud asks for it; hooks do it. */
void home_is_rebooted(void);
/* In its network, and for long. */
bool home_is_settled(void);
void home_at_rest(void);

#endif
