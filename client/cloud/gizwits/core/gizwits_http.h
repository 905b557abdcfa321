/* SPDX-License-Identifier: MIT */
/*
 * The bodies of Gizwits' HTTP interface: key=value&key=value, both ways. Outgoing values are percent-encoded; incoming ones are
 * taken as they are, as the servers do not encode theirs. Source: Gizwits
 * device to cloud protocol v4.0.6, sections 4.1 to 4.5; the linked API pages.
 */
#ifndef CLIENT_GIZWITS_HTTP_H
#define CLIENT_GIZWITS_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum {
    GIZWITS_DID_MAX = 23, /* what MQTT 3.1 allows as client id; real ones have 22 */
    GIZWITS_PASSCODE_MAX = 32,
    GIZWITS_HOST_MAX = 253,
    GIZWITS_VERSION_MAX = 64,
    GIZWITS_DOWNLOAD_MAX = 2048
};

/* Appends "key=value&key=value". pairs: key, value, key, value, NULL. 0, or -ENOMEM (body unchanged). */
int gizwits_http_form(struct ag_buf *body, const char *const *pairs);

/* The value of a key; false when absent. White space at the end of the body does not count. The value of download_url is all
   that follows, as its own '&' is not encoded. */
bool gizwits_http_get(struct ag_span body, const char *key, struct ag_span *out);

/* 1..23 letters and digits, as the DID becomes part of topics. out: GIZWITS_DID_MAX + 1 bytes. 0 or -EINVAL. */
int gizwits_http_parse_did(struct ag_span body, char *out);

struct gizwits_m2m {
    char host[GIZWITS_HOST_MAX + 1];
    uint16_t port;
    int64_t server_ts; /* unix s; 0: not given */
};

int gizwits_http_parse_provision(struct ag_span body, struct gizwits_m2m *out); /* 0 or -EINVAL */

/* What an update check answers; one of id and version is set. */
struct gizwits_target {
    uint32_t id;                           /* v4.0 */
    char version[GIZWITS_VERSION_MAX + 1]; /* v4.1 */
    char url[GIZWITS_DOWNLOAD_MAX + 1];    /* empty: nothing to do */
};

int gizwits_http_parse_target(struct ag_span body, bool v41, struct gizwits_target *out); /* 0 or -EINVAL */

bool gizwits_did_ok(const char *did, size_t n);
/* Letters and digits, 1..32. */
bool gizwits_passcode_ok(const char *passcode);
/* http or https, no blanks or control bytes. */
bool gizwits_url_ok(struct ag_span url);

#endif
