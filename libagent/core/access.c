/* SPDX-License-Identifier: MIT */
#include "libagent/core/access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ag_access_rule {
    struct ag_access_rule *next;
    uint8_t verbs; /* AG_ACCESS_* */
    bool prefix;
    uint16_t len;
    uint32_t n_who;
    struct ag_access_who *who; /* behind the pattern in the same block */
    char pattern[];
};

/* What the rules say to one question. */
enum verdict { UNNAMED, ALLOWED, DENIED };

/* Closed prefixes, and the names in them that are open. */
static const struct {
    struct ag_span prefix, open;
} closed[] = {{{"_internal.", 10}, {NULL, 0}},
              {{"miIO.", 5}, {"miIO.info", 9}},
              {{"local.ble.", 10}, {NULL, 0}},
              {{"agent.", 6}, {"agent.info", 10}}};

void ag_access_init(struct ag_access *a, uint32_t own_uid)
{
    *a = (struct ag_access){.own_uid = own_uid};
}

void ag_access_deinit(struct ag_access *a)
{
    struct ag_access_rule *r = a->rules, *next;

    for (; r; r = next) {
        next = r->next;
        free(r);
    }
    a->rules = NULL;
}

int ag_access_add(struct ag_access *a, unsigned verbs, struct ag_span pattern, const struct ag_access_who *who, size_t n_who)
{
    bool prefix = pattern.len > 0 && pattern.p[pattern.len - 1] == '*';
    size_t len = prefix ? pattern.len - 1 : pattern.len;
    size_t name_room = (len + sizeof *who - 1) / sizeof *who * sizeof *who;
    struct ag_access_rule *r, **at = &a->rules;

    if (pattern.len == 0 || len > AG_ACCESS_PATTERN_MAX)
        return -EINVAL;
    r = malloc(sizeof *r + name_room + n_who * sizeof *who);
    if (!r)
        return -ENOMEM;
    *r = (struct ag_access_rule){.verbs = (uint8_t) verbs, .prefix = prefix, .len = (uint16_t) len};
    r->who = (void *) (r->pattern + name_room);
    r->n_who = (uint32_t) n_who;
    memcpy(r->pattern, pattern.p, len);
    if (n_who > 0)
        memcpy(r->who, who, n_who * sizeof *who);
    while (*at) /* of two equal patterns the first one written counts */
        at = &(*at)->next;
    *at = r;
    return 0;
}

bool ag_access_is_owner(const struct ag_access *a, const struct ag_cred *c)
{
    return c->known && (c->uid == 0 || c->uid == a->own_uid);
}

static bool begins(struct ag_span s, struct ag_span with)
{
    return s.len >= with.len && (with.len == 0 || memcmp(s.p, with.p, with.len) == 0);
}

/* Length of the closed prefix that a name (wide: all that begin with it) lies in; 0: none. */
static size_t closed_len(struct ag_span name, bool wide)
{
    for (size_t i = 0; i < ag_array_size(closed); i++)
        if (begins(name, closed[i].prefix))
            return !wide && closed[i].open.p && ag_span_is(name, closed[i].open.p, closed[i].open.len) ? 0 : closed[i].prefix.len;
    return 0;
}

bool ag_access_is_closed(struct ag_span method)
{
    return closed_len(method, false) > 0;
}

static bool rule_better(const struct ag_access_rule *r, const struct ag_access_rule *than)
{
    return !than || (!r->prefix && than->prefix) || (r->prefix == than->prefix && r->len > than->len);
}

static bool rule_covers(const struct ag_access_rule *r, unsigned verb, struct ag_span name)
{
    return (r->verbs & verb) && (r->prefix ? name.len >= r->len : name.len == r->len) &&
           (r->len == 0 || memcmp(r->pattern, name.p, r->len) == 0);
}

/* The rule that counts for a method, or (wide) for all methods that begin with name. */
static const struct ag_access_rule *rule_for(const struct ag_access *a, unsigned verb, struct ag_span name, bool wide)
{
    const struct ag_access_rule *best = NULL;

    for (const struct ag_access_rule *r = a->rules; r; r = r->next)
        if ((r->prefix || !wide) && rule_covers(r, verb, name) && rule_better(r, best))
            best = r;
    return best;
}

static bool who_is(const struct ag_access_who *w, const struct ag_cred *c)
{
    if (w->kind == AG_ACCESS_ALL)
        return true;
    if (!c->known)
        return false;
    if (w->kind == AG_ACCESS_USER)
        return c->uid == w->id;
    for (uint32_t i = 0; i < c->n_gids; i++)
        if (c->gids[i] == w->id)
            return true;
    return false;
}

static bool rule_allows(const struct ag_access_rule *r, const struct ag_cred *c)
{
    for (uint32_t i = 0; i < r->n_who; i++)
        if (who_is(&r->who[i], c))
            return true;
    return false;
}

static enum verdict judge(const struct ag_access *a, unsigned verb, struct ag_span name, bool wide, const struct ag_cred *c)
{
    const struct ag_access_rule *r = rule_for(a, verb, name, wide);
    size_t least = closed_len(name, wide);

    if (r && r->len >= least)
        return rule_allows(r, c) ? ALLOWED : DENIED;
    return least > 0 ? DENIED : UNNAMED;
}

static bool settle(const struct ag_access *a, enum verdict v, bool strict)
{
    return v == ALLOWED || (v == UNNAMED && !strict && !a->deny);
}

/* A prefix asks for everything that begins with it: what counts for each narrower pattern, rule or closed, has to
 * allow it. */
static bool narrower_allow(const struct ag_access *a, unsigned verb, struct ag_span head, bool strict, const struct ag_cred *c)
{
    for (size_t i = 0; i < ag_array_size(closed); i++)
        if (begins(closed[i].prefix, head) && judge(a, verb, closed[i].prefix, true, c) != ALLOWED)
            return false;
    for (const struct ag_access_rule *r = a->rules; r; r = r->next) {
        struct ag_span pattern = {r->pattern, r->len};

        if ((r->verbs & verb) && begins(pattern, head) && !settle(a, judge(a, verb, pattern, r->prefix, c), strict))
            return false;
    }
    return true;
}

static bool check(const struct ag_access *a, unsigned verb, struct ag_span name, bool wide, bool strict, const struct ag_cred *c)
{
    strict = strict || (verb & AG_ACCESS_STRICT) || (!wide && ag_access_is_private(name));
    if (!a->enabled)
        return !strict || ag_access_is_owner(a, c);
    if (ag_access_is_owner(a, c))
        return true;
    if (wide && !narrower_allow(a, verb, name, strict, c))
        return false;
    return settle(a, judge(a, verb, name, wide, c), strict);
}

bool ag_access_check(const struct ag_access *a, enum ag_access_verb verb, struct ag_span method, const struct ag_cred *c)
{
    return check(a, verb, method, false, false, c);
}

bool ag_access_check_key(const struct ag_access *a, enum ag_access_verb verb, struct ag_span key, const struct ag_cred *c)
{
    bool wide = key.len > 0 && key.p[key.len - 1] == '*';

    return check(a, verb, (struct ag_span){key.p, key.len - wide}, wide, false, c);
}

bool ag_access_check_strict(const struct ag_access *a, enum ag_access_verb verb, struct ag_span method, const struct ag_cred *c)
{
    return check(a, verb, method, false, true, c);
}

bool ag_access_check_send(const struct ag_access *a, struct ag_span method, uint32_t mask, const struct ag_cred *c)
{
    enum verdict by_method;
    char text[16];

    if (!a->enabled || ag_access_is_owner(a, c))
        return true;
    by_method = method.len > 0 ? judge(a, AG_ACCESS_SEND, method, false, c) : UNNAMED;
    if (by_method == DENIED)
        return false;
    for (; mask; mask &= mask - 1) {
        int len = snprintf(text, sizeof text, "%u", (unsigned) (mask & -mask));
        enum verdict v = judge(a, AG_ACCESS_SEND, (struct ag_span){text, (size_t) len}, false, c);

        if (v == DENIED || (v == UNNAMED && by_method == UNNAMED && a->deny))
            return false;
    }
    return true;
}
