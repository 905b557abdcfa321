/* SPDX-License-Identifier: MIT */
/* Who is logged in: a few random tokens, each with an end. A full table gives up the one that was used least recently. */
#ifndef WEB_SESSION_H
#define WEB_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/util.h"

enum { WEB_SESSIONS = 16, WEB_TOKEN_BYTES = 32, WEB_TOKEN_LEN = 2 * WEB_TOKEN_BYTES };

struct web_sessions {
    uint64_t idle_ms, life_ms; /* a session ends this long after its last use, and after its beginning */
    struct web_session {
        char token[WEB_TOKEN_LEN + 1]; /* "": free */
        uint64_t since_ms, used_ms;
    } list[WEB_SESSIONS];
};

/* token: random bytes; text gets the form that the cookie has. */
void web_sessions_add(struct web_sessions *s, uint64_t now_ms, const unsigned char token[WEB_TOKEN_BYTES],
                      char text[WEB_TOKEN_LEN + 1]);
/* Is this one logged in? Counts as a use. */
bool web_sessions_use(struct web_sessions *s, uint64_t now_ms, struct ag_span token);
/* The same without counting: for what goes on by itself, such as an open stream. */
bool web_sessions_has(const struct web_sessions *s, uint64_t now_ms, struct ag_span token);
void web_sessions_drop(struct web_sessions *s, struct ag_span token);

#endif
