/* SPDX-License-Identifier: MIT */
/* The bodies of the page's requests: JSON from whoever can reach the port, so each member is checked. */
#ifndef WEB_ASK_H
#define WEB_ASK_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum { WEB_BODY_MAX = 65536, WEB_BODY_DEPTH_MAX = 100, WEB_CALL_TIMEOUT_MS = 10000, WEB_CALL_TIMEOUT_MAX_MS = 60000 };

struct web_call {
    bool up; /* to the client and the cloud, as an application's request; else to the applications, as from the cloud */
    struct ag_buf method; /* NUL-terminated by web_ask_call() */
    struct ag_buf params; /* JSON, the same */
    unsigned timeout_ms;
};

void web_call_deinit(struct web_call *c);

/*
 * {"method":"set_power","params":["on"],"to":"device"|"client","timeout_ms":N}. NULL, or what is wrong with it; -ENOMEM is
 * "out of memory". End *out in any case.
 */
const char *web_ask_call(struct ag_span body, struct web_call *out);

/* {"password":"..."} appended. As above. */
const char *web_ask_login(struct ag_span body, struct ag_buf *password);

#endif
