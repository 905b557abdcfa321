/* SPDX-License-Identifier: MIT */
/*
 * Bytes of two applications on 54322, cut anywhere, through framer, command table, uplink and helper, as client.c wires
 * them. The first byte seeds the cuts. The same bytes are fed whole and cut: what the cores decide must be the same.
 * Invariants: one end for each command; nothing is left open at the end.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "client/setup/core/helper.h"
#include "client/local/core/command.h"
#include "client/report/core/uplink.h"
#include "libagent/core/frame/framer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { N_COMMANDS = 3 };

struct world {
    struct command_table commands;
    struct uplink uplink;
    struct helper helper;
    struct ag_framer framer;
    struct ag_buf log; /* all decisions */
    unsigned ends;
};

static void note(struct world *w, char what, struct ag_span text)
{
    if (ag_buf_append_char(&w->log, what) < 0 || ag_buf_append_span(&w->log, text) < 0)
        abort();
}

static void on_send(void *user, uint64_t peers, struct ag_span text)
{
    (void) peers;
    note(user, 's', text);
}

static void on_done(void *user, struct origin to, unsigned tag, enum command_end end, struct ag_span text,
                    const struct ag_json_view *view)
{
    struct world *w = user;

    (void) to;
    (void) view;
    (void) tag;
    (void) end;
    w->ends++;
    note(w, 'd', text);
}

static int on_report(void *user, uint32_t id, struct ag_span text, const struct ag_json_view *view, bool repeat)
{
    (void) view;
    (void) repeat;
    note(user, 'r', text);
    return id % 3 == 0 ? -ENOBUFS : id % 5 == 0 ? -ENOTCONN : 0;
}

static void on_reply(void *user, unsigned peer, struct ag_span text)
{
    (void) peer;
    note(user, 'a', text);
}

static void on_helper_send(void *user, unsigned peer, struct ag_span text)
{
    (void) peer;
    note(user, 'h', text);
}

static void on_word(void *user, struct ag_span text)
{
    note(user, 'w', text);
}

static void on_bool(void *user, bool v)
{
    note(user, 'b', v ? AG_SPAN("1") : AG_SPAN("0"));
}

static void on_event(void *user)
{
    note(user, 'e', AG_SPAN(""));
}

static void on_failure(void *user, enum helper_failure how)
{
    note(user, 'f', how ? AG_SPAN("1") : AG_SPAN("0"));
}

static void on_silent(void *user, const char *question)
{
    note(user, 's', (struct ag_span){question, strlen(question)});
}

static const struct command_sink command_sink = {.send = on_send, .done = on_done};
static const struct uplink_sink uplink_sink = {.report = on_report, .reply = on_reply};
static const struct helper_sink helper_sink = {.send = on_helper_send,
                                               .identity = on_word,
                                               .token = on_word,
                                               .country = on_word,
                                               .wifi_status = on_bool,
                                               .info = on_word,
                                               .wifi_connected = on_event,
                                               .wifi_failed = on_failure,
                                               .silent = on_silent};

static void take_text(struct world *w, const struct ag_text *text)
{
    char name[64];
    struct ag_span method;

    if (text->kind != AG_FRAMER_JSON)
        return;
    if (!ag_view_has(text->view, AG_M_METHOD))
        command_answer(&w->commands, 0, text->bytes, text->view);
    else if (ag_view_str(text->view, text->bytes.p, AG_M_METHOD, name, sizeof name, &method) &&
             (local_cmd_find(method) == LOCAL_CMD_INTERNAL || ag_span_eq(method, "local.status")))
        helper_text(&w->helper, 1, method, text->bytes, text->view, 1);
    else if (uplink_submit(&w->uplink, 0, text->bytes, text->view, 1) < 0)
        abort();
}

static int feed(struct world *w, const uint8_t *p, size_t n)
{
    struct ag_text text;
    int r;

    ag_framer_lend(&w->framer, p, n);
    while ((r = ag_framer_next(&w->framer, &text)) > 0)
        take_text(w, &text);
    return r;
}

static void world_init(struct world *w)
{
    struct ag_span text = AG_SPAN("{\"id\":1,\"method\":\"m\"}");
    struct ag_json_view view;

    memset(w, 0, sizeof *w);
    command_table_init(&w->commands, &command_sink, w, 0); /* commands 1, 2, 3: a corpus can answer them */
    uplink_init(&w->uplink, &uplink_sink, w, 0);
    helper_init(&w->helper, &helper_sink, w, "/etc/miio/");
    ag_framer_init(&w->framer, 4096, 32, NULL);
    command_peer_added(&w->commands, 0);
    command_peer_added(&w->commands, 1);
    if (ag_json_parse(&text, 8, &view) != 0)
        abort();
    for (int i = 0; i < N_COMMANDS; i++) {
        if (command_start(&w->commands, (struct origin){.kind = ORIGIN_LAN, .token = 1}, 0, text, &view, true, 0) < 0)
            abort();
    }
}

static void world_end(struct world *w)
{
    uplink_pump(&w->uplink, 0);
    command_expire(&w->commands, 5000);
    uplink_expire(&w->uplink, 100000);
    if (w->ends != N_COMMANDS || w->commands.n_open || w->uplink.n_open || w->uplink.bytes)
        abort();
    command_table_deinit(&w->commands);
    uplink_deinit(&w->uplink);
    helper_deinit(&w->helper);
    ag_framer_deinit(&w->framer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct world whole, cut;
    uint32_t seed;
    int r = 0;

    if (n == 0)
        return 0;
    seed = data[0];
    world_init(&whole);
    world_init(&cut);
    feed(&whole, data + 1, n - 1);
    for (size_t at = 1; at < n && r == 0;) {
        size_t len = 1 + (seed = seed * 1103515245 + 12345) / 65536 % 9;

        len = len < n - at ? len : n - at;
        r = feed(&cut, data + at, len);
        at += len;
    }
    world_end(&whole);
    world_end(&cut);
    if (ag_buf_size(&whole.log) != ag_buf_size(&cut.log) ||
        memcmp(ag_buf_head(&whole.log), ag_buf_head(&cut.log), ag_buf_size(&cut.log)) != 0)
        abort();
    ag_buf_deinit(&whole.log);
    ag_buf_deinit(&cut.log);
    return 0;
}
