/* SPDX-License-Identifier: MIT */
/*
 * Bare libmosquitto, one thread.
 *   mqtt_floor pub PORT N WINDOW [NAME=PID ...]           N messages of a report's size at QoS 1
 *   mqtt_floor gate PORT TCPPORT
 *          the texts of an application behind a relay on TCP (floor report), at QoS 1; answered when the broker has acknowledged
 *   mqtt_floor cmd PORT DID K release|release_lifo [NAME=PID ...]
 *          K commands "hold" to the device, then one that has them answered; time until all answers have come
 *   mqtt_floor wait PORT DID N [NAME=PID ...]             time from the first to the Nth report that comes
 */
#include <arpa/inet.h>
#include <mosquitto.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
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

/* ---- gate ---- */

static unsigned long asked[65536]; /* by the packet's id */
static char answers[1 << 18];
static size_t n_answers;

static void on_gate_publish(struct mosquitto *m, void *user, int mid)
{
    (void) m, (void) user;
    n_answers +=
        (size_t) snprintf(answers + n_answers, sizeof answers - n_answers, "{\"id\":%lu,\"result\":[\"ok\"]}\n", asked[mid]);
}

static int relay_connected(const char *port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t) atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;

    for (int i = 0; i < 100; i++) { /* the relay listens for this end once the application is there */
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(fd, (struct sockaddr *) &a, sizeof a) == 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            return fd;
        }
        close(fd);
        usleep(20000);
    }
    perror("connect"), exit(1);
}

static void publish_lines(struct mosquitto *m, char *in, size_t *have)
{
    char *nl, *s = in;

    while ((nl = memchr(s, '\n', *have - (size_t) (s - in)))) {
        const char *id = memmem(s, (size_t) (nl - s), "\"id\":", 5);
        int mid = 0;

        mosquitto_publish(m, &mid, topic, (int) (nl - s), s, 1, false);
        asked[mid] = id ? strtoul(id + 5, NULL, 10) : 0;
        s = nl + 1;
    }
    *have -= (size_t) (s - in);
    memmove(in, s, *have);
}

static int run_gate(struct mosquitto *m, const char *tcp)
{
    static char in[65536];
    struct pollfd f[2] = {{mosquitto_socket(m), POLLIN, 0}, {-1, POLLIN, 0}};
    size_t have = 0;
    int t;

    mosquitto_publish_callback_set(m, on_gate_publish);
    puts("ready");
    fflush(stdout);
    t = f[1].fd = relay_connected(tcp);
    for (;;) {
        f[0].events = mosquitto_want_write(m) ? POLLIN | POLLOUT : POLLIN;
        poll(f, 2, 1000);
        if (f[1].revents) {
            ssize_t n = recv(t, in + have, sizeof in - have, 0);

            if (n <= 0)
                return 0;
            have += (size_t) n;
            publish_lines(m, in, &have);
        }
        if (f[0].revents & POLLIN)
            mosquitto_loop_read(m, 64);
        if (f[0].revents & POLLOUT)
            mosquitto_loop_write(m, 1);
        mosquitto_loop_misc(m);
        if (n_answers > 0)
            send(t, answers, n_answers, 0);
        n_answers = 0;
    }
}

int main(int argc, char **argv)
{
    struct mosquitto *m;
    const char *what = argc > 3 ? argv[1] : "";
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
    if (strcmp(what, "gate") == 0 || argc < 5) {
        snprintf(topic, sizeof topic, "miio/87654321/report");
        return strcmp(what, "gate") == 0 ? run_gate(m, argv[3]) : 2;
    }
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
