/* SPDX-License-Identifier: MIT */
#include "client/local/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include "client/local/local_gate.h"
#include "libagent/core/log/log.h"
#include "libagent/core/text/brief.h"

enum { WHO_MAX = 48 };

static const char *who_name(struct origin who, char out[WHO_MAX])
{
    switch (who.kind) {
    case ORIGIN_CLOUD:
        return "the cloud";
    case ORIGIN_LAN:
        snprintf(out, WHO_MAX, "LAN (request %" PRIu64 ")", who.token);
        return out;
    case ORIGIN_BLE:
        return "Bluetooth helper";
    case ORIGIN_LOCAL:
        if (who.token == LOCAL_GATE_CHANNELS)
            return "MQTT API";
        snprintf(out, WHO_MAX, "local peer %" PRIu64, who.token);
        return out;
    default:
        return "the client itself";
    }
}

static void trace(const char *way, struct origin who, struct ag_span text, const struct ag_json_view *view)
{
    char brief[AG_BRIEF_MAX], name[WHO_MAX];
    struct ag_json_view own;

    if (!view && ag_json_parse(&text, AG_JSON_DEPTH_MAX, &own) == 0)
        view = &own;
    if (!view)
        return;
    ag_brief(brief, text, view);
    ag_log(AG_LOG_VERBOSE, "%s %s: %s", way, who_name(who, name), brief);
}

void local_trace_from(struct origin who, struct ag_span text, const struct ag_json_view *view)
{
    if (ag_log_enabled(AG_LOG_VERBOSE))
        trace("from", who, text, view);
}

void local_trace_to(struct origin who, struct ag_span text, const struct ag_json_view *view)
{
    if (ag_log_enabled(AG_LOG_VERBOSE))
        trace("to", who, text, view);
}
