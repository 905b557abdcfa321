/* SPDX-License-Identifier: MIT */
/* miio_sim cloud --kind gizwits: options, start and end, standard input and journal of the stand-in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "examples/sim/gizwits/gizwits_sim.h"
#include "examples/sim/sim.h"
#include "examples/sim/wire/endpoint.h"
#include "examples/sim/sim_options.h"
#include "libagent/core/util.h"

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

static struct ag_span span(const char *text)
{
    return (struct ag_span){text, strlen(text)};
}

static int do_raw(struct gzsim *s, const char *topic, char *hex)
{
    const char *did = strstr(topic, "$DID");
    char real[256];
    size_t n = sim_from_hex(hex);

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
        sim_note("stats", ",\"logins\":%llu,\"frames\":%llu,\"pings\":%llu,\"refused\":%llu", (unsigned long long) s->n_logins,
                 (unsigned long long) s->n_frames, (unsigned long long) s->n_pings, (unsigned long long) s->n_refused);
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
    struct gz_frame f = {.fw_type = (uint8_t) atoi(a)};
    char file[512], md5[16] = "";

    if (strcmp(verb, "apps") == 0) {
        s->n_apps = (unsigned) atoi(a);
        f.cmd = GZ_APPS;
        f.n_apps = (uint16_t) s->n_apps;
    } else if (strcmp(verb, "notice41") == 0) {
        f.cmd = GZ_FIRMWARE_V41;
    } else if (strcmp(verb, "notice40") == 0) {
        f.cmd = GZ_FIRMWARE_V40;
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
    struct gz_frame f = {.cmd = GZ_TO_DEVICE};
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    if (strcmp(verb, "cmd") == 0) {
        if (ag_buf_printf(&text, "%s%s%s", b, rest[0] ? " " : "", rest) < 0)
            return -ENOMEM;
        f.p0 = ag_buf_span(&text);
    } else if (strcmp(verb, "bytes") == 0) {
        f.p0 = (struct ag_span){b, sim_from_hex(b)};
    } else if (strcmp(verb, "acked") == 0 || strcmp(verb, "ack") == 0) {
        f.cmd = verb[3] ? GZ_ACKED : GZ_ACK;
        f.sn = (uint32_t) strtoul(b, NULL, 10);
        f.p0 = span(rest);
    } else if (strcmp(verb, "log") == 0) {
        f.cmd = GZ_SET_LOG;
        f.settings = (uint16_t) strtoul(b, NULL, 16);
    } else {
        return do_server(s, verb, (char *) app, b, rest);
    }
    return gzsim_app_send(s, app, &f);
}

static void on_line(void *user, char *line)
{
    struct gzsim *s = user;
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
        sim_note("not_done", ",\"verb\":\"%s\",\"why\":\"%s\"", verb, strerror(-r));
}

/* ---- life ---- */

static void stop(void *user)
{
    struct gzsim *s = user;

    if (s->stopping)
        return;
    s->stopping = true;
    mqtt_door_close(&s->door);
    s->web = sim_web_stop(s->web);
    sim_mqtt_close(&s->link);
    sim_standin_stop(&s->standin);
}

static void start_handles(struct gzsim *s)
{
    static const struct sim_standin_ops ops = {on_line, stop};

    gzsim_relay_init(s);
    sim_standin_start(&s->standin, &s->loop, &ops, s);
}

struct options {
    const char *product_key;
    unsigned http, mqtt, n_apps;
    bool auto_ack;
    struct sim_endpoint broker;
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

static int take_product_key(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    (void) row;
    snprintf(reason, n, "must be 32 lower-case hex digits");
    ((struct options *) to)->product_key = value;
    return strlen(value) == 32 && strspn(value, "0123456789abcdef") == 32 ? 0 : -EINVAL;
}

static int take_broker(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct options *o = to;
    const char *why = "";

    (void) row;
    o->has_broker = true;
    if (sim_endpoint_parse(value, 1883, &o->broker, &why) == 0)
        return 0;
    snprintf(reason, n, "%s", why);
    return -EINVAL;
}

static const struct ag_option rows[] = {
    SIM_OWN("product-key", take_product_key),
    SIM_NUMBER("http", struct options, http, 0, 65535),
    SIM_NUMBER("mqtt", struct options, mqtt, 0, 65535),
    SIM_OWN("broker", take_broker),
    SIM_NUMBER("apps", struct options, n_apps, 0, 65535),
    SIM_FLAG("auto-ack", struct options, auto_ack),
};

static int start(struct gzsim *s, const struct options *o)
{
    struct sockaddr_in a;
    int len = sizeof a, r = o->has_broker ? 0 : sim_broker_start(&s->child, "");

    if (r < 0)
        return r;
    start_handles(s);
    r = uv_ip4_addr(o->has_broker ? o->broker.host : "127.0.0.1", o->has_broker ? o->broker.port : s->child.port, &s->broker);
    if (r == 0)
        r = uv_ip4_addr("127.0.0.1", (int) o->mqtt, &a);
    if (r == 0)
        r = mqtt_door_listen(&s->door, (const struct sockaddr *) &a);
    if (r == 0)
        r = uv_tcp_getsockname(&s->door.listener, (struct sockaddr *) &a, &len);
    if (r == 0)
        r = gzsim_web_start(s, (uint16_t) o->http);
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
    struct options o = {.product_key = "0123456789abcdef0123456789abcdef", .n_apps = 1};
    struct gzsim s = {0};
    int r = sim_options("cloud --kind gizwits", usage, rows, ag_array_size(rows), AG_WORDS_NONE, argc, argv, &o);

    if (r >= 0)
        return r;
    s.product_key = o.product_key;
    s.n_apps = o.n_apps;
    s.auto_ack = o.auto_ack;
    ag_list_init(&s.devices);
    uv_loop_init(&s.loop);
    r = start(&s, &o) < 0 ? SIM_RUNTIME : SIM_OK;
    uv_run(&s.loop, UV_RUN_DEFAULT);
    sim_broker_stop(&s.child);
    gzsim_state_free(&s);
    uv_loop_close(&s.loop);
    return r;
}
