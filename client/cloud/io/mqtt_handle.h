/* SPDX-License-Identifier: MIT */
/*
 * The libmosquitto handle of an MQTT session: its callbacks, and what becomes of half-received messages of QoS 2. All on the
 * session's thread, callbacks also in a round of the loop. Only mqtt_session.c includes this.
 *
 * libmosquitto keeps half-received messages of QoS 2 whatever CONNACK says. If the broker has not kept the session they would
 * come in the place of other messages, so a new handle takes over. What the old one still has to send goes out first, in a
 * session that subscribes to nothing and is not reported as connected: until all is acknowledged the link is settling.
 */
#ifndef CLIENT_MQTT_HANDLE_H
#define CLIENT_MQTT_HANDLE_H

#include "client/cloud/io/mqtt_session.h"

/* Of a session whose inbox, config and window are set; the handle itself is mqtt_handle_new()'s. */
void mqtt_handle_init(struct mqtt_session *s);
void mqtt_handle_deinit(struct mqtt_session *s);
/* NULL: out of memory, or errno is EINVAL. */
struct mosquitto *mqtt_handle_new(struct mqtt_session *s);

/* present: as CONNACK says, or will say. */
bool mqtt_handle_must_renew(const struct mqtt_session *s, bool present);
/* Between connections. libmosquitto's code; above 0 the old one is still there. */
int mqtt_handle_renew(struct mqtt_session *s);

/* After CONNACK. */
bool mqtt_handle_is_on(const struct mqtt_session *s);
/* Makes libmosquitto see an end of file: the one way to drop a connection that is stuck. */
void mqtt_handle_cut(struct mqtt_session *s);
/*
 * libmosquitto closes as soon as it has written DISCONNECT. If something from the broker is still unread, the kernel then resets
 * the connection, and the broker may never see the last words: a second descriptor keeps it open until the broker has closed,
 * too. The inbox is locked.
 */
void mqtt_handle_keep_open(struct mqtt_session *s);
/* mosquitto_loop() has returned. */
void mqtt_handle_round_over(struct mqtt_session *s);

uint64_t mqtt_handle_now_ms(void);

#endif
