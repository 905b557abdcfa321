/* SPDX-License-Identifier: MIT */
#include "libagent/conn/due.h"

#include <errno.h>
#include "libagent/conn/out.h"
#include "libagent/conn/slot.h"
#include "libagent/text/encode.h"

/* A text of the library's own, which is in the scratch buffer. */
static int queue_scratch(struct agent_conn *c)
{
    struct ag_span text = ag_buf_span(&c->text);

    return ag_conn_has_room(c, text.len) ? ag_conn_queue_own(c, text) : -ENOBUFS;
}

int ag_conn_queue_bind(struct agent_conn *c, uint32_t address)
{
    struct ag_buf *text = ag_conn_scratch(c);
    int r;

    ag_wait_end(&c->bind_wait); /* what is still said about the previous claim does not matter */
    ag_waits_add(&c->waits, &c->bind_wait, ag_conn_now(c) + AG_CONN_REGISTER_WAIT_MS);
    r = ag_encode_bind(text, c->bind_wait.id, address);
    if (r == 0)
        r = queue_scratch(c);
    if (r < 0)
        ag_wait_end(&c->bind_wait);
    return r;
}

/* As the wire has it; NULL: not named. */
static const char *mode_name(enum agent_mode mode)
{
    static const char *const names[] = {[AGENT_SHARED] = NULL, [AGENT_EXCLUSIVE] = "exclusive", [AGENT_STANDBY] = "standby"};

    return names[mode];
}

int ag_key_register(struct agent_conn *c, struct ag_key *key)
{
    struct ag_buf *text = ag_conn_scratch(c);
    int r;

    ag_wait_end(&key->reg);
    ag_waits_add(&c->waits, &key->reg, ag_conn_now(c) + AG_CONN_REGISTER_WAIT_MS);
    r = ag_encode_register(text, key->reg.id, key->name, mode_name((enum agent_mode) key->mode));
    if (r == 0)
        r = queue_scratch(c);
    if (r < 0)
        ag_wait_end(&key->reg);
    return r;
}

void ag_key_wait_busy(struct agent_conn *c, struct ag_key *key)
{
    ag_wait_end(&key->reg);
    ag_waits_add(&c->waits, &key->reg, ag_conn_now(c) + AG_CONN_BUSY_RETRY_MS);
    key->reg.busy = true;
}

static bool has_followers(struct agent_conn *c)
{
    struct ag_key *key = ag_keys_find(&c->keys, "local.status");

    if (!key)
        return false;
    ag_list_for_each (it, &key->slots) {
        if (ag_list_entry(it, struct agent_slot, link)->kind == AG_SLOT_STATUS)
            return true;
    }
    return false;
}

int ag_conn_query_status(struct agent_conn *c)
{
    struct ag_request_parts m = {.method = "local.query_status", .params = {.text = "\"\""}, .has_id = true};
    int r;

    ag_wait_end(&c->status_wait);
    if (!has_followers(c) || !ag_conn_is_up(c))
        return 0;
    ag_waits_add(&c->waits, &c->status_wait, ag_conn_now(c) + AG_CONN_STATUS_RETRY_MS);
    m.id = c->status_wait.id;
    r = ag_encode_request(ag_conn_scratch(c), &m);
    return r == 0 ? queue_scratch(c) : r;
}

/* Sends the first of the calls that wait, or ends it when this connection cannot carry it. */
static int send_unsent(struct agent_conn *c)
{
    struct agent_slot *slot = ag_list_first(&c->unsent, struct agent_slot, link);
    struct ag_span text = ag_buf_span(&slot->call.unsent);
    int r = ag_conn_has_room(c, text.len) ? ag_conn_queue_own(c, text) : -ENOBUFS;

    if (r == -ENOBUFS || r == -ENOMEM)
        return r;
    if (r < 0)
        ag_conn_logf(c, AGENT_LOG_WARNING, "a call cannot be sent on this connection: %s", agent_strerror(r));
    c->unsent_bytes -= text.len;
    ag_buf_deinit(&slot->call.unsent);
    ag_list_del(&slot->link);
    slot->call.status = r < 0 ? AGENT_E_LOST : 0;
    if (r == 0 && !slot->call.report)
        ag_list_append(&c->calls, &slot->link);
    else
        ag_list_append(&c->ending, &slot->link);
    return 0;
}

int ag_conn_send_due(struct agent_conn *c)
{
    int r = 0;

    if (!ag_conn_is_up(c) || c->write_dead)
        return 0;
    if (c->bind_due) {
        r = ag_conn_queue_bind(c, c->address);
        c->bind_due = r < 0;
    }
    while (r == 0 && !ag_list_empty(&c->untold)) {
        struct ag_key *key = ag_list_first(&c->untold, struct ag_key, by_untold);

        r = ag_key_register(c, key);
        if (r == 0)
            ag_list_del(&key->by_untold);
    }
    if (r == 0 && c->status_due) {
        r = ag_conn_query_status(c);
        c->status_due = r < 0;
    }
    while (r == 0 && !ag_list_empty(&c->unsent))
        r = send_unsent(c);
    return r == -ENOBUFS ? 0 : r; /* goes on when the socket has taken some */
}

void ag_due_flush(struct agent_conn *c)
{
    do {
        ag_out_write(c);
        if (ag_buf_size(&c->out) > 0)
            return;
        if (ag_conn_send_due(c) < 0)
            c->starved = true;
    } while (ag_buf_size(&c->out) > 0 && c->transport.fd >= 0 && !c->starved);
    if (c->out.cap > AG_CONN_READ_MAX)
        ag_buf_deinit(&c->out);
}

void ag_due_kick(struct agent_conn *c)
{
    if (!c->processing)
        ag_due_flush(c);
}
