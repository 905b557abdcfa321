/* SPDX-License-Identifier: MIT */
/*
 * A device without an identity: did 0 in device.conf asks for did and key at once, did 1 after provisioning.
 * The vendor's form of that request is not public, so a program of the platform makes it:
 * "miio_client_helper.sh identity" gets the identity from wherever the maker keeps it, writes device.conf,
 * and exits with 0; any other status means "not yet", and it is run again after a while. Source: Xiaomi Linux
 * client document, section 11.
 */
#include <errno.h>
#include "client/device/core/device_conf.h"
#include "client/device/core/device_state.h"
#include "client/setup/core/setup_part.h"

void setup_online(struct setup_machine *m, const struct setup_facts *f)
{
    bool after_joining = f->did == 1;

    if (!identity_is_missing(f->did)) {
        setup_do(m, SETUP_DO_ONLINE, 0);
        return;
    }
    m->wants_identity = true;
    m->identity_at_ms = 0;
    m->identity_pause_ms = m->settings.identity_pause_ms ? m->settings.identity_pause_ms
                           : after_joining               ? SETUP_IDENTITY_1_MS
                                                         : SETUP_IDENTITY_0_MS;
    setup_do(m, SETUP_DO_STATE, after_joining ? DEVICE_EV_ASK_IDENTITY_1 : DEVICE_EV_ASK_IDENTITY_0);
}

void setup_identity_tick(struct setup_machine *m, const struct setup_facts *f)
{
    if (!m->wants_identity || m->identity_runs || f->now_ms < m->identity_at_ms)
        return;
    m->identity_at_ms = f->now_ms + m->identity_pause_ms;
    m->identity_runs = true;
    setup_do(m, SETUP_DO_RUN, SETUP_RUN_IDENTITY);
}

void setup_identity_ended(struct setup_machine *m, const struct setup_facts *f, int status)
{
    m->identity_runs = false;
    m->identity_at_ms = f->now_ms + m->identity_pause_ms;
    if (status == 0)
        setup_do(m, SETUP_DO_READ_IDENTITY, 0);
    else
        setup_do(m, SETUP_DO_SAY, SETUP_SAY_IDENTITY_LATER);
}

/* did 1: the phone has given a network, and now the device learns its identity; did 0: the network was there before. */
void setup_identity_read(struct setup_machine *m, int r)
{
    if (r == -EAGAIN)
        setup_do(m, SETUP_DO_SAY, SETUP_SAY_NO_IDENTITY);
    if (r < 0)
        return;
    m->wants_identity = false;
    setup_do(m, SETUP_DO_SAY, SETUP_SAY_IDENTITY);
    setup_do(m, SETUP_DO_STATE, DEVICE_EV_IDENTITY);
    setup_do(m, SETUP_DO_STATE, DEVICE_EV_TOKEN);
    setup_do(m, SETUP_DO_STATE, DEVICE_EV_PROVISIONED);
    setup_do(m, SETUP_DO_ONLINE, 0);
}
