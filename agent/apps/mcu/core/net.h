/* SPDX-License-Identifier: MIT */
/* The network state as the MCU hears it, and the names of the device's states from which it follows. */
#ifndef MCU_NET_H
#define MCU_NET_H

enum mcu_net { MCU_NET_OFFLINE, MCU_NET_LOCAL, MCU_NET_CLOUD, MCU_NET_UPDATING, MCU_NET_UAP, MCU_NET_UNPROV };

/* "offline", "local", "cloud", "updating", "uap", "unprov" [MIoT serial, "net"]. */
const char *mcu_net_name(enum mcu_net net);

/* Of a local.status ("cloud_connected", "ap_mode", ...); an unknown one changes nothing: returns was. */
enum mcu_net mcu_net_of_status(const char *status, enum mcu_net was);

#endif
