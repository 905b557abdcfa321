/* SPDX-License-Identifier: MIT */
/* Bodies of requests, checks of the set-up, the list of networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "agent/apps/web/core/ask.h"
#include "agent/apps/web/core/setup.h"
#include "tests/support/alloc_fail.h"

static struct ag_span sp(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void test_calls(void **state)
{
    static const struct {
        const char *body, *method, *params; /* method NULL: refused */
        bool up;
        unsigned ms;
    } rows[] = {
        {"{\"method\":\"a\"}", "a", "[]", false, WEB_CALL_TIMEOUT_MS},
        {"{\"method\":\"a\",\"params\": [ 1 ],\"to\":\"device\",\"timeout_ms\":5}", "a", "[1]", false, 5},
        {"{\"method\":\"a\",\"params\":{\"b\":[1e400]},\"to\":\"client\"}", "a", "{\"b\":[1e400]}", true, WEB_CALL_TIMEOUT_MS},
        {"{\"method\":\"\\u0061\"}", "a", "[]", false, WEB_CALL_TIMEOUT_MS},
        {"", NULL, NULL, false, 0},
        {"[]", NULL, NULL, false, 0},
        {"{}", NULL, NULL, false, 0},
        {"{\"method\":\"\"}", NULL, NULL, false, 0},
        {"{\"method\":1}", NULL, NULL, false, 0},
        {"{\"method\":\"a\\u0000b\"}", NULL, NULL, false, 0},
        {"{\"method\":\"a\",\"params\":1}", NULL, NULL, false, 0},
        {"{\"method\":\"a\",\"to\":\"cloud\"}", NULL, NULL, false, 0},
        {"{\"method\":\"a\",\"timeout_ms\":0}", NULL, NULL, false, 0},
        {"{\"method\":\"a\",\"timeout_ms\":60001}", NULL, NULL, false, 0},
        {"{\"method\":\"a\"} x", NULL, NULL, false, 0},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct web_call c;
        const char *wrong = web_ask_call(sp(rows[i].body), &c);

        if (!wrong != !!rows[i].method)
            fail_msg("%s: %s", rows[i].body, wrong ? wrong : "taken");
        if (!wrong) {
            assert_string_equal(ag_buf_head(&c.method), rows[i].method);
            assert_string_equal(ag_buf_head(&c.params), rows[i].params);
            assert_int_equal(c.up, rows[i].up);
            assert_int_equal(c.timeout_ms, rows[i].ms);
        }
        web_call_deinit(&c);
    }
}

static void test_depth(void **state)
{
    char body[1024] = "{\"method\":\"a\",\"params\":";
    struct web_call c;

    (void) state;
    memset(body + strlen(body), '[', 200);
    memset(body + strlen(body), ']', 200);
    strcat(body, "}");
    assert_non_null(web_ask_call(sp(body), &c));
    web_call_deinit(&c);
}

static void test_login(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf p = AG_BUF_SECRET_INIT;
    char body[400];

    (void) state;
    assert_null(web_ask_login(sp("{\"password\":\"p\\u00e4ss\"}"), &p));
    assert_true(ag_span_eq(ag_buf_span(&p), "p\xc3\xa4ss"));
    ag_buf_clear(&p);
    assert_non_null(web_ask_login(sp("{\"password\":null}"), &p));
    assert_non_null(web_ask_login(sp("{}"), &p));
    assert_non_null(web_ask_login(sp("x"), &p));
    snprintf(body, sizeof body, "{\"password\":\"%0300d\"}", 1);
    assert_non_null(web_ask_login(sp(body), &p));
}

/* ---- set-up ---- */

#define STATUS(provisioned, joining, missing)                                                                                    \
    "{\"setup\":{\"provisioned\":" provisioned ",\"joining\":" joining ",\"hooks_missing\":[" missing "]}}"
#define FRESH STATUS("false", "false", "")
#define NETS                                                                                                                     \
    "[{\"ssid\":\"home\",\"signal\":-40,\"security\":\"wpa2\"},{\"ssid\":\"cafe \\\"\",\"signal\":-60,\"security\":\"open\"}]"

static void test_checks(void **state)
{
    static const struct {
        const char *what, *body, *status, *networks;
        int ok;
        const char *says;
    } rows[] = {
        {"all is well", "{\"ssid\":\"home\",\"passwd\":\"12345678\"}", FRESH, NETS, 1,
         "{\"name\":\"network\",\"state\":\"ok\",\"why\":\"\"}"},
        {"no client", "{\"ssid\":\"home\",\"passwd\":\"12345678\"}", NULL, NETS, 0,
         "\"client\",\"state\":\"bad\",\"why\":\"away\""},
        {"no script", "{\"ssid\":\"home\",\"passwd\":\"12345678\"}", STATUS("false", "false", "\"/x\""), NETS, 0,
         "\"hooks\",\"state\":\"bad\",\"why\":\"missing\""},
        {"busy", "{\"ssid\":\"home\",\"passwd\":\"12345678\"}", STATUS("false", "true", ""), NETS, 0,
         "\"free\",\"state\":\"bad\",\"why\":\"joining\""},
        {"has one", "{\"ssid\":\"home\",\"passwd\":\"12345678\"}", STATUS("true", "false", ""), NETS, 1,
         "\"free\",\"state\":\"unsure\",\"why\":\"has_network\""},
        {"no name", "{\"passwd\":\"12345678\"}", FRESH, NETS, 0, "\"ssid\",\"state\":\"bad\",\"why\":\"empty\""},
        {"a long name", "{\"ssid\":\"012345678901234567890123456789012\"}", FRESH, NETS, 0,
         "\"ssid\",\"state\":\"bad\",\"why\":\"long\""},
        {"a name of two lines", "{\"ssid\":\"a\\nb\"}", FRESH, NETS, 0, "\"ssid\",\"state\":\"bad\",\"why\":\"line_end\""},
        {"a short key", "{\"ssid\":\"home\",\"passwd\":\"1234567\"}", FRESH, NETS, 0,
         "\"passwd\",\"state\":\"bad\",\"why\":\"length\""},
        {"64 that are no hex",
         "{\"ssid\":\"home\",\"passwd\":\"g123456789012345678901234567890123456789012345678901234567890123\"}", FRESH, NETS, 0,
         "\"passwd\",\"state\":\"bad\",\"why\":\"length\""},
        {"64 hex digits", "{\"ssid\":\"home\",\"passwd\":\"a123456789012345678901234567890123456789012345678901234567890123\"}",
         FRESH, NETS, 1, "\"passwd\",\"state\":\"ok\",\"why\":\"\""},
        {"a key of two lines", "{\"ssid\":\"home\",\"passwd\":\"12345678\\n\"}", FRESH, NETS, 0,
         "\"passwd\",\"state\":\"bad\",\"why\":\"control\""},
        {"no key where one is wanted", "{\"ssid\":\"home\"}", FRESH, NETS, 0,
         "\"network\",\"state\":\"bad\",\"why\":\"wants_key\""},
        {"a key where none is", "{\"ssid\":\"cafe \\\"\",\"passwd\":\"12345678\"}", FRESH, NETS, 1,
         "\"network\",\"state\":\"unsure\",\"why\":\"is_open\""},
        {"an open one", "{\"ssid\":\"cafe \\\"\"}", FRESH, NETS, 1, "\"passwd\",\"state\":\"ok\",\"why\":\"open\""},
        {"hidden", "{\"ssid\":\"secret\",\"passwd\":\"12345678\"}", FRESH, NETS, 1,
         "\"network\",\"state\":\"unsure\",\"why\":\"not_seen\""},
        {"no list", "{\"ssid\":\"home\",\"passwd\":\"12345678\"}", FRESH, NULL, 1,
         "\"network\",\"state\":\"unsure\",\"why\":\"no_list\""},
        {"a country in capitals", "{\"ssid\":\"home\",\"passwd\":\"12345678\",\"country\":\"DE\"}", FRESH, NETS, 0,
         "\"country\",\"state\":\"bad\""},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
        struct web_setup_facts f = {.zone_known = true};
        struct web_setup s;

        if (rows[i].status)
            f.status = sp(rows[i].status);
        if (rows[i].networks)
            f.networks = sp(rows[i].networks);
        assert_null(web_ask_setup(sp(rows[i].body), &s));
        if (web_setup_check(&s, &f, &b) != rows[i].ok || !strstr(ag_buf_cstr(&b), rows[i].says))
            fail_msg("%s: %s", rows[i].what, ag_buf_cstr(&b));
    }
}

static void test_zone(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct web_setup_facts f = {.status = sp(FRESH)};
    struct web_setup s;

    (void) state;
    assert_null(web_ask_setup(sp("{\"ssid\":\"a\",\"passwd\":\"12345678\",\"tz\":\"Mars/Base\"}"), &s));
    assert_int_equal(web_setup_check(&s, &f, &b), 0);
}

static void test_setup_bodies(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{\"ssid\":1}",
                                      "{\"passwd\":{}}",
                                      "{\"uid\":-1}",
                                      "{\"uid\":\"1\"}",
                                      "{\"ssid\":\"a\\u0000\"}",
                                      "{\"country\":\"abcdefghi\"}",
                                      "{\"tz\":7}"};
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct web_setup s;

    (void) state;
    for (size_t i = 0; i < ag_array_size(bad); i++)
        if (!web_ask_setup(sp(bad[i]), &s))
            fail_msg("%s", bad[i]);
    assert_null(web_ask_setup(
        sp("{\"ssid\":\"a\\\"b\",\"passwd\":\"12345678\",\"uid\":99,\"country\":\"de\",\"tz\":\"Europe/Berlin\",\"check\":true}"),
        &s));
    assert_true(s.check_only);
    assert_int_equal(web_setup_print(&s, &b), 0);
    assert_string_equal(
        ag_buf_cstr(&b),
        "{\"ssid\":\"a\\\"b\",\"passwd\":\"12345678\",\"uid\":99,\"country_domain\":\"de\",\"tz\":\"Europe/Berlin\"}");
}

/* ---- networks ---- */

static void test_networks(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    (void) state;
    assert_int_equal(web_networks_print(sp("-70\twpa2\thome\n"
                                           "-40\twpa2\tnear\n"
                                           "-50\topen\tcaf\\xc3\\xa9\n"
                                           "-60\twpa2\thome\n"    /* a second, stronger sender */
                                           "-30\twpa2\t\n"        /* hidden */
                                           "-30\twpa2\t\\xff\n"   /* no UTF-8 */
                                           "-30\twpa2\ta\\x0ab\n" /* a line end */
                                           "-30\twpa2\ta\\\n"     /* malformed */
                                           "-30\t<b>\tname\n"
                                           "strong\twpa2\tname\n"
                                           "-20 wpa2 name\n"
                                           "-90\twpa2\t<script>alert(1)</script>\n"
                                           "-95\twpa3-sae\ttab\there"),
                                        &b),
                     0);
    assert_string_equal(ag_buf_cstr(&b), "[{\"ssid\":\"near\",\"signal\":-40,\"security\":\"wpa2\"},"
                                         "{\"ssid\":\"caf\xc3\xa9\",\"signal\":-50,\"security\":\"open\"},"
                                         "{\"ssid\":\"home\",\"signal\":-60,\"security\":\"wpa2\"},"
                                         "{\"ssid\":\"<script>alert(1)</script>\",\"signal\":-90,\"security\":\"wpa2\"}]");
}

static void test_too_many_networks(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf lines = AG_BUF_INIT, b = AG_BUF_INIT;
    unsigned n = 0;

    (void) state;
    for (int i = 0; i < 150; i++)
        ag_buf_printf(&lines, "-%d\topen\tn%d\n", i, i);
    ag_buf_append_str(&lines, "5\topen\tnearest\n");
    assert_int_equal(web_networks_print(ag_buf_span(&lines), &b), 0);
    for (const char *at = ag_buf_cstr(&b); (at = strstr(at, "\"ssid\"")); at++)
        n++;
    assert_int_equal(n, WEB_NETWORKS_MAX);
    assert_non_null(strstr(ag_buf_cstr(&b), "[{\"ssid\":\"nearest\""));
    assert_null(strstr(ag_buf_cstr(&b), "\"n63\""));
}

static void ask_all(void *user)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, p = AG_BUF_SECRET_INIT;
    struct web_setup_facts f = {.status = sp(FRESH), .networks = sp(NETS)};
    struct web_call c;
    struct web_setup s;

    (void) user;
    web_ask_call(sp("{\"method\":\"a\",\"params\":[1]}"), &c);
    web_call_deinit(&c);
    web_ask_login(sp("{\"password\":\"x\"}"), &p);
    web_ask_setup(sp("{\"ssid\":\"home\",\"passwd\":\"12345678\"}"), &s);
    web_setup_check(&s, &f, &b);
    web_setup_print(&s, &b);
    web_networks_print(sp("-70\twpa2\thome\n"), &b);
}

static void test_without_memory(void **state)
{
    (void) state;
    alloc_fail_sweep(ask_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),          cmocka_unit_test(test_depth),
        cmocka_unit_test(test_login),          cmocka_unit_test(test_checks),
        cmocka_unit_test(test_zone),           cmocka_unit_test(test_setup_bodies),
        cmocka_unit_test(test_networks),       cmocka_unit_test(test_too_many_networks),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
