/* SPDX-License-Identifier: MIT */
#include "agent/ctl/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "agent/ctl/ctl.h"

enum { RECENT_MS = 600000, CLOCK_OFF_S = 60, SHORT_SESSIONS = 3 };

static void add(struct findings *f, const char *name, const char *cure, const char *fmt, ...) ag_printf_like(4, 5);

static void add(struct findings *f, const char *name, const char *cure, const char *fmt, ...)
{
    struct finding *one = &f->list[f->n];
    va_list ap;

    if (f->n == FINDINGS_MAX)
        return;
    one->name = name;
    one->cure = cure;
    va_start(ap, fmt);
    vsnprintf(one->text, sizeof one->text, fmt, ap);
    va_end(ap);
    f->n++;
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* ---- clouds ---- */

/* By the reason of the last error. */
static const struct {
    const char *reason, *name, *what, *cure;
} losses[] = {
    {"unreachable", "cloud.unreachable", "is not reached",
     "start the server, or mend its address in device.conf, DNS or the network"},
    {"tls", "cloud.tls", "does not get through TLS", "look at mqtt_ca, mqtt_cert and mqtt_key of device.conf, and at the clock"},
    {"login", "cloud.login", "refuses the login", "mend user, password or device id in device.conf, or let the broker know them"},
    {"refused", "cloud.refused", "takes no connection now", "look into the server's own log"},
    {"silent", "cloud.silent", "is reached, but does not speak",
     "is it the right port and protocol, with TLS or without? did and key right?"},
    {"register", "cloud.register", "does not register this device", "mend product key and secret in device.conf"},
    {"cut", "cloud.cut", "ended the session", "look into the server's own log; it is tried again by itself"},
};

static void find_loss(struct findings *f, const cJSON *cloud)
{
    const cJSON *error = member(cloud, "error");
    const char *state = ctl_string(cloud, "state");

    if (strcmp(state, "cloud_connected") == 0 || !cJSON_IsObject(error))
        return;
    for (size_t i = 0; i < ag_array_size(losses); i++)
        if (strcmp(ctl_string(error, "reason"), losses[i].reason) == 0)
            add(f, losses[i].name, losses[i].cure, "cloud %s at %s %s: %s", ctl_string(cloud, "name"),
                ctl_string(cloud, "server"), losses[i].what, ctl_string(error, "text"));
}

/* By "refused_how"; the last row is for older clients, which do not say it. */
static const struct {
    const char *how, *what, *cure;
} subscriptions[] = {
    {"silent", "does not answer", "look into the server's own log; it is asked again by itself"},
    {"cut", "ends the connection at", "allow the device to subscribe to it in the broker's rules, or with mqtt_command_qos=0"},
    {"", "refuses", "allow the device to subscribe to it in the broker's rules"},
};

static void find_subscription(struct findings *f, const cJSON *cloud, const char *topic)
{
    size_t i = 0;

    while (i + 1 < ag_array_size(subscriptions) && strcmp(ctl_string(cloud, "refused_how"), subscriptions[i].how) != 0)
        i++;
    add(f, "cloud.subscription", subscriptions[i].cure, "cloud %s %s the subscription to %s: no command comes",
        ctl_string(cloud, "name"), subscriptions[i].what, topic);
}

static void find_cloud(struct findings *f, const cJSON *cloud)
{
    const char *name = ctl_string(cloud, "name"), *topic = ctl_string(cloud, "refused_topic");

    find_loss(f, cloud);
    if (topic[0])
        find_subscription(f, cloud, topic);
    if (ctl_number(cloud, "short_sessions") >= SHORT_SESSIONS)
        add(f, "cloud.twins", "give each device an identity of its own, or stop the other one",
            "cloud %s: %.0f sessions in a row ended soon after login: another device uses the same identity", name,
            ctl_number(cloud, "short_sessions"));
}

/* ---- the client ---- */

static void find_spool(struct findings *f, const cJSON *spool)
{
    double n = ctl_number(spool, "reports"), max = ctl_number(spool, "max_reports");
    double bytes = ctl_number(spool, "bytes"), max_bytes = ctl_number(spool, "max_bytes");
    const char *error = ctl_string(spool, "error");

    if (error[0])
        add(f, strstr(error, "space") || strstr(error, "uota") ? "disk.full" : "spool.error",
            "make room on the disk, or mend the data directory: reports are refused meanwhile", "reports cannot be kept: %s",
            error);
    if (ctl_number(spool, "dropped") > 0)
        add(f, "spool.full", "bring the cloud back; raise spool_max_reports, spool_max_bytes or spool_max_age_s",
            "%.0f kept reports were given up, too old or too many", ctl_number(spool, "dropped"));
    else if (max > 0 && (n >= max * 0.5 || bytes >= max_bytes * 0.5))
        add(f, "spool.filling", "bring the cloud back before the oldest reports are given up",
            "%.0f of %.0f reports, %.0f of %.0f bytes are kept", n, max, bytes, max_bytes);
}

static void find_lan(struct findings *f, const cJSON *lan)
{
    double wrong = ctl_number(member(lan, "refused"), "checksum");
    const char *mode = ctl_string(lan, "token_mode");

    if (wrong > 0)
        add(f, "lan.token", "give the phone or Home Assistant the token of this device",
            "%.0f LAN requests came with a wrong token", wrong);
    if (mode[0] && strcmp(mode + strlen(mode) - 2, "00") != 0)
        add(f, "token.mode", "chmod 600 device.token", "device.token has mode %s: other users may read or change it", mode);
    if (cJSON_IsTrue(member(lan, "reveals_token")))
        add(f, "token.open", "set the device up, or create otd_donot_trust_peer in its data directory",
            "the device belongs to nobody: whoever says hello on the LAN gets its token");
}

static void find_setup(struct findings *f, const cJSON *status)
{
    const cJSON *missing = member(member(status, "setup"), "hooks_missing"), *hook;

    cJSON_ArrayForEach(hook, missing)
        add(f, "hooks.missing", "install it, executable, into the directory that --hooks names, or the data directory",
            "the hook %s is not there", cJSON_IsString(hook) ? hook->valuestring : "?");
    if (cJSON_IsFalse(member(member(status, "helper"), "here")))
        add(f, "helper.missing", "start the helper script, or leave --helper=external out", "no external helper has come");
}

static void find_clock(struct findings *f, const cJSON *clock)
{
    const char *source = ctl_string(clock, "source");
    double off = ctl_number(clock, "offset_s");

    if (strcmp(source, "own") != 0)
        add(f, "clock.unset", "set the clock: an NTP client, or a battery for it", "the device's clock is not set%s",
            strcmp(source, "cloud") == 0 ? "; the cloud's time is used" : "");
    else if (off > CLOCK_OFF_S || off < -CLOCK_OFF_S)
        add(f, "clock.wrong", "set the clock: an NTP client, or a battery for it", "the device's clock is %.0f s %s the cloud's",
            off > 0 ? off : -off, off > 0 ? "ahead of" : "behind");
}

static void find_in_status(struct findings *f, const cJSON *status)
{
    const cJSON *cloud;

    cJSON_ArrayForEach(cloud, member(status, "clouds")) find_cloud(f, cloud);
    find_spool(f, member(status, "spool"));
    find_lan(f, member(status, "lan"));
    find_setup(f, status);
    find_clock(f, member(status, "clock"));
}

/* ---- applications ---- */

static void find_in_peers(struct findings *f, const cJSON *peers)
{
    const cJSON *peer, *key;

    cJSON_ArrayForEach(peer, peers)
    {
        double n = ctl_number(peer, "unanswered");

        key = cJSON_GetArrayItem(member(peer, "keys"), 0);
        if (n > 0)
            add(f, "app.silent", "mend the application: each command with an id wants an answer within --command-timeout",
                "application %.0f (process %.0f, %s ...) has not answered %.0f commands", ctl_number(peer, "peer"),
                ctl_number(peer, "pid"), cJSON_IsString(key) ? key->valuestring : "no key", n);
    }
}

static void find_unserved(struct findings *f, const cJSON *unserved)
{
    const cJSON *one;

    cJSON_ArrayForEach(one, unserved) if (ctl_number(one, "ago_ms") < RECENT_MS)
        add(f, "key.unserved", "start the application that subscribes to it: miioctl list shows who has what",
            "nobody serves %s: %.0f commands were refused", ctl_string(one, "method"), ctl_number(one, "n"));
}

void findings_collect(struct findings *out, const struct looks *in)
{
    out->n = 0;
    if (in->info && !cJSON_IsTrue(member(in->info, "upstream")))
        add(out, "client.missing", "start miio_client, or mend --upstream of miio_agent", "miio_client is not connected");
    if (in->n_twins > 0)
        add(out, "client.twice", "stop all but one of them", "%u more miio_client run for the same data directory", in->n_twins);
    if (in->status)
        find_in_status(out, in->status);
    find_in_peers(out, in->peers);
    find_unserved(out, member(in->info, "unserved"));
}
