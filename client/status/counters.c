/* SPDX-License-Identifier: MIT */
/* Every counter of the client, in one list: for the log at SIGUSR1, and for client.counters. */
#include "client/status/status.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include "client/report/io/spool.h"
#include "libagent/core/log/log.h"

static void tell_spool(const struct spool *s, cloud_tell_fn *tell, void *user)
{
    struct spool_stats st;

    if (!s)
        return;
    spool_get_stats(s, &st);
    tell(user, "spool.files_put_aside", st.put_aside);
    tell(user, "spool.damaged", st.damaged);
    tell(user, "spool.lost", st.lost);
    tell(user, "spool.write_failed", st.failed);
}

/* Of each cloud's queue of kept reports. */
static const struct {
    const char *name;
    size_t at; /* in struct report_queue, a uint64_t */
} queue_counters[] = {
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

static uint64_t queue_counter(const struct report_queue *q, size_t at)
{
    uint64_t n;

    memcpy(&n, (const char *) q + at, sizeof n);
    return n;
}

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
            n += queue_counter(&c->reports->path.lanes[k].queue, queue_counters[i].at);
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
    for (size_t i = 0; i < ag_array_size(queue_counters); i++)
        tell_under_name(to, queue_counters[i].name, queue_counter(&lane->queue, queue_counters[i].at));
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
    static const char *const refused[PACKET_N_E] = {[PACKET_E_MAGIC] = "lan.dropped.magic",
                                                    [PACKET_E_LENGTH] = "lan.dropped.length",
                                                    [PACKET_E_CHECKSUM] = "lan.dropped.checksum",
                                                    [PACKET_E_PADDING] = "lan.dropped.padding"};
    const struct lan_stats *lan = &c->phones->lan.stats;
    const struct local_peers *peers = c->intake->env.peers;
    const struct serve *serve = c->intake->env.serve;
    struct local_server_stats local;
    struct mqtt_api_stats mqtt;

    tell(user, "lan.datagrams", lan->datagrams);
    tell(user, "lan.hellos", lan->hellos);
    tell(user, "lan.requests", lan->requests);
    tell(user, "lan.repeats", lan->repeats);
    tell(user, "lan.answers", lan->answers);
    for (int i = 1; i < PACKET_N_E; i++)
        tell(user, refused[i], lan->bad_packet[i]);
    tell(user, "lan.dropped.did", lan->bad_did);
    tell(user, "lan.dropped.stamp", lan->bad_stamp);
    tell(user, "lan.dropped.text", lan->bad_text);
    tell(user, "lan.dropped.full", lan->full);
    tell(user, "lan.dropped.replayed", lan->replayed);
    tell(user, "lan.dropped.narrowed", lan->narrowed);
    tell(user, "lan.dropped.no_token", lan->no_token);
    tell(user, "lan.dropped.memory", lan->no_memory);
    tell(user, "lan.late", lan->late);
    tell(user, "command.started", c->intake->commands.stats.started);
    tell(user, "command.answered", c->intake->commands.stats.answered);
    tell(user, "command.timed_out", c->intake->commands.stats.timed_out);
    tell(user, "command.nobody", c->intake->commands.stats.nobody);
    tell(user, "command.refused", c->intake->commands.stats.refused);
    tell(user, "command.silent", c->intake->commands.stats.silent);
    tell(user, "command.no_memory", c->intake->commands.stats.no_memory);
    tell(user, "command.open", c->intake->commands.n_open);
    tell(user, "command.stray_answers", c->intake->commands.stats.stray);
    tell(user, "command.waited", c->intake->commands.stats.waited);
    tell(user, "command.ownerless", c->intake->commands.stats.ownerless);
    tell(user, "text.not_permitted", serve->n_not_permitted + peers->gate.n_refused);
    tell(user, "text.bad_form", c->intake->stats.bad_form + serve->n_bad_form);
    tell(user, "command.answers_lost", c->intake->stats.answers_lost);
    tell(user, "uplink.silent", c->intake->stats.reports_silent);
    tell(user, "uplink.submitted", c->reports->uplink.stats.submitted);
    tell(user, "uplink.acked", c->reports->uplink.stats.acked);
    tell(user, "uplink.failed", c->reports->uplink.stats.failed);
    tell(user, "uplink.timed_out", c->reports->uplink.stats.timed_out);
    tell(user, "uplink.refused", c->reports->uplink.stats.refused);
    tell(user, "uplink.no_memory", c->reports->uplink.stats.no_memory);
    tell(user, "uplink.open", c->reports->uplink.n_open);
    tell(user, "uplink.greedy", c->reports->uplink.stats.greedy);
    tell(user, "uplink.dropped", c->reports->uplink.stats.dropped);
    tell(user, "uplink.stray_acks", c->reports->uplink.stats.stray);
    tell(user, "helper.bad_texts", c->setup->helper.bad);
    tell_queues(c, tell, user);
    tell(user, "spool.refused", c->reports->path.n_refused);
    tell_spool(c->reports->path.spool, tell, user);
    tell(user, "spool.dropped.unlisted", c->reports->path.n_unlisted);
    tell_clouds(c, tell, user);
    if (peers->channels) {
        mqtt_api_get_stats(peers->channels, &mqtt);
        tell(user, "mqtt_api.texts_in", mqtt.texts_in);
        tell(user, "mqtt_api.texts_out", mqtt.texts_out);
        tell(user, "mqtt_api.dropped", mqtt.dropped);
        tell(user, "mqtt_api.refused", mqtt.refused);
    }
    if (!peers->sockets)
        return;
    local_server_get_stats(peers->sockets, &local);
    tell(user, "local.accepted", local.accepted);
    tell(user, "local.refused", local.refused);
    tell(user, "local.texts_in", local.texts_in);
    tell(user, "local.texts_out", local.texts_out);
    tell(user, "local.dropped", local.dropped);
    tell(user, "local.overflows", local.overflows);
    tell(user, "local.greedy", local.greedy);
    tell(user, "local.evicted", local.evicted);
    tell(user, "local.unsent", local.unsent);
    tell(user, "local.bytes", local.bytes);
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
