/* SIGUSR1: the state and every counter that is not 0, one line each. */
#include "client/client.h"

#include <inttypes.h>
#include "client/report/io/spool.h"
#include "libagent/core/log.h"

static void log_counter(const char *name, uint64_t n)
{
    if (n > 0)
        ag_log(AG_LOG_INFO, "  %s %" PRIu64, name, n);
}

static void log_spool(const struct spool *s)
{
    struct spool_stats st;

    if (!s)
        return;
    spool_get_stats(s, &st);
    log_counter("spool.files_put_aside", st.put_aside);
    log_counter("spool.damaged", st.damaged);
    log_counter("spool.lost", st.lost);
    log_counter("spool.write_failed", st.failed);
}

void client_log_state(const struct client *c)
{
    static const char *const refused[PACKET_N_E] = {[PACKET_E_MAGIC] = "lan.dropped.magic",
                                                    [PACKET_E_LENGTH] = "lan.dropped.length",
                                                    [PACKET_E_CHECKSUM] = "lan.dropped.checksum",
                                                    [PACKET_E_PADDING] = "lan.dropped.padding"};
    const struct lan_stats *lan = &c->lan.stats;
    struct local_server_stats local;
    struct mqtt_api_stats mqtt;

    ag_log(AG_LOG_INFO, "state %s, cloud %s", device_state_name(c->machine.state),
           c->link.ops ? c->link.ops->name : "none");
    log_counter("lan.datagrams", lan->datagrams);
    log_counter("lan.hellos", lan->hellos);
    log_counter("lan.requests", lan->requests);
    log_counter("lan.repeats", lan->repeats);
    log_counter("lan.answers", lan->answers);
    for (int i = 1; i < PACKET_N_E; i++)
        log_counter(refused[i], lan->bad_packet[i]);
    log_counter("lan.dropped.did", lan->bad_did);
    log_counter("lan.dropped.stamp", lan->bad_stamp);
    log_counter("lan.dropped.text", lan->bad_text);
    log_counter("lan.dropped.full", lan->full);
    log_counter("lan.dropped.replayed", lan->replayed);
    log_counter("lan.dropped.narrowed", lan->narrowed);
    log_counter("lan.late", lan->late);
    log_counter("command.started", c->commands.stats.started);
    log_counter("command.answered", c->commands.stats.answered);
    log_counter("command.timed_out", c->commands.stats.timed_out);
    log_counter("command.nobody", c->commands.stats.nobody);
    log_counter("command.refused", c->commands.stats.refused);
    log_counter("command.stray_answers", c->commands.stats.stray);
    log_counter("command.waited", c->commands.stats.waited);
    log_counter("command.ownerless", c->commands.stats.ownerless);
    log_counter("text.not_permitted", c->stats.not_permitted);
    log_counter("text.bad_form", c->stats.bad_form);
    log_counter("command.answers_lost", c->stats.answers_lost);
    log_counter("uplink.silent", c->stats.reports_silent);
    log_counter("uplink.submitted", c->uplink.stats.submitted);
    log_counter("uplink.acked", c->uplink.stats.acked);
    log_counter("uplink.failed", c->uplink.stats.failed);
    log_counter("uplink.timed_out", c->uplink.stats.timed_out);
    log_counter("uplink.refused", c->uplink.stats.refused);
    log_counter("uplink.greedy", c->uplink.stats.greedy);
    log_counter("uplink.dropped", c->uplink.stats.dropped);
    log_counter("spool.waiting", c->reports.queue.n);
    log_counter("spool.kept", c->reports.queue.n_kept);
    log_counter("spool.acked", c->reports.queue.n_acked);
    log_counter("spool.replaced", c->reports.queue.n_replaced);
    log_counter("spool.dropped.old", c->reports.queue.n_too_old);
    log_counter("spool.dropped.full", c->reports.queue.n_too_many);
    log_counter("spool.dropped.refused", c->reports.queue.n_refused);
    log_counter("spool.dropped.unreadable", c->reports.queue.n_unreadable);
    log_counter("spool.refused", c->reports.n_refused);
    log_spool(c->reports.spool);
    log_counter("spool.dropped.owner", c->reports.queue.n_forgotten);
    if (c->link.cloud && !c->link.stopping && c->link.ops->counters)
        c->link.ops->counters(c->link.cloud, log_counter);
    if (c->mqtt_api) {
        mqtt_api_get_stats(c->mqtt_api, &mqtt);
        log_counter("mqtt_api.texts_in", mqtt.texts_in);
        log_counter("mqtt_api.texts_out", mqtt.texts_out);
        log_counter("mqtt_api.dropped", mqtt.dropped);
        log_counter("mqtt_api.refused", mqtt.refused);
    }
    if (!c->local)
        return;
    local_server_get_stats(c->local, &local);
    log_counter("local.accepted", local.accepted);
    log_counter("local.refused", local.refused);
    log_counter("local.texts_in", local.texts_in);
    log_counter("local.texts_out", local.texts_out);
    log_counter("local.dropped", local.dropped);
    log_counter("local.overflows", local.overflows);
    log_counter("local.greedy", local.greedy);
    log_counter("local.evicted", local.evicted);
    log_counter("local.unsent", local.unsent);
    log_counter("local.bytes", local.bytes);
    log_counter("uplink.bytes", c->uplink.bytes);
}
