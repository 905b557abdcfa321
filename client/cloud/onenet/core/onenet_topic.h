/* SPDX-License-Identifier: MIT */
/*
 * Topics of OneNET: which ones a device may use, and the command topic "$creq/<uuid>" with its answer "$crsp/<uuid>".
 * Source: OneNET MQTT access document, sections 4.9.3, 5.2.2, 5.3, 5.8.
 */
#ifndef CLIENT_ONENET_TOPIC_H
#define CLIENT_ONENET_TOPIC_H

#include <stdbool.h>
#include "libagent/core/buf.h"

enum {
    ONENET_TOPIC_MAX = 1024, /* characters of a topic */
    ONENET_UUID_MAX = 256,   /* bytes behind "$creq/"; 36 in practice */
    ONENET_SUBSCRIPTIONS_MAX = 100
};

enum onenet_topic_error {
    ONENET_TOPIC_E_EMPTY = 1,
    ONENET_TOPIC_E_LONG,     /* over ONENET_TOPIC_MAX */
    ONENET_TOPIC_E_RESERVED, /* begins with '$' */
    ONENET_TOPIC_E_WILDCARD, /* '+' or '#' */
    ONENET_TOPIC_E_CHARS     /* something else than letters, digits, '_' and '/' */
};

const char *onenet_topic_strerror(int error);

/*
 * Topics to create, publish to or subscribe to: letters, digits, '_' and '/'. Where point is true also
 * "/<device id>/<stream>", whose stream name may hold any printable ASCII but '/', '+', '#' and blanks.
 * 0 or an enum onenet_topic_error.
 */
int onenet_topic_check(struct ag_span topic, bool point);

/* True for "$creq/<uuid>"; *uuid_out is all behind the first slash, byte for byte, inner slashes too. */
bool onenet_topic_is_command(struct ag_span topic, struct ag_span *uuid_out);

/* "$crsp/<uuid>" appended, NUL not included. 0 or -ENOMEM. */
int onenet_topic_answer(struct ag_buf *out, struct ag_span uuid);

#endif
