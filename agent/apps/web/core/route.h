/* SPDX-License-Identifier: MIT */
/*
 * What a request asks for: the method and the target of its first line, its query, its cookies. Bytes in, decisions out.
 */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include <stdbool.h>
#include "libagent/core/util.h"

enum web_action {
    WEB_FILE, /* a file of the page, of the name in path */
    WEB_SESSION,
    WEB_LOGIN,
    WEB_LOGOUT,
    WEB_STATE,
    WEB_EVENTS,
    WEB_CALL,
    WEB_MODEL,
    WEB_HISTORY,
    WEB_LOG,
    WEB_BUNDLE,
    WEB_NETWORKS,
    WEB_SETUP,
    WEB_NOWHERE
};

enum { WEB_TARGET_MAX = 1024 };

struct web_route {
    enum web_action action;
    unsigned status;      /* 200; 404 no such thing, 405 another method is wanted, 414 too long */
    const char *allow;    /* with 405 */
    struct ag_span path;  /* without the query; borrowed from the target */
    struct ag_span query; /* behind '?' */
};

void web_route_find(struct web_route *out, struct ag_span method, struct ag_span target);
/* Needs nobody to be logged in. */
bool web_route_is_open(enum web_action action);
/* Changes something, so it must come from the page itself. */
bool web_route_is_post(enum web_action action);

/*
 * The value of the first parameter of that name, percent and plus resolved, NUL-terminated, in room bytes. False: absent,
 * too long, malformed, not UTF-8, or with a control character in it; out is "" then.
 */
bool web_query_get(struct ag_span query, const char *name, char *out, size_t room);
/* The same for a number of digits; fallback when there is none. */
uint64_t web_query_number(struct ag_span query, const char *name, uint64_t max, uint64_t fallback);

/* The value of the first cookie of that name in a Cookie header; {NULL, 0} when absent. */
struct ag_span web_cookie_get(struct ag_span header, const char *name);

#endif
