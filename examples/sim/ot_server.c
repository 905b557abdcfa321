/* SPDX-License-Identifier: MIT */
#include "examples/sim/ot_server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include "examples/sim/wire/sim_json.h"

struct ot_ledger_entry {
    uint32_t id;
    bool answered;
    uint64_t digest; /* of the text */
    UT_hash_handle hh;
};

int ot_server_init(struct ot_server *s, const struct ot_server_sink *sink, void *user, uint64_t did, const char key[16])
{
    *s = (struct ot_server){.sink = sink, .user = user, .did = did, .next_id = 1};
    memcpy(s->secret, key, OT_SECRET);
    return 0;
}

static void ledger_clear(struct ot_ledger_entry **table)
{
    struct ot_ledger_entry *e, *tmp;

    HASH_ITER (hh, *table, e, tmp) {
        HASH_DEL(*table, e);
        free(e);
    }
}

void ot_server_deinit(struct ot_server *s)
{
    ledger_clear(&s->ledger);
    ledger_clear(&s->commands);
    ag_buf_deinit(&s->plain);
    ag_buf_deinit(&s->packet);
    ag_buf_deinit(&s->line);
    ag_buf_deinit(&s->last_command);
}

/* ---- journal ---- */

static void note(struct ot_server *s, const char *fmt, ...) ag_printf_like(2, 3);

static void note(struct ot_server *s, const char *fmt, ...)
{
    va_list ap;

    ag_buf_clear(&s->line);
    va_start(ap, fmt);
    if (ag_buf_vprintf(&s->line, fmt, ap) == 0)
        s->sink->note(s->user, ag_buf_span(&s->line));
    va_end(ap);
}

void ot_server_bad(struct ot_server *s, const char *why)
{
    s->bad++;
    note(s, "{\"event\":\"bad\",\"why\":\"%s\"}", why);
}

void ot_server_note_ledger(struct ot_server *s)
{
    note(s, "{\"event\":\"ledger\",\"executed\":%" PRIu64 ",\"repeats\":%" PRIu64 ",\"answers\":%" PRIu64 ",\"bad\":%" PRIu64 "}",
         s->executed, s->repeats, s->answers, s->bad);
}

/* ---- checks ---- */

static bool check_hello(struct ot_server *s, struct ag_span packet)
{
    uint8_t hello[OT_HEADER];

    ot_packet_hello(hello, 0);
    if (packet.len == sizeof hello && memcmp(packet.p, hello, sizeof hello) == 0)
        return true;
    ot_server_bad(s, "hello in a form that not every server takes");
    return false;
}

/* The stamp of a correct packet is compared at arrival: simulated reordering is not the device's fault. */
static bool check_stamp(struct ot_server *s, const struct ot_packet *p)
{
    if (p->stamp < s->last_stamp) {
        ot_server_bad(s, "stamp goes back");
        return false;
    }
    if (!p->has_text && p->stamp == s->last_stamp) {
        ot_server_bad(s, "keepalive whose stamp has not grown");
        return false;
    }
    s->last_stamp = p->stamp;
    return true;
}

bool ot_server_check(struct ot_server *s, struct ag_span packet)
{
    struct ot_packet p;
    const char *fault;

    if (packet.len >= OT_HEADER && ot_packet_did(packet) == UINT64_MAX)
        return check_hello(s, packet);
    if (!s->greeted)
        return false; /* nobody has said hello: what a server that was restarted does */
    fault = ot_packet_open(&p, s->secret, packet, &s->plain);
    if (fault) {
        ot_server_bad(s, fault);
        return false;
    }
    if (p.did != s->did) {
        ot_server_bad(s, "device id");
        return false;
    }
    return check_stamp(s, &p);
}

/* ---- serving ---- */

static uint64_t digest(struct ag_span text)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (uint8_t) text.p[i]) * 0x100000001b3u;
    return h;
}

static struct ot_ledger_entry *ledger_find(struct ot_ledger_entry *table, uint32_t id)
{
    struct ot_ledger_entry *e;

    HASH_FIND(hh, table, &id, sizeof id, e);
    return e;
}

static struct ot_ledger_entry *ledger_add(struct ot_ledger_entry **table, uint32_t id, uint64_t text)
{
    struct ot_ledger_entry *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->id = id;
    e->digest = text;
    HASH_ADD(hh, *table, id, sizeof e->id, e);
    if (!e->hh.tbl) {
        free(e);
        return NULL;
    }
    return e;
}

static void send_text(struct ot_server *s, void *way, uint32_t now_s, struct ag_span text)
{
    ag_buf_clear(&s->packet);
    if (ot_packet_seal(&s->packet, s->secret, s->did, now_s, text) == 0)
        s->sink->send(s->user, way, ag_buf_span(&s->packet));
}

static void serve_hello(struct ot_server *s, void *way, uint32_t now_s)
{
    uint8_t h[OT_HEADER];

    ot_packet_hello(h, now_s);
    s->greeted = true;
    s->last_stamp = 0;
    note(s, "{\"event\":\"hello\"}");
    s->sink->send(s->user, way, (struct ag_span){(const char *) h, sizeof h});
}

enum member { ID, METHOD, PARAMS, RESULT, ERROR, N_MEMBERS };

struct message {
    struct ag_span text, member[N_MEMBERS]; /* p NULL: it is not there */
    bool twice;                             /* one of them */
};

/* false: text is no JSON object. */
static bool read_message(struct ag_span text, struct message *out)
{
    static const char *const names[N_MEMBERS] = {"id", "method", "params", "result", "error"};
    struct message m = {.twice = false};
    struct sim_json_walk walk;
    struct ag_span name, value;

    if (!sim_json_object(&text, 128))
        return false;
    m.text = text;
    walk = sim_json_walk(text);
    while (sim_json_next(&walk, &name, &value)) {
        for (int i = 0; i < N_MEMBERS; i++) {
            if (!sim_json_is(name, names[i]))
                continue;
            m.twice |= m.member[i].p != NULL;
            m.member[i] = value;
        }
    }
    *out = m;
    return true;
}

static struct ag_span raw(const struct message *m, enum member member)
{
    return m->member[member].p ? m->member[member] : AG_SPAN("null");
}

static void acknowledge(struct ot_server *s, void *way, uint32_t now_s, uint32_t id, bool info)
{
    char text[200];
    int n = info ? snprintf(text, sizeof text,
                            "{\"id\":%" PRIu32 ",\"result\":{\"otc_list\":[],\"otc_test\":{\"list\":[],\"interval\":1800,"
                            "\"firsttest\":1193}}}",
                            id)
                 : snprintf(text, sizeof text, "{\"id\":%" PRIu32 ",\"result\":\"ok\"}", id);

    send_text(s, way, now_s, (struct ag_span){text, (size_t) n});
}

/* Executes a report once, however often it comes. false: not to be acknowledged. */
static bool enter(struct ot_server *s, uint32_t id, const struct message *m)
{
    struct ag_span method = raw(m, METHOD), params = raw(m, PARAMS);
    uint64_t sum = digest(m->text);
    const struct ot_ledger_entry *e = ledger_find(s->ledger, id);

    if (e && e->digest != sum) {
        ot_server_bad(s, "one id for two texts");
        return false;
    }
    if (e) {
        s->repeats++;
        if (!s->quiet)
            note(s, "{\"event\":\"repeat\",\"id\":%" PRIu32 "}", id);
        return true;
    }
    if (!ledger_add(&s->ledger, id, sum))
        return false;
    s->executed++;
    if (!s->quiet)
        note(s, "{\"event\":\"report\",\"id\":%" PRIu32 ",\"method\":%.*s,\"params\":%.*s}", id, (int) method.len, method.p,
             (int) params.len, params.p);
    return true;
}

static void serve_report(struct ot_server *s, void *way, uint32_t now_s, const struct message *m)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf method = AG_BUF_INIT;
    struct ag_span params = raw(m, PARAMS);
    uint64_t id;
    bool info;

    if (!sim_json_uint(m->member[ID], UINT32_MAX, &id) || id == 0) {
        ot_server_bad(s, "message without a numeric id, or with id 0");
        return;
    }
    if (sim_json_text(&method, m->member[METHOD]) != 0) {
        ot_server_bad(s, "method is not a string");
        return;
    }
    info = ag_span_eq(ag_buf_span(&method), "_otc.info");
    if (info) {
        s->informed = true;
        note(s, "{\"event\":\"info\",\"id\":%" PRIu64 ",\"params\":%.*s}", id, (int) params.len, params.p);
    } else if (!enter(s, (uint32_t) id, m)) {
        return;
    }
    if (!s->mute || !ag_span_is(ag_buf_span(&method), s->mute, strlen(s->mute)))
        acknowledge(s, way, now_s, (uint32_t) id, info);
}

static void serve_answer(struct ot_server *s, const struct message *m)
{
    bool has_error = m->member[ERROR].p != NULL;
    struct ag_span body = raw(m, has_error ? ERROR : RESULT);
    struct ot_ledger_entry *e;
    uint64_t id;

    if (has_error == (m->member[RESULT].p != NULL)) {
        ot_server_bad(s, "an answer has either result or error");
        return;
    }
    if (!sim_json_uint(m->member[ID], UINT32_MAX, &id)) {
        ot_server_bad(s, "answer without a numeric id");
        return;
    }
    e = ledger_find(s->commands, (uint32_t) id);
    if (!e) {
        ot_server_bad(s, "answer to a command that was never given");
        return;
    }
    s->answers += !e->answered;
    note(s, "{\"event\":\"answer\",\"id\":%" PRIu64 ",\"first\":%s,\"%s\":%.*s}", id, e->answered ? "false" : "true",
         has_error ? "error" : "result", (int) body.len, body.p);
    e->answered = true;
}

void ot_server_serve(struct ot_server *s, void *way, struct ag_span packet, uint32_t now_s)
{
    struct message m;
    struct ot_packet p;

    if (ot_packet_did(packet) == UINT64_MAX) {
        serve_hello(s, way, now_s);
        return;
    }
    if (ot_packet_open(&p, s->secret, packet, &s->plain))
        return;
    s->way = way;
    if (!p.has_text) {
        if (!s->quiet)
            note(s, "{\"event\":\"keepalive\",\"stamp\":%" PRIu32 "}", p.stamp);
        s->sink->send(s->user, way, packet);
        return;
    }
    if (!read_message(ag_buf_span(&s->plain), &m))
        ot_server_bad(s, "not a JSON object");
    else if (m.twice)
        ot_server_bad(s, "a member is given twice");
    else if (m.member[METHOD].p)
        serve_report(s, way, now_s, &m);
    else
        serve_answer(s, &m);
}

/* ---- commands ---- */

bool ot_server_command(struct ot_server *s, const char *method, const char *params, uint32_t now_s)
{
    struct ot_ledger_entry *old = ledger_find(s->commands, s->next_id);

    if (!s->way || !s->informed)
        return false;
    if (old) {
        HASH_DEL(s->commands, old);
        free(old);
    }
    if (!ledger_add(&s->commands, s->next_id, 0))
        return false;
    ag_buf_clear(&s->last_command);
    ag_buf_printf(&s->last_command, "{\"id\":%" PRIu32 ",\"method\":", s->next_id);
    ag_buf_append_json_str(&s->last_command, method, strlen(method));
    ag_buf_printf(&s->last_command, ",\"params\":%s}", params);
    s->last_command_id = s->next_id++;
    note(s, "{\"event\":\"command\",\"id\":%" PRIu32 ",\"method\":\"%s\"}", s->last_command_id, method);
    return ot_server_again(s, now_s);
}

bool ot_server_again(struct ot_server *s, uint32_t now_s)
{
    if (!s->way || ag_buf_size(&s->last_command) == 0)
        return false;
    send_text(s, s->way, now_s, ag_buf_span(&s->last_command));
    return true;
}

void ot_server_forget(struct ot_server *s)
{
    s->greeted = s->informed = false;
    s->way = NULL;
}

void ot_server_way_gone(struct ot_server *s, void *way)
{
    if (s->way == way)
        ot_server_forget(s);
}
