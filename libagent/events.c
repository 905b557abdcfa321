/* SPDX-License-Identifier: MIT */
#include "libagent/events.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/api/bind.h"
#include "libagent/api/call.h"
#include "libagent/api/subscribe.h"
#include "libagent/api/timer.h"
#include "libagent/core/pack/pack.h"
#include "libagent/dispatch.h"
#include "libagent/conn/due.h"
#include "libagent/conn/request.h"
#include "libagent/conn/slot.h"
#include "libagent/core/deadline.h"

enum { STEADY_MS = 1000 }; /* a connection that lasted so long was a good one */

/* ---- what the application hears ---- */

/* Only what waits already: a callback that makes new lines does not keep us here. */
void ag_conn_tell_log(struct agent_conn *c)
{
    size_t left = ag_buf_size(&c->lines.buf) + (c->lines.n_lost > 0);
    enum agent_log_level level;
    char line[AG_LINE_MAX];

    while (left > 0 && ag_lines_take(&c->lines, &level, line)) {
        size_t n = 2 + strlen(line);

        left -= n < left ? n : left;
        if (!c->log)
            continue;
        ag_conn_enter(c);
        c->log(level, line, c->log_user);
        ag_conn_leave(c);
    }
}

void ag_conn_tell_state(struct agent_conn *c)
{
    while (c->told_state != c->state) {
        c->told_state = c->state;
        if (!c->on_state)
            continue;
        ag_conn_enter(c);
        c->on_state(c, (enum agent_state) c->state, c->on_state_user);
        ag_conn_leave(c);
    }
}

/* Marks the calls of a list as ended, and tells all that are marked. */
static void end_calls(struct agent_conn *c, struct ag_list *list, int status)
{
    ag_list_for_each (it, list)
        ag_list_entry(it, struct agent_slot, link)->call.status = status;
    ag_list_splice(&c->ending, list); /* calls that callbacks begin are not among them */
    ag_conn_tell_ending(c);
}

void ag_conn_tell_ending(struct agent_conn *c)
{
    while (!ag_list_empty(&c->ending)) {
        struct agent_slot *slot = ag_list_first(&c->ending, struct agent_slot, link);

        ag_call_end(slot, slot->call.status, NULL, NULL);
    }
}

void ag_conn_run_posts(struct agent_conn *c)
{
    unsigned end = ag_posts_end(&c->posts);
    agent_post_fn fn;
    void *user;

    while (ag_posts_take(&c->posts, end, &fn, &user)) {
        ag_conn_enter(c);
        fn(c, user);
        ag_conn_leave(c);
    }
}

/* ---- events ---- */

static void plan_next_try(struct agent_conn *c, uint64_t now_ms)
{
    uint64_t half = c->pause_ms / 2 + 1;

    c->random ^= c->random << 13; /* xorshift: only spreads the tries of many applications */
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    c->timer_ms = now_ms + c->pause_ms / 2 + ((c->random & UINT32_MAX) * half >> 32);
    c->pause_ms = c->pause_ms > c->max_pause_ms / 2 ? c->max_pause_ms : c->pause_ms * 2;
}

void ag_conn_check_ready(struct agent_conn *c)
{
    if (!ag_conn_is_settled(c))
        return;
    c->state = AGENT_READY;
    ag_conn_tell_state(c);
}

int ag_conn_on_up(struct agent_conn *c, uint64_t now_ms)
{
    uint64_t epoch = ++c->epoch;

    c->state = AGENT_CONNECTED;
    c->connected_at_ms = now_ms;
    c->write_dead = c->dialing = c->refused_before = c->starved = false;
    ag_framer_deinit(&c->framer);
    ag_conn_init_framer(c);
    c->bind_due = c->address != 0;
    c->status_due = true;
    ag_list_for_each (it, &c->keys.all) {
        struct ag_key *key = ag_list_entry(it, struct ag_key, by_order);

        ag_key_count(c, key);
        ag_list_append(&c->untold, &key->by_untold);
    }
    ag_conn_logf(c, AGENT_LOG_INFO, "connected to the agent");
    if (ag_conn_send_due(c) < 0)
        return -ENOMEM;
    ag_conn_tell_state(c);
    if (c->epoch == epoch)
        ag_conn_check_ready(c);
    return 0;
}

/* Forgets the socket and all that was sent to the agent. */
static void drop_socket(struct agent_conn *c)
{
    ag_transport_close(&c->transport);
    c->epoch++;
    c->dialing = c->bind_due = c->status_due = c->starved = false;
    c->overdue = 0;
    ag_buf_deinit(&c->out);
    ag_buf_deinit(&c->sizes);
    ag_wait_end(&c->bind_wait);
    ag_wait_end(&c->status_wait);
    ag_list_for_each (it, &c->keys.all) {
        struct ag_key *key = ag_list_entry(it, struct ag_key, by_order);

        ag_wait_end(&key->reg);
        ag_list_del(&key->by_untold);
        key->counted = false;
        key->status = -ENOTCONN;
    }
    c->unsettled = 0;
}

/* A warning only once, until an agent has been reached: a device without one need not fill its log. */
void ag_conn_on_refused(struct agent_conn *c, uint64_t now_ms)
{
    char where[2][128] = {"", ""};

    plan_next_try(c, now_ms);
    for (unsigned i = 0; i < c->places.n; i++)
        ag_address_print(&c->places.at[i], where[i], sizeof where[i]);
    ag_conn_logf(c, c->refused_before ? AGENT_LOG_DEBUG : AGENT_LOG_WARNING, "no agent reached at %s%s%s, next try in %u ms%s",
                 where[0], where[1][0] ? " or " : "", where[1], (unsigned) (c->timer_ms - now_ms),
                 c->refused_before ? "" : " and so on");
    c->refused_before = true;
}

void ag_conn_on_down(struct agent_conn *c, uint64_t now_ms)
{
    uint64_t epoch;

    if (!ag_conn_is_up(c))
        return;
    ag_conn_logf(c, AGENT_LOG_WARNING, "connection to the agent lost");
    drop_socket(c);
    epoch = c->epoch;
    if (now_ms - c->connected_at_ms >= STEADY_MS)
        c->pause_ms = c->first_pause_ms;
    c->state = AGENT_CONNECTING;
    plan_next_try(c, now_ms);
    end_calls(c, &c->calls, AGENT_E_LOST);
    ag_conn_tell_state(c);
    if (c->epoch == epoch && c->status_told)
        ag_conn_tell_status(c, AGENT_STATUS_UNKNOWN);
}

int ag_conn_give_up(struct agent_conn *c, uint64_t now_ms)
{
    ag_conn_logf(c, AGENT_LOG_ERROR, "out of memory: giving the connection up");
    ag_conn_on_down(c, now_ms);
    return -ENOMEM;
}

/* The JSON form of a text that came, whose bytes may be written to. 0 or an error. */
static int as_json(struct agent_conn *c, const struct ag_text *in, struct ag_span *out, struct ag_json_view *view)
{
    int r;

    *out = in->bytes;
    if (in->kind == AG_FRAMER_JSON) {
        *view = *in->view;
        return 0;
    }
    ag_buf_clear(&c->decoded);
    r = ag_pack_to_json(in->bytes, &c->decoded);
    if (r == 0) {
        *out = ag_buf_span(&c->decoded);
        r = ag_json_parse(out, AG_JSON_DEPTH_MAX, view);
    }
    return r > 0 ? AGENT_E_PROTOCOL : r;
}

int ag_conn_on_bytes(struct agent_conn *c, char *data, size_t n)
{
    uint64_t epoch = c->epoch;
    struct ag_json_view view;
    struct ag_text in;
    struct ag_span text;
    int r;

    ag_framer_lend(&c->framer, data, n);
    while ((r = ag_framer_next(&c->framer, &in)) > 0) {
        r = as_json(c, &in, &text, &view);
        if (r < 0)
            return r;
        ag_dispatch(c, (char *) (uintptr_t) text.p, text.len, &view); /* our own buffer: carry, read_buf, decoded */
        if (c->epoch != epoch)
            return 0; /* a callback closed it; nobody wants the rest */
    }
    if (r == 0 && c->transport.packets && c->framer.partial)
        r = AGENT_E_PROTOCOL; /* a packet is a whole text */
    if (r < 0 && r != -ENOMEM)
        r = AGENT_E_PROTOCOL;
    return r;
}

/* An agent that has never answered such a claim is an old one: the claim counts as accepted. A later answer still counts. */
static void guess(struct agent_conn *c, struct ag_wait *a)
{
    ag_wait_forget_deadline(a);
    if (c->answers_claims)
        return;
    a->guessed = true;
    if (a->kind == AG_WAIT_REGISTER)
        ag_key_registered(c, ag_container_of(a, struct ag_key, reg), 0);
    else
        ag_conn_bound(c, 0);
}

static void register_again(struct agent_conn *c, struct ag_key *key)
{
    if (ag_key_register(c, key) < 0)
        ag_key_wait_busy(c, key);
}

void ag_conn_on_time(struct agent_conn *c, uint64_t now_ms)
{
    struct ag_wait *a;

    while ((a = ag_waits_first(&c->waits)) && a->deadline.at_ms <= now_ms) {
        if (a->kind == AG_WAIT_CALL)
            ag_call_end(ag_container_of(a, struct agent_slot, call.wait), AGENT_E_TIMEOUT, NULL, NULL);
        else if (a->kind == AG_WAIT_STATUS)
            ag_conn_query_status(c);
        else if (a->busy)
            register_again(c, ag_container_of(a, struct ag_key, reg));
        else
            guess(c, a);
    }
}

uint64_t ag_conn_deadline(const struct agent_conn *c)
{
    uint64_t at = ag_earlier(ag_deadline_next_ms(&c->waits.deadlines), ag_timers_next(c));

    return c->state == AGENT_CONNECTING ? ag_earlier(at, c->timer_ms) : at;
}

/* ---- the end ---- */

void ag_conn_close(struct agent_conn *c)
{
    ag_conn_hold(c);
    c->closing++;
    if (c->state != AGENT_CLOSED) {
        ag_due_flush(c);
        drop_socket(c);
        c->state = AGENT_CLOSED;
    }
    c->resting = true;
    c->status_told = false;
    c->status_word[0] = '\0';
    c->overdue_ms = 0;
    end_calls(c, &c->calls, AGENT_E_CANCELED);
    end_calls(c, &c->unsent, AGENT_E_CANCELED);
    ag_conn_run_posts(c);
    ag_conn_tell_state(c);
    ag_conn_tell_log(c);
    c->closing--;
    ag_conn_release(c);
}

/* Slots first: a destroy notifier may drop others. */
static void disband_list(struct ag_list *list)
{
    while (!ag_list_empty(list))
        ag_slot_detach(ag_list_first(list, struct agent_slot, link));
}

static void disband(struct agent_conn *c)
{
    struct ag_key *key;

    disband_list(&c->timers);
    disband_list(&c->ending);
    disband_list(&c->calls);
    disband_list(&c->unsent);
    while ((key = ag_list_first(&c->keys.all, struct ag_key, by_order))) {
        if (ag_list_empty(&key->slots))
            ag_keys_remove(key);
        else
            ag_slot_detach(ag_list_first(&key->slots, struct agent_slot, link));
    }
    while (!ag_list_empty(&c->requests))
        ag_request_detach(ag_list_first(&c->requests, struct agent_request, link));
}

void ag_conn_end(struct agent_conn *c)
{
    if (ag_conn_check(c) == 0)
        ag_conn_close(c);
    disband(c);
}
