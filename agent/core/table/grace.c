#include "agent/core/table/grace.h"

#include <stdlib.h>
#include <string.h>
#include "agent/core/route/commands.h"
#include "agent/core/state/text.h"

struct grace_key {
    struct ag_list link;
    uint64_t lost_ms;
    uint16_t len;
    bool prefix;
    char name[];
};

struct grace_command {
    struct ag_list link;
    struct peer *origin;
    uint64_t came_ms, until_ms;
    uint32_t origin_id;
    size_t len;
    char bytes[];
};

void grace_init(struct grace *g)
{
    *g = (struct grace){0};
    ag_list_init(&g->keys);
    ag_list_init(&g->commands);
}

static void key_drop(struct grace *g, struct grace_key *k)
{
    ag_list_del(&k->link);
    g->n_keys--;
    free(k);
}

static void command_drop(struct grace *g, struct grace_command *c)
{
    ag_list_del(&c->link);
    g->n_commands--;
    c->origin->n_waiting--;
    g->bytes -= c->len;
    free(c);
}

void grace_deinit(struct grace *g)
{
    while (!ag_list_empty(&g->keys))
        key_drop(g, ag_list_first(&g->keys, struct grace_key, link));
    while (!ag_list_empty(&g->commands))
        command_drop(g, ag_list_first(&g->commands, struct grace_command, link));
}

static void keys_expire(struct grace *g, uint64_t now_ms)
{
    struct grace_key *k;

    while ((k = ag_list_first(&g->keys, struct grace_key, link)) && now_ms - k->lost_ms > GRACE_RECENT_MS)
        key_drop(g, k);
}

/* For want of memory it is not remembered: refused at once, then. */
static void key_add(struct grace *g, uint64_t now_ms, const struct sub_key *key)
{
    struct grace_key *k = malloc(sizeof *k + key->len);

    if (!k)
        return;
    k->lost_ms = now_ms;
    k->len = key->len;
    k->prefix = key->prefix;
    memcpy(k->name, key->name, key->len);
    ag_list_append(&g->keys, &k->link);
    if (++g->n_keys > GRACE_KEYS_MAX)
        key_drop(g, ag_list_first(&g->keys, struct grace_key, link));
}

void grace_note(struct router *r, uint64_t now_ms, const struct peer *p)
{
    if (r->limits.command_grace_ms == 0)
        return;
    keys_expire(&r->grace, now_ms);
    ag_list_for_each (it, &p->subs) {
        const struct sub *s = ag_list_entry(it, struct sub, by_peer);

        if (!s->denied && s->key->subs.next == s->key->subs.prev) /* its only one */
            key_add(&r->grace, now_ms, s->key);
    }
}

static bool was_served(struct grace *g, uint64_t now_ms, struct ag_span method)
{
    keys_expire(g, now_ms);
    ag_list_for_each (it, &g->keys) {
        const struct grace_key *k = ag_list_entry(it, struct grace_key, link);

        if ((k->prefix ? method.len >= k->len : method.len == k->len) && memcmp(k->name, method.p, k->len) == 0)
            return true;
    }
    return false;
}

bool grace_take(struct router *r, uint64_t now_ms, struct peer *origin, uint32_t origin_id, const struct text *t)
{
    uint32_t wait_ms = r->limits.command_grace_ms;
    struct grace *g = &r->grace;
    struct grace_command *c;

    if (wait_ms > r->limits.command_timeout_ms)
        wait_ms = r->limits.command_timeout_ms;
    if (wait_ms == 0 || g->trying || !t->has_id || g->n_commands >= GRACE_COMMANDS_MAX ||
        g->bytes + t->bytes.len > GRACE_BYTES_MAX || !was_served(g, now_ms, t->method))
        return false;
    c = malloc(sizeof *c + t->bytes.len);
    if (!c)
        return false;
    *c = (struct grace_command){.origin = origin,
                                .came_ms = now_ms,
                                .until_ms = now_ms + wait_ms,
                                .origin_id = origin_id,
                                .len = t->bytes.len};
    memcpy(c->bytes, t->bytes.p, t->bytes.len);
    ag_list_append(&g->commands, &c->link);
    g->n_commands++;
    origin->n_waiting++;
    g->bytes += c->len;
    r->stats.commands_waited++;
    return true;
}

/* Its bytes have passed the scanner before. */
static void command_read(const struct grace_command *c, struct text *t, struct ag_json_view *v)
{
    struct ag_span bytes = {c->bytes, c->len};

    ag_json_parse(&bytes, AG_JSON_DEPTH_MAX, v);
    text_read(t, bytes, v);
}

/* Takes the command off and sends it down as if it came now. */
static void command_send(struct router *r, struct grace_command *c, uint64_t now_ms, const struct text *t)
{
    struct grace *g = &r->grace;

    g->trying = true;
    g->age_ms = now_ms - c->came_ms;
    down_command(r, now_ms, c->origin, c->origin_id, t);
    g->age_ms = 0;
    g->trying = false;
    command_drop(g, c);
}

void grace_release(struct router *r, uint64_t now_ms)
{
    struct grace *g = &r->grace;
    struct ag_list *it, *next;

    g->ready = false;
    for (it = g->commands.next; it != &g->commands; it = next) {
        struct grace_command *c = ag_list_entry(it, struct grace_command, link);

        struct ag_json_view v;
        struct text t;

        next = it->next;
        command_read(c, &t, &v);
        if (!sub_match(&r->subs, t.method))
            continue;
        r->stats.commands_waited_served++;
        command_send(r, c, now_ms, &t);
    }
}

unsigned grace_forget(struct grace *g, const struct peer *origin)
{
    struct ag_list *it, *next;
    unsigned n = 0;

    for (it = g->commands.next; it != &g->commands; it = next) {
        struct grace_command *c = ag_list_entry(it, struct grace_command, link);

        next = it->next;
        if (c->origin == origin) {
            command_drop(g, c);
            n++;
        }
    }
    return n;
}

void grace_expire(struct router *r, uint64_t now_ms)
{
    struct grace *g = &r->grace;
    struct grace_command *c;

    if (g->ready)
        grace_release(r, now_ms);
    while ((c = ag_list_first(&g->commands, struct grace_command, link)) && c->until_ms <= now_ms) {
        struct ag_json_view v;
        struct text t;

        command_read(c, &t, &v);
        command_send(r, c, now_ms, &t); /* finds nobody: refused */
    }
}

void grace_end(struct router *r, uint64_t now_ms)
{
    struct grace *g = &r->grace;
    struct grace_command *c;

    g->ready = false;
    while ((c = ag_list_first(&g->commands, struct grace_command, link))) {
        struct ag_json_view v;
        struct text t;

        command_read(c, &t, &v);
        command_send(r, c, now_ms, &t); /* says so */
    }
}

uint64_t grace_deadline(const struct grace *g)
{
    const struct grace_command *c = ag_list_first(&g->commands, struct grace_command, link);

    return c ? c->until_ms : UINT64_MAX;
}
