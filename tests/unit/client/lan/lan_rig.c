/* SPDX-License-Identifier: MIT */
#include "tests/unit/client/lan/lan_rig.h"
#include <stdio.h>
#include <string.h>

static void on_send(void *user, const struct lan_addr *to, struct ag_span datagram)
{
    struct world *w = user;

    (void) to;
    w->n_sent++;
    ag_buf_clear(&w->sent);
    ag_buf_append_span(&w->sent, datagram);
}

static void on_command(void *user, uint64_t handle, struct ag_span text, const struct ag_json_view *view, bool wants_answer)
{
    struct world *w = user;

    (void) view;
    w->n_commands++;
    w->handle = wants_answer ? handle : 0;
    snprintf(w->text, sizeof w->text, "%.*s", (int) text.len, text.p);
}

const struct lan_sink world_sink = {on_send, on_command};

int world_init(struct world *w)
{
    int r;

    *w = (struct world){.sent = AG_BUF_INIT};
    lan_init(&w->l, &world_sink, w, DID);
    r = lan_set_token(&w->l, TOKEN);
    return r == 0 ? packet_key_init(&w->key, TOKEN) : r;
}

void world_deinit(struct world *w)
{
    lan_deinit(&w->l);
    packet_key_deinit(&w->key);
    ag_buf_deinit(&w->sent);
}

size_t world_unhex(const char *hex, char *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (char) byte;
    }
    return n;
}

void world_receive_hex_at(struct world *w, const char *hex, uint64_t now_ms, uint32_t now_s)
{
    char bytes[128];
    size_t n = world_unhex(hex, bytes);

    lan_receive(&w->l, &peer, (struct ag_span){bytes, n}, now_ms, now_s);
}

void world_receive_hex(struct world *w, const char *hex, uint32_t now_s)
{
    world_receive_hex_at(w, hex, 1000, now_s);
}

int world_receive(struct world *w, const struct lan_addr *from, uint64_t did, uint32_t stamp, const char *text, uint64_t now_ms)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf d = AG_BUF_INIT;
    int r = packet_encode(&d, &w->key, did, stamp, (struct ag_span){text, strlen(text)});

    return r == 0 ? lan_receive(&w->l, from, ag_buf_span(&d), now_ms, NOW) : r;
}

void expect_sent_hex(struct world *w, const char *hex)
{
    char bytes[128];
    size_t n = world_unhex(hex, bytes);

    assert_int_equal(ag_buf_size(&w->sent), n);
    assert_memory_equal(ag_buf_head(&w->sent), bytes, n);
}

void expect_sent_text(struct world *w, const char *text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf plain = AG_BUF_INIT;
    struct packet p;

    assert_int_equal(packet_decode(&p, &w->key, ag_buf_span(&w->sent), &plain), 0);
    assert_int_equal(p.did, DID);
    assert_int_equal(p.stamp, NOW);
    assert_string_equal(ag_buf_cstr(&plain), text);
}

void world_hello(struct world *w, const struct lan_addr *from, uint64_t now_ms, uint32_t now_s)
{
    char bytes[32];

    lan_receive(&w->l, from, (struct ag_span){bytes, world_unhex(V8, bytes)}, now_ms, now_s);
}
