/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/core/session.h"

#include <string.h>
#include "libagent/core/text/hex.h"

/* Takes the same time whatever is in them: the time of an answer must not tell how much of a guess was right. */
static bool same_token(const char *token, struct ag_span text)
{
    unsigned char differs = 0;

    if (!text.p || text.len != WEB_TOKEN_LEN || !token[0])
        return false;
    for (size_t i = 0; i < WEB_TOKEN_LEN; i++)
        differs |= (unsigned char) (token[i] ^ text.p[i]);
    return differs == 0;
}

static bool is_over(const struct web_sessions *s, const struct web_session *one, uint64_t now_ms)
{
    return !one->token[0] || now_ms - one->used_ms >= s->idle_ms || now_ms - one->since_ms >= s->life_ms;
}

void web_sessions_add(struct web_sessions *s, uint64_t now_ms, const unsigned char token[WEB_TOKEN_BYTES],
                      char text[WEB_TOKEN_LEN + 1])
{
    struct web_session *one = &s->list[0];

    for (size_t i = 0; i < WEB_SESSIONS && !is_over(s, one, now_ms); i++)
        if (is_over(s, &s->list[i], now_ms) || s->list[i].used_ms < one->used_ms)
            one = &s->list[i];
    ag_hex(text, token, WEB_TOKEN_BYTES);
    memcpy(one->token, text, sizeof one->token);
    one->since_ms = one->used_ms = now_ms;
}

static const struct web_session *find(const struct web_sessions *s, uint64_t now_ms, struct ag_span token)
{
    const struct web_session *found = NULL;

    for (size_t i = 0; i < WEB_SESSIONS; i++)
        if (same_token(s->list[i].token, token) && !is_over(s, &s->list[i], now_ms))
            found = &s->list[i];
    return found;
}

bool web_sessions_has(const struct web_sessions *s, uint64_t now_ms, struct ag_span token)
{
    return find(s, now_ms, token) != NULL;
}

bool web_sessions_use(struct web_sessions *s, uint64_t now_ms, struct ag_span token)
{
    const struct web_session *found = find(s, now_ms, token);

    if (found)
        s->list[found - s->list].used_ms = now_ms;
    return found;
}

void web_sessions_drop(struct web_sessions *s, struct ag_span token)
{
    for (size_t i = 0; i < WEB_SESSIONS; i++)
        if (same_token(s->list[i].token, token))
            memset(&s->list[i], 0, sizeof s->list[i]);
}
