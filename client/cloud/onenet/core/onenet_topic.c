/* SPDX-License-Identifier: MIT */
#include "client/cloud/onenet/core/onenet_topic.h"

#include <string.h>

const char *onenet_topic_strerror(int error)
{
    switch (error) {
    case ONENET_TOPIC_E_EMPTY:
        return "topic is empty";
    case ONENET_TOPIC_E_LONG:
        return "topic is longer than 1024 characters";
    case ONENET_TOPIC_E_RESERVED:
        return "topics that begin with $ are reserved";
    case ONENET_TOPIC_E_WILDCARD:
        return "wildcards are not allowed";
    case ONENET_TOPIC_E_CHARS:
        return "topic may hold letters, digits, _ and / only";
    default:
        return "error";
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_plain(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/';
}

/* "/<digits>/<stream>" */
static bool is_point_topic(struct ag_span t)
{
    size_t i = 1;

    if (t.len < 4 || t.p[0] != '/')
        return false;
    while (i < t.len && is_digit(t.p[i]))
        i++;
    if (i == 1 || i + 1 >= t.len || t.p[i] != '/')
        return false;
    for (i++; i < t.len; i++) {
        if (t.p[i] <= 0x20 || t.p[i] >= 0x7f || t.p[i] == '/')
            return false;
    }
    return true;
}

int onenet_topic_check(struct ag_span topic, bool point)
{
    if (topic.len == 0)
        return ONENET_TOPIC_E_EMPTY;
    if (topic.len > ONENET_TOPIC_MAX)
        return ONENET_TOPIC_E_LONG;
    if (topic.p[0] == '$')
        return ONENET_TOPIC_E_RESERVED;
    if (memchr(topic.p, '+', topic.len) || memchr(topic.p, '#', topic.len))
        return ONENET_TOPIC_E_WILDCARD;
    if (point && is_point_topic(topic))
        return 0;
    for (size_t i = 0; i < topic.len; i++) {
        if (!is_plain(topic.p[i]))
            return ONENET_TOPIC_E_CHARS;
    }
    return 0;
}

bool onenet_topic_is_command(struct ag_span topic, struct ag_span *uuid_out)
{
    static const char prefix[] = "$creq/";
    const size_t n = sizeof prefix - 1;
    struct ag_span uuid;

    if (topic.len <= n || topic.len > n + ONENET_UUID_MAX || memcmp(topic.p, prefix, n) != 0)
        return false;
    uuid = (struct ag_span){topic.p + n, topic.len - n};
    if (memchr(uuid.p, '+', uuid.len) || memchr(uuid.p, '#', uuid.len) || memchr(uuid.p, '\0', uuid.len))
        return false;
    *uuid_out = uuid;
    return true;
}

int onenet_topic_answer(struct ag_buf *out, struct ag_span uuid)
{
    size_t was = out->len;
    int r = ag_buf_append_str(out, "$crsp/");

    if (r == 0)
        r = ag_buf_append_span(out, uuid);
    if (r < 0)
        out->len = was;
    return r;
}
