/* SPDX-License-Identifier: MIT */
/* Timers for programs without a loop of their own: a list by the time they are due. */
#include "libagent/api/timer.h"

#include <errno.h>
#include "libagent/conn/slot.h"
#include "libagent/core/deadline.h"

static void insert(struct agent_conn *c, struct agent_slot *slot)
{
    struct ag_list *at = c->timers.prev;

    while (at != &c->timers && ag_list_entry(at, struct agent_slot, link)->timer.at_ms > slot->timer.at_ms)
        at = at->prev;
    ag_list_add_before(at->next, &slot->link);
}

static void run(struct agent_conn *c, struct agent_slot *slot, uint64_t now_ms)
{
    ag_conn_enter(c);
    ag_slot_enter(slot);
    ag_list_del(&slot->link);
    if (slot->timer.interval_ms > 0) { /* on the beat, but not before now */
        slot->timer.at_ms += slot->timer.interval_ms * ((now_ms - slot->timer.at_ms) / slot->timer.interval_ms + 1);
        insert(c, slot);
    } else {
        slot->conn = NULL;
    }
    slot->timer.fn(c, slot->user);
    if (!slot->conn)
        ag_slot_drop_floating(slot);
    ag_slot_leave(slot);
    ag_conn_leave(c);
}

void ag_timers_run(struct agent_conn *c, uint64_t now_ms)
{
    struct agent_slot *slot;

    while (!c->resting && (slot = ag_list_first(&c->timers, struct agent_slot, link)) && slot->timer.at_ms <= now_ms)
        run(c, slot, now_ms);
}

uint64_t ag_timers_next(const struct agent_conn *c)
{
    return c->resting || ag_list_empty(&c->timers) ? AG_NEVER
                                                   : ag_list_entry(c->timers.next, struct agent_slot, link)->timer.at_ms;
}

AGENT_API int agent_timer(agent_conn *conn, agent_slot **ret_slot, unsigned first_ms, unsigned interval_ms, agent_timer_fn fn,
                          void *user)
{
    struct agent_slot *slot;
    int r = ag_conn_admit(conn);

    if (r < 0 || !fn)
        return r < 0 ? r : -EINVAL;
    slot = ag_slot_new(conn, AG_SLOT_TIMER, NULL, user);
    if (!slot)
        return -ENOMEM;
    slot->timer.fn = fn;
    slot->timer.interval_ms = interval_ms;
    slot->timer.at_ms = ag_conn_now(conn) + (first_ms > 0 ? first_ms : 1); /* not in the turn that is under way */
    insert(conn, slot);
    ag_slot_give(slot, ret_slot);
    return 0;
}
