/* SPDX-License-Identifier: MIT */
/*
 * Applications over libagent.
 *   app serve ADDRESS                  "bench" is answered at once; "hold" is kept until "release" [] (oldest first)
 *                                      or "release_lifo" (newest first)
 *   app report ADDRESS N WINDOW KIND [NAME=PID ...]   KIND: event or props; N reports, WINDOW unacknowledged
 */
#include <agent/agent.h>
#include <unistd.h>
#include "tests/bench/client/wire.h"

static agent_request *held[8192];
static int n_held;

static int on_bench(agent_request *req, void *user)
{
    (void) user;
    agent_reply(req, NULL);
    return 0;
}

static int on_hold(agent_request *req, void *user)
{
    (void) user;
    if (n_held < 8192)
        held[n_held++] = agent_request_ref(req);
    return 0;
}

static int on_count(agent_request *req, void *user)
{
    char text[32];

    (void) user;
    snprintf(text, sizeof text, "[%d]", n_held);
    agent_reply(req, text);
    return 0;
}

static int on_release(agent_request *req, void *lifo)
{
    for (int i = 0; i < n_held; i++) {
        int k = lifo ? n_held - 1 - i : i;

        agent_reply(held[k], NULL);
        agent_request_unref(held[k]);
    }
    n_held = 0;
    agent_reply(req, NULL);
    return 0;
}

static long total, window, sent, acked, n_failed, n_queued;
static int props, n_w;
static uint64_t t0;
static struct watched wa[8];

static void on_ack(agent_conn *conn, int status, const char *result, const char *error, void *user);

static void more(agent_conn *conn)
{
    while (sent < total && sent - acked < window) {
        char text[64];

        snprintf(text, sizeof text, props ? "{\"bright\":%ld}" : "[%ld]", sent);
        if ((props ? agent_report_props(conn, text, on_ack, NULL) : agent_report_event(conn, "bench", text, on_ack, NULL)) < 0)
            return;
        sent++;
    }
}

static void on_ack(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) user;
    acked++;
    n_failed += status != 0;
    if (status != 0 && n_failed < 4)
        fprintf(stderr, "status %d %s\n", status, error ? error : "");
    n_queued += status == 0 && result && strstr(result, "queued");
    if (acked == total)
        agent_stop(conn, 0);
    else
        more(conn);
}

int main(int argc, char **argv)
{
    agent_conn *conn = NULL;
    int serve = argc > 2 && strcmp(argv[1], "serve") == 0, report = argc > 5 && strcmp(argv[1], "report") == 0, r;

    if (!serve && !report)
        return 2;
    r = agent_new(&conn);
    if (r >= 0)
        r = agent_open(conn, argv[2]);
    if (serve) {
        static int yes = 1;

        agent_subscribe(conn, NULL, "bench", on_bench, NULL);
        agent_subscribe(conn, NULL, "hold", on_hold, NULL);
        agent_subscribe(conn, NULL, "count", on_count, NULL);
        agent_subscribe(conn, NULL, "release", on_release, NULL);
        agent_subscribe(conn, NULL, "release_lifo", on_release, &yes);
        while (agent_get_state(conn) < AGENT_READY && agent_wait(conn, 1000) >= 0)
            agent_process(conn);
        puts("ready");
        fflush(stdout);
        return agent_run(conn) < 0;
    }
    total = atol(argv[3]);
    window = atol(argv[4]);
    props = strcmp(argv[5], "props") == 0;
    watch_add(wa, &n_w, "app=self");
    wa[0].pid = getpid();
    for (int i = 6; i < argc; i++)
        watch_add(wa, &n_w, argv[i]);
    while (agent_get_state(conn) < AGENT_CONNECTED && agent_wait(conn, 1000) >= 0)
        agent_process(conn);
    watch_begin(wa, n_w);
    t0 = now_ns();
    more(conn);
    r = agent_run(conn);
    printf("rps=%.0f failed=%ld queued=%ld", (double) total * 1e9 / (double) (now_ns() - t0), n_failed, n_queued);
    watch_print(wa, n_w, (double) total);
    putchar('\n');
    agent_unref(conn);
    return r < 0;
}
