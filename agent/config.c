/* SPDX-License-Identifier: MIT */
#include "agent/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "agent/settings.h"
#include "libagent/io/access/access_file.h"
#include "libagent/io/option.h"

static bool names_match(const char *option, const char *config)
{
    if (strncmp(option, "max-", 4) == 0)
        option += 4;
    for (; *option && *config; option++, config++)
        if (*option != *config && !(*option == '-' && *config == '_'))
            return false;
    return *option == *config;
}

/* Those with "max-" stand in [limits], times in [agent]. */
static int config_limit(struct settings *s, const struct ag_ini_item *item, bool times, char *reason, size_t n)
{
    for (size_t i = 0; i < limit_n_rows; i++) {
        bool is_time = strncmp(limit_rows[i].option, "max-", 4) != 0;

        if (is_time == times && names_match(limit_rows[i].option, item->name))
            return settings_set_limit(s, &limit_rows[i], item->value, reason, n);
    }
    return -EINVAL;
}

static int config_agent(struct settings *s, const struct ag_ini_item *item, char *reason, size_t n)
{
    static const char *const names[] = {"listen",   "upstream",  "unix",   "seqpacket",    "unix-group",
                                        "log-file", "log-level", "access", "upstream-user"};

    if (strcmp(item->name, "offline") == 0)
        return ag_option_flag(item->value, &s->offline, reason, n);
    for (size_t i = 0; i < ag_array_size(names); i++)
        if (names_match(names[i], item->name))
            return settings_set_named(s, names[i], item->value, reason, n);
    return config_limit(s, item, true, reason, n);
}

/* Rules as in the file of --access, but for the older meaning of "send": to send up, and to other applications. */
static int config_access(struct settings *s, const struct ag_ini_item *item, char *reason, size_t n)
{
    char name[AG_INI_LINE_MAX + sizeof "call,"];
    bool send = strncmp(item->name, "send ", 5) == 0;

    snprintf(name, sizeof name, "%s%s", send ? "call," : "", item->name);
    return ag_access_item(&s->access, name, item->value, reason, n);
}

static int config_named(struct settings *s, const struct ag_ini_item *item, char *reason, size_t n)
{
    if (strcmp(item->section, "agent") == 0 || strcmp(item->section, "") == 0)
        return config_agent(s, item, reason, n);
    if (strcmp(item->section, "limits") == 0)
        return config_limit(s, item, false, reason, n);
    if (strcmp(item->section, "access") == 0)
        return config_access(s, item, reason, n);
    return settings_fail(reason, n, "unknown section '%s'", item->section);
}

int config_item(void *user, const struct ag_ini_item *item, char *reason, size_t n)
{
    char why[256] = "";
    int r = config_named(user, item, why, sizeof why);

    if (r < 0 && why[0])
        settings_fail(reason, n, "%s: %s", item->name, why);
    return r;
}
