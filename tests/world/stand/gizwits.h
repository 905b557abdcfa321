/* SPDX-License-Identifier: MIT */
/* Gizwits: GService over HTTP, M2M over MQTT 3.1, one App. In code of its own. */
#ifndef WORLD_GIZWITS_H
#define WORLD_GIZWITS_H

#include "tests/world/stand/broker.h"
#include "tests/world/stand/http.h"

#define GIZWITS_KEY "0123456789abcdef0123456789abcdef"

enum { GIZWITS_DIDS = 256 };

struct gizwits {
    struct broker *broker;
    struct http_server web;
    struct {
        char did[23], passcode[33];
        bool disabled;
    } at[GIZWITS_DIDS];
    unsigned n, newest; /* newest: index + 1 of the one that logged in last */
    void (*on_answer)(void *user, const char *text);
    void (*on_report)(void *user, const char *text);
    void *user;
};

void gizwits_open(struct gizwits *g, struct broker *b, uint32_t ip);
/* From the App, when the device is there. */
bool gizwits_is_in(const struct gizwits *g);
void gizwits_give(struct gizwits *g, const char *text, uint32_t sn);

#endif
