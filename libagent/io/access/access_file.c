/* SPDX-License-Identifier: MIT */
#include "libagent/io/access/access_file.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/buf.h"
#include "libagent/core/log/log.h"
#include "libagent/io/access/trust.h"

/* Who a rule is for, as it is being read. */
struct whos {
    struct ag_buf list; /* struct ag_access_who one after the other */
};

static int fail(char *reason, size_t n, const char *fmt, ...) ag_printf_like(3, 4);

static int fail(char *reason, size_t n, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason, n, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static int fail_memory(char *reason, size_t n)
{
    fail(reason, n, "out of memory");
    return -ENOMEM;
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

/* ---- users and groups: from the files first; getpwnam() would load the name service's libraries (0.7 MB) ---- */

static bool user_in_file(const char *name, uint32_t *uid_out)
{
    FILE *f = fopen("/etc/passwd", "re");
    const struct passwd *pw = NULL;

    if (!f)
        return false;
    while ((pw = fgetpwent(f)) && strcmp(pw->pw_name, name) != 0)
        ;
    if (pw)
        *uid_out = pw->pw_uid;
    fclose(f);
    return pw != NULL;
}

int ag_access_user(const char *text, uint32_t *uid_out)
{
    const struct passwd *pw;

    if (parse_id(text, uid_out) == 0 || user_in_file(text, uid_out))
        return 0;
    pw = getpwnam(text);
    if (!pw)
        return -ENOENT;
    *uid_out = pw->pw_uid;
    return 0;
}

static int who_add(struct whos *w, uint8_t kind, uint32_t id)
{
    struct ag_access_who one = {.kind = kind, .id = id};

    return ag_buf_append(&w->list, (const char *) &one, sizeof one);
}

static int add_members(struct whos *w, char **names)
{
    uint32_t uid;
    int r = 0;

    for (; *names && r == 0; names++)
        if (ag_access_user(*names, &uid) == 0)
            r = who_add(w, AG_ACCESS_USER, uid);
    return r;
}

/* Those whose primary group it is. */
static int add_natives(struct whos *w, uint32_t gid)
{
    FILE *f = fopen("/etc/passwd", "re");
    const struct passwd *pw;
    int r = 0;

    while (f && r == 0 && (pw = fgetpwent(f)))
        if (pw->pw_gid == gid)
            r = who_add(w, AG_ACCESS_USER, pw->pw_uid);
    if (f)
        fclose(f);
    return r;
}

/* The group with this name, or (name NULL) this number, as the file knows it; its members are added. */
static int group_in_file(struct whos *w, const char *name, uint32_t *gid, bool *found)
{
    FILE *f = fopen("/etc/group", "re");
    const struct group *g;
    int r = 0;

    while (f && !*found && (g = fgetgrent(f))) {
        *found = name ? strcmp(g->gr_name, name) == 0 : g->gr_gid == *gid;
        if (*found) {
            *gid = g->gr_gid;
            r = add_members(w, g->gr_mem);
        }
    }
    if (f)
        fclose(f);
    return r;
}

static int add_group(struct whos *w, const char *text, char *reason, size_t n)
{
    bool found = false;
    uint32_t gid = 0;
    const char *name = parse_id(text, &gid) == 0 ? NULL : text;
    const struct group *g;
    int r = group_in_file(w, name, &gid, &found);

    if (r == 0 && !found && name) {
        g = getgrnam(name);
        if (!g)
            return fail(reason, n, "no group '%s'", name);
        gid = g->gr_gid;
        r = add_members(w, g->gr_mem);
    }
    if (r == 0)
        r = who_add(w, AG_ACCESS_GROUP, gid);
    if (r == 0)
        r = add_natives(w, gid);
    return r < 0 ? fail_memory(reason, n) : 0;
}

static int add_who(struct whos *w, const char *text, char *reason, size_t n)
{
    uint32_t uid;
    int r;

    if (strcmp(text, "@console") == 0)
        return 0; /* who may do everything anyway */
    if (strcmp(text, "*") == 0)
        r = who_add(w, AG_ACCESS_ALL, 0);
    else if (*text == '@')
        return add_group(w, text + 1, reason, n);
    else if (ag_access_user(text, &uid) == 0)
        r = who_add(w, AG_ACCESS_USER, uid);
    else
        return fail(reason, n, "no user '%s'", text);
    return r < 0 ? fail_memory(reason, n) : 0;
}

/* ---- rules ---- */

static unsigned verb_of(const char *word)
{
    static const struct {
        const char *word;
        unsigned verbs;
    } words[] = {{"register", AG_ACCESS_REGISTER}, {"call", AG_ACCESS_CALL}, {"inject", AG_ACCESS_INJECT},
                 {"serve", AG_ACCESS_SERVE},       {"send", AG_ACCESS_SEND}, {"bind", AG_ACCESS_BIND},
                 {"monitor", AG_ACCESS_MONITOR},   {"any", AG_ACCESS_ANY}};

    for (size_t i = 0; i < ag_array_size(words); i++)
        if (strcmp(word, words[i].word) == 0)
            return words[i].verbs;
    return 0;
}

static int parse_verbs(char *words, unsigned *verbs_out)
{
    char *save = NULL;

    *verbs_out = 0;
    for (char *word = strtok_r(words, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        unsigned verbs = verb_of(word);

        if (!verbs)
            return -EINVAL;
        *verbs_out |= verbs;
    }
    return *verbs_out ? 0 : -EINVAL;
}

/* The same answer for "miIO.*" as for a method in it. */
static bool opens_closed(const char *pattern)
{
    size_t len = strlen(pattern);

    return ag_access_is_closed((struct ag_span){pattern, len});
}

static void warn_of_everyone(const char *pattern, const struct ag_buf *list)
{
    const struct ag_access_who *who = (const void *) ag_buf_head(list);

    for (size_t i = 0; i < ag_buf_size(list) / sizeof *who; i++)
        if (who[i].kind == AG_ACCESS_ALL && opens_closed(pattern))
            ag_log(AG_LOG_WARNING, "access rules: %s, else kept for root, is given to every local user", pattern);
}

static int add_rule(struct ag_access *a, char *name, const char *value, char *reason, size_t n)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct whos w = {.list = AG_BUF_INIT};
    char *pattern = name + strcspn(name, " \t"), *save = NULL;
    unsigned verbs;
    int r = 0;

    if (*pattern)
        *pattern++ = '\0';
    pattern += strspn(pattern, " \t");
    if (parse_verbs(name, &verbs) < 0 || !*pattern || pattern[strcspn(pattern, " \t")])
        return fail(reason, n,
                    "rule must be VERB PATTERN = WHO ..., VERB register, call, inject, serve, send, bind, "
                    "monitor or any");
    if (ag_buf_append(&text, value, strlen(value) + 1) < 0)
        return fail_memory(reason, n);
    for (char *word = strtok_r(text.data, " \t,", &save); word && r == 0; word = strtok_r(NULL, " \t,", &save))
        r = add_who(&w, word, reason, n);
    if (r == 0) {
        warn_of_everyone(pattern, &w.list);
        r = ag_access_add(a, verbs, (struct ag_span){pattern, strlen(pattern)}, (const void *) ag_buf_head(&w.list),
                          ag_buf_size(&w.list) / sizeof(struct ag_access_who));
        if (r < 0)
            fail(reason, n, r == -ENOMEM ? "out of memory" : "pattern too long");
    }
    ag_buf_deinit(&w.list);
    return r;
}

static int set_switch(bool *field, const char *value, const char *on, const char *off, char *reason, size_t n)
{
    if (strcmp(value, on) != 0 && strcmp(value, off) != 0)
        return fail(reason, n, "must be %s or %s", on, off);
    *field = strcmp(value, on) == 0;
    return 0;
}

int ag_access_item(struct ag_access *a, const char *name, const char *value, char *reason, size_t n)
{
    char copy[AG_INI_LINE_MAX + 1];

    a->n_items++;
    if (strcmp(name, "enabled") == 0)
        return set_switch(&a->enabled, value, "yes", "no", reason, n);
    if (strcmp(name, "default") == 0)
        return set_switch(&a->deny, value, "deny", "allow", reason, n);
    if (strlen(name) >= sizeof copy)
        return fail(reason, n, "line too long");
    return add_rule(a, strcpy(copy, name), value, reason, n);
}

/* ---- the file ---- */

static int on_item(void *user, const struct ag_ini_item *item, char *reason, size_t n)
{
    char why[256] = "";
    int r;

    if (*item->section && strcmp(item->section, "access") != 0)
        return fail(reason, n, "unknown section '%s'", item->section);
    r = ag_access_item(user, item->name, item->value, why, sizeof why);
    if (r < 0)
        fail(reason, n, "%.120s: %.120s", item->name, why);
    return r;
}

int ag_access_read(struct ag_access *a, const char *path, char error[AG_INI_ERROR_MAX])
{
    uint32_t before = a->n_items;
    int r;

    a->enabled = true;
    ag_trust_warn(path, AG_TRUST_SETTINGS);
    r = ag_ini_parse_file(path, on_item, a, error);
    return r < 0 ? r : a->n_items > before ? 0 : AG_ACCESS_E_EMPTY;
}

int ag_access_reread(struct ag_access *a, const char *path, char error[AG_INI_ERROR_MAX])
{
    struct ag_access now;
    int r;

    ag_access_init(&now, a->own_uid);
    r = ag_access_read(&now, path, error);
    if (r == AG_ACCESS_E_EMPTY && a->enabled) {
        snprintf(error, AG_INI_ERROR_MAX, AG_ACCESS_EMPTY_TEXT, path);
        r = -ENODATA;
    }
    if (r < 0) {
        ag_access_deinit(&now);
        return r;
    }
    ag_access_deinit(a);
    *a = now;
    return 0;
}
