/* SPDX-License-Identifier: MIT */
/* Blocking one-liners for what the client daemon knows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/conn/conn.h"
#include "libagent/core/json/json.h"

enum { QUERY_TIMEOUT_MS = 5000 };

static void free_string(char **s)
{
    free(*s);
}

AGENT_API int agent_query_time(agent_conn *conn, int64_t *ret_unix_s)
{
    ag_cleanup(free_string) char *text = NULL;
    uint64_t v;
    int r = conn && ret_unix_s ? agent_call_sync(conn, "local.query_time", NULL, QUERY_TIMEOUT_MS, &text) : -EINVAL;

    if (r < 0)
        return r;
    if (!ag_span_uint((struct ag_span){text, strlen(text)}, INT64_MAX, &v))
        return AGENT_E_PROTOCOL;
    *ret_unix_s = (int64_t) v;
    return 0;
}

/* The content of a JSON string, or the text of any other value, into buf. */
static int query_word(agent_conn *conn, const char *method, char *buf, size_t n)
{
    ag_cleanup(free_string) char *text = NULL;
    int r = conn && buf && n > 0 ? agent_call_sync(conn, method, "\"\"", QUERY_TIMEOUT_MS, &text) : -EINVAL;
    long len;

    if (r < 0)
        return r;
    if (text[0] == '"') {
        len = ag_json_unescape((struct ag_span){text, strlen(text)}, text, strlen(text));
    } else {
        len = (long) strlen(text);
    }
    if (len < 0)
        return AGENT_E_PROTOCOL;
    if ((size_t) len >= n)
        return -ENOBUFS;
    memcpy(buf, text, (size_t) len);
    buf[len] = '\0';
    return 0;
}

AGENT_API int agent_query_country(agent_conn *conn, char *buf, size_t n)
{
    return query_word(conn, "local.query_country", buf, n);
}

AGENT_API int agent_query_status(agent_conn *conn, char *buf, size_t n)
{
    return query_word(conn, "local.query_status", buf, n);
}
