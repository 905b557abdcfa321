/* SPDX-License-Identifier: MIT */
/* The upgrade of the MCU: the handshake on the line, and XMODEM against a strict receiver. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include "tests/unit/mcu/mcu_world.h"

/* Checks each block as the protocol defines it. */
struct receiver {
    bool crc;
    uint8_t want; /* number of the next block */
    uint8_t got[8192];
    size_t len;
    unsigned n_repeats;
};

static uint16_t slow_crc(const uint8_t *p, size_t n)
{
    uint32_t crc = 0;

    for (size_t i = 0; i < n; i++)
        for (int bit = 7; bit >= 0; bit--) {
            crc = crc << 1 ^ (p[i] >> bit & 1);
            if (crc & 0x10000)
                crc ^= 0x11021;
        }
    for (int i = 0; i < 16; i++) {
        crc <<= 1;
        if (crc & 0x10000)
            crc ^= 0x11021;
    }
    return (uint16_t) crc;
}

static void receive(struct receiver *r, const uint8_t *p, size_t n)
{
    size_t len = p[0] == 2 ? 1024 : 128;
    uint8_t sum = 0;

    assert_true(p[0] == 1 || p[0] == 2);
    assert_int_equal(p[1] ^ p[2], 0xff);
    assert_int_equal(n, 3 + len + (r->crc ? 2 : 1));
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t) (sum + p[3 + i]);
    if (r->crc)
        assert_int_equal(slow_crc(p + 3, len), p[3 + len] << 8 | p[4 + len]);
    else
        assert_int_equal(sum, p[3 + len]);
    if (p[1] != r->want) {
        assert_int_equal(p[1], (uint8_t) (r->want - 1));
        r->n_repeats++;
        return;
    }
    memcpy(r->got + r->len, p + 3, len);
    r->len += len;
    r->want++;
}

static void check_image(const struct receiver *r, const uint8_t *image, size_t len)
{
    assert_int_equal(r->len, (len + 128) / 128 * 128);
    assert_memory_equal(r->got, image, len);
    assert_int_equal(r->got[len], 0x1a);
    for (size_t i = len + 1; i < r->len; i++)
        assert_int_equal(r->got[i], 0xff);
}

static void transfer(size_t len, bool crc, bool use_1k)
{
    static uint8_t image[5000];
    struct receiver r = {.crc = crc, .want = 1};
    uint8_t out[XMODEM_OUT_MAX];
    struct xmodem_sender x;
    uint64_t now = 5000;
    size_t n;

    for (size_t i = 0; i < len; i++)
        image[i] = (uint8_t) (i * 7 + i / 256);
    xmodem_sender_start(&x, image, len, use_1k, now);
    assert_int_equal(xmodem_sender_byte(&x, crc ? 'C' : 0x15, now, out), 0);
    assert_int_equal(xmodem_sender_byte(&x, crc ? 'C' : 0x15, now + 10, out), 0); /* flushed */
    now += XMODEM_SETTLE_MS;
    n = xmodem_sender_tick(&x, now, out);
    while (n > 0 && out[0] != 0x04) {
        receive(&r, out, n);
        assert_int_equal(xmodem_sender_byte(&x, 'C', now, out), 0); /* a stray one */
        n = xmodem_sender_byte(&x, 0x06, ++now, out);
    }
    assert_int_equal(n, 1);
    assert_int_equal(xmodem_sender_byte(&x, 0x06, now, out), 0);
    assert_int_equal(x.state, XMODEM_DONE);
    assert_int_equal(xmodem_sender_percent(&x), 100);
    check_image(&r, image, len);
}

static void images_arrive_in_every_mode(void **state)
{
    static const size_t sizes[] = {1, 127, 128, 129, 1023, 1024, 1025, 4999};

    (void) state;
    for (size_t i = 0; i < ag_array_size(sizes); i++) {
        transfer(sizes[i], true, false);
        transfer(sizes[i], false, false);
        transfer(sizes[i], true, true);
        transfer(sizes[i], false, true);
    }
}

static const uint8_t small[200] = {1, 2, 3};

static size_t begin(struct xmodem_sender *x, uint64_t now, uint8_t *out)
{
    xmodem_sender_start(x, small, sizeof small, false, now - XMODEM_SETTLE_MS);
    xmodem_sender_byte(x, 'C', now - XMODEM_SETTLE_MS, out);
    return xmodem_sender_tick(x, now, out);
}

static void a_refused_block_is_sent_again(void **state)
{
    uint8_t out[XMODEM_OUT_MAX], first[XMODEM_OUT_MAX];
    struct xmodem_sender x;

    (void) state;
    assert_int_equal(begin(&x, 1000, first), 133);
    for (unsigned i = 1; i < XMODEM_BLOCK_TRIES; i++) {
        assert_int_equal(xmodem_sender_byte(&x, 0x15, 1000, out), 133);
        assert_memory_equal(out, first, 133);
    }
    assert_int_equal(xmodem_sender_byte(&x, 0x15, 1000, out), 3);
    assert_memory_equal(out, "\x18\x18\x18", 3);
    assert_int_equal(x.reason, XMODEM_NO_ACK);
}

static void the_second_ack_of_a_repeated_block_does_not_count(void **state)
{
    uint8_t out[XMODEM_OUT_MAX];
    struct xmodem_sender x;

    (void) state;
    begin(&x, 1000, out);
    assert_int_equal(xmodem_sender_tick(&x, 1000 + XMODEM_BLOCK_MS - 1, out), 0);
    assert_int_equal(xmodem_sender_tick(&x, 4000, out), 133);
    assert_int_equal(xmodem_sender_byte(&x, 0x06, 4001, out), 0);
    assert_int_equal(xmodem_sender_byte(&x, 0x06, 4002, out), 0);
    assert_int_equal(xmodem_sender_tick(&x, 4001 + XMODEM_LINGER_MS, out), 133);
    assert_int_equal(out[1], 2);
}

static void two_cans_stop_it(void **state)
{
    uint8_t out[XMODEM_OUT_MAX];
    struct xmodem_sender x;

    (void) state;
    begin(&x, 1000, out);
    assert_int_equal(xmodem_sender_byte(&x, 0x18, 1000, out), 0);
    assert_int_equal(xmodem_sender_byte(&x, 'x', 1000, out), 0);
    assert_int_equal(xmodem_sender_byte(&x, 0x18, 1000, out), 0);
    assert_true(xmodem_sender_running(&x));
    xmodem_sender_byte(&x, 0x18, 1000, out);
    assert_int_equal(x.reason, XMODEM_CANCELLED);
    begin(&x, 1000, out);
    assert_int_equal(xmodem_sender_abort(&x, out), 3);
    assert_int_equal(x.reason, XMODEM_ABORTED);
}

static void silence_has_an_end(void **state)
{
    uint8_t out[XMODEM_OUT_MAX];
    struct xmodem_sender x;

    (void) state;
    xmodem_sender_start(&x, small, sizeof small, false, 0);
    assert_int_equal(xmodem_sender_tick(&x, XMODEM_START_MS, out), 3);
    assert_int_equal(x.reason, XMODEM_NO_START);
    begin(&x, 1000, out);
    assert_int_equal(xmodem_sender_tick(&x, 1000000, out), 3);
    assert_int_equal(x.reason, XMODEM_TOO_SLOW);
    begin(&x, 1000, out); /* the last ACK may be lost with the receiver's exit */
    xmodem_sender_byte(&x, 0x06, 1000, out);
    assert_int_equal(xmodem_sender_byte(&x, 0x06, 1000, out), 1);
    assert_int_equal(xmodem_sender_tick(&x, 3000, out), 1);
    assert_int_equal(xmodem_sender_tick(&x, 5000, out), 0);
    assert_int_equal(x.state, XMODEM_DONE);
}

/* ---- the line goes away and comes back ---- */

enum { T_NAK = 0x15, T_ACK = 0x06, T_CAN = 0x18 };

static uint8_t big[128 * 300];

/* Blocks acknowledged so far; the next one is under way, and the line has been away for a while. */
static size_t away(struct xmodem_sender *x, bool crc, unsigned n_acked, uint8_t *out)
{
    size_t n;

    xmodem_sender_start(x, big, sizeof big, false, 0);
    xmodem_sender_byte(x, crc ? 'C' : T_NAK, 0, out);
    n = xmodem_sender_tick(x, XMODEM_SETTLE_MS, out);
    for (unsigned i = 0; i < n_acked; i++)
        n = xmodem_sender_byte(x, T_ACK, 200, out);
    xmodem_sender_interrupted(x);
    assert_int_equal(xmodem_sender_tick(x, 300, out), 0);
    xmodem_sender_interrupted(x); /* back */
    assert_int_equal(xmodem_sender_tick(x, 5000, out), 0);
    return n;
}

static size_t settled(struct xmodem_sender *x, uint64_t now, uint8_t *out)
{
    assert_int_equal(x->state, XMODEM_SETTLE);
    return xmodem_sender_tick(x, now + XMODEM_SETTLE_MS, out);
}

static void who_calls_at_once_starts_over(void **state)
{
    uint8_t out[XMODEM_OUT_MAX];
    struct xmodem_sender x;

    (void) state;
    for (int crc = 0; crc < 2; crc++) {
        away(&x, crc, 7, out);
        assert_int_equal(xmodem_sender_byte(&x, crc ? 'C' : T_NAK, 5200, out), 0);
        assert_int_equal(settled(&x, 5200, out), 132 + (size_t) crc);
        assert_int_equal(out[1], 1);
        for (unsigned i = 2; i < 300; i++) {
            xmodem_sender_byte(&x, T_ACK, 6000, out);
            assert_int_equal(out[1], (uint8_t) i);
        }
        assert_false(x.interrupted);
    }
}

static void who_still_waits_goes_on(void **state)
{
    uint8_t out[XMODEM_OUT_MAX];
    struct xmodem_sender x;

    (void) state;
    away(&x, false, 7, out); /* silence: its block again */
    assert_int_equal(xmodem_sender_tick(&x, 5000 + XMODEM_BLOCK_MS - 1, out), 0);
    assert_int_equal(xmodem_sender_tick(&x, 5000 + XMODEM_BLOCK_MS, out), 132);
    assert_int_equal(out[1], 8);
    xmodem_sender_byte(&x, T_ACK, 8100, out);
    assert_int_equal(xmodem_sender_tick(&x, 8100 + XMODEM_LINGER_MS, out), 132);
    assert_int_equal(out[1], 9);
    away(&x, true, 7, out); /* with CRC a NAK says it */
    assert_int_equal(xmodem_sender_tick(&x, 5000 + XMODEM_BACK_CRC_MS - 1, out), 0);
    assert_int_equal(xmodem_sender_byte(&x, T_NAK, 9000, out), 133);
    assert_int_equal(out[1], 8);
    away(&x, true, 7, out);
    assert_int_equal(xmodem_sender_tick(&x, 5000 + XMODEM_BACK_CRC_MS, out), 133);
    assert_int_equal(out[1], 8);
}

static void a_wrong_guess_is_corrected(void **state)
{
    uint8_t out[XMODEM_OUT_MAX];
    struct xmodem_sender x;

    (void) state;
    away(&x, false, 7, out);
    xmodem_sender_byte(&x, T_NAK, 5200, out);
    settled(&x, 5200, out);
    assert_int_equal(xmodem_sender_byte(&x, T_NAK, 5400, out), 132); /* it wanted the block under way */
    assert_int_equal(out[1], 8);
    xmodem_sender_byte(&x, T_ACK, 5500, out);
    assert_int_equal(xmodem_sender_tick(&x, 6000, out), 132);
    assert_int_equal(out[1], 9);
    assert_int_equal(xmodem_sender_byte(&x, T_NAK, 6100, out), 132); /* a refusal as ever */
    assert_int_equal(out[1], 9);
    away(&x, false, 7, out);
    xmodem_sender_tick(&x, 5000 + XMODEM_BLOCK_MS, out);
    assert_int_equal(xmodem_sender_byte(&x, T_NAK, 9000, out), 0); /* it wanted the first one */
    assert_int_equal(settled(&x, 9000, out), 132);
    assert_int_equal(out[1], 1);
}

static void who_cancels_then_may_call_again(void **state)
{
    uint8_t out[XMODEM_OUT_MAX];
    struct xmodem_sender x;

    (void) state;
    for (int again = 0; again < 2; again++) {
        away(&x, false, 7, out);
        xmodem_sender_tick(&x, 5000 + XMODEM_BLOCK_MS, out);
        for (int i = 0; i < 8; i++)
            assert_int_equal(xmodem_sender_byte(&x, T_CAN, 9000, out), 0);
        assert_int_equal(x.state, XMODEM_WAIT_START);
        if (!again) {
            assert_int_equal(xmodem_sender_tick(&x, 9000 + XMODEM_START_MS, out), 0);
            assert_int_equal(x.reason, XMODEM_CANCELLED);
            continue;
        }
        xmodem_sender_byte(&x, T_NAK, 20000, out);
        assert_int_equal(settled(&x, 20000, out), 132);
        assert_int_equal(out[1], 1);
        xmodem_sender_byte(&x, T_CAN, 20000, out);
        xmodem_sender_byte(&x, T_CAN, 20000, out);
        assert_int_equal(x.state, XMODEM_FAILED);
    }
}

/* Block 257 says 1: a receiver that has restarted would take it for the first one, and the image would be another. */
static void what_could_be_taken_for_another_block_is_not_sent(void **state)
{
    uint8_t out[XMODEM_OUT_MAX];
    struct xmodem_sender x;

    (void) state;
    memset(big, 'x', sizeof big);
    for (unsigned n_acked = 255; n_acked <= 257; n_acked++) {
        for (int call = 0; call < 2; call++) {
            away(&x, false, n_acked, out);
            assert_int_equal(
                call ? xmodem_sender_byte(&x, T_NAK, 5200, out) : xmodem_sender_tick(&x, 5000 + XMODEM_BLOCK_MS, out), 3);
            assert_memory_equal(out, "\x18\x18\x18", 3);
            assert_int_equal(x.state, XMODEM_WAIT_START);
            xmodem_sender_byte(&x, T_NAK, 12000, out);
            assert_int_equal(settled(&x, 12000, out), 132);
            assert_int_equal(out[1], 1);
        }
    }
    away(&x, false, 258, out);
    assert_int_equal(xmodem_sender_tick(&x, 5000 + XMODEM_BLOCK_MS, out), 132);
    assert_int_equal(out[1], 3);
}

static void an_absence_before_the_first_block(void **state)
{
    uint8_t out[XMODEM_OUT_MAX];
    struct xmodem_sender x;

    (void) state;
    for (int crc = 0; crc < 2; crc++) {
        xmodem_sender_start(&x, small, sizeof small, false, 0);
        xmodem_sender_byte(&x, 'C', 0, out);
        xmodem_sender_interrupted(&x);
        assert_int_equal(xmodem_sender_tick(&x, 5000, out), 0);
        assert_int_equal(x.state, XMODEM_WAIT_START);
        xmodem_sender_byte(&x, crc ? 'C' : T_NAK, 6000, out);
        assert_int_equal(settled(&x, 6000, out), 132 + (size_t) crc);
    }
}

/* ---- on the line ---- */

static const char get1[] = "{\"id\":7,\"method\":\"get_properties\",\"params\":[{\"siid\":1,\"piid\":2}]}";

static void the_handshake(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    w.bridge.set.ask_version = true;
    assert_int_equal(mcu_bridge_update(&w.bridge, small, sizeof small, false, w.clock.now_ms), 0);
    assert_int_equal(mcu_bridge_update(&w.bridge, small, sizeof small, false, w.clock.now_ms), -EBUSY);
    assert_int_equal(mcu_bridge_net(&w.bridge), MCU_NET_UPDATING);
    world_ask(&w, get1);
    assert_non_null(strstr(world_up(&w), "-10000"));
    world_say(&w, "result \"ready\"|get_down|get_down|net|result \"no\"|result \"ready\"|");
    assert_string_equal(world_said(&w), "error|down update_fw|down update_fw|error|error|ok|");
    world_say(&w, "get_down|"); /* nobody reads lines now */
    assert_string_equal(world_said(&w), "");
    world_feed(&w, "C", 1);
    world_wait(&w, XMODEM_SETTLE_MS);
    assert_int_equal(world_said(&w)[0], 1);
    world_feed(&w, "\x06\x06\x06", 3);
    assert_int_equal(w.bridge.update.state, MCU_UPDATE_INSTALLING);
    world_said(&w);
    world_say(&w, "get_down|mcu_version 0002|net|");
    assert_string_equal(world_said(&w), "down MIIO_mcu_version_req|ok|offline|");
    assert_int_equal(w.bridge.update.end, MCU_UPDATE_INSTALLED);
    world_deinit(&w);
}

static void begin_transfer(struct world *w)
{
    mcu_bridge_update(&w->bridge, small, sizeof small, false, w->clock.now_ms);
    world_say(w, "get_down|get_down|result \"ready\"|");
    world_feed(w, "C", 1);
    world_wait(w, XMODEM_SETTLE_MS);
}

static void the_mcu_is_told_and_starts_afresh(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, true);
    mcu_bridge_set_net(&w.bridge, MCU_NET_CLOUD);
    world_say(&w, "get_down|get_down|mcu_version 0001|");
    world_said(&w);
    mcu_bridge_update(&w.bridge, small, sizeof small, false, w.clock.now_ms);
    world_say(&w, "get_down|get_down|result \"ready\"|");
    assert_string_equal(world_said(&w), "down MIIO_net_change updating|down update_fw|ok|");
    world_feed(&w, "C", 1);
    world_wait(&w, XMODEM_SETTLE_MS);
    world_feed(&w, "\x06\x06\x06", 3);
    assert_int_equal(w.bridge.update.state, MCU_UPDATE_INSTALLING);
    mcu_bridge_line(&w.bridge, false); /* a board on USB leaves the bus and comes back */
    mcu_bridge_line(&w.bridge, true);
    world_said(&w);
    world_ask(&w, get1);
    world_say(&w, "get_down|get_down|get_down|result 1 2 0 1|get_down|net|mcu_version 0002|get_down|net|");
    assert_string_equal(world_said(&w), "down MIIO_net_change updating|down none|down get_properties 1 2|ok|"
                                        "down MIIO_mcu_version_req|updating|ok|down MIIO_net_change cloud|cloud|");
    assert_int_equal(w.bridge.update.end, MCU_UPDATE_INSTALLED);
    world_deinit(&w);
}

static void go_and_come_back(struct world *w)
{
    mcu_bridge_line(&w->bridge, false);
    world_wait(w, 5000); /* what is sent meanwhile is lost */
    mcu_bridge_line(&w->bridge, true);
    world_said(w);
}

static void the_port_may_go_and_come_back(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    mcu_bridge_update(&w.bridge, small, sizeof small, false, w.clock.now_ms); /* before it has asked */
    go_and_come_back(&w);
    world_say(&w, "get_down|result \"ready\"|");
    assert_string_equal(world_said(&w), "down update_fw|ok|");
    go_and_come_back(&w); /* as its boot loader */
    world_feed(&w, "C", 1);
    world_wait(&w, XMODEM_SETTLE_MS);
    assert_memory_equal(world_said(&w), "\x01\x01\xfe\x01\x02\x03", 6);
    world_feed(&w, "\x06", 1);
    go_and_come_back(&w); /* the receiver knows where it is */
    world_feed(&w, "\x15", 1);
    assert_memory_equal(world_said(&w), "\x01\x02\xfd", 3);
    go_and_come_back(&w); /* it has restarted */
    world_feed(&w, "C", 1);
    world_wait(&w, XMODEM_SETTLE_MS);
    assert_memory_equal(world_said(&w), "\x01\x01\xfe\x01\x02\x03", 6);
    world_feed(&w, "\x06\x06\x06", 3);
    assert_int_equal(w.bridge.update.state, MCU_UPDATE_INSTALLING);
    go_and_come_back(&w);
    world_say(&w, "mcu_version 0002|");
    assert_int_equal(w.bridge.update.end, MCU_UPDATE_INSTALLED);
    world_deinit(&w);
}

static void a_port_that_stays_away_ends_it(void **state)
{
    struct world w;
    unsigned n = 0;

    (void) state;
    world_init(&w, false);
    begin_transfer(&w);
    mcu_bridge_line(&w.bridge, false);
    while (w.bridge.update.state != MCU_UPDATE_NONE && n++ < 100)
        world_wait(&w, XMODEM_BLOCK_MS);
    assert_int_equal(w.bridge.update.end, MCU_UPDATE_LINE_LOST);
    world_deinit(&w);
}

static void the_ways_it_fails(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    mcu_bridge_update(&w.bridge, small, sizeof small, false, w.clock.now_ms);
    world_say(&w, "get_down|result \"busy\"|net|");
    assert_string_equal(world_said(&w), "down update_fw|ok|offline|");
    assert_int_equal(w.bridge.update.end, MCU_UPDATE_BUSY);
    mcu_bridge_update(&w.bridge, small, sizeof small, false, w.clock.now_ms);
    world_say(&w, "get_down|");
    world_wait(&w, MCU_UPDATE_ANSWER_MS);
    assert_int_equal(w.bridge.update.end, MCU_UPDATE_NO_ANSWER);
    mcu_bridge_update(&w.bridge, small, sizeof small, false, w.clock.now_ms);
    world_wait(&w, MCU_UPDATE_POLL_MS);
    assert_int_equal(w.bridge.update.end, MCU_UPDATE_NO_ANSWER);
    mcu_bridge_update(&w.bridge, small, sizeof small, false, w.clock.now_ms);
    world_say(&w, "get_down|result \"ready\"|");
    world_feed(&w, "\x18\x18", 2);
    assert_int_equal(w.bridge.update.end, MCU_UPDATE_TRANSFER);
    assert_string_equal(mcu_update_end_text(&w.bridge.update), "cancelled by the MCU");
    world_said(&w);
    world_say(&w, "get_down|");
    assert_string_equal(world_said(&w), "down none|");
    mcu_bridge_update(&w.bridge, small, sizeof small, false, w.clock.now_ms);
    mcu_bridge_line(&w.bridge, false);
    assert_int_equal(w.bridge.update.end, MCU_UPDATE_RUNNING);
    world_wait(&w, MCU_UPDATE_POLL_MS);
    assert_int_equal(w.bridge.update.end, MCU_UPDATE_LINE_LOST);
    assert_int_equal(mcu_bridge_update(&w.bridge, small, 0, false, 0), -EINVAL);
    world_deinit(&w);
}

static void a_line_that_takes_nothing_ends_the_update(void **state)
{
    struct world w;
    uint64_t due;

    (void) state;
    world_init(&w, false);
    mcu_bridge_update(&w.bridge, small, sizeof small, false, w.clock.now_ms);
    world_say(&w, "get_down|result \"ready\"|");
    world_feed(&w, "C", 1);
    while (mcu_tx_has_room(&w.bridge.tx))
        mcu_tx_put(&w.bridge.tx, "x", 1);
    for (unsigned n = 0; w.bridge.update.state == MCU_UPDATE_SENDING; n++) {
        assert_true(n < 100);
        due = mcu_bridge_due_ms(&w.bridge);
        assert_true(due > w.clock.now_ms); /* no busy waiting */
        w.clock.now_ms = due;
        mcu_bridge_tick(&w.bridge, w.clock.now_ms);
    }
    assert_string_equal(mcu_update_end_text(&w.bridge.update), "the MCU did not acknowledge");
    world_deinit(&w);
}

static void an_open_request_is_answered_before_the_update(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    world_ask(&w, get1);
    world_say(&w, "get_down|");
    mcu_bridge_update(&w.bridge, small, sizeof small, false, w.clock.now_ms);
    world_say(&w, "get_down|result 1 2 0 1|get_down|");
    assert_string_equal(world_said(&w), "down get_properties 1 2|error|ok|down update_fw|");
    assert_non_null(strstr(world_up(&w), "\"value\":1"));
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_arrive_in_every_mode),
        cmocka_unit_test(a_refused_block_is_sent_again),
        cmocka_unit_test(the_second_ack_of_a_repeated_block_does_not_count),
        cmocka_unit_test(two_cans_stop_it),
        cmocka_unit_test(silence_has_an_end),
        cmocka_unit_test(who_calls_at_once_starts_over),
        cmocka_unit_test(who_still_waits_goes_on),
        cmocka_unit_test(a_wrong_guess_is_corrected),
        cmocka_unit_test(who_cancels_then_may_call_again),
        cmocka_unit_test(what_could_be_taken_for_another_block_is_not_sent),
        cmocka_unit_test(an_absence_before_the_first_block),
        cmocka_unit_test(the_handshake),
        cmocka_unit_test(the_mcu_is_told_and_starts_afresh),
        cmocka_unit_test(the_port_may_go_and_come_back),
        cmocka_unit_test(a_port_that_stays_away_ends_it),
        cmocka_unit_test(the_ways_it_fails),
        cmocka_unit_test(a_line_that_takes_nothing_ends_the_update),
        cmocka_unit_test(an_open_request_is_answered_before_the_update),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
