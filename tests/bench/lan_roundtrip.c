/* SPDX-License-Identifier: MIT */
/*
 * The price of a LAN request: a phone asks the device through miio_client, miio_agent and an application, and in turn a
 * bare UDP echo of the same datagram size. Phone, application and echo are threads of this program, so both ways pay for
 * the same wake-ups. Prints one JSON line; started by lan_roundtrip.py.
 *
 *     lan_roundtrip LAN_PORT AGENT_PORT DID TOKEN COUNT
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "client/lan/core/packet.h"
#include "libagent/core/json/json.h"

enum { WARM_UP = 200 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t) port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static int udp_to(unsigned port)
{
    struct sockaddr_in to = loopback(port);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *) &to, sizeof to) < 0)
        die("connect");
    return fd;
}

/* ---- the other ends ---- */

static void *echo_run(void *arg)
{
    int fd = *(int *) arg;
    char buf[2048];
    struct sockaddr_in from;

    for (;;) {
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(fd, buf, sizeof buf, 0, (struct sockaddr *) &from, &len);

        if (n < 0 || sendto(fd, buf, (size_t) n, 0, (struct sockaddr *) &from, len) < 0)
            return NULL;
    }
}

static unsigned echo_start(void)
{
    static int fd;
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    pthread_t thread;

    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *) &at, sizeof at) < 0 || getsockname(fd, (struct sockaddr *) &at, &len) < 0 ||
        pthread_create(&thread, NULL, echo_run, &fd) != 0)
        die("echo");
    return ntohs(at.sin_port);
}

/* Answers one command at a time: the phone has never more than one under way. */
static void *app_run(void *arg)
{
    int fd = *(int *) arg;
    char buf[4096];

    for (;;) {
        ssize_t n = read(fd, buf, sizeof buf);
        struct ag_span text = {buf, n > 0 ? (size_t) n : 0};
        struct ag_json_view v;
        uint64_t id;
        int len;

        if (n <= 0)
            return NULL;
        if (ag_json_parse(&text, 16, &v) != 0 || !ag_view_has(&v, AG_M_METHOD) ||
            !ag_view_uint(&v, text.p, AG_M_ID, UINT32_MAX, &id))
            continue;
        len = snprintf(buf, sizeof buf, "{\"id\":%llu,\"result\":[\"on\",80]}", (unsigned long long) id);
        if (write(fd, buf, (size_t) len) != len)
            return NULL;
    }
}

static void app_start(unsigned port)
{
    static const char hello[] = "{\"id\":1,\"method\":\"register\",\"key\":\"get_prop\"}";
    static int fd;
    struct sockaddr_in to = loopback(port);
    pthread_t thread;
    char buf[256];

    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *) &to, sizeof to) < 0 ||
        write(fd, hello, sizeof hello - 1) != (ssize_t) sizeof hello - 1 || read(fd, buf, sizeof buf) <= 0 ||
        pthread_create(&thread, NULL, app_run, &fd) != 0)
        die("application");
}

/* ---- the phone ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}

static double ask(int fd, const void *request, size_t n)
{
    char buf[2048];
    double begin = now_us();

    if (send(fd, request, n, 0) != (ssize_t) n || recv(fd, buf, sizeof buf, 0) <= 0)
        die("no answer");
    return now_us() - begin;
}

static uint32_t device_stamp(int fd)
{
    char hello[PACKET_HEADER], buf[2048];

    memset(hello, 0xff, sizeof hello);
    memcpy(hello, "\x21\x31\0\x20", 4);
    if (send(fd, hello, sizeof hello, 0) < 0 || recv(fd, buf, sizeof buf, 0) != PACKET_HEADER)
        die("hello");
    return packet_peek_stamp((struct ag_span){buf, PACKET_HEADER});
}

int main(int argc, char **argv)
{
    struct packet_key key;
    double *device, *echo;
    int lan, plain, count;
    uint32_t stamp;
    uint64_t did;

    if (argc != 6)
        return 2;
    did = strtoull(argv[3], NULL, 10);
    count = atoi(argv[5]);
    device = calloc((size_t) count, sizeof *device);
    echo = calloc((size_t) count, sizeof *echo);
    if (!device || !echo || strlen(argv[4]) != 16 || packet_key_init(&key, argv[4]) != 0)
        return 1;
    app_start((unsigned) atoi(argv[2]));
    lan = udp_to((unsigned) atoi(argv[1]));
    plain = udp_to(echo_start());
    stamp = device_stamp(lan);
    for (int i = -WARM_UP; i < count; i++) {
        struct ag_buf packet = AG_BUF_INIT;
        char text[128];
        int n =
            snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"get_prop\",\"params\":[\"power\",\"bright\"]}", i + WARM_UP + 1);
        double begin = now_us(), direct;

        /* encryption is the phone's work, but it is counted: the echo has none */
        if (packet_encode(&packet, &key, did, stamp, (struct ag_span){text, (size_t) n}) != 0)
            return 1;
        ask(lan, ag_buf_head(&packet), ag_buf_size(&packet));
        direct = now_us() - begin;
        if (i >= 0) {
            device[i] = direct;
            echo[i] = ask(plain, ag_buf_head(&packet), ag_buf_size(&packet));
        }
        ag_buf_deinit(&packet);
    }
    qsort(device, (size_t) count, sizeof *device, by_value);
    qsort(echo, (size_t) count, sizeof *echo, by_value);
    printf("{\"requests\":%d,\"lan_p50_us\":%.1f,\"lan_p99_us\":%.1f,\"echo_p50_us\":%.1f,\"echo_p99_us\":%.1f,"
           "\"added_p50_us\":%.1f}\n",
           count, device[count / 2], device[count * 99 / 100], echo[count / 2], echo[count * 99 / 100],
           device[count / 2] - echo[count / 2]);
    return 0;
}
