/* SPDX-License-Identifier: MIT */
#include "agent/settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "libagent/io/access/access_file.h"

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

static int set_listen(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    (void) row;
    return set_addr(&((struct settings *) to)->listen, value, true, reason, n);
}

static int set_upstream(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    (void) row;
    return set_addr(&((struct settings *) to)->upstream, value, false, reason, n);
}

static int set_path(struct ag_addr *field, const char *value, enum ag_addr_kind kind, char *reason, size_t n)
{
    const char *why;

    return ag_addr_parse_path(value, kind, field, &why) < 0 ? settings_fail(reason, n, "%s", why) : 0;
}

static int set_unix(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct settings *s = to;

    (void) row;
    s->unix_is_default = false;
    return set_path(&s->unix_path, value, AG_ADDR_UNIX, reason, n);
}

static int set_seqpacket(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    (void) row;
    return set_path(&((struct settings *) to)->seqpacket, value, AG_ADDR_SEQPACKET, reason, n);
}

static int set_upstream_user(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct upstream_user u = {.set = true, .any = strcmp(value, "*") == 0};

    (void) row;
    if (!u.any && ag_access_user(value, &u.uid) < 0)
        return settings_fail(reason, n, "no user '%s'", value);
    ((struct settings *) to)->upstream_user = u;
    return 0;
}

#define AT(member) AG_OPTION_FIELD(struct settings, member)

static const struct ag_option fixed[] = {
    {"listen", "listen", .set = set_listen},
    {"upstream", "upstream", .set = set_upstream},
    {"upstream-user", "upstream-user", .set = set_upstream_user},
    {"unix", "unix", .set = set_unix},
    {"seqpacket", "seqpacket", .set = set_seqpacket},
    {"unix-group", "unix-group", 0, AG_OPTION_TEXT, AT(unix_group)},
    {"access", "access", 0, AG_OPTION_TEXT, AT(access_file)},
    {"offline", "offline", 'O', AG_OPTION_FLAG, AT(offline)},
    {"loglevel", "log-level", 'l', AG_OPTION_NUMBER, AT(log_level), .most = 4},
    {"logfile", "log-file", 'L', AG_OPTION_TEXT, AT(log_file)},
    {"config", NULL, 0, AG_OPTION_TEXT, AT(config)},
    {"check-config", NULL, 0, AG_OPTION_FLAG, AT(check_only)},
    {"daemonize", NULL, 'D', AG_OPTION_FLAG, AT(daemonize)},
};

size_t settings_rows(struct ag_option *out)
{
    size_t at = 0;

    for (size_t i = 0; i < ag_array_size(fixed); i++)
        out[at++] = fixed[i];
    for (size_t i = 0; i < limit_n_rows; i++) {
        const struct limit_row *l = &limit_rows[i];

        out[at++] = (struct ag_option){.name = l->option,
                                       .key = settings_is_max(l->option) ? l->option + 4 : l->option,
                                       .kind = AG_OPTION_NUMBER,
                                       .at = offsetof(struct settings, limits) + l->offset,
                                       .size = sizeof(uint32_t),
                                       .least = l->least,
                                       .most = l->most};
    }
    return at;
}
