/*
 * Subscriptions: a slot on a key. The agent is told at once when connected, and again after each reconnect.
 */
#include <errno.h>
#include <string.h>
#include "libagent/encode.h"
#include "libagent/slot.h"

static const char *mode_name(const struct ag_key *key)
{
    static const char *const names[] = {
        [AGENT_SHARED] = NULL, [AGENT_EXCLUSIVE] = "exclusive", [AGENT_STANDBY] = "standby"};

    return names[key->mode];
}

int ag_key_register(struct agent_conn *c, struct ag_key *key, uint64_t now_ms)
{
    struct ag_buf *text = ag_conn_scratch(c);
    int r;

    ag_wait_end(&key->reg);
    ag_waits_add(&c->waits, &key->reg, now_ms + AG_CONN_REGISTER_WAIT_MS);
    r = ag_encode_register(text, key->reg.id, key->name, mode_name(key));
    if (r == 0)
        r = ag_conn_queue_own(c, ag_buf_span(text));
    if (r < 0) {
        ag_wait_end(&key->reg);
        return r;
    }
    if (!key->counted) {
        key->counted = true;
        c->unsettled++;
    }
    return 0;
}

void ag_key_registered(struct agent_conn *c, struct ag_key *key, int status)
{
    agent_slot *slot = NULL;

    if (status < 0)
        ag_conn_logf(c, AGENT_LOG_WARNING, "key %s refused: %s", key->name, agent_strerror(status));
    ag_list_for_each(it, &key->slots) {
        if (ag_list_entry(it, struct agent_slot, link)->kind == AG_SLOT_SUBSCRIPTION)
            slot = ag_list_entry(it, struct agent_slot, link);
    }
    if (key->counted) {
        key->counted = false;
        c->unsettled--;
    }
    if (!slot || !slot->sub.on_registered)
        return;
    ag_slot_enter(slot);
    slot->sub.on_registered(slot, status, slot->user);
    ag_slot_leave(slot);
}

/* Hooks slot to the key of this name, which is made when need be. */
static int hook(struct agent_conn *c, struct agent_slot *slot, const char *name, enum agent_mode mode)
{
    struct ag_key *key = ag_keys_find(&c->keys, name);
    int r;

    if (!key) {
        key = ag_keys_add(&c->keys, name);
        if (!key)
            return -ENOMEM;
        key->mode = (uint8_t) mode;
        r = ag_conn_is_up(c) ? ag_key_register(c, key, c->now_ms()) : 0;
        if (r < 0) {
            ag_keys_remove(key);
            return r;
        }
    }
    slot->sub.key = key;
    ag_list_append(&key->slots, &slot->link);
    return 0;
}

/* Owned by the caller until it hangs on a key. */
static int subscribe(struct agent_conn *c, struct agent_slot *slot, struct agent_slot **ret_slot, const char *name,
                     enum agent_mode mode)
{
    int r = hook(c, slot, name, mode);

    if (r < 0) {
        slot->conn = NULL;
        agent_slot_unref(slot);
        return r;
    }
    ag_slot_give(slot, ret_slot);
    ag_loop_kick(c);
    return 0;
}

static bool has_subscription(struct agent_conn *c, const char *name)
{
    struct ag_key *key = ag_keys_find(&c->keys, name);

    if (!key)
        return false;
    ag_list_for_each(it, &key->slots) {
        if (ag_list_entry(it, struct agent_slot, link)->kind == AG_SLOT_SUBSCRIPTION)
            return true;
    }
    return false;
}

AGENT_API int agent_subscribe_mode(agent_conn *conn, agent_slot **ret_slot, const char *key, enum agent_mode mode,
                                   agent_request_fn fn, agent_registered_fn on_registered, void *user)
{
    struct agent_slot *slot;

    if (!conn || !key || !key[0] || !fn || (unsigned) mode > AGENT_STANDBY)
        return -EINVAL;
    if (strlen(key) > AGENT_METHOD_MAX)
        return -ENAMETOOLONG;
    if (has_subscription(conn, key))
        return -EEXIST;
    slot = ag_slot_new(conn, AG_SLOT_SUBSCRIPTION, user);
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
    int r;

    if (!conn || !fn)
        return -EINVAL;
    slot = ag_slot_new(conn, AG_SLOT_STATUS, user);
    if (!slot)
        return -ENOMEM;
    slot->sub.on_status = fn;
    r = subscribe(conn, slot, ret_slot, "local.status", AGENT_SHARED);
    if (r == 0 && ag_conn_is_up(conn)) {
        ag_conn_query_status(conn);
        ag_loop_kick(conn);
    }
    return r;
}
