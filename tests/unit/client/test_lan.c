#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/core/lan.h"
#include "tests/support/alloc_fail.h"

#define DID   87654321u
#define TOKEN "a1B2c3D4e5F6g7H8"
#define NOW   1700000000u

/* V8: hello. V9: its answer when provisioned. V10: unprovisioned, stamp 60. */
#define V8  "21310020ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define V9  "213100200000000005397fb16553f100ffffffffffffffffffffffffffffffff"
#define V10 "213100200000000005397fb10000003c61314232633344346535463667374838"
/* V1: {"id":1,"method":"miIO.info","params":[]}, stamp NOW */
#define V1                                                                                                   \
    "213100500000000005397fb16553f100bf30fac6036030c46f7e96bc430f35d53212c5571ce75add1f83e3c54c14b22d"      \
    "22f9d52b4ae6cdc3c6b639d642e607c732464ee25d20558a9ce08114f589ec96"

struct world {
    struct lan l;
    struct packet_key key; /* the phone's */
    struct ag_buf sent;    /* the last datagram */
    unsigned n_sent, n_commands;
    uint64_t handle;
    char text[256];
};

static const struct lan_addr peer = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}, .port = 4000};
static const struct lan_addr other = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}, .port = 4001};

static void on_send(void *user, const struct lan_addr *to, struct ag_span datagram)
{
    struct world *w = user;

    (void) to;
    w->n_sent++;
    ag_buf_clear(&w->sent);
    ag_buf_append_span(&w->sent, datagram);
}

static void on_command(void *user, uint64_t handle, struct ag_span text, const struct ag_json_view *view,
                       bool wants_answer)
{
    struct world *w = user;

    (void) view;
    w->n_commands++;
    w->handle = wants_answer ? handle : 0;
    snprintf(w->text, sizeof w->text, "%.*s", (int) text.len, text.p);
}

static const struct lan_sink sink = {on_send, on_command};

static int world_init(struct world *w)
{
    int r;

    *w = (struct world){.sent = AG_BUF_INIT};
    lan_init(&w->l, &sink, w, DID);
    r = lan_set_token(&w->l, TOKEN);
    return r == 0 ? packet_key_init(&w->key, TOKEN) : r;
}

static void world_deinit(struct world *w)
{
    lan_deinit(&w->l);
    packet_key_deinit(&w->key);
    ag_buf_deinit(&w->sent);
}

static size_t unhex(const char *hex, char *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (char) byte;
    }
    return n;
}

static void receive_hex(struct world *w, const char *hex, uint32_t now_s)
{
    char bytes[128];
    size_t n = unhex(hex, bytes);

    lan_receive(&w->l, &peer, (struct ag_span){bytes, n}, 1000, now_s);
}

static int receive(struct world *w, const struct lan_addr *from, uint64_t did, uint32_t stamp, const char *text,
                   uint64_t now_ms)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf d = AG_BUF_INIT;
    int r = packet_encode(&d, &w->key, did, stamp, (struct ag_span){text, strlen(text)});

    return r == 0 ? lan_receive(&w->l, from, ag_buf_span(&d), now_ms, NOW) : r;
}

static void expect_sent_hex(struct world *w, const char *hex)
{
    char bytes[128];
    size_t n = unhex(hex, bytes);

    assert_int_equal(ag_buf_size(&w->sent), n);
    assert_memory_equal(ag_buf_head(&w->sent), bytes, n);
}

static void expect_sent_text(struct world *w, const char *text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf plain = AG_BUF_INIT;
    struct packet p;

    assert_int_equal(packet_decode(&p, &w->key, ag_buf_span(&w->sent), &plain), 0);
    assert_int_equal(p.did, DID);
    assert_int_equal(p.stamp, NOW);
    assert_string_equal(ag_buf_cstr(&plain), text);
}

static void test_hello(void **state)
{
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    receive_hex(&w, V8, NOW);
    expect_sent_hex(&w, V9);
    w.l.reveal_token = true;
    receive_hex(&w, V8, 60);
    expect_sent_hex(&w, V10);
    /* another program puts its own letters into the last 16 bytes */
    receive_hex(&w, "21310020ffffffffffffffffffffffff4d444944000102030405060700000000", 60);
    assert_int_equal(w.l.stats.hellos, 3);
    world_deinit(&w);
}

static void test_request_and_answer(void **state)
{
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    receive_hex(&w, V1, NOW);
    assert_string_equal(w.text, "{\"id\":1,\"method\":\"miIO.info\",\"params\":[]}");
    lan_answer(&w.l, w.handle, AG_SPAN("{\"id\":77,\"result\":[250]}"), NOW);
    expect_sent_text(&w, "{\"id\":1,\"result\":[250]}");
    lan_answer(&w.l, w.handle, AG_SPAN("{\"id\":77,\"result\":[251]}"), NOW);
    lan_answer(&w.l, 999, AG_SPAN("{\"id\":77,\"result\":[251]}"), NOW);
    assert_int_equal(w.n_sent, 1);
    assert_int_equal(w.l.stats.late, 2);
    world_deinit(&w);
}

static void test_repeats(void **state)
{
    const char *text = "{\"id\":5,\"method\":\"toggle\",\"params\":[]}";
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    receive(&w, &peer, DID, NOW, text, 1000);
    receive(&w, &peer, DID, NOW, text, 1100); /* no answer yet: silence */
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.n_sent, 0);
    lan_answer(&w.l, w.handle, AG_SPAN("{\"id\":1,\"result\":[\"ok\"]}"), NOW);
    receive(&w, &peer, DID, NOW + 1, text, 2000);
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.n_sent, 2);
    expect_sent_text(&w, "{\"id\":5,\"result\":[\"ok\"]}");
    receive(&w, &other, DID, NOW, text, 2000); /* another port: another asker */
    assert_int_equal(w.n_commands, 2);
    receive(&w, &peer, DID, NOW, "{\"id\":5,\"method\":\"other\"}", 2000); /* its id, another text: another command */
    assert_int_equal(w.n_commands, 3);
    lan_expire(&w.l, 1000 + 60000);
    assert_int_equal(w.l.n_requests, 0);
    assert_int_equal(w.l.kept_bytes, 0);
    receive(&w, &peer, DID, NOW, text, 62000);
    assert_int_equal(w.n_commands, 4);
    world_deinit(&w);
}

/* What the network doubles is executed once, also without an id; what a phone says again counts again. */
static void test_twins_without_id(void **state)
{
    const char *text = "{\"method\":\"toggle\"}";
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    receive(&w, &peer, DID, NOW, text, 1000);
    receive(&w, &peer, DID, NOW, text, 1000);
    receive(&w, &peer, DID, NOW, text, 1199);
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.l.stats.repeats, 2);
    receive(&w, &other, DID, NOW, text, 1199); /* another phone with the same stamp */
    assert_int_equal(w.n_commands, 2);
    receive(&w, &peer, DID, NOW + 1, text, 1199);
    assert_int_equal(w.n_commands, 3);
    receive(&w, &peer, DID, NOW, text,
            1200); /* the same bytes, but meant again: some phones' stamps stand still */
    assert_int_equal(w.n_commands, 4);
    for (uint32_t i = 0; i < 100; i++)
        receive(&w, &peer, DID, NOW + 10 + i, text, 1300);
    assert_int_equal(w.n_commands, 104);
    assert_int_equal(w.n_sent, 0);
    world_deinit(&w);
}

static void test_dropped_and_counted(void **state)
{
    struct world w;
    char bad[65536] = {0x21, 0x31};

    (void) state;
    assert_int_equal(world_init(&w), 0);
    lan_receive(&w.l, &peer, (struct ag_span){bad, 0}, 0, NOW);
    lan_receive(&w.l, &peer, (struct ag_span){bad, 31}, 0, NOW);
    lan_receive(&w.l, &peer, (struct ag_span){"GET / HTTP/1.1\r\nHost: device\r\n\r\n and more", 42}, 0, NOW);
    lan_receive(&w.l, &peer, (struct ag_span){bad, sizeof bad - 1}, 0, NOW);
    assert_int_equal(w.l.stats.bad_packet[PACKET_E_MAGIC] + w.l.stats.bad_packet[PACKET_E_LENGTH], 4);
    receive(&w, &peer, DID + 1, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    receive(&w, &peer, DID | (1ull << 40), NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    assert_int_equal(w.l.stats.bad_did, 2);
    receive(&w, &peer, DID, NOW - 86401, "{\"id\":1,\"method\":\"m\"}", 0);
    receive(&w, &peer, DID, NOW + 86401, "{\"id\":1,\"method\":\"m\"}", 0);
    assert_int_equal(w.l.stats.bad_stamp, 2);
    receive(&w, &peer, DID, NOW, "no json", 0);
    receive(&w, &peer, DID, NOW, "{\"id\":1}", 0);
    receive(&w, &peer, DID, NOW, "{\"id\":-1,\"method\":\"m\"}", 0);
    receive(&w, &peer, DID, NOW, "{\"id\":1,\"id\":2,\"method\":\"m\"}", 0);
    receive(&w, &peer, DID, NOW, "", 0); /* a keepalive has no place on the LAN */
    assert_int_equal(w.l.stats.bad_text, 5);
    packet_key_deinit(&w.key);
    assert_int_equal(packet_key_init(&w.key, "0123456789abcdef"), 0);
    receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    assert_int_equal(w.l.stats.bad_packet[PACKET_E_CHECKSUM], 1);
    assert_int_equal(w.n_sent + w.n_commands + w.l.n_requests, 0);
    world_deinit(&w);
}

static void test_bounds(void **state)
{
    struct world w;
    char *large = malloc(70000);

    (void) state;
    assert_non_null(large);
    assert_int_equal(world_init(&w), 0);
    w.l.max_requests = 2;
    w.l.max_kept_bytes = 40;
    receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    receive(&w, &peer, DID, NOW, "{\"id\":2,\"method\":\"m\"}", 0);
    receive(&w, &peer, DID, NOW, "{\"id\":3,\"method\":\"m\"}", 0); /* both are under way: no room */
    assert_int_equal(w.n_commands, 2);
    assert_int_equal(w.l.stats.full, 1);
    lan_answer(&w.l, 1, AG_SPAN("{\"id\":0,\"result\":[\"aaaaaaaaaaaaaa\"]}"), NOW);
    receive(&w, &peer, DID, NOW, "{\"id\":3,\"method\":\"m\"}", 0); /* the answered one makes room */
    assert_int_equal(w.n_commands, 3);
    lan_answer(&w.l, 2, AG_SPAN("{\"id\":0,\"result\":[\"bbbbbbbbbbbbbb\"]}"), NOW);
    lan_answer(&w.l, 3, AG_SPAN("{\"id\":0,\"result\":[\"cccccccccccccc\"]}"), NOW);
    assert_true(w.l.kept_bytes <= 40);
    memset(large, 'x', 70000);
    memcpy(large, "{\"r\":\"", 6);
    memcpy(large + 69998, "\"}", 2);
    w.l.max_requests = 9;
    receive(&w, &peer, DID, NOW, "{\"id\":4,\"method\":\"m\"}", 0);
    lan_answer(&w.l, w.handle, (struct ag_span){large, 70000}, NOW);
    expect_sent_text(&w, "{\"id\":4,\"error\":{\"code\":-32000,\"message\":\"answer too large\"}}");
    free(large);
    world_deinit(&w);
}

static void sweep(void *user)
{
    struct world w;

    (void) user;
    if (world_init(&w) == 0) {
        receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
        lan_answer(&w.l, w.handle, AG_SPAN("{\"id\":0,\"result\":1}"), NOW);
        receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    }
    world_deinit(&w);
}

static void test_alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_request_and_answer),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_twins_without_id),
        cmocka_unit_test(test_dropped_and_counted),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_alloc_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
