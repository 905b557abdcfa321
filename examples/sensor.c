/* SPDX-License-Identifier: MIT */
/*
 * A sensor: reports temperature and humidity every few seconds, and at once when somebody sends "measure".
 *
 *     ./example_sensor [--agent ADDRESS] [--name NAME] [--interval MS] [--count N]
 */
#include <agent/agent.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct sensor {
    agent_conn *conn;
    const char *name;
    int interval_ms;
    int n_left; /* reports still to send; negative: for ever */
    int n_sent;
};

static void report(struct sensor *s)
{
    double temperature = 20 + s->n_sent % 50 / 10.0; /* a sawtooth stands for the chip */
    int humidity = 40 + s->n_sent % 20;
    int r = agent_reportf(s->conn, "props", NULL, NULL, "{%s:%.1f,%s:%d}", "temperature", temperature, "humidity", humidity);

    printf("%s: %.1f degrees, %d %%%s%s\n", s->name, temperature, humidity, r < 0 ? ": " : "", r < 0 ? agent_strerror(r) : "");
    fflush(stdout);
    s->n_sent++;
}

static int on_measure(agent_request *req, void *user)
{
    report((struct sensor *) user);
    return agent_reply(req, NULL);
}

/* The beat. */
static void on_beat(agent_conn *conn, void *user)
{
    struct sensor *s = (struct sensor *) user;

    if (agent_get_state(conn) != AGENT_READY)
        return; /* no agent, no report */
    report(s);
    s->n_left -= s->n_left > 0;
    if (s->n_left == 0)
        agent_stop(conn, 0);
}

static struct sensor sensor = {NULL, "sensor", 2000, -1, 0};

static void on_signal(int signum)
{
    (void) signum;
    agent_stop(sensor.conn, 0);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"agent", required_argument, NULL, 'a'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"interval", required_argument, NULL, 'i'},
                                            {"count", required_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    const char *address = NULL;
    int c, r;

    while ((c = getopt_long(argc, argv, "a:n:i:c:", options, NULL)) != -1) {
        if (c == 'a')
            address = optarg;
        else if (c == 'n')
            sensor.name = optarg;
        else if (c == 'i')
            sensor.interval_ms = atoi(optarg);
        else if (c == 'c')
            sensor.n_left = atoi(optarg);
        else
            return 2;
    }
    if (sensor.interval_ms < 1)
        return 2;
    r = agent_new(&sensor.conn);
    if (r >= 0) {
        signal(SIGTERM, on_signal);
        signal(SIGINT, on_signal);
        r = agent_subscribe(sensor.conn, NULL, "measure", on_measure, &sensor);
    }
    if (r >= 0)
        r = agent_timer(sensor.conn, NULL, (unsigned) sensor.interval_ms, (unsigned) sensor.interval_ms, on_beat, &sensor);
    if (r >= 0)
        r = agent_open(sensor.conn, address);
    if (r >= 0)
        r = agent_run(sensor.conn);
    if (r < 0)
        fprintf(stderr, "sensor: %s\n", agent_strerror(r));
    sensor.conn = agent_unref(sensor.conn);
    return r < 0;
}
