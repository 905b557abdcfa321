/* SPDX-License-Identifier: MIT */
#include "client/lan/lan_trace.h"

#include <arpa/inet.h>
#include <string.h>
#include "libagent/core/log/log.h"

static const char *refusal(const struct lan_stats *a, const struct lan_stats *b)
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
        return "its text is not a request with a usable id";
    if (a->no_token != b->no_token)
        return "the device has no token yet";
    if (a->full != b->full)
        return "too many requests are open";
    if (a->replayed != b->replayed)
        return "this packet was taken before";
    return a->narrowed != b->narrowed ? "too old to tell whether it was taken before" : NULL;
}

void lan_trace(const struct lan_addr *from, const struct lan_stats *before, const struct lan_stats *after)
{
    const char *why = ag_log_enabled(AG_LOG_DEBUG) ? refusal(before, after) : NULL;
    char ip[INET6_ADDRSTRLEN] = "?";

    if (!why)
        return;
    inet_ntop(AF_INET6, from->ip, ip, sizeof ip);
    ag_log(AG_LOG_DEBUG, "LAN request from %s port %u refused: %s", strncmp(ip, "::ffff:", 7) == 0 ? ip + 7 : ip, from->port,
           why);
}
