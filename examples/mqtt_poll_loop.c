/* SPDX-License-Identifier: MIT */
/*
 * The MQTT API inside a loop of one's own: the program polls libmosquitto's socket beside its other descriptors (here a
 * timer that stands for a sensor). It reports a temperature once a second and asks the client for the time.
 *
 *     example_mqtt_poll_loop 127.0.0.1 1883
 */
#include <mosquitto.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
    (void) number;
    ending = 1;
}

static void on_connect(struct mosquitto *m, void *user, int rc)
{
    static const char query[] = "{\"id\":1,\"method\":\"local.query_time\",\"params\":\"\"}";

    (void) user;
    if (rc != 0)
        return;
    mosquitto_subscribe(m, NULL, "miio/report_ack", 1);
    mosquitto_subscribe(m, NULL, "local/miio_client_out", 1);
    mosquitto_publish(m, NULL, "local/miio_client_in", sizeof query - 1, query, 1, false);
}

static void on_message(struct mosquitto *m, void *user, const struct mosquitto_message *msg)
{
    (void) m;
    (void) user;
    printf("%s %.*s\n", msg->topic, msg->payloadlen, (const char *) msg->payload);
    fflush(stdout);
}

static void report_temperature(struct mosquitto *m, int n)
{
    char text[96];

    snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"props\",\"params\":{\"temperature\":%d}}", 100 + n, 20 + n % 5);
    mosquitto_publish(m, NULL, "miio/report", (int) strlen(text), text, 1, false);
}

/* One turn: reading, writing and keep-alive of libmosquitto are called when poll() says so. */
static int turn(struct mosquitto *m, int timer, int *n)
{
    struct pollfd fds[2] = {{.fd = mosquitto_socket(m), .events = POLLIN}, {.fd = timer, .events = POLLIN}};
    uint64_t ticks;
    int rc = MOSQ_ERR_SUCCESS;

    if (mosquitto_want_write(m))
        fds[0].events |= POLLOUT;
    if (poll(fds, 2, 1000) < 0)
        return MOSQ_ERR_SUCCESS; /* a signal */
    if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
        rc = mosquitto_loop_read(m, 1);
    if (rc == MOSQ_ERR_SUCCESS && (fds[0].revents & POLLOUT))
        rc = mosquitto_loop_write(m, 1);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_loop_misc(m);
    if ((fds[1].revents & POLLIN) && read(timer, &ticks, sizeof ticks) == sizeof ticks)
        report_temperature(m, (*n)++);
    return rc;
}

int main(int argc, char **argv)
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    int port = argc > 2 ? atoi(argv[2]) : 1883, timer, n = 0, rc;
    const struct itimerspec each_second = {{1, 0}, {1, 0}};
    struct mosquitto *m;

    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    mosquitto_lib_init();
    m = mosquitto_new(NULL, true, NULL);
    if (!m || timer < 0 || timerfd_settime(timer, 0, &each_second, NULL) != 0)
        return EXIT_FAILURE;
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_message_callback_set(m, on_message);
    rc = mosquitto_connect(m, host, port, 60);
    while (rc == MOSQ_ERR_SUCCESS && !ending)
        rc = turn(m, timer, &n);
    if (rc != MOSQ_ERR_SUCCESS)
        fprintf(stderr, "broker: %s\n", mosquitto_strerror(rc));
    mosquitto_destroy(m);
    mosquitto_lib_cleanup();
    close(timer);
    return rc == MOSQ_ERR_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
