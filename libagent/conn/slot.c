/* SPDX-License-Identifier: MIT */
#include "libagent/conn/slot.h"

#include <errno.h>
#include <stdlib.h>

struct agent_slot *ag_slot_new(struct agent_conn *c, enum ag_slot_kind kind, ag_slot_unhook_fn unhook, void *user)
{
    struct agent_slot *slot = calloc(1, sizeof *slot);

    if (!slot)
        return NULL;
    slot->refs = 1;
    slot->kind = (uint8_t) kind;
    slot->conn = c;
    slot->unhook = unhook;
    slot->user = user;
    ag_list_init(&slot->link);
    return slot;
}

void ag_slot_give(struct agent_slot *slot, struct agent_slot **ret_slot)
{
    if (ret_slot)
        *ret_slot = slot;
    else
        slot->floating = true;
}

void ag_slot_end(struct agent_slot *slot)
{
    struct agent_conn *c = slot->conn;

    if (!c)
        return;
    if (slot->destroy && ag_conn_check(c) < 0)
        slot->destroy = NULL; /* it is the parent's */
    slot->conn = NULL;
    ag_list_del(&slot->link);
    if (slot->unhook)
        slot->unhook(c, slot);
}

/* Calls the destroy notifier, once: when the slot has ended and no callback of it runs. */
static void tell_destroy(struct agent_slot *slot)
{
    agent_destroy_fn fn = ag_steal(&slot->destroy);

    if (fn)
        fn(slot->user);
}

void ag_slot_detach(struct agent_slot *slot)
{
    struct agent_conn *c = slot->conn;

    ag_conn_enter(c);
    ag_slot_enter(slot);
    ag_slot_end(slot);
    ag_slot_drop_floating(slot);
    ag_slot_leave(slot);
    ag_conn_leave(c);
}

void ag_slot_drop_floating(struct agent_slot *slot)
{
    if (!slot->floating)
        return;
    slot->floating = false;
    agent_slot_unref(slot);
}

AGENT_API agent_slot *agent_slot_ref(agent_slot *slot)
{
    if (slot)
        slot->refs++;
    return slot;
}

AGENT_API agent_slot *agent_slot_unref(agent_slot *slot)
{
    if (!slot || --slot->refs > slot->held)
        return NULL;
    ag_slot_end(slot);
    if (slot->refs == 0) {
        agent_destroy_fn fn = slot->destroy;
        void *user = slot->user;

        free(slot);
        if (fn)
            fn(user);
    }
    return NULL;
}

void ag_slot_enter(struct agent_slot *slot)
{
    slot->refs++;
    slot->held++;
}

void ag_slot_leave(struct agent_slot *slot)
{
    slot->held--;
    if (!slot->conn && slot->held == 0)
        tell_destroy(slot);
    agent_slot_unref(slot);
}

AGENT_API void agent_slot_unrefp(agent_slot **slot)
{
    if (slot)
        *slot = agent_slot_unref(*slot);
}

AGENT_API agent_slot *agent_slot_give(agent_slot *slot)
{
    if (!slot)
        return NULL;
    if (!slot->conn || slot->floating)
        return agent_slot_unref(slot);
    slot->floating = true;
    return NULL;
}

AGENT_API int agent_slot_set_destroy(agent_slot *slot, agent_destroy_fn fn)
{
    if (!slot)
        return -EINVAL;
    if (slot->conn && ag_conn_check(slot->conn) < 0)
        return -ECHILD;
    slot->destroy = fn;
    return 0;
}
