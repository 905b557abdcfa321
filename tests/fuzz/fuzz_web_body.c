/* SPDX-License-Identifier: MIT */
/* Any bytes as a body of each kind, as a network hook's output, as a report and as an event. The first byte says as what. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include "agent/apps/web/core/ask.h"
#include "agent/apps/web/core/setup.h"
#include "agent/apps/web/core/traffic.h"
#include "agent/apps/web/core/values.h"
#include "libagent/core/json/json_iter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What goes out is one line of JSON, whatever came in. */
static void check_json(const struct ag_buf *b)
{
    struct ag_span text = ag_buf_span(b);

    assert(!memchr(text.p, '\n', text.len));
    assert(ag_json_check(&text, 200) == 0);
}

static void check_bodies(struct ag_span text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, p = AG_BUF_SECRET_INIT, params = AG_BUF_INIT;
    struct web_setup_facts f = {.zone_known = true};
    struct web_call c;
    struct web_setup s;

    if (!web_ask_call(text, &c))
        check_json(&c.params);
    web_call_deinit(&c);
    web_ask_login(text, &p);
    if (web_ask_setup(text, &s))
        return;
    assert(web_setup_check(&s, &f, &b) >= 0);
    check_json(&b);
    assert(web_setup_print(&s, &params) == 0);
    check_json(&params);
}

static void check_networks(struct ag_span text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    assert(web_networks_print(text, &b) == 0);
    check_json(&b);
}

static void check_report(struct ag_span text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, curve = AG_BUF_INIT;
    struct web_values v = {.list = NULL};

    web_values_take(&v, 30000, text);
    assert(web_values_print(&v, 0, &b) == 0);
    check_json(&b);
    for (size_t i = 0; i < v.n; i++)
        if (web_curve_print(&v, v.list[i].name, 40000, &curve) == 0) {
            check_json(&curve);
            ag_buf_clear(&curve);
        }
    web_values_deinit(&v);
}

/* libagent hands over whole JSON only. */
static void check_event(struct ag_span text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    if (ag_json_check(&text, 100) != 0)
        return;
    web_event_is_poll(text, 7);
    if (web_event_print(text, &b) == 0)
        check_json(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ag_span text = {(const char *) data + 1, n - 1};

    if (n == 0)
        return 0;
    switch (data[0] % 4) {
    case 0:
        check_bodies(text);
        break;
    case 1:
        check_networks(text);
        break;
    case 2:
        check_report(text);
        break;
    default:
        check_event(text);
    }
    return 0;
}
