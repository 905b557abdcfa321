#include "agent/core/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_MAX = 1024 };

void access_init(struct access *a, uint32_t own_uid)
{
    *a = (struct access){.own_uid = own_uid};
}

void access_deinit(struct access *a)
{
    struct access_rule *r = a->rules, *next;

    for (; r; r = next) {
        next = r->next;
        free(r);
    }
    a->rules = NULL;
}

int access_add(struct access *a, unsigned verbs, struct ag_span pattern, const struct access_who *who,
               size_t n_who)
{
    bool prefix = pattern.len > 0 && pattern.p[pattern.len - 1] == '*';
    size_t len = prefix ? pattern.len - 1 : pattern.len;
    size_t name_room = (len + sizeof *who - 1) / sizeof *who * sizeof *who;
    struct access_rule *r, **at = &a->rules;

    if (pattern.len == 0 || len > PATTERN_MAX)
        return -EINVAL;
    r = malloc(sizeof *r + name_room + n_who * sizeof *who);
    if (!r)
        return -ENOMEM;
    *r = (struct access_rule){.verbs = (uint8_t) verbs, .prefix = prefix, .len = (uint16_t) len};
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

/* What only the owner may do unless a rule with the same or a longer pattern says otherwise. */
int access_enable(struct access *a)
{
    static const struct ag_span closed[] = {
        {"_internal.*", 11}, {"agent.*", 7}, {"miIO.ota", 8}, {"miIO.reboot", 11}, {"miIO.restore", 12}};

    for (size_t i = 0; i < ag_array_size(closed); i++)
        if (access_add(a, ACCESS_REGISTER | ACCESS_SEND, closed[i], NULL, 0) < 0)
            return -ENOMEM;
    a->enabled = true;
    return 0;
}

bool access_is_owner(const struct access *a, const struct peer_cred *c)
{
    return c->known && (c->uid == 0 || c->uid == a->own_uid);
}

static bool rule_better(const struct access_rule *r, const struct access_rule *than)
{
    return !than || (!r->prefix && than->prefix) || (r->prefix == than->prefix && r->len > than->len);
}

static bool rule_covers(const struct access_rule *r, unsigned verb, struct ag_span name)
{
    return (r->verbs & verb) && (r->prefix ? name.len >= r->len : name.len == r->len) &&
           memcmp(r->pattern, name.p, r->len) == 0;
}

/* The rule that counts for a method, or (wide) for all methods that begin with name. */
static const struct access_rule *rule_for(const struct access *a, unsigned verb, struct ag_span name,
                                          bool wide)
{
    const struct access_rule *best = NULL;

    for (const struct access_rule *r = a->rules; r; r = r->next)
        if ((r->prefix || !wide) && rule_covers(r, verb, name) && rule_better(r, best))
            best = r;
    return best;
}

static bool who_is(const struct access_who *w, const struct peer_cred *c)
{
    if (w->kind == ACCESS_ALL)
        return true;
    if (!c->known)
        return false;
    if (w->kind == ACCESS_USER)
        return c->uid == w->id;
    for (uint32_t i = 0; i < c->n_gids; i++)
        if (c->gids[i] == w->id)
            return true;
    return false;
}

static bool rule_allows(const struct access_rule *r, const struct peer_cred *c)
{
    for (uint32_t i = 0; i < r->n_who; i++)
        if (who_is(&r->who[i], c))
            return true;
    return false;
}

/* A prefix key asks for everything that begins so: what counts for each narrower pattern has to allow it,
 * too. */
static bool narrower_allow(const struct access *a, unsigned verb, struct ag_span head,
                           const struct peer_cred *c)
{
    for (const struct access_rule *r = a->rules; r; r = r->next) {
        struct ag_span pattern = {r->pattern, r->len};
        const struct access_rule *counts;

        if (!(r->verbs & verb) || pattern.len < head.len || memcmp(pattern.p, head.p, head.len) != 0)
            continue;
        counts = rule_for(a, verb, pattern, r->prefix);
        if (counts && !rule_allows(counts, c))
            return false;
    }
    return true;
}

bool access_check_strict(const struct access *a, enum access_verb verb, struct ag_span method,
                         const struct peer_cred *c)
{
    const struct access_rule *r;

    if (access_is_owner(a, c))
        return true;
    r = a->enabled ? rule_for(a, verb, method, false) : NULL;
    return r && rule_allows(r, c);
}

bool access_check_rules(const struct access *a, enum access_verb verb, struct ag_span method,
                        const struct peer_cred *c)
{
    bool wide = verb == ACCESS_REGISTER && method.len > 0 && method.p[method.len - 1] == '*';
    const struct access_rule *r;

    if (access_is_owner(a, c))
        return true;
    if (wide)
        method.len--;
    if (wide && !narrower_allow(a, verb, method, c))
        return false;
    r = rule_for(a, verb, method, wide);
    return !r || rule_allows(r, c);
}
