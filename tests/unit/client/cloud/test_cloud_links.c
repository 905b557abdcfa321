/* SPDX-License-Identifier: MIT */
/* Two clouds and their links, without a network: what their events become, and which of them the device speaks of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "client/cloud/cloud_links.h"

#define ID "did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=cool\nmodel=cool.prod.v1\n"

static struct {
    struct device device;
    struct device_conf conf;
    struct cloud_links links;
    struct cloud clouds[CLOUDS_MAX];
    const struct cloud_env *env[CLOUDS_MAX];
    void (*done)(void *user, struct ag_span text); /* of the method under way */
    void *done_user;
    int list;             /* what another list is answered */
    int checked, created; /* what is answered for the second one */
    uint64_t now_ms;
    char journal[2048];
} rig;

static void ag_printf_like(1, 2) note(const char *fmt, ...)
{
    size_t at = strlen(rig.journal);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(rig.journal + at, sizeof rig.journal - at, fmt, ap);
    va_end(ap);
}

static void expect(const char *want)
{
    assert_string_equal(rig.journal, want);
    rig.journal[0] = '\0';
}

uint64_t uv_now(const uv_loop_t *loop)
{
    (void) loop;
    return rig.now_ms;
}

/* ---- two clouds ---- */

static unsigned place_of(const struct cloud *c)
{
    return (unsigned) (c - rig.clouds);
}

static int create(unsigned place, const struct cloud_ops *ops, struct cloud **out, const struct cloud_env *env)
{
    rig.clouds[place].ops = ops;
    rig.env[place] = env;
    *out = &rig.clouds[place];
    return 0;
}

static const struct cloud_ops one, two;

static int create_one(struct cloud **out, const struct cloud_env *env)
{
    return create(CLOUD_OT, &one, out, env);
}

static int create_two(struct cloud **out, const struct cloud_env *env)
{
    return rig.created < 0 ? rig.created : create(CLOUD_MQTT, &two, out, env);
}

static int check_two(const struct device_conf *conf, char *why, size_t n)
{
    (void) conf;
    snprintf(why, n, "checked");
    return rig.checked;
}

static void start(struct cloud *c)
{
    note("start %u; ", place_of(c));
}

static void stop(struct cloud *c)
{
    note("stop %u; ", place_of(c));
}

static int answer(struct cloud *c, uint64_t token, struct ag_span text)
{
    note("answer %u %" PRIu64 " %.*s; ", place_of(c), token, (int) text.len, text.p);
    return 0;
}

static int report(struct cloud *c, uint32_t id, struct ag_span text, const struct ag_json_view *view, uint32_t at_s, bool repeat)
{
    (void) view;
    (void) text;
    (void) at_s;
    (void) repeat;
    note("report %u %" PRIu32 "; ", place_of(c), id);
    return 0;
}

static void kick(struct cloud *c)
{
    note("kick %u; ", place_of(c));
}

static int local_method(struct cloud *c, struct ag_span method, struct ag_span params, void (*done)(void *, struct ag_span),
                        void *user)
{
    (void) c;
    (void) params;
    if (!ag_span_eq(method, "two.ask"))
        return -ENOSYS;
    rig.done = done;
    rig.done_user = user;
    return 0;
}

static const struct cloud_ops one = {.name = "ot",
                                     .place = CLOUD_OT,
                                     .create = create_one,
                                     .start = start,
                                     .stop = stop,
                                     .answer = answer,
                                     .report = report,
                                     .kick = kick};
static const struct cloud_ops two = {.name = "mqtt",
                                     .place = CLOUD_MQTT,
                                     .check = check_two,
                                     .create = create_two,
                                     .start = start,
                                     .stop = stop,
                                     .answer = answer,
                                     .report = report,
                                     .local_method = local_method};

const struct cloud_ops *cloud_find(const char *name)
{
    return strcmp(name, "ot") == 0 ? &one : strcmp(name, "mqtt") == 0 ? &two : NULL;
}

/* ---- the rest of the client ---- */

static void on_command(void *user, unsigned place, uint64_t token, struct ag_span text, const struct ag_json_view *view,
                       bool wants_answer)
{
    (void) user;
    note("command %u %" PRIu64 " %.*s%s%s; ", place, token, (int) text.len, text.p, view ? "" : " none",
         wants_answer ? " ?" : "");
}

static void on_acked(void *user, unsigned place, uint32_t id, struct ag_span text)
{
    (void) user;
    note("acked %u %" PRIu32 " %.*s; ", place, id, (int) text.len, text.p);
}

static void on_failed(void *user, unsigned place, uint32_t id, bool retry, int code, const char *message)
{
    (void) user;
    note("failed %u %" PRIu32 "%s %d %s; ", place, id, retry ? " retry" : "", code, message);
}

static void on_room(void *user, unsigned place)
{
    (void) user;
    note("room %u; ", place);
}

static void on_lost(void *user, unsigned place)
{
    (void) user;
    note("lost %u; ", place);
}

static void on_gone(void *user, unsigned place)
{
    (void) user;
    note("gone %u; ", place);
}

static void on_answer(void *user, unsigned peer, struct ag_span text)
{
    (void) user;
    note("to %u %.*s; ", peer, (int) text.len, text.p);
}

static void on_status(void *user, struct ag_span text)
{
    (void) user;
    note("%.*s; ", (int) text.len, text.p);
}

static int on_device_info(void *user, struct ag_buf *out)
{
    (void) user;
    return ag_buf_append_str(out, "{}");
}

static int on_list(void *user, const struct cloud_list *list, const struct device_conf *fresh)
{
    (void) user;
    (void) fresh;
    note("list of %u; ", list->n);
    return rig.list;
}

static void on_closed(void *user)
{
    (void) user;
    note("closed; ");
}

static const struct cloud_links_host host = {.command = on_command,
                                             .acked = on_acked,
                                             .failed = on_failed,
                                             .room = on_room,
                                             .lost = on_lost,
                                             .gone = on_gone,
                                             .answer = on_answer,
                                             .status = on_status,
                                             .device_info = on_device_info,
                                             .list = on_list,
                                             .closed = on_closed};

static void on_said(void *user, const char *word)
{
    (void) user;
    note("say %s; ", word);
}

static void begin(const char *list)
{
    struct device_conf_error err;

    memset(&rig, 0, sizeof rig);
    rig.now_ms = 1000;
    assert_int_equal(device_conf_parse(&rig.conf, ID, sizeof ID - 1, &err), 0);
    device_init(&rig.device, NULL, &rig.conf, NULL, on_said, NULL);
    cloud_links_init(&rig.links, &(struct cloud_links_env){.device = &rig.device, .data_dir = "/", .host = &host}, list);
}

/* The network is there. */
static void go(void)
{
    device_event(&rig.device, DEVICE_EV_PROVISIONED);
    cloud_links_go_online(&rig.links);
    rig.journal[0] = '\0';
}

static void finish(void)
{
    unsigned n = cloud_links_n_open(&rig.links);

    cloud_links_close(&rig.links);
    for (unsigned i = 0; i < CLOUDS_MAX; i++) {
        if (rig.links.at[i].cloud)
            rig.env[i]->events->closed(rig.env[i]->user);
    }
    for (unsigned i = 0; i < n; i++)
        assert_non_null(strstr(rig.journal, "closed; "));
    assert_int_equal(cloud_links_n_open(&rig.links), 0);
    device_conf_deinit(&rig.conf);
    device_deinit(&rig.device);
}

static void comes_up(unsigned place)
{
    rig.env[place]->events->connected(rig.env[place]->user);
}

static void words_are(const char *want)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

    assert_int_equal(cloud_links_put_words(&rig.links, &out), 0);
    assert_string_equal(ag_buf_cstr(&out), want);
}

/* ---- tests ---- */

static void test_words(void **state)
{
    char names[CLOUD_LIST_MAX];

    (void) state;
    begin("none");
    words_are("{}");
    assert_string_equal(cloud_links_names(&rig.links, names), "none");
    finish();
    begin("ot,mqtt");
    words_are("{\"ot\":\"off\",\"mqtt\":\"off\"}");
    assert_string_equal(cloud_links_names(&rig.links, names), "ot,mqtt");
    go();
    words_are("{\"ot\":\"cloud_trying\",\"mqtt\":\"cloud_trying\"}");
    comes_up(CLOUD_MQTT);
    expect("{\"method\":\"cloud.status\",\"params\":{\"ot\":\"cloud_trying\",\"mqtt\":\"cloud_connected\"}}; room 3; ");
    finish();
}

/* Of one cloud alone cloud.status is not told: local.status says the same. */
static void test_one_cloud_has_no_words(void **state)
{
    (void) state;
    begin("ot");
    go();
    comes_up(CLOUD_OT);
    expect("say cloud_connected; room 0; ");
    finish();
}

static void test_the_device_speaks_of_the_primary(void **state)
{
    (void) state;
    begin("ot,mqtt");
    go();
    comes_up(CLOUD_MQTT);
    assert_int_not_equal(rig.device.machine.state, DEVICE_CLOUD_CONNECTED);
    comes_up(CLOUD_OT);
    assert_int_equal(rig.device.machine.state, DEVICE_CLOUD_CONNECTED);
    rig.env[CLOUD_MQTT]->events->lost(rig.env[CLOUD_MQTT]->user, "gone");
    assert_int_equal(rig.device.machine.state, DEVICE_CLOUD_CONNECTED);
    finish();
}

static void test_events_go_to_the_host(void **state)
{
    const struct cloud_events *ev;
    void *user;

    (void) state;
    begin("mqtt");
    go();
    comes_up(CLOUD_MQTT);
    rig.journal[0] = '\0';
    ev = rig.env[CLOUD_MQTT]->events;
    user = rig.env[CLOUD_MQTT]->user;
    ev->command(user, 7, AG_SPAN("{\"id\":1,\"method\":\"m\"}"), true);
    expect("command 3 7 {\"id\":1,\"method\":\"m\"} ?; ");
    ev->command(user, 8, AG_SPAN("[1]"), false);
    expect("command 3 8 [1] none; ");
    ev->acked(user, 5, AG_SPAN("{}"));
    ev->failed(user, 6, true, -3, "later");
    ev->room(user);
    expect("acked 3 5 {}; failed 3 6 retry -3 later; room 3; ");
    ev->lost(user, "why");
    assert_non_null(strstr(rig.journal, "lost 3; "));
    finish();
}

static void test_who_is_not_there_is_not_asked(void **state)
{
    (void) state;
    begin("mqtt");
    assert_int_equal(cloud_links_answer(&rig.links, CLOUD_MQTT, 1, AG_SPAN("{}")), -ENOTCONN);
    assert_int_equal(cloud_links_answer(&rig.links, CLOUDS_MAX, 1, AG_SPAN("{}")), -ENOTCONN);
    assert_int_equal(cloud_links_report(&rig.links, CLOUD_OT, 1, AG_SPAN("{}"), NULL, 0, false), -ENOTCONN);
    assert_false(cloud_links_takes(&rig.links, CLOUD_MQTT));
    go();
    assert_false(cloud_links_takes(&rig.links, CLOUD_MQTT)); /* no session yet */
    comes_up(CLOUD_MQTT);
    assert_true(cloud_links_takes(&rig.links, CLOUD_MQTT));
    rig.journal[0] = '\0';
    assert_int_equal(cloud_links_answer(&rig.links, CLOUD_MQTT, 1, AG_SPAN("{}")), 0);
    assert_int_equal(cloud_links_report(&rig.links, CLOUD_MQTT, 2, AG_SPAN("{}"), NULL, 0, false), 0);
    expect("answer 3 1 {}; report 3 2; ");
    finish();
}

static bool offer(unsigned peer, const char *text)
{
    struct ag_span span = {text, strlen(text)};
    struct ag_json_view view;

    assert_int_equal(ag_json_parse(&span, 16, &view), 0);
    return cloud_links_offer(&rig.links, peer, span, &view);
}

static void test_a_method_of_a_clouds_own(void **state)
{
    (void) state;
    begin("ot,mqtt");
    go();
    assert_false(offer(4, "{\"id\":\"x\",\"method\":\"props\"}"));
    assert_true(offer(4, "{\"id\":\"x\",\"method\":\"two.ask\"}"));
    rig.done(rig.done_user, AG_SPAN("{\"result\":1}"));
    expect("to 4 {\"id\":\"x\",\"result\":1}; ");
    assert_true(offer(4, "{\"id\":2,\"method\":\"two.ask\"}"));
    cloud_links_forget_peer(&rig.links, 4);
    rig.done(rig.done_user, AG_SPAN("{\"result\":1}"));
    expect("");
    assert_true(offer(5, "{\"id\":3,\"method\":\"two.ask\"}")); /* its cloud goes first */
    finish();
    assert_non_null(strstr(rig.journal, "to 5 {\"id\":3,\"error\":{\"code\":-32002"));
}

static void test_another_list(void **state)
{
    (void) state;
    begin("ot");
    go();
    comes_up(CLOUD_OT);
    rig.journal[0] = '\0';
    rig.list = -EINVAL; /* the routes are wrong */
    cloud_links_take_list(&rig.links, "mqtt", &rig.conf);
    expect("list of 1; ");
    words_are("{\"ot\":\"cloud_connected\"}");
    rig.list = 0;
    cloud_links_take_list(&rig.links, "ot,mqtt", &rig.conf);
    assert_non_null(strstr(rig.journal, "start 3; "));
    assert_null(strstr(rig.journal, "stop"));
    words_are("{\"ot\":\"cloud_connected\",\"mqtt\":\"cloud_trying\"}");
    rig.journal[0] = '\0';
    cloud_links_take_list(&rig.links, "mqtt", &rig.conf);
    assert_non_null(strstr(rig.journal, "lost 0; stop 0; "));
    words_are("{\"mqtt\":\"cloud_trying\"}");
    assert_int_equal(cloud_links_n_open(&rig.links), 2); /* one is on its way out */
    finish();
}

static void passes(uint64_t ms)
{
    rig.now_ms += ms;
    cloud_links_tick(&rig.links, rig.now_ms);
}

/* Memory may be back in a moment, and a file may come with a disk. */
static void test_one_that_cannot_start_is_tried_again(void **state)
{
    (void) state;
    begin("ot,mqtt");
    assert_true(cloud_links_next_deadline(&rig.links) == UINT64_MAX);
    rig.checked = -ENOMEM;
    go();
    words_are("{\"ot\":\"cloud_trying\",\"mqtt\":\"off\"}");
    assert_int_equal(cloud_links_next_deadline(&rig.links), 1000 + 5000);
    assert_int_equal(cloud_links_wakeup_s(&rig.links, 3), 0); /* the first one is busy */
    passes(4999);
    expect("");
    rig.checked = 0;
    rig.created = -EMFILE;
    passes(1);
    expect("");
    assert_int_equal(cloud_links_next_deadline(&rig.links), 6000 + 10000); /* its pauses grow */
    rig.created = 0;
    passes(9999);
    expect("");
    passes(1);
    expect("{\"method\":\"cloud.status\",\"params\":{\"ot\":\"cloud_trying\",\"mqtt\":\"cloud_trying\"}}; start 3; ");
    assert_true(cloud_links_next_deadline(&rig.links) == UINT64_MAX);
    passes(600000);
    expect("");
    finish();
}

static void test_one_that_waits_to_start_is_told_to_stop(void **state)
{
    static void (*const stops[])(struct cloud_links *) = {cloud_links_stop, cloud_links_close};

    (void) state;
    for (unsigned i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        begin("mqtt");
        rig.checked = -EINVAL;
        go();
        assert_int_equal(cloud_links_wakeup_s(&rig.links, 60), 5);
        rig.checked = 0;
        stops[i](&rig.links);
        assert_true(cloud_links_next_deadline(&rig.links) == UINT64_MAX);
        passes(600000);
        expect("");
        finish();
    }
}

static void test_other_settings_let_it_start_at_once(void **state)
{
    static const char other[] = ID "mqtt_server=elsewhere\n";
    struct device_conf fresh = {0};
    struct device_conf_error err;

    (void) state;
    begin("mqtt");
    rig.checked = -EINVAL;
    go();
    rig.checked = 0;
    assert_int_equal(device_conf_parse(&fresh, other, sizeof other - 1, &err), 0);
    cloud_links_take_list(&rig.links, "mqtt", &fresh);
    expect("list of 1; start 3; ");
    device_conf_deinit(&fresh);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_one_cloud_has_no_words),
        cmocka_unit_test(test_the_device_speaks_of_the_primary),
        cmocka_unit_test(test_events_go_to_the_host),
        cmocka_unit_test(test_who_is_not_there_is_not_asked),
        cmocka_unit_test(test_a_method_of_a_clouds_own),
        cmocka_unit_test(test_another_list),
        cmocka_unit_test(test_one_that_cannot_start_is_tried_again),
        cmocka_unit_test(test_one_that_waits_to_start_is_told_to_stop),
        cmocka_unit_test(test_other_settings_let_it_start_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
