/* SPDX-License-Identifier: MIT */
#include "libagent/io/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static int refuse(const char **reason_out, const char *why)
{
    if (reason_out)
        *reason_out = why;
    return -EINVAL;
}

static struct sockaddr_in *in4(struct ag_addr *a)
{
    return (struct sockaddr_in *) (void *) &a->sa;
}

static struct sockaddr_in6 *in6(struct ag_addr *a)
{
    return (struct sockaddr_in6 *) (void *) &a->sa;
}

static const struct sockaddr_in *in4_of(const struct ag_addr *a)
{
    return (const struct sockaddr_in *) (const void *) &a->sa;
}

static const struct sockaddr_in6 *in6_of(const struct ag_addr *a)
{
    return (const struct sockaddr_in6 *) (const void *) &a->sa;
}

static const struct sockaddr_un *un_of(const struct ag_addr *a)
{
    return (const struct sockaddr_un *) (const void *) &a->sa;
}

/* Digits only, 0..65535; -1 otherwise. */
static int parse_port(const char *s)
{
    int port = 0;

    if (!*s || strlen(s) > 5)
        return -1;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return -1;
        port = port * 10 + (*s - '0');
    }
    return port <= 65535 ? port : -1;
}

static int parse_inet(const char *text, struct ag_addr *out, const char **reason_out)
{
    struct ag_addr a = {.kind = AG_ADDR_INET};
    const char *host = text, *end, *colon;
    char buf[INET6_ADDRSTRLEN];
    int port;

    if (*text == '[') {
        host = text + 1;
        end = strchr(host, ']');
        if (!end || end[1] != ':')
            return refuse(reason_out, "expected [ADDR]:PORT");
        colon = end + 1;
    } else {
        end = colon = strrchr(text, ':');
        if (!colon)
            return refuse(reason_out, "expected ADDR:PORT");
        if (memchr(text, ':', (size_t) (colon - text)))
            return refuse(reason_out, "an IPv6 address needs brackets: [ADDR]:PORT");
    }
    port = parse_port(colon + 1);
    if (port < 0)
        return refuse(reason_out, "the port is not a number of 0..65535");
    if (end == host)
        return refuse(reason_out, "the address is empty");
    if ((size_t) (end - host) >= sizeof buf)
        return refuse(reason_out, "not a numeric address");
    memcpy(buf, host, (size_t) (end - host));
    buf[end - host] = '\0';
    if (*text != '[' && inet_pton(AF_INET, buf, &in4(&a)->sin_addr) == 1) {
        in4(&a)->sin_family = AF_INET;
        in4(&a)->sin_port = htons((uint16_t) port);
        a.len = sizeof(struct sockaddr_in);
    } else if (*text == '[' && inet_pton(AF_INET6, buf, &in6(&a)->sin6_addr) == 1) {
        in6(&a)->sin6_family = AF_INET6;
        in6(&a)->sin6_port = htons((uint16_t) port);
        a.len = sizeof(struct sockaddr_in6);
    } else {
        return refuse(reason_out, "not a numeric address");
    }
    *out = a;
    return 0;
}

int ag_addr_parse_path(const char *text, enum ag_addr_kind kind, struct ag_addr *out, const char **reason_out)
{
    struct ag_addr a = {.kind = kind};
    struct sockaddr_un *un = (struct sockaddr_un *) (void *) &a.sa;
    size_t len = strlen(text);

    if (strcmp(text, "none") == 0) {
        *out = (struct ag_addr){.kind = AG_ADDR_NONE};
        return 0;
    }
    if (*text != '/' && *text != '@')
        return refuse(reason_out, "expected an absolute path, @NAME or none");
    if (len < 2)
        return refuse(reason_out, "the path is empty");
    if (len >= sizeof un->sun_path)
        return refuse(reason_out, "the path is longer than 107 bytes");
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, text, len);
    a.len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len + 1);
    if (*text == '@') { /* abstract: a leading NUL, and no NUL at the end */
        un->sun_path[0] = '\0';
        a.len--;
    }
    *out = a;
    return 0;
}

int ag_addr_parse(const char *text, struct ag_addr *out, const char **reason_out)
{
    if (strcmp(text, "none") == 0 || *text == '/' || *text == '@')
        return ag_addr_parse_path(text, AG_ADDR_UNIX, out, reason_out);
    if (strncmp(text, "unix:", 5) == 0)
        return ag_addr_parse_path(text + 5, AG_ADDR_UNIX, out, reason_out);
    if (strncmp(text, "seqpacket:", 10) == 0)
        return ag_addr_parse_path(text + 10, AG_ADDR_SEQPACKET, out, reason_out);
    if (strncmp(text, "tcp:", 4) == 0)
        text += 4;
    return parse_inet(text, out, reason_out);
}

/* A unix address without its family field; an unnamed socket gives "@". */
static const char *format_path(const struct ag_addr *a, char out[AG_ADDR_TEXT_MAX])
{
    const struct sockaddr_un *un = un_of(a);
    size_t base = offsetof(struct sockaddr_un, sun_path), len = a->len > base ? a->len - base : 0;

    if (len > 0 && un->sun_path[0] != '\0')
        len = strnlen(un->sun_path, len);
    if (len > sizeof un->sun_path)
        len = sizeof un->sun_path;
    memcpy(out, un->sun_path, len);
    out[len] = '\0';
    if (len == 0 || out[0] == '\0') {
        out[0] = '@';
        for (size_t i = 1; i < len; i++) /* names made by the kernel or by others may hold any byte */
            if ((unsigned char) out[i] < 0x21 || (unsigned char) out[i] > 0x7e)
                out[i] = '?';
        out[len > 0 ? len : 1] = '\0';
    }
    return out;
}

const char *ag_addr_format(const struct ag_addr *a, char out[AG_ADDR_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN];

    switch (a->kind) {
    case AG_ADDR_UNIX:
    case AG_ADDR_SEQPACKET:
        return format_path(a, out);
    case AG_ADDR_INET:
        if (a->sa.ss_family == AF_INET) {
            inet_ntop(AF_INET, &in4_of(a)->sin_addr, host, sizeof host);
            snprintf(out, AG_ADDR_TEXT_MAX, "%s:%u", host, ag_addr_port(a));
        } else {
            inet_ntop(AF_INET6, &in6_of(a)->sin6_addr, host, sizeof host);
            snprintf(out, AG_ADDR_TEXT_MAX, "[%s]:%u", host, ag_addr_port(a));
        }
        return out;
    case AG_ADDR_NONE:
        break;
    }
    memcpy(out, "none", sizeof "none");
    return out;
}

void ag_addr_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct ag_addr *out)
{
    struct ag_addr a = {.kind = AG_ADDR_NONE};

    if (len > sizeof a.sa || len < sizeof sa->sa_family) {
        *out = a;
        return;
    }
    if (sa->sa_family == AF_INET || sa->sa_family == AF_INET6)
        a.kind = AG_ADDR_INET;
    else if (sa->sa_family == AF_UNIX)
        a.kind = AG_ADDR_UNIX;
    if (a.kind != AG_ADDR_NONE) {
        memcpy(&a.sa, sa, len);
        a.len = len;
    }
    *out = a;
}

static int addr_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *), struct ag_addr *out)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof sa, type_len = sizeof(int);
    int type;

    if (get(fd, (struct sockaddr *) &sa, &len) < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0)
        return -errno;
    ag_addr_from_sockaddr((const struct sockaddr *) &sa, len, out);
    if (out->kind == AG_ADDR_UNIX && type == SOCK_SEQPACKET)
        out->kind = AG_ADDR_SEQPACKET;
    return 0;
}

static int get_own(int fd, struct sockaddr *sa, socklen_t *len)
{
    return getsockname(fd, sa, len);
}

static int get_peer(int fd, struct sockaddr *sa, socklen_t *len)
{
    return getpeername(fd, sa, len);
}

int ag_addr_of_socket(int fd, struct ag_addr *out)
{
    return addr_of(fd, get_own, out);
}

int ag_addr_of_peer(int fd, struct ag_addr *out)
{
    return addr_of(fd, get_peer, out);
}

uint16_t ag_addr_port(const struct ag_addr *a)
{
    if (a->kind != AG_ADDR_INET)
        return 0;
    return ntohs(a->sa.ss_family == AF_INET ? in4_of(a)->sin_port : in6_of(a)->sin6_port);
}

bool ag_addr_is_local(const struct ag_addr *a)
{
    switch (a->kind) {
    case AG_ADDR_UNIX:
    case AG_ADDR_SEQPACKET:
        return true;
    case AG_ADDR_INET:
        if (a->sa.ss_family == AF_INET)
            return ntohl(in4_of(a)->sin_addr.s_addr) >> 24 == 127;
        return IN6_IS_ADDR_LOOPBACK(&in6_of(a)->sin6_addr);
    case AG_ADDR_NONE:
        break;
    }
    return false;
}

bool ag_addr_equal(const struct ag_addr *a, const struct ag_addr *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == AG_ADDR_NONE)
        return true;
    if (a->kind != AG_ADDR_INET)
        return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
    if (a->sa.ss_family != b->sa.ss_family || ag_addr_port(a) != ag_addr_port(b))
        return false;
    if (a->sa.ss_family == AF_INET)
        return in4_of(a)->sin_addr.s_addr == in4_of(b)->sin_addr.s_addr;
    return memcmp(&in6_of(a)->sin6_addr, &in6_of(b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}
