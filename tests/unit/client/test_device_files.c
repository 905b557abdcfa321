/* device.conf, device.token, wifi.conf, os-release, names, states: texts in, values out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/core/device_conf.h"
#include "client/core/device_files.h"
#include "client/core/device_state.h"
#include "client/core/wifi_conf.h"
#include "tests/support/alloc_fail.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static const struct {
    const char *name, *text;
    unsigned line;
    const char *why; /* part of the reason; NULL: accepted */
} confs[] = {
    {"the seed's example",
     "# did must be a unsigned int\n#\ndid=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:bb:59\nvendor=coolvendor\n"
     "model=coolvendor.prod.v1\n",
     0, NULL},
    {"blanks and CR are trimmed", " did = 5 \r\n\r\nmodel\t= a.b.c \r\n", 0, NULL},
    {"the last line wins, no line end", "did=x\ndid=1\nmodel=a.b.c", 0, NULL},
    {"a second '=' belongs to the value", "did=1\nmodel=a.b.c\nmqtt_password=a=b==", 0, NULL},
    {"64-bit did", "did=18446744073709551615\nmodel=m\n", 0, NULL},
    {"did too large", "model=m\ndid=18446744073709551616\n", 2, "64 bits"},
    {"did missing", "model=m\n", 0, "did is missing"},
    {"did empty", "did=\nmodel=m\n", 1, "did is missing"},
    {"did negative", "did=-1\nmodel=m\n", 1, "decimal"},
    {"key too short", "did=1\nmodel=m\n#\nkey=abc\n", 4, "exactly 16"},
    {"key too long", "did=1\nmodel=m\nkey=12345678901234567\n", 3, "exactly 16"},
    {"mac", "did=1\nmodel=m\nmac=8C-BE-BE-AA-bb-59\n", 3, "AA:BB"},
    {"mac too long", "did=1\nmodel=m\nmac=8C:BE:BE:AA:bb:59:00\n", 3, "AA:BB"},
    {"model of 24", "did=1\nmodel=aaaaaaaaaaaaaaaaaaaaaaaa\n", 2, "longer than 23"},
    {"model with a quote", "did=1\nmodel=a\"b\n", 2, "letters"},
    {"model missing", "did=1\n", 0, "model is missing"},
    {"no '='", "did=1\nmodel\n", 2, "name=value"},
    {"no name", "=1\n", 1, "no name"},
};

static void test_device_conf(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(confs); i++) {
        struct device_conf_error err;
        struct device_conf c;
        int r = device_conf_parse(&c, confs[i].text, strlen(confs[i].text), &err);

        if ((r == 0) != (confs[i].why == NULL))
            fail_msg("%s: %d %s", confs[i].name, r, err.why);
        if (r == 0) {
            device_conf_deinit(&c);
            continue;
        }
        if (err.line != confs[i].line || !strstr(err.why, confs[i].why))
            fail_msg("%s: line %u %s", confs[i].name, err.line, err.why);
    }
}

static void test_device_conf_values(void **state)
{
    const char *text = "did=7\nmodel=m\nmac=8c:be:be:aa:bb:59\nn=5\nn=12x\nq=a=b\nbig=99999999999999999999\n";
    struct device_conf_error err;
    struct device_conf c;
    long v = 0;

    (void) state;
    assert_int_equal(device_conf_parse(&c, text, strlen(text), &err), 0);
    assert_string_equal(c.mac, "8C:BE:BE:AA:BB:59");
    assert_string_equal(device_conf_get(&c, "q"), "a=b");
    assert_null(device_conf_get(&c, "mode"));
    assert_int_equal(device_conf_get_int(&c, "n", 0, 99, 3, &v, &err), -EINVAL);
    assert_int_equal(err.line, 5);
    assert_int_equal(device_conf_get_int(&c, "big", 0, 99, 3, &v, &err), -EINVAL);
    assert_int_equal(device_conf_get_int(&c, "none", 0, 99, 3, &v, &err), 0);
    assert_int_equal(v, 3);
    assert_int_equal(device_conf_set(&c, "n", "44"), 0);
    assert_int_equal(device_conf_get_int(&c, "n", 0, 99, 3, &v, &err), 0);
    assert_int_equal(v, 44);
    device_conf_deinit(&c);
}

static void sweep_conf(void *user)
{
    struct device_conf_error err;
    struct device_conf c;

    (void) user;
    if (device_conf_parse(&c, confs[0].text, strlen(confs[0].text), &err) == 0)
        device_conf_deinit(&c);
}

static void test_alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep_conf, NULL);
}

static void test_token(void **state)
{
    char token[17] = "old", hex[33];
    uint8_t random[64];

    (void) state;
    assert_true(device_token_parse(token, span("a1B2c3D4e5F6g7H8\r\n")));
    assert_string_equal(token, "a1B2c3D4e5F6g7H8");
    device_token_hex(hex, token);
    assert_string_equal(hex, "61314232633344346535463667374838");
    assert_false(device_token_parse(token, span("a1B2c3D4e5F6g7H")));
    assert_false(device_token_parse(token, span("a1B2c3D4e5F6g7H89")));
    assert_false(device_token_parse(token, span("a1B2c3D4e5F6g7H\x01")));
    assert_false(device_token_parse(token, span("")));
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t) (i * 37);
    assert_true(device_token_make(token, random, sizeof random));
    assert_int_equal(strlen(token), 16);
    memset(random, 255, sizeof random); /* bytes that would make the draw unfair are left out */
    assert_false(device_token_make(token, random, sizeof random));
}

static void test_words(void **state)
{
    char country[16] = "", version[64] = "";
    uint64_t uid = 0;

    (void) state;
    assert_true(device_country_parse(country, span(" SG\n")));
    assert_string_equal(country, "sg");
    assert_false(device_country_parse(country, span("\n")));
    assert_false(device_country_parse(country, span("../x")));
    assert_false(device_country_parse(country, span("aaaaaaaaaaaaaaaaa")));
    assert_true(device_uid_parse(&uid, span("1234567890123\n")));
    assert_int_equal(uid, 1234567890123);
    assert_false(device_uid_parse(&uid, span("0")));
    assert_false(device_uid_parse(&uid, span("12a")));
    assert_true(device_version_find(version, span("NAME=x\nXIAOMI_VERSION=2.1.1_9527\n"), "xiaomi"));
    assert_string_equal(version, "2.1.1_9527");
    assert_true(device_version_find(version, span("A_VERSION=1\nA_VERSION='3.3.9_003194' \r\n"), "a"));
    assert_string_equal(version, "3.3.9_003194");
    assert_false(device_version_find(version, span("VERSION=1\nXXIAOMI_VERSION=1\n"), "xiaomi"));
    assert_false(device_version_find(version, span("_VERSION=1\n"), ""));
    assert_true(device_version_valid("2.1.1_9527") && device_version_valid("3.3.9_003194"));
    assert_false(device_version_valid("2.1.1") || device_version_valid("2.1.1_1.2") ||
                 device_version_valid("2.1.1_") || device_version_valid("2.1.1_1234567"));
}

static void test_names(void **state)
{
    char name[64];

    (void) state;
    device_ap_ssid(name, sizeof name, "vendor.camera.v1", "34:17:EB:9B:A7:47");
    assert_string_equal(name, "vendor-camera-v1_miapA747");
    device_host_name(name, sizeof name, "xiaomi.dev.v1", 11245);
    assert_string_equal(name, "xiaomi-dev-v1_miio11245");
    assert_true(device_zone_valid(span("Asia/Shanghai")) && device_zone_valid(span("Etc/GMT+8")) &&
                device_zone_valid(span("UTC")));
    assert_false(device_zone_valid(span("")) || device_zone_valid(span("/etc/passwd")) ||
                 device_zone_valid(span("../../etc/passwd")) || device_zone_valid(span("Asia/")) ||
                 device_zone_valid(span("a b")));
}

static const struct {
    const char *text;
    bool ok;
    const char *ssid, *psk;
    uint64_t uid;
} wifis[] = {
    {"ssid=\"home\"\npsk=\"secret12\"\nkey_mgmt=WPA\nuid=77\n", true, "home", "secret12", 77},
    {"#c\nkey_mgmt=NONE\r\nssid=\"open\"\r\n", true, "open", "", 0},
    {"ssid=\"a\\\"b\\\\c\"d\"\n", true, "a\"b\\c\"d", "", 0},
    {"ssid=\"x\"\npsk=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n", true, "x",
     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 0},
    {"psk=\"secret12\"\n", false, "", "", 0},
    {"ssid=\"012345678901234567890123456789012\"\n", false, "", "", 0},
    {"ssid=home\n", false, "", "", 0},
    {"", false, "", "", 0},
};

static void test_wifi_conf(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(wifis); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
        struct wifi_conf w = {0}, again = {0};

        if (wifi_conf_parse(&w, span(wifis[i].text)) != wifis[i].ok)
            fail_msg("row %zu", i);
        if (!wifis[i].ok)
            continue;
        assert_string_equal(w.ssid, wifis[i].ssid);
        assert_string_equal(w.psk, wifis[i].psk);
        assert_int_equal(w.uid, wifis[i].uid);
        assert_int_equal(wifi_conf_build(&out, &w), 0);
        assert_true(wifi_conf_parse(&again, ag_buf_span(&out)));
        assert_memory_equal(&w, &again, sizeof w);
    }
    assert_int_equal(wifi_conf_check(span("s"), span("1234567")), WIFI_E_PSK);
    assert_int_equal(wifi_conf_check(span("s\n"), span("")), WIFI_E_SSID);
    assert_int_equal(wifi_conf_check(span(""), span("")), WIFI_E_SSID);
}

static void test_states(void **state)
{
    static const struct {
        enum device_event ev;
        const char *name, *broadcast;
    } steps[] = {
        {DEVICE_EV_IDENTITY, "didkey_done", NULL},
        {DEVICE_EV_TOKEN, "token_done", NULL},
        {DEVICE_EV_AP, "ap_mode", "wifi_ap_mode"},
        {DEVICE_EV_JOINING, "ap_mode", "wifi_connecting"},
        {DEVICE_EV_JOIN_FAILED, "ap_mode", "wifi_failed"},
        {DEVICE_EV_AP, "ap_mode", "wifi_ap_mode"},
        {DEVICE_EV_JOINED, "sta_mode", "wifi_connected"},
        {DEVICE_EV_CLOUD_START, "cloud_trying", NULL},
        {DEVICE_EV_CLOUD_LOST, "cloud_retry", "cloud_retry"},
        {DEVICE_EV_CLOUD_UP, "cloud_connected", "cloud_connected"},
        {DEVICE_EV_PROVISIONED, "sta_mode", NULL},
        {DEVICE_EV_ASK_IDENTITY_0, "didkey_req1", NULL},
        {DEVICE_EV_ASK_IDENTITY_1, "didkey_req2", NULL},
    };
    struct device_machine m = {DEVICE_INIT};

    (void) state;
    assert_string_equal(device_state_name(m.state), "device_init");
    for (size_t i = 0; i < ag_array_size(steps); i++) {
        const char *word = device_machine_step(&m, steps[i].ev);

        assert_string_equal(device_state_name(m.state), steps[i].name);
        if (steps[i].broadcast)
            assert_string_equal(word, steps[i].broadcast);
        else
            assert_null(word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device_conf), cmocka_unit_test(test_device_conf_values),
        cmocka_unit_test(test_alloc_fail),  cmocka_unit_test(test_token),
        cmocka_unit_test(test_words),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_wifi_conf),   cmocka_unit_test(test_states),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
