/* SPDX-License-Identifier: MIT */
/* Between the client and one of its clouds: starting, stopping, and what its events mean. */
#include "client/client.h"

#include <errno.h>
#include <inttypes.h>
#include "libagent/core/log/log.h"

bool cloud_link_is_running(const struct cloud_link *l)
{
    return l->cloud && !l->stopping;
}

static bool is_primary(const struct cloud_link *l)
{
    const struct cloud_links *all = &l->client->clouds;

    return all->n > 0 && l == &all->at[all->order[0]];
}

static unsigned place_of(const struct cloud_link *l)
{
    return (unsigned) (l - l->client->clouds.at);
}

bool cloud_link_takes(const struct cloud_link *l)
{
    return cloud_link_is_running(l) && l->connected;
}

/* ---- what the applications hear ---- */

/* With several clouds, when one of their words is another one. */
void cloud_links_tell_words(struct client *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct cloud_link *l;
    bool changed = false;
    int r;

    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++) {
        const char *word = client_cloud_word(l);

        changed |= !l->word || strcmp(l->word, word) != 0;
        l->word = word;
    }
    if (!changed || c->clouds.n < 2 || c->closing)
        return;
    r = ag_buf_append_str(&text, "{\"method\":\"cloud.status\",\"params\":");
    if (r == 0)
        r = client_put_cloud_words(c, &text);
    if (r == 0)
        r = ag_buf_append_char(&text, '}');
    if (r == 0)
        client_broadcast(c, ag_buf_span(&text));
}

/* Local.status and the device's state follow the primary. */
static void event(struct cloud_link *l, enum device_event ev)
{
    if (is_primary(l))
        device_event(&l->client->device, ev);
    cloud_links_tell_words(l->client);
}

/* ---- a cloud's events ---- */

static void pump(struct cloud_link *l)
{
    report_path_pump(&l->client->reports, place_of(l));
    uplink_pump(&l->client->uplink, place_of(l));
}

/* What is under way is kept first, then what waited. */
static void give_back(struct cloud_link *l)
{
    struct client *c = l->client;

    report_path_lost(&c->reports, place_of(l));
    uplink_pump(&c->uplink, place_of(l));
    uplink_lost(&c->uplink, place_of(l));
}

static void on_connected(void *user)
{
    struct cloud_link *l = user;

    if (!l->ops)
        return; /* taken out of the list: it is on its way out */
    l->connected = true;
    l->since_ms = uv_now(l->client->loop);
    ag_log(AG_LOG_INFO, "cloud %s connected", l->ops->name);
    event(l, DEVICE_EV_CLOUD_UP);
    pump(l);
}

static void on_time_known(void *user, int64_t unix_s)
{
    struct cloud_link *l = user;

    device_take_time(&l->client->device, unix_s);
}

static void log_lost(const struct cloud_link *l, const char *why, uint64_t ms)
{
    if (ms == UINT64_MAX)
        ag_log(AG_LOG_WARNING, "cloud %s: %s; trying again", l->ops->name, why);
    else
        ag_log(AG_LOG_WARNING, "cloud %s: %s; trying again, next try in %" PRIu64 " ms", l->ops->name, why, ms);
}

static void on_lost(void *user, const char *why)
{
    struct cloud_link *l = user;
    uint64_t next_ms;

    if (!l->ops)
        return;
    if (l->connected)
        l->since_ms = uv_now(l->client->loop);
    l->connected = false;
    next_ms = l->ops->next_try_ms && l->cloud ? l->ops->next_try_ms(l->cloud) : UINT64_MAX;
    l->try_at_ms = uv_now(l->client->loop) + (next_ms == UINT64_MAX ? 0 : next_ms);
    log_lost(l, why ? why : "lost", next_ms);
    give_back(l);
    event(l, DEVICE_EV_CLOUD_LOST);
}

static void on_command(void *user, uint64_t token, struct ag_span text, bool wants_answer)
{
    struct cloud_link *l = user;
    struct origin from = {.kind = ORIGIN_CLOUD, .token = token, .place = place_of(l)};
    struct ag_json_view view;

    if (ag_json_parse(&text, 128, &view) != 0 || view.at[AG_M_METHOD].type != AG_JSON_STRING) {
        ag_log(AG_LOG_WARNING, "a command from the cloud is not a JSON object with a method");
        if (wants_answer)
            client_answer(l->client, from, AG_SPAN("{\"error\":{\"code\":-32600,\"message\":\"not a command\"}}"));
        return;
    }
    client_command(l->client, from, text, &view, wants_answer);
}

static void on_acked(void *user, uint32_t id, struct ag_span answer)
{
    struct cloud_link *l = user;

    if (!report_path_acked(&l->client->reports, place_of(l), id))
        uplink_acked(&l->client->uplink, place_of(l), id, answer);
    pump(l);
}

static void on_room(void *user)
{
    pump(user);
}

static void on_failed(void *user, uint32_t id, bool retry, int code, const char *message)
{
    struct cloud_link *l = user;

    if (!report_path_failed(&l->client->reports, place_of(l), id, retry))
        uplink_failed(&l->client->uplink, place_of(l), id, code, message);
    pump(l);
}

static void on_closed(void *user)
{
    struct cloud_link *l = user;
    struct client *c = l->client;
    bool restart = l->restart && l->ops && !c->closing;

    cloud_calls_end(l);
    /* another one gives its tokens again */
    command_forget_origin(&c->commands, (struct origin){.kind = ORIGIN_CLOUD, .place = place_of(l)});
    l->cloud = NULL;
    l->connected = l->stopping = l->restart = false;
    l->since_ms = uv_now(c->loop);
    cloud_link_take_fresh(l);
    if (restart)
        cloud_link_begin(l);
    else if (c->closing)
        client_part_closed(c);
    else
        cloud_links_tell_words(c);
}

const struct cloud_events cloud_link_events = {.connected = on_connected,
                                               .lost = on_lost,
                                               .time_known = on_time_known,
                                               .command = on_command,
                                               .acked = on_acked,
                                               .failed = on_failed,
                                               .room = on_room,
                                               .closed = on_closed};

/* ---- starting and stopping ---- */

void cloud_link_begin(struct cloud_link *l)
{
    int r = l->ops->create(&l->cloud, &l->env);

    if (r < 0) {
        l->cloud = NULL;
        ag_log(AG_LOG_ERROR, "cloud %s cannot start: %s", l->ops->name, strerror(-r));
        return;
    }
    l->since_ms = l->try_at_ms = uv_now(l->client->loop);
    event(l, DEVICE_EV_CLOUD_START);
    l->ops->start(l->cloud);
}

void cloud_link_end(struct cloud_link *l, bool restart)
{
    l->restart = restart;
    if (!cloud_link_is_running(l))
        return;
    l->stopping = true;
    l->connected = false;
    give_back(l);
    l->cloud->ops->stop(l->cloud);
}

static bool is_configured(const struct cloud_link *l)
{
    char why[160] = "";

    if (!l->ops->check || l->ops->check(l->client->device.conf, why, sizeof why) == 0)
        return true;
    ag_log(AG_LOG_ERROR, "cloud %s: %s", l->ops->name, why);
    return false;
}

void cloud_link_go_online(struct cloud_link *l)
{
    if (!is_configured(l))
        return;
    if (l->cloud && l->stopping) {
        l->restart = true;
    } else if (l->cloud && l->ops->kick) {
        l->try_at_ms = uv_now(l->client->loop);
        event(l, DEVICE_EV_CLOUD_START);
        l->ops->kick(l->cloud);
    } else if (!l->cloud) {
        cloud_link_begin(l);
    }
}
