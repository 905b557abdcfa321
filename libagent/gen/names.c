/* SPDX-License-Identifier: MIT */
#include "libagent/gen/names.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Letters and digits; everything between them becomes one underscore, none at the ends. false: nothing is left, or something was
   lost that was not a separator, such as Chinese. */
static bool to_identifier(const char *text, char *out, size_t max)
{
    size_t n = 0;
    bool whole = true;

    for (; *text && n + 1 < max; text++) {
        if (is_plain(*text))
            out[n++] = (char) tolower((unsigned char) *text);
        else if (n > 0 && out[n - 1] != '_')
            out[n++] = '_';
        whole = whole && !((unsigned char) *text & 0x80);
    }
    while (n > 0 && out[n - 1] == '_')
        n--;
    out[n] = '\0';
    return n > 0 && whole && !*text;
}

const char *names_upper(const char *name, char out[GEN_NAME_MAX])
{
    size_t i = 0;

    for (; name[i] && i + 1 < GEN_NAME_MAX; i++)
        out[i] = (char) toupper((unsigned char) name[i]);
    out[i] = '\0';
    return out;
}

/* ---- uniqueness ---- */

static bool is_taken(char **list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

/*
 * wanted, or when that is taken wanted_suffix. That in turn is taken only if another name happens to end like that: then
 * more underscores.
 */
static char *unique(char **list, size_t n, const char *wanted, const char *suffix)
{
    char name[2 * GEN_NAME_MAX];

    snprintf(name, sizeof name, "%s", wanted);
    for (unsigned bars = 1; is_taken(list, n, name); bars++)
        snprintf(name, sizeof name, "%s%.*s%s", wanted, (int) (bars < 60 ? bars : 60),
                 "____________________________________________________________", suffix);
    return strdup(name);
}

/* ---- parts ---- */

static char *name_part(const struct model *m, char kind, uint32_t service, unsigned iid, model_text path, char **list, size_t n)
{
    char name[GEN_NAME_MAX], numbers[32];

    snprintf(numbers, sizeof numbers, "s%u_%c%u", m->services[service].siid, kind, iid);
    if (!to_identifier(model_str(m, path), name, sizeof name) || (name[0] >= '0' && name[0] <= '9'))
        snprintf(name, sizeof name, "%s", numbers);
    return unique(list, n, name, numbers);
}

static char *name_choice(const struct model *m, const struct model_prop *p, uint32_t i, char **list, size_t n)
{
    const struct model_choice *c = &m->choices[p->first_choice + i];
    char name[GEN_NAME_MAX], number[32], upper[GEN_NAME_MAX];

    snprintf(number, sizeof number, "%s%llu", c->value < 0 ? "minus_" : "",
             (unsigned long long) (c->value < 0 ? -(uint64_t) c->value : (uint64_t) c->value));
    if (!to_identifier(model_str(m, c->description), name, sizeof name))
        snprintf(name, sizeof name, "value_%s", number);
    names_upper(number, upper);
    return unique(list, n, names_upper(name, (char[GEN_NAME_MAX]){0}), upper);
}

static void free_list(char **list, size_t n)
{
    for (size_t i = 0; list && i < n; i++)
        free(list[i]);
    free(list);
}

void names_deinit(struct names *n)
{
    if (!n->m)
        return;
    free_list(n->props, n->m->n_props);
    free_list(n->actions, n->m->n_actions);
    free_list(n->events, n->m->n_events);
    free_list(n->choices, n->m->n_choices);
    *n = (struct names){0};
}

static bool is_identifier(const char *s)
{
    if (!*s || (*s >= '0' && *s <= '9') || strlen(s) >= 64)
        return false;
    for (; *s; s++)
        if (!is_plain(*s) && *s != '_')
            return false;
    return true;
}

static int name_all(struct names *n)
{
    const struct model *m = n->m;

    for (uint32_t i = 0; i < m->n_props; i++) {
        const struct model_prop *p = &m->props[i];

        if (!(n->props[i] = name_part(m, 'p', p->service, p->iid, p->path, n->props, i)))
            return -ENOMEM;
        for (uint32_t c = 0; c < p->n_choices; c++)
            if (!(n->choices[p->first_choice + c] = name_choice(m, p, c, n->choices + p->first_choice, c)))
                return -ENOMEM;
    }
    for (uint32_t i = 0; i < m->n_actions; i++)
        if (!(n->actions[i] = name_part(m, 'a', m->actions[i].service, m->actions[i].iid, m->actions[i].path, n->actions, i)))
            return -ENOMEM;
    for (uint32_t i = 0; i < m->n_events; i++)
        if (!(n->events[i] = name_part(m, 'e', m->events[i].service, m->events[i].iid, m->events[i].path, n->events, i)))
            return -ENOMEM;
    return 0;
}

int names_init(struct names *n, const struct model *m, const char *prefix)
{
    char own[sizeof n->prefix];
    int r = -ENOMEM;

    *n = (struct names){0};
    if (prefix && !is_identifier(prefix))
        return -EINVAL;
    if (!prefix && (!to_identifier(model_str(m, m->type), own, sizeof own) || (own[0] >= '0' && own[0] <= '9')))
        strcpy(own, "device");
    snprintf(n->prefix, sizeof n->prefix, "%s", prefix ? prefix : own);
    n->m = m;
    n->props = calloc(m->n_props + 1, sizeof *n->props);
    n->actions = calloc(m->n_actions + 1, sizeof *n->actions);
    n->events = calloc(m->n_events + 1, sizeof *n->events);
    n->choices = calloc(m->n_choices + 1, sizeof *n->choices);
    if (n->props && n->actions && n->events && n->choices)
        r = name_all(n);
    if (r < 0)
        names_deinit(n);
    return r;
}
