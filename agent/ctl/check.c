/* SPDX-License-Identifier: MIT */
/* status and check: how everything is, and what to do if something is wrong. */
#include <string.h>
#include "agent/ctl/findings.h"
#include "agent/ctl/report.h"

/* Counters that are above 0 only when something was lost or refused, and what to look at. */
static const struct {
    const char *counter, *meaning;
} suspects[] = {
    {"queue_overflows", "applications were closed because they did not read"},
    {"upstream_overflows", "miio_client was closed because it did not read"},
    {"total_overflows", "peers were closed because all queues together were too large"},
    {"out_of_memory", "memory was short"},
    {"broken_texts", "peers sent what is not JSON, or too much of it"},
    {"command_timeouts", "applications did not answer commands in time"},
    {"request_timeouts", "requests got no answer from upstream"},
    {"connections_refused", "more applications than allowed"},
    {"accept_failures", "descriptors were short"},
    {"keys_refused", "subscriptions were refused"},
    {"not_found", "commands came that nobody subscribed to"},
};

/* Connects and asks for all that both commands look at; they take no arguments. */
static int begin(struct ctl *ctl, int argc, struct report *r)
{
    int e = argc == 1 ? ctl_connect(ctl) : CTL_USAGE;

    return e == CTL_OK ? report_ask(ctl, r) : e;
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void good_line(const struct ctl *ctl, const char *text)
{
    printf("%sok  %s %s\n", ctl_green(ctl), ctl_plain(ctl), text);
}

static void check_counters(const struct ctl *ctl, const cJSON *stats)
{
    for (size_t i = 0; i < ag_array_size(suspects); i++) {
        double v = ctl_number(stats, suspects[i].counter);

        if (v > 0)
            printf("%snote%s %s: %.0f (%s)\n", ctl_bold(ctl), ctl_plain(ctl), suspects[i].meaning, v, suspects[i].counter);
    }
}

static void print_troubles(const struct ctl *ctl, const struct findings *f)
{
    for (size_t i = 0; i < f->n; i++)
        printf("%sFAIL%s %s; %s (%s)\n", ctl_red(ctl), ctl_plain(ctl), f->list[i].text, f->list[i].cure, f->list[i].name);
}

static void print_check(const struct ctl *ctl, const struct report *r, const struct findings *f)
{
    char line[200], age[24];

    snprintf(line, sizeof line, "miio_agent %s, up %s", ctl_string(r->info_json, "version"),
             ctl_age(ctl_number(r->info_json, "uptime_ms"), age, sizeof age));
    good_line(ctl, line);
    if (cJSON_IsTrue(member(r->info_json, "upstream")))
        good_line(ctl, "miio_client is connected");
    snprintf(line, sizeof line, "%.0f applications, %.0f keys", ctl_number(r->info_json, "peers") - 1,
             ctl_number(r->info_json, "keys"));
    good_line(ctl, line);
    print_troubles(ctl, f);
    if (r->why[0])
        printf("%snote%s the client does not say how it is: %s\n", ctl_bold(ctl), ctl_plain(ctl), r->why);
    check_counters(ctl, r->stats_json);
}

static cJSON *troubles_json(const struct findings *f)
{
    cJSON *list = cJSON_CreateArray();

    for (size_t i = 0; i < f->n; i++) {
        cJSON *one = cJSON_CreateObject();

        cJSON_AddStringToObject(one, "trouble", f->list[i].name);
        cJSON_AddStringToObject(one, "text", f->list[i].text);
        cJSON_AddStringToObject(one, "cure", f->list[i].cure);
        cJSON_AddItemToArray(list, one);
    }
    return list;
}

static void print_check_json(const struct report *r, const struct findings *f)
{
    ag_cleanup(ctl_delete_json) cJSON *list = troubles_json(f);
    ag_cleanup(ctl_free_text) char *troubles = cJSON_PrintUnformatted(list);

    printf("{\"info\":%s,\"stats\":%s,\"status\":%s,\"troubles\":%s}\n", r->info, r->stats, r->status ? r->status : "null",
           troubles ? troubles : "null");
}

int ctl_check(struct ctl *ctl, int argc, char **argv)
{
    ag_cleanup(report_deinit) struct report r = {.why = ""};
    static struct findings f; /* too large for some stacks, and asked for once */
    int e = begin(ctl, argc, &r);

    (void) argv;
    if (e != CTL_OK)
        return e;
    findings_collect(&f,
                     &(struct looks){.info = r.info_json, .peers = r.peers_json, .status = r.status_json, .n_twins = r.n_twins});
    if (ctl->json)
        print_check_json(&r, &f);
    else
        print_check(ctl, &r, &f);
    return f.n == 0 ? CTL_OK : CTL_FAILED;
}

/* ---- status ---- */

static void print_cloud(const cJSON *cloud)
{
    const cJSON *error = member(cloud, "error");
    const char *topic = ctl_string(cloud, "refused_topic"), *how = ctl_string(cloud, "refused_how");
    char age[24];

    printf("cloud    %s %s at %s for %s; %.0f in flight, %.0f sent, %.0f acknowledged\n", ctl_string(cloud, "name"),
           ctl_string(cloud, "state"), ctl_string(cloud, "server")[0] ? ctl_string(cloud, "server") : "no server yet",
           ctl_age(ctl_number(cloud, "since_s") * 1000, age, sizeof age), ctl_number(cloud, "in_flight"),
           ctl_number(cloud, "sent"), ctl_number(cloud, "acked"));
    if (cJSON_IsObject(error))
        printf("         last error %s ago: %s: %s\n", ctl_age(ctl_number(error, "ago_s") * 1000, age, sizeof age),
               ctl_string(error, "reason"), ctl_string(error, "text"));
    if (topic[0])
        printf("         nothing comes from %s: the subscription %s\n", topic,
               strcmp(how, "silent") == 0 ? "was not answered"
               : strcmp(how, "cut") == 0  ? "ended the connection"
                                          : "was refused");
    if (ctl_number(cloud, "kept") > 0)
        printf("         %.0f reports kept for it\n", ctl_number(cloud, "kept"));
    if (cJSON_IsNumber(member(cloud, "next_try_ms")))
        printf("         next try in %.0f ms\n", ctl_number(cloud, "next_try_ms"));
}

static void print_client(const cJSON *s)
{
    const cJSON *device = member(s, "device"), *spool = member(s, "spool"), *lan = member(s, "lan"), *clock = member(s, "clock");
    const cJSON *cloud;
    char age[24];

    printf("device   %s, did %s, firmware %s\n", ctl_string(device, "model"), ctl_string(device, "did"),
           ctl_string(device, "firmware"));
    printf("client   miio_client %s, up %s, state %s\n", ctl_string(s, "version"),
           ctl_age(ctl_number(s, "uptime_s") * 1000, age, sizeof age), ctl_string(s, "state"));
    cJSON_ArrayForEach(cloud, member(s, "clouds")) print_cloud(cloud);
    printf("kept     %.0f of %.0f reports, %.0f bytes", ctl_number(spool, "reports"), ctl_number(spool, "max_reports"),
           ctl_number(spool, "bytes"));
    if (cJSON_IsNumber(member(spool, "oldest_s")))
        printf(", the oldest for %s", ctl_age(ctl_number(spool, "oldest_s") * 1000, age, sizeof age));
    printf("\nLAN      %s, %.0f peers, %.0f requests served\n", cJSON_IsTrue(member(lan, "open")) ? "open" : "off",
           ctl_number(lan, "peers"), ctl_number(lan, "served"));
    printf("clock    %s\n", ctl_string(clock, "source"));
}

static void print_agent(const struct report *r)
{
    char age[24];

    printf("agent    miio_agent %s, up %s, %.0f applications, %.0f keys\n", ctl_string(r->info_json, "version"),
           ctl_age(ctl_number(r->info_json, "uptime_ms"), age, sizeof age), ctl_number(r->info_json, "peers") - 1,
           ctl_number(r->info_json, "keys"));
}

int ctl_status(struct ctl *ctl, int argc, char **argv)
{
    ag_cleanup(report_deinit) struct report r = {.why = ""};
    int e = begin(ctl, argc, &r);

    (void) argv;
    if (e != CTL_OK)
        return e;
    if (ctl->json) {
        printf("{\"agent\":%s,\"client\":%s}\n", r.info, r.status ? r.status : "null");
    } else {
        print_agent(&r);
        if (r.status_json)
            print_client(r.status_json);
        else
            printf("client   %s\n", r.why[0] ? r.why : "not connected to the agent");
    }
    return r.status_json ? CTL_OK : CTL_FAILED;
}
