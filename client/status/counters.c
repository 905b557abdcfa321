/* SPDX-License-Identifier: MIT */
/* Every counter of the client, in one list: for the log at SIGUSR1, and for client.counters. */
#include "client/status/status.h"

#include <inttypes.h>
#include <stdio.h>
#include "client/cloud/core/counter.h"
#include "client/report/io/spool.h"
#include "libagent/core/gauges.h"
#include "libagent/core/log/log.h"

static const struct counter lan_counters[] = {
    COUNTER("lan.datagrams", struct lan_stats, datagrams),
    COUNTER("lan.hellos", struct lan_stats, hellos),
    COUNTER("lan.requests", struct lan_stats, requests),
    COUNTER("lan.repeats", struct lan_stats, repeats),
    COUNTER("lan.answers", struct lan_stats, answers),
    COUNTER("lan.dropped.magic", struct lan_stats, bad_packet[PACKET_E_MAGIC]),
    COUNTER("lan.dropped.length", struct lan_stats, bad_packet[PACKET_E_LENGTH]),
    COUNTER("lan.dropped.checksum", struct lan_stats, bad_packet[PACKET_E_CHECKSUM]),
    COUNTER("lan.dropped.padding", struct lan_stats, bad_packet[PACKET_E_PADDING]),
    COUNTER("lan.dropped.did", struct lan_stats, bad_did),
    COUNTER("lan.dropped.stamp", struct lan_stats, bad_stamp),
    COUNTER("lan.dropped.text", struct lan_stats, bad_text),
    COUNTER("lan.dropped.full", struct lan_stats, full),
    COUNTER("lan.dropped.replayed", struct lan_stats, replayed),
    COUNTER("lan.dropped.narrowed", struct lan_stats, narrowed),
    COUNTER("lan.dropped.no_token", struct lan_stats, no_token),
    COUNTER("lan.dropped.memory", struct lan_stats, no_memory),
    COUNTER("lan.late", struct lan_stats, late),
};

static const struct counter command_counters[] = {
    COUNTER("command.started", struct command_table, stats.started),
    COUNTER("command.answered", struct command_table, stats.answered),
    COUNTER("command.timed_out", struct command_table, stats.timed_out),
    COUNTER("command.nobody", struct command_table, stats.nobody),
    COUNTER("command.refused", struct command_table, stats.refused),
    COUNTER("command.silent", struct command_table, stats.silent),
    COUNTER("command.no_memory", struct command_table, stats.no_memory),
    COUNTER("command.stray_answers", struct command_table, stats.stray),
    COUNTER("command.waited", struct command_table, stats.waited),
    COUNTER("command.ownerless", struct command_table, stats.ownerless),
    COUNTER(AG_GAUGE_COMMANDS, struct command_table, n_open),
};

static const struct counter uplink_counters[] = {
    COUNTER("uplink.submitted", struct uplink, stats.submitted), COUNTER("uplink.acked", struct uplink, stats.acked),
    COUNTER("uplink.failed", struct uplink, stats.failed),       COUNTER("uplink.timed_out", struct uplink, stats.timed_out),
    COUNTER("uplink.refused", struct uplink, stats.refused),     COUNTER("uplink.no_memory", struct uplink, stats.no_memory),
    COUNTER("uplink.greedy", struct uplink, stats.greedy),       COUNTER("uplink.dropped", struct uplink, stats.dropped),
    COUNTER("uplink.stray_acks", struct uplink, stats.stray),    COUNTER(AG_GAUGE_UPLINK_OPEN, struct uplink, n_open),
    COUNTER(AG_GAUGE_UPLINK_BYTES, struct uplink, bytes),
};

static const struct counter spool_counters[] = {
    COUNTER("spool.files_put_aside", struct spool_stats, put_aside),
    COUNTER("spool.damaged", struct spool_stats, damaged),
    COUNTER("spool.lost", struct spool_stats, lost),
    COUNTER("spool.write_failed", struct spool_stats, failed),
};

static const struct counter mqtt_counters[] = {
    COUNTER("mqtt_api.texts_in", struct mqtt_api_stats, texts_in),
    COUNTER("mqtt_api.texts_out", struct mqtt_api_stats, texts_out),
    COUNTER("mqtt_api.dropped", struct mqtt_api_stats, dropped),
    COUNTER("mqtt_api.refused", struct mqtt_api_stats, refused),
};

static const struct counter local_counters[] = {
    COUNTER("local.accepted", struct local_server_stats, accepted),
    COUNTER("local.refused", struct local_server_stats, refused),
    COUNTER("local.texts_in", struct local_server_stats, texts_in),
    COUNTER("local.texts_out", struct local_server_stats, texts_out),
    COUNTER("local.dropped", struct local_server_stats, dropped),
    COUNTER("local.overflows", struct local_server_stats, overflows),
    COUNTER("local.greedy", struct local_server_stats, greedy),
    COUNTER("local.evicted", struct local_server_stats, evicted),
    COUNTER("local.unsent", struct local_server_stats, unsent),
    COUNTER(AG_GAUGE_LOCAL_BYTES, struct local_server_stats, bytes),
};

static void tell_spool(const struct spool *s, counter_fn *tell, void *user)
{
    struct spool_stats st;

    if (!s)
        return;
    spool_get_stats(s, &st);
    counters_tell(spool_counters, &st, tell, user);
}

/* Of each cloud's queue of kept reports. */
static const struct counter queue_counters[] = {
    COUNTER(AG_GAUGE_SPOOL, struct report_queue, n),
    COUNTER("spool.kept", struct report_queue, n_kept),
    COUNTER("spool.restored", struct report_queue, n_restored),
    COUNTER("spool.acked", struct report_queue, n_acked),
    COUNTER("spool.replaced", struct report_queue, n_replaced),
    COUNTER("spool.dropped.old", struct report_queue, n_too_old),
    COUNTER("spool.dropped.full", struct report_queue, n_too_many),
    COUNTER("spool.dropped.refused", struct report_queue, n_refused),
    COUNTER("spool.dropped.unreadable", struct report_queue, n_unreadable),
    COUNTER("spool.dropped.owner", struct report_queue, n_forgotten),
    COUNTER("spool.unwritten", struct report_queue, n_unwritten),
};

/* A report that several clouds need counts for each of them. */
static void tell_queues(const struct status_parts *c, counter_fn *tell, void *user)
{
    for (size_t i = 0; i < ag_array_size(queue_counters); i++) {
        uint64_t n = 0;

        for (unsigned k = 0; k < CLOUDS_MAX; k++)
            n += counter_of(&c->reports->path.lanes[k].queue, &queue_counters[i]);
        tell(user, queue_counters[i].name, n);
    }
}

struct naming {
    const char *cloud;
    counter_fn *tell;
    void *user;
};

/* "cloud.link.sent" becomes "cloud.mqtt.link.sent". */
static void tell_under_name(void *user, const char *name, uint64_t n)
{
    const struct naming *to = user;
    char text[96];

    snprintf(text, sizeof text, "cloud.%s.%s", to->cloud, strncmp(name, "cloud.", 6) == 0 ? name + 6 : name);
    to->tell(to->user, text, n);
}

static void tell_lane(const struct report_lane *lane, struct naming *to)
{
    counters_tell(queue_counters, &lane->queue, tell_under_name, to);
    tell_under_name(to, "spool.dropped.missed", lane->n_lost);
}

static void tell_clouds(const struct status_parts *c, counter_fn *tell, void *user)
{
    const struct cloud_link *l;

    for (unsigned i = 0; (l = cloud_links_nth(c->clouds, i)); i++) {
        struct naming to = {l->ops->name, tell, user};
        bool several = c->clouds->n > 1, counts = cloud_link_is_running(l) && l->ops->counters;

        if (several)
            tell_lane(&c->reports->path.lanes[l->ops->place], &to);
        if (counts)
            l->ops->counters(l->cloud, several ? tell_under_name : tell, several ? (void *) &to : user);
    }
}

void status_tell_counters(const struct status_parts *c, counter_fn *tell, void *user)
{
    const struct local_peers *peers = c->intake->env.peers;
    const struct serve *serve = c->intake->env.serve;
    struct local_server_stats local;
    struct mqtt_api_stats mqtt;

    counters_tell(lan_counters, &c->phones->lan.stats, tell, user);
    counters_tell(command_counters, &c->intake->commands, tell, user);
    tell(user, "command.answers_lost", c->intake->stats.answers_lost);
    tell(user, "text.not_permitted", serve->n_not_permitted + peers->gate.n_refused);
    tell(user, "text.bad_form", c->intake->stats.bad_form + serve->n_bad_form);
    counters_tell(uplink_counters, &c->reports->uplink, tell, user);
    tell(user, "uplink.silent", c->intake->stats.reports_silent);
    tell(user, "helper.bad_texts", c->setup->helper.bad);
    tell_queues(c, tell, user);
    tell(user, "spool.refused", c->reports->path.n_refused);
    tell_spool(c->reports->path.spool, tell, user);
    tell(user, "spool.dropped.unlisted", c->reports->path.n_unlisted);
    tell_clouds(c, tell, user);
    if (peers->channels) {
        mqtt_api_get_stats(peers->channels, &mqtt);
        counters_tell(mqtt_counters, &mqtt, tell, user);
    }
    if (peers->sockets) {
        local_server_get_stats(peers->sockets, &local);
        counters_tell(local_counters, &local, tell, user);
    }
}

static void log_counter(void *user, const char *name, uint64_t n)
{
    (void) user;
    if (n > 0)
        ag_log(AG_LOG_INFO, "  %s %" PRIu64, name, n);
}

void status_log(const struct status_parts *c)
{
    char clouds[CLOUD_LIST_MAX];

    ag_log(AG_LOG_INFO, "state %s, cloud %s", device_state_word(c->device), cloud_links_names(c->clouds, clouds));
    status_tell_counters(c, log_counter, NULL);
}
