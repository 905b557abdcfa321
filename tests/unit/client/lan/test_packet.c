/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/lan/core/packet.h"
#include "tests/support/alloc_fail.h"

/* Vectors V1..V13: made by Python's hashlib and "openssl enc", read back by python3-miio. */
#define DID   87654321u
#define TOKEN "a1B2c3D4e5F6g7H8"
#define CLOUD "Qw3rTy7UiOp9AsDf"

static const struct vector {
    const char *name, *secret;
    uint32_t stamp;
    const char *text;
    bool zero; /* one zero byte ends the text; we send none */
    const char *packet;
} vectors[] = {
    {"V1 LAN request", TOKEN, 1700000000, "{\"id\":1,\"method\":\"miIO.info\",\"params\":[]}", false,
     "213100500000000005397fb16553f100bf30fac6036030c46f7e96bc430f35d53212c5571ce75add1f83e3c54c14b22d"
     "22f9d52b4ae6cdc3c6b639d642e607c732464ee25d20558a9ce08114f589ec96"},
    {"V2 LAN request ending in a zero byte", TOKEN, 1700000001, "{\"id\":2,\"method\":\"get_prop\",\"params\":[\"rgb\"]}", true,
     "213100500000000005397fb16553f1018672dc0518acd9a06e4aba0ecef84491eff591a926c225faa4d3f056bbc002a1"
     "1739677ee2583c9121b2b09ca2bfbe7e2c735ad2677e5848a13a25cff80133d2"},
    {"V3 whole padding block", TOKEN, 1700000002, "{\"id\":2,\"result\":[250],\"pad\":12}", false,
     "213100500000000005397fb16553f102efa69210c6e1e8ca8342c8697bb90bd60f1805e1f3726f817d176ea15fcaab03"
     "79f6224dd43bee2948fde5d9eeb0d40370d5a03cccf3345b4efc9e5b8cdb8076"},
    {"V4 cloud answer to _otc.info", CLOUD, 1700000100,
     "{\"id\":1001,\"result\":{\"otc_list\":[{\"ip\":\"127.0.0.1\",\"port\":8053}],\"otc_test\":{\"list\":[{\"ip\":"
     "\"127.0.0.1\",\"port\":8053}],\"interval\":1800,\"firsttest\":1193}}}",
     false,
     "213100c00000000005397fb16553f1648ff27c80bf770a69f3f90d0a811e5d8b2af585d8481e68d8a70fb1c4cb485017"
     "cef901b6e2d33deebc2ad2c64a09ddd717d297898841dccddf54bd1f881ec041e4872ebba3b7f991e475ca1c2a487019"
     "b612671712129f98ed2f75532abdc62584e479d8c1391f2300e1d83480a337e4c4cf23603cb55b0943f9ba55b62edcb2"
     "db07925b9b3f734ad2ad0d86027570cb186b1b528351ff07cb4265777133e1585779f9ba9423720755b418ecdc995c37"},
    {"V5 cloud uplink report", CLOUD, 1700000101, "{\"id\":1002,\"method\":\"props\",\"params\":{\"ota_state\":\"idle\"}}", false,
     "213100600000000005397fb16553f165a48850f9c459ba41938481c9c45ba362869606dc9bf451942bfe408a7089c2db"
     "4d800e3b3ee648b653ab66aa2ffa01f7b027de7f5d3cfc96a80088ddda7bf2a64829b029483fc31841b3fb5ca14c4a47"},
    {"V6 cloud keepalive", CLOUD, 1700000116, "", false, "213100200000000005397fb16553f1740d8e8a808b3f5e93591d47b72e125d73"},
    {"V7 UTF-8 text, uptime stamp", TOKEN, 60, "{\"id\":3,\"result\":[\"gr\xc3\xbcn-\xe7\x81\xaf\"]}", false,
     "213100400000000005397fb10000003c3ab67412f3dfe33ace899759d279368d6a14c8380e8f176a339efa8bdab00f00"
     "9a7b4d3967e758cf35bf3caf936d913b"},
};

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};

        out[i] = (uint8_t) strtoul(pair, NULL, 16);
    }
    return n;
}

static struct ag_span span(const void *p, size_t n)
{
    return (struct ag_span){p, n};
}

static void vectors_decode(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct ag_buf plain = AG_BUF_INIT;
        struct packet_key key;
        struct packet p;
        uint8_t raw[512];
        size_t n = unhex(v->packet, raw);

        print_message("%s\n", v->name);
        assert_int_equal(packet_key_init(&key, v->secret), 0);
        assert_int_equal(packet_decode(&p, &key, span(raw, n), &plain), 0);
        assert_int_equal(p.did, DID);
        assert_int_equal(p.stamp, v->stamp);
        assert_int_equal(p.header_only, v->text[0] == '\0');
        assert_int_equal(ag_buf_size(&plain), strlen(v->text));
        assert_memory_equal(ag_buf_span(&plain).p, v->text, strlen(v->text));
        ag_buf_deinit(&plain);
        packet_key_deinit(&key);
    }
}

static void vectors_encode(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct ag_buf out = AG_BUF_INIT;
        struct packet_key key;
        uint8_t raw[512];
        size_t n = unhex(v->packet, raw);

        assert_int_equal(packet_key_init(&key, v->secret), 0);
        assert_int_equal(ag_buf_append_str(&out, "kept"), 0);
        assert_int_equal(packet_encode(&out, &key, DID, v->stamp, span(v->text, strlen(v->text) + v->zero)), 0);
        assert_int_equal(ag_buf_size(&out), 4 + n);
        assert_memory_equal(ag_buf_head(&out) + 4, raw, n);
        ag_buf_deinit(&out);
        packet_key_deinit(&key);
    }
}

static void key_material(void **state)
{
    static const struct {
        const char *secret, *key, *iv;
    } rows[] = {
        {TOKEN, "63682382265efa097af2b59aba05921b", "6e1dffec4409f5e5fffa6c1c59758cac"},
        {CLOUD, "4a7599daf41b5807ce34fce1eb14c3bc", "513687888541a950f3d1a0fc538cd904"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct packet_key key;
        uint8_t raw[16];

        assert_int_equal(packet_key_init(&key, rows[i].secret), 0);
        unhex(rows[i].key, raw);
        assert_memory_equal(key.key, raw, 16);
        unhex(rows[i].iv, raw);
        assert_memory_equal(key.iv, raw, 16);
        packet_key_deinit(&key);
        packet_key_deinit(&key);
    }
}

static void hello_forms(void **state)
{
    static const char v8[] = "21310020ffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    static const char v9[] = "213100200000000005397fb16553f100ffffffffffffffffffffffffffffffff";
    static const char v10[] = "213100200000000005397fb10000003c61314232633344346535463667374838";
    static const char v11[] = "21310020ffffffffffffffff0000000000000000000000000000000000000000";
    static const char v12[] = "21310020ffffffffffffffff6553f10000000000000000000000000000000000";
    static const char v13[] = "21310020ffffffffffffffff6553f100ffffffffffffffffffffffffffffffff";
    static const char mdid[] = "21310020ffffffffffffffffffffffff4d444944000000000102030400000000";
    uint8_t raw[64], got[PACKET_HEADER];
    uint32_t stamp = 0;

    (void) state;
    unhex(v8, raw);
    assert_true(packet_is_hello(span(raw, 32)));
    assert_false(packet_is_hello(span(raw, 31)));
    assert_false(packet_is_hello(span(raw, 33)));
    assert_false(packet_is_cloud_hello_reply(span(raw, 32), &stamp));
    unhex(mdid, raw);
    assert_true(packet_is_hello(span(raw, 32)));
    unhex(v9, raw);
    assert_false(packet_is_hello(span(raw, 32)));
    packet_hello_reply(got, DID, 1700000000, NULL);
    assert_memory_equal(got, raw, 32);
    unhex(v10, raw);
    packet_hello_reply(got, DID, 60, TOKEN);
    assert_memory_equal(got, raw, 32);
    unhex(v11, raw);
    packet_cloud_hello(got);
    assert_memory_equal(got, raw, 32);
    assert_false(packet_is_cloud_hello_reply(span(raw, 32), &stamp));
    unhex(v12, raw);
    assert_true(packet_is_cloud_hello_reply(span(raw, 32), &stamp));
    assert_int_equal(stamp, 1700000000);
    unhex(v13, raw);
    assert_true(packet_is_cloud_hello_reply(span(raw, 32), &stamp));
}

static void bad_packets(void **state)
{
    static const struct {
        const char *name;
        size_t at;
        int with; /* XORed in; -1: cut here */
        int want;
    } rows[] = {
        {"other magic", 0, 1, PACKET_E_MAGIC},
        {"other magic, second byte", 1, 1, PACKET_E_MAGIC},
        {"length field too large", 2, 1, PACKET_E_LENGTH},
        {"length field 16 less", 3, 0x10, PACKET_E_LENGTH},
        {"length field no whole blocks", 3, 1, PACKET_E_LENGTH},
        {"length field below a header", 3, 0x40, PACKET_E_LENGTH},
        {"did changed", 11, 1, PACKET_E_CHECKSUM},
        {"stamp changed", 15, 1, PACKET_E_CHECKSUM},
        {"checksum changed", 16, 0x80, PACKET_E_CHECKSUM},
        {"last byte changed", 79, 1, PACKET_E_CHECKSUM},
        {"nothing", 0, -1, PACKET_E_LENGTH},
        {"three bytes", 3, -1, PACKET_E_LENGTH},
        {"header cut", 31, -1, PACKET_E_LENGTH},
        {"last byte missing", 79, -1, PACKET_E_LENGTH},
    };
    struct ag_buf plain = AG_BUF_INIT;
    struct packet_key key;

    (void) state;
    assert_int_equal(packet_key_init(&key, TOKEN), 0);
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct packet p = {.did = 7};
        uint8_t raw[128];
        size_t n = unhex(vectors[0].packet, raw);

        print_message("%s\n", rows[i].name);
        if (rows[i].with < 0)
            n = rows[i].at;
        else
            raw[rows[i].at] ^= (uint8_t) rows[i].with;
        assert_int_equal(packet_decode(&p, &key, span(raw, n), &plain), rows[i].want);
        assert_int_equal(p.did, 7);
        assert_int_equal(ag_buf_size(&plain), 0);
    }
    ag_buf_deinit(&plain);
    packet_key_deinit(&key);
}

static void bad_padding_is_told_apart(void **state)
{
    struct ag_buf out = AG_BUF_INIT, plain = AG_BUF_INIT;
    struct packet_key key, other;
    struct packet p;

    (void) state;
    assert_int_equal(packet_key_init(&key, TOKEN), 0);
    assert_int_equal(packet_key_init(&other, CLOUD), 0);
    memcpy(other.secret, TOKEN, PACKET_SECRET); /* checks with the same secret but decrypts under another key */
    assert_int_equal(packet_encode(&out, &key, DID, 1, AG_SPAN("{\"id\":1}")), 0);
    assert_int_equal(packet_decode(&p, &other, ag_buf_span(&out), &plain), PACKET_E_PADDING);
    ag_buf_deinit(&out);
    ag_buf_deinit(&plain);
    packet_key_deinit(&other);
    packet_key_deinit(&key);
}

static void junk_behind_a_zero_byte_is_cut(void **state)
{
    struct ag_buf out = AG_BUF_INIT, plain = AG_BUF_INIT;
    struct packet_key key;
    struct packet p;

    (void) state;
    assert_int_equal(packet_key_init(&key, TOKEN), 0);
    assert_int_equal(packet_encode(&out, &key, DID, 1, AG_SPAN("{\"id\":1}\0x\xff junk")), 0);
    assert_int_equal(packet_decode(&p, &key, ag_buf_span(&out), &plain), 0);
    assert_true(ag_span_eq(ag_buf_span(&plain), "{\"id\":1}"));
    assert_false(p.header_only);
    ag_buf_deinit(&out);
    ag_buf_deinit(&plain);
    packet_key_deinit(&key);
}

static void sizes(void **state)
{
    static char big[PACKET_TEXT_MAX + 1];
    struct ag_buf out = AG_BUF_INIT, plain = AG_BUF_INIT;
    struct packet_key key;
    struct packet p;

    (void) state;
    memset(big, 'x', sizeof big);
    assert_int_equal(packet_key_init(&key, TOKEN), 0);
    for (size_t n = 1; n < 100; n++) {
        ag_buf_clear(&out);
        assert_int_equal(packet_encode(&out, &key, DID, 1, span(big, n)), 0);
        assert_int_equal(packet_decode(&p, &key, ag_buf_span(&out), &plain), 0);
        assert_int_equal(ag_buf_size(&plain), n);
    }
    ag_buf_clear(&out);
    assert_int_equal(packet_encode(&out, &key, DID, 1, span(big, sizeof big)), -EMSGSIZE);
    assert_int_equal(ag_buf_size(&out), 0);
    assert_int_equal(packet_encode(&out, &key, DID, 1, span(big, PACKET_TEXT_MAX)), 0);
    assert_in_range(ag_buf_size(&out), PACKET_MAX - 15, PACKET_MAX);
    assert_int_equal(packet_decode(&p, &key, ag_buf_span(&out), &plain), 0);
    assert_int_equal(ag_buf_size(&plain), PACKET_TEXT_MAX);
    ag_buf_deinit(&out);
    ag_buf_deinit(&plain);
    packet_key_deinit(&key);
}

static void frames_on_a_stream(void **state)
{
    static const struct {
        const char *hex;
        int want;
        size_t len;
    } rows[] = {
        {"", -EAGAIN, 0},
        {"21", -EAGAIN, 0},
        {"213100", -EAGAIN, 0},
        {"21310020", 0, 32},
        {"2131ffe0", 0, 65504},
        {"2131fff0", 0, 65520},
        {"2131001f", PACKET_E_LENGTH, 0},
        {"21310000", PACKET_E_LENGTH, 0},
        {"21310021", PACKET_E_LENGTH, 0},
        {"22", PACKET_E_MAGIC, 0},
        {"2130", PACKET_E_MAGIC, 0},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        uint8_t raw[16];
        size_t n = unhex(rows[i].hex, raw), len = 0;

        assert_int_equal(packet_frame(span(raw, n), &len), rows[i].want);
        assert_int_equal(len, rows[i].len);
    }
}

static void one_round(void *user)
{
    struct ag_buf out = AG_BUF_INIT, plain = AG_BUF_INIT;
    struct packet_key key;
    struct packet p;

    (void) user;
    if (packet_key_init(&key, TOKEN) == 0) {
        if (packet_encode(&out, &key, DID, 1, AG_SPAN("{}")) == 0)
            packet_decode(&p, &key, ag_buf_span(&out), &plain);
        packet_key_deinit(&key);
    }
    ag_buf_deinit(&out);
    ag_buf_deinit(&plain);
}

static void allocation_failures(void **state)
{
    (void) state;
    alloc_fail_sweep(one_round, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_material),
        cmocka_unit_test(vectors_decode),
        cmocka_unit_test(vectors_encode),
        cmocka_unit_test(hello_forms),
        cmocka_unit_test(bad_packets),
        cmocka_unit_test(bad_padding_is_told_apart),
        cmocka_unit_test(junk_behind_a_zero_byte_is_cut),
        cmocka_unit_test(sizes),
        cmocka_unit_test(frames_on_a_stream),
        cmocka_unit_test(allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
