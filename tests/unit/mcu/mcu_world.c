/* SPDX-License-Identifier: MIT */
#include "tests/unit/mcu/mcu_world.h"

#include <stdint.h>
#include "libagent/core/json/json.h"

static void take_tx(struct world *w)
{
    struct ag_span s = mcu_tx_bytes(&w->bridge.tx);

    for (size_t i = 0; i < s.len; i++)
        ag_buf_append_char(&w->said, (char) (s.p[i] == '\r' ? '|' : s.p[i]));
    mcu_tx_consume(&w->bridge.tx, s.len);
}

void world_init(struct world *w, bool announce)
{
    struct mcu_settings set;

    mcu_settings_init(&set);
    set.announce_net = set.ask_version = announce;
    memcpy(set.did, "1234", 5);
    *w = (struct world){.clock = {.now_ms = 1000000, .unix_s = 1433408287, .utc_offset_s = 8 * 3600}};
    mcu_bridge_init(&w->bridge, &set);
    mcu_bridge_agent_up(&w->bridge, true);
}

void world_deinit(struct world *w)
{
    mcu_bridge_deinit(&w->bridge);
    ag_buf_deinit(&w->said);
    ag_buf_deinit(&w->up);
}

void world_feed(struct world *w, const char *bytes, size_t n)
{
    size_t step = w->bytewise ? 1 : n;

    for (size_t i = 0; i < n;) {
        size_t want = n - i < step ? n - i : step, used = mcu_bridge_feed(&w->bridge, &w->clock, bytes + i, want);

        take_tx(w);
        i += used;
    }
}

void world_say(struct world *w, const char *lines)
{
    for (const char *p = lines; *p; p++)
        world_feed(w, *p == '|' ? "\r" : p, 1);
}

int world_ask(struct world *w, const char *json)
{
    struct mcu_refusal refusal;
    struct ag_span text = {json, strlen(json)};
    struct ag_json_view view;
    uint64_t id = 0;
    int r;

    if (ag_json_parse(&text, 64, &view) == 0)
        ag_view_uint(&view, text.p, AG_M_ID, UINT32_MAX, &id);
    r = mcu_bridge_request(&w->bridge, (struct ag_span){json, strlen(json)}, (void *) (uintptr_t) id, w->clock.now_ms, &refusal);
    if (r > 0)
        ag_buf_printf(&w->up, "{\"id\":%u,\"error\":{\"code\":%d,\"message\":\"%s\"}}\n", (unsigned) id, refusal.code,
                      refusal.message);
    return r < 0 ? r : 0;
}

static void note_job(struct world *w, struct mcu_job *job)
{
    const char *text = ag_buf_cstr(&job->text);

    if (job->code == 0)
        ag_buf_printf(&w->up, "{\"id\":%u,\"result\":%s}\n", (unsigned) (uintptr_t) job->handle, text ? text : "");
    else
        ag_buf_printf(&w->up, "{\"id\":%u,\"error\":{\"code\":%d,\"message\":\"%s\"}}\n", (unsigned) (uintptr_t) job->handle,
                      job->code, text ? text : "");
}

void world_collect(struct world *w)
{
    struct ag_buf params = AG_BUF_INIT;
    enum mcu_report_kind kind;
    struct mcu_job *job;

    while ((job = mcu_bridge_take(&w->bridge))) {
        note_job(w, job);
        mcu_job_free(job);
    }
    while (mcu_reports_next(&w->bridge.reports, w->clock.now_ms, w->bridge.set.did, &params, &kind) == 0 &&
           kind != MCU_REPORT_NONE) {
        ag_buf_printf(&w->up, "{\"method\":\"%s\",\"params\":%.*s}\n",
                      kind == MCU_REPORT_EVENT ? "event_occured" : "properties_changed", (int) ag_buf_size(&params),
                      ag_buf_head(&params));
        ag_buf_clear(&params);
        mcu_reports_done(&w->bridge.reports, kind, MCU_REPORT_TAKEN, w->clock.now_ms);
    }
    ag_buf_deinit(&params);
}

void world_wait(struct world *w, uint64_t ms)
{
    w->clock.now_ms += ms;
    mcu_bridge_tick(&w->bridge, w->clock.now_ms);
    take_tx(w);
}

static const char *look(struct ag_buf *b)
{
    const char *text = ag_buf_cstr(b);

    b->off = b->len; /* stays readable until the next append */
    return text ? text : "";
}

const char *world_said(struct world *w)
{
    return look(&w->said);
}

const char *world_up(struct world *w)
{
    world_collect(w);
    return look(&w->up);
}
