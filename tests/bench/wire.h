/* SPDX-License-Identifier: MIT */
/* The messages of the benchmark, bare (JSON back to back) or inside MQTT 3.1.1 PUBLISH packets of QoS 0. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include "libagent/core/buf.h"

enum { WIRE_ID_BASE = 1000000000 };

/* A message seen: {"id":<id>,"method":"<m>",... or {"id":<id>,"result":... */
struct wire_text {
    struct ag_span id;   /* its digits */
    struct ag_span rest; /* from behind the digits to the end */
    unsigned long number;
};

/* {"id":ID,"method":"mAPP","params":["xxx"]} of exactly size bytes. */
void wire_put_call(struct ag_buf *out, bool mqtt, const char *topic, unsigned long id, unsigned app, size_t size);
/* Answers with the digits that came. */
void wire_put_reply(struct ag_buf *out, bool mqtt, const char *topic, struct ag_span id);
void wire_put_mqtt_connect(struct ag_buf *out, unsigned n);
void wire_put_mqtt_subscribe(struct ag_buf *out, const char *topic);

/*
 * Takes the next message off the front. 1: *out is filled, its bytes stay until more is read into in; 0: more bytes are
 * needed; -1: not what was to come. MQTT packets other than PUBLISH are passed over and counted in *acks.
 */
int wire_take(struct ag_buf *in, bool mqtt, struct wire_text *out, unsigned *acks);

/* The part of a call behind its id is the one that was sent for that app. */
bool wire_call_intact(const struct wire_text *t, unsigned app, size_t size);

#endif
