/* SPDX-License-Identifier: MIT */
/* Phones on the LAN: hellos, requests, answers, repeats, and what is dropped. */
#include <stdio.h>
#include <string.h>
#include "client/lan/core/crypt.h"
#include "tests/support/alloc_fail.h"
#include "tests/unit/client/lan/lan_rig.h"

static void test_hello(void **state)
{
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    world_receive_hex(&w, V8, NOW);
    expect_sent_hex(&w, V9);
    w.l.reveal_token = true;
    world_receive_hex_at(&w, V8, 60000, 12); /* the clock is not set: the stamp is the uptime */
    expect_sent_hex(&w, V10);
    /* another program puts its own letters into the last 16 bytes */
    world_receive_hex(&w, "21310020ffffffffffffffffffffffff4d444944000102030405060700000000", 60);
    assert_int_equal(w.l.stats.hellos, 3);
    world_deinit(&w);
}

static void test_request_and_answer(void **state)
{
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    world_receive_hex(&w, V1, NOW);
    assert_string_equal(w.text, "{\"id\":1,\"method\":\"miIO.info\",\"params\":[]}");
    lan_answer(&w.l, w.handle, AG_SPAN("{\"id\":77,\"result\":[250]}"), NULL, 0, NOW);
    expect_sent_text(&w, "{\"id\":1,\"result\":[250]}");
    lan_answer(&w.l, w.handle, AG_SPAN("{\"id\":77,\"result\":[251]}"), NULL, 0, NOW);
    lan_answer(&w.l, 999, AG_SPAN("{\"id\":77,\"result\":[251]}"), NULL, 0, NOW);
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
    world_receive(&w, &peer, DID, NOW, text, 1000);
    world_receive(&w, &peer, DID, NOW, text, 1100); /* no answer yet: silence */
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.n_sent, 0);
    lan_answer(&w.l, w.handle, AG_SPAN("{\"id\":1,\"result\":[\"ok\"]}"), NULL, 0, NOW);
    world_receive(&w, &peer, DID, NOW + 1, text, 2000);
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.n_sent, 2);
    expect_sent_text(&w, "{\"id\":5,\"result\":[\"ok\"]}");
    world_receive(&w, &other, DID, NOW, text, 2000);     /* the same packet from elsewhere: somebody has listened */
    world_receive(&w, &other, DID, NOW + 1, text, 2000); /* the repeat too */
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.n_sent, 2);
    assert_int_equal(w.l.stats.replayed, 2);
    world_receive(&w, &other, DID, NOW + 2, text, 2000); /* another asker */
    assert_int_equal(w.n_commands, 2);
    world_receive(&w, &peer, DID, NOW, "{\"id\":5,\"method\":\"other\"}", 2000); /* its id, another text: another command */
    assert_int_equal(w.n_commands, 3);
    lan_expire(&w.l, 1000 + 60000);
    assert_int_equal(w.l.requests.n, 0);
    assert_int_equal(w.l.requests.kept_bytes, 0);
    world_receive(&w, &peer, DID, NOW, text, 62000); /* the answer is forgotten, the packet is not */
    assert_int_equal(w.n_commands, 3);
    world_receive(&w, &peer, DID, NOW + 60, text, 62000);
    assert_int_equal(w.n_commands, 4);
    world_deinit(&w);
}

/* What the network doubles is executed once, also without an id, and however much later it comes. */
static void test_packets_without_id(void **state)
{
    const char *text = "{\"method\":\"toggle\"}";
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    world_receive(&w, &peer, DID, NOW, text, 1000);
    world_receive(&w, &peer, DID, NOW, text, 1000);
    world_receive(&w, &other, DID, NOW, text, 70000);
    assert_int_equal(w.n_commands, 1);
    assert_int_equal(w.l.stats.replayed, 2);
    world_receive(&w, &peer, DID, NOW + 1, text, 1199);
    assert_int_equal(w.n_commands, 2);
    for (uint32_t i = 0; i < 100; i++)
        world_receive(&w, &peer, DID, NOW + 10 + i, text, 1300);
    assert_int_equal(w.n_commands, 102);
    assert_int_equal(w.n_sent, 0);
    world_deinit(&w);
}

/* One zero byte behind the text, also of an answer from memory and of the error for what is too large. */
static void expect_zero_byte(struct world *w)
{
    const char *p = ag_buf_head(&w->sent) + PACKET_HEADER;
    size_t len = ag_buf_size(&w->sent) - PACKET_HEADER, n = 0;
    char *plain = malloc(len);

    assert_non_null(plain);
    assert_int_equal(crypt_decrypt(w->key.crypt, (struct ag_span){p, len}, (uint8_t *) plain, &n), 0);
    assert_true(n > 2);
    assert_int_equal(plain[n - 1], '\0');
    assert_int_equal(plain[n - 2], '}');
    free(plain);
}

static void test_zero_byte_behind_answers(void **state)
{
    struct world w;
    char answer[80];

    (void) state;
    assert_int_equal(world_init(&w), 0);
    for (uint32_t i = 0; i < 20; i++) { /* whatever the padding */
        snprintf(answer, sizeof answer, "{\"result\":{\"a\":{\"b\":\"%.*s\"}}}", (int) i, "xxxxxxxxxxxxxxxxxxxxxx");
        world_receive(&w, &peer, DID, NOW + 2 * i, "{\"id\":1,\"method\":\"m\"}", 1000);
        lan_answer(&w.l, w.handle, (struct ag_span){answer, strlen(answer)}, NULL, 1000, NOW);
        expect_zero_byte(&w);
        world_receive(&w, &peer, DID, NOW + 2 * i + 1, "{\"id\":1,\"method\":\"m\"}", 1000);
        expect_zero_byte(&w);
        world_hello(&w, &peer, 1000, NOW);
    }
    assert_int_equal(w.l.stats.repeats, 20);
    world_deinit(&w);
}

/* An answer is kept for half a minute from the request on, whatever comes meanwhile. */
static void test_memory_in_time(void **state)
{
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    assert_int_equal(lan_next_deadline(&w.l), UINT64_MAX);
    world_receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 1000);
    assert_int_equal(lan_next_deadline(&w.l), 31000);
    world_receive(&w, &peer, DID, NOW, "{\"id\":2,\"method\":\"m\"}", 6000);
    lan_answer(&w.l, 1, AG_SPAN("{\"result\":[1]}"), NULL, 7000, NOW);
    lan_expire(&w.l, 30999);
    world_receive(&w, &peer, DID, NOW + 9, "{\"id\":1,\"method\":\"m\"}", 30999);
    expect_sent_text(&w, "{\"id\":1,\"result\":[1]}");
    assert_int_equal(w.n_sent, 2);
    assert_int_equal(lan_next_deadline(&w.l), 31000); /* a repeat does not lengthen it */
    lan_expire(&w.l, 31000);
    assert_int_equal(w.l.requests.n, 1);
    assert_int_equal(lan_next_deadline(&w.l), 36000);
    lan_expire(&w.l, 36000);
    assert_int_equal(w.l.requests.n, 0);
    lan_answer(&w.l, 2, AG_SPAN("{\"result\":[1]}"), NULL, 36000, NOW); /* so late nobody waits for it */
    assert_int_equal(w.n_sent, 2);
    assert_int_equal(w.l.stats.late, 1);
    world_deinit(&w);
}

/* Before there is a token nothing is understood, not even a hello. */
static void test_without_a_token(void **state)
{
    struct world w = {.sent = AG_BUF_INIT};
    char bytes[32];

    (void) state;
    lan_init(&w.l, &world_sink, &w, DID);
    lan_receive(&w.l, &peer, (struct ag_span){bytes, world_unhex(V8, bytes)}, 0, NOW);
    assert_int_equal(w.n_sent, 0);
    assert_int_equal(w.l.stats.no_token, 1);
    assert_int_equal(w.l.stats.datagrams, 1);
    assert_int_equal(w.l.stats.hellos, 0);
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
    world_receive(&w, &peer, DID + 1, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    world_receive(&w, &peer, DID | (1ull << 40), NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    assert_int_equal(w.l.stats.bad_did, 2);
    world_receive(&w, &peer, DID, NOW - 86401, "{\"id\":1,\"method\":\"m\"}", 0);
    world_receive(&w, &peer, DID, NOW + 86401, "{\"id\":1,\"method\":\"m\"}", 0);
    assert_int_equal(w.l.stats.bad_stamp, 2);
    world_receive(&w, &peer, DID, NOW, "no json", 0);
    world_receive(&w, &peer, DID, NOW, "{\"id\":1}", 0);
    world_receive(&w, &peer, DID, NOW, "{\"id\":-1,\"method\":\"m\"}", 0);
    world_receive(&w, &peer, DID, NOW, "{\"id\":1,\"id\":2,\"method\":\"m\"}", 0);
    world_receive(&w, &peer, DID, NOW, "", 0); /* a keepalive has no place on the LAN */
    assert_int_equal(w.l.stats.bad_text, 5);
    packet_key_deinit(&w.key);
    assert_int_equal(packet_key_init(&w.key, "0123456789abcdef"), 0);
    world_receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    assert_int_equal(w.l.stats.bad_packet[PACKET_E_CHECKSUM], 1);
    assert_int_equal(w.n_sent + w.n_commands + w.l.requests.n, 0);
    world_deinit(&w);
}

static void test_bounds(void **state)
{
    struct world w;
    char *large = malloc(70000);

    (void) state;
    assert_non_null(large);
    assert_int_equal(world_init(&w), 0);
    w.l.requests.max = 2;
    w.l.requests.max_kept_bytes = 40;
    world_receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    world_receive(&w, &peer, DID, NOW, "{\"id\":2,\"method\":\"m\"}", 0);
    world_receive(&w, &peer, DID, NOW, "{\"id\":3,\"method\":\"m\"}", 0); /* both are under way: no room */
    assert_int_equal(w.n_commands, 2);
    assert_int_equal(w.l.stats.full, 1);
    lan_answer(&w.l, 1, AG_SPAN("{\"id\":0,\"result\":[\"aaaaaaaaaaaaaa\"]}"), NULL, 0, NOW);
    world_receive(&w, &peer, DID, NOW, "{\"id\":3,\"method\":\"m\"}", 0); /* the answered one makes room */
    assert_int_equal(w.n_commands, 3);
    lan_answer(&w.l, 2, AG_SPAN("{\"id\":0,\"result\":[\"bbbbbbbbbbbbbb\"]}"), NULL, 0, NOW);
    lan_answer(&w.l, 3, AG_SPAN("{\"id\":0,\"result\":[\"cccccccccccccc\"]}"), NULL, 0, NOW);
    assert_true(w.l.requests.kept_bytes <= 40);
    memset(large, 'x', 70000);
    memcpy(large, "{\"r\":\"", 6);
    memcpy(large + 69998, "\"}", 2);
    w.l.requests.max = 9;
    world_receive(&w, &peer, DID, NOW, "{\"id\":4,\"method\":\"m\"}", 0);
    lan_answer(&w.l, w.handle, (struct ag_span){large, 70000}, NULL, 0, NOW);
    expect_zero_byte(&w);
    expect_sent_text(&w, "{\"id\":4,\"error\":{\"code\":-32000,\"message\":\"answer too large\"}}");
    free(large);
    world_deinit(&w);
}

/* After a reset the last owner's token goes, also when memory is short. */
static void test_another_token_needs_no_memory(void **state)
{
    static const char fresh[] = "0123456789abcdef";
    struct world w;

    (void) state;
    assert_int_equal(world_init(&w), 0);
    alloc_fail_at(1);
    assert_int_equal(lan_set_token(&w.l, fresh), 0);
    alloc_fail_at(0);
    world_receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0); /* under the old one */
    assert_int_equal(w.n_commands, 0);
    packet_key_deinit(&w.key);
    assert_int_equal(packet_key_init(&w.key, fresh), 0);
    world_receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
    assert_int_equal(w.n_commands, 1);
    world_deinit(&w);
}

static void sweep(void *user)
{
    struct world w;

    (void) user;
    if (world_init(&w) == 0) {
        world_receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
        lan_answer(&w.l, w.handle, AG_SPAN("{\"id\":0,\"result\":1}"), NULL, 0, NOW);
        world_receive(&w, &peer, DID, NOW, "{\"id\":1,\"method\":\"m\"}", 0);
        /* each datagram has one end */
        assert_int_equal(w.l.stats.datagrams,
                         w.l.stats.requests + w.l.stats.repeats + w.l.stats.no_memory + w.l.stats.no_token + w.l.stats.replayed);
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
        cmocka_unit_test(test_packets_without_id),
        cmocka_unit_test(test_zero_byte_behind_answers),
        cmocka_unit_test(test_memory_in_time),
        cmocka_unit_test(test_without_a_token),
        cmocka_unit_test(test_dropped_and_counted),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_another_token_needs_no_memory),
        cmocka_unit_test(test_alloc_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
