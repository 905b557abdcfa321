/* SPDX-License-Identifier: MIT */
/*
 * Whether a request was made by our own page, opened under a name of ours: the defence against pages of others that
 * abuse a visitor's browser (cross-site requests, DNS names that suddenly mean this device).
 */
#ifndef WEB_GATE_H
#define WEB_GATE_H

#include <stdbool.h>
#include "libagent/core/util.h"

/* Headers of a request; {NULL, 0}: absent. */
struct web_headers {
    struct ag_span host, origin, fetch_site, content_type;
};

enum web_verdict {
    WEB_PASS,
    WEB_BAD_HOST,   /* a name that is none of ours */
    WEB_BAD_ORIGIN, /* the request comes from a page of somebody else */
    WEB_BAD_TYPE    /* something is to be changed, and the body is not application/json */
};

/* names: what this device is called, in small letters. Numeric addresses and "localhost" always are: no name leads to them. */
bool web_host_ok(struct ag_span host, const char *const *names, size_t n_names);

enum web_verdict web_gate_check(const struct web_headers *h, bool post, const char *const *names, size_t n_names);

#endif
