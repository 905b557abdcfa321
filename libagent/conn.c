#include "libagent/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "libagent/core/pack.h"
#include "libagent/dispatch.h"
#include "libagent/encode.h"
#include "libagent/loop.h"
#include "libagent/request.h"
#include "libagent/slot.h"

enum {
    QUEUE_LIMIT = 2 * 1024 * 1024,
    TEXT_IN_MAX = 4 * 1024 * 1024, /* above the agent's default, which may be raised */
    DEPTH_IN_MAX = 256,
    SCRATCH_KEEP = 16 * 1024,
    STEADY_MS = 1000 /* a connection that lasted so long was a good one */
};

struct agent_conn *ag_conn_new(uint64_t random, uint64_t (*now_ms)(void))
{
    struct agent_conn *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->refs = 1;
    c->now_ms = now_ms;
    c->random = random | 1;
    c->first_pause_ms = c->pause_ms = 100;
    c->max_pause_ms = 5000;
    c->queue_limit = QUEUE_LIMIT;
    ag_framer_init(&c->framer, TEXT_IN_MAX, DEPTH_IN_MAX, NULL);
    ag_waits_init(&c->waits, (uint32_t) (random >> 32));
    ag_keys_init(&c->keys);
    ag_list_init(&c->calls);
    ag_list_init(&c->unsent);
    ag_list_init(&c->requests);
    ag_wait_init(&c->bind_wait, AG_WAIT_BIND);
    ag_wait_init(&c->status_wait, AG_WAIT_STATUS);
    c->transport.fd = c->transport.epoll_fd = c->transport.wake_fd = -1;
    return c;
}

static void free_key(struct ag_key *key)
{
    ag_list_for_each_safe(it, &key->slots)
        ag_slot_detach(ag_list_entry(it, struct agent_slot, link));
    ag_keys_remove(key);
}

void ag_conn_free(struct agent_conn *c)
{
    while (!ag_list_empty(&c->keys.all))
        free_key(ag_list_first(&c->keys.all, struct ag_key, by_order));
    while (!ag_list_empty(&c->requests))
        ag_request_detach(ag_list_first(&c->requests, struct agent_request, link));
    ag_framer_deinit(&c->framer);
    ag_buf_deinit(&c->out);
    ag_buf_deinit(&c->sizes);
    ag_buf_deinit(&c->text);
    ag_buf_deinit(&c->decoded);
    free(c->read_buf);
    free(c);
}

void ag_conn_enter(struct agent_conn *c)
{
    c->refs++;
    c->held++;
}

void ag_conn_leave(struct agent_conn *c)
{
    c->held--;
    agent_unref(c);
}

void ag_conn_logf(struct agent_conn *c, enum agent_log_level level, const char *fmt, ...)
{
    char line[256];
    va_list ap;

    if (!c->log || (uint8_t) level > c->log_max)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    c->log(level, line, c->log_user);
}

void ag_conn_tell_state(struct agent_conn *c)
{
    while (c->told_state != c->state) {
        c->told_state = c->state;
        if (c->on_state)
            c->on_state(c, (enum agent_state) c->state, c->on_state_user);
    }
}

/* ---- sending ---- */

struct ag_buf *ag_conn_scratch(struct agent_conn *c)
{
    if (c->text.cap > SCRATCH_KEEP)
        ag_buf_deinit(&c->text);
    else
        ag_buf_clear(&c->text);
    return &c->text;
}

static int append_packed(struct ag_buf *out, struct ag_span json)
{
    struct ag_json_view view;
    int r;

    if (ag_json_parse(&json, AG_JSON_DEPTH_MAX, &view) != 0)
        return AGENT_E_JSON;
    r = ag_pack_from_json(json, &view, out);
    return r > 0 ? AGENT_E_JSON : r;
}

int ag_conn_queue_own(struct agent_conn *c, struct ag_span json)
{
    size_t before = ag_buf_size(&c->out);
    int r = c->encoding == AGENT_MSGPACK ? append_packed(&c->out, json) : ag_buf_append_span(&c->out, json);
    uint32_t n = (uint32_t) (ag_buf_size(&c->out) - before);

    if (r == 0 && c->transport.packets) {
        r = n > AG_CONN_READ_MAX ? -EMSGSIZE : ag_buf_append(&c->sizes, &n, sizeof n);
        if (r < 0)
            c->out.len -= n;
    }
    return r;
}

int ag_conn_queue(struct agent_conn *c, struct ag_span json)
{
    if (!ag_conn_is_up(c) || c->write_dead)
        return -ENOTCONN;
    if (ag_buf_size(&c->out) + json.len > c->queue_limit) {
        ag_loop_flush(c); /* inside a callback much may have collected that the socket would take */
        if (ag_buf_size(&c->out) + json.len > c->queue_limit)
            return -ENOBUFS;
    }
    return ag_conn_queue_own(c, json);
}

void ag_conn_send_unsent(struct agent_conn *c)
{
    while (ag_conn_is_up(c) && !ag_list_empty(&c->unsent)) {
        struct agent_slot *slot = ag_list_first(&c->unsent, struct agent_slot, link);
        size_t n = ag_buf_size(&slot->call.unsent);
        int r = 0;

        if (ag_buf_size(&c->out) + n > c->queue_limit && ag_buf_size(&c->out) > 0)
            return; /* goes on when the socket has taken some */
        r = ag_conn_queue_own(c, ag_buf_span(&slot->call.unsent));
        if (r < 0) {
            ag_call_end(slot, r, NULL, NULL);
            continue;
        }
        ag_list_del(&slot->link);
        ag_list_append(&c->calls, &slot->link);
        ag_buf_deinit(&slot->call.unsent);
        c->unsent_bytes -= n;
    }
}

/* ---- what is told to the agent ---- */

int ag_conn_queue_bind(struct agent_conn *c, uint32_t address)
{
    struct ag_buf *text = ag_conn_scratch(c);
    int r;

    ag_wait_end(&c->bind_wait); /* what is still said about the claim before is of no interest */
    ag_waits_add(&c->waits, &c->bind_wait, c->now_ms() + AG_CONN_REGISTER_WAIT_MS);
    r = ag_encode_bind(text, c->bind_wait.id, address);
    if (r == 0)
        r = ag_conn_queue_own(c, ag_buf_span(text));
    if (r < 0)
        ag_wait_end(&c->bind_wait);
    return r;
}

void ag_conn_bound(struct agent_conn *c, int status)
{
    if (c->address == 0)
        return; /* it was given up meanwhile */
    if (status < 0)
        ag_conn_logf(c, AGENT_LOG_WARNING, "address %u refused: %s", (unsigned) c->address, agent_strerror(status));
    if (!c->on_bound)
        return;
    ag_conn_enter(c);
    c->on_bound(c, c->address, status, c->on_bound_user);
    ag_conn_leave(c);
}

static bool has_followers(struct agent_conn *c)
{
    struct ag_key *key = ag_keys_find(&c->keys, "local.status");

    if (!key)
        return false;
    ag_list_for_each(it, &key->slots) {
        if (ag_list_entry(it, struct agent_slot, link)->kind == AG_SLOT_STATUS)
            return true;
    }
    return false;
}

void ag_conn_query_status(struct agent_conn *c)
{
    struct ag_buf *text = ag_conn_scratch(c);
    struct ag_request_parts m = {.method = "local.query_status", .params = "\"\"", .has_id = true};

    ag_wait_end(&c->status_wait);
    if (!has_followers(c) || !ag_conn_is_up(c))
        return;
    ag_waits_add(&c->waits, &c->status_wait, c->now_ms() + AG_CONN_STATUS_RETRY_MS);
    m.id = c->status_wait.id;
    if (ag_encode_request(text, &m) == 0)
        ag_conn_queue_own(c, ag_buf_span(text));
}

/* ---- events ---- */

static void plan_next_try(struct agent_conn *c, uint64_t now_ms)
{
    uint64_t half = c->pause_ms / 2 + 1;

    c->random ^= c->random << 13; /* xorshift: spreads the tries of many applications, no more */
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    c->timer_ms = now_ms + c->pause_ms / 2 + c->random % half;
    c->pause_ms = c->pause_ms > c->max_pause_ms / 2 ? c->max_pause_ms : c->pause_ms * 2;
}

void ag_conn_check_ready(struct agent_conn *c)
{
    if (!ag_conn_is_settled(c))
        return;
    c->state = AGENT_READY;
    ag_conn_tell_state(c);
}

void ag_conn_on_up(struct agent_conn *c, uint64_t now_ms)
{
    int bind_error = 0;

    c->epoch++;
    c->state = AGENT_CONNECTED;
    c->connected_at_ms = now_ms;
    c->heard = c->write_dead = c->dialing = false;
    ag_framer_deinit(&c->framer);
    ag_framer_init(&c->framer, TEXT_IN_MAX, DEPTH_IN_MAX, NULL);
    if (c->address)
        bind_error = ag_conn_queue_bind(c, c->address);
    ag_list_for_each(it, &c->keys.all)
        ag_key_register(c, ag_list_entry(it, struct ag_key, by_order), now_ms);
    ag_conn_query_status(c);
    ag_conn_logf(c, AGENT_LOG_INFO, "connected to the agent");
    ag_conn_tell_state(c);
    if (bind_error < 0)
        ag_conn_bound(c, bind_error);
    ag_conn_send_unsent(c);
    ag_conn_check_ready(c);
}

void ag_conn_drop_socket(struct agent_conn *c)
{
    ag_transport_close(&c->transport);
    c->epoch++;
    c->dialing = false;
    ag_buf_deinit(&c->out);
    ag_buf_deinit(&c->sizes);
    ag_wait_end(&c->bind_wait);
    ag_wait_end(&c->status_wait);
    ag_list_for_each(it, &c->keys.all) {
        struct ag_key *key = ag_list_entry(it, struct ag_key, by_order);

        ag_wait_end(&key->reg);
        key->counted = false;
    }
    c->unsettled = 0;
}

void ag_conn_end_calls(struct agent_conn *c, struct ag_list *list, int status)
{
    struct ag_list ending;

    ag_list_init(&ending);
    ag_list_splice(&ending, list); /* calls that callbacks begin are not among them */
    while (!ag_list_empty(&ending))
        ag_call_end(ag_list_first(&ending, struct agent_slot, link), status, NULL, NULL);
    (void) c;
}

void ag_conn_on_refused(struct agent_conn *c, uint64_t now_ms)
{
    plan_next_try(c, now_ms);
    ag_conn_logf(c, AGENT_LOG_WARNING, "no agent reached, next try in %u ms", (unsigned) (c->timer_ms - now_ms));
}

void ag_conn_on_down(struct agent_conn *c, uint64_t now_ms)
{
    if (!ag_conn_is_up(c))
        return;
    ag_conn_logf(c, AGENT_LOG_WARNING, "connection to the agent lost");
    ag_conn_drop_socket(c);
    if (c->heard || now_ms - c->connected_at_ms >= STEADY_MS)
        c->pause_ms = c->first_pause_ms;
    c->state = AGENT_CONNECTING;
    plan_next_try(c, now_ms);
    ag_conn_end_calls(c, &c->calls, AGENT_E_LOST);
    ag_conn_tell_state(c);
}

/* The JSON form of a text that came; its bytes may be written to. 0 or an error. */
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
        c->heard = true;
        r = as_json(c, &in, &text, &view);
        if (r < 0)
            return r;
        ag_dispatch(c, (char *) (uintptr_t) text.p, text.len, &view); /* our own buffer: carry, read_buf, decoded */
        if (c->epoch != epoch)
            return 0; /* a callback closed it; the rest belongs to nobody */
    }
    if (r == 0 && c->transport.packets && c->framer.partial)
        r = AGENT_E_PROTOCOL; /* a packet is a whole text */
    if (r < 0 && r != -ENOMEM)
        r = AGENT_E_PROTOCOL;
    return r;
}

void ag_conn_on_time(struct agent_conn *c, uint64_t now_ms)
{
    struct ag_wait *a;

    while ((a = ag_waits_first(&c->waits)) && a->deadline_ms <= now_ms) {
        switch (a->kind) {
        case AG_WAIT_CALL:
            ag_call_end(ag_container_of(a, struct agent_slot, call.wait), AGENT_E_TIMEOUT, NULL, NULL);
            break;
        case AG_WAIT_REGISTER: /* an old agent never answers; should a late answer come, it still counts */
            ag_wait_forget_deadline(a);
            ag_key_registered(c, ag_container_of(a, struct ag_key, reg), 0);
            break;
        case AG_WAIT_STATUS:
            ag_conn_query_status(c);
            break;
        default:
            ag_wait_forget_deadline(a);
            ag_conn_bound(c, 0);
        }
    }
}

uint64_t ag_conn_deadline(const struct agent_conn *c)
{
    struct ag_wait *a = ag_waits_first((struct ag_waits *) &c->waits);
    uint64_t at = a ? a->deadline_ms : UINT64_MAX;

    if (c->state == AGENT_CONNECTING && c->timer_ms < at)
        at = c->timer_ms;
    return at;
}
