/* SPDX-License-Identifier: MIT */
#include "libagent/conn/address.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "agent/agent.h"
#include "libagent/core/json/json.h"

static int set_host(struct ag_address *a, const char *p, size_t n)
{
    if (n == 0 || n >= sizeof a->host)
        return -EINVAL;
    memcpy(a->host, p, n);
    a->host[n] = '\0';
    return 0;
}

static int parse_path(struct ag_address *a, uint8_t kind, const char *path)
{
    a->kind = kind;
    return set_host(a, path, strlen(path));
}

static int parse_tcp(struct ag_address *a, const char *text)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    size_t n;

    if (!colon || !ag_span_uint((struct ag_span){colon + 1, strlen(colon + 1)}, UINT16_MAX, &port) || port == 0)
        return -EINVAL;
    n = (size_t) (colon - text);
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    a->kind = AG_ADDRESS_TCP;
    a->port = (uint16_t) port;
    return set_host(a, text, n);
}

int ag_address_parse(struct ag_address *out, const char *text)
{
    struct ag_address a = {0};
    int r;

    if (strncmp(text, "unix:", 5) == 0)
        r = parse_path(&a, AG_ADDRESS_UNIX, text + 5);
    else if (strncmp(text, "seqpacket:", 10) == 0)
        r = parse_path(&a, AG_ADDRESS_SEQPACKET, text + 10);
    else if (strncmp(text, "tcp:", 4) == 0)
        r = parse_tcp(&a, text + 4);
    else if (text[0] == '/' || text[0] == '@')
        r = parse_path(&a, AG_ADDRESS_UNIX, text);
    else
        r = parse_tcp(&a, text);
    if (r == 0)
        *out = a;
    return r;
}

int ag_address_list_fill(struct ag_address_list *out, const char *text, const char *env)
{
    if (!text || text[0] == '\0')
        text = env;
    if (text && text[0] != '\0') {
        int r = ag_address_parse(&out->at[0], text);

        if (r == 0)
            out->n = 1;
        return r;
    }
    *out = (struct ag_address_list){
        .n = 2,
        .at = {{.kind = AG_ADDRESS_UNIX, .host = AGENT_UNIX_PATH},
               {.kind = AG_ADDRESS_TCP, .port = AGENT_TCP_PORT, .host = "127.0.0.1"}},
    };
    return 0;
}

void ag_address_print(const struct ag_address *a, char *buf, unsigned n)
{
    if (a->kind == AG_ADDRESS_TCP)
        snprintf(buf, n, "tcp:%s:%u", a->host, (unsigned) a->port);
    else
        snprintf(buf, n, "%s:%s", a->kind == AG_ADDRESS_UNIX ? "unix" : "seqpacket", a->host);
}
