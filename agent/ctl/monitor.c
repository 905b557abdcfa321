/* SPDX-License-Identifier: MIT */
/* monitor: what the agent routes, on the terminal and into a file of one event a line. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "agent/ctl/events.h"
#include "agent/ctl/names.h"
#include "libagent/core/buf.h"
#include "libagent/core/log/local_time.h"

struct monitor {
    struct events events;
    const char *path;
    FILE *file;         /* NULL: no recording */
    bool enough;        /* as many as wanted have been seen: what comes in the same turn is left out */
    struct ag_buf keys; /* params of agent.monitor */
};

/* Peer 0 is upstream. */
static void print_peer(double id)
{
    if (id == 0)
        fputs("client", stdout);
    else
        printf("%.0f", id);
}

/* The agent puts "text" last, so it can be shown as it was, digit for digit. */
static void print_text(const struct ctl *ctl, const char *params)
{
    const char *at = strstr(params, "\"text\":");

    if (at) {
        at += strlen("\"text\":");
        printf(" %.*s", (int) (strlen(at) - 1), at);
        names_print_behind(ctl, at);
        putchar('\n');
    } else {
        at = strstr(params, "\"size\":");
        printf(" (%.*s bytes)\n", at ? (int) strspn(at + 7, "0123456789") : 1, at ? at + 7 : "?");
    }
}

static void print_event(const struct ctl *ctl, const cJSON *e, const char *params)
{
    time_t at = (time_t) (ctl_number(e, "at") / 1000);
    unsigned ms = (unsigned) (ctl_number(e, "at") - (double) at * 1000);
    const cJSON *to = cJSON_GetObjectItemCaseSensitive(e, "to"), *one;
    struct tm tm;
    char when[16];

    ag_local_time(at, &tm);
    strftime(when, sizeof when, "%H:%M:%S", &tm);
    printf("%s%s.%03u%s %s%-7s%s ", ctl_dim(ctl), when, ms, ctl_plain(ctl), ctl_bold(ctl), ctl_string(e, "kind"), ctl_plain(ctl));
    if (cJSON_GetObjectItemCaseSensitive(e, "by"))
        printf("%s%s%s", ctl_red(ctl), ctl_string(e, "by"), ctl_plain(ctl)); /* nobody sent it: the agent's own */
    else
        print_peer(ctl_number(e, "from"));
    fputs(" ->", stdout);
    if (cJSON_GetArraySize(to) == 0)
        printf(" %snobody%s", ctl_red(ctl), ctl_plain(ctl));
    cJSON_ArrayForEach(one, to)
    {
        putchar(' ');
        print_peer(one->valuedouble);
    }
    print_text(ctl, params);
}

static int on_event(agent_request *req, void *user)
{
    struct monitor *m = user;
    const char *params = agent_request_params(req);

    if (m->enough)
        return 0;
    if (m->file && !ctl_write_line(m->file, params)) {
        ctl_error("recording failed: %s", strerror(errno));
        agent_stop(m->events.ctl->conn, -EIO);
        return 0;
    }
    if (m->events.ctl->json) {
        ctl_write_line(stdout, params);
    } else {
        ag_cleanup(ctl_delete_json) cJSON *e = cJSON_Parse(params);

        print_event(m->events.ctl, e, params);
    }
    fflush(stdout);
    m->enough = events_seen(&m->events);
    return 0;
}

static int build_keys(struct ag_buf *b, int argc, char **argv)
{
    int r = ag_buf_append_str(b, argc ? "{\"keys\":[" : "{}");

    for (int i = 0; r == 0 && i < argc; i++) {
        r = i ? ag_buf_append_char(b, ',') : 0;
        if (r == 0)
            r = ag_buf_append_json_str(b, argv[i], strlen(argv[i]));
    }
    if (r == 0 && argc)
        r = ag_buf_append_str(b, "]}");
    return r == 0 && !ag_buf_cstr(b) ? -ENOMEM : r;
}

int ctl_monitor(struct ctl *ctl, int argc, char **argv)
{
    static const struct ag_option rows[] = {
        {.name = "write", .letter = 'w', .set = ctl_set_pointer, AG_OPTION_FIELD(struct monitor, path)},
        CTL_OPTION_COUNT(struct monitor, events.n_left),
        CTL_OPTION_TIME(struct monitor, events.time_ms),
    };
    struct monitor m = {.events = {.ctl = ctl, .word = "monitoring", .fn = on_event, .user = &m}};
    int r = ctl_options(rows, ag_array_size(rows), AG_WORDS_ANYWHERE, argc, argv, &m);

    if (r != CTL_OK)
        return r;
    if (build_keys(&m.keys, argc - optind, argv + optind) < 0)
        return CTL_FAILED;
    m.file = m.path ? fopen(m.path, "ae") : NULL;
    if (m.path && !m.file) {
        ctl_error("%s: %s", m.path, strerror(errno));
        r = CTL_FAILED;
    } else {
        m.events.params = ag_buf_head(&m.keys);
        r = events_follow(&m.events);
    }
    if (m.file && fclose(m.file) != 0 && r == CTL_OK) {
        ctl_error("%s: %s", m.path, strerror(errno));
        r = CTL_FAILED;
    }
    ag_buf_deinit(&m.keys);
    return r;
}
