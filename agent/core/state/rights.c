/* SPDX-License-Identifier: MIT */
#include "agent/core/state/rights.h"

#include <stdio.h>
#include <string.h>

static bool is_ambiguous(const struct text *t)
{
    return (t->view->twice & 1u << AG_M_METHOD) || (t->has_method && !t->method.p);
}

bool rights_call_rules(const struct router *r, const struct peer *p, const struct text *t)
{
    if (is_ambiguous(t))
        return ag_access_is_owner(&r->access, &p->cred);
    return ag_access_check(&r->access, AG_ACCESS_CALL, t->method, &p->cred);
}

bool rights_send(const struct router *r, const struct peer *p, const struct text *t, uint32_t mask)
{
    if (!r->access.enabled)
        return true;
    if (is_ambiguous(t))
        return ag_access_is_owner(&r->access, &p->cred);
    return ag_access_check_send(&r->access, t->method, mask, &p->cred);
}

bool rights_bind(const struct router *r, const struct peer *p, uint32_t bit)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%u", (unsigned) bit);

    return ag_access_check(&r->access, AG_ACCESS_BIND, (struct ag_span){text, (size_t) len}, &p->cred);
}

bool rights_inject(const struct router *r, const struct peer *p, struct ag_span method)
{
    if (!method.p)
        return ag_access_is_owner(&r->access, &p->cred);
    return ag_access_check(&r->access, AG_ACCESS_INJECT, method, &p->cred);
}

bool rights_monitor(const struct router *r, const struct peer *p, struct ag_span key)
{
    /* a rule that names agent.monitor itself lets its user see everything */
    return ag_access_check_strict(&r->access, AG_ACCESS_CALL, AG_SPAN("agent.monitor"), &p->cred) ||
           ag_access_check_key(&r->access, AG_ACCESS_MONITOR, key.p ? key : AG_SPAN("*"), &p->cred);
}

bool rights_keep(const struct router *r, const struct sub *s)
{
    char key[SUB_KEY_MAX + 1];
    size_t len = s->key->len;

    memcpy(key, s->key->name, len);
    if (s->key->prefix)
        key[len++] = '*';
    return ag_access_check_key(&r->access, AG_ACCESS_REGISTER, (struct ag_span){key, len}, &s->peer->cred);
}
