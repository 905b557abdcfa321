/* SPDX-License-Identifier: MIT */
#include "agent/ctl/report.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- other clients of the same device ---- */

/* The process' command line as arguments; what cannot be read is empty. */
static size_t read_args(const char *pid, char *out, size_t n)
{
    char path[64];
    ssize_t got = -1;
    int fd;

    snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        got = read(fd, out, n - 1);
        close(fd);
    }
    got = got < 0 ? 0 : got;
    out[got] = '\0';
    return (size_t) got;
}

static bool is_client(const char *args)
{
    const char *name = strrchr(args, '/');

    return strcmp(name ? name + 1 : args, "miio_client") == 0;
}

/* The data directory, if the command line names it; it may be relative. */
static const char *dir_of(const char *args, size_t n)
{
    for (const char *a = args; a < args + n; a += strlen(a) + 1) {
        if (strcmp(a, "-d") == 0 || strcmp(a, "--datadir") == 0)
            return a + strlen(a) + 1 < args + n ? a + strlen(a) + 1 : "";
        if (strncmp(a, "--datadir=", 10) == 0)
            return a + 10;
        if (strncmp(a, "-d", 2) == 0)
            return a + 2;
    }
    return "/etc/miio";
}

static bool real_dir(const char *pid, const char *dir, char out[PATH_MAX])
{
    char path[PATH_MAX];
    int n = dir[0] == '/' ? snprintf(path, sizeof path, "%s", dir) : snprintf(path, sizeof path, "/proc/%.20s/cwd/%s", pid, dir);

    return n > 0 && n < (int) sizeof path && realpath(path, out);
}

/* A client's own children have its command line until they have become hooks. */
static bool is_child_of(const char *pid, double parent)
{
    char path[64], line[256] = "";
    const char *end;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    f = fopen(path, "re");
    if (!f)
        return false;
    if (!fgets(line, sizeof line, f))
        line[0] = '\0';
    fclose(f);
    end = strrchr(line, ')');
    return end && strlen(end) > 4 && atof(end + 4) == parent;
}

static bool is_twin(const char *pid, const cJSON *status)
{
    char args[4096], real[PATH_MAX], own[PATH_MAX];
    size_t n = read_args(pid, args, sizeof args);

    return n > 0 && is_client(args) && atof(pid) != ctl_number(status, "pid") && !is_child_of(pid, ctl_number(status, "pid")) &&
           real_dir(pid, dir_of(args, n), real) && realpath(ctl_string(status, "dir"), own) && strcmp(real, own) == 0;
}

static unsigned count_twins(const cJSON *status)
{
    DIR *proc = opendir("/proc");
    const struct dirent *e;
    unsigned n = 0;

    while (proc && (e = readdir(proc)))
        n += isdigit((unsigned char) e->d_name[0]) && is_twin(e->d_name, status);
    if (proc)
        closedir(proc);
    return n;
}

/* ---- asking ---- */

/* It answers from memory; an earlier version would pass the question on to its cloud. */
enum { CLIENT_MS = 2000 };

/* Of the client through the agent: a failure is a finding, not an end. */
static char *ask_client(struct ctl *ctl, const char *method, char *why, size_t n)
{
    char *text = NULL;
    unsigned ms = ctl->timeout_ms < CLIENT_MS ? ctl->timeout_ms : CLIENT_MS;
    int r = agent_call_sync(ctl->conn, method, NULL, ms, &text);

    if (r == 0)
        return text;
    snprintf(why, n, "%s: %s", method, r == AGENT_E_REMOTE && text ? text : agent_strerror(r));
    free(text);
    return NULL;
}

int report_ask(struct ctl *ctl, struct report *r)
{
    int e;

    *r = (struct report){.why = ""};
    e = ctl_ask_text(ctl, "agent.info", NULL, &r->info);
    if (e == CTL_OK)
        e = ctl_ask_text(ctl, "agent.stats", NULL, &r->stats);
    if (e == CTL_OK)
        e = ctl_ask_text(ctl, "agent.peers", NULL, &r->peers);
    if (e != CTL_OK)
        return e;
    r->info_json = cJSON_Parse(r->info);
    r->stats_json = cJSON_Parse(r->stats);
    r->peers_json = cJSON_Parse(r->peers);
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(r->info_json, "upstream"))) {
        r->status = ask_client(ctl, "client.status", r->why, sizeof r->why);
        if (r->status)
            r->counters = ask_client(ctl, "client.counters", r->why, sizeof r->why);
        r->status_json = r->status ? cJSON_Parse(r->status) : NULL;
    }
    if (r->status_json)
        r->n_twins = count_twins(r->status_json);
    return CTL_OK;
}

void report_deinit(struct report *r)
{
    free(r->info);
    free(r->stats);
    free(r->peers);
    free(r->status);
    free(r->counters);
    cJSON_Delete(r->info_json);
    cJSON_Delete(r->stats_json);
    cJSON_Delete(r->peers_json);
    cJSON_Delete(r->status_json);
}
