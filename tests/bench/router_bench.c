/* SPDX-License-Identifier: MIT */
/*
 * Load for a router, and a check of what it does: one thread plays the upstream daemon and all applications, starts the
 * router, and prints one JSON line of figures. Closed loop: so many messages in flight, a new one for each answered.
 *
 *     router_bench [options] -- ROUTER ARGS...      {up} in ARGS becomes the port where upstream listens
 *
 *     --wire json|raw|mqtt   json: register, then route by method; raw: nothing is registered, the router deals out
 *     --port N               the router listens there (mqtt); otherwise its ready line tells
 *     --apps N  --size BYTES  --depth N  --up  --seconds S  --messages N
 *
 * --messages N ends after exactly N round trips instead of S seconds: for instruction counts.
 * Both directions and both hops are one round trip: two routed messages. lost: no answer after 2 s without any
 * progress (30 s with --messages, where the router may run inside an instrument); stray: delivered to the wrong
 * application or twice; broken: payload or stream changed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/bench/procfs.h"
#include "tests/bench/wire.h"

enum { RING = 1 << 14, MAX_SAMPLES = 1 << 21, READ_MAX = 256 * 1024, STALL_MS = 2000, SLOW_STALL_MS = 30000, READY_MS = 20000 };

enum wire { WIRE_JSON, WIRE_RAW, WIRE_MQTT };

struct conn {
    int fd, app; /* app: -1 for upstream */
    bool dirty;
    unsigned acks;
    unsigned long next; /* uplink: its own ids */
    uint64_t *sent_at;  /* uplink: ring, 0 when not in flight */
    struct ag_buf in, out;
};

struct bench {
    enum wire wire;
    unsigned n_apps, depth;
    bool uplink;
    size_t size;
    double seconds;
    unsigned long messages;
    int port, listener, epoll;
    pid_t router;
    struct conn up, *apps;
    struct conn **dirty;
    unsigned n_dirty, turn;
    unsigned long next;
    uint64_t *sent_at;
    unsigned in_flight;
    bool registering, measuring, refill;
    unsigned long done, lost, stray, broken;
    uint32_t *samples;
    size_t n_samples;
    char *block;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

static void fail(struct bench *b, const char *what)
{
    fprintf(stderr, "router_bench: %s: %s\n", what, strerror(errno));
    if (b->router > 0)
        kill(b->router, SIGKILL);
    exit(1);
}

/* ---- sockets ---- */

static void mark_dirty(struct bench *b, struct conn *c)
{
    if (!c->dirty) {
        c->dirty = true;
        b->dirty[b->n_dirty++] = c;
    }
}

static void flush_conn(struct bench *b, struct conn *c)
{
    ssize_t n = send(c->fd, ag_buf_head(&c->out), ag_buf_size(&c->out), MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN)
        fail(b, "send");
    if (n > 0)
        ag_buf_consume(&c->out, (size_t) n);
}

static void flush_all(struct bench *b)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < b->n_dirty; i++) {
        flush_conn(b, b->dirty[i]);
        if (ag_buf_size(&b->dirty[i]->out) > 0)
            b->dirty[kept++] = b->dirty[i];
        else
            b->dirty[i]->dirty = false;
    }
    b->n_dirty = kept;
}

static void add_conn(struct bench *b, struct conn *c, int fd, int app)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    int one = 1;

    c->fd = fd;
    c->app = app;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
        fail(b, "epoll_ctl");
}

static int dial(struct bench *b)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t) b->port)};
    uint64_t until = now_ns() + READY_MS * 1000000ull;

    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
            fail(b, "socket");
        if (connect(fd, (struct sockaddr *) &a, sizeof a) == 0)
            return fd;
        close(fd);
        if (now_ns() > until)
            fail(b, "connect");
        usleep(2000);
    }
}

/* ---- traffic ---- */

static void send_down(struct bench *b)
{
    unsigned app = b->turn++ % b->n_apps;
    char topic[16];

    snprintf(topic, sizeof topic, "m%04u", app);
    b->sent_at[b->next % RING] = now_ns();
    wire_put_call(&b->up.out, b->wire == WIRE_MQTT, topic, WIRE_ID_BASE + b->next, app, b->size);
    mark_dirty(b, &b->up);
    b->next++;
    b->in_flight++;
}

static void send_up(struct bench *b)
{
    struct conn *c = &b->apps[b->turn++ % b->n_apps];

    c->sent_at[c->next % RING] = now_ns();
    wire_put_call(&c->out, false, "", WIRE_ID_BASE + c->next, 0, b->size); /* the same ids in every application */
    mark_dirty(b, c);
    c->next++;
    b->in_flight++;
}

static void send_one(struct bench *b)
{
    if (b->uplink)
        send_up(b);
    else
        send_down(b);
}

static void answered(struct bench *b, uint64_t *ring, unsigned long id)
{
    uint64_t *at = &ring[(id - WIRE_ID_BASE) % RING];

    if (*at == 0) {
        b->stray++;
        return;
    }
    if (b->measuring) {
        b->done++;
        if (b->n_samples < MAX_SAMPLES)
            b->samples[b->n_samples++] = (uint32_t) (now_ns() - *at);
    }
    *at = 0;
    b->in_flight--;
    if (b->refill && (b->messages == 0 || !b->measuring || b->done + b->in_flight < b->messages))
        send_one(b);
}

/* The end that serves: applications downwards, upstream upwards. */
static void serve(struct bench *b, struct conn *c, const struct wire_text *t)
{
    unsigned app = 0;

    if (!b->uplink) /* a router delivers by method; what only deals out cannot be wrong */
        app = b->wire == WIRE_RAW ? (unsigned) ((t->number - WIRE_ID_BASE) % b->n_apps) : (unsigned) c->app;
    if (!wire_call_intact(t, app, b->size))
        b->broken++;
    wire_put_reply(&c->out, b->wire == WIRE_MQTT, "r", t->id);
    mark_dirty(b, c);
}

static void on_text(struct bench *b, struct conn *c, const struct wire_text *t)
{
    bool call = t->rest.len > 9 && memcmp(t->rest.p, ",\"method\"", 9) == 0;

    if (b->registering && !call)
        c->acks++;
    else if (call == (b->uplink == (c->app < 0)))
        call ? serve(b, c, t) : answered(b, b->uplink ? c->sent_at : b->sent_at, t->number);
    else
        b->stray++;
}

static void on_readable(struct bench *b, struct conn *c)
{
    ssize_t n = recv(c->fd, b->block, READ_MAX, MSG_DONTWAIT);
    struct wire_text t;
    int r;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        fail(b, "the router closed a connection");
    if (ag_buf_append(&c->in, b->block, (size_t) n) < 0)
        fail(b, "memory");
    while ((r = wire_take(&c->in, b->wire == WIRE_MQTT, &t, &c->acks)) > 0)
        on_text(b, c, &t);
    if (r < 0)
        fail(b, "a stream is broken");
}

static bool turn(struct bench *b)
{
    struct epoll_event events[256];
    int n;

    flush_all(b);
    n = epoll_wait(b->epoll, events, 256, b->n_dirty > 0 ? 1 : b->messages > 0 ? SLOW_STALL_MS : STALL_MS);
    for (int i = 0; i < n; i++)
        on_readable(b, events[i].data.ptr);
    return n > 0 || b->n_dirty > 0;
}

/* ---- the run ---- */

static void run_until(struct bench *b, uint64_t until, unsigned long messages)
{
    b->refill = true;
    while (messages > 0 ? b->done < messages : now_ns() < until) {
        if (messages > 0 && b->done + b->in_flight >= messages)
            b->refill = false;
        while (b->in_flight < b->depth && b->refill)
            send_one(b);
        if (!turn(b)) {
            b->lost += b->in_flight;
            b->in_flight = 0;
            if (messages > 0)
                return;
        }
    }
    b->refill = false;
    while (b->in_flight > 0 && turn(b)) /* what is open comes home before the next phase */
        ;
    b->lost += b->in_flight;
    b->in_flight = 0;
}

static char *expand(struct bench *b, const char *arg, int port)
{
    const char *at = strstr(arg, "{up}");
    struct ag_buf out = AG_BUF_INIT;

    if (ag_buf_printf(&out, "%.*s", at ? (int) (at - arg) : (int) strlen(arg), arg) < 0 ||
        (at && ag_buf_printf(&out, "%d%s", port, at + 4) < 0))
        fail(b, "memory");
    return ag_buf_steal_cstr(&out);
}

static void start_router(struct bench *b, char **argv, int up_port)
{
    int fds[2];
    char line[512];
    FILE *f;

    for (int i = 0; argv[i]; i++)
        argv[i] = expand(b, argv[i], up_port);
    if (pipe(fds) < 0)
        fail(b, "pipe");
    b->router = fork();
    if (b->router < 0)
        fail(b, "fork");
    if (b->router == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        execv(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    close(fds[1]);
    if (b->port > 0)
        return;
    f = fdopen(fds[0], "r"); /* stays open: a router may print later */
    if (!f || !fgets(line, sizeof line, f) || sscanf(line, "ready listen=%*[^:]:%d", &b->port) != 1)
        fail(b, "no ready line");
}

static void accept_upstream(struct bench *b)
{
    int fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        fail(b, "accept");
    add_conn(b, &b->up, fd, -1);
}

/* A probe on every method: the router has taken all registrations when each has been answered. */
static void wait_ready(struct bench *b)
{
    bool uplink = b->uplink;

    b->uplink = false;
    for (unsigned i = 0; i < b->n_apps; i++)
        send_one(b);
    while (b->in_flight > 0)
        if (!turn(b))
            fail(b, "no answer to the first commands");
    b->uplink = uplink;
}

static void connect_app(struct bench *b, unsigned i)
{
    struct conn *c = &b->apps[i];
    char text[64];

    add_conn(b, c, dial(b), (int) i);
    snprintf(text, sizeof text, "m%04u", i);
    if (b->wire == WIRE_MQTT) {
        wire_put_mqtt_connect(&c->out, i);
        wire_put_mqtt_subscribe(&c->out, text);
    } else if (b->wire == WIRE_JSON) {
        ag_buf_printf(&c->out, "{\"id\":1,\"method\":\"register\",\"key\":\"%s\"}", text);
    } else {
        return;
    }
    mark_dirty(b, c);
}

/* MQTT acknowledges the connection and the subscription. */
static bool all_registered(const struct bench *b)
{
    unsigned want = b->wire == WIRE_MQTT ? 2 : b->wire == WIRE_JSON ? 1 : 0;

    for (unsigned i = 0; i < b->n_apps; i++)
        if (b->apps[i].acks < want)
            return false;
    return b->wire != WIRE_MQTT || b->up.acks >= want;
}

static void connect_all(struct bench *b)
{
    if (b->wire == WIRE_MQTT) {
        add_conn(b, &b->up, dial(b), -1);
        wire_put_mqtt_connect(&b->up.out, 9999);
        wire_put_mqtt_subscribe(&b->up.out, "r");
        mark_dirty(b, &b->up);
    } else {
        accept_upstream(b);
    }
    for (unsigned i = 0; i < b->n_apps; i++) {
        connect_app(b, i);
        flush_all(b);
    }
    b->registering = true;
    while (!all_registered(b))
        if (!turn(b))
            fail(b, "a registration was not answered");
    b->registering = false;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

    return x < y ? -1 : x > y;
}

static double percentile(const struct bench *b, double p)
{
    return b->n_samples > 0 ? b->samples[(size_t) ((double) (b->n_samples - 1) * p)] / 1e3 : 0;
}

static void report(struct bench *b, double ns, double cpu_ns)
{
    qsort(b->samples, b->n_samples, sizeof *b->samples, by_value);
    printf("{\"done\":%lu,\"rtps\":%.0f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"cpu_us_per_msg\":%.4f,"
           "\"lost\":%lu,\"stray\":%lu,\"broken\":%lu,\"rss_kb\":%ld,\"peak_kb\":%ld}\n",
           b->done, (double) b->done / ns * 1e9, percentile(b, 0.5), percentile(b, 0.99),
           b->done > 0 ? cpu_ns / 2e3 / (double) b->done : 0, b->lost, b->stray, b->broken, procfs_status(b->router, "VmRSS:"),
           procfs_status(b->router, "VmHWM:"));
}

static void measure(struct bench *b)
{
    uint64_t begin;
    double cpu;

    if (b->messages == 0)
        run_until(b, now_ns() + 200000000u, 0); /* warm */
    b->measuring = true;
    cpu = procfs_cpu_ns(b->router);
    begin = now_ns();
    run_until(b, begin + (uint64_t) (b->seconds * 1e9), b->messages);
    report(b, (double) (now_ns() - begin), procfs_cpu_ns(b->router) - cpu);
}

static int listen_upstream(struct bench *b)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(b->listener, (struct sockaddr *) &a, sizeof a) < 0 || listen(b->listener, 4) < 0 ||
        getsockname(b->listener, (struct sockaddr *) &a, &len) < 0)
        fail(b, "listen");
    return ntohs(a.sin_port);
}

/* Both programs on one core: steady figures on a virtual machine, where waking another core costs more than the work. */
static void pin(void)
{
    cpu_set_t set;
    int cpu;

    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return;
    for (cpu = CPU_SETSIZE - 1; cpu > 0 && !CPU_ISSET(cpu, &set); cpu--)
        ;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static void allocate(struct bench *b)
{
    b->apps = calloc(b->n_apps, sizeof *b->apps);
    b->dirty = calloc(b->n_apps + 1, sizeof(struct conn *));
    b->sent_at = calloc(RING, sizeof *b->sent_at);
    b->samples = malloc(MAX_SAMPLES * sizeof *b->samples);
    b->block = malloc(READ_MAX);
    if (!b->apps || !b->dirty || !b->sent_at || !b->samples || !b->block)
        fail(b, "memory");
    for (unsigned i = 0; i < b->n_apps; i++) {
        b->apps[i].sent_at = b->uplink ? calloc(RING, sizeof(uint64_t)) : b->sent_at;
        if (!b->apps[i].sent_at)
            fail(b, "memory");
    }
}

static void parse_options(struct bench *b, int argc, char **argv)
{
    static const struct option options[] = {{"wire", 1, NULL, 'w'},    {"port", 1, NULL, 'p'},     {"apps", 1, NULL, 'a'},
                                            {"size", 1, NULL, 's'},    {"depth", 1, NULL, 'd'},    {"up", 0, NULL, 'u'},
                                            {"seconds", 1, NULL, 't'}, {"messages", 1, NULL, 'm'}, {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1)
        switch (c) {
        case 'w':
            b->wire = strcmp(optarg, "mqtt") == 0 ? WIRE_MQTT : strcmp(optarg, "raw") == 0 ? WIRE_RAW : WIRE_JSON;
            break;
        case 'p':
            b->port = atoi(optarg);
            break;
        case 'a':
            b->n_apps = (unsigned) atoi(optarg);
            break;
        case 's':
            b->size = (size_t) atoi(optarg);
            break;
        case 'd':
            b->depth = (unsigned) atoi(optarg);
            break;
        case 'u':
            b->uplink = true;
            break;
        case 't':
            b->seconds = atof(optarg);
            break;
        case 'm':
            b->messages = strtoul(optarg, NULL, 10);
            break;
        default:
            exit(2);
        }
    if (optind == argc || b->n_apps < 1 || b->n_apps > 2000 || b->size < 60 || b->size > 8000 || b->depth < 1 ||
        b->depth > RING / 2) {
        fprintf(stderr, "router_bench: see the head of its source\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static struct bench b = {.n_apps = 1, .depth = 1, .size = 80, .seconds = 1};
    struct rlimit files = {4096, 4096};
    int status, port;

    parse_options(&b, argc, argv);
    setrlimit(RLIMIT_NOFILE, &files);
    if (b.messages == 0)
        pin();
    allocate(&b);
    b.epoll = epoll_create1(EPOLL_CLOEXEC);
    port = listen_upstream(&b);
    start_router(&b, argv + optind, port);
    connect_all(&b);
    wait_ready(&b);
    measure(&b);
    kill(b.router, SIGTERM);
    waitpid(b.router, &status, 0);
    return b.lost + b.stray + b.broken > 0 ? 3 : 0;
}
