/* SPDX-License-Identifier: MIT */
/*
 * Subscriptions: a slot on a key. Registered with the agent at once when connected, and again after each reconnect.
 */
#include "libagent/api/subscribe.h"

#include <errno.h>
#include <string.h>
#include "libagent/conn/due.h"
#include "libagent/conn/out.h"
#include "libagent/conn/slot.h"
#include "libagent/text/encode.h"

void ag_key_count(struct agent_conn *c, struct ag_key *key)
{
    key->status = -EINPROGRESS;
    if (key->counted)
        return;
    key->counted = true;
    c->unsettled++;
}

static struct agent_slot *subscription_of(struct ag_key *key)
{
    ag_list_for_each (it, &key->slots) {
        struct agent_slot *slot = ag_list_entry(it, struct agent_slot, link);

        if (slot->kind == AG_SLOT_SUBSCRIPTION)
            return slot;
    }
    return NULL;
}

void ag_key_registered(struct agent_conn *c, struct ag_key *key, int status)
{
    struct agent_slot *slot = subscription_of(key);

    if (status < 0)
        ag_conn_logf(c, AGENT_LOG_WARNING, "key %s refused: %s", key->name, agent_strerror(status));
    key->status = status;
    if (key->counted) {
        key->counted = false;
        c->unsettled--;
    }
    if (!slot || !slot->sub.on_registered)
        return;
    ag_conn_enter(c);
    ag_slot_enter(slot);
    slot->sub.on_registered(slot, status, slot->user);
    ag_slot_leave(slot);
    ag_conn_leave(c);
}

void ag_key_taken_over(struct agent_conn *c, struct ag_key *key)
{
    if (key->mode == AGENT_STANDBY && key->status == AGENT_WAITING)
        ag_key_registered(c, key, 0);
}

/* The last slot of a key is gone: it is unregistered, and freed. */
static void drop_unused(struct agent_conn *c, struct ag_key *key)
{
    if (!ag_list_empty(&key->slots))
        return;
    if (ag_conn_is_up(c) && ag_list_empty(&key->by_untold) && ag_conn_check(c) == 0) {
        struct ag_buf *text = ag_conn_scratch(c);

        if (ag_encode_unregister(text, key->name) == 0 && ag_conn_queue_own(c, ag_buf_span(text)) == 0)
            ag_due_kick(c);
        else
            c->starved = true; /* the agent would go on sending us commands: a new connection begins without the key */
    }
    if (key->counted)
        c->unsettled--;
    ag_keys_remove(key);
}

static void unhook(struct agent_conn *c, struct agent_slot *slot)
{
    drop_unused(c, ag_steal(&slot->sub.key));
}

/* Attaches slot to the key of this name, which is made if need be. */
static int attach(struct agent_conn *c, struct agent_slot *slot, const char *name, enum agent_mode mode)
{
    struct ag_key *key = ag_keys_find(&c->keys, name);

    if (!key) {
        int r = 0;

        key = ag_keys_add(&c->keys, name);
        if (!key)
            return -ENOMEM;
        key->mode = (uint8_t) mode;
        if (ag_conn_is_up(c))
            r = ag_list_empty(&c->untold) ? ag_key_register(c, key) : -ENOBUFS;
        if (r == -ENOBUFS) {
            ag_list_append(&c->untold, &key->by_untold); /* as soon as there is room */
        } else if (r < 0) {
            ag_keys_remove(key);
            return r;
        }
        if (ag_conn_is_up(c))
            ag_key_count(c, key);
    }
    slot->sub.key = key;
    ag_list_append(&key->slots, &slot->link);
    return 0;
}

/* The caller's until it hangs on a key. */
static int subscribe(struct agent_conn *c, struct agent_slot *slot, struct agent_slot **ret_slot, const char *name,
                     enum agent_mode mode)
{
    int r = attach(c, slot, name, mode);

    if (r < 0) {
        slot->conn = NULL;
        agent_slot_unref(slot);
        return r;
    }
    ag_slot_give(slot, ret_slot);
    ag_due_kick(c);
    return 0;
}

AGENT_API int agent_subscribe_mode(agent_conn *conn, agent_slot **ret_slot, const char *key, enum agent_mode mode,
                                   agent_request_fn fn, agent_registered_fn on_registered, void *user)
{
    struct agent_slot *slot;
    struct ag_key *there;
    int r = ag_conn_admit(conn);

    if (r == 0)
        r = fn && (unsigned) mode <= AGENT_STANDBY ? ag_encode_check_name(key) : -EINVAL;
    if (r < 0)
        return r;
    there = ag_keys_find(&conn->keys, key);
    if (there && subscription_of(there))
        return -EEXIST;
    slot = ag_slot_new(conn, AG_SLOT_SUBSCRIPTION, unhook, user);
    if (!slot)
        return -ENOMEM;
    slot->sub.on_request = fn;
    slot->sub.on_registered = on_registered;
    return subscribe(conn, slot, ret_slot, key, mode);
}

AGENT_API int agent_subscribe(agent_conn *conn, agent_slot **ret_slot, const char *key, agent_request_fn fn, void *user)
{
    return agent_subscribe_mode(conn, ret_slot, key, AGENT_SHARED, fn, NULL, user);
}

AGENT_API int agent_follow_status(agent_conn *conn, agent_slot **ret_slot, agent_status_fn fn, void *user)
{
    struct agent_slot *slot;
    int r = ag_conn_admit(conn);

    if (r < 0 || !fn)
        return r < 0 ? r : -EINVAL;
    slot = ag_slot_new(conn, AG_SLOT_STATUS, unhook, user);
    if (!slot)
        return -ENOMEM;
    slot->sub.on_status = fn;
    r = subscribe(conn, slot, ret_slot, "local.status", AGENT_SHARED);
    if (r < 0)
        return r;
    conn->status_due = ag_conn_is_up(conn);
    if (ag_conn_send_due(conn) < 0)
        conn->starved = true;
    ag_due_kick(conn);
    return 0;
}

AGENT_API int agent_slot_status(agent_slot *slot)
{
    if (!slot || slot->kind != AG_SLOT_SUBSCRIPTION)
        return -EINVAL;
    if (!slot->conn)
        return -ENOTCONN;
    return ag_conn_check(slot->conn) < 0 ? -ECHILD : slot->sub.key->status;
}
