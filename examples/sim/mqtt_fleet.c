/* SPDX-License-Identifier: MIT */
/*
 * miio_sim cloud --kind mqtt: the fleet's side of the mqtt cloud. Prints what a device sends, one line a message ("report
 * {...}"), and publishes each line of standard input as a command. Starts a mosquitto unless one is named.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <mosquitto.h>
#include "examples/sim/broker.h"
#include "examples/sim/sim.h"
#include "examples/sim/wire/endpoint.h"
#include "examples/sim/sim_options.h"
#include "libagent/core/util.h"

enum { LINE_MAX_LEN = 65536, POLL_MS = 500 };

struct fleet {
    struct mosquitto *mosq;
    const char *did, *prefix;
    struct sim_endpoint at;
    struct sim_broker child;
    char topics[160], command[160]; /* "miio/<did>/#", "miio/<did>/command" */
    char line[LINE_MAX_LEN];
    size_t line_len;
    bool input_open;
};

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
    (void) number;
    ending = 1;
}

static void on_connect(struct mosquitto *m, void *user, int rc)
{
    struct fleet *f = user;

    if (rc == 0)
        mosquitto_subscribe(m, NULL, f->topics, 1);
}

static void on_message(struct mosquitto *m, void *user, const struct mosquitto_message *msg)
{
    struct fleet *f = user;
    const char *what = msg->topic + strlen(f->topics) - 1;

    (void) m;
    if (strcmp(what, "command") != 0) /* our own */
        printf("%s %.*s\n", what, msg->payloadlen, (const char *) msg->payload);
    fflush(stdout);
}

static void publish_lines(struct fleet *f)
{
    ssize_t n = read(0, f->line + f->line_len, sizeof f->line - f->line_len);
    char *end;

    if (n <= 0 || f->line_len + (size_t) n == sizeof f->line) {
        f->input_open = false; /* the end of input ends nothing; a line that is too long ends the input */
        return;
    }
    f->line_len += (size_t) n;
    while ((end = memchr(f->line, '\n', f->line_len))) {
        size_t len = (size_t) (end - f->line);

        if (len > 0)
            mosquitto_publish(f->mosq, NULL, f->command, (int) len, f->line, 2, false);
        f->line_len -= len + 1;
        memmove(f->line, end + 1, f->line_len);
    }
}

static int turn(struct fleet *f)
{
    struct pollfd fds[2] = {{.fd = mosquitto_socket(f->mosq), .events = POLLIN},
                            {.fd = f->input_open ? 0 : -1, .events = POLLIN}};
    int rc = MOSQ_ERR_SUCCESS;

    if (mosquitto_want_write(f->mosq))
        fds[0].events |= POLLOUT;
    if (poll(fds, 2, POLL_MS) < 0)
        return rc;
    if (fds[1].revents)
        publish_lines(f);
    if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
        rc = mosquitto_loop_read(f->mosq, 1);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_loop_write(f->mosq, 1);
    return rc == MOSQ_ERR_SUCCESS ? mosquitto_loop_misc(f->mosq) : rc;
}

static int serve(struct fleet *f)
{
    int rc = mosquitto_connect(f->mosq, f->at.host, f->at.port, 30);

    if (rc != MOSQ_ERR_SUCCESS) {
        fprintf(stderr, "miio_sim: broker: %s\n", mosquitto_strerror(rc));
        return SIM_RUNTIME;
    }
    printf("ready broker=%s:%u\n", f->at.host, f->at.port);
    fflush(stdout);
    while (!ending) {
        if (turn(f) != MOSQ_ERR_SUCCESS) {
            usleep(POLL_MS * 1000);
            mosquitto_reconnect(f->mosq);
        }
    }
    mosquitto_disconnect(f->mosq);
    return SIM_OK;
}

static void usage(FILE *out)
{
    fputs("usage: miio_sim cloud --kind mqtt --did N [--prefix miio] [--broker HOST:PORT]\n\n"
          "Without --broker a mosquitto is started; the ready line tells its address.\n"
          "Each line of standard input is published as a command: "
          "{\"id\":1,\"method\":\"set_power\",\"params\":[\"on\"]}\n",
          out);
}

static int take_broker(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    const char *why;

    (void) row;
    if (sim_endpoint_parse(value, 1883, &((struct fleet *) to)->at, &why) == 0)
        return 0;
    snprintf(reason, n, "%s", why);
    return -EINVAL;
}

static const struct ag_option rows[] = {
    SIM_TEXT("did", struct fleet, did),
    SIM_TEXT("prefix", struct fleet, prefix),
    SIM_OWN("broker", take_broker),
};

int sim_cloud_mqtt(int argc, char **argv)
{
    static struct fleet f = {.prefix = "miio", .input_open = true}; /* large, and gone with the process */
    int r = sim_options("cloud --kind mqtt", usage, rows, ag_array_size(rows), AG_WORDS_NONE, argc, argv, &f);

    if (r >= 0)
        return r;
    if (!f.did || strlen(f.did) > 32 || strlen(f.prefix) > 64) {
        usage(stderr);
        return SIM_USAGE;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    snprintf(f.topics, sizeof f.topics, "%s/%s/#", f.prefix, f.did);
    snprintf(f.command, sizeof f.command, "%s/%s/command", f.prefix, f.did);
    if (!f.at.port) {
        if (sim_broker_start(&f.child, "") < 0)
            return SIM_RUNTIME;
        f.at = (struct sim_endpoint){"127.0.0.1", f.child.port};
    }
    mosquitto_lib_init();
    f.mosq = mosquitto_new(NULL, true, &f);
    r = SIM_RUNTIME;
    if (f.mosq) {
        mosquitto_connect_callback_set(f.mosq, on_connect);
        mosquitto_message_callback_set(f.mosq, on_message);
        r = serve(&f);
    }
    mosquitto_destroy(f.mosq);
    mosquitto_lib_cleanup();
    sim_broker_stop(&f.child);
    return r;
}
