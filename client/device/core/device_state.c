/* SPDX-License-Identifier: MIT */
#include "client/device/core/device_state.h"

#include <stddef.h>

const char *device_machine_step(struct device_machine *m, enum device_event ev)
{
    switch (ev) {
    case DEVICE_EV_IDENTITY:
        m->state = DEVICE_DIDKEY_DONE;
        return NULL;
    case DEVICE_EV_ASK_IDENTITY_0:
        m->state = DEVICE_DIDKEY_REQ1;
        return NULL;
    case DEVICE_EV_ASK_IDENTITY_1:
        m->state = DEVICE_DIDKEY_REQ2;
        return NULL;
    case DEVICE_EV_TOKEN:
        m->state = DEVICE_TOKEN_DONE;
        return NULL;
    case DEVICE_EV_PROVISIONED:
        m->state = DEVICE_STA_MODE;
        return NULL;
    case DEVICE_EV_AP:
        m->state = DEVICE_AP_MODE;
        return "wifi_ap_mode";
    case DEVICE_EV_JOINING:
        return "wifi_connecting";
    case DEVICE_EV_JOINED:
        m->state = DEVICE_STA_MODE;
        return "wifi_connected";
    case DEVICE_EV_JOIN_FAILED:
        return "wifi_failed";
    case DEVICE_EV_CLOUD_START:
        m->state = DEVICE_CLOUD_TRYING;
        return NULL;
    case DEVICE_EV_CLOUD_UP:
        m->state = DEVICE_CLOUD_CONNECTED;
        return "cloud_connected";
    case DEVICE_EV_CLOUD_LOST:
        m->state = DEVICE_CLOUD_RETRY;
        return "cloud_retry";
    }
    return NULL;
}

const char *device_state_name(enum device_state s)
{
    static const char *const names[] = {"device_init", "didkey_req1", "didkey_req2",  "didkey_done",     "token_done",
                                        "ap_mode",     "sta_mode",    "cloud_trying", "cloud_connected", "cloud_retry"};

    return names[s];
}
