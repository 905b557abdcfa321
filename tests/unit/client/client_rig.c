/* SPDX-License-Identifier: MIT */
#include "tests/unit/client/client_rig_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "client/client.h"
#include "tests/unit/client/played_timers.h"

#define TOKEN    "a1B2c3D4e5F6g7H8"
#define LONG     "+600000" /* in which nothing else follows */
#define IDENTITY "did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=cool\nmodel=cool.prod.v1\n"

static struct rig {
    const char *name, *mode;
    unsigned line;
    struct client c;
    struct device_conf conf;
    struct client_options options;
    char dir[64];
    uint64_t now_ms;
    bool open, closed;
    char *received; /* the last text from anybody */
} rig;

/* Who hears, by the letter of its lines. */
static const struct {
    char letter;
    struct ear *ear;
} ears[] = {
    {'A', &rig_app_ears[0]},   {'X', &rig_app_ears[1]},  {'Y', &rig_app_ears[2]}, {'Z', &rig_app_ears[3]},
    {'M', &rig_channels_ear},  {'L', &rig_phone_ear},    {'B', &rig_ble_ear},     {'C', &rig_cloud_ears[0]},
    {'S', &rig_cloud_ears[1]}, {'P', &rig_programs_ear},
};

void rig_fail(const char *fmt, ...)
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
    rig_fail("%s", why);
}

const char *rig_dir(void)
{
    return rig.dir;
}

const char *rig_token(void)
{
    return rig.c.device.token;
}

uint64_t rig_now_ms(void)
{
    return rig.now_ms;
}

struct ag_span rig_received(struct ag_span text)
{
    char *copy = malloc(text.len ? text.len : 1);

    assert_non_null(copy);
    free(rig.received);
    rig.received = memcpy(copy, text.p, text.len);
    return (struct ag_span){copy, text.len};
}

static void wait_ms(uint64_t ms)
{
    played_timers_wait(ms, rig_turn_end);
}

/* ---- lines ---- */

static void let_open(unsigned n)
{
    struct rlimit l;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
    l.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
}

static void file_line(char what, const char *text)
{
    char name[64], path[256];
    FILE *f;

    if (what == '=') {
        let_open((unsigned) atoi(text));
        return;
    }
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
        rig_fail("%s is %s", name, what == '?' ? "gone" : "there");
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
        rig_fail("no such line: %s", line);
    wanted = name;
    counted = UINT64_MAX;
    status_tell_counters(&rig.c.parts, tell, NULL);
    if (getenv("CLIENT_RIG_SHOW"))
        printf("= %s=%" PRIu64 "\n", name, counted);
    else if (counted != strtoull(strchr(line, '=') + 1, NULL, 10))
        rig_fail("%s is %" PRIu64, name, counted);
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
            rig_fail("%s is %" PRIu64 ", and %" PRIu64 " of them are known", sums[i][0], value_of(sums[i][0]), went);
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
    rig_turn_close();
    rig_clouds_close();
    if (!rig.closed)
        rig_fail("something stays open");
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
            rig_program_line('-', lines[n] + 3);
    }
    make_options(mode);
    if (client_open(&rig.c, NULL, &rig.options, &rig.conf, error) != 0)
        rig_fail("%s", error);
    rig_turn_end();
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
    else if (line[0] >= 'A' && line[0] < 'A' + RIG_APPS && !strchr("BCD", line[0]))
        rig_app_line(0, line[1], text);
    else if (line[0] >= 'X' && line[0] <= 'Z')
        rig_app_line((unsigned) (line[0] - 'X') + 1, line[1], text);
    else if (line[0] == 'M')
        rig_channels_line(line[1], text);
    else if (line[0] == 'L')
        rig_phone_line(line[1], text);
    else if (line[0] == 'B')
        rig_ble_line(line[1], text);
    else if (line[0] == 'C' || line[0] == 'S')
        rig_cloud_line(line[0] == 'S', line[1], text);
    else if (line[0] == 'D')
        rig_store_line(line[1], text);
    else if (line[0] == 'P')
        rig_program_line(line[1], text);
    else if (line[0] == 'F')
        file_line(line[1], text);
    else
        counter_line(line);
}

static void check_silence(void)
{
    for (size_t i = 0; i < ag_array_size(ears); i++) {
        if (ears[i].ear->n > 0)
            rig_fail("the row ends, but %c hears: %s", ears[i].letter, ears[i].ear->lines[0]);
    }
}

static void end_row(void)
{
    char command[128];

    if (rig.open)
        stop();
    client_deinit(&rig.c);
    rig_store_end();
    rig_phone_end();
    rig_programs_end();
    for (size_t i = 0; i < ag_array_size(ears); i++) {
        while (ears[i].ear->n > 0)
            rig_forget_line(ears[i].ear);
    }
    free(rig.received);
    device_conf_deinit(&rig.conf);
    snprintf(command, sizeof command, "rm -rf %s", rig.dir);
    assert_int_equal(system(command), 0);
}

/* To write a row: what each line leads to. */
static void show(void)
{
    for (size_t i = 0; i < ag_array_size(ears); i++) {
        for (; ears[i].ear->n > 0; rig_forget_line(ears[i].ear))
            printf("%c< %s\n", ears[i].letter, ears[i].ear->lines[0]);
    }
}

void client_rig_run(const char *name, const char *mode, const char *const *lines)
{
    unsigned n;

    rig = (struct rig){.name = name, .mode = mode, .dir = "/tmp/client_rig.XXXXXX", .now_ms = 1000000};
    played_timers_begin(&rig.now_ms, fail_why);
    rig_turn_begin();
    rig_local_begin();
    rig_phone_begin();
    rig_store_begin();
    rig_programs_begin();
    rig_clouds_begin();
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
        rig_turn_end();
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
