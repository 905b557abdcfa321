/*
 * How the device is on the network: address, mask and gateway of the interface with the default route, and the access
 * point when that is a wireless one. Read from the kernel each time; nothing is kept.
 */
#ifndef CLIENT_NET_INFO_H
#define CLIENT_NET_INFO_H

#include "client/device/core/device_info.h"

/* Fills the network members of *out; what cannot be found is left as an empty string or 0. */
void net_info_read(struct device_info *out);

#endif
