/* SPDX-License-Identifier: MIT */
#include "tests/unit/client/client_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "client/client.h"
#include "client/report/io/spool.h"
#include "tests/unit/client/played_timers.h"

#define TOKEN    "a1B2c3D4e5F6g7H8"
#define LONG     "+600000" /* in which nothing else follows */
#define IDENTITY "did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=cool\nmodel=cool.prod.v1\n"

enum { APPS = 4, CLOUDS = 2, HEARD = 64, RECORDS = 32, UNIX = 1700000000, DID = 10000 };

/* What somebody hears, in order. */
struct ear {
    char *lines[HEARD];
    unsigned n;
};

static struct rig {
    const char *name, *mode;
    unsigned line;
    struct client c;
    struct device_conf conf;
    struct client_options options;
    char dir[64];
    uint64_t now_ms;
    bool open, closed;
    unsigned n_ids;
    /* who hears what: A..D, M, L, B, C and S, P */
    struct ear apps[APPS], channels, phone, ble, clouds[CLOUDS], programs;
    bool app_there[APPS], channels_there;
    struct ag_buf datagram; /* the phone's last */
    char *received;         /* the last text from anybody */
    uint32_t stamp;
} rig;

static void fail_line(const char *fmt, ...) ag_printf_like(1, 2);

static void fail_line(const char *fmt, ...)
{
    char text[4096];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fail_msg("%s, line %u: %s", rig.name, rig.line, text);
}

static void fail_why(const char *why)
{
    fail_line("%s", why);
}

static void hear(struct ear *e, const char *fmt, ...) ag_printf_like(2, 3);

/* The data directory has another name each time. */
static void name_the_dir(char *line)
{
    char *at;

    while (rig.dir[0] && (at = strstr(line, rig.dir))) {
        memcpy(at, "$DIR", 4);
        memmove(at + 4, at + strlen(rig.dir), strlen(at + strlen(rig.dir)) + 1);
    }
}

static void hear(struct ear *e, const char *fmt, ...)
{
    va_list ap;

    if (e->n == HEARD)
        fail_line("more is said than can be heard: %s", e->lines[HEARD - 1]);
    va_start(ap, fmt);
    assert_true(vasprintf(&e->lines[e->n++], fmt, ap) >= 0);
    va_end(ap);
    name_the_dir(e->lines[e->n - 1]);
}

static void hear_text(struct ear *e, struct ag_span text)
{
    hear(e, "%.*s", (int) text.len, text.p);
}

static void forget_line(struct ear *e)
{
    free(e->lines[0]);
    memmove(e->lines, e->lines + 1, --e->n * sizeof *e->lines);
}

static void expect(struct ear *e, const char *want)
{
    size_t n = strlen(want);
    bool part = n > 0 && want[n - 1] == '*';

    if (n == 0) {
        if (e->n > 0)
            fail_line("nothing was due, but: %s", e->lines[0]);
        return;
    }
    if (e->n == 0)
        fail_line("nothing came instead of %s", want);
    if (part ? strncmp(e->lines[0], want, n - 1) != 0 : strcmp(e->lines[0], want) != 0)
        fail_line("this came: %s", e->lines[0]);
    forget_line(e);
}

/* ---- what of libuv is not a timer ---- */

static uv_prepare_t *prepare;
static uv_prepare_cb on_prepare; /* what each turn of the loop ends with */

enum { CLOSING = 4 };

static struct {
    uv_handle_t *handle;
    uv_close_cb cb;
} closing[CLOSING];
static unsigned n_closing;

int uv_gettimeofday(uv_timeval64_t *tv)
{
    *tv = (uv_timeval64_t){.tv_sec = UNIX + (int64_t) (rig.now_ms / 1000)};
    return 0;
}

int uv_prepare_init(uv_loop_t *loop, uv_prepare_t *p)
{
    memset(p, 0, sizeof *p);
    p->loop = loop;
    assert_null(prepare);
    prepare = p;
    return 0;
}

int uv_prepare_start(uv_prepare_t *p, uv_prepare_cb cb)
{
    (void) p;
    on_prepare = cb;
    return 0;
}

static void end_turn(void)
{
    if (prepare)
        on_prepare(prepare);
}

void uv_close(uv_handle_t *h, uv_close_cb cb)
{
    if (h == (uv_handle_t *) prepare)
        prepare = NULL;
    else
        played_timer_drop(played_timer_of((uv_timer_t *) h));
    assert_true(n_closing < CLOSING);
    closing[n_closing].handle = h;
    closing[n_closing++].cb = cb;
}

static void wait_ms(uint64_t ms)
{
    played_timers_wait(ms, end_turn);
}

/* Ids and tokens that a script can name: numbers of four bytes first begin with 100, then with 500. */
ssize_t getrandom(void *buf, size_t n, unsigned flags)
{
    uint32_t first = rig.n_ids++ == 0 ? 99 : 499;

    (void) flags;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *) buf)[i] = (uint8_t) (17 * i + rig.n_ids);
    if (n == sizeof first)
        memcpy(buf, &first, n);
    return (ssize_t) n;
}

/* ---- sockets ---- */

struct local_server {
    const struct local_server_events *events;
    void *user;
    struct local_who who[APPS];
};

static struct local_server local;

int local_server_open(struct local_server **out, uv_loop_t *loop, const struct ag_addr *at,
                      const struct local_server_events *events, void *user, struct ag_addr *bound_out)
{
    (void) loop;
    local = (struct local_server){.events = events, .user = user};
    *out = &local;
    *bound_out = *at;
    return 0;
}

void local_server_close(struct local_server *s)
{
    for (unsigned i = 0; s && i < APPS; i++) {
        if (rig.app_there[i])
            s->events->left(s->user, i);
        rig.app_there[i] = false;
    }
    if (s)
        s->events->closed(s->user);
}

void local_server_send(struct local_server *s, unsigned peer, struct ag_span text)
{
    (void) s;
    if (peer < APPS && rig.app_there[peer])
        hear_text(&rig.apps[peer], text);
}

void local_server_set_max_bytes(struct local_server *s, size_t max)
{
    (void) s;
    (void) max;
}

const struct local_who *local_server_who(const struct local_server *s, unsigned peer)
{
    return peer < APPS && rig.app_there[peer] ? &s->who[peer] : NULL;
}

void local_server_get_stats(const struct local_server *s, struct local_server_stats *out)
{
    (void) s;
    *out = (struct local_server_stats){.accepted = 0};
}

struct mqtt_api {
    const struct mqtt_api_events *events;
    void *user;
};

static struct mqtt_api channels;

int mqtt_api_open(struct mqtt_api **out, uv_loop_t *loop, const struct endpoint *broker, uint64_t id,
                  const struct mqtt_api_events *events, void *user)
{
    (void) loop;
    (void) broker;
    (void) id;
    channels = (struct mqtt_api){events, user};
    *out = &channels;
    return 0;
}

void mqtt_api_close(struct mqtt_api *a)
{
    if (a)
        a->events->closed(a->user);
}

void mqtt_api_send(struct mqtt_api *a, struct ag_span text)
{
    (void) a;
    if (rig.channels_there)
        hear_text(&rig.channels, text);
}

void mqtt_api_get_stats(const struct mqtt_api *a, struct mqtt_api_stats *out)
{
    (void) a;
    *out = (struct mqtt_api_stats){.texts_in = 0};
}

struct lan_socket {
    const struct lan_socket_events *events;
    void *user;
};

static struct lan_socket udp[2];
static unsigned n_udp;

int lan_socket_open(struct lan_socket **out, uv_loop_t *loop, const struct ag_addr *at, const struct lan_socket_events *events,
                    void *user, struct ag_addr *bound_out)
{
    (void) loop;
    udp[n_udp] = (struct lan_socket){events, user};
    *out = &udp[n_udp++];
    *bound_out = *at;
    return 0;
}

void lan_socket_close(struct lan_socket *s)
{
    if (s)
        s->events->closed(s->user);
}

void lan_socket_send(struct lan_socket *s, const struct lan_addr *to, struct ag_span datagram)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf plain = AG_BUF_INIT;
    struct packet_key key = {.crypt = NULL};
    struct packet p;

    (void) to;
    if (s == &udp[1]) {
        hear_text(&rig.ble, datagram);
        return;
    }
    assert_int_equal(packet_key_init(&key, rig.c.device.token), 0);
    if (packet_decode(&p, &key, datagram, &plain) == 0 && !p.header_only)
        hear_text(&rig.phone, ag_buf_span(&plain));
    else
        hear(&rig.phone, "hello");
    packet_key_deinit(&key);
}

/* ---- the network's facts ---- */

struct net_info {
    void (*closed)(void *user);
    void *user;
};

static struct net_info net;

int net_info_open(struct net_info **out, uv_loop_t *loop, void (*closed)(void *user), void *user)
{
    (void) loop;
    net = (struct net_info){closed, user};
    *out = &net;
    return 0;
}

void net_info_close(struct net_info *n)
{
    if (n)
        n->closed(n->user);
}

void net_info_get(struct net_info *n, struct device_info *out)
{
    (void) n;
    (void) out;
}

/* ---- the store ---- */

struct spool {
    const struct spool_events *events;
    void *user;
};

struct record {
    uint64_t seq;
    uint32_t id;
    unsigned needs;
    char *text;
    bool stored;
};

static struct disk {
    struct spool spool;
    struct record records[RECORDS];
    int ready;
} disk;

static struct record *record_of(uint64_t seq)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        if (disk.records[i].text && disk.records[i].seq == seq)
            return &disk.records[i];
    }
    return NULL;
}

static void record_drop(struct record *r)
{
    free(r->text);
    *r = (struct record){.text = NULL};
}

int spool_open(struct spool **out, uv_loop_t *loop, const char *path, const struct spool_events *events, void *user)
{
    (void) loop;
    (void) path;
    disk.spool = (struct spool){events, user};
    *out = &disk.spool;
    return 0;
}

int spool_ready(struct spool *s)
{
    (void) s;
    return disk.ready;
}

int spool_put(struct spool *s, uint64_t seq, unsigned needs, const struct spool_record *rec)
{
    (void) s;
    for (unsigned i = 0; i < RECORDS; i++) {
        struct record *r = &disk.records[i];

        if (r->text)
            continue;
        *r = (struct record){.seq = seq, .id = rec->id, .needs = needs, .text = strndup(rec->text.p, rec->text.len)};
        return 0;
    }
    fail_line("the store is full");
    return -ENOMEM;
}

int spool_release(struct spool *s, uint64_t seq, unsigned needs)
{
    struct record *r = record_of(seq);

    (void) s;
    if (r && (r->needs &= ~needs) == 0)
        record_drop(r);
    return 0;
}

int spool_remove(struct spool *s, uint64_t seq)
{
    return spool_release(s, seq, UINT16_MAX);
}

int spool_hand_over(struct spool *s, uint64_t seq, unsigned from, unsigned to)
{
    struct record *r = record_of(seq);

    (void) s;
    if (r && r->needs & from)
        r->needs = (r->needs & ~from) | to;
    return 0;
}

int spool_read(struct spool *s, uint64_t seq, struct ag_buf *text)
{
    struct record *r = record_of(seq);

    (void) s;
    return r && r->stored ? ag_buf_append_str(text, r->text) : -ENOENT;
}

int spool_wipe(struct spool *s)
{
    (void) s;
    for (unsigned i = 0; i < RECORDS; i++)
        record_drop(&disk.records[i]);
    return 0;
}

bool spool_is_idle(const struct spool *s)
{
    (void) s;
    for (unsigned i = 0; i < RECORDS; i++) {
        if (disk.records[i].text && !disk.records[i].stored)
            return false;
    }
    return true;
}

int spool_error(const struct spool *s)
{
    (void) s;
    return disk.ready;
}

void spool_get_stats(const struct spool *s, struct spool_stats *out)
{
    (void) s;
    *out = (struct spool_stats){.put_aside = 0};
}

void spool_close(struct spool *s)
{
    if (s)
        s->events->closed(s->user);
}

static void disk_commits(int r)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        struct record *rec = &disk.records[i];
        uint64_t seq = rec->seq;
        uint32_t id = rec->id;

        if (!rec->text || rec->stored)
            continue;
        if (r == 0)
            rec->stored = true;
        else
            record_drop(rec);
        disk.spool.events->stored(disk.spool.user, seq, id, r);
    }
}

/* ---- the platform's programs ---- */

struct hook {
    hook_fn done;
    void *user;
    struct hook *next;
};

static struct hook *running; /* the one that runs longest first */
static char missing[64];

bool hook_find(char *path_out, size_t room, const char *const dirs[], const char *name)
{
    snprintf(path_out, room, "%s%s", dirs[0], name);
    errno = ENOENT;
    return strstr(missing, name) == NULL;
}

int hook_run(struct hook **out, uv_loop_t *loop, const char *const args[], const char *const env[], unsigned timeout_ms,
             hook_fn done, void *user)
{
    const char *name = strrchr(args[0], '/') + 1;
    struct hook *k, **at = &running;

    (void) loop;
    (void) timeout_ms;
    assert_true(strncmp(env[0], "MIIO_DATA_DIR=", 14) == 0);
    if (strstr(missing, name))
        return -ENOENT;
    k = calloc(1, sizeof *k);
    assert_non_null(k);
    *k = (struct hook){.done = done, .user = user};
    while (*at)
        at = &(*at)->next;
    *at = *out = k;
    hear(&rig.programs, "%s%s%s%s%s", name, args[1] ? " " : "", args[1] ? args[1] : "", args[1] && args[2] ? " " : "",
         args[1] && args[2] ? args[2] : "");
    return 0;
}

static void unlink_hook(struct hook *k)
{
    struct hook **at = &running;

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
}

void hook_cancel(struct hook *k)
{
    if (!k)
        return;
    unlink_hook(k);
    free(k);
    hear(&rig.programs, "kill");
}

static void program_ends(int status)
{
    struct hook k;

    if (!running)
        fail_line("no program runs");
    k = *running;
    free(running);
    running = k.next;
    k.done(k.user, status);
}

/* ---- the clouds ---- */

struct played_cloud {
    struct cloud base;
    const struct cloud_env *env;
    bool there;
    int takes; /* what report() and answer() say */
    void (*call_done)(void *user, struct ag_span text);
    void *call_user;
};

static struct played_cloud clouds[CLOUDS]; /* the one after the other in the list */

static struct played_cloud *played_of(struct cloud *c)
{
    return ag_container_of(c, struct played_cloud, base);
}

static struct ear *ear_of(struct cloud *c)
{
    return &rig.clouds[played_of(c) - clouds];
}

static int create(unsigned i, struct cloud **out, const struct cloud_env *env)
{
    clouds[i].env = env;
    clouds[i].there = true;
    *out = &clouds[i].base;
    return 0;
}

static int played_create(struct cloud **out, const struct cloud_env *env)
{
    return create(0, out, env);
}

static int aside_create(struct cloud **out, const struct cloud_env *env)
{
    return create(1, out, env);
}

static void played_start(struct cloud *c)
{
    hear(ear_of(c), "start");
}

static void played_stop(struct cloud *c)
{
    hear(ear_of(c), "stop");
}

static void played_kick(struct cloud *c)
{
    hear(ear_of(c), "kick");
}

static void played_forget(struct cloud *c)
{
    hear(ear_of(c), "forget");
}

static int played_report(struct cloud *c, uint32_t id, struct ag_span text, uint32_t at_s, bool repeat)
{
    (void) at_s;
    if (played_of(c)->takes == 0)
        hear(ear_of(c), "report %s %u %.*s", repeat ? "again" : "new", id, (int) text.len, text.p);
    return played_of(c)->takes;
}

static int played_answer(struct cloud *c, uint64_t token, struct ag_span text)
{
    hear(ear_of(c), "answer %" PRIu64 " %.*s", token, (int) text.len, text.p);
    return played_of(c)->takes;
}

static int played_method(struct cloud *c, struct ag_span method, struct ag_span params,
                         void (*done)(void *user, struct ag_span text), void *user)
{
    (void) params;
    if (method.len < 7 || memcmp(method.p, "played.", 7) != 0)
        return -ENOSYS;
    hear(ear_of(c), "ask %.*s", (int) method.len, method.p);
    played_of(c)->call_done = done;
    played_of(c)->call_user = user;
    return 0;
}

static unsigned played_wakeup_s(struct cloud *c)
{
    (void) c;
    return 30;
}

static const struct cloud_ops played = {.name = "played",
                                        .create = played_create,
                                        .start = played_start,
                                        .stop = played_stop,
                                        .report = played_report,
                                        .answer = played_answer,
                                        .local_method = played_method,
                                        .kick = played_kick,
                                        .forget = played_forget,
                                        .wakeup_s = played_wakeup_s};

static const struct cloud_ops aside = {.name = "aside",
                                       .place = CLOUD_MQTT,
                                       .create = aside_create,
                                       .start = played_start,
                                       .stop = played_stop,
                                       .report = played_report,
                                       .answer = played_answer,
                                       .kick = played_kick,
                                       .forget = played_forget};

/* In the place of the clouds that are built in. */
const struct cloud_ops *cloud_find(const char *name)
{
    return strcmp(name, "played") == 0 ? &played : strcmp(name, "aside") == 0 ? &aside : NULL;
}

/* ---- lines ---- */

static struct ag_span span(const char *text)
{
    return (struct ag_span){text, strlen(text)};
}

/* As a receive buffer: the client writes over secrets in it, and must not read behind its end. Freed with the
 * row. */
static struct ag_span received(struct ag_span text)
{
    char *copy = malloc(text.len ? text.len : 1);

    assert_non_null(copy);
    free(rig.received);
    rig.received = memcpy(copy, text.p, text.len);
    return (struct ag_span){copy, text.len};
}

static void cloud_tells(struct played_cloud *p, const char *text)
{
    const struct cloud_events *e = p->env->events;
    void *user = p->env->user;
    char *rest;
    uint32_t id;

    if (strncmp(text, "ack ", 4) == 0) {
        id = (uint32_t) strtoul(text + 4, &rest, 10);
        e->acked(user, id, span(*rest ? rest + 1 : "{\"result\":\"ok\"}"));
    } else if (strncmp(text, "fail ", 5) == 0) {
        id = (uint32_t) strtoul(text + 5, &rest, 10);
        e->failed(user, id, strcmp(rest, " retry") == 0, -30011, "played");
    } else if (strcmp(text, "room") == 0) {
        e->room(user);
    } else if (strncmp(text, "time ", 5) == 0) {
        e->time_known(user, strtoll(text + 5, NULL, 10));
    } else if (strncmp(text, "done ", 5) == 0) {
        p->call_done(p->call_user, span(text + 5));
    } else if (strcmp(text, "closed") == 0) {
        p->there = false;
        e->closed(user);
    } else {
        fail_line("no such event");
    }
}

static void cloud_line(unsigned which, char what, const char *text)
{
    struct played_cloud *p = &clouds[which];
    char *rest;
    uint64_t token;

    if (!p->there && !strchr("<=", what))
        fail_line("there is no cloud");
    if (what == '+') {
        p->env->events->connected(p->env->user);
    } else if (what == '-') {
        p->env->events->lost(p->env->user, text);
    } else if (what == '=') {
        p->takes = strcmp(text, "ENOBUFS") == 0 ? -ENOBUFS : 0; /* its number is not the same on MIPS */
    } else if (what == '!') {
        cloud_tells(p, text);
    } else if (what == '~') {
        p->env->events->command(p->env->user, 0, received(span(text)), false);
    } else if (what == '>') {
        token = strtoull(text, &rest, 10);
        p->env->events->command(p->env->user, token, received(span(rest + 1)), true);
    } else {
        expect(&rig.clouds[which], text);
    }
}

/* Texts back to back, as a socket's framer hands them on. */
static void app_says(unsigned peer, const char *text)
{
    struct ag_span all = span(text);

    while (all.len > 0 && rig.app_there[peer]) {
        struct ag_json_view view;
        struct ag_span one;
        size_t depth = 0, n = 0;

        do { /* scripts put no braces into strings */
            depth += all.p[n] == '{';
            depth -= all.p[n] == '}';
        } while (++n < all.len && depth > 0);
        one = received((struct ag_span){all.p, n});
        if (ag_json_parse(&one, LOCAL_DEPTH_MAX, &view) != 0)
            fail_line("no JSON: %s", text);
        local.events->text(local.user, peer, one, &view);
        all.p += n;
        all.len -= n;
    }
}

static void app_line(unsigned peer, char what, const char *text)
{
    if (what == '+') {
        local.who[peer] = (struct local_who){.known = true, .uid = getuid(), .trusted = true};
        rig.app_there[peer] = true;
        local.events->joined(local.user, peer);
    } else if (what == '-') {
        rig.app_there[peer] = false;
        local.events->left(local.user, peer);
    } else if (what == '>') {
        app_says(peer, text);
    } else {
        expect(&rig.apps[peer], text);
    }
}

static void channels_line(char what, const char *text)
{
    struct ag_span one = received(span(text));
    struct ag_json_view view;

    if (what == '+') {
        rig.channels_there = true;
        channels.events->joined(channels.user);
    } else if (what == '-') {
        channels.events->left(channels.user);
        rig.channels_there = false;
    } else if (what == '>') {
        assert_int_equal(ag_json_parse(&one, 16, &view), 0);
        channels.events->text(channels.user, one, &view);
    } else {
        expect(&rig.channels, text);
    }
}

static const struct lan_addr phone_at = {.ip = {10, 0, 0, 9}, .port = 4711};

static void phone_line(char what, const char *text)
{
    struct packet_key key = {.crypt = NULL};

    if (what == '<') {
        expect(&rig.phone, text);
        return;
    }
    if (what == '>') {
        assert_int_equal(packet_key_init(&key, rig.c.device.token), 0);
        ag_buf_clear(&rig.datagram);
        assert_int_equal(packet_encode(&rig.datagram, &key, DID, ++rig.stamp, span(text)), 0);
        packet_key_deinit(&key);
    }
    udp[0].events->datagram(udp[0].user, &phone_at, ag_buf_span(&rig.datagram));
}

static void ble_line(char what, const char *text)
{
    if (what == '<')
        expect(&rig.ble, text);
    else
        udp[1].events->datagram(udp[1].user, &phone_at, received(span(text)));
}

static void program_line(char what, const char *text)
{
    if (what == '<')
        expect(&rig.programs, text);
    else if (what == '=')
        program_ends(atoi(text));
    else if (what == '-')
        strcat(strcat(missing, " "), text);
    else
        missing[0] = '\0';
}

static void file_line(char what, const char *text)
{
    char name[64], path[256];
    FILE *f;

    sscanf(text, "%63s", name);
    snprintf(path, sizeof path, "%s/%s", rig.dir, name);
    if (what == '+') {
        f = fopen(path, "w");
        assert_non_null(f);
        if (strlen(text) > strlen(name))
            fprintf(f, "%s\n", text + strlen(name) + 1);
        fclose(f);
    } else if (what == '-') {
        assert_int_equal(unlink(path), 0);
    } else if ((access(path, F_OK) == 0) != (what == '?')) {
        fail_line("%s is %s", name, what == '?' ? "gone" : "there");
    }
}

static void reload(const char *text)
{
    struct client_options fresh = rig.c.options;
    unsigned n = (unsigned) atoi(strchr(text, ' ') + 1);

    if (text[0] == 'c')
        fresh.command_timeout_ms = n;
    else if (text[0] == 'r')
        fresh.request_timeout_ms = n;
    else
        fresh.join_tries = n;
    client_reload(&rig.c, &fresh);
}

static const char *wanted;
static uint64_t counted;

static void tell(void *user, const char *name, uint64_t n)
{
    (void) user;
    if (strcmp(name, wanted) == 0)
        counted = n;
}

static void counter_line(const char *line)
{
    char name[64];

    snprintf(name, sizeof name, "%.*s", (int) strcspn(line, "="), line);
    if (strcspn(line, "=") == strlen(line))
        fail_line("no such line: %s", line);
    wanted = name;
    counted = UINT64_MAX;
    status_tell_counters(&rig.c.parts, tell, NULL);
    if (getenv("CLIENT_RIG_SHOW"))
        printf("= %s=%" PRIu64 "\n", name, counted);
    else if (counted != strtoull(strchr(line, '=') + 1, NULL, 10))
        fail_line("%s is %" PRIu64, name, counted);
}

static uint64_t value_of(const char *name)
{
    wanted = name;
    counted = 0;
    status_tell_counters(&rig.c.parts, tell, NULL);
    return counted;
}

/* What came in has one end each, or is open. */
static void check_sums(void)
{
    static const char *const sums[][12] = {
        {"command.started", "command.answered", "command.timed_out", "command.nobody", "command.refused", "command.silent",
         "command.no_memory", "command.open"},
        {"uplink.submitted", "uplink.acked", "uplink.failed", "uplink.timed_out", "uplink.refused", "uplink.no_memory",
         "uplink.open"},
        {"spool.kept", "spool.acked", "spool.replaced", "spool.dropped.old", "spool.dropped.full", "spool.dropped.refused",
         "spool.dropped.unreadable", "spool.dropped.owner", "spool.unwritten", "spool.waiting"},
        {"lan.datagrams", "lan.hellos", "lan.requests", "lan.repeats", "lan.dropped.stamp", "lan.dropped.text",
         "lan.dropped.replayed", "lan.dropped.no_token"},
    };

    for (size_t i = 0; i < ag_array_size(sums); i++) {
        uint64_t went = 0;

        for (unsigned k = 1; k < ag_array_size(sums[i]) && sums[i][k]; k++)
            went += value_of(sums[i][k]);
        if (went != value_of(sums[i][0]))
            fail_line("%s is %" PRIu64 ", and %" PRIu64 " of them are known", sums[i][0], value_of(sums[i][0]), went);
    }
}

static void on_client_closed(void *user)
{
    (void) user;
    rig.closed = true;
}

static void stop(void)
{
    rig.open = false;
    client_close(&rig.c, on_client_closed, NULL);
    while (n_closing > 0) {
        n_closing--;
        closing[n_closing].cb(closing[n_closing].handle);
    }
    for (unsigned i = 0; i < CLOUDS; i++) {
        if (!clouds[i].there)
            continue;
        clouds[i].there = false;
        clouds[i].env->events->closed(clouds[i].env->user);
    }
    if (!rig.closed)
        fail_line("something stays open");
}

/* ---- rows ---- */

static void make_options(const char *mode)
{
    const char *why;

    bool several = strcmp(mode, "several") == 0;

    rig.options = (struct client_options){.cloud = several ? "played,aside" : "played",
                                          .wired = several || strcmp(mode, "wired") == 0,
                                          .external_helper = strcmp(mode, "external") == 0,
                                          .mqtt_api = {.host = "127.0.0.1", .port = 1883},
                                          .command_timeout_ms = 4000,
                                          .command_grace_ms = 1000,
                                          .request_timeout_ms = 30000,
                                          .join_tries = 2,
                                          .join_pause_ms = 3000,
                                          .memory_limit = 16 << 20};
    assert_int_equal(data_dir_init(&rig.options.dir, rig.dir), 0);
    assert_int_equal(ag_addr_parse("127.0.0.1:1", &rig.options.local, &why), 0);
    assert_int_equal(ag_addr_parse("127.0.0.1:2", &rig.options.lan, &why), 0);
    assert_int_equal(ag_addr_parse("127.0.0.1:3", &rig.options.ble, &why), 0);
}

/* A row may begin with files. */
static unsigned open_client(const char *mode, const char *const *lines)
{
    struct device_conf_error err;
    char error[DATA_ERROR_MAX];
    unsigned n = 0;

    assert_int_equal(device_conf_parse(&rig.conf, IDENTITY, sizeof IDENTITY - 1, &err), 0);
    file_line('+', "device.token " TOKEN);
    for (; lines[n] && (lines[n][0] == 'F' || strncmp(lines[n], "P-", 2) == 0); n++) {
        rig.line = n + 1;
        if (lines[n][0] == 'F')
            file_line(lines[n][1], lines[n] + 3);
        else
            program_line('-', lines[n] + 3);
    }
    make_options(mode);
    if (client_open(&rig.c, NULL, &rig.options, &rig.conf, error) != 0)
        fail_line("%s", error);
    end_turn();
    rig.open = true;
    return n;
}

static void run_line(const char *line)
{
    const char *text = line[0] && line[1] && line[2] == ' ' ? line + 3 : "";

    if (line[0] == '+')
        wait_ms(strtoull(line + 1, NULL, 10));
    else if (strcmp(line, "stop") == 0)
        stop();
    else if (strncmp(line, "reload ", 7) == 0)
        reload(line + 7);
    else if (line[1] >= 'a' && line[1] <= 'z')
        counter_line(line);
    else if (line[0] >= 'A' && line[0] < 'A' + APPS && !strchr("BCD", line[0]))
        app_line(0, line[1], text);
    else if (line[0] >= 'X' && line[0] <= 'Z')
        app_line((unsigned) (line[0] - 'X') + 1, line[1], text);
    else if (line[0] == 'M')
        channels_line(line[1], text);
    else if (line[0] == 'L')
        phone_line(line[1], text);
    else if (line[0] == 'B')
        ble_line(line[1], text);
    else if (line[0] == 'C' || line[0] == 'S')
        cloud_line(line[0] == 'S', line[1], text);
    else if (line[0] == 'D' && line[1] == '=')
        disk.ready = -atoi(text);
    else if (line[0] == 'D')
        disk_commits(-atoi(text));
    else if (line[0] == 'P')
        program_line(line[1], text);
    else if (line[0] == 'F')
        file_line(line[1], text);
    else
        counter_line(line);
}

static void nothing_is_left(struct ear *e, const char *whose)
{
    if (e->n > 0)
        fail_line("the row ends, but %s hears: %s", whose, e->lines[0]);
}

static void check_silence(void)
{
    static const char *const names[] = {"A", "X", "Y", "Z"};

    for (unsigned i = 0; i < APPS; i++)
        nothing_is_left(&rig.apps[i], names[i]);
    nothing_is_left(&rig.channels, "M");
    nothing_is_left(&rig.phone, "L");
    nothing_is_left(&rig.ble, "B");
    nothing_is_left(&rig.clouds[0], "C");
    nothing_is_left(&rig.clouds[1], "S");
    nothing_is_left(&rig.programs, "P");
}

static void forget_all(struct ear *e)
{
    while (e->n > 0)
        forget_line(e);
}

static void end_row(void)
{
    char command[128];

    if (rig.open)
        stop();
    client_deinit(&rig.c);
    spool_wipe(NULL);
    for (unsigned i = 0; i < APPS; i++)
        forget_all(&rig.apps[i]);
    forget_all(&rig.channels);
    forget_all(&rig.phone);
    forget_all(&rig.ble);
    forget_all(&rig.clouds[0]);
    forget_all(&rig.clouds[1]);
    forget_all(&rig.programs);
    ag_buf_deinit(&rig.datagram);
    free(rig.received);
    device_conf_deinit(&rig.conf);
    assert_null(running);
    snprintf(command, sizeof command, "rm -rf %s", rig.dir);
    assert_int_equal(system(command), 0);
}

/* To write a row: what each line leads to. */
static void show(void)
{
    static const char names[] = "AXYZMLBCSP";
    struct ear *ears[] = {&rig.apps[0], &rig.apps[1], &rig.apps[2],   &rig.apps[3],   &rig.channels,
                          &rig.phone,   &rig.ble,     &rig.clouds[0], &rig.clouds[1], &rig.programs};

    for (unsigned i = 0; i < ag_array_size(ears); i++) {
        for (; ears[i]->n > 0; forget_line(ears[i]))
            printf("%c< %s\n", names[i], ears[i]->lines[0]);
    }
}

void client_rig_run(const char *name, const char *mode, const char *const *lines)
{
    unsigned n;

    rig = (struct rig){.name = name, .mode = mode, .dir = "/tmp/client_rig.XXXXXX", .now_ms = 1000000};
    played_timers_begin(&rig.now_ms, fail_why);
    prepare = NULL;
    n_closing = 0;
    clouds[0] = (struct played_cloud){.base.ops = &played};
    clouds[1] = (struct played_cloud){.base.ops = &aside};
    disk.ready = 0;
    missing[0] = '\0';
    n_udp = 0;
    assert_non_null(mkdtemp(rig.dir));
    n = open_client(mode, lines);
    if (getenv("CLIENT_RIG_SHOW")) {
        printf("## %s\n", name);
        show();
    }
    for (; lines[n]; n++) {
        rig.line = n + 1;
        if (getenv("CLIENT_RIG_SHOW"))
            printf("@ %s\n", lines[n]);
        run_line(lines[n]);
        end_turn();
        if (getenv("CLIENT_RIG_SHOW"))
            show();
    }
    if (getenv("CLIENT_RIG_SHOW"))
        printf("@ %s\n", LONG);
    if (rig.open)
        wait_ms(strtoull(LONG, NULL, 10));
    if (getenv("CLIENT_RIG_SHOW"))
        show();
    check_silence();
    check_sums();
    end_row();
}
