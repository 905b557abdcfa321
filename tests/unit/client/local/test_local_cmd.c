/* SPDX-License-Identifier: MIT */
/* Who may call what, what params are taken, and the texts of the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "client/local/core/local_cmd.h"
#include "tests/support/alloc_fail.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void test_permissions(void **state)
{
    static const struct {
        const char *method;
        bool cloud, lan, ble, local;
    } rows[] = {
        {"get_prop", true, true, false, true},
        {"miIO.info", true, true, false, true},
        {"miIO.config_router", false, true, false, false},
        {"local.ble.config_router", false, false, true, true},
        {"miIO.config", true, true, false, true},
        {"miIO.restore", true, true, false, true},
        {"local.query_time", false, false, false, true},
        {"local.unknown", false, false, false, true},
        {"_internal.wifi_start", false, false, false, true},
        {"_internal.hello", false, false, false, true},
        {"agent.call", false, false, false, true},
        {"agent.info", false, false, false, true},
        {"agentx", true, true, false, true},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        enum local_cmd cmd = local_cmd_find(span(rows[i].method));

        if (local_cmd_permitted(cmd, ORIGIN_CLOUD) != rows[i].cloud || local_cmd_permitted(cmd, ORIGIN_LAN) != rows[i].lan ||
            local_cmd_permitted(cmd, ORIGIN_BLE) != rows[i].ble || local_cmd_permitted(cmd, ORIGIN_LOCAL) != rows[i].local)
            fail_msg("%s", rows[i].method);
    }
    assert_int_equal(local_cmd_find(span("miIO.inf")), LOCAL_CMD_NONE); /* whole names only */
    assert_int_equal(local_cmd_find(span("miIO.info2")), LOCAL_CMD_NONE);
    assert_int_equal(local_cmd_find(span("")), LOCAL_CMD_NONE);
}

static const struct {
    const char *params;
    int r;
    const char *ssid, *psk;
    uint64_t uid;
    bool has_uid;
    const char *country, *zone;
} routers[] = {
    {"{\"ssid\":\"s\",\"passwd\":\"12345678\",\"uid\":123456789012}", 0, "s", "12345678", 123456789012, true, "", ""},
    {"{\"ssid\":\"s\",\"passwd\":\"\",\"uid\":\"77\",\"country_domain\":\"SG\",\"tz\":\"Asia/Shanghai\"}", 0, "s", "", 77, true,
     "sg", "Asia/Shanghai"},
    {"{\"ssid\":\"s\",\"passwd\":\"12345678\"}", 0, "s", "12345678", 0, false, "", ""},
    {"{\"ssid\":\"s\",\"passwd\":\"12345678\",\"uid\":0,\"country_domain\":null,\"tz\":\"\",\"more\":[1]}", 0, "s", "12345678", 0,
     true, "", ""},
    {"{\"ssid\":\"\\u0067\\\"\",\"passwd\":\"12345678\",\"uid\":1}", 0, "g\"", "12345678", 1, true, "", ""},
    {"{\"ssid\":\"s\",\"passwd\":\"12345678\",\"uid\":18446744073709551615}", 0, "s", "12345678", UINT64_MAX, true, "", ""},
    {"{\"ssid\":\"s\",\"passwd\":\"12345678\",\"uid\":5.0}", 0, "s", "12345678", 5, true, "", ""},
    {"{\"ssid\":\"a\\tb\\u0001\",\"passwd\":\"\",\"uid\":\"\"}", 0, "a\tb\x01", "", 0, true, "", ""},
    {"{\"ssid\":\"s\",\"passwd\":\"1234567\\t\",\"uid\":1}", ROUTER_E_PASSWD, NULL, NULL, 0, false, NULL, NULL},
    {"{\"ssid\":\"s\\n\",\"passwd\":\"\",\"uid\":1}", ROUTER_E_SSID, NULL, NULL, 0, false, NULL, NULL},
    {"{\"ssid\":\"s\",\"passwd\":\"\",\"uid\":[]}", ROUTER_E_UID, NULL, NULL, 0, false, NULL, NULL},
    {"{\"ssid\":\"s\",", ROUTER_E_PARAMS, NULL, NULL, 0, false, NULL, NULL},
    {"\"ssid\"", ROUTER_E_PARAMS, NULL, NULL, 0, false, NULL, NULL},
    {"[]", ROUTER_E_PARAMS, NULL, NULL, 0, false, NULL, NULL},
    {"{\"ssid\":\"a\\u0000b\",\"passwd\":\"12345678\"}", ROUTER_E_PARAMS, NULL, NULL, 0, false, NULL, NULL},
    {"{\"passwd\":\"12345678\"}", ROUTER_E_SSID, NULL, NULL, 0, false, NULL, NULL},
    {"{\"ssid\":\"s\"}", ROUTER_E_PASSWD, NULL, NULL, 0, false, NULL, NULL},
    {"{\"ssid\":\"s\",\"passwd\":\"1234567\"}", ROUTER_E_PASSWD, NULL, NULL, 0, false, NULL, NULL},
    {"{\"ssid\":\"s\",\"passwd\":\"12345678\",\"uid\":-1}", ROUTER_E_UID, NULL, NULL, 0, false, NULL, NULL},
    {"{\"ssid\":\"s\",\"passwd\":\"12345678\",\"uid\":1.5}", ROUTER_E_UID, NULL, NULL, 0, false, NULL, NULL},
    {"{\"ssid\":\"s\",\"passwd\":\"12345678\",\"country_domain\":\"a.b\"}", ROUTER_E_COUNTRY, NULL, NULL, 0, false, NULL, NULL},
    {"{\"ssid\":\"s\",\"passwd\":\"12345678\",\"tz\":\"../x\"}", ROUTER_E_ZONE, NULL, NULL, 0, false, NULL, NULL},
};

static void test_router_params(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(routers); i++) {
        struct router_params p;
        int r = local_cmd_router_params(&p, span(routers[i].params));

        if (r != routers[i].r)
            fail_msg("%s: %d", routers[i].params, r);
        if (r != 0) {
            assert_true(strlen(local_cmd_router_error(r)) > 5);
            continue;
        }
        assert_string_equal(p.wifi.ssid, routers[i].ssid);
        assert_string_equal(p.wifi.psk, routers[i].psk);
        assert_true(p.wifi.uid == routers[i].uid && p.has_uid == routers[i].has_uid);
        assert_string_equal(p.country, routers[i].country);
        assert_string_equal(p.zone, routers[i].zone);
    }
}

static void test_small_params(void **state)
{
    char zone[64];
    int level = -1;

    (void) state;
    assert_true(local_cmd_wants_enauth(span("{\"enauth\":1}")) && local_cmd_wants_enauth(span("{\"enauth\":true}")));
    assert_false(local_cmd_wants_enauth(span("{\"enauth\":0}")) || local_cmd_wants_enauth(span("[1]")) ||
                 local_cmd_wants_enauth((struct ag_span){NULL, 0}));
    assert_true(local_cmd_loglevel(&level, span("{\"loglevel\":4}")) && level == 4);
    assert_false(local_cmd_loglevel(&level, span("{\"loglevel\":5}")) ||
                 local_cmd_loglevel(&level, span("{\"loglevel\":\"1\"}")) ||
                 local_cmd_loglevel(&level, span("{\"loglevel\":1.5}")));
    assert_true(local_cmd_zone(zone, span("{\"tz\":\"Etc/GMT+8\"}")));
    assert_false(local_cmd_zone(zone, span("{\"tz\":\"/etc\"}")) || local_cmd_zone(zone, span("{}")));
}

static void test_mcu_info(void **state)
{
    static const char *const refused[] = {"[]",
                                          "{\"model\":1}",
                                          "{\"mcu_fw_ver\":\"a b\"}",
                                          "{\"model\":\"a\\\"b\"}",
                                          "1",
                                          "{\"model\":\"abcdefgh.ijklmnopqrst.uv\"}",
                                          "{\"model\":\"a\\u0000\"}"};
    struct mcu_info info = {.model = "x", .fw_ver = "y"};

    (void) state;
    for (size_t i = 0; i < ag_array_size(refused); i++)
        assert_false(local_cmd_mcu_info(&info, span(refused[i])));
    assert_string_equal(info.model, "x");
    assert_true(local_cmd_mcu_info(&info, span("{\"mcu_fw_ver\":\"0002\"}")));
    assert_string_equal(info.model, "");
    assert_string_equal(info.fw_ver, "0002");
    assert_true(local_cmd_mcu_info(&info, span("{\"model\":\"a.b.c\",\"x\":1}")));
    assert_string_equal(info.model, "a.b.c");
    assert_true(local_cmd_permitted(local_cmd_find(span("local.mcu_info")), ORIGIN_LOCAL));
    assert_false(local_cmd_permitted(local_cmd_find(span("local.mcu_info")), ORIGIN_CLOUD));
    assert_false(local_cmd_permitted(local_cmd_find(span("local.mcu_info")), ORIGIN_LAN));
}

static void test_mcu_version_is_told(void **state)
{
    struct device_info info = {.model = "m", .mac = "a", .token_hex = "t", .hw_ver = "", .fw_ver = "", .mcu_fw_ver = "0002"};
    struct ag_buf out = AG_BUF_INIT;

    (void) state;
    assert_int_equal(local_cmd_put_info(&out, &info, false), 0);
    assert_non_null(strstr(ag_buf_cstr(&out), "\"mcu_fw_ver\":\"0002\","));
    ag_buf_clear(&out);
    assert_int_equal(local_cmd_put_told_info(&out, &info, AG_SPAN("{}"), false), 0);
    assert_string_equal(ag_buf_cstr(&out), "{\"model\":\"m\",\"mac\":\"a\",\"mcu_fw_ver\":\"0002\",\"life\":0}");
    ag_buf_deinit(&out);
}

static int put_all(struct ag_buf *out)
{
    struct device_info info = {.model = "a.b.c",
                               .mac = "AA:BB",
                               .token_hex = "00ff",
                               .hw_ver = "Linux",
                               .fw_ver = "1.2.3_4",
                               .life_s = 9,
                               .ssid = "x\"y",
                               .bssid = "b",
                               .rssi = -50,
                               .local_ip = "1.2.3.4",
                               .mask = "m",
                               .gw = "g"};
    int r = local_cmd_put_reply(out, AG_SPAN("7"), "local.time", AG_SPAN("5"));

    if (r == 0)
        r = local_cmd_put_reply(out, (struct ag_span){NULL, 0}, "local.time", AG_SPAN("5"));
    if (r == 0)
        r = local_cmd_put_result(out, AG_SPAN("7"), "[\"OK\"]");
    if (r == 0)
        r = local_cmd_put_assoc(out, AG_SPAN("7"), true, 3, 4294967295u);
    if (r == 0)
        r = local_cmd_put_info(out, &info, true);
    if (r == 0)
        r = local_cmd_put_told_info(out, &info, AG_SPAN("{ \"ap\":{}}"), false);
    if (r == 0)
        r = local_cmd_put_told_info(out, &info, AG_SPAN("{}"), false);
    return r;
}

static void test_answers(void **state)
{
    struct ag_buf out = AG_BUF_INIT;

    (void) state;
    assert_int_equal(put_all(&out), 0);
    assert_string_equal(
        ag_buf_cstr(&out),
        "{\"id\":7,\"method\":\"local.time\",\"params\":5}{\"method\":\"local.time\",\"params\":5}"
        "{\"id\":7,\"result\":[\"OK\"]}{\"id\":7,\"code\":0,\"message\":\"ok\",\"result\":{\"state\":\"ONLINE\",\"auth_fail_count\":0,"
        "\"conn_success_count\":3,\"conn_fail_count\":4294967295,\"dhcp_fail_count\":0}}"
        "{\"model\":\"a.b.c\",\"mac\":\"AA:BB\",\"token\":\"00ff\",\"life\":9,\"hw_ver\":\"Linux\",\"fw_ver\":\"1.2.3_4\","
        "\"ap\":{\"ssid\":\"x\\\"y\",\"bssid\":\"b\",\"rssi\":-50},"
        "\"netif\":{\"localIp\":\"1.2.3.4\",\"mask\":\"m\",\"gw\":\"g\"}}"
        "{\"model\":\"a.b.c\",\"mac\":\"AA:BB\",\"life\":9,\"ap\":{}}{\"model\":\"a.b.c\",\"mac\":\"AA:BB\",\"life\":9}");
    ag_buf_deinit(&out);
}

static void sweep(void *user)
{
    struct ag_buf out = AG_BUF_INIT;
    struct router_params p;

    (void) user;
    put_all(&out);
    ag_buf_deinit(&out);
    local_cmd_router_params(&p, span(routers[1].params));
}

static void test_alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permissions), cmocka_unit_test(test_router_params),       cmocka_unit_test(test_small_params),
        cmocka_unit_test(test_mcu_info),    cmocka_unit_test(test_mcu_version_is_told), cmocka_unit_test(test_answers),
        cmocka_unit_test(test_alloc_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
