/* SPDX-License-Identifier: MIT */
/* What a cloud with a broker has counted and how its MQTT link ended, for cloud_ops.counters and cloud_ops.facts. */
#ifndef CLIENT_LINK_COUNTERS_H
#define CLIENT_LINK_COUNTERS_H

#include "client/cloud/core/answer_box.h"
#include "client/cloud/core/broker_session.h"
#include "client/cloud/core/cloud_facts.h"
#include "client/cloud/core/counter.h"
#include "client/cloud/io/mqtt_link.h"

/* All that these clouds count alike. l: NULL before there is one. */
void cloud_tell_broker(const struct broker_session *s, const struct answer_box *b, const struct mqtt_link *l, counter_fn *tell,
                       void *user);

/* The same for cloud_ops.facts: what was sent and acknowledged. */
void cloud_link_facts(const struct mqtt_link *l, struct cloud_facts *out);

/* How a session with a broker is over, of mqtt_link_events.lost(). */
enum broker_end cloud_link_end_of(enum mqtt_link_loss loss, int code);
/* Of mqtt_link_events.lost(). MQTT_LINK_ASKED changes nothing: we left by ourselves. */
void cloud_past_note_link(struct cloud_past *p, enum mqtt_link_loss loss, int code, const char *why, uint64_t now_ms);

#endif
