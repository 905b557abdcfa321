/* SPDX-License-Identifier: MIT */
#include "tests/unit/client/cloud/ot/ot_rig.h"

#include "libagent/core/json/json.h"

static void rig_note(struct rig *g, const char *fmt, ...) ag_printf_like(2, 3);

static void rig_note(struct rig *g, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    ag_buf_printf(&g->journal, "%u.%u ", (unsigned) (g->now_ms / 1000), (unsigned) (g->now_ms % 1000 / 100));
    ag_buf_vprintf(&g->journal, fmt, ap);
    ag_buf_append_char(&g->journal, '\n');
    va_end(ap);
}

static uint32_t id_of(struct ag_span text)
{
    struct ag_json_view v;
    uint64_t id = 0;

    assert_int_equal(ag_json_parse(&text, 16, &v), 0);
    assert_true(ag_view_uint(&v, text.p, AG_M_ID, UINT32_MAX, &id));
    return (uint32_t) id;
}

/* Ids that the session draws are written as names. */
static void rig_note_text(struct rig *g, struct ag_span text)
{
    if (memmem(text.p, text.len, "_otc.info", 9)) {
        g->info_id = id_of(text);
        rig_note(g, "> info");
    } else if (memmem(text.p, text.len, "ota_state", 9)) {
        g->idle_id = id_of(text);
        rig_note(g, "> idle");
    } else {
        rig_note(g, "> %.*s", (int) text.len, text.p);
    }
}

static void on_send(void *user, struct ag_span packet)
{
    struct rig *g = user;
    uint8_t hello[PACKET_HEADER];
    struct packet p;

    packet_cloud_hello(hello);
    if (packet.len == sizeof hello && memcmp(packet.p, hello, sizeof hello) == 0) {
        rig_note(g, "> hello");
        return;
    }
    if (packet_decode(&p, &g->key, packet, &g->plain) != 0)
        fail_msg("the session sent a bad packet");
    assert_int_equal(p.did, DID);
    if (p.stamp < g->last_stamp || (p.header_only && p.stamp == g->last_stamp))
        g->stamps_grow = false;
    g->last_stamp = p.stamp;
    if (p.header_only)
        rig_note(g, "> keepalive");
    else
        rig_note_text(g, ag_buf_span(&g->plain));
}

static void on_connected(void *user, int64_t unix_s)
{
    struct rig *g = user;

    g->is_up = true;
    rig_note(g, "connected %" PRId64, unix_s);
}

static void on_lost(void *user, const char *why)
{
    struct rig *g = user;

    g->is_up = false;
    rig_note(g, "lost %s", why);
}

static void on_command(void *user, uint64_t token, struct ag_span text, bool wants_answer)
{
    struct rig *g = user;

    g->token = token;
    rig_note(g, "command%s %.*s", wants_answer ? "" : " (no answer)", (int) text.len, text.p);
    if (g->answer && wants_answer)
        ot_session_answer(g->s, token, (struct ag_span){g->answer, strlen(g->answer)}, g->now_ms);
}

int rig_report(struct rig *g, uint32_t id)
{
    char text[64];
    int n = snprintf(text, sizeof text, "{\"id\":%" PRIu32 ",\"method\":\"props\",\"params\":{}}", id);

    return ot_session_report(g->s, id, (struct ag_span){text, (size_t) n}, g->now_ms);
}

static void on_acked(void *user, uint32_t id, struct ag_span answer)
{
    struct rig *g = user;

    rig_note(g, "acked %" PRIu32 " %.*s", id, (int) answer.len, answer.p);
    if (g->next_report) {
        uint32_t next = g->next_report;

        g->next_report = 0;
        assert_int_equal(rig_report(g, next), 0);
    }
}

static void on_failed(void *user, uint32_t id, bool retry, int code, const char *message)
{
    rig_note(user, "failed %" PRIu32 " %s %d %s", id, retry ? "retry" : "final", code, message);
}

int rig_info(void *user, struct ag_buf *out)
{
    (void) user;
    return ag_buf_append_str(out, "{\"model\":\"a.b.c\"}");
}

static const struct ot_sink sink = {on_send, on_connected, on_lost, on_command, on_acked, on_failed, rig_info};

void rig_open_seeded(struct rig *g, bool stream, unsigned window, uint32_t seed)
{
    struct ot_config cfg;

    *g = (struct rig){.now_ms = 1000, .stamps_grow = true, .cloud_stamp = 7};
    ot_config_defaults(&cfg);
    cfg.stream = stream;
    cfg.did = DID;
    cfg.key = KEY;
    cfg.seed = seed;
    if (window)
        cfg.window = window;
    assert_int_equal(packet_key_init(&g->key, KEY), 0);
    assert_int_equal(ot_session_new(&g->s, &cfg, &sink, g), 0);
}

void rig_open(struct rig *g, bool stream, unsigned window)
{
    rig_open_seeded(g, stream, window, 42);
}

void rig_close(struct rig *g)
{
    assert_true(g->stamps_grow);
    g->s = ot_session_free(g->s);
    ag_buf_deinit(&g->journal);
    ag_buf_deinit(&g->plain);
    packet_key_deinit(&g->key);
}

/* Lets time pass, waking the session exactly when it asks to. */
void rig_pass(struct rig *g, uint64_t ms)
{
    uint64_t end = g->now_ms + ms;

    for (unsigned n = 0; n < 100000; n++) {
        uint64_t due = ot_session_deadline(g->s);

        if (due > end) {
            g->now_ms = end;
            return;
        }
        if (due > g->now_ms)
            g->now_ms = due;
        ot_session_tick(g->s, g->now_ms);
    }
    fail_msg("the session asks to be woken for ever");
}

void rig_give(struct rig *g, const void *p, size_t n)
{
    ot_session_input(g->s, (struct ag_span){p, n}, g->now_ms);
}

void rig_give_time(struct rig *g, uint32_t stamp)
{
    uint8_t h[PACKET_HEADER];

    packet_cloud_hello(h);
    for (int i = 0; i < 4; i++)
        h[12 + i] = (uint8_t) (stamp >> (24 - 8 * i));
    g->last_stamp = stamp;
    rig_give(g, h, sizeof h);
}

void rig_give_from(struct rig *g, const char *secret, uint64_t did, const char *text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
    struct packet_key key;

    assert_int_equal(packet_key_init(&key, secret), 0);
    assert_int_equal(packet_encode(&out, &key, did, g->cloud_stamp, (struct ag_span){text, strlen(text)}), 0);
    packet_key_deinit(&key);
    rig_give(g, ag_buf_head(&out), ag_buf_size(&out));
}

void rig_give_text(struct rig *g, const char *text)
{
    rig_give_from(g, KEY, DID, text);
}

void rig_ack(struct rig *g, uint32_t id)
{
    char text[64];

    snprintf(text, sizeof text, "{\"id\":%" PRIu32 ",\"result\":\"ok\"}", id);
    rig_give_text(g, text);
}

void rig_check(struct rig *g, const char *want)
{
    const char *got = ag_buf_cstr(&g->journal);

    assert_string_equal(got ? got : "", want);
    ag_buf_clear(&g->journal);
}

/* Up, all of the session's own messages acknowledged, journal empty. */
void rig_up(struct rig *g, bool stream, unsigned window)
{
    rig_open(g, stream, window);
    ot_session_begin(g->s, g->now_ms);
    rig_give_time(g, 1700000000);
    rig_ack(g, g->info_id);
    rig_ack(g, g->idle_id);
    ag_buf_clear(&g->journal);
}
