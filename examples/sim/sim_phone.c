/* SPDX-License-Identifier: MIT */
/*
 * A phone on the LAN: hello, then encrypted requests over UDP 54321. The lesson in it: a session is a hello (did and
 * stamp; the token only from a device that nobody owns yet), then packets under the token, each with an id of its own,
 * repeated under the same id until the answer comes.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "examples/sim/sim.h"
#include "examples/sim/wire/ot_packet.h"
#include "examples/sim/wire/sim_json.h"
#include "examples/sim/sim_options.h"
#include "libagent/core/util.h"
#include "libagent/io/addr.h"

struct phone {
    int fd;
    struct ag_addr device;
    int timeout_ms, tries, repeat;
    uint64_t did;
    uint32_t stamp;
    char token[17];
    bool has_token;
};

static void phone_usage(FILE *f)
{
    fprintf(f, "usage: miio_sim phone [options] COMMAND\n\n"
               "  hello                                        who is there; shows the token of a free device\n"
               "  info                                         miIO.info\n"
               "  config_router SSID PASSWD [UID [COUNTRY [TZ]]]  give it a network\n"
               "  call METHOD [PARAMS]                         any command; PARAMS is JSON\n\n"
               "  -a, --address ADDR:PORT   the device (127.0.0.1:54321)\n"
               "  -t, --token TOKEN         32 hex digits or 16 characters; without it the one hello tells\n"
               "      --timeout MS          for each try (5000)\n"
               "      --tries N             3\n"
               "      --repeat N            send each request N times (1): it must be executed once\n");
}

/* ---- datagrams ---- */

static int now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int) (t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static int phone_open(struct phone *p)
{
    p->fd = socket(p->device.sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *) &p->device.sa, p->device.len) < 0) {
        fprintf(stderr, "miio_sim phone: %s\n", strerror(errno));
        return -1;
    }
    return 0;
}

/* One datagram of the device; its length, 0 when the time is up. */
static size_t phone_receive(struct phone *p, char *buf, size_t size, int until_ms)
{
    struct pollfd pfd = {.fd = p->fd, .events = POLLIN};
    int left;

    while ((left = until_ms - now_ms()) > 0) {
        ssize_t n;

        if (poll(&pfd, 1, left) <= 0)
            continue;
        n = recv(p->fd, buf, size, 0);
        if (n > 0)
            return (size_t) n;
        poll(NULL, 0, 20); /* refused: the device may be about to start */
    }
    return 0;
}

static bool is_unset(const char *tail)
{
    static const char ff[16] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", zero[16] = "";

    return memcmp(tail, ff, 16) == 0 || memcmp(tail, zero, 16) == 0;
}

static int phone_hello(struct phone *p)
{
    static const char hello[OT_HEADER + 1] = "\x21\x31\x00\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                                             "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    char reply[2048];

    for (int i = 0; i < p->tries; i++) {
        size_t n;

        (void) !send(p->fd, hello, OT_HEADER, 0);
        n = phone_receive(p, reply, sizeof reply, now_ms() + p->timeout_ms);
        if (n != OT_HEADER)
            continue;
        p->did = ot_packet_did((struct ag_span){reply, n});
        p->stamp = ot_packet_stamp((struct ag_span){reply, n});
        if (!p->has_token && !is_unset(reply + 16)) {
            memcpy(p->token, reply + 16, 16);
            p->has_token = true;
        }
        return 0;
    }
    fprintf(stderr, "miio_sim phone: no answer to hello\n");
    return -1;
}

/* ---- requests ---- */

/* The answer must carry the request's id; anything else is for another one. */
static bool is_answer(const struct ag_buf *plain, uint32_t id, struct ag_span *text)
{
    uint64_t got;

    *text = ag_buf_span(plain);
    return sim_json_object(text, 128) && sim_json_uint(sim_json_get(*text, "id"), UINT32_MAX, &got) && got == id;
}

static int wait_answer(struct phone *p, uint32_t id, int until_ms)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf plain = AG_BUF_INIT;
    static char datagram[65536];
    size_t n;

    while ((n = phone_receive(p, datagram, sizeof datagram, until_ms)) > 0) {
        struct ag_span text;
        struct ot_packet header;

        if (ot_packet_open(&header, p->token, (struct ag_span){datagram, n}, &plain)) {
            fprintf(stderr, "miio_sim phone: an answer has a wrong checksum: is the token right?\n");
            continue;
        }
        if (!is_answer(&plain, id, &text))
            continue;
        printf("%.*s\n", (int) text.len, text.p);
        return sim_json_get(text, "result").p ? SIM_OK : SIM_RUNTIME;
    }
    return -1;
}

static int phone_call(struct phone *p, const char *method, const char *params)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT, packet = AG_BUF_INIT;
    struct ag_span check = {params, strlen(params)};
    uint32_t id = 1;
    int r;

    if (getrandom(&id, sizeof id, 0) < 0)
        id = (uint32_t) getpid();
    id &= 0x7fffffff;
    if (ag_buf_printf(&text, "{\"id\":%" PRIu32 ",\"method\":", id) < 0 ||
        ag_buf_append_json_str(&text, method, strlen(method)) < 0 || ag_buf_append_str(&text, ",\"params\":") < 0 ||
        ag_buf_append_span(&text, check) < 0 || ag_buf_append_char(&text, '}') < 0)
        return SIM_RUNTIME;
    check = ag_buf_span(&text);
    if (!sim_json_object(&check, 128)) {
        fprintf(stderr, "miio_sim phone: params are not JSON: %s\n", params);
        return SIM_USAGE;
    }
    for (int i = 0; i < p->tries; i++) {
        ag_buf_clear(&packet);
        if (ot_packet_seal(&packet, p->token, p->did, p->stamp + 1 + (uint32_t) i, ag_buf_span(&text)) < 0)
            return SIM_RUNTIME;
        for (int k = 0; k < p->repeat; k++)
            (void) !send(p->fd, ag_buf_head(&packet), ag_buf_size(&packet), 0);
        r = wait_answer(p, id, now_ms() + p->timeout_ms);
        if (r >= 0)
            return r;
    }
    fprintf(stderr, "miio_sim phone: no answer to %s\n", method);
    return SIM_RUNTIME;
}

static int phone_config_router(struct phone *p, int argc, char **argv)
{
    static const char *const names[] = {"ssid", "passwd", "uid", "country_domain", "tz"};
    ag_cleanup(ag_buf_deinit) struct ag_buf params = AG_BUF_INIT;
    int r = ag_buf_append_char(&params, '{');

    for (int i = 0; i < 5 && r == 0; i++) {
        const char *value = i < argc ? argv[i] : "0";

        if (i >= argc && i != 2) /* uid always goes */
            continue;
        r = ag_buf_printf(&params, "%s\"%s\":", i ? "," : "", names[i]);
        if (r == 0)
            r = i == 2 ? ag_buf_append_str(&params, value) : ag_buf_append_json_str(&params, value, strlen(value));
    }
    if (r < 0 || ag_buf_append_char(&params, '}') < 0)
        return SIM_RUNTIME;
    return phone_call(p, "miIO.config_router", ag_buf_cstr(&params));
}

/* ---- command line ---- */

static bool take_token(struct phone *p, const char *text)
{
    size_t n = strlen(text);

    if (n != 16 && n != 32)
        return false;
    for (size_t i = 0; i < 16; i++) {
        unsigned byte = (unsigned char) text[i];

        if (n == 32 && sscanf(text + 2 * i, "%2x", &byte) != 1)
            return false;
        p->token[i] = (char) byte;
    }
    p->has_token = true;
    return true;
}

static int take_address(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct phone *p = to;
    const char *why;

    (void) row;
    if (ag_addr_parse(value, &p->device, &why) == 0)
        return 0;
    snprintf(reason, n, "%s", why);
    return -EINVAL;
}

static int set_token(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    (void) row;
    snprintf(reason, n, "a token has 32 hex digits or 16 characters");
    return take_token(to, value) ? 0 : -EINVAL;
}

static const struct ag_option rows[] = {
    {.name = "address", .letter = 'a', .set = take_address},    {.name = "token", .letter = 't', .set = set_token},
    SIM_NUMBER("timeout", struct phone, timeout_ms, 1, 600000), SIM_NUMBER("tries", struct phone, tries, 1, 100),
    SIM_NUMBER("repeat", struct phone, repeat, 1, 1000),
};

static int run_command(struct phone *p, int argc, char **argv)
{
    if (phone_open(p) < 0 || phone_hello(p) < 0)
        return SIM_RUNTIME;
    if (strcmp(argv[0], "hello") == 0) {
        printf("did %" PRIu64 " stamp %" PRIu32, p->did, p->stamp);
        for (int i = 0; p->has_token && i < 16; i++)
            printf("%s%02x", i ? "" : " token ", (unsigned char) p->token[i]);
        putchar('\n');
        return SIM_OK;
    }
    if (!p->has_token) {
        fprintf(stderr, "miio_sim phone: the device tells no token, give it with --token\n");
        return SIM_RUNTIME;
    }
    if (strcmp(argv[0], "info") == 0)
        return phone_call(p, "miIO.info", "[]");
    if (strcmp(argv[0], "config_router") == 0)
        return phone_config_router(p, argc - 1, argv + 1);
    return phone_call(p, argv[1], argc > 2 ? argv[2] : "[]");
}

static bool is_command(int argc, char **argv)
{
    static const struct {
        const char *name;
        int min, max;
    } forms[] = {{"hello", 1, 1}, {"info", 1, 1}, {"config_router", 3, 6}, {"call", 2, 3}};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0] && argc > 0; i++) {
        if (strcmp(argv[0], forms[i].name) == 0)
            return argc >= forms[i].min && argc <= forms[i].max;
    }
    return false;
}

int sim_phone(int argc, char **argv)
{
    struct phone p = {.fd = -1, .timeout_ms = 5000, .tries = 3, .repeat = 1};
    int code;

    ag_addr_parse("127.0.0.1:54321", &p.device, NULL);
    code = sim_options("phone", phone_usage, rows, ag_array_size(rows), AG_WORDS_BEHIND, argc, argv, &p);
    if (code >= 0)
        return code;
    if (!is_command(argc - optind, argv + optind)) {
        phone_usage(stderr);
        return SIM_USAGE;
    }
    code = run_command(&p, argc - optind, argv + optind);
    if (p.fd >= 0)
        close(p.fd);
    return code;
}
