/* SPDX-License-Identifier: MIT */
/* The methods that miio_mcu answers itself: mcu.update and mcu.info; and what it reports of an update. */
#ifndef MCU_SERVICE_H
#define MCU_SERVICE_H

#include "agent/apps/mcu/mcu.h"

/* Serves the request when it is one of these. True: it was. */
bool mcu_service_run(struct mcu *m, agent_request *req);

/* Reports the progress of the MCU's update as props ota_state and ota_progress, and frees a used image. */
void mcu_service_show_update(struct mcu *m);

#endif
