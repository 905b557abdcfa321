/* SPDX-License-Identifier: MIT */
/*
 * Bare libmosquitto, one thread.
 *   mqtt_floor pub PORT N WINDOW [NAME=PID ...]           N messages of a report's size at QoS 1
 *   mqtt_floor cmd PORT DID K release|release_lifo [NAME=PID ...]
 *          K commands "hold" to the device, then one that has them answered; time until all answers have come
 *   mqtt_floor wait PORT DID N [NAME=PID ...]             time from the first to the Nth report that comes
 */
#include <mosquitto.h>
#include <unistd.h>
#include "tests/bench/client/wire.h"

static long total, window, sent, acked;
static uint64_t first, last;
static char topic[96];
static struct watched wa[8];
static int n_w;

static void more(struct mosquitto *m)
{
    while (sent < total && sent - acked < window) {
        char text[128];
        int n = snprintf(text, sizeof text, "{\"id\":%lu,\"method\":\"event.bench\",\"params\":[%ld]}", 3000000000u + sent, sent);

        mosquitto_publish(m, NULL, topic, n, text, 1, false);
        sent++;
    }
}

static void on_publish(struct mosquitto *m, void *user, int mid)
{
    (void) user, (void) mid;
    acked++;
    more(m);
}

static void on_message(struct mosquitto *m, void *user, const struct mosquitto_message *msg)
{
    (void) m, (void) user, (void) msg;
    last = now_ns();
    if (acked++ == 0) {
        first = last;
        watch_begin(wa, n_w);
    }
}

int main(int argc, char **argv)
{
    struct mosquitto *m;
    const char *what = argc > 4 ? argv[1] : "";
    int is_pub = strcmp(what, "pub") == 0, is_cmd = strcmp(what, "cmd") == 0 && argc > 5;
    uint64_t t0, quiet;
    char text[128];

    mosquitto_lib_init();
    m = mosquitto_new(NULL, true, NULL);
    mosquitto_max_inflight_messages_set(m, 0);
    if (!m || mosquitto_connect(m, "127.0.0.1", atoi(argv[2]), 60) != 0)
        return perror("connect"), 1;
    for (int i = 0; i < 5; i++)
        mosquitto_loop(m, 20, 1);
    for (int i = is_cmd ? 6 : 5; i < argc; i++)
        watch_add(wa, &n_w, argv[i]);
    if (is_pub) {
        total = atol(argv[3]), window = atol(argv[4]);
        watch_add(wa, &n_w, (snprintf(text, sizeof text, "self=%d", getpid()), text));
        snprintf(topic, sizeof topic, "miio/87654321/report");
        mosquitto_publish_callback_set(m, on_publish);
        watch_begin(wa, n_w);
        t0 = now_ns();
        more(m);
        while (acked < total)
            mosquitto_loop(m, 1000, 1);
        printf("rps=%.0f", (double) total * 1e9 / (double) (now_ns() - t0));
        watch_print(wa, n_w, (double) total);
        putchar('\n');
        return 0;
    }
    mosquitto_message_callback_set(m, on_message);
    snprintf(topic, sizeof topic, is_cmd ? "miio/%s/command_ack" : "miio/%s/report", argv[3]);
    mosquitto_subscribe(m, NULL, topic, 1);
    for (int i = 0; i < 10; i++)
        mosquitto_loop(m, 20, 1);
    total = atol(argv[4]);
    fputs("subscribed\n", stderr);
    if (is_cmd) {
        snprintf(topic, sizeof topic, "miio/%s/command", argv[3]);
        for (long i = 0; i < total; i++) {
            int n = snprintf(text, sizeof text, "{\"id\":%ld,\"method\":\"hold\",\"params\":[]}", i + 1);

            mosquitto_publish(m, NULL, topic, n, text, 0, false);
            mosquitto_loop(m, 0, 1);
            if (i % 32 == 31)
                usleep(5000);
        }
        for (quiet = now_ns(); now_ns() - quiet < 500000000u;)
            mosquitto_loop(m, 20, 1);
        if (acked)
            fprintf(stderr, "%ld answers before the release\n", acked);
        acked = 0;
        watch_begin(wa, n_w);
        first = last = now_ns();
        acked = 1;  /* so that the first answer does not start over */
        total += 2; /* and the release's own */
        int n = snprintf(text, sizeof text, "{\"id\":%ld,\"method\":\"%s\",\"params\":[]}", total + 1, argv[5]);
        mosquitto_publish(m, NULL, topic, n, text, 0, false);
    }
    for (quiet = now_ns(); acked < total && now_ns() - quiet < 30000000000u;)
        mosquitto_loop(m, 100, 1);
    printf("got=%ld us_each=%.2f", acked - (is_cmd ? 2 : 0), (double) (last - first) / 1e3 / (double) total);
    watch_print(wa, n_w, (double) total);
    putchar('\n');
    return acked < total;
}
