/* SPDX-License-Identifier: MIT */
/* Log level 3: why a datagram was not served. */
#ifndef CLIENT_LAN_TRACE_H
#define CLIENT_LAN_TRACE_H

#include "client/lan/core/lan.h"

/* Tells it from the counters before and after. Logs nothing when it was served. */
void lan_trace(const struct lan_addr *from, const struct lan_stats *before, const struct lan_stats *after);

#endif
