/*
 * A sensor: reports temperature and humidity every few seconds, and at once when somebody sends "measure".
 *
 *     ./example_sensor [--agent ADDRESS] [--name NAME] [--interval MS] [--count N]
 */
#include <agent/agent.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct sensor {
    agent_conn *conn;
    const char *name;
    int interval_ms;
    int n_left; /* reports still to send; negative: for ever */
    int n_sent;
    volatile sig_atomic_t done;
};

static void report(struct sensor *s)
{
    char text[96];
    int r;

    /* a sawtooth stands for the chip */
    snprintf(text, sizeof text, "{\"temperature\":%.1f,\"humidity\":%d}", 20 + s->n_sent % 50 / 10.0, 40 + s->n_sent % 20);
    r = agent_report_props(s->conn, text, NULL, NULL);
    printf("%s: props %s%s%s\n", s->name, text, r < 0 ? ": " : "", r < 0 ? agent_strerror(r) : "");
    fflush(stdout);
    s->n_sent++;
}

static int on_measure(agent_request *req, void *user)
{
    report((struct sensor *) user);
    return agent_reply(req, NULL);
}

static long long now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* A loop of its own, for the beat: agent_wait() takes a timeout. */
static int run(struct sensor *s)
{
    long long next = now_ms() + s->interval_ms;
    int r = 0;

    while (!s->done && s->n_left != 0 && r >= 0) {
        long long left = next - now_ms();

        r = agent_wait(s->conn, left > 0 ? (int) left : 0);
        if (r == 1)
            r = agent_process(s->conn);
        else if (r == -EINTR)
            r = 0; /* the signal handler has said what to do */
        if (now_ms() >= next && agent_get_state(s->conn) == AGENT_READY) {
            report(s);
            s->n_left -= s->n_left > 0;
            next += s->interval_ms;
        } else if (now_ms() >= next) {
            next = now_ms() + s->interval_ms; /* no agent, no report */
        }
    }
    return r;
}

static struct sensor sensor = {NULL, "sensor", 2000, -1, 0, 0};

static void on_signal(int signum)
{
    (void) signum;
    sensor.done = 1;
    agent_wake(sensor.conn);
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
        r = agent_open(sensor.conn, address);
    if (r >= 0)
        r = run(&sensor);
    if (r < 0)
        fprintf(stderr, "sensor: %s\n", agent_strerror(r));
    sensor.conn = agent_unref(sensor.conn);
    return r < 0;
}
