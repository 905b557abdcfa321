/* SPDX-License-Identifier: MIT */
/*
 * The topics of a Gizwits session and what they say about a payload: its form, and the App that sent it.
 * Source: Gizwits device to cloud protocol v4.0.6, sections 3.3 and 4.8 to 4.13.
 */
#ifndef CLIENT_GIZWITS_TOPIC_H
#define CLIENT_GIZWITS_TOPIC_H

#include <stdbool.h>
#include "client/cloud/gizwits/core/gizwits_frame.h"

enum {
    GIZWITS_APP_MAX = 64,    /* bytes of an App's client id */
    GIZWITS_TOPIC_MAX = 128, /* room for any of ours, NUL included */
    GIZWITS_N_FILTERS = 3
};

struct gizwits_origin {
    enum gizwits_form form;
    char app[GIZWITS_APP_MAX + 1]; /* "": from the server */
};

/* The filter to subscribe to, i below GIZWITS_N_FILTERS, in the document's order. Returns out. */
const char *gizwits_topic_filter(unsigned i, const char *did, const char *product_key, char out[GIZWITS_TOPIC_MAX]);

/* false: not a topic of this device, or no usable App id. */
bool gizwits_topic_parse(const char *topic, const char *did, const char *product_key, struct gizwits_origin *out);

/* dev2app/<did>/<app>, or dev2app/<did> for all when app is "". Returns out. */
const char *gizwits_topic_to_app(const char *did, const char *app, char out[GIZWITS_TOPIC_MAX]);

/* 1..64 bytes, no wildcards, no control bytes, UTF-8. */
bool gizwits_app_ok(struct ag_span app);

#endif
