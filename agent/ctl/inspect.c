/* SPDX-License-Identifier: MIT */
/* list: one look at the agent. */
#include <stdio.h>
#include <string.h>
#include <getopt.h>
#include "agent/ctl/ctl.h"
#include "libagent/model/core/spec.h"
#include "agent/ctl/inspect.h"

/* ---- list ---- */

const char *inspect_name(const cJSON *peer, char *buf, size_t n)
{
    double pid = ctl_number(peer, "pid");
    char path[64];
    FILE *f;

    snprintf(buf, n, "-");
    if (pid <= 0)
        return buf;
    snprintf(path, sizeof path, "/proc/%.0f/comm", pid);
    f = fopen(path, "re");
    if (!f)
        return buf;
    if (fgets(buf, (int) n, f))
        buf[strcspn(buf, "\n")] = '\0';
    fclose(f);
    return buf;
}

static const char *number_or_dash(const cJSON *peer, const char *name, char *buf, size_t n)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(peer, name);

    if (cJSON_IsNumber(v))
        snprintf(buf, n, "%.0f", v->valuedouble);
    else
        snprintf(buf, n, "-");
    return buf;
}

static void print_keys(const cJSON *keys, const char *mark, double n_all)
{
    const cJSON *key;
    int n = 0;

    cJSON_ArrayForEach(key, keys)
    {
        printf(" %s%s", cJSON_GetStringValue(key) ? cJSON_GetStringValue(key) : "?", mark);
        n++;
    }
    if (n_all > n)
        printf(" and %.0f more", n_all - n);
}

static void print_peer(const cJSON *peer)
{
    const cJSON *standby = cJSON_GetObjectItemCaseSensitive(peer, "standby");
    char name[32], uid[24], pid[24], age[24];

    printf("%-5.0f %-16s %6s %7s %7s %8.0f %5.0f %5.0f %5.0f ", ctl_number(peer, "peer"), inspect_name(peer, name, sizeof name),
           number_or_dash(peer, "uid", uid, sizeof uid), number_or_dash(peer, "pid", pid, sizeof pid),
           ctl_age(ctl_number(peer, "age_ms"), age, sizeof age), ctl_number(peer, "queued"), ctl_number(peer, "requests"),
           ctl_number(peer, "commands"), ctl_number(peer, "address"));
    print_keys(cJSON_GetObjectItemCaseSensitive(peer, "keys"), "", ctl_number(peer, "n_keys") - cJSON_GetArraySize(standby));
    print_keys(standby, "(standby)", 0);
    putchar('\n');
}

/* For a command that argc arguments are too many for: what the agent answers to method. With --json it is printed as it came,
   and *answer_out stays NULL. */
static int ask_to_show(struct ctl *ctl, int argc, const char *method, cJSON **answer_out)
{
    ag_cleanup(ctl_free_text) char *text = NULL;
    int r = argc == 0 ? ctl_connect(ctl) : CTL_USAGE;

    if (r == CTL_OK)
        r = ctl_ask_text(ctl, method, NULL, &text);
    if (r != CTL_OK)
        return r;
    if (ctl->json)
        ctl_write_line(stdout, text);
    else
        *answer_out = cJSON_Parse(text);
    return CTL_OK;
}

/* ---- list -v ---- */

static void print_part(const struct ctl *ctl, unsigned siid, unsigned iid, const char *path)
{
    printf("        %u.%-4u %s%s%s\n", siid, iid, ctl_dim(ctl), path, ctl_plain(ctl));
}

/* What a method of the device model stands for: the properties or actions of the model. */
static void print_meaning(const struct ctl *ctl, const char *key)
{
    const struct model *m = ctl->model;
    unsigned access = strcmp(key, "get_properties") == 0 ? MODEL_READ : strcmp(key, "set_properties") == 0 ? MODEL_WRITE : 0;

    for (uint32_t i = 0; m && access && i < m->n_props; i++)
        if (m->props[i].access & access)
            print_part(ctl, model_prop_siid(m, &m->props[i]), m->props[i].iid, model_str(m, m->props[i].path));
    for (uint32_t i = 0; m && strcmp(key, "action") == 0 && i < m->n_actions; i++)
        print_part(ctl, model_call_siid(m, &m->actions[i]), m->actions[i].iid, model_str(m, m->actions[i].path));
}

static void print_key_lines(const struct ctl *ctl, const cJSON *keys, const char *mark)
{
    const cJSON *key;

    cJSON_ArrayForEach(key, keys)
    {
        const char *name = cJSON_GetStringValue(key);

        printf("      %s%s\n", name ? name : "?", mark);
        if (name)
            print_meaning(ctl, name);
    }
}

static void print_head(const struct ctl *ctl)
{
    printf("%s%-5s %-16s %6s %7s %7s %8s %5s %5s %5s  %s%s\n", ctl_bold(ctl), "PEER", "NAME", "UID", "PID", "AGE", "QUEUED",
           "REQS", "CMDS", "ADDR", "KEYS", ctl_plain(ctl));
}

int ctl_list(struct ctl *ctl, int argc, char **argv)
{
    static const struct ag_option rows[] = {{.name = "verbose", .letter = 'v', .kind = AG_OPTION_FLAG, .size = sizeof(bool)}};
    ag_cleanup(ctl_delete_json) cJSON *peers = NULL;
    const cJSON *peer;
    bool verbose = false;
    int r = ctl_options(rows, ag_array_size(rows), AG_WORDS_ANYWHERE, argc, argv, &verbose);

    if (r != CTL_OK)
        return r;
    r = ask_to_show(ctl, argc - optind, "agent.peers", &peers);
    if (r != CTL_OK || !peers)
        return r;
    print_head(ctl);
    cJSON_ArrayForEach(peer, peers)
    {
        print_peer(peer);
        if (verbose) {
            print_key_lines(ctl, cJSON_GetObjectItemCaseSensitive(peer, "keys"), "");
            print_key_lines(ctl, cJSON_GetObjectItemCaseSensitive(peer, "standby"), " (standby)");
        }
    }
    return CTL_OK;
}

/* ---- stats ---- */
