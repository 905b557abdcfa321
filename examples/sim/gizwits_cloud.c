/* miio_sim cloud --kind gizwits: options, life, standard input and journal of the stand-in. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/core/endpoint.h"
#include "examples/sim/gizwits_sim.h"
#include "examples/sim/sim.h"
#include "libagent/core/json.h"

void gzsim_note(const char *event, const char *fmt, ...)
{
    va_list ap;

    printf("{\"event\":\"%s\"", event);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    puts("}");
    fflush(stdout);
}

void gzsim_refuse(struct gzsim *s, const char *did, const char *why)
{
    s->n_refused++;
    gzsim_note("refused", ",\"did\":\"%s\",\"why\":\"%s\"", did, why);
}

void gzsim_ready(struct gzsim *s)
{
    if (s->ready_told)
        return;
    s->ready_told = true;
    printf("ready http=127.0.0.1:%u mqtt=127.0.0.1:%u broker=127.0.0.1:%u\n", s->http_port, s->mqtt_port,
           ntohs(s->broker.sin_port));
    fflush(stdout);
}

/* ---- standard input ---- */

static const char input_help[] =
    "standard input, one a line:\n"
    "  cmd APP TEXT              App sends TEXT (0x0090)\n"
    "  bytes APP HEX             the same with bytes\n"
    "  acked APP SN TEXT         0x0093\n"
    "  ack APP SN [TEXT]         0x0094\n"
    "  log APP HEX4              log levels and indicators (0x0010)\n"
    "  apps N                    number of Apps online (0x0210, and the answer to 0x020f)\n"
    "  notice41 TYPE             firmware notice (0x0211)\n"
    "  notice40 TYPE FID URL     firmware notice (0x020e)\n"
    "  firmware TYPE VERSION FID FILE [nomd5]   what checks answer, and the download\n"
    "  raw TOPIC HEX             any payload; $DID in TOPIC is the device that logged in last\n"
    "  !auto-ack|!swallow|!refuse|!down on|off  Apps acknowledge; PINGREQ vanish; logins refused; HTTP "
    "answers 503\n"
    "  !drop   !forget   !stats  cut the connection; the server forgets the device; counters\n";

static size_t from_hex(char *text)
{
    size_t n = 0;
    unsigned v;

    for (char *p = text; p[0] && p[1] && sscanf(p, "%2x", &v) == 1; p += 2)
        text[n++] = (char) v;
    return n;
}

static struct ag_span span(const char *text)
{
    return (struct ag_span){text, strlen(text)};
}

static int do_raw(struct gzsim *s, const char *topic, char *hex)
{
    const char *did = strstr(topic, "$DID");
    char real[256];
    size_t n = from_hex(hex);

    if (!s->current)
        return -ENOTCONN;
    if (did)
        snprintf(real, sizeof real, "%.*s%s%s", (int) (did - topic), topic, s->current->did, did + 4);
    else
        snprintf(real, sizeof real, "%s", topic);
    return gzsim_app_publish(s, real, (struct ag_span){hex, n});
}

static int do_switch(struct gzsim *s, const char *verb, const char *value)
{
    bool on = strcmp(value, "on") == 0;

    if (strcmp(verb, "!auto-ack") == 0)
        s->auto_ack = on;
    else if (strcmp(verb, "!swallow") == 0)
        s->swallow = on;
    else if (strcmp(verb, "!refuse") == 0)
        s->refuse = on;
    else if (strcmp(verb, "!down") == 0)
        s->down = on;
    else
        return -EINVAL;
    return 0;
}

static int do_order(struct gzsim *s, const char *verb, const char *value)
{
    if (strcmp(verb, "!stats") == 0) {
        gzsim_note("stats", ",\"logins\":%llu,\"frames\":%llu,\"pings\":%llu,\"refused\":%llu",
                   (unsigned long long) s->n_logins, (unsigned long long) s->n_frames,
                   (unsigned long long) s->n_pings, (unsigned long long) s->n_refused);
        return 0;
    }
    if (strcmp(verb, "!drop") == 0 || strcmp(verb, "!forget") == 0) {
        if (!s->current)
            return -ENOTCONN;
        s->current->disabled = verb[1] == 'f';
        if (s->current->relay)
            gzsim_relay_drop(s->current->relay);
        return 0;
    }
    return do_switch(s, verb, value);
}

static int do_server(struct gzsim *s, const char *verb, char *a, char *b, char *rest)
{
    struct gizwits_frame f = {.fw_type = (uint8_t) atoi(a)};
    char file[512], md5[16] = "";

    if (strcmp(verb, "apps") == 0) {
        s->n_apps = (unsigned) atoi(a);
        f.cmd = GIZWITS_APPS;
        f.n_apps = (uint16_t) s->n_apps;
    } else if (strcmp(verb, "notice41") == 0) {
        f.cmd = GIZWITS_FIRMWARE_V41;
    } else if (strcmp(verb, "notice40") == 0) {
        f.cmd = GIZWITS_FIRMWARE_V40;
        f.fw_id = (uint32_t) strtoul(b, NULL, 10);
        f.url = span(rest);
    } else if (strcmp(verb, "firmware") == 0 && (f.fw_type == 1 || f.fw_type == 2)) {
        char *fid_end;
        uint32_t fid = (uint32_t) strtoul(rest, &fid_end, 10);

        if (sscanf(fid_end, " %511s %15s", file, md5) < 1)
            return -EINVAL;
        return gzsim_firmware_set(s, f.fw_type, b, fid, file, strcmp(md5, "nomd5") != 0);
    } else {
        return -EINVAL;
    }
    return gzsim_app_send(s, "", &f);
}

/* Verbs whose second word is an App. */
static int do_app(struct gzsim *s, const char *verb, const char *app, char *b, char *rest)
{
    struct gizwits_frame f = {.cmd = GIZWITS_TO_DEVICE};
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    if (strcmp(verb, "cmd") == 0) {
        if (ag_buf_printf(&text, "%s%s%s", b, rest[0] ? " " : "", rest) < 0)
            return -ENOMEM;
        f.p0 = ag_buf_span(&text);
    } else if (strcmp(verb, "bytes") == 0) {
        f.p0 = (struct ag_span){b, from_hex(b)};
    } else if (strcmp(verb, "acked") == 0 || strcmp(verb, "ack") == 0) {
        f.cmd = verb[3] ? GIZWITS_ACKED : GIZWITS_ACK;
        f.sn = (uint32_t) strtoul(b, NULL, 10);
        f.p0 = span(rest);
    } else if (strcmp(verb, "log") == 0) {
        f.cmd = GIZWITS_SET_LOG;
        f.settings = (uint16_t) strtoul(b, NULL, 16);
    } else {
        return do_server(s, verb, (char *) app, b, rest);
    }
    return gzsim_app_send(s, app, &f);
}

static void on_line(struct gzsim *s, char *line)
{
    char empty[] = "", *save = NULL;
    char *verb = strtok_r(line, " ", &save), *a, *b, *rest;
    int r;

    if (!verb)
        return;
    a = strtok_r(NULL, " ", &save);
    b = a ? strtok_r(NULL, " ", &save) : NULL;
    rest = b ? strtok_r(NULL, "", &save) : NULL;
    a = a ? a : empty;
    b = b ? b : empty;
    rest = rest ? rest : empty;
    if (verb[0] == '!')
        r = do_order(s, verb, a);
    else if (strcmp(verb, "raw") == 0)
        r = do_raw(s, a, b);
    else
        r = do_app(s, verb, a, b, rest);
    if (r < 0)
        gzsim_note("not_done", ",\"verb\":\"%s\",\"why\":\"%s\"", verb, strerror(-r));
}

static void on_input_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct gzsim *s = h->data;

    if (ag_buf_reserve(&s->line, suggested) < 0)
        *buf = uv_buf_init(NULL, 0);
    else
        *buf = uv_buf_init(s->line.data + s->line.len, (unsigned) (s->line.cap - s->line.len));
}

static void on_input(uv_stream_t *st, ssize_t n, const uv_buf_t *buf)
{
    struct gzsim *s = st->data;
    char *end;

    (void) buf;
    if (n < 0) {
        uv_read_stop(st); /* the end of input ends nothing */
        return;
    }
    s->line.len += (size_t) n;
    while (ag_buf_size(&s->line) > 0 && (end = memchr(ag_buf_head(&s->line), '\n', ag_buf_size(&s->line)))) {
        char *line = s->line.data + s->line.off;
        size_t len = (size_t) (end - line) + 1;

        *end = '\0';
        on_line(s, line);
        ag_buf_consume(&s->line, len);
    }
}

static void start_input(struct gzsim *s)
{
    s->input.stream.data = NULL;
    if (uv_guess_handle(0) != UV_NAMED_PIPE || uv_pipe_init(&s->loop, &s->input.pipe, 0) != 0)
        return;
    s->input.stream.data = s;
    if (uv_pipe_open(&s->input.pipe, 0) == 0)
        uv_read_start(&s->input.stream, on_input_alloc, on_input);
}

/* ---- life ---- */

static void stop(struct gzsim *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    mqtt_door_close(&s->door);
    gzsim_web_stop(s);
    mqtt_link_close(s->link);
    uv_close((uv_handle_t *) &s->link_retry, NULL);
    uv_close((uv_handle_t *) &s->sigint, NULL);
    uv_close((uv_handle_t *) &s->sigterm, NULL);
    if (s->input.stream.data)
        uv_close((uv_handle_t *) &s->input.pipe, NULL);
}

static void on_signal(uv_signal_t *sig, int number)
{
    (void) number;
    stop(sig->data);
}

static void start_handles(struct gzsim *s)
{
    uv_timer_init(&s->loop, &s->link_retry);
    gzsim_relay_init(s);
    uv_signal_init(&s->loop, &s->sigint);
    uv_signal_init(&s->loop, &s->sigterm);
    s->link_retry.data = s->sigint.data = s->sigterm.data = s;
    uv_signal_start(&s->sigint, on_signal, SIGINT);
    uv_signal_start(&s->sigterm, on_signal, SIGTERM);
    start_input(s);
}

struct options {
    uint16_t http, mqtt;
    struct endpoint broker;
    bool has_broker;
};

static void usage(FILE *f)
{
    fprintf(f,
            "usage: miio_sim cloud --kind gizwits [options]\n\n"
            "  --product-key HEX    32 hex digits (0123456789abcdef0123456789abcdef)\n"
            "  --http PORT          of GService on 127.0.0.1 (0: any)\n"
            "  --mqtt PORT          of M2M on 127.0.0.1 (0: any)\n"
            "  --broker ADDR:PORT   an own mosquitto without login; otherwise one is started\n"
            "  --apps N             Apps online (1)\n"
            "  --auto-ack           Apps acknowledge 0x0093\n\n%s",
            input_help);
}

static bool take_port(const char *text, uint16_t *out)
{
    uint64_t v;

    if (!ag_span_uint(span(text), 65535, &v)) {
        fprintf(stderr, "miio_sim: \"%s\" is not a port\n", text);
        return false;
    }
    *out = (uint16_t) v;
    return true;
}

static bool take_option(struct gzsim *s, struct options *o, int c)
{
    const char *why = "";

    switch (c) {
    case 'k':
        s->product_key = optarg;
        if (strlen(optarg) == 32 && strspn(optarg, "0123456789abcdef") == 32)
            return true;
        fprintf(stderr, "miio_sim: --product-key: 32 lower-case hex digits\n");
        return false;
    case 'w':
        return take_port(optarg, &o->http);
    case 'm':
        return take_port(optarg, &o->mqtt);
    case 'b':
        o->has_broker = true;
        if (endpoint_parse(optarg, 1883, &o->broker, &why) == 0)
            return true;
        fprintf(stderr, "miio_sim: --broker: %s\n", why);
        return false;
    case 'n':
        s->n_apps = (unsigned) atoi(optarg) & 0xffff;
        return true;
    case 'a':
        s->auto_ack = true;
        return true;
    default:
        usage(stderr);
        return false;
    }
}

/* SIM_OK to go on, -1 when all is said already. */
static int parse_options(struct gzsim *s, struct options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"product-key", 1, NULL, 'k'}, {"http", 1, NULL, 'w'}, {"mqtt", 1, NULL, 'm'},
        {"broker", 1, NULL, 'b'},      {"apps", 1, NULL, 'n'}, {"auto-ack", 0, NULL, 'a'},
        {"help", 0, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (c == 'h') {
            usage(stdout);
            return -1;
        }
        if (!take_option(s, o, c))
            return SIM_USAGE;
    }
    if (optind < argc) {
        usage(stderr);
        return SIM_USAGE;
    }
    return SIM_OK;
}

static int start(struct gzsim *s, const struct options *o)
{
    struct sockaddr_in a;
    int len = sizeof a, r = o->has_broker ? 0 : sim_broker_start(&s->child, "");

    if (r < 0)
        return r;
    start_handles(s);
    r = uv_ip4_addr(o->has_broker ? o->broker.host : "127.0.0.1",
                    o->has_broker ? o->broker.port : s->child.port, &s->broker);
    if (r == 0)
        r = uv_ip4_addr("127.0.0.1", o->mqtt, &a);
    if (r == 0)
        r = mqtt_door_listen(&s->door, (const struct sockaddr *) &a);
    if (r == 0)
        r = uv_tcp_getsockname(&s->door.listener, (struct sockaddr *) &a, &len);
    if (r == 0)
        r = gzsim_web_start(s, o->http);
    if (r == 0)
        r = gzsim_app_open(s);
    s->mqtt_port = ntohs(a.sin_port);
    if (r < 0) {
        fprintf(stderr, "miio_sim: cannot start: %s\n", strerror(-r));
        stop(s);
    }
    return r;
}

int sim_cloud_gizwits(int argc, char **argv)
{
    struct gzsim s = {.product_key = "0123456789abcdef0123456789abcdef", .n_apps = 1, .line = AG_BUF_INIT};
    struct options o = {0};
    int r = parse_options(&s, &o, argc, argv);

    if (r != SIM_OK)
        return r < 0 ? SIM_OK : r;
    ag_list_init(&s.devices);
    uv_loop_init(&s.loop);
    r = start(&s, &o) < 0 ? SIM_RUNTIME : SIM_OK;
    uv_run(&s.loop, UV_RUN_DEFAULT);
    sim_broker_stop(&s.child);
    gzsim_state_free(&s);
    uv_loop_close(&s.loop);
    return r;
}
