#include "libagent/slot.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/encode.h"

struct agent_slot *ag_slot_new(struct agent_conn *c, enum ag_slot_kind kind, void *user)
{
    struct agent_slot *slot = calloc(1, sizeof *slot);

    if (!slot)
        return NULL;
    slot->refs = 1;
    slot->kind = (uint8_t) kind;
    slot->conn = c;
    slot->user = user;
    ag_list_init(&slot->link);
    if (kind == AG_SLOT_CALL)
        ag_wait_init(&slot->call.wait, AG_WAIT_CALL);
    return slot;
}

void ag_slot_give(struct agent_slot *slot, struct agent_slot **ret_slot)
{
    if (ret_slot)
        *ret_slot = slot;
    else
        slot->floating = true;
}

/* The last slot of a key is gone: the agent is told, and the key goes. */
static void key_drop_unused(struct agent_conn *c, struct ag_key *key)
{
    if (!ag_list_empty(&key->slots))
        return;
    if (ag_conn_is_up(c)) {
        struct ag_buf *text = ag_conn_scratch(c);

        if (ag_encode_unregister(text, key->name) == 0 && ag_conn_queue_own(c, ag_buf_span(text)) == 0)
            ag_loop_kick(c);
    }
    if (key->counted)
        c->unsettled--;
    ag_keys_remove(key);
}

static void slot_unhook(struct agent_slot *slot)
{
    struct agent_conn *c = slot->conn;

    if (!c)
        return;
    slot->conn = NULL;
    ag_list_del(&slot->link);
    if (slot->kind == AG_SLOT_CALL) {
        ag_wait_end(&slot->call.wait);
        c->unsent_bytes -= ag_buf_size(&slot->call.unsent);
        ag_buf_deinit(&slot->call.unsent);
    } else {
        key_drop_unused(c, ag_steal(&slot->sub.key));
    }
}

void ag_slot_detach(struct agent_slot *slot)
{
    ag_list_del(&slot->link);
    slot->conn = NULL;
    if (slot->kind == AG_SLOT_CALL) {
        ag_wait_end(&slot->call.wait);
        ag_buf_deinit(&slot->call.unsent);
    }
    if (slot->floating)
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
    slot_unhook(slot);
    if (slot->refs == 0)
        free(slot);
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
    agent_slot_unref(slot);
}

AGENT_API void agent_slot_unrefp(agent_slot **slot)
{
    *slot = agent_slot_unref(*slot);
}

void ag_call_end(struct agent_slot *slot, int status, const char *result, const char *error)
{
    struct agent_conn *c = slot->conn;

    ag_conn_enter(c);
    ag_slot_enter(slot);
    slot_unhook(slot);
    if (slot->call.fn)
        slot->call.fn(c, status, result, error, slot->user);
    if (slot->floating)
        agent_slot_unref(slot);
    ag_slot_leave(slot);
    ag_conn_leave(c);
}
