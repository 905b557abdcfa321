/* SPDX-License-Identifier: MIT */
#include "agent/core/send/monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "agent/core/send/out.h"
#include "agent/core/state/rights.h"
#include "libagent/core/json/json_walk.h"

enum { KEYS_BYTES_MAX = 4096, TEXT_MAX = 64 * 1024 };

struct monitor {
    struct peer *peer;
    size_t n_keys; /* 0: everything */
    size_t len;
    char keys[]; /* each after its length in 2 bytes */
};

/* The strings of a JSON array, decoded, into out. The count, or -EINVAL. */
static int keys_read(struct ag_span array, char *out, size_t room, size_t *len_out)
{
    struct ag_json_value value = {.type = AG_JSON_ARRAY, .raw = array};
    struct ag_json_walk w;
    struct ag_span name;
    size_t at = 0;
    int n = 0;

    ag_json_walk_begin(&w, value);
    while (ag_json_walk_next(&w, &name, &value)) {
        uint16_t key_len;
        long len;

        if (value.type != AG_JSON_STRING || room - at < 2)
            return -EINVAL;
        len = ag_json_unescape(value.raw, out + at + 2, room - at - 2);
        if (len < 0)
            return -EINVAL;
        key_len = (uint16_t) len;
        memcpy(out + at, &key_len, 2);
        at += 2 + (size_t) len;
        n++;
    }
    *len_out = at;
    return n;
}

static struct ag_span key_at(const char *keys, size_t *at)
{
    const char *key = keys + *at + 2;
    uint16_t len;

    memcpy(&len, keys + *at, 2);
    *at += 2u + len;
    return (struct ag_span){key, len};
}

static bool keys_permitted(const struct router *r, const struct peer *p, const char *keys, size_t len)
{
    bool all = len > 0 || rights_monitor(r, p, (struct ag_span){NULL, 0});

    for (size_t at = 0; at < len && all;)
        all = rights_monitor(r, p, key_at(keys, &at));
    return all;
}

static int monitor_slot(struct router *r, struct peer *p)
{
    for (int i = 0; i < ROUTER_MONITORS; i++)
        if (p->monitor ? p->monitor == 1u << i : !r->monitors[i])
            return i;
    return -ENOSPC;
}

int monitor_start(struct router *r, struct peer *p, struct ag_span keys)
{
    char text[KEYS_BYTES_MAX];
    size_t len = 0;
    int n = keys.p ? keys_read(keys, text, sizeof text, &len) : 0;
    int slot = monitor_slot(r, p);
    struct monitor *m;

    if (n < 0)
        return n;
    if (!keys_permitted(r, p, text, len))
        return -EACCES;
    if (slot < 0)
        return slot;
    m = malloc(sizeof *m + len);
    if (!m)
        return -ENOMEM;
    m->peer = p;
    m->n_keys = (size_t) n;
    m->len = len;
    memcpy(m->keys, text, len);
    free(r->monitors[slot]);
    r->monitors[slot] = m;
    p->monitor = (uint8_t) (1u << slot);
    r->monitoring |= p->monitor;
    return 0;
}

void monitor_stop(struct router *r, struct peer *p)
{
    int slot;

    if (!p->monitor)
        return;
    slot = monitor_slot(r, p);
    free(r->monitors[slot]);
    r->monitors[slot] = NULL;
    r->monitoring &= (uint8_t) ~p->monitor;
    p->monitor = 0;
}

void monitor_review(struct router *r, struct peer *p)
{
    const struct monitor *m = p->monitor ? r->monitors[monitor_slot(r, p)] : NULL;

    if (m && !keys_permitted(r, p, m->keys, m->len))
        monitor_stop(r, p);
}

static bool key_wants(struct ag_span key, struct ag_span method)
{
    size_t head = key.len > 0 ? key.len - 1 : 0;

    if (key.len == 0 || key.p[head] != '*')
        return method.p && ag_span_is(method, key.p, key.len);
    return method.len >= head && (head == 0 || memcmp(key.p, method.p, head) == 0);
}

static bool monitor_wants(const struct monitor *m, struct ag_span method)
{
    if (m->n_keys == 0)
        return true;
    for (size_t at = 0; at < m->len;)
        if (key_wants(key_at(m->keys, &at), method))
            return true;
    return false;
}

uint8_t monitor_match(const struct router *r, struct ag_span method)
{
    uint8_t bits = 0;

    for (int i = 0; i < ROUTER_MONITORS; i++)
        if (r->monitors[i] && monitor_wants(r->monitors[i], method))
            bits |= (uint8_t) (1u << i);
    return bits;
}

/* Events are a by-product: one that cannot be built for want of memory is counted and left out. */
void monitor_note_to(struct router *r, const struct peer *to)
{
    ag_buf_printf(&r->event_to, "%s%" PRIu64, ag_buf_size(&r->event_to) ? "," : "", to->role == PEER_UPSTREAM ? 0 : to->id);
}

void monitor_note_id(struct router *r, uint32_t id)
{
    r->event_id = id;
    r->event_has_id = true;
}

/* By the present clock, which may have been set since the last event. */
static int64_t at_of(const struct router *r, uint64_t now_ms)
{
    return (int64_t) now_ms + (r->wall_offset ? r->wall_offset(now_ms) : 0);
}

static int event_print(struct router *r, uint64_t now_ms, const char *kind, const struct peer *from, struct ag_span text)
{
    struct ag_span to = ag_buf_span(&r->event_to);
    int e;

    ag_buf_clear(&r->event);
    e = ag_buf_printf(&r->event,
                      "{\"method\":\"agent.event\",\"params\":{\"at\":%" PRId64 ",\"kind\":\"%s\",\"from\":%" PRIu64
                      ",\"to\":[%.*s],",
                      at_of(r, now_ms), kind, from->role == PEER_UPSTREAM ? 0 : from->id, (int) to.len, to.p);
    if (e == 0 && r->event_has_id)
        e = ag_buf_printf(&r->event, "\"id\":%" PRIu32 ",", r->event_id);
    if (e == 0 && text.len > TEXT_MAX)
        e = ag_buf_printf(&r->event, "\"size\":%zu}}", text.len);
    else if (e == 0 && (e = ag_buf_append_str(&r->event, "\"text\":")) == 0 && (e = ag_buf_append_span(&r->event, text)) == 0)
        e = ag_buf_append_str(&r->event, "}}");
    return e;
}

/* A slow monitor keeps half its queue free for what it asked for. */
static bool monitor_has_room(const struct router *r, const struct peer *p, size_t n)
{
    return peer_is_open(p) && ag_buf_size(&p->out) + n < r->limits.queue / 2 && r->queued + r->held + n < r->limits.total / 2;
}

static void event_send(struct router *r, uint8_t bits, bool built)
{
    for (int i = 0; i < ROUTER_MONITORS; i++) {
        struct monitor *m = bits & 1u << i ? r->monitors[i] : NULL;

        if (m && (!built || !monitor_has_room(r, m->peer, ag_buf_size(&r->event)) ||
                  out_text(r, m->peer, OUT_MESSAGE, ag_buf_span(&r->event)) != 0))
            r->stats.monitor_drops++;
    }
    ag_buf_clear(&r->event_to);
    r->event_has_id = false;
}

void monitor_tell(struct router *r, uint64_t now_ms, uint8_t bits, const char *kind, const struct peer *from, struct ag_span text)
{
    event_send(r, bits, event_print(r, now_ms, kind, from, text) == 0);
}

void monitor_tell_own(struct router *r, uint64_t now_ms, uint8_t bits, const struct peer *to, uint32_t id, int code,
                      const char *message, const char *data)
{
    int e;

    ag_buf_clear(&r->event);
    e = ag_buf_printf(&r->event,
                      "{\"method\":\"agent.event\",\"params\":{\"at\":%" PRId64
                      ",\"kind\":\"answer\",\"by\":\"agent\",\"reason\":\"%s\",\"to\":[%" PRIu64 "],\"text\":{\"id\":%" PRIu32
                      ",\"error\":{\"code\":%d,\"message\":\"%s\"%s%s%s}}}}",
                      at_of(r, now_ms), data ? data : message, to->role == PEER_UPSTREAM ? 0 : to->id, id, code, message,
                      data ? ",\"data\":\"" : "", data ? data : "", data ? "\"" : "");
    event_send(r, bits, e == 0);
}
