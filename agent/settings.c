/* SPDX-License-Identifier: MIT */
#include "agent/settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "libagent/io/access/access_file.h"
#include "libagent/io/option.h"

void settings_init(struct settings *s)
{
    *s = (struct settings){.log_level = 2, .unix_group = "miio", .unix_is_default = true};
    limits_init(&s->limits);
    ag_addr_parse("127.0.0.1:54320", &s->listen, NULL);
    ag_addr_parse("127.0.0.1:54322", &s->upstream, NULL);
    ag_addr_parse_path("/run/miio/agent.sock", AG_ADDR_UNIX, &s->unix_path, NULL);
    ag_addr_parse("none", &s->seqpacket, NULL);
    ag_access_init(&s->access, (uint32_t) geteuid());
    s->access.enabled = true; /* once the file has an item in [access] */
}

void settings_deinit(struct settings *s)
{
    ag_access_deinit(&s->access);
}

int settings_fail(char *reason, size_t n, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason, n, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static int set_number(uint32_t *field, const char *value, uint32_t min, uint32_t max, char *reason, size_t n)
{
    uint64_t v;

    if (ag_option_number(value, min, max, &v, reason, n) < 0)
        return -EINVAL;
    *field = (uint32_t) v;
    return 0;
}

static int set_addr(struct ag_addr *field, const char *value, bool none_allowed, char *reason, size_t n)
{
    struct ag_addr a;
    const char *why;

    if (ag_addr_parse(value, &a, &why) < 0)
        return settings_fail(reason, n, "%s", why);
    if (a.kind == AG_ADDR_SEQPACKET || (a.kind == AG_ADDR_NONE && !none_allowed))
        return settings_fail(reason, n, "must be ADDR:PORT%s", none_allowed ? " or none" : "");
    *field = a;
    return 0;
}

static int set_path(struct ag_addr *field, const char *value, enum ag_addr_kind kind, char *reason, size_t n)
{
    const char *why;

    return ag_addr_parse_path(value, kind, field, &why) < 0 ? settings_fail(reason, n, "%s", why) : 0;
}

int settings_set_level(int *field, const char *value, char *reason, size_t n)
{
    uint32_t level = 0;

    if (set_number(&level, value, 0, 4, reason, n) < 0)
        return -EINVAL;
    *field = (int) level;
    return 0;
}

static int set_upstream_user(struct upstream_user *field, const char *value, char *reason, size_t n)
{
    struct upstream_user u = {.set = true, .any = strcmp(value, "*") == 0};

    if (!u.any && ag_access_user(value, &u.uid) < 0)
        return settings_fail(reason, n, "no user '%s'", value);
    *field = u;
    return 0;
}

int settings_set_named(struct settings *s, const char *name, const char *value, char *reason, size_t n)
{
    if (strcmp(name, "listen") == 0)
        return set_addr(&s->listen, value, true, reason, n);
    if (strcmp(name, "upstream") == 0)
        return set_addr(&s->upstream, value, false, reason, n);
    if (strcmp(name, "upstream-user") == 0)
        return set_upstream_user(&s->upstream_user, value, reason, n);
    if (strcmp(name, "unix") == 0) {
        s->unix_is_default = false;
        return set_path(&s->unix_path, value, AG_ADDR_UNIX, reason, n);
    }
    if (strcmp(name, "seqpacket") == 0)
        return set_path(&s->seqpacket, value, AG_ADDR_SEQPACKET, reason, n);
    if (strcmp(name, "unix-group") == 0)
        return ag_option_text(value, s->unix_group, sizeof s->unix_group, reason, n);
    if (strcmp(name, "log-file") == 0)
        return ag_option_text(value, s->log_file, sizeof s->log_file, reason, n);
    if (strcmp(name, "access") == 0)
        return ag_option_text(value, s->access_file, sizeof s->access_file, reason, n);
    if (strcmp(name, "log-level") == 0)
        return settings_set_level(&s->log_level, value, reason, n);
    return 1;
}

int settings_set_limit(struct settings *s, const struct limit_row *l, const char *value, char *reason, size_t n)
{
    return set_number(limits_at(&s->limits, l), value, l->least, l->most, reason, n);
}
