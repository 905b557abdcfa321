/* SPDX-License-Identifier: MIT */
#include "agent/core/route/address.h"

#include <stdio.h>
#include <string.h>
#include "agent/core/send/monitor.h"
#include "agent/core/send/out.h"
#include "agent/core/state/rights.h"
#include "libagent/core/codes.h"

int address_bind(struct router *r, struct peer *p, uint32_t mask)
{
    uint32_t bit = mask & -mask;
    struct peer **holder;

    if (bit == 0) {
        address_release(r, p);
        return 0;
    }
    holder = &r->by_address[__builtin_ctz(bit)];
    if (*holder && *holder != p)
        return ADDRESS_E_TAKEN;
    address_release(r, p);
    *holder = p;
    p->address = bit;
    return 0;
}

void address_release(struct router *r, struct peer *p)
{
    if (p->address)
        r->by_address[__builtin_ctz(p->address)] = NULL;
    p->address = 0;
}

static unsigned deliver(struct router *r, struct peer *from, uint32_t mask, const struct text *t, bool watched)
{
    const struct ag_member_at *at = &t->view->at[AG_M_TO];
    unsigned n = 0;
    char member[32];
    int len = snprintf(member, sizeof member, "\"_from\":%u", (unsigned) from->address);

    for (; mask; mask &= mask - 1) {
        struct peer *to = r->by_address[__builtin_ctz(mask)];

        if (!to || to == from)
            continue;
        if (out_spliced(r, to, OUT_MESSAGE, t->bytes, at->key, at->end, (struct ag_span){member, (size_t) len}) != 0)
            continue;
        n++;
        if (watched)
            monitor_note_to(r, to);
    }
    return n;
}

static void refuse(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t, uint8_t bits)
{
    static const char message[] = "not permitted";

    r->stats.not_permitted++;
    if (bits)
        monitor_tell(r, now_ms, bits, "local", from, t->bytes);
    if (!t->has_id)
        return;
    out_error_id(r, from, t->id, AG_CODE_NOT_PERMITTED, message, NULL);
    if (bits)
        monitor_tell_own(r, now_ms, bits, from, t->id, AG_CODE_NOT_PERMITTED, message, NULL);
}

void address_route(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t)
{
    uint8_t bits = r->monitoring ? monitor_match(r, t->method) : 0;
    uint64_t mask;
    unsigned n;

    /* a "_from" of the sender's own would be beside ours, and the receiver might believe it */
    if (ag_view_has(t->view, AG_M_FROM) || (t->view->twice & (1u << AG_M_TO | 1u << AG_M_ID)) ||
        !ag_view_uint(t->view, t->bytes.p, AG_M_TO, UINT32_MAX, &mask)) {
        r->stats.local_invalid++;
        return;
    }
    if (!rights_send(r, from, t, (uint32_t) mask)) {
        refuse(r, now_ms, from, t, bits);
        return;
    }
    n = deliver(r, from, (uint32_t) mask, t, bits);
    r->stats.local_texts += n;
    if (n == 0)
        r->stats.local_nobody++;
    if (bits)
        monitor_tell(r, now_ms, bits, "local", from, t->bytes);
}
