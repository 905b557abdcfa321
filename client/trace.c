/* SPDX-License-Identifier: MIT */
#include "client/trace.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "client/client.h"
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
        if (who.token == CLIENT_MQTT_PEER)
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

void client_trace_from(struct origin who, struct ag_span text, const struct ag_json_view *view)
{
    if (ag_log_enabled(AG_LOG_VERBOSE))
        trace("from", who, text, view);
}

void client_trace_to(struct origin who, struct ag_span text, const struct ag_json_view *view)
{
    if (ag_log_enabled(AG_LOG_VERBOSE))
        trace("to", who, text, view);
}

static const char *lan_refusal(const struct lan_stats *a, const struct lan_stats *b)
{
    if (a->bad_packet[PACKET_E_MAGIC] != b->bad_packet[PACKET_E_MAGIC])
        return "not a packet of this protocol";
    if (a->bad_packet[PACKET_E_LENGTH] != b->bad_packet[PACKET_E_LENGTH])
        return "its length is wrong";
    if (a->bad_packet[PACKET_E_CHECKSUM] != b->bad_packet[PACKET_E_CHECKSUM])
        return "wrong token, or damaged (checksum)";
    if (a->bad_packet[PACKET_E_PADDING] != b->bad_packet[PACKET_E_PADDING])
        return "its padding is malformed";
    if (a->bad_did != b->bad_did)
        return "for another did";
    if (a->bad_stamp != b->bad_stamp)
        return "its stamp is too far from the device's clock";
    if (a->bad_text != b->bad_text)
        return "its text is no request with a usable id";
    if (a->no_token != b->no_token)
        return "the device has no token yet";
    if (a->full != b->full)
        return "too many requests are open";
    if (a->replayed != b->replayed)
        return "this packet was taken before";
    return a->narrowed != b->narrowed ? "too old to tell whether it was taken before" : NULL;
}

void client_trace_lan(const struct lan_addr *from, const struct lan_stats *before, const struct lan_stats *after)
{
    const char *why = ag_log_enabled(AG_LOG_DEBUG) ? lan_refusal(before, after) : NULL;
    char ip[INET6_ADDRSTRLEN] = "?";

    if (!why)
        return;
    inet_ntop(AF_INET6, from->ip, ip, sizeof ip);
    ag_log(AG_LOG_DEBUG, "LAN request from %s port %u refused: %s", strncmp(ip, "::ffff:", 7) == 0 ? ip + 7 : ip, from->port,
           why);
}
