#include "agent/config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/values.h"

static bool names_match(const char *option, const char *config)
{
    if (strncmp(option, "max-", 4) == 0)
        option += 4;
    for (; *option && *config; option++, config++)
        if (*option != *config && !(*option == '-' && *config == '_'))
            return false;
    return *option == *config;
}

static int config_limit(struct settings *s, const struct ag_ini_item *item, bool timeouts, char *reason,
                        size_t n)
{
    for (size_t i = 0; i < value_n_limits; i++) {
        bool timeout = strstr(value_limits[i].option, "timeout");

        if (timeout == timeouts && names_match(value_limits[i].option, item->name))
            return value_set_limit(s, &value_limits[i], item->value, reason, n);
    }
    return -EINVAL;
}

static int config_agent(struct settings *s, const struct ag_ini_item *item, char *reason, size_t n)
{
    static const char *const names[] = {"listen",     "upstream", "unix",     "seqpacket",
                                        "unix-group", "log-file", "log-level"};

    if (strcmp(item->name, "offline") == 0)
        return value_set_bool(&s->offline, item->value, reason, n);
    for (size_t i = 0; i < ag_array_size(names); i++)
        if (names_match(names[i], item->name))
            return value_set_named(s, names[i], item->value, reason, n);
    return config_limit(s, item, true, reason, n);
}

static int parse_id(const char *text, uint32_t *id_out)
{
    char *end;
    unsigned long v;

    errno = 0;
    v = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || v >= UINT32_MAX)
        return -EINVAL;
    *id_out = (uint32_t) v;
    return 0;
}

static int parse_who(const char *text, struct access_who *who, char *reason, size_t n)
{
    const struct passwd *pw;
    const struct group *gr;

    if (strcmp(text, "*") == 0) {
        *who = (struct access_who){.kind = ACCESS_ALL};
        return 0;
    }
    who->kind = *text == '@' ? ACCESS_GROUP : ACCESS_USER;
    text += *text == '@';
    if (parse_id(text, &who->id) == 0)
        return 0;
    if (who->kind == ACCESS_GROUP) {
        gr = getgrnam(text);
        if (!gr)
            return value_fail(reason, n, "no group '%s'", text);
        who->id = gr->gr_gid;
        return 0;
    }
    pw = getpwnam(text);
    if (!pw)
        return value_fail(reason, n, "no user '%s'", text);
    who->id = pw->pw_uid;
    return 0;
}

static int parse_verb(const char *name, unsigned *verbs_out, const char **pattern_out)
{
    static const struct {
        const char *word;
        unsigned verbs;
    } words[] = {
        {"register", ACCESS_REGISTER}, {"send", ACCESS_SEND}, {"any", ACCESS_REGISTER | ACCESS_SEND}};

    for (size_t i = 0; i < ag_array_size(words); i++) {
        size_t len = strlen(words[i].word);

        if (strncmp(name, words[i].word, len) == 0 && name[len] == ' ') {
            *verbs_out = words[i].verbs;
            *pattern_out = name + len + strspn(name + len, " ");
            return 0;
        }
    }
    return -EINVAL;
}

static int config_access(struct settings *s, const struct ag_ini_item *item, char *reason, size_t n)
{
    enum { WHO_MAX = 64 };
    struct access_who who[WHO_MAX];
    char value[AG_INI_LINE_MAX + 1], *save = NULL;
    const char *pattern;
    unsigned verbs;
    size_t n_who = 0;

    s->access_named = true;
    if (strcmp(item->name, "enabled") == 0)
        return value_set_bool(&s->access.enabled, item->value, reason, n);
    if (parse_verb(item->name, &verbs, &pattern) < 0 || !*pattern || strchr(pattern, ' '))
        return value_fail(reason, n, "rule must be VERB METHOD = WHO ..., VERB register, send or any");
    snprintf(value, sizeof value, "%s", item->value);
    for (char *word = strtok_r(value, " \t,", &save); word; word = strtok_r(NULL, " \t,", &save)) {
        if (n_who == WHO_MAX)
            return value_fail(reason, n, "more than %d users and groups", WHO_MAX);
        if (parse_who(word, &who[n_who++], reason, n) < 0)
            return -EINVAL;
    }
    return access_add(&s->access, verbs, (struct ag_span){pattern, strlen(pattern)}, who, n_who);
}

static int config_named(struct settings *s, const struct ag_ini_item *item, char *reason, size_t n)
{
    if (strcmp(item->section, "agent") == 0 || strcmp(item->section, "") == 0)
        return config_agent(s, item, reason, n);
    if (strcmp(item->section, "limits") == 0)
        return config_limit(s, item, false, reason, n);
    if (strcmp(item->section, "access") == 0)
        return config_access(s, item, reason, n);
    return value_fail(reason, n, "unknown section '%s'", item->section);
}

int config_item(void *user, const struct ag_ini_item *item, char *reason, size_t n)
{
    char why[256] = "";
    int r = config_named(user, item, why, sizeof why);

    if (r < 0 && why[0])
        value_fail(reason, n, "%s: %s", item->name, why);
    return r;
}
