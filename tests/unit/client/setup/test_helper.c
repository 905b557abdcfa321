/* SPDX-License-Identifier: MIT */
/* The external helper: one text for each hello, what cannot be sent is held, the latest of each kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "client/setup/core/helper.h"
#include "tests/support/alloc_fail.h"

struct world {
    struct helper h;
    struct ag_buf log;
};

static void on_send(void *user, unsigned peer, struct ag_span text)
{
    ag_buf_printf(&((struct world *) user)->log, "%u<%.*s\n", peer, (int) text.len, text.p);
}

static void on_word(void *user, struct ag_span text)
{
    ag_buf_printf(&((struct world *) user)->log, "word %.*s\n", (int) text.len, text.p);
}

static void on_status(void *user, bool v)
{
    ag_buf_printf(&((struct world *) user)->log, "status %d\n", v);
}

static void on_connected(void *user)
{
    ag_buf_append_str(&((struct world *) user)->log, "connected\n");
}

static void on_failed(void *user, enum helper_failure how)
{
    ag_buf_append_str(&((struct world *) user)->log, how == HELPER_AP_MODE ? "ap\n" : "failed\n");
}

static void on_silent(void *user, const char *question)
{
    ag_buf_printf(&((struct world *) user)->log, "silent %s\n", question);
}

static const struct helper_sink sink = {on_send, on_word,      on_word,   on_word,  on_status,
                                        on_word, on_connected, on_failed, on_silent};

static enum helper_taken text_at(struct world *w, uint64_t now_ms, unsigned peer, const char *s)
{
    struct ag_span t = {s, strlen(s)}, method;
    struct ag_json_view v;
    char tmp[64];

    assert_int_equal(ag_json_parse(&t, 16, &v), 0);
    assert_true(ag_view_str(&v, t.p, AG_M_METHOD, tmp, sizeof tmp, &method));
    return helper_text(&w->h, peer, method, t, &v, now_ms);
}

static enum helper_taken text(struct world *w, unsigned peer, const char *s)
{
    return text_at(w, 5, peer, s);
}

static void expect(struct world *w, const char *log)
{
    const char *got = ag_buf_cstr(&w->log);

    assert_string_equal(got, log);
    ag_buf_clear(&w->log);
}

#define HELLO "{\"method\":\"_internal.hello\"}"

static void world_init(struct world *w)
{
    *w = (struct world){.log = AG_BUF_INIT};
    helper_init(&w->h, &sink, w, "/etc/miio/");
    memcpy(w->h.new_token, "0123456789abcdef", 17);
}

static void world_deinit(struct world *w)
{
    helper_deinit(&w->h);
    ag_buf_deinit(&w->log);
}

static void test_hello_by_stage(void **state)
{
    struct world w;

    (void) state;
    world_init(&w);
    text(&w, 3, HELLO);
    expect(&w, "3<{\"method\":\"_internal.request_dinfo\",\"params\":\"/etc/miio/\"}\n");
    w.h.stage = HELPER_NEEDS_TOKEN;
    text(&w, 4, HELLO);
    expect(&w, "4<{\"method\":\"_internal.request_dtoken\",\"params\":{\"dir\":\"/etc/miio/\","
               "\"ntoken\":\"0123456789abcdef\"}}\n");
    w.h.stage = HELPER_NEEDS_WIFI;
    text(&w, 4, HELLO);
    expect(&w, "4<{\"method\":\"_internal.req_wifi_conf_status\",\"params\":\"/etc/miio/\"}\n");
    w.h.stage = HELPER_SETTLED;
    text(&w, 4, HELLO);
    expect(&w, ""); /* nothing to ask: the socket is kept for later */
    helper_ask_info(&w.h);
    expect(&w, "4<{\"method\":\"_internal.info\"}\n");
    world_deinit(&w);
}

static void test_held_and_replaced(void **state)
{
    struct router_params p = {
        .wifi = {.ssid = "a\"b\\c/d", .psk = "12345678", .uid = 77}, .country = "sg", .zone = "Asia/Shanghai"};
    struct world w;

    (void) state;
    world_init(&w);
    w.h.stage = HELPER_SETTLED;
    helper_ask_zone(&w.h, "UTC");
    helper_ask_zone(&w.h, "Asia/Tokyo");
    helper_ask_wifi_start(&w.h, &p);
    expect(&w, "");
    text(&w, 1, HELLO);
    expect(&w, "1<{\"method\":\"_internal.wifi_start\",\"params\":{\"datadir\":\"/etc/miio/\",\"ssid\":\"a\\\"b\\\\c/d\","
               "\"passwd\":\"12345678\",\"uid\":\"77\",\"country_domain\":\"sg\",\"tz\":\"Asia/Shanghai\"}}\n");
    text(&w, 2, HELLO);
    expect(&w, "2<{\"method\":\"_internal.config_tz\",\"params\":{\"tz\":\"Asia/Tokyo\"}}\n");
    helper_peer_gone(&w.h, 2);
    text(&w, 5, HELLO);
    helper_peer_gone(&w.h, 5); /* left before anything was there for it */
    helper_ask_info(&w.h);
    expect(&w, "");
    world_deinit(&w);
}

#define ASK_DTOKEN                                                                                                               \
    "{\"method\":\"_internal.request_dtoken\",\"params\":{\"dir\":\"/etc/miio/\",\"ntoken\":\"0123456789abcdef\"}}\n"
#define ASK_OT_CONFIG                                                                                                            \
    "{\"method\":\"_internal.request_ot_config\",\"params\":{\"dir\":\"/etc/miio/\",\"ntoken\":\"0123456789abcdef\"}}\n"

/* Scripts of both kinds are asked in their own words, and none more often than each five seconds. */
static void test_both_forms_and_no_storm(void **state)
{
    struct world w;

    (void) state;
    world_init(&w);
    w.h.stage = HELPER_NEEDS_TOKEN;
    text_at(&w, 1000, 0, HELLO);
    expect(&w, "0<" ASK_DTOKEN);
    text_at(&w, 1000, 1, HELLO);
    expect(&w, "1<" ASK_OT_CONFIG);
    for (unsigned i = 0; i < 600; i++) /* as fast as a script can come back */
        text_at(&w, 1001 + i, 2, HELLO);
    expect(&w, "");
    assert_int_equal(helper_next_deadline(&w.h), 6000);
    helper_tick(&w.h, 5999);
    expect(&w, "");
    helper_tick(&w.h, 6000); /* the one that waits is told, not the next one */
    expect(&w, "2<" ASK_DTOKEN);
    assert_int_equal(helper_next_deadline(&w.h), UINT64_MAX); /* nobody waits */
    text_at(&w, 6001, 3, HELLO);
    expect(&w, "3<" ASK_OT_CONFIG);
    text_at(&w, 6001, 4, HELLO);
    w.h.stage = HELPER_NEEDS_WIFI; /* answered: the next question need not wait */
    helper_tick(&w.h, 6002);
    expect(&w, "4<{\"method\":\"_internal.req_wifi_conf_status\",\"params\":\"/etc/miio/\"}\n");
    world_deinit(&w);
}

static void test_a_silent_helper_is_told_of(void **state)
{
    struct world w;
    uint64_t now_ms = 0;

    (void) state;
    world_init(&w);
    for (int i = 0; i < HELPER_ASK_MAX; i++, now_ms += HELPER_ASK_EVERY_MS) {
        text_at(&w, now_ms, 1, HELLO);
        expect(&w, "1<{\"method\":\"_internal.request_dinfo\",\"params\":\"/etc/miio/\"}\n");
    }
    text_at(&w, now_ms, 1, HELLO);
    expect(&w, "silent _internal.request_dinfo\n1<{\"method\":\"_internal.request_dinfo\",\"params\":\"/etc/miio/\"}\n");
    world_deinit(&w);
}

static const struct {
    const char *text;
    enum helper_taken taken;
    const char *log;
} answers[] = {
    {"{\"method\":\"_internal.helper_ready\"}", HELPER_TAKEN, ""},
    {"{\"method\":\"_internal.response_dinfo\",\"params\":{\"did\":5,\"key\":\"k\\u0041\",\"x\":[1],\"n\":null}}", HELPER_TAKEN,
     "word did=5\nkey=kA\n\n"},
    {"{\"method\":\"_internal.response_dinfo\",\"params\":{\"did\":\"18446744073709551615\"}}", HELPER_TAKEN,
     "word did=18446744073709551615\n\n"},
    {"{\"method\":\"_internal.response_dinfo\",\"params\":{\"key\":\"a\\ndid=1\"}}", HELPER_BAD, ""}, /* no line smuggled in */
    {"{\"method\":\"_internal.response_dinfo\",\"params\":\"x\"}", HELPER_BAD, ""},
    {"{\"method\":\"_internal.response_dinfo\"}", HELPER_BAD, ""},
    {"{\"method\":\"_internal.response_dtoken\",\"params\":\"tok\"}", HELPER_TAKEN, "word tok\n"},
    {"{\"method\":\"_internal.response_dtoken\",\"params\":{}}", HELPER_BAD, ""},
    {"{\"method\":\"_internal.response_dtoken\",\"params\":null}", HELPER_BAD, ""},
    {"{\"method\":\"_internal.token_updated\",\"params\":\"tok\"}", HELPER_TAKEN, "word tok\n"},
    {"{\"method\":\"_internal.response_dcountry\",\"params\":\"\"}", HELPER_TAKEN, "word \n"},
    {"{\"method\":\"_internal.response_dcountry\",\"params\":null}", HELPER_TAKEN, "word \n"},
    {"{\"method\":\"_internal.response_dcountry\",\"params\":7}", HELPER_BAD, ""},
    {"{\"method\":\"_internal.res_ot_config\",\"params\":{\"token\":\"t2\",\"country\":\"de\",\"ssid\":\"s\",\"uid\":5}}",
     HELPER_TAKEN, "word de\nword t2\n"},
    {"{\"method\":\"_internal.res_ot_config\",\"params\":{\"token\":\"t2\",\"country\":null}}", HELPER_TAKEN, "word \nword t2\n"},
    {"{\"method\":\"_internal.res_ot_config\",\"params\":{\"country\":\"de\"}}", HELPER_BAD, "word de\n"},
    {"{\"method\":\"_internal.res_wifi_conf_status\",\"params\":1}", HELPER_TAKEN, "status 1\n"},
    {"{\"method\":\"_internal.res_wifi_conf_status\",\"params\":\"1\"}", HELPER_TAKEN, "status 1\n"},
    {"{\"method\":\"_internal.res_wifi_conf_status\",\"params\":0}", HELPER_TAKEN, "status 0\n"},
    {"{\"method\":\"_internal.res_wifi_conf_status\",\"params\":3}", HELPER_TAKEN, "status 0\n"},
    {"{\"method\":\"_internal.res_wifi_conf_status\",\"params\":2}", HELPER_BAD, ""},
    {"{\"method\":\"_internal.res_wifi_conf_status\",\"params\":11}", HELPER_BAD, ""},
    {"{\"method\":\"_internal.res_wifi_conf_status\"}", HELPER_BAD, ""},
    {"{\"method\":\"_internal.info\",\"partner_id\":\"\",\"params\":{\"a\":1}}", HELPER_TAKEN, "word {\"a\":1}\n"},
    {"{\"method\":\"_internal.info\",\"params\":[]}", HELPER_BAD, ""},
    {"{\"method\":\"_internal.info\"}", HELPER_BAD, ""},
    {"{\"method\":\"_internal.wifi_connected\"}", HELPER_TAKEN, "connected\n"},
    {"{\"method\":\"_internal.wifi_connected\",\"params\":{\"ssid\":\"s\",\"bssid\":\"b\",\"result\":\"ok\"}}", HELPER_TAKEN,
     "connected\n"},
    {"{\"method\":\"_internal.wifi_connected\",\"params\":{\"ssid\":\"s\",\"result\":\"error\"}}", HELPER_TAKEN, "failed\n"},
    {"{\"method\":\"_internal.wifi_connect_failed\",\"params\":{\"ssid\":\"s\",\"result\":\"error\"}}", HELPER_TAKEN, "failed\n"},
    {"{\"method\":\"_internal.wifi_ap_mode\",\"params\":null}", HELPER_TAKEN, "ap\n"},
    {"{\"method\":\"local.status\",\"params\":\"wifi_ap_mode_2\"}", HELPER_TAKEN, "ap\n"},
    {"{\"method\":\"local.status\",\"params\":\"wifi_ap_mode\"}", HELPER_TAKEN, "ap\n"},
    {"{\"method\":\"local.status\",\"params\":\"wifi_pwd_wrong\"}", HELPER_TAKEN, "failed\n"},
    {"{\"method\":\"local.status\",\"params\":\"wifi_connected\"}", HELPER_TAKEN, "connected\n"},
    {"{\"method\":\"local.status\",\"params\":\"tea is ready\"}", HELPER_UNKNOWN, ""},
    {"{\"method\":\"local.status\"}", HELPER_UNKNOWN, ""},
    {"{\"method\":\"_internal.record_offline\"}", HELPER_NOT_FOR_US, ""},
    {"{\"method\":\"_internal.wifi_reconnected_failed_event\",\"params\":{}}", HELPER_NOT_FOR_US, ""},
    {"{\"method\":\"_internal.wifi_scan_resp\",\"params\":[]}", HELPER_NOT_FOR_US, ""},
    {"{\"method\":\"_internal.res_wifi_reload\"}", HELPER_NOT_FOR_US, ""},
    {"{\"method\":\"_internal.unheard_of\"}", HELPER_UNKNOWN, ""},
};

static void test_answers(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(answers); i++) {
        struct world w;
        enum helper_taken taken;

        world_init(&w);
        taken = text(&w, 1, answers[i].text);
        if (taken != answers[i].taken || strcmp(ag_buf_cstr(&w.log), answers[i].log) != 0)
            fail_msg("%s: %d, %s", answers[i].text, taken, ag_buf_cstr(&w.log));
        assert_int_equal(w.h.bad, taken == HELPER_BAD);
        world_deinit(&w);
    }
}

static void sweep(void *user)
{
    struct router_params p = {.wifi = {.ssid = "s", .psk = "12345678"}};
    struct world w;

    (void) user;
    world_init(&w);
    text(&w, 1, HELLO);
    text(&w, 1, "{\"method\":\"_internal.response_dinfo\",\"params\":{\"did\":5,\"key\":\"k\"}}");
    helper_ask_wifi_start(&w.h, &p);
    helper_ask_zone(&w.h, "UTC");
    w.h.stage = HELPER_NEEDS_TOKEN;
    text(&w, 1, HELLO);
    world_deinit(&w);
}

static void test_alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_by_stage),
        cmocka_unit_test(test_held_and_replaced),
        cmocka_unit_test(test_both_forms_and_no_storm),
        cmocka_unit_test(test_a_silent_helper_is_told_of),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_alloc_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
