/* SPDX-License-Identifier: MIT */
/*
 * libagent under remote control, for the system tests: reads one order a line on standard input, prints one line for
 * whatever happens. Orders:
 *
 *   subscribe KEY MODE ACTION   MODE shared|exclusive|standby, ACTION ok|echo|where|keep|fail
 *   unsubscribe KEY
 *   answer RESULT               the oldest kept command
 *   call METHOD PARAMS TIMEOUT | notify METHOD PARAMS | sync METHOD PARAMS
 *   bind ADDRESS | send ADDRESS METHOD PARAMS | status | time | open | close | quit
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/agent.h"

enum { KEYS_MAX = 256, KEPT_MAX = 64, LINE_LEN = 4 * 1024 * 1024 };

struct key {
    char name[AGENT_METHOD_MAX + 1];
    char action;
    agent_slot *slot;
};

static agent_conn *conn;
static struct key keys[KEYS_MAX];
static agent_request *kept[KEPT_MAX];
static size_t n_keys, n_kept;

static void say(const char *what, const char *a, long b, const char *c)
{
    printf("%s %s %ld %s\n", what, a, b, c);
    fflush(stdout);
}

static int on_request(agent_request *req, void *user)
{
    const struct key *k = user;

    say("command", agent_request_method(req), (long) agent_request_from(req), agent_request_params(req));
    switch (k->action) {
    case 'o':
        return agent_reply(req, NULL);
    case 'e':
        return agent_reply(req, agent_request_params(req));
    case 'w':
        return agent_request_origin(req) ? agent_replyf(req, "[%s]", agent_request_origin(req)) : agent_reply(req, "[null]");
    case 'k':
        if (n_kept < KEPT_MAX)
            kept[n_kept++] = agent_request_ref(req);
        return 0;
    default:
        return -1;
    }
}

static void on_registered(agent_slot *slot, int status, void *user)
{
    (void) slot;
    say("registered", ((struct key *) user)->name, status, "");
}

static void on_end(agent_conn *c, int status, const char *result, const char *error, void *user)
{
    (void) c;
    say("end", user, status, result ? result : error ? error : "-");
    free(user);
}

static void on_state(agent_conn *c, enum agent_state state, void *user)
{
    (void) c;
    (void) user;
    say("state", "", (long) state, "");
}

static void on_bound(agent_conn *c, uint32_t address, int status, void *user)
{
    char digits[16];

    (void) c;
    (void) user;
    snprintf(digits, sizeof digits, "%u", (unsigned) address);
    say("bound", digits, status, "");
}

static void on_status(agent_conn *c, const char *status, void *user)
{
    (void) c;
    (void) user;
    say("status", status, 0, "");
}

static void on_log(enum agent_log_level level, const char *text, void *user)
{
    (void) user;
    fprintf(stderr, "%d %s\n", (int) level, text);
}

static int subscribe(const char *name, const char *mode, const char *action)
{
    struct key *k = &keys[n_keys];
    enum agent_mode m = *mode == 'e' ? AGENT_EXCLUSIVE : strcmp(mode, "standby") == 0 ? AGENT_STANDBY : AGENT_SHARED;

    if (n_keys == KEYS_MAX || strlen(name) > AGENT_METHOD_MAX)
        return -E2BIG;
    strcpy(k->name, name);
    k->action = *action;
    n_keys++;
    return agent_subscribe_mode(conn, &k->slot, name, m, on_request, on_registered, k);
}

static int unsubscribe(const char *name)
{
    for (size_t i = 0; i < n_keys; i++)
        if (keys[i].slot && strcmp(keys[i].name, name) == 0)
            keys[i].slot = agent_slot_unref(keys[i].slot);
    return 0;
}

static int answer_oldest(const char *result)
{
    int r;

    if (n_kept == 0)
        return -ENOENT;
    r = agent_reply(kept[0], result);
    agent_request_unref(kept[0]);
    memmove(kept, kept + 1, --n_kept * sizeof kept[0]);
    return r;
}

static int sync_call(const char *method, const char *params)
{
    char *text = NULL;
    int r = agent_call_sync(conn, method, params, 5000, &text);

    say("sync", method, r, text ? text : "-");
    free(text);
    return 0;
}

static int query_time(void)
{
    int64_t t = 0;
    int r = agent_query_time(conn, &t);

    say("time", r < 0 ? "-" : "+", (long) t, "");
    return 0;
}

/* r is what the call said that was to free name in on_end(). */
static int with_name(int r, char *name)
{
    if (r < 0)
        free(name);
    return r;
}

static int start_call(const char *method, const char *params, const char *timeout)
{
    char *name = strdup(method);

    return with_name(agent_call(conn, NULL, method, params, (unsigned) atoi(timeout), on_end, name), name);
}

static int start_send(const char *to, const char *method, const char *params)
{
    char *name = strdup(method);

    return with_name(agent_send(conn, NULL, (uint32_t) strtoul(to, NULL, 10), method, params, 2000, on_end, name), name);
}

/* 1: leave */
static int obey(char *line)
{
    char *w[4] = {"", "", "", ""}, *save = NULL;
    int r = 0;

    for (int i = 0; i < 4; i++) {
        char *p = strtok_r(i ? NULL : line, "\t\n", &save);

        if (!p)
            break;
        w[i] = p;
    }
    if (strcmp(w[0], "subscribe") == 0)
        r = subscribe(w[1], w[2], w[3]);
    else if (strcmp(w[0], "unsubscribe") == 0)
        r = unsubscribe(w[1]);
    else if (strcmp(w[0], "answer") == 0)
        r = answer_oldest(w[1]);
    else if (strcmp(w[0], "call") == 0)
        r = start_call(w[1], w[2], w[3]);
    else if (strcmp(w[0], "notify") == 0)
        r = agent_notify(conn, w[1], w[2]);
    else if (strcmp(w[0], "sync") == 0)
        r = sync_call(w[1], w[2]);
    else if (strcmp(w[0], "bind") == 0)
        r = agent_bind(conn, (uint32_t) strtoul(w[1], NULL, 10), on_request, &keys[KEYS_MAX - 1]);
    else if (strcmp(w[0], "send") == 0)
        r = start_send(w[1], w[2], w[3]);
    else if (strcmp(w[0], "status") == 0)
        r = agent_follow_status(conn, NULL, on_status, NULL);
    else if (strcmp(w[0], "time") == 0)
        r = query_time();
    else if (strcmp(w[0], "close") == 0)
        agent_close(conn);
    else if (strcmp(w[0], "open") == 0)
        r = agent_open(conn, NULL);
    else if (strcmp(w[0], "quit") == 0)
        return 1;
    say("did", w[0], r, agent_strerror(r));
    return 0;
}

/* Every whole line of what has come. 1: leave */
static int on_input(void)
{
    static char buf[LINE_LEN];
    static size_t have;
    ssize_t n = read(STDIN_FILENO, buf + have, sizeof buf - have);
    char *end;

    if (n <= 0)
        return 1;
    have += (size_t) n;
    while ((end = memchr(buf, '\n', have))) {
        size_t len = (size_t) (end + 1 - buf);

        *end = '\0';
        if (obey(buf))
            return 1;
        have -= len;
        memmove(buf, buf + len, have);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int done = 0;

    keys[KEYS_MAX - 1].action = 'e';
    if (agent_new(&conn) < 0)
        return 1;
    if (argc > 1 && strcmp(argv[1], "--msgpack") == 0)
        agent_set_encoding(conn, AGENT_MSGPACK);
    agent_set_on_state(conn, on_state, NULL);
    agent_set_on_bound(conn, on_bound, NULL);
    agent_set_log(conn, on_log, AGENT_LOG_DEBUG, NULL);
    agent_set_reconnect(conn, 20, 500);
    puts("ready");
    fflush(stdout);
    while (!done) {
        struct pollfd p[2] = {{STDIN_FILENO, POLLIN, 0}, {agent_get_fd(conn), (short) agent_get_events(conn), 0}};

        poll(p, 2, agent_get_timeout_ms(conn));
        while (agent_process(conn) > 0)
            ;
        if (p[0].revents)
            done = on_input();
    }
    for (size_t i = 0; i < n_keys; i++)
        agent_slot_unref(keys[i].slot);
    conn = agent_unref(conn);
    while (n_kept > 0)
        agent_request_unref(kept[--n_kept]); /* requests outlive their connection */
    return 0;
}
