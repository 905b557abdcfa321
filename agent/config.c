/* SPDX-License-Identifier: MIT */
#include "agent/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "agent/settings.h"
#include "libagent/io/access/access_file.h"
#include "libagent/io/command_line.h"

static bool names_match(const char *key, const char *name)
{
    for (; *key && *name; key++, name++)
        if (*key != *name && !(*key == '-' && *name == '_'))
            return false;
    return *key == *name;
}

static int config_value(struct settings *s, const struct ag_ini_item *item, bool max, char *reason, size_t n)
{
    struct ag_option rows[AG_COMMAND_LINE_MAX];
    size_t n_rows = settings_rows(rows);

    for (size_t i = 0; i < n_rows; i++) {
        if (rows[i].key && settings_is_max(rows[i].name) == max && names_match(rows[i].key, item->name))
            return ag_option_set(&rows[i], s, item->value, reason, n);
    }
    return -EINVAL;
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
        return config_value(s, item, false, reason, n);
    if (strcmp(item->section, "limits") == 0)
        return config_value(s, item, true, reason, n);
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
