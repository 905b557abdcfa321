/* SPDX-License-Identifier: MIT */
/*
 * miio_sim cloud: the OT cloud over UDP and TCP for one device. Journal on standard output, one JSON object a line; on
 * standard input one line a command for the device ("METHOD JSON"), or a directive that begins with '!'.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>
#include "examples/sim/faults.h"
#include "examples/sim/ot_server.h"
#include "examples/sim/sim.h"
#include "examples/sim/sim_options.h"
#include "libagent/core/util.h"
#include "libagent/core/list.h"
#include "libagent/io/addr.h"
#include "libagent/io/daemon.h"

enum { RX_MAX = 65536, COMMANDS_MAX = 64 };

/* Where packets of the device come from: an address on UDP, or a connection. Kept until the end. */
struct way {
    struct ag_list link;
    struct sim_cloud *cloud;
    bool stream, closed;
    struct sockaddr_storage addr;
    uv_tcp_t tcp;
    struct ag_buf in;
};

struct sim_cloud {
    uv_loop_t loop;
    uv_udp_t udp;
    uv_tcp_t listener;
    uv_signal_t sigint, sigterm;
    uv_timer_t kill_timer;
    union {
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tty_t tty;
    } input;
    struct ag_buf line; /* the unfinished line of standard input */
    struct ot_server server;
    struct faults up, down;
    struct ag_list ways;
    bool silent; /* as if unplugged */
    unsigned long kill_every_ms;
    const char *commands[COMMANDS_MAX]; /* of the command line, given when the device has come */
    unsigned n_commands;
    char rx[RX_MAX];
};

static uint32_t unix_now(void)
{
    return (uint32_t) time(NULL);
}

static void on_note(void *user, struct ag_span line)
{
    (void) user;
    fwrite(line.p, 1, line.len, stdout);
    putchar('\n');
    fflush(stdout);
}

/* ---- sending ---- */

struct pending_write {
    uv_write_t req;
    char data[];
};

static void on_written(uv_write_t *req, int status)
{
    (void) status;
    free(req);
}

static void write_stream(struct way *w, struct ag_span bytes)
{
    struct pending_write *p = malloc(sizeof *p + bytes.len);
    uv_buf_t buf;

    if (!p)
        return;
    memcpy(p->data, bytes.p, bytes.len);
    buf = uv_buf_init(p->data, (unsigned) bytes.len);
    if (uv_write(&p->req, (uv_stream_t *) &w->tcp, &buf, 1, on_written) < 0)
        free(p);
}

static void deliver_down(void *ref, struct ag_span bytes)
{
    uv_buf_t buf = uv_buf_init((char *) bytes.p, (unsigned) bytes.len);
    struct way *w = ref;

    if (w->closed || w->cloud->silent)
        return;
    if (w->stream)
        write_stream(w, bytes);
    else
        uv_udp_try_send(&w->cloud->udp, &buf, 1, (const struct sockaddr *) &w->addr);
}

static void on_send(void *user, void *way, struct ag_span packet)
{
    struct sim_cloud *c = user;
    struct way *w = way;

    if (w->stream && c->down.delay_ms == 0)
        deliver_down(w, packet); /* a stream loses nothing */
    else
        faults_pass(&c->down, packet, way, deliver_down);
}

static const struct ot_server_sink server_sink = {on_send, on_note};

/* ---- receiving ---- */

static void give_waiting_commands(struct sim_cloud *c)
{
    while (c->n_commands > 0 && c->server.informed) {
        const char *text = c->commands[0], *params = strchr(text, ' ');
        char method[128];

        snprintf(method, sizeof method, "%.*s", (int) (params ? params - text : (long) strlen(text)), text);
        if (!ot_server_command(&c->server, method, params ? params + 1 : "[]", unix_now()))
            return;
        memmove(c->commands, c->commands + 1, --c->n_commands * sizeof c->commands[0]);
    }
}

static void deliver_up(void *ref, struct ag_span packet)
{
    struct way *w = ref;

    if (w->closed || w->cloud->silent)
        return;
    ot_server_serve(&w->cloud->server, w, packet, unix_now());
    give_waiting_commands(w->cloud);
}

static void take_packet(struct way *w, struct ag_span packet)
{
    struct sim_cloud *c = w->cloud;

    if (c->silent || !ot_server_check(&c->server, packet))
        return;
    if (w->stream && c->up.delay_ms == 0)
        deliver_up(w, packet);
    else
        faults_pass(&c->up, packet, w, deliver_up);
}

static struct way *way_new(struct sim_cloud *c)
{
    struct way *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->cloud = c;
    ag_list_append(&c->ways, &w->link);
    return w;
}

static struct way *way_of(struct sim_cloud *c, const struct sockaddr *from)
{
    size_t n = from->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    struct way *w;

    ag_list_for_each (it, &c->ways) {
        w = ag_list_entry(it, struct way, link);
        if (!w->stream && memcmp(&w->addr, from, n) == 0)
            return w;
    }
    w = way_new(c);
    if (w)
        memcpy(&w->addr, from, n);
    return w;
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct sim_cloud *c = h->loop->data;

    (void) suggested;
    *buf = uv_buf_init(c->rx, sizeof c->rx);
}

static void on_udp(uv_udp_t *h, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
    struct sim_cloud *c = h->loop->data;
    struct way *w;

    (void) flags;
    if (n < 0 || !from)
        return;
    w = way_of(c, from);
    if (w)
        take_packet(w, (struct ag_span){buf->base, (size_t) n});
}

static void on_way_closed(uv_handle_t *h)
{
    (void) h;
}

static void way_close(struct way *w)
{
    if (w->closed)
        return;
    w->closed = true;
    ot_server_way_gone(&w->cloud->server, w);
    if (w->stream)
        uv_close((uv_handle_t *) &w->tcp, on_way_closed);
}

static void on_stream(uv_stream_t *h, ssize_t n, const uv_buf_t *buf)
{
    struct way *w = h->data;
    int len = 0;

    if (n < 0 || ag_buf_append(&w->in, buf->base, (size_t) n) < 0) {
        on_note(NULL, AG_SPAN("{\"event\":\"closed\"}"));
        way_close(w);
        return;
    }
    while (!w->closed && (len = ot_packet_length(ag_buf_span(&w->in))) > 0 && ag_buf_size(&w->in) >= (size_t) len) {
        take_packet(w, (struct ag_span){ag_buf_head(&w->in), (size_t) len});
        ag_buf_consume(&w->in, (size_t) len);
    }
    if (len < 0) {
        ot_server_bad(&w->cloud->server, "stream out of step");
        way_close(w);
    }
}

static void on_connection(uv_stream_t *h, int status)
{
    struct sim_cloud *c = h->loop->data;
    struct way *w = status < 0 ? NULL : way_new(c);

    if (!w)
        return;
    w->stream = true;
    uv_tcp_init(&c->loop, &w->tcp);
    w->tcp.data = w;
    if (uv_accept(h, (uv_stream_t *) &w->tcp) < 0 || c->silent) {
        way_close(w);
        return;
    }
    uv_tcp_nodelay(&w->tcp, 1);
    uv_read_start((uv_stream_t *) &w->tcp, on_alloc, on_stream);
}

/* ---- faults from outside ---- */

static void kill_sessions(struct sim_cloud *c)
{
    on_note(NULL, AG_SPAN("{\"event\":\"killed\"}"));
    ag_list_for_each (it, &c->ways) {
        struct way *w = ag_list_entry(it, struct way, link);

        if (w->stream)
            way_close(w);
    }
    ot_server_forget(&c->server);
}

static void on_kill_timer(uv_timer_t *t)
{
    kill_sessions(t->loop->data);
}

/* ---- standard input ---- */

static void stop(struct sim_cloud *c)
{
    uv_stop(&c->loop);
}

static void directive(struct sim_cloud *c, const char *word)
{
    if (strcmp(word, "!ledger") == 0)
        ot_server_note_ledger(&c->server);
    else if (strcmp(word, "!again") == 0)
        ot_server_again(&c->server, unix_now());
    else if (strcmp(word, "!kill") == 0)
        kill_sessions(c);
    else if (strcmp(word, "!silent") == 0)
        c->silent = true;
    else if (strcmp(word, "!speak") == 0)
        c->silent = false;
    else if (strcmp(word, "!quit") == 0)
        stop(c);
    else
        fprintf(stderr, "miio_sim cloud: no directive %s\n", word);
}

static void take_line(struct sim_cloud *c, char *line)
{
    char *params = strchr(line, ' ');

    if (line[0] == '!') {
        directive(c, line);
        return;
    }
    if (line[0] == '\0')
        return;
    if (params)
        *params++ = '\0';
    if (!ot_server_command(&c->server, line, params ? params : "[]", unix_now()))
        on_note(NULL, AG_SPAN("{\"event\":\"refused\",\"why\":\"no device is connected\"}"));
}

static void on_input(uv_stream_t *h, ssize_t n, const uv_buf_t *buf)
{
    struct sim_cloud *c = h->loop->data;
    char *end;

    if (n < 0 || ag_buf_append(&c->line, buf->base, (size_t) n) < 0) {
        uv_read_stop(h);
        return;
    }
    while (ag_buf_size(&c->line) > 0 && (end = memchr(ag_buf_head(&c->line), '\n', ag_buf_size(&c->line)))) {
        char *line = c->line.data + c->line.off;

        *end = '\0';
        ag_buf_consume(&c->line, (size_t) (end - line) + 1);
        take_line(c, line);
    }
}

static void on_signal(uv_signal_t *h, int signum)
{
    (void) signum;
    stop(h->loop->data);
}

/* ---- options ---- */

static void usage(FILE *f)
{
    fputs("usage: miio_sim cloud --did N --key KEY [options] [\"METHOD JSON\" ...]\n\n"
          "  --did N, --key KEY     the device, as in its device.conf\n"
          "  --udp ADDR:PORT|none   (127.0.0.1:8053)\n"
          "  --tcp ADDR:PORT|none   (none)\n"
          "  --drop P% --dup P%     of the datagrams, both ways\n"
          "  --reorder P%           held back by up to 50 ms\n"
          "  --delay MS|Ns          every packet, both ways\n"
          "  --kill-every MS|Ns     connections are cut and greetings forgotten\n"
          "  --seed N               of the dice (1)\n"
          "  --mute METHOD          is never acknowledged\n"
          "  --first-id N           of the commands (1)\n"
          "  --quiet                no line for each report and keepalive\n\n"
          "Commands are given when the device has come; further ones come from standard input, a line each:\n"
          "METHOD JSON, or !ledger !again !kill !silent !speak !quit.\n",
          f);
}

struct cloud_options {
    const char *did, *key, *udp, *tcp, *mute;
    unsigned drop, dup, reorder, delay, kill_every, seed, first_id;
    bool quiet;
};

static int fail(const char *option, const char *why)
{
    fprintf(stderr, "miio_sim cloud: %s: %s\n", option, why);
    return SIM_USAGE;
}

#define OPTION(text, fn, member)                                                                                                 \
    {                                                                                                                            \
        .name = text, .set = fn, AG_OPTION_FIELD(struct cloud_options, member)                                                   \
    }

static const struct ag_option rows[] = {
    OPTION("did", sim_set_pointer, did),
    OPTION("key", sim_set_pointer, key),
    OPTION("udp", sim_set_pointer, udp),
    OPTION("tcp", sim_set_pointer, tcp),
    OPTION("mute", sim_set_pointer, mute),
    OPTION("drop", sim_set_percent, drop),
    OPTION("dup", sim_set_percent, dup),
    OPTION("reorder", sim_set_percent, reorder),
    OPTION("delay", sim_set_ms, delay),
    OPTION("kill-every", sim_set_ms, kill_every),
    SIM_NUMBER("seed", struct cloud_options, seed, 0, UINT32_MAX),
    SIM_NUMBER("first-id", struct cloud_options, first_id, 0, UINT32_MAX),
    SIM_FLAG("quiet", struct cloud_options, quiet),
};

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct cloud_options *o)
{
    int r = sim_options("cloud", usage, rows, ag_array_size(rows), AG_WORDS_ANYWHERE, argc, argv, o);

    if (r < 0 && (!o->did || !o->key || strlen(o->key) != OT_SECRET))
        return fail("--did and --key", "are needed; a key has 16 characters");
    return r;
}

/* ---- start and end ---- */

static int open_sockets(struct sim_cloud *c, const struct cloud_options *o, char udp_text[], char tcp_text[])
{
    struct ag_addr udp, tcp, bound;
    const char *why;
    uv_os_fd_t fd;
    int r = 0, size = 4 << 20;

    if (ag_addr_parse(o->udp, &udp, &why) < 0)
        return fail(o->udp, why);
    if (ag_addr_parse(o->tcp, &tcp, &why) < 0)
        return fail(o->tcp, why);
    strcpy(udp_text, "none");
    strcpy(tcp_text, "none");
    if (udp.kind == AG_ADDR_INET) {
        uv_udp_init(&c->loop, &c->udp);
        r = uv_udp_bind(&c->udp, (struct sockaddr *) &udp.sa, 0);
        if (r == 0)
            r = uv_udp_recv_start(&c->udp, on_alloc, on_udp);
        uv_recv_buffer_size((uv_handle_t *) &c->udp, &size);
        if (r == 0 && uv_fileno((uv_handle_t *) &c->udp, &fd) == 0 && ag_addr_of_socket(fd, &bound) == 0)
            ag_addr_format(&bound, udp_text);
    }
    if (r == 0 && tcp.kind == AG_ADDR_INET) {
        uv_tcp_init(&c->loop, &c->listener);
        r = uv_tcp_bind(&c->listener, (struct sockaddr *) &tcp.sa, 0);
        if (r == 0)
            r = uv_listen((uv_stream_t *) &c->listener, 16, on_connection);
        if (r == 0 && uv_fileno((uv_handle_t *) &c->listener, &fd) == 0 && ag_addr_of_socket(fd, &bound) == 0)
            ag_addr_format(&bound, tcp_text);
    }
    if (r < 0) {
        fprintf(stderr, "miio_sim cloud: cannot listen: %s\n", uv_strerror(r));
        return SIM_RUNTIME;
    }
    return SIM_OK;
}

static void watch(struct sim_cloud *c)
{
    uv_signal_init(&c->loop, &c->sigint);
    uv_signal_start(&c->sigint, on_signal, SIGINT);
    uv_signal_init(&c->loop, &c->sigterm);
    uv_signal_start(&c->sigterm, on_signal, SIGTERM);
    uv_timer_init(&c->loop, &c->kill_timer);
    if (c->kill_every_ms > 0)
        uv_timer_start(&c->kill_timer, on_kill_timer, c->kill_every_ms, c->kill_every_ms);
    if (uv_guess_handle(0) == UV_NAMED_PIPE && uv_pipe_init(&c->loop, &c->input.pipe, 0) == 0 &&
        uv_pipe_open(&c->input.pipe, 0) == 0)
        uv_read_start(&c->input.stream, on_alloc, on_input);
    else if (uv_guess_handle(0) == UV_TTY && uv_tty_init(&c->loop, &c->input.tty, 0, 0) == 0)
        uv_read_start(&c->input.stream, on_alloc, on_input);
}

static void close_handle(uv_handle_t *h, void *unused)
{
    (void) unused;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void cloud_deinit(struct sim_cloud *c)
{
    uv_walk(&c->loop, close_handle, NULL);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    uv_loop_close(&c->loop);
    ag_list_for_each_safe (it, &c->ways) {
        struct way *w = ag_list_entry(it, struct way, link);

        ag_buf_deinit(&w->in);
        free(w);
    }
    ag_buf_deinit(&c->line);
    ot_server_deinit(&c->server);
}

static int cloud_start(struct sim_cloud *c, const struct cloud_options *o)
{
    char udp_text[AG_ADDR_TEXT_MAX], tcp_text[AG_ADDR_TEXT_MAX];
    struct ag_daemon d = AG_DAEMON_INIT;
    int code;

    uv_loop_init(&c->loop);
    c->loop.data = c;
    ag_list_init(&c->ways);
    faults_init(&c->up, &c->loop, o->seed);
    faults_init(&c->down, &c->loop, (uint64_t) o->seed + 1);
    c->up.drop = c->down.drop = o->drop;
    c->up.dup = c->down.dup = o->dup;
    c->up.reorder = c->down.reorder = o->reorder;
    c->up.delay_ms = c->down.delay_ms = o->delay;
    c->kill_every_ms = o->kill_every;
    if (ot_server_init(&c->server, &server_sink, c, strtoull(o->did, NULL, 10), o->key) < 0)
        return SIM_RUNTIME;
    c->server.mute = o->mute;
    c->server.quiet = o->quiet;
    c->server.next_id = o->first_id;
    code = open_sockets(c, o, udp_text, tcp_text);
    if (code != SIM_OK)
        return code;
    watch(c);
    ag_daemon_ready(&d, "udp=%s tcp=%s", udp_text, tcp_text);
    return SIM_OK;
}

int sim_cloud(int argc, char **argv)
{
    struct cloud_options o = {.udp = "127.0.0.1:8053", .tcp = "none", .seed = 1, .first_id = 1};
    static struct sim_cloud c; /* large for a stack, and the only one */
    int code = parse_options(argc, argv, &o);

    if (code >= 0)
        return code;
    for (int i = optind; i < argc && c.n_commands < COMMANDS_MAX; i++)
        c.commands[c.n_commands++] = argv[i];
    signal(SIGPIPE, SIG_IGN);
    code = cloud_start(&c, &o);
    if (code == SIM_OK) {
        uv_run(&c.loop, UV_RUN_DEFAULT);
        ot_server_note_ledger(&c.server);
    }
    cloud_deinit(&c);
    return code;
}
