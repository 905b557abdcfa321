/* SPDX-License-Identifier: MIT */
/*
 * Any bytes from an MCU, cut anywhere: the replies and what goes up do not depend on the cuts, each non-empty
 * line gets one reply line, what goes up is JSON, and a following get_down is served. The first byte picks
 * the situation.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "agent/apps/mcu/core/bridge.h"
#include "libagent/core/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { WITH_GET = 1, WITH_ACTION = 2, WITH_UPDATE = 4, WITH_START = 8 };

struct run {
    struct mcu_bridge b;
    struct mcu_clock clock;
    struct ag_buf said, up;
};

static void check(bool good)
{
    if (!good)
        abort();
}

static void ask(struct run *r, const char *json)
{
    struct mcu_refusal refusal;

    check(mcu_bridge_request(&r->b, (struct ag_span){json, strlen(json)}, r, r->clock.now_ms, &refusal) >= 0);
}

static const uint8_t image[300] = {7};

static void begin(struct run *r, unsigned mode)
{
    struct mcu_settings set;

    mcu_settings_init(&set);
    set.announce_net = set.ask_version = mode & WITH_START;
    memset(r, 0, sizeof *r);
    r->clock.now_ms = 1000;
    mcu_bridge_init(&r->b, &set);
    mcu_bridge_agent_up(&r->b, true);
    if (mode & WITH_GET)
        ask(r, "{\"id\":1,\"method\":\"get_properties\",\"params\":[{\"siid\":1,\"piid\":2},{\"siid\":1,"
               "\"piid\":3}]}");
    if (mode & WITH_ACTION)
        ask(r, "{\"id\":1,\"method\":\"action\",\"params\":{\"siid\":1,\"aiid\":1}}");
    if (mode & WITH_UPDATE)
        check(mcu_bridge_update(&r->b, image, sizeof image, false, r->clock.now_ms) == 0);
}

static void take_tx(struct run *r)
{
    struct ag_span s = mcu_tx_bytes(&r->b.tx);

    check(ag_buf_append_span(&r->said, s) == 0);
    mcu_tx_consume(&r->b.tx, s.len);
}

static void feed(struct run *r, const uint8_t *p, size_t n)
{
    while (n > 0) {
        size_t used = mcu_bridge_feed(&r->b, &r->clock, (const char *) p, n);

        take_tx(r);
        p += used;
        n -= used;
    }
}

static void note(struct run *r, struct ag_span value)
{
    struct ag_buf whole = AG_BUF_INIT;
    struct ag_json_view view;
    struct ag_span text;

    check(ag_buf_printf(&whole, "{\"result\":%.*s}", (int) value.len, value.p) == 0);
    text = ag_buf_span(&whole);
    check(ag_json_parse(&text, 64, &view) == 0);
    check(ag_buf_append_span(&r->up, text) == 0);
    ag_buf_deinit(&whole);
}

static void end(struct run *r)
{
    struct ag_buf params = AG_BUF_INIT;
    enum mcu_report_kind kind;
    struct mcu_job *job;

    while ((job = mcu_bridge_take(&r->b))) {
        if (job->code == 0)
            note(r, ag_buf_span(&job->text));
        mcu_job_free(job);
    }
    for (uint64_t now = 2000; now < 20000; now += 100) {
        check(mcu_reports_next(&r->b.reports, now, "", &params, &kind) == 0);
        if (kind == MCU_REPORT_NONE)
            continue;
        note(r, ag_buf_span(&params));
        ag_buf_clear(&params);
        mcu_reports_done(&r->b.reports, kind, MCU_REPORT_TAKEN, now);
    }
    ag_buf_deinit(&params);
}

static void free_run(struct run *r)
{
    mcu_bridge_deinit(&r->b);
    ag_buf_deinit(&r->said);
    ag_buf_deinit(&r->up);
}

static size_t count_lines(const uint8_t *p, size_t n)
{
    size_t lines = 0;
    bool blank = true;

    for (size_t i = 0; i < n; i++) {
        if (p[i] != '\r' && p[i] != '\n') {
            blank = blank && p[i] == ' ';
            continue;
        }
        lines += !blank;
        blank = true;
    }
    return lines;
}

static size_t count_replies(struct ag_span said)
{
    size_t n = 0;

    for (size_t i = 0; i < said.len; i++)
        n += said.p[i] == '\r';
    return n;
}

static bool same(struct ag_buf *a, struct ag_buf *b)
{
    struct ag_span x = ag_buf_span(a), y = ag_buf_span(b);

    return x.len == y.len && memcmp(x.p, y.p, x.len) == 0;
}

/* Whatever came before, the line is served once the MCU has been silent for long enough. */
static void still_alive(struct run *r)
{
    static const char poll[] = "\rget_down\rnet\r";

    for (int i = 0; i < 400; i++) {
        r->clock.now_ms += 1000;
        mcu_bridge_tick(&r->b, r->clock.now_ms);
        take_tx(r);
    }
    ag_buf_clear(&r->said);
    feed(r, (const uint8_t *) poll, sizeof poll - 1);
    check(ag_buf_size(&r->said) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct run whole, cut;
    unsigned mode;
    size_t step;

    if (n < 2 || n > 16384)
        return 0;
    mode = data[0] & 15;
    step = 1 + (data[0] >> 4);
    data++;
    n--;
    begin(&whole, mode);
    begin(&cut, mode);
    feed(&whole, data, n);
    for (size_t i = 0; i < n; i += step)
        feed(&cut, data + i, n - i < step ? n - i : step);
    check(same(&whole.said, &cut.said));
    if (!(mode & WITH_UPDATE) && !memmem(data, n, "help", 4) && !memmem(data, n, "echo", 4))
        check(count_replies(ag_buf_span(&whole.said)) == count_lines(data, n));
    end(&whole);
    end(&cut);
    check(same(&whole.up, &cut.up));
    still_alive(&whole);
    free_run(&whole);
    free_run(&cut);
    return 0;
}
