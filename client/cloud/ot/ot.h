/* SPDX-License-Identifier: MIT */
/*
 * Xiaomi's OT cloud behind the interface of cloud.h: finds the server, opens links to it one after the other, and lets
 * client/cloud/ot/core/ot_session.h do the talking. Lookups run in libuv's pool and never block the loop.
 *
 * After a failure the next address of the answer is tried, then the name is looked up again; pauses grow from 1 s to a
 * minute, and start over when a session has lasted (client/cloud/ot/core/ot_line.h). Settings in device.conf, all
 * optional (the command line's -H -p -C -i --transport set the first five):
 *
 *   ot_host=NAME|ADDRESS   [country.]ot.io.mi.com, on TCP [country.]ott.io.mi.com
 *   ot_port=1..65535       8053, on TCP 80
 *   country=CC             prefix of the default host; else the word in device.country; prc and cn mean none
 *   ot_interval=MS         period of _otc.info              1800000
 *   ot_transport=udp|tcp   udp
 *   ot_keepalive_ms=N      15000
 *   ot_resend_ms=N         3000, UDP only
 *   ot_window=N            256 reports unacknowledged at a time
 */
#ifndef CLIENT_OT_H
#define CLIENT_OT_H

#include "client/cloud/cloud.h"

extern const struct cloud_ops cloud_ot_ops;

#endif
