/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/core/traffic.h"

#include <errno.h>
#include "libagent/core/json/json_iter.h"
#include "libagent/core/json/json_out.h"
#include "libagent/core/utf8.h"

enum { DEPTH_MAX = 130 };

void web_traffic_deinit(struct web_traffic *t)
{
    ag_buf_deinit(&t->events);
    *t = (struct web_traffic){.on = false};
}

bool web_traffic_wants(struct web_traffic *t, struct ag_span text)
{
    size_t n = strlen(t->filter);

    if (!t->on || (n > 0 && (text.len < n || !memmem(text.p, text.len, t->filter, n))))
        return false;
    if (t->n < WEB_TRAFFIC_BEAT_MAX)
        return true;
    t->left_out++;
    return false;
}

int web_traffic_put(struct web_traffic *t, struct ag_span event)
{
    size_t before = t->events.len;
    int r = t->n > 0 ? ag_buf_append_char(&t->events, ',') : 0;

    if (r == 0)
        r = ag_buf_append_span(&t->events, event);
    if (r < 0) {
        t->events.len = before;
        t->left_out++;
        return r;
    }
    t->n++;
    return 0;
}

int web_traffic_take(struct web_traffic *t, struct ag_buf *out)
{
    struct ag_span events = ag_buf_span(&t->events);
    int r;

    if (t->n == 0 && t->left_out == 0)
        return 0;
    r = ag_buf_printf(out, "{\"left_out\":%u,\"events\":[", t->left_out);
    if (r == 0)
        r = ag_buf_append_span(out, events);
    if (r == 0)
        r = ag_buf_append_str(out, "]}");
    ag_buf_clear(&t->events);
    t->n = t->left_out = 0;
    return r < 0 ? r : 1;
}

/* ---- an event ---- */

struct ag_span web_event_text(struct ag_span params)
{
    struct ag_span text = ag_json_get(params, "text");

    return text.p ? text : (struct ag_span){"", 0};
}

static bool begins(struct ag_span s, const char *with)
{
    size_t n = strlen(with);

    return s.len >= n && memcmp(s.p, with, n) == 0;
}

/* Methods whose params or answers are not for a screen. */
static bool is_secret(struct ag_span method)
{
    return begins(method, "_internal.") || begins(method, "local.ble.") || begins(method, "miIO.config_router") ||
           begins(method, "miIO.config_ssid") || begins(method, "miIO.get_repeater") || begins(method, "miIO.wifi_assoc");
}

static void put_text(struct ag_json_out *o, struct ag_span text)
{
    struct ag_span shown = text;
    struct ag_json_view view;
    struct ag_span method = {"", 0};
    char name[160];

    if (text.len == 0)
        return;
    if (ag_json_parse(&shown, DEPTH_MAX, &view) == 0 && ag_view_has(&view, AG_M_METHOD) &&
        !ag_view_str(&view, shown.p, AG_M_METHOD, name, sizeof name, &method))
        method = (struct ag_span){"_internal.", 10}; /* an unreadable name may hide anything */
    if (is_secret(method)) {
        ag_json_out_name(o, "hidden");
        ag_json_out_bool(o, true);
        ag_json_out_name(o, "text");
        ag_json_out_text(o, method);
        return;
    }
    ag_json_out_name(o, "text");
    ag_json_out_text(o, (struct ag_span){text.p, ag_utf8_cut(text, WEB_TRAFFIC_TEXT_MAX)});
    if (text.len > WEB_TRAFFIC_TEXT_MAX) {
        ag_json_out_name(o, "size");
        ag_json_out_printf(o, "%zu", text.len);
    }
}

int web_event_print(struct ag_span params, struct ag_buf *out)
{
    static const char *const members[] = {"at", "kind", "from", "to", "by", "reason", "id", "size"};
    struct ag_json_out o = ag_json_out_begin(out);
    struct ag_json_iter it;
    struct ag_span name, value;
    bool any = false;

    if (ag_json_type(params) != AG_JSON_OBJECT)
        return -EINVAL;
    ag_json_out_open(&o, '{');
    it = ag_json_iter_begin(params);
    while (ag_json_iter_member(&it, &name, &value))
        for (size_t i = 0; i < ag_array_size(members); i++)
            if (ag_json_key_is(name, members[i])) {
                ag_json_out_name(&o, members[i]);
                ag_json_out_value(&o);
                ag_json_out_done(&o, ag_json_append_compact(out, value));
                any = true;
            }
    if (!any)
        ag_json_out_fail(&o, -EINVAL);
    put_text(&o, web_event_text(params));
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}

static bool is_number(struct ag_span v, uint64_t n)
{
    uint64_t got;

    return v.p && ag_span_uint(v, UINT64_MAX, &got) && got == n;
}

bool web_event_is_poll(struct ag_span params, uint64_t you)
{
    static const char polled[] = "\"client.status\"";
    struct ag_span from = ag_json_get(params, "from"), to = ag_json_get(params, "to"), text = web_event_text(params), one;
    struct ag_json_iter it;

    if (you == 0)
        return false;
    if (is_number(from, you))
        return text.len > 0 && memmem(text.p, text.len < 128 ? text.len : 128, polled, sizeof polled - 1);
    if (!is_number(from, 0) || !to.p)
        return false;
    it = ag_json_iter_begin(to);
    return ag_json_iter_item(&it, &one) && is_number(one, you); /* the client's answers to us */
}
