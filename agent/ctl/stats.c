/* SPDX-License-Identifier: MIT */
/* stats: counters, as a table, as JSON, or as OpenMetrics text for a collector. */
#include <ctype.h>
#include <getopt.h>
#include <string.h>
#include "agent/ctl/report.h"
#include "libagent/core/gauges.h"

/* ---- OpenMetrics ---- */

/* A metric's name: letters, digits and underscores, whatever the counter's is. */
static void put_name(const char *prefix, const char *name)
{
    fputs(prefix, stdout);
    for (; *name; name++)
        putchar(isalnum((unsigned char) *name) ? *name : '_');
}

/* These go down too. */
static bool is_gauge(const char *name)
{
    static const char *const gauges[] = AG_GAUGES;

    if (strncmp(name, "cloud.", 6) == 0)
        name += 6;
    for (size_t i = 0; i < ag_array_size(gauges); i++)
        if (strcmp(name, gauges[i]) == 0)
            return true;
    return false;
}

static void put_type(const char *prefix, const char *name)
{
    printf("# TYPE ");
    put_name(prefix, name);
    printf(" %s\n", is_gauge(name) ? "gauge" : "counter");
}

static void put_metric(const char *prefix, const cJSON *v)
{
    put_type(prefix, v->string);
    put_name(prefix, v->string);
    printf("%s %.0f\n", is_gauge(v->string) ? "" : "_total", v->valuedouble);
}

static void put_metrics(const char *prefix, const cJSON *counters)
{
    const cJSON *v;

    cJSON_ArrayForEach(v, counters) if (cJSON_IsNumber(v)) put_metric(prefix, v);
}

static void put_gauge(const char *name, double value)
{
    printf("# TYPE %s gauge\n%s %.0f\n", name, name, value);
}

/* A label's value: backslash, quote and line end are escaped. */
static void put_label(const char *value)
{
    for (; *value; value++) {
        if (*value == '\n') {
            fputs("\\n", stdout);
            continue;
        }
        if (*value == '"' || *value == '\\')
            putchar('\\');
        putchar(*value);
    }
}

/* Of a counter of one of several clouds, "cloud.ot.link.sent": "link.sent"; else NULL. */
static const char *name_within(const cJSON *cloud, const char *counter)
{
    const char *name = ctl_string(cloud, "name");
    size_t n = strlen(name);

    return n > 0 && strncmp(counter, "cloud.", 6) == 0 && strncmp(counter + 6, name, n) == 0 && counter[6 + n] == '.'
               ? counter + 7 + n
               : NULL;
}

static const char *name_within_any(const cJSON *clouds, const char *counter)
{
    const cJSON *cloud;
    const char *within = NULL;

    cJSON_ArrayForEach(cloud, clouds) within = within ? within : name_within(cloud, counter);
    return within;
}

static void put_sample(const char *name, const cJSON *cloud, double value)
{
    put_name("miio_client_", name);
    fputs(is_gauge(name) ? "{cloud=\"" : "_total{cloud=\"", stdout);
    put_label(ctl_string(cloud, "name"));
    printf("\"} %.0f\n", value);
}

/* The samples of one counter from all clouds together, with the cloud as label. */
static void put_family(const cJSON *counters, const cJSON *clouds, const char *within)
{
    char name[96];
    const cJSON *cloud, *v;

    snprintf(name, sizeof name, "cloud.%s", within);
    put_type("miio_client_", name);
    cJSON_ArrayForEach(cloud, clouds)
    {
        cJSON_ArrayForEach(v, counters)
        {
            const char *its = name_within(cloud, v->string);

            if (its && strcmp(its, within) == 0)
                put_sample(name, cloud, v->valuedouble);
        }
    }
}

static bool stands_before(const cJSON *counters, const cJSON *clouds, const cJSON *v, const char *within)
{
    const cJSON *other;

    cJSON_ArrayForEach(other, counters)
    {
        const char *its = name_within_any(clouds, other->string);

        if (other == v)
            return false;
        if (its && strcmp(its, within) == 0)
            return true;
    }
    return false;
}

static void put_client_metrics(const cJSON *counters, const cJSON *clouds)
{
    const cJSON *v;

    cJSON_ArrayForEach(v, counters)
    {
        const char *within = name_within_any(clouds, v->string);

        if (!cJSON_IsNumber(v) || (within && stands_before(counters, clouds, v, within)))
            continue;
        if (within)
            put_family(counters, clouds, within);
        else
            put_metric("miio_client_", v);
    }
}

static void put_clouds(const cJSON *clouds)
{
    const cJSON *cloud;

    puts("# TYPE miio_cloud_connected gauge");
    cJSON_ArrayForEach(cloud, clouds)
    {
        fputs("miio_cloud_connected{cloud=\"", stdout);
        put_label(ctl_string(cloud, "name"));
        printf("\"} %d\n", strcmp(ctl_string(cloud, "state"), "cloud_connected") == 0);
    }
}

static int print_prom(struct ctl *ctl)
{
    ag_cleanup(report_deinit) struct report r = {.why = ""};
    ag_cleanup(ctl_delete_json) cJSON *counters = NULL;
    int e = report_ask(ctl, &r);

    if (e != CTL_OK)
        return e;
    put_metrics("miio_agent_", r.stats_json);
    put_gauge("miio_agent_up_seconds", ctl_number(r.info_json, "uptime_ms") / 1000);
    put_gauge("miio_agent_peers", ctl_number(r.info_json, "peers"));
    put_gauge("miio_client_up", r.status_json != NULL);
    if (r.status_json) {
        counters = cJSON_Parse(r.counters ? r.counters : "{}");
        put_client_metrics(counters, cJSON_GetObjectItemCaseSensitive(r.status_json, "clouds"));
        put_gauge("miio_client_up_seconds", ctl_number(r.status_json, "uptime_s"));
        put_clouds(cJSON_GetObjectItemCaseSensitive(r.status_json, "clouds"));
    }
    puts("# EOF");
    return CTL_OK;
}

/* ---- the agent's own ---- */

static int print_table(struct ctl *ctl)
{
    ag_cleanup(ctl_free_text) char *text = NULL;
    ag_cleanup(ctl_delete_json) cJSON *stats = NULL;
    const cJSON *v;
    int r = ctl_ask_text(ctl, "agent.stats", NULL, &text);

    if (r != CTL_OK)
        return r;
    if (ctl->json) {
        ctl_write_line(stdout, text);
        return CTL_OK;
    }
    stats = cJSON_Parse(text);
    cJSON_ArrayForEach(v, stats)
    {
        bool zero = v->valuedouble == 0;

        printf("%s%-26s %14.0f%s\n", zero ? ctl_dim(ctl) : "", v->string, v->valuedouble, zero ? ctl_plain(ctl) : "");
    }
    return CTL_OK;
}

int ctl_stats(struct ctl *ctl, int argc, char **argv)
{
    static const struct ag_option rows[] = {{.name = "prom", .letter = 'p', .kind = AG_OPTION_FLAG, .size = sizeof(bool)}};
    bool prom = false;
    int r = ctl_options(rows, ag_array_size(rows), AG_WORDS_ANYWHERE, argc, argv, &prom);

    if (r == CTL_OK)
        r = argc == optind ? ctl_connect(ctl) : CTL_USAGE;
    if (r != CTL_OK)
        return r;
    return prom ? print_prom(ctl) : print_table(ctl);
}
