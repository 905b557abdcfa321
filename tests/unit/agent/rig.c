/* SPDX-License-Identifier: MIT */
#include "tests/unit/agent/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/core/router.h"

enum { RIG_TEXT_MAX = 1 << 20, RIG_DEPTH = 128 };

int rig_init(struct rig *g)
{
    memset(g, 0, sizeof *g);
    g->now_ms = 1000;
    return router_init(&g->router, g->now_ms, (uint64_t) 1000 << 32 | 99, 0);
}

void rig_deinit(struct rig *g)
{
    for (int i = 0; i < RIG_PEERS; i++) {
        rig_leave(g, i == RIG_PEERS - 1 ? 'U' : (char) ('A' + i));
        ag_buf_deinit(&g->peers[i].last);
    }
    router_deinit(&g->router);
}

struct rig_peer *rig_peer(struct rig *g, char name)
{
    return &g->peers[name == 'U' ? RIG_PEERS - 1 : name - 'A'];
}

void rig_join(struct rig *g, char name, const char *how)
{
    struct rig_peer *p = rig_peer(g, name);

    memset(&p->peer, 0, sizeof p->peer);
    ag_buf_clear(&p->last);
    p->there = true;
    p->peer.packets = strcmp(how, "packet") == 0;
    p->peer.cred.known = strcmp(how, "unknown") != 0;
    if (strncmp(how, "uid=", 4) == 0)
        p->peer.cred.uid = (uint32_t) strtoul(how + 4, NULL, 10);
    ag_framer_init(&p->framer, RIG_TEXT_MAX, RIG_DEPTH, NULL);
    p->framer.forgiving = name == 'U';
    router_peer_add(&g->router, g->now_ms, &p->peer, name == 'U' ? PEER_UPSTREAM : PEER_APP);
}

void rig_leave(struct rig *g, char name)
{
    struct rig_peer *p = rig_peer(g, name);

    if (!p->there)
        return;
    ag_buf_deinit(&p->last);
    if (p->peer.end == PEER_STAYS || p->peer.end == PEER_END_INPUT)
        p->last = router_take_out(&g->router, &p->peer);
    router_peer_gone(&g->router, g->now_ms, &p->peer);
    ag_framer_deinit(&p->framer);
    p->there = false;
}

bool rig_feed(struct rig *g, char name, const char *bytes, size_t n)
{
    struct rig_peer *p = rig_peer(g, name);
    struct ag_text t;
    int r;

    ag_framer_lend(&p->framer, bytes, n);
    while ((r = ag_framer_next(&p->framer, &t)) > 0) {
        if (t.kind == AG_FRAMER_JSON)
            router_handle(&g->router, g->now_ms, &p->peer, t.bytes, t.view);
        else if (t.kind == AG_FRAMER_PACK)
            router_handle_pack(&g->router, g->now_ms, &p->peer, t.bytes);
    }
    if (r < 0)
        router_bad_input(&g->router, &p->peer, ag_framer_strerror(r));
    else if (peer_is_open(&p->peer))
        router_held(&g->router, &p->peer, ag_framer_held(&p->framer));
    return peer_is_open(&p->peer);
}

void rig_settle(struct rig *g)
{
    bool again = true;

    while (again) {
        again = false;
        for (int i = 0; i < RIG_PEERS; i++) {
            if (g->peers[i].there && !peer_is_open(&g->peers[i].peer)) {
                rig_leave(g, i == RIG_PEERS - 1 ? 'U' : (char) ('A' + i));
                again = true;
            }
        }
    }
}

static int fail(struct rig *g, const char *line, const char *what, const char *p, size_t n)
{
    snprintf(g->error, sizeof g->error, "line \"%s\": %s%.*s", line, what, (int) n, p);
    return -1;
}

static int expect(struct rig *g, const char *line, char name, const char *wanted)
{
    struct rig_peer *p = rig_peer(g, name);
    struct ag_buf *b = p->there ? &p->peer.out : &p->last;
    size_t n = strlen(wanted);

    router_settle(&g->router, g->now_ms);
    if (ag_buf_size(b) < n || (n == 0 && ag_buf_size(b) > 0) || (n > 0 && memcmp(ag_buf_head(b), wanted, n) != 0))
        return fail(g, line, "there is: ", ag_buf_head(b), ag_buf_size(b) < 600 ? ag_buf_size(b) : 600);
    if (n > 0 && wanted[n - 1] != '}')
        n = ag_buf_size(b);
    if (n > 0 && p->there)
        router_sent(&g->router, &p->peer, n);
    else if (n > 0)
        ag_buf_consume(b, n);
    return 0;
}

static int check_counter(struct rig *g, const char *line)
{
    struct ag_buf b = AG_BUF_INIT;
    char pattern[128];
    const char *eq = strchr(line, '=');
    int r = 0;

    snprintf(pattern, sizeof pattern, "\"%.*s\":%s", (int) (eq - line), line, eq + 1);
    if (stats_print(&g->router.stats, &b) == 0) {
        const char *at = strstr(ag_buf_cstr(&b), pattern);

        if (!at || (at[strlen(pattern)] != ',' && at[strlen(pattern)] != '}'))
            r = fail(g, line, "counters: ", ag_buf_head(&b), ag_buf_size(&b));
    }
    ag_buf_deinit(&b);
    return r;
}

static int run_peer_line(struct rig *g, const char *line)
{
    struct rig_peer *p = rig_peer(g, line[0]);
    const char *rest = line[2] == ' ' ? line + 3 : line + 2;

    switch (line[1]) {
    case '+':
        rig_join(g, line[0], rest);
        return 0;
    case '-':
        rig_leave(g, line[0]);
        return 0;
    case '/':
        router_peer_half_closed(&g->router, g->now_ms, &p->peer);
        return 0;
    case '=':
        return router_peer_is_done(&p->peer) ? 0 : fail(g, line, "not done", "", 0);
    case '>':
        rig_feed(g, line[0], rest, strlen(rest));
        return 0;
    case '<':
        return expect(g, line, line[0], rest);
    case '#':
        if (peer_is_open(&p->peer))
            return fail(g, line, "still open", "", 0);
        rig_leave(g, line[0]);
        return 0;
    default:
        return fail(g, line, "what is this?", "", 0);
    }
}

int rig_run(struct rig *g, const char *const *lines)
{
    for (; *lines; lines++) {
        const char *line = *lines;
        int r = 0;

        if (line[0] == '+') {
            g->now_ms += strtoul(line + 1, NULL, 10);
            router_expire(&g->router, g->now_ms);
        } else if (strcmp(line, "stop") == 0) {
            router_shutdown(&g->router, g->now_ms);
        } else if (line[0] >= 'a') {
            r = check_counter(g, line);
        } else {
            r = run_peer_line(g, line);
        }
        if (r < 0)
            return r;
    }
    return 0;
}
