/* SPDX-License-Identifier: MIT */
/* The methods that miio_mcu answers itself: mcu.update and mcu.info; and its reports about an update. */
#ifndef MCU_SERVICE_H
#define MCU_SERVICE_H

#include "agent/apps/mcu/core/bridge.h"
#include "agent/apps/mcu/io/conf.h"
#include "agent/apps/mcu/io/link.h"
#include "agent/apps/mcu/io/tty.h"

struct mcu_service {
    /* borrowed */
    uv_loop_t *loop;
    const struct mcu_conf *conf;
    struct mcu_bridge *bridge;
    const struct mcu_tty *tty;
    struct mcu_link *link;

    struct ag_buf image;           /* of the update under way */
    enum mcu_update_end shown_end; /* what was last reported of it */
    unsigned shown_percent;
    bool report; /* props of the update under way go up; whoever asked for it may report it instead */
};

/* Serves the request when it is one of these. True: it was. */
bool mcu_service_run(struct mcu_service *s, agent_request *req);

/* Reports the progress of the MCU's update as props ota_state and ota_progress, and frees a used image. */
void mcu_service_show_update(struct mcu_service *s);

void mcu_service_deinit(struct mcu_service *s);

#endif
