/* SPDX-License-Identifier: MIT */
/* Every counter of the client, in one list: for the log at SIGUSR1, and for client.counters. */
#include "client/status/status.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include "client/report/io/spool.h"
#include "libagent/core/log/log.h"

/* A counter's field, a uint64_t. */
struct counter {
    const char *name;
    size_t at;
};

static uint64_t counter_of(const void *from, const struct counter *c)
{
    uint64_t n;

    memcpy(&n, (const char *) from + c->at, sizeof n);
    return n;
}

static void tell_all(const struct counter *counters, size_t n, const void *from, cloud_tell_fn *tell, void *user)
{
    for (size_t i = 0; i < n; i++)
        tell(user, counters[i].name, counter_of(from, &counters[i]));
}

static const struct counter lan_counters[] = {
    {"lan.datagrams", offsetof(struct lan_stats, datagrams)},
    {"lan.hellos", offsetof(struct lan_stats, hellos)},
    {"lan.requests", offsetof(struct lan_stats, requests)},
    {"lan.repeats", offsetof(struct lan_stats, repeats)},
    {"lan.answers", offsetof(struct lan_stats, answers)},
    {"lan.dropped.magic", offsetof(struct lan_stats, bad_packet[PACKET_E_MAGIC])},
    {"lan.dropped.length", offsetof(struct lan_stats, bad_packet[PACKET_E_LENGTH])},
    {"lan.dropped.checksum", offsetof(struct lan_stats, bad_packet[PACKET_E_CHECKSUM])},
    {"lan.dropped.padding", offsetof(struct lan_stats, bad_packet[PACKET_E_PADDING])},
    {"lan.dropped.did", offsetof(struct lan_stats, bad_did)},
    {"lan.dropped.stamp", offsetof(struct lan_stats, bad_stamp)},
    {"lan.dropped.text", offsetof(struct lan_stats, bad_text)},
    {"lan.dropped.full", offsetof(struct lan_stats, full)},
    {"lan.dropped.replayed", offsetof(struct lan_stats, replayed)},
    {"lan.dropped.narrowed", offsetof(struct lan_stats, narrowed)},
    {"lan.dropped.no_token", offsetof(struct lan_stats, no_token)},
    {"lan.dropped.memory", offsetof(struct lan_stats, no_memory)},
    {"lan.late", offsetof(struct lan_stats, late)},
};

static const struct counter command_counters[] = {
    {"command.started", offsetof(struct command_stats, started)},
    {"command.answered", offsetof(struct command_stats, answered)},
    {"command.timed_out", offsetof(struct command_stats, timed_out)},
    {"command.nobody", offsetof(struct command_stats, nobody)},
    {"command.refused", offsetof(struct command_stats, refused)},
    {"command.silent", offsetof(struct command_stats, silent)},
    {"command.no_memory", offsetof(struct command_stats, no_memory)},
    {"command.stray_answers", offsetof(struct command_stats, stray)},
    {"command.waited", offsetof(struct command_stats, waited)},
    {"command.ownerless", offsetof(struct command_stats, ownerless)},
};

static const struct counter uplink_counters[] = {
    {"uplink.submitted", offsetof(struct uplink_stats, submitted)},
    {"uplink.acked", offsetof(struct uplink_stats, acked)},
    {"uplink.failed", offsetof(struct uplink_stats, failed)},
    {"uplink.timed_out", offsetof(struct uplink_stats, timed_out)},
    {"uplink.refused", offsetof(struct uplink_stats, refused)},
    {"uplink.no_memory", offsetof(struct uplink_stats, no_memory)},
    {"uplink.greedy", offsetof(struct uplink_stats, greedy)},
    {"uplink.dropped", offsetof(struct uplink_stats, dropped)},
    {"uplink.stray_acks", offsetof(struct uplink_stats, stray)},
};

static const struct counter spool_counters[] = {
    {"spool.files_put_aside", offsetof(struct spool_stats, put_aside)},
    {"spool.damaged", offsetof(struct spool_stats, damaged)},
    {"spool.lost", offsetof(struct spool_stats, lost)},
    {"spool.write_failed", offsetof(struct spool_stats, failed)},
};

static const struct counter mqtt_counters[] = {
    {"mqtt_api.texts_in", offsetof(struct mqtt_api_stats, texts_in)},
    {"mqtt_api.texts_out", offsetof(struct mqtt_api_stats, texts_out)},
    {"mqtt_api.dropped", offsetof(struct mqtt_api_stats, dropped)},
    {"mqtt_api.refused", offsetof(struct mqtt_api_stats, refused)},
};

static const struct counter local_counters[] = {
    {"local.accepted", offsetof(struct local_server_stats, accepted)},
    {"local.refused", offsetof(struct local_server_stats, refused)},
    {"local.texts_in", offsetof(struct local_server_stats, texts_in)},
    {"local.texts_out", offsetof(struct local_server_stats, texts_out)},
    {"local.dropped", offsetof(struct local_server_stats, dropped)},
    {"local.overflows", offsetof(struct local_server_stats, overflows)},
    {"local.greedy", offsetof(struct local_server_stats, greedy)},
    {"local.evicted", offsetof(struct local_server_stats, evicted)},
    {"local.unsent", offsetof(struct local_server_stats, unsent)},
    {"local.bytes", offsetof(struct local_server_stats, bytes)},
};

static void tell_spool(const struct spool *s, cloud_tell_fn *tell, void *user)
{
    struct spool_stats st;

    if (!s)
        return;
    spool_get_stats(s, &st);
    tell_all(spool_counters, ag_array_size(spool_counters), &st, tell, user);
}

/* Of each cloud's queue of kept reports. */
static const struct counter queue_counters[] = {
    {"spool.kept", offsetof(struct report_queue, n_kept)},
    {"spool.restored", offsetof(struct report_queue, n_restored)},
    {"spool.acked", offsetof(struct report_queue, n_acked)},
    {"spool.replaced", offsetof(struct report_queue, n_replaced)},
    {"spool.dropped.old", offsetof(struct report_queue, n_too_old)},
    {"spool.dropped.full", offsetof(struct report_queue, n_too_many)},
    {"spool.dropped.refused", offsetof(struct report_queue, n_refused)},
    {"spool.dropped.unreadable", offsetof(struct report_queue, n_unreadable)},
    {"spool.dropped.owner", offsetof(struct report_queue, n_forgotten)},
    {"spool.unwritten", offsetof(struct report_queue, n_unwritten)},
};

/* A report that several clouds need counts for each of them. */
static void tell_queues(const struct status_parts *c, cloud_tell_fn *tell, void *user)
{
    uint64_t n = 0;

    for (unsigned k = 0; k < CLOUDS_MAX; k++)
        n += c->reports->path.lanes[k].queue.n;
    tell(user, "spool.waiting", n);
    for (size_t i = 0; i < ag_array_size(queue_counters); i++) {
        n = 0;
        for (unsigned k = 0; k < CLOUDS_MAX; k++)
            n += counter_of(&c->reports->path.lanes[k].queue, &queue_counters[i]);
        tell(user, queue_counters[i].name, n);
    }
}

struct naming {
    const char *cloud;
    cloud_tell_fn *tell;
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
    tell_under_name(to, "spool.waiting", lane->queue.n);
    tell_all(queue_counters, ag_array_size(queue_counters), &lane->queue, tell_under_name, to);
    tell_under_name(to, "spool.dropped.missed", lane->n_lost);
}

static void tell_clouds(const struct status_parts *c, cloud_tell_fn *tell, void *user)
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

void status_tell_counters(const struct status_parts *c, cloud_tell_fn *tell, void *user)
{
    const struct local_peers *peers = c->intake->env.peers;
    const struct serve *serve = c->intake->env.serve;
    struct local_server_stats local;
    struct mqtt_api_stats mqtt;

    tell_all(lan_counters, ag_array_size(lan_counters), &c->phones->lan.stats, tell, user);
    tell_all(command_counters, ag_array_size(command_counters), &c->intake->commands.stats, tell, user);
    tell(user, "command.open", c->intake->commands.n_open);
    tell(user, "command.answers_lost", c->intake->stats.answers_lost);
    tell(user, "text.not_permitted", serve->n_not_permitted + peers->gate.n_refused);
    tell(user, "text.bad_form", c->intake->stats.bad_form + serve->n_bad_form);
    tell_all(uplink_counters, ag_array_size(uplink_counters), &c->reports->uplink.stats, tell, user);
    tell(user, "uplink.open", c->reports->uplink.n_open);
    tell(user, "uplink.silent", c->intake->stats.reports_silent);
    tell(user, "helper.bad_texts", c->setup->helper.bad);
    tell_queues(c, tell, user);
    tell(user, "spool.refused", c->reports->path.n_refused);
    tell_spool(c->reports->path.spool, tell, user);
    tell(user, "spool.dropped.unlisted", c->reports->path.n_unlisted);
    tell_clouds(c, tell, user);
    if (peers->channels) {
        mqtt_api_get_stats(peers->channels, &mqtt);
        tell_all(mqtt_counters, ag_array_size(mqtt_counters), &mqtt, tell, user);
    }
    if (!peers->sockets)
        return;
    local_server_get_stats(peers->sockets, &local);
    tell_all(local_counters, ag_array_size(local_counters), &local, tell, user);
    tell(user, "uplink.bytes", c->reports->uplink.bytes);
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
