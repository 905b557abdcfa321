/* SPDX-License-Identifier: MIT */
#include "client/device/core/endpoint.h"

#include <errno.h>
#include <string.h>

static int refuse(const char **why_out, const char *why)
{
    *why_out = why;
    return -EINVAL;
}

/* 1..65535, digits only; 0 when it is none. */
static uint16_t parse_port(const char *p)
{
    unsigned long v = 0;

    for (; *p; p++) {
        if (*p < '0' || *p > '9')
            return 0;
        v = v * 10 + (unsigned long) (*p - '0');
        if (v > 65535)
            return 0;
    }
    return (uint16_t) v;
}

int endpoint_parse(const char *text, uint16_t default_port, struct endpoint *out, const char **why_out)
{
    const char *begin = text, *end, *port = NULL;
    struct endpoint e = {.port = default_port};

    if (strstr(text, "://"))
        return refuse(why_out, "write HOST or HOST:PORT, without the part before \"://\"");
    if (text[0] == '[') {
        begin = text + 1;
        end = strchr(begin, ']');
        if (!end || (end[1] != '\0' && end[1] != ':'))
            return refuse(why_out, "an IPv6 address is written [ADDR]:PORT");
        port = end[1] == ':' ? end + 2 : NULL;
    } else {
        end = strrchr(text, ':');
        if (end && memchr(text, ':', (size_t) (end - text)))
            return refuse(why_out, "an IPv6 address is written [ADDR]:PORT");
        port = end ? end + 1 : NULL;
        end = end ? end : text + strlen(text);
    }
    if (end == begin || (size_t) (end - begin) >= sizeof e.host)
        return refuse(why_out, "the host is empty or longer than 255 characters");
    for (const char *p = begin; p < end; p++) {
        if (*p <= ' ' || *p == '/' || *p == '@' || *p >= 0x7f)
            return refuse(why_out, "the host has a character that is not allowed");
    }
    if (port && (e.port = parse_port(port)) == 0)
        return refuse(why_out, "the port must be 1 to 65535");
    memcpy(e.host, begin, (size_t) (end - begin));
    *out = e;
    return 0;
}
