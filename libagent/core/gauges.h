/* SPDX-License-Identifier: MIT */
/*
 * Those of miio_client's counters that can also go down: whoever counts gives them these names, and whoever shows counters to a
 * collector knows them by these. "cloud." may stand before them.
 */
#ifndef AG_GAUGES_H
#define AG_GAUGES_H

#define AG_GAUGE_ANSWERS      "answers.waiting"
#define AG_GAUGE_COMMANDS     "command.open"
#define AG_GAUGE_LINK         "link.unacknowledged"
#define AG_GAUGE_LOCAL_BYTES  "local.bytes"
#define AG_GAUGE_SPOOL        "spool.waiting"
#define AG_GAUGE_UPLINK_BYTES "uplink.bytes"
#define AG_GAUGE_UPLINK_OPEN  "uplink.open"

#define AG_GAUGES                                                                                                                \
    {                                                                                                                            \
        AG_GAUGE_ANSWERS, AG_GAUGE_COMMANDS, AG_GAUGE_LINK, AG_GAUGE_LOCAL_BYTES, AG_GAUGE_SPOOL, AG_GAUGE_UPLINK_BYTES,         \
            AG_GAUGE_UPLINK_OPEN                                                                                                 \
    }

#endif
