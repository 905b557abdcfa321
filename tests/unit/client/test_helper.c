/* The external helper: one text for each hello, what cannot be sent is held, the latest of each kind. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/core/helper.h"
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

static void on_failed(void *user)
{
    ag_buf_append_str(&((struct world *) user)->log, "failed\n");
}

static const struct helper_sink sink = {on_send, on_word, on_word, on_word, on_status, on_word, on_connected, on_failed};

static bool text(struct world *w, unsigned peer, const char *s)
{
    struct ag_span t = {s, strlen(s)}, method;
    struct ag_json_view v;
    char tmp[64];

    assert_int_equal(ag_json_parse(&t, 16, &v), 0);
    assert_true(ag_view_str(&v, t.p, AG_M_METHOD, tmp, sizeof tmp, &method));
    return helper_text(&w->h, peer, method, t, &v, 5);
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
    struct router_params p = {.wifi = {.ssid = "a\"b\\c/d", .psk = "12345678", .uid = 77}, .country = "sg",
                              .zone = "Asia/Shanghai"};
    struct world w;

    (void) state;
    world_init(&w);
    w.h.stage = HELPER_SETTLED;
    helper_ask_zone(&w.h, "UTC");
    helper_ask_zone(&w.h, "Asia/Tokyo");
    helper_ask_wifi_start(&w.h, &p);
    helper_ask_update_token(&w.h, "tttttttttttttttt");
    expect(&w, "");
    text(&w, 1, HELLO);
    expect(&w, "1<{\"method\":\"_internal.wifi_start\",\"params\":{\"datadir\":\"/etc/miio/\",\"ssid\":\"a\\\"b\\\\c/d\","
               "\"passwd\":\"12345678\",\"uid\":\"77\",\"country_domain\":\"sg\",\"tz\":\"Asia/Shanghai\"}}\n");
    text(&w, 2, HELLO);
    expect(&w, "2<{\"method\":\"_internal.config_tz\",\"params\":{\"tz\":\"Asia/Tokyo\"}}\n");
    helper_peer_gone(&w.h, 2);
    text(&w, 2, HELLO);
    expect(&w, "2<{\"method\":\"_internal.update_dtoken\",\"params\":{\"ntoken\":\"tttttttttttttttt\"}}\n");
    text(&w, 5, HELLO);
    helper_peer_gone(&w.h, 5); /* left before anything was there for it */
    helper_ask_info(&w.h);
    expect(&w, "");
    world_deinit(&w);
}

static void test_answers(void **state)
{
    struct world w;

    (void) state;
    world_init(&w);
    text(&w, 1, "{\"method\":\"_internal.response_dinfo\",\"params\":{\"did\":5,\"key\":\"k\\u0041\",\"x\":[1],\"n\":null}}");
    text(&w, 1, "{\"method\":\"_internal.response_dtoken\",\"params\":\"tok\"}");
    text(&w, 1, "{\"method\":\"_internal.res_ot_config\",\"params\":{\"token\":\"t2\",\"country\":\"de\"}}");
    text(&w, 1, "{\"method\":\"_internal.res_wifi_conf_status\",\"params\":1}");
    text(&w, 1, "{\"method\":\"_internal.res_wifi_conf_status\",\"params\":3}");
    text(&w, 1, "{\"method\":\"_internal.wifi_connected\"}");
    text(&w, 1, "{\"method\":\"_internal.wifi_ap_mode\",\"params\":null}");
    expect(&w, "word did=5\nkey=kA\n\nword tok\nword t2\nword de\nstatus 1\nstatus 0\nconnected\nfailed\n");
    assert_int_equal(w.h.bad, 0);
    text(&w, 1, "{\"method\":\"_internal.response_dinfo\",\"params\":{\"key\":\"a\\ndid=1\"}}"); /* no line smuggled in */
    text(&w, 1, "{\"method\":\"_internal.response_dtoken\",\"params\":{}}");
    assert_int_equal(w.h.bad, 2);
    assert_false(text(&w, 1, "{\"method\":\"_internal.unheard_of\"}"));
    expect(&w, "");
    world_deinit(&w);
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
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_alloc_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
