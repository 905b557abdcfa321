/* SPDX-License-Identifier: MIT */
/*
 * replay: the messages of a recording, sent again one after the other in their order: commands as if from the cloud,
 * requests and reports upward as this program's own. With --assert each answer must equal the recorded one, number by
 * number as written, members in any order.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/ctl/ctl.h"
#include "libagent/core/buf.h"
#include "libagent/core/grow.h"
#include "libagent/core/json/json_walk.h"

enum { DEPTH_MAX = 256 };

enum kind { KIND_COMMAND, KIND_REQUEST, KIND_REPORT, KIND_ANSWER, KIND_OTHER };

/* A line of the recording. Spans point into line. */
struct event {
    char *line;
    enum kind kind;
    bool from_client;              /* miio_client sent it, not an application */
    bool by_agent;                 /* the agent's own answer */
    struct ag_json_value text, id; /* the message; the id under which its sender knows it */
};

struct replay {
    struct ctl *ctl;
    const char *path;
    struct event *events;
    size_t n_events, cap;
    bool assert, commands_only;
    unsigned sent[KIND_OTHER], same, different, failed, skipped;
};

static void close_file(FILE **f)
{
    if (*f)
        fclose(*f);
}

static enum kind kind_of(struct ag_json_value v)
{
    static const char *const names[] = {[KIND_COMMAND] = "\"command\"",
                                        [KIND_REQUEST] = "\"request\"",
                                        [KIND_REPORT] = "\"report\"",
                                        [KIND_ANSWER] = "\"answer\""};

    for (unsigned i = 0; i < ag_array_size(names); i++)
        if (ag_span_is(v.raw, names[i], strlen(names[i])))
            return (enum kind) i;
    return KIND_OTHER;
}

/* Takes line over when it is an event. */
static bool read_event(char *line, struct event *e)
{
    struct ag_span s = {line, strlen(line)};
    struct ag_json_view view;
    struct ag_json_value v = {AG_JSON_OBJECT, s};

    if (ag_json_parse(&s, DEPTH_MAX, &view) != 0)
        return false;
    v.raw = s;
    *e = (struct event){.line = line, .kind = kind_of(ag_json_member(v, "kind")), .text = ag_json_member(v, "text")};
    if (e->text.type != AG_JSON_OBJECT) { /* too large for the monitor: only its size is given */
        e->kind = KIND_OTHER;
        return true;
    }
    e->by_agent = ag_json_member(v, "by").type != AG_JSON_NONE;
    e->from_client = ag_span_eq(ag_json_member(v, "from").raw, "0");
    e->id = ag_json_member(v, "id");
    if (e->id.type == AG_JSON_NONE)
        e->id = ag_json_member(e->text, "id");
    return true;
}

static int load(struct replay *p)
{
    ag_cleanup(close_file) FILE *f = fopen(p->path, "re");
    ag_cleanup(ctl_free_text) char *line = NULL;
    size_t room = 0;
    unsigned n = 0;

    if (!f) {
        ctl_error("%s: %s", p->path, strerror(errno));
        return CTL_FAILED;
    }
    while (getline(&line, &room, f) > 0) {
        n++;
        if (line[strspn(line, " \t\r\n")] == '\0')
            continue;
        if (AG_GROW(p->events, p->cap, p->n_events + 1) < 0) {
            ctl_error("%s: out of memory", p->path);
            return CTL_FAILED;
        }
        if (!read_event(line, &p->events[p->n_events])) {
            ctl_error("%s: line %u: not an event as miioctl monitor -w writes it", p->path, n);
            return CTL_FAILED;
        }
        p->n_events++;
        line = NULL;
        room = 0;
    }
    return CTL_OK;
}

/* ---- comparing ---- */

static bool same_string(struct ag_span a, struct ag_span b)
{
    ag_cleanup(ctl_free_text) char *x = malloc(a.len), *y = malloc(b.len);
    long n = x ? ag_json_unescape(a, x, a.len) : -1;

    return ag_span_is(a, b.p, b.len) || (n >= 0 && y && ag_json_unescape(b, y, b.len) == n && memcmp(x, y, (size_t) n) == 0);
}

static bool same_value(struct ag_json_value a, struct ag_json_value b);

static bool same_array(struct ag_json_value a, struct ag_json_value b)
{
    struct ag_json_value x, y;
    struct ag_json_walk v, w;
    struct ag_span key;

    ag_json_walk_begin(&v, a);
    ag_json_walk_begin(&w, b);
    while (ag_json_walk_next(&v, &key, &x))
        if (!ag_json_walk_next(&w, &key, &y) || !same_value(x, y))
            return false;
    return !ag_json_walk_next(&w, &key, &y);
}

static bool same_object(struct ag_json_value a, struct ag_json_value b)
{
    struct ag_json_value x, y;
    struct ag_json_walk v, w;
    struct ag_span key, other;

    if (ag_json_count(a) != ag_json_count(b))
        return false;
    for (ag_json_walk_begin(&v, a); ag_json_walk_next(&v, &key, &x);) {
        bool found = false;

        for (ag_json_walk_begin(&w, b); !found && ag_json_walk_next(&w, &other, &y);)
            found = same_string(key, other) && same_value(x, y);
        if (!found)
            return false;
    }
    return true;
}

/* As deep as the scanner allows. */
static bool same_value(struct ag_json_value a, struct ag_json_value b)
{
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case AG_JSON_OBJECT:
        return same_object(a, b);
    case AG_JSON_ARRAY:
        return same_array(a, b);
    case AG_JSON_STRING:
        return same_string(a.raw, b.raw);
    default:
        return ag_span_is(a.raw, b.raw.p, b.raw.len);
    }
}

/* The answer recorded for this event: the next one to its id; to a request it comes from above, to a command from an
   application. */
static const struct event *recorded_answer(const struct replay *p, const struct event *e)
{
    for (const struct event *a = e + 1; a < p->events + p->n_events; a++)
        if (a->kind == KIND_ANSWER && (a->by_agent || a->from_client == (e->kind == KIND_REQUEST)) &&
            ag_span_is(a->id.raw, e->id.raw.p, e->id.raw.len))
            return a;
    return NULL;
}

/* The value of an answer: of local.query_time it is in the params of local.time. */
static struct ag_json_value answer_value(struct ag_json_value text, int status)
{
    struct ag_json_value v = ag_json_member(text, status == 0 ? "result" : "error");

    return v.type == AG_JSON_NONE && status == 0 ? ag_json_member(text, "params") : v;
}

/* Answers that depend on the time can only be of the same kind. */
static bool tells_time(struct ag_json_value text)
{
    struct ag_span method = ag_json_member(text, "method").raw;

    return ag_span_eq(method, "\"local.time\"") || ag_span_eq(method, "\"local.resp_suspend\"");
}

static bool as_recorded(struct ag_json_value text, int status, struct ag_json_value now)
{
    struct ag_json_value then = answer_value(text, status);

    return tells_time(text) && status == 0 ? then.type == now.type : same_value(then, now);
}

static void judge(struct replay *p, const struct event *e, const char *method, int status, const char *text)
{
    const struct event *then = recorded_answer(p, e);
    struct ag_json_value now = ag_json_value_at(text, text ? text + strlen(text) : NULL);

    if (status != 0 && status != AGENT_E_REMOTE) {
        ctl_call_error(method, status, text);
        p->failed++;
        return;
    }
    if (p->ctl->json) {
        printf("{\"method\":\"%s\",\"%s\":", method, status == 0 ? "result" : "error");
        ctl_put_json(stdout, text);
        puts("}");
    } else {
        printf("%s %s\n", method, text);
    }
    if (!then) {
        if (p->assert && !p->ctl->json)
            printf("  (no answer was recorded)\n");
    } else if (as_recorded(then->text, status, now)) {
        p->same++;
    } else {
        p->different++;
        if (p->assert)
            ctl_error("%s: answer differs from the recorded %.*s", method, (int) then->text.raw.len, then->text.raw.p);
    }
}

/* ---- sending ---- */

/* A command goes through agent.call, which takes it as if it came from the cloud. */
static int send_command(struct replay *p, const struct event *e, const char *method, struct ag_span params)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf call = AG_BUF_INIT;
    ag_cleanup(ctl_free_text) char *answer = NULL;
    int r = ag_buf_printf(&call, "{\"method\":\"%s\"%s%.*s}", method, params.p ? ",\"params\":" : "", (int) params.len,
                          params.p ? params.p : "");

    if (r == 0)
        r = ag_buf_append_char(&call, '\0');
    if (r < 0)
        return r;
    if (e->id.type == AG_JSON_NONE)
        return agent_notify(p->ctl->conn, "agent.call", ag_buf_head(&call));
    r = agent_call_sync(p->ctl->conn, "agent.call", ag_buf_head(&call), p->ctl->timeout_ms, &answer);
    judge(p, e, method, r, answer);
    return 0;
}

static int send_upward(struct replay *p, const struct event *e, const char *method, struct ag_span params)
{
    ag_cleanup(ctl_free_text) char *text = params.p ? strndup(params.p, params.len) : NULL, *answer = NULL;
    int r;

    if (params.p && !text)
        return -ENOMEM;
    if (e->kind == KIND_REPORT)
        return agent_notify(p->ctl->conn, method, text);
    r = agent_call_sync(p->ctl->conn, method, text, p->ctl->timeout_ms, &answer);
    judge(p, e, method, r, answer);
    return 0;
}

/* One that a program would use, and that can be printed as it is. */
static bool is_plain_name(const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char) name[i] < ' ' || name[i] == '"' || name[i] == '\\')
            return false;
    return n > 0;
}

static void send_again(struct replay *p, const struct event *e)
{
    struct ag_json_value name = ag_json_member(e->text, "method"), params = ag_json_member(e->text, "params");
    char method[AGENT_METHOD_MAX + 1];
    long n = name.type == AG_JSON_STRING ? ag_json_unescape(name.raw, method, sizeof method - 1) : -1;
    int r;

    if (n <= 0 || !is_plain_name(method, (size_t) n)) {
        p->skipped++;
        return;
    }
    method[n] = '\0';
    p->sent[e->kind]++;
    r = e->kind == KIND_COMMAND ? send_command(p, e, method, params.raw) : send_upward(p, e, method, params.raw);
    if (r < 0) {
        ctl_call_error(method, r, NULL);
        p->failed++;
    }
}

static int send_all(struct replay *p)
{
    for (const struct event *e = p->events; e < p->events + p->n_events && !ctl_interrupted(); e++) {
        if (e->kind == KIND_COMMAND || (e->kind < KIND_ANSWER && !p->commands_only))
            send_again(p, e);
        else if (e->kind == KIND_OTHER)
            p->skipped++;
    }
    if (p->ctl->json)
        printf("{\"commands\":%u,\"requests\":%u,\"reports\":%u,\"left_out\":%u,\"same\":%u,\"different\":%u,\"failed\":%u}\n",
               p->sent[KIND_COMMAND], p->sent[KIND_REQUEST], p->sent[KIND_REPORT], p->skipped, p->same, p->different, p->failed);
    else
        printf("%u commands, %u requests, %u reports sent, %u left out; %u answers as recorded, %u different, %u failed\n",
               p->sent[KIND_COMMAND], p->sent[KIND_REQUEST], p->sent[KIND_REPORT], p->skipped, p->same, p->different, p->failed);
    return p->failed || (p->assert && p->different) ? CTL_FAILED : CTL_OK;
}

int ctl_replay(struct ctl *ctl, int argc, char **argv)
{
    static const struct ag_option rows[] = {
        {.name = "assert", .letter = 'a', .kind = AG_OPTION_FLAG, AG_OPTION_FIELD(struct replay, assert)},
        {.name = "commands", .letter = 'c', .kind = AG_OPTION_FLAG, AG_OPTION_FIELD(struct replay, commands_only)},
    };
    struct replay p = {.ctl = ctl};
    int r = ctl_options(rows, ag_array_size(rows), AG_WORDS_ANYWHERE, argc, argv, &p);

    if (r != CTL_OK || argc - optind != 1)
        return CTL_USAGE;
    p.path = argv[optind];
    r = load(&p);
    if (r == CTL_OK)
        r = ctl_connect(ctl);
    if (r == CTL_OK)
        r = send_all(&p);
    for (size_t i = 0; i < p.n_events; i++)
        free(p.events[i].line);
    free(p.events);
    return r;
}
