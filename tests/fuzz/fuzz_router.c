/* SPDX-License-Identifier: MIT */
/*
 * The whole router under a schedule: the bytes decide which peer joins, leaves, or sends which piece of which
 * text. Checked: each command of upstream and each request of an application is answered exactly once while
 * its sender stays, nothing else is answered, all that goes out is whole JSON, and at the end nothing is
 * open.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/core/router.h"
#include "libagent/core/json/json.h"
#include "tests/unit/agent/rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum {
    IDS = 4096, /* ids the fuzzer gives out; those of the agent's own lie beyond */
    REQUEST_IDS = 1 << 20,
    CALL_IDS = 1 << 21
};

struct world {
    struct rig rig;
    const uint8_t *p, *end;
    uint32_t next_id;
    /* per peer, per id: texts that want an answer minus answers received */
    uint8_t owed[RIG_PEERS][IDS];
};

#define CHECK(cond) ((cond) ? (void) 0 : die(#cond, __LINE__))

static void die(const char *what, int line)
{
    fprintf(stderr, "fuzz_router:%d: %s\n", line, what);
    abort();
}

static uint8_t take(struct world *w)
{
    return w->p < w->end ? *w->p++ : 0;
}

static char name_of(int i)
{
    return i == RIG_PEERS - 1 ? 'U' : (char) ('A' + i);
}

/* Reads what waits for a peer: each answer settles a debt, a command or a request passes. */
static void drain(struct world *w, int i)
{
    struct rig_peer *p = &w->rig.peers[i];
    struct ag_buf *b = p->there ? &p->peer.out : &p->last;
    const char *at = b->data ? ag_buf_head(b) : "";
    size_t left = ag_buf_size(b), size = left;

    while (left > 0) {
        struct ag_json_scan s;
        size_t used;
        uint64_t id;

        ag_json_scan_init(&s, 1024);
        CHECK(ag_json_scan(&s, at, left, &used) == -1); /* what goes out is whole JSON */
        if (ag_view_uint(&s.view, at, AG_M_ID, IDS - 1, &id)) {
            bool answer = !ag_view_has(&s.view, AG_M_METHOD);

            CHECK(!answer || w->owed[i][id] > 0);
            if (answer || w->owed[i][id] > 0) /* local.time answers with a method; ids of commands are never owed */
                w->owed[i][id]--;
        }
        at += used;
        left -= used;
    }
    if (p->there && size > 0)
        router_sent(&w->rig.router, &p->peer, size);
    else
        ag_buf_deinit(b);
}

static void drain_all(struct world *w)
{
    rig_settle(&w->rig);
    for (int i = 0; i < RIG_PEERS; i++) {
        drain(w, i);
        if (!w->rig.peers[i].there)
            memset(w->owed[i], 0, sizeof w->owed[i]);
    }
}

static const char *const methods[] = {"m", "n", "prop.a", "prop.b.c", "local.query_time", "_internal.info", "local.time", "none"};
static const char *const keys[] = {"m", "n", "prop.*", "prop.b.*", "*", "local.time", "m*", "prop.a"};

static const char *pick(struct world *w, const char *const *list)
{
    return list[take(w) % 8];
}

/* An answer to something this peer may have been asked; ids of commands are those the fuzzer gave out. */
static int print_answer(struct world *w, char *out, size_t room, bool upstream)
{
    uint32_t recent = w->next_id > 8 ? w->next_id - 8 : 0;
    uint8_t how = take(w);

    if (upstream && how % 4 == 0)
        return snprintf(out, room, "{\"id\":%u,\"method\":\"local.time\"}", REQUEST_IDS + take(w) % 16);
    if (upstream)
        return snprintf(out, room, "{\"id\":%u,\"error\":{\"code\":-1}}", REQUEST_IDS + take(w) % 64);
    if (how % 4 == 0)
        return snprintf(out, room, "{\"result\":1,\"id\":%u}", CALL_IDS + 1 + take(w) % 16);
    return snprintf(out, room, "{\"id\":%u,\"result\":[%u]}", (recent + how % 8) % IDS, how);
}

/* A text that wants an answer, under an id not used before by anyone. */
static int print_request(struct world *w, int i, char *out, size_t room, const char *method, const char *params)
{
    uint32_t id = w->next_id++ % IDS;

    w->owed[i][id]++;
    return snprintf(out, room, "{\"id\":%u,\"method\":\"%s\",\"params\":%s}", id, method, params);
}

static int print_text(struct world *w, int i, char *out, size_t room)
{
    static const char *const modes[] = {"", "", ",\"mode\":\"exclusive\"", ",\"mode\":\"standby\""};
    bool upstream = i == RIG_PEERS - 1;
    char params[128];

    switch (take(w) % (upstream ? 4 : 10)) {
    case 0:
        return print_request(w, i, out, room, pick(w, methods), "[]");
    case 1:
    case 2:
        return print_answer(w, out, room, upstream);
    case 3:
        return snprintf(out, room, "{\"method\":\"%s\"}", pick(w, methods));
    case 4:
        return snprintf(out, room, "{\"method\":\"register\",\"key\":\"%s\"%s}", pick(w, keys), modes[take(w) % 4]);
    case 5:
        return snprintf(out, room, "{\"method\":\"unregister\",\"key\":\"%s\"}", take(w) % 4 ? pick(w, keys) : "");
    case 6:
        return snprintf(out, room, "{\"method\":\"bind\",\"address\":%u}", 1u << take(w) % 4);
    case 7:
        return snprintf(out, room, "{\"_to\":%u,\"method\":\"x\"}", take(w));
    case 8:
        snprintf(params, sizeof params, "{\"method\":\"%s\"}", pick(w, methods));
        return print_request(w, i, out, room, "agent.call", params);
    default:
        return print_request(w, i, out, room, take(w) % 2 ? "agent.stats" : "agent.monitor", "[]");
    }
}

/* Upstream's debts end with it: what it waits for is forgotten. So do an application's. */
static void leave(struct world *w, int i)
{
    rig_leave(&w->rig, name_of(i));
    ag_buf_deinit(&w->rig.peers[i].last);
    memset(w->owed[i], 0, sizeof w->owed[i]);
}

static void send_cut(struct world *w, int i, const char *text, size_t n)
{
    size_t cut = take(w) % (n + 1);

    if (rig_feed(&w->rig, name_of(i), text, cut))
        rig_feed(&w->rig, name_of(i), text + cut, n - cut);
}

/* Raw bytes: whatever they do, it must not be to others. The peer's own debts are void then. */
static void send_raw(struct world *w, int i)
{
    size_t n = take(w);

    if ((size_t) (w->end - w->p) < n)
        n = (size_t) (w->end - w->p);
    rig_feed(&w->rig, name_of(i), (const char *) w->p, n);
    w->p += n;
    leave(w, i);
}

static void step(struct world *w)
{
    uint8_t op = take(w);
    int i = op % RIG_PEERS;
    struct rig_peer *p = &w->rig.peers[i];
    char text[512];
    int n;

    if (!p->there) {
        rig_join(&w->rig, name_of(i), op & 0x80 ? "uid=5" : "");
        return;
    }
    switch (op / RIG_PEERS % 16) {
    case 0:
        leave(w, i);
        break;
    case 1:
        w->rig.now_ms += take(w) * 100u;
        router_expire(&w->rig.router, w->rig.now_ms);
        break;
    case 2:
        send_raw(w, i);
        break;
    default:
        n = print_text(w, i, text, sizeof text);
        send_cut(w, i, text, (size_t) n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct world *w = calloc(1, sizeof *w);

    if (!w)
        return 0;
    w->p = data;
    w->end = data + n;
    w->next_id = 1;
    CHECK(rig_init(&w->rig) == 0);
    w->rig.router.requests.next_id = REQUEST_IDS;
    w->rig.router.next_call_id = CALL_IDS;
    w->rig.router.limits.queue = 64 * 1024;
    while (w->p < w->end) {
        step(w);
        drain_all(w);
    }
    w->rig.now_ms += 100000;
    router_expire(&w->rig.router, w->rig.now_ms);
    drain_all(w);
    CHECK(w->rig.router.requests.n == 0 && w->rig.router.commands.n == 0);
    for (int i = 0; i < RIG_PEERS; i++)
        for (uint32_t id = 0; id < IDS; id++)
            CHECK(!w->rig.peers[i].there || w->owed[i][id] == 0);
    rig_deinit(&w->rig);
    free(w);
    return 0;
}
