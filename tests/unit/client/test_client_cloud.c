/* SPDX-License-Identifier: MIT */
/*
 * The client as it is, with its sockets and its files, between an application's socket and a cloud that the test plays: what
 * becomes of reports when the cloud goes, stops or is another owner's, and how long the device may sleep.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/client.h"
#include "client/report/io/spool.h"
#include "libagent/core/log/log.h"

#define ID "did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=cool\nmodel=cool.prod.v1\n"

/* ---- the cloud ---- */

static struct played {
    struct cloud base;
    const struct cloud_env *env;
    uv_async_t ended;
    struct ag_buf seen;
    unsigned wakeup_s;
    bool pausing;  /* before the next try */
    uint32_t last; /* the report that came last */
    bool acks;
    size_t carries;                                     /* bytes */
    int answers;                                        /* what answer() says */
    void (*call_done)(void *user, struct ag_span text); /* of the method under way */
    void *call_user;
} cloud;

static int cloud_create(struct cloud **out, const struct cloud_env *env)
{
    cloud.env = env;
    *out = &cloud.base;
    return 0;
}

static void cloud_start(struct cloud *c)
{
    (void) c;
    ag_buf_append_str(&cloud.seen, "start ");
}

static void on_ended(uv_handle_t *h)
{
    (void) h;
    cloud.env->events->closed(cloud.env->user);
}

static void cloud_stop(struct cloud *c)
{
    (void) c;
    ag_buf_append_str(&cloud.seen, "stop ");
    uv_async_init(cloud.env->loop, &cloud.ended, NULL);
    uv_close((uv_handle_t *) &cloud.ended, on_ended);
}

static int cloud_report(struct cloud *c, uint32_t id, struct ag_span text, const struct ag_json_view *view, uint32_t at_s,
                        bool repeat)
{
    const char *n = memmem(text.p, text.len, "\"n", 2);

    (void) view;
    (void) c;
    (void) at_s;
    ag_buf_printf(&cloud.seen, "%s%c ", repeat ? "again" : "new", n ? n[2] : '?');
    cloud.last = id;
    if (cloud.acks)
        cloud.env->events->acked(cloud.env->user, id, AG_SPAN("{\"result\":\"ok\"}"));
    return 0;
}

static int cloud_carries(const struct device_conf *conf, struct ag_span text)
{
    (void) conf;
    return cloud.carries && text.len > cloud.carries ? -EMSGSIZE : 0;
}

static int cloud_answer(struct cloud *c, uint64_t token, struct ag_span text)
{
    (void) c;
    ag_buf_printf(&cloud.seen, "answer%" PRIu64 "%.*s ", token, memmem(text.p, text.len, "error", 5) ? 1 : 0, "!");
    return cloud.answers;
}

static int cloud_local_method(struct cloud *c, struct ag_span method, struct ag_span params,
                              void (*done)(void *user, struct ag_span text), void *user)
{
    (void) c;
    (void) params;
    if (!ag_span_eq(method, "played.ask"))
        return -ENOSYS;
    cloud.call_done = done;
    cloud.call_user = user;
    return 0;
}

static void cloud_kick(struct cloud *c)
{
    (void) c;
}

static unsigned cloud_wakeup_s(struct cloud *c)
{
    (void) c;
    return cloud.wakeup_s;
}

static uint64_t cloud_next_try_ms(const struct cloud *c)
{
    (void) c;
    return cloud.pausing ? cloud.wakeup_s * 1000 : UINT64_MAX;
}

static const struct cloud_ops ops = {.name = "played",
                                     .create = cloud_create,
                                     .start = cloud_start,
                                     .stop = cloud_stop,
                                     .report = cloud_report,
                                     .carries = cloud_carries,
                                     .answer = cloud_answer,
                                     .local_method = cloud_local_method,
                                     .kick = cloud_kick,
                                     .wakeup_s = cloud_wakeup_s,
                                     .next_try_ms = cloud_next_try_ms};

/* In the place of the clouds that are built in. */
const struct cloud_ops *cloud_find(const char *name)
{
    (void) name;
    return &ops;
}

/* ---- the client and one application ---- */

struct rig {
    uv_loop_t loop;
    struct client c;
    struct device_conf conf;
    char dir[64], text[4096];
    int app;
    bool closed;
};

static int open_app(const struct ag_addr *at)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[AG_ADDR_TEXT_MAX];

    sa.sin_port = htons((uint16_t) atoi(strrchr(ag_addr_format(at, text), ':') + 1));
    assert_int_equal(connect(fd, (struct sockaddr *) &sa, sizeof sa), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void rig_start(struct rig *r, bool wired, bool external)
{
    struct client_options o = {.cloud = "played",
                               .wired = wired,
                               .external_helper = external,
                               .command_timeout_ms = 4000,
                               .request_timeout_ms = 30000,
                               .memory_limit = 16 << 20};
    char error[DATA_ERROR_MAX];
    const char *why;

    assert_int_equal(data_dir_init(&o.dir, r->dir), 0);
    assert_int_equal(ag_addr_parse("127.0.0.1:0", &o.local, &why), 0);
    memset(&cloud, 0, sizeof cloud);
    cloud.base.ops = &ops;
    cloud.acks = true;
    if (client_open(&r->c, &r->loop, &o, &r->conf, error) != 0)
        fail_msg("%s", error);
    r->app = open_app(&r->c.peers.bound);
    r->closed = false;
}

static void rig_make(struct rig *r)
{
    struct device_conf_error err;

    *r = (struct rig){.dir = "/tmp/miio_cloud.XXXXXX"};
    assert_non_null(mkdtemp(r->dir));
    assert_int_equal(device_conf_parse(&r->conf, ID, sizeof ID - 1, &err), 0);
    assert_int_equal(uv_loop_init(&r->loop), 0);
}

static void on_closed(void *user)
{
    ((struct rig *) user)->closed = true;
}

static void rig_stop(struct rig *r)
{
    close(r->app);
    client_close(&r->c, on_closed, r);
    while (!r->closed)
        uv_run(&r->loop, UV_RUN_ONCE);
    client_deinit(&r->c);
    ag_buf_deinit(&cloud.seen);
}

static void rig_end(struct rig *r)
{
    char command[128];

    rig_stop(r);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    device_conf_deinit(&r->conf);
    snprintf(command, sizeof command, "rm -rf %s", r->dir);
    assert_int_equal(system(command), 0);
}

static void say(struct rig *r, const char *text)
{
    assert_int_equal(write(r->app, text, strlen(text)), strlen(text));
}

/* Everything that the application is told until the word has come. */
static const char *hears(struct rig *r, const char *word)
{
    size_t n = 0;

    for (;;) {
        ssize_t got = read(r->app, r->text + n, sizeof r->text - n - 1);

        n += got > 0 ? (size_t) got : 0;
        r->text[n] = '\0';
        if (strstr(r->text, word))
            return r->text;
        assert_true(got != 0);
        uv_run(&r->loop, UV_RUN_NOWAIT); /* both ends are ours: never sleep on one of them */
        poll(&(struct pollfd){.fd = r->app, .events = POLLIN}, 1, 1);
    }
}

static void turn(struct rig *r, bool (*until)(const struct rig *r))
{
    while (!until(r))
        uv_run(&r->loop, UV_RUN_ONCE);
}

#define saw(text)                                                                                                                \
    do {                                                                                                                         \
        assert_string_equal(ag_buf_cstr(&cloud.seen) ? ag_buf_cstr(&cloud.seen) : "", text);                                     \
        ag_buf_clear(&cloud.seen);                                                                                               \
    } while (0)

static void comes_up(void)
{
    cloud.env->events->connected(cloud.env->user);
}

static void goes_down(void)
{
    cloud.env->events->lost(cloud.env->user, "played");
}

static void keeps(struct rig *r, int number)
{
    char text[96];

    snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"event.e\",\"params\":[\"n%d\"]}", number, number);
    say(r, text);
    hears(r, "queued");
}

static unsigned wakeup_s(struct rig *r)
{
    const char *at;

    say(r, "{\"id\":900,\"method\":\"local.prep_suspend\",\"params\":[]}");
    at = strstr(hears(r, "\"id\":900"), "wakeup_time\":");
    if (!at)
        at = strstr(hears(r, "wakeup_time\":"), "wakeup_time\":");
    return (unsigned) atoi(at + strlen("wakeup_time\":"));
}

/* ---- rows ---- */

static bool has_restarted(const struct rig *r)
{
    return !r->c.clouds.at[0].stopping;
}

static bool has_a_report(const struct rig *r)
{
    (void) r;
    return cloud.last != 0;
}

static bool nobody_is_there(const struct rig *r)
{
    return r->c.intake.commands.peers == 0;
}

/* A cloud that is there and acknowledges nothing. */
static void rig_with_a_slow_cloud(struct rig *r)
{
    rig_make(r);
    rig_start(r, true, false);
    cloud.acks = false;
    comes_up();
}

static void a_stop_keeps_what_is_under_way(void **state)
{
    struct rig r;

    (void) state;
    rig_with_a_slow_cloud(&r);
    say(&r, "{\"method\":\"event.e\",\"params\":[\"n1\"]}");
    turn(&r, has_a_report);
    cloud_links_stop(&r.c.clouds);
    cloud_links_go_online(&r.c.clouds);
    turn(&r, has_restarted);
    saw("start new1 stop start ");
    keeps(&r, 2);
    cloud.acks = true;
    comes_up();
    saw("again1 again2 ");
    rig_end(&r);
}

static void a_loss_keeps_what_is_under_way_and_what_waits(void **state)
{
    struct rig r;

    (void) state;
    rig_with_a_slow_cloud(&r);
    say(&r, "{\"id\":1,\"method\":\"event.e\",\"params\":[\"n1\"]}");
    turn(&r, has_a_report);
    goes_down();
    hears(&r, "{\"id\":1,\"result\":[\"queued\"]}");
    rig_stop(&r);
    rig_start(&r, true, false);
    comes_up();
    saw("start again1 ");
    rig_end(&r);
}

/* A reset, by whatever way it comes: the next owner's cloud hears nothing of the last one's. */
static bool has_stopped(const struct rig *r)
{
    return r->c.setup.machine.state != SETUP_LEAVING && !r->c.clouds.at[0].stopping;
}

static void a_reset_forgets_what_is_kept(void **state)
{
    char path[128];
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_start(&r, true, false);
    keeps(&r, 1);
    snprintf(path, sizeof path, "%s/reports.mdb", r.dir);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(setup_link_reset(&r.c.setup), 0);
    assert_int_equal(access(path, F_OK), -1); /* before "ok" is said */
    keeps(&r, 2);                             /* an application that does not know yet */
    turn(&r, has_stopped);
    assert_true(report_queue_empty(&r.c.reports.path.lanes[0].queue));
    assert_int_equal(access(path, F_OK), -1);
    cloud_links_go_online(&r.c.clouds);
    comes_up();
    assert_null(strstr(ag_buf_cstr(&cloud.seen), "again"));
    rig_end(&r);
}

/* What waits for an answer of the last owner's cloud, a report or not, hears at once that there will be none. */
static void a_reset_answers_who_waits(void **state)
{
    struct rig r;

    (void) state;
    rig_with_a_slow_cloud(&r);
    say(&r, "{\"id\":1,\"method\":\"event.e\",\"params\":[\"n1\"]}");
    say(&r, "{\"id\":2,\"method\":\"vendor.ask\"}");
    turn(&r, has_a_report);
    assert_int_equal(setup_link_reset(&r.c.setup), 0);
    hears(&r, "{\"id\":1,\"error\":{\"code\":-32002,\"message\":\"the device was reset\"}}"
              "{\"id\":2,\"error\":{\"code\":-32002,\"message\":\"the device was reset\"}}");
    rig_end(&r);
}

static void helper_says(struct rig *r, const char *text)
{
    struct ag_span all = {text, strlen(text)}, method;
    struct ag_json_view view;
    char name[64];

    assert_int_equal(ag_json_parse(&all, 16, &view), 0);
    assert_true(ag_view_str(&view, all.p, AG_M_METHOD, name, sizeof name, &method));
    assert_true(setup_link_helper_text(&r->c.setup, 1, method, all, &view));
}

/* Identity, token, and that there is a network. */
static void helper_settles(struct rig *r)
{
    helper_says(r, "{\"method\":\"_internal.response_dinfo\",\"params\":{\"did\":10000,\"key\":\"EsrtdeaInabcPQM0\",\"mac\":"
                   "\"8C:BE:BE:AA:BB:59\",\"vendor\":\"cool\",\"model\":\"cool.prod.v1\"}}");
    helper_says(r, "{\"method\":\"_internal.response_dtoken\",\"params\":\"0123456789abcdef\"}");
    helper_says(r, "{\"method\":\"_internal.res_wifi_conf_status\",\"params\":1}");
    assert_int_equal(r->c.setup.machine.stage, HELPER_SETTLED);
    assert_true(r->c.setup.machine.provisioned);
}

static void a_reset_by_the_helper_forgets_what_is_kept(void **state)
{
    char path[128];
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_start(&r, true, true);
    keeps(&r, 1);
    snprintf(path, sizeof path, "%s/reports.mdb", r.dir);
    helper_settles(&r);
    helper_says(&r, "{\"method\":\"_internal.wifi_ap_mode\"}"); /* it was not asked to join */
    assert_true(report_queue_empty(&r.c.reports.path.lanes[0].queue));
    assert_int_equal(access(path, F_OK), -1);
    rig_end(&r);
}

static void a_failed_join_forgets_nothing(void **state)
{
    const struct router_params home = {.has_uid = true, .wifi = {.ssid = "home", .uid = 5}};
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_start(&r, false, true);
    helper_settles(&r);
    keeps(&r, 1);
    assert_int_equal(setup_link_network(&r.c.setup, ORIGIN_LAN, &home), 0);
    helper_says(&r, "{\"method\":\"_internal.wifi_connect_failed\"}");
    assert_int_equal(r.c.setup.machine.n_failed, 1);
    assert_int_equal(r.c.reports.path.lanes[0].queue.n, 1);
    rig_end(&r);
}

static void too_large_is_said_at_once_while_the_cloud_is_away(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_start(&r, true, false);
    cloud.carries = 80;
    say(&r, "{\"id\":1,\"method\":\"event.e\",\"params\":[\"n1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"]}");
    hears(&r, "{\"id\":1,\"error\":{\"code\":-32000,\"message\":\"too large for the cloud\"");
    keeps(&r, 2);
    comes_up();
    saw("start again2 ");
    rig_end(&r);
}

static void how_long_the_device_may_sleep(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_start(&r, true, false);
    cloud.wakeup_s = 17; /* to the next try */
    assert_int_equal(wakeup_s(&r), 17);
    keeps(&r, 1); /* nothing can be done for it before */
    assert_int_equal(wakeup_s(&r), 17);
    cloud.wakeup_s = 0; /* trying just now */
    assert_int_equal(wakeup_s(&r), 0);
    r.c.clouds.at[0].try_at_ms = uv_now(&r.loop) - 5000; /* for so long without a word of the server's */
    assert_int_equal(wakeup_s(&r), 10);
    cloud.pausing = true;
    goes_down(); /* the next one begins a moment later */
    cloud.pausing = false;
    assert_int_equal(wakeup_s(&r), 0);
    cloud.wakeup_s = 40; /* its keepalive */
    cloud.acks = false;
    comes_up();
    saw("start again1 ");
    assert_int_equal(wakeup_s(&r), 0); /* the kept report is on its way */
    cloud.env->events->failed(cloud.env->user, cloud.last, true, -30011, "played");
    assert_int_equal(wakeup_s(&r), 0); /* held back, but still to be sent */
    goes_down();
    comes_up();
    cloud.env->events->acked(cloud.env->user, cloud.last, AG_SPAN("{\"result\":\"ok\"}"));
    while (!spool_is_idle(r.c.reports.path.spool))
        uv_run(&r.loop, UV_RUN_ONCE);
    assert_int_equal(wakeup_s(&r), 40);
    cloud.wakeup_s = 100000;
    assert_int_equal(wakeup_s(&r), 3600);
    rig_end(&r);
}

/* The application goes, another one gets its place: it hears nothing that the first one asked for. */
static void a_place_used_again(void **state)
{
    struct rig r;
    uint32_t asked;

    (void) state;
    rig_with_a_slow_cloud(&r);
    say(&r, "{\"id\":1,\"method\":\"get\"}{\"id\":2,\"method\":\"played.ask\"}{\"id\":3,\"method\":\"local.query_did\"}");
    hears(&r, "\"id\":3");
    asked = cloud.last;
    close(r.app);
    turn(&r, nobody_is_there);
    r.app = open_app(&r.c.peers.bound);
    say(&r, "{\"id\":4,\"method\":\"local.query_did\"}");
    hears(&r, "\"id\":4");
    assert_non_null(local_server_who(r.c.peers.sockets, 0)); /* the same place */
    cloud.env->events->acked(cloud.env->user, asked, AG_SPAN("{\"result\":\"of the first one\"}"));
    cloud.call_done(cloud.call_user, AG_SPAN("{\"result\":\"of the first one\"}"));
    say(&r, "{\"id\":5,\"method\":\"local.query_did\"}");
    assert_null(strstr(hears(&r, "\"id\":5"), "of the first one"));
    rig_end(&r);
}

static void command_comes(uint64_t token)
{
    cloud.env->events->command(cloud.env->user, token, AG_SPAN("{\"id\":9,\"method\":\"m\"}"), true);
}

/* What a reload changes holds for what comes next. */
static void a_reload_takes_the_limits(void **state)
{
    struct client_options fresh;
    struct rig r;

    (void) state;
    rig_with_a_slow_cloud(&r);
    say(&r, "{\"id\":1,\"method\":\"local.query_did\"}");
    hears(&r, "\"id\":1");
    fresh = r.c.options;
    fresh.command_timeout_ms = 1234;
    fresh.request_timeout_ms = 4321;
    fresh.lan_stamp_window_s = 77;
    fresh.join_tries = 3;
    fresh.join_pause_ms = 1717;
    client_reload(&r.c, &fresh);
    command_comes(1);
    assert_int_equal(command_next_deadline(&r.c.intake.commands) - uv_now(&r.loop), 1234);
    say(&r, "{\"id\":2,\"method\":\"get\"}{\"id\":3,\"method\":\"local.query_did\"}");
    hears(&r, "\"id\":3");
    assert_in_range(uplink_next_deadline(&r.c.reports.uplink), 1, uv_now(&r.loop) + 4321);
    assert_int_equal(r.c.phones.lan.stamp_window_s, 77);
    assert_int_equal(r.c.setup.machine.settings.join_tries, 3);
    assert_int_equal(r.c.setup.machine.settings.join_pause_ms, 1717);
    rig_end(&r);
}

static void answers(struct rig *r)
{
    const char *id = strstr(hears(r, "\"method\":\"m\"}"), "{\"id\":");
    char text[64];

    snprintf(text, sizeof text, "{\"id\":%lu,\"result\":1}{\"id\":7,\"method\":\"local.query_did\"}",
             strtoul(id + strlen("{\"id\":"), NULL, 10));
    say(r, text);
    hears(r, "\"id\":7");
}

/* A token is the session's that gave it. What a cloud does not take is counted. */
static void answers_find_their_session_or_are_counted(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_start(&r, true, false);
    say(&r, "{\"id\":1,\"method\":\"local.query_did\"}");
    hears(&r, "\"id\":1");
    comes_up();
    saw("start ");
    command_comes(1);
    answers(&r);
    saw("answer1 ");
    assert_int_equal(r.c.intake.stats.answers_lost, 0);
    cloud.answers = -ENOBUFS;
    command_comes(2);
    answers(&r);
    saw("answer2 ");
    assert_int_equal(r.c.intake.stats.answers_lost, 1);
    command_comes(3);
    cloud_links_stop(&r.c.clouds);
    cloud_links_go_online(&r.c.clouds);
    turn(&r, has_restarted);
    saw("stop start ");
    comes_up();
    answers(&r); /* to the command of the session that has ended */
    saw("");
    assert_int_equal(r.c.intake.commands.stats.ownerless, 1);
    rig_end(&r);
}

static void a_text_of_bad_form_is_refused(void **state)
{
    static const char *const texts[] = {"{\"id\":1,\"method\":\"a\",\"method\":\"b\"}", "{\"id\":1,\"id\":2,\"method\":\"a\"}",
                                        "long"};
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_start(&r, true, false);
    say(&r, "{\"id\":1,\"method\":\"local.query_did\"}");
    hears(&r, "\"id\":1");
    comes_up();
    saw("start ");
    for (size_t i = 0; i < ag_array_size(texts); i++) {
        char text[256];
        int n = snprintf(text, sizeof text, "%s", texts[i]);

        if (strcmp(texts[i], "long") == 0)
            n = snprintf(text, sizeof text, "{\"id\":\"%0200d\",\"method\":\"a\"}", 7);
        cloud.env->events->command(cloud.env->user, 4, (struct ag_span){text, (size_t) n}, true);
        saw("answer4! ");
        say(&r, text);
        hears(&r, "-32600");
    }
    assert_int_equal(r.c.intake.stats.bad_form, 6);
    assert_int_equal(r.c.intake.commands.stats.started, 0);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_keeps_what_is_under_way),
        cmocka_unit_test(a_loss_keeps_what_is_under_way_and_what_waits),
        cmocka_unit_test(a_reset_answers_who_waits),
        cmocka_unit_test(a_reset_forgets_what_is_kept),
        cmocka_unit_test(a_reset_by_the_helper_forgets_what_is_kept),
        cmocka_unit_test(a_failed_join_forgets_nothing),
        cmocka_unit_test(too_large_is_said_at_once_while_the_cloud_is_away),
        cmocka_unit_test(how_long_the_device_may_sleep),
        cmocka_unit_test(a_place_used_again),
        cmocka_unit_test(a_reload_takes_the_limits),
        cmocka_unit_test(answers_find_their_session_or_are_counted),
        cmocka_unit_test(a_text_of_bad_form_is_refused),
    };

    ag_log_open("/dev/null");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
