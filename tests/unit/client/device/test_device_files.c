/* SPDX-License-Identifier: MIT */
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

#include "client/device/core/device_conf.h"
#include "client/device/core/device_files.h"
#include "client/device/core/device_state.h"
#include "client/device/core/wifi_conf.h"
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
    {"a byte order mark",
     "\xef\xbb\xbf"
     "did=1\r\nmodel=a.b.c\r\n",
     0, NULL},
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

static void test_a_models_name_and_its_file(void **state)
{
    static const struct {
        const char *lines, *name, *file; /* file NULL: none */
    } rows[] = {
        {"model=a.b.v1\n", "a.b.v1", NULL},
        {"model=a.b.v1\nmodel=/etc/x\n", "a.b.v1", "/etc/x"},
        {"model=x.json\nmodel=a.b.v1\n", "a.b.v1", "x.json"},
        {"model=a.b.v1\nmodel_file=x\n", "a.b.v1", "x"},
        {"model=a.b.v1\nmodel=./x\nmodel=./y\n", "a.b.v1", "./y"},
        {"model=json\n", "json", NULL},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct device_conf_error err;
        struct device_conf c;
        const char *file;
        char text[128];
        int n = snprintf(text, sizeof text, "did=7\nmac=8c:be:be:aa:bb:59\n%s", rows[i].lines);

        assert_int_equal(device_conf_parse(&c, text, (size_t) n, &err), 0);
        assert_string_equal(c.model, rows[i].name);
        file = device_conf_get(&c, DEVICE_CONF_MODEL_FILE);
        if (rows[i].file)
            assert_string_equal(file, rows[i].file);
        else
            assert_null(file);
        device_conf_deinit(&c);
    }
}

static void test_device_conf_values(void **state)
{
    const char *text = "did=7\nmodel=m\nmac=8c:be:be:aa:bb:59\nn=5\nn=12x\nq=a=b\nbig=99999999999999999999\n";
    struct device_conf_error err;
    struct device_conf c;
    size_t n;
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
    n = c.n_entries;
    for (int i = 0; i < 100; i++) { /* setting the same name again and again does not grow it */
        char text_of_i[8];

        snprintf(text_of_i, sizeof text_of_i, "%d", i);
        assert_int_equal(device_conf_set(&c, "n", text_of_i), 0);
        assert_int_equal(device_conf_set(&c, "fresh", text_of_i), 0);
    }
    assert_int_equal(c.n_entries, n + 1);
    assert_string_equal(device_conf_get(&c, "n"), "99");
    assert_int_equal(device_conf_line(&c, "n"), 0);
    device_conf_deinit(&c);
}

static bool begins_with(const void *user, const char *name)
{
    return strncmp(name, user, strlen(user)) == 0;
}

/* Settings of one part, read again while another part still uses its own. */
static void test_device_conf_replace(void **state)
{
    static const char old_text[] = "did=7\nmodel=m\nmac=8c:be:be:aa:bb:59\na_x=1\nb_x=2\na_y=3\na_x=4\nb_y=5\n";
    static const char new_text[] = "did=8\nmodel=m\nmac=8c:be:be:aa:bb:59\na_z=6\na_x=7\nb_x=8\n";
    struct device_conf old, fresh, parked = {0};
    struct device_conf_error err;
    const char *lent;

    (void) state;
    assert_int_equal(device_conf_parse(&old, old_text, strlen(old_text), &err), 0);
    assert_int_equal(device_conf_parse(&fresh, new_text, strlen(new_text), &err), 0);
    assert_true(device_conf_same(&old, &old, begins_with, "a_"));
    assert_false(device_conf_same(&old, &fresh, begins_with, "a_"));
    assert_true(device_conf_same(&old, &fresh, begins_with, "c_")); /* in neither */
    assert_false(device_conf_same(&old, &parked, begins_with, "b_"));
    assert_false(device_conf_same(&parked, &old, begins_with, "b_"));

    lent = device_conf_get(&old, "b_x");
    assert_int_equal(device_conf_replace(&parked, &fresh, begins_with, "a_"), 0);
    device_conf_deinit(&fresh);
    assert_int_equal(parked.n_entries, 2);
    assert_int_equal(device_conf_replace(&old, &parked, begins_with, "a_"), 0);
    assert_true(device_conf_same(&old, &parked, begins_with, "a_"));
    device_conf_deinit(&parked);
    assert_string_equal(device_conf_get(&old, "a_x"), "7");
    assert_int_equal(device_conf_line(&old, "a_x"), 5);
    assert_string_equal(device_conf_get(&old, "a_z"), "6");
    assert_null(device_conf_get(&old, "a_y"));
    assert_ptr_equal(device_conf_get(&old, "b_x"), lent);
    assert_string_equal(lent, "2");
    assert_string_equal(device_conf_get(&old, "b_y"), "5");
    assert_int_equal(old.did, 7);
    assert_int_equal(device_conf_replace(&old, &parked, begins_with, ""), 0); /* nothing is left */
    assert_int_equal(old.n_entries, 0);
    device_conf_deinit(&old);
}

static void sweep_conf(void *user)
{
    struct device_conf_error err;
    struct device_conf c;

    (void) user;
    if (device_conf_parse(&c, confs[0].text, strlen(confs[0].text), &err) < 0)
        return;
    if (device_conf_set(&c, "country", "sg") == 0 && device_conf_set(&c, "country", "de") < 0)
        assert_string_equal(device_conf_get(&c, "country"), "sg");
    device_conf_deinit(&c);
}

static void test_alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep_conf, NULL);
}

static const struct {
    const char *text;
    size_t n;
    const char *token; /* NULL: refused */
} tokens[] = {
    {"a1B2c3D4e5F6g7H8", 16, "a1B2c3D4e5F6g7H8"},
    {"a1B2c3D4e5F6g7H8\r\n", 18, "a1B2c3D4e5F6g7H8"},
    {"a1B2c3D4e5F6g7H8 \t\n\n", 20, "a1B2c3D4e5F6g7H8"},
    {"\xef\xbb\xbf"
     "a1B2c3D4e5F6g7H8\r\n",
     21, "a1B2c3D4e5F6g7H8"}, /* a byte order mark */
    {"\xef\xbb\xbf", 3, NULL},
    {"a1B2c3D4e5F6g7H8\0", 17, "a1B2c3D4e5F6g7H8"},
    {"a1B2c3D4e5F6g7H \n", 17, "a1B2c3D4e5F6g7H "},
    {"61314232633344346535463667374838", 32, "a1B2c3D4e5F6g7H8"},
    {"6131423263334434653546366737483A \r\n", 35, "a1B2c3D4e5F6g7H:"},
    {"00ff01fe02fd03fc04fb05fa06f907f8", 32, "\x00\xff\x01\xfe\x02\xfd\x03\xfc\x04\xfb\x05\xfa\x06\xf9\x07\xf8"},
    {"a1B2c3D4e5F6g7H", 15, NULL},
    {"a1B2c3D4e5F6g7H89", 17, NULL},
    {"a1B2c3D4e5F6g7H\x01", 16, NULL},
    {" a1B2c3D4e5F6g7H8", 17, NULL},
    {"6131423263334434653546366737483", 31, NULL},
    {"6131423263334434653546366737483g", 32, NULL},
    {"613142326333443465354636673748380", 33, NULL},
    {"", 0, NULL},
    {"\n", 1, NULL},
};

static void test_token(void **state)
{
    char token[17] = "old", hex[33];
    uint8_t random[64];

    (void) state;
    for (size_t i = 0; i < ag_array_size(tokens); i++) {
        char got[17] = "unchanged";
        bool ok = device_token_parse(got, (struct ag_span){tokens[i].text, tokens[i].n});

        if (ok != (tokens[i].token != NULL) || memcmp(got, ok ? tokens[i].token : "unchanged", ok ? 16 : 10) != 0)
            fail_msg("row %zu: %d", i, ok);
    }
    assert_true(device_token_is_blank(span("")) && device_token_is_blank(span(" \r\n\t")));
    assert_false(device_token_is_blank(span("\nx")));
    device_token_hex(hex, "a1B2c3D4e5F6g7H8");
    assert_string_equal(hex, "61314232633344346535463667374838");
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
    assert_true(device_country_parse(country, span("\xef\xbb\xbf"
                                                   "de\r\n")));
    assert_string_equal(country, "de");
    assert_false(device_country_parse(country, span("\n")));
    assert_false(device_country_parse(country, span("../x")));
    assert_false(device_country_parse(country, span("aaaaaaaaaaaaaaaaa")));
    assert_true(device_uid_parse(&uid, span("1234567890123\n")));
    assert_int_equal(uid, 1234567890123);
    assert_true(device_uid_parse(&uid, span("\xef\xbb\xbf"
                                            "77\n")));
    assert_int_equal(uid, 77);
    assert_false(device_uid_parse(&uid, span("0")));
    assert_false(device_uid_parse(&uid, span("12a")));
    assert_true(device_version_find(version, span("NAME=x\nXIAOMI_VERSION=2.1.1_9527\n"), "xiaomi"));
    assert_string_equal(version, "2.1.1_9527");
    assert_true(device_version_find(version, span("A_VERSION=1\nA_VERSION='3.3.9_003194' \r\n"), "a"));
    assert_string_equal(version, "3.3.9_003194");
    assert_false(device_version_find(version, span("VERSION=1\nXXIAOMI_VERSION=1\n"), "xiaomi"));
    assert_false(device_version_find(version, span("_VERSION=1\n"), ""));
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

#define HEX64 "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"

static const struct {
    const char *name, *text;
    int result;
    const char *ssid, *psk;
    uint64_t uid;
} wifis[] = {
    {"as we write it", "ssid=\"home\"\npsk=\"secret12\"\nkey_mgmt=WPA\nuid=77\n", 0, "home", "secret12", 77},
    {"open, CRLF, comment", "#c\r\nkey_mgmt=NONE\r\nssid=\"open\"\r\n", 0, "open", "", 0},
    {"escaped", "ssid=\"a\\\"b\\\\c\\/d\"\nkey_mgmt=NONE", 0, "a\"b\\c/d", "", 0},
    {"a quote without its backslash: nothing is escaped", "ssid=\"a\\\\b\"c\"\nkey_mgmt=NONE\n", 0, "a\\\\b\"c", "", 0},
    {"a backslash before a letter", "ssid=\"a\\b\"\npsk=\"sec\\ret1\"\n", 0, "a\\b", "sec\\ret1", 0},
    {"a backslash at the end", "ssid=\"a\\\"\npsk=\"secret1\\\"\n", 0, "a\\", "secret1\\", 0},
    {"quotes inside and around", "ssid=\"\"a\"\"\npsk=\"\"secret\"\"\n", 0, "\"a\"", "\"secret\"", 0},
    {"no quotes", "ssid=my net\npsk=secret12\nkey_mgmt=WPA\n", 0, "my net", "secret12", 0},
    {"a byte order mark",
     "\xef\xbb\xbf"
     "ssid=\"home\"\npsk=\"secret12\"\n",
     0, "home", "secret12", 0},
    {"as a shell reads it", "ssid='my net'\npsk='sec\"r\\et'\nkey_mgmt='WPA'\n", 0, "my net", "sec\"r\\et", 0},
    {"quotes as a shell has them", "ssid='Bob'\\''s'\npsk=''\\''\\'\\''secret'\n", 0, "Bob's", "'\\'secret", 0},
    {"a number in quotes", "ssid=\"a\"\nuid=\"77\"\nkey_mgmt=NONE\nuid=x\n", 0, "a", "", 77},
    {"one such quote alone", "ssid='net\npsk=secret1'\n", 0, "'net", "secret1'", 0},
    {"blanks, tabs", " ssid = \"a \" \r\n\tpsk =\t secret12 \t\r\n", 0, "a ", "secret12", 0},
    {"a key in hex digits", "ssid=\"x\"\npsk=" HEX64 "\n", 0, "x", HEX64, 0},
    {"the same in quotes, CRLF", "ssid=\"x\"\r\npsk=\"" HEX64 "\"\r\n", 0, "x", HEX64, 0},
    {"name in another encoding", "ssid=\"\xc4\xe3\xba\xc3\"\nkey_mgmt=\"NONE\"\n", 0, "\xc4\xe3\xba\xc3", "", 0},
    {"control characters in a name", "ssid=\"a\tb\x01\x7f\"\nkey_mgmt=NONE\n", 0, "a\tb\x01\x7f", "", 0},
    {"a key beats NONE", "ssid=\"x\"\nkey_mgmt=NONE\npsk=\"secret12\"\n", 0, "x", "secret12", 0},
    {"an empty key and NONE", "ssid=\"x\"\npsk=\"\"\nkey_mgmt=NONE\n", 0, "x", "", 0},
    {"the last line wins", "ssid=\"a\"\nssid=\"b\"\npsk=short\npsk=secret12\n", 0, "b", "secret12", 0},
    {"the other band is not ours", "ssid=\"a\"\nssid_5g=\"b\"\npsk=secret12\npsk_5g=\"x\"\n", 0, "a", "secret12", 0},
    {"key too short", "ssid=\"a\"\npsk=\"short\"\nkey_mgmt=NONE\nuid=5\n", WIFI_E_PSK, "a", "", 5},
    {"key of 64 that is not hex", "ssid=\"a\"\npsk=x" HEX64 "\nkey_mgmt=NONE\n", WIFI_E_PSK, "a", "", 0},
    {"key cut off in its quotes", "ssid=\"a\"\npsk=\"secr", WIFI_E_PSK, "a", "", 0},
    {"key with a control character", "ssid=\"a\"\npsk=\"secret\t12\"\nkey_mgmt=NONE\n", WIFI_E_PSK, "a", "", 0},
    {"cut off before the key", "ssid=\"a\"\n", WIFI_E_PSK, "a", "", 0},
    {"WPA and no key", "ssid=\"a\"\nkey_mgmt=WPA\n", WIFI_E_PSK, "a", "", 0},
    {"an empty key alone", "ssid=\"a\"\npsk=\"\"\n", WIFI_E_PSK, "a", "", 0},
    {"the oldest kind of key", "ssid=\"a\"\nkey_mgmt=NONE\nwep_key0=\"abcde\"\n", WIFI_E_PSK, "a", "", 0},
    {"no name", "psk=\"secret12\"\n", WIFI_E_SSID, "", "secret12", 0},
    {"name too long", "ssid=\"012345678901234567890123456789012\"\nkey_mgmt=NONE\n", WIFI_E_SSID, "", "", 0},
    {"one quote", "ssid=\"home\nkey_mgmt=NONE\n", WIFI_E_SSID, "", "", 0},
    {"nothing", "", WIFI_E_SSID, "", "", 0},
};

static void test_wifi_conf(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(wifis); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
        struct wifi_conf w, again;
        int r = wifi_conf_parse(&w, span(wifis[i].text));

        if (r != wifis[i].result || strcmp(w.ssid, wifis[i].ssid) != 0 || strcmp(w.psk, wifis[i].psk) != 0 ||
            w.uid != wifis[i].uid)
            fail_msg("%s: %d \"%s\" \"%s\" %lu", wifis[i].name, r, w.ssid, w.psk, (unsigned long) w.uid);
        if (r != 0)
            continue;
        assert_int_equal(wifi_conf_build(&out, &w), 0);
        assert_int_equal(wifi_conf_parse(&again, ag_buf_span(&out)), 0);
        assert_memory_equal(&w, &again, sizeof w);
    }
    assert_int_equal(wifi_conf_check(span("s"), span("1234567")), WIFI_E_PSK);
    assert_int_equal(wifi_conf_check(span("s\n"), span("")), WIFI_E_SSID);
    assert_int_equal(wifi_conf_check(span("s\r"), span("")), WIFI_E_SSID);
    assert_int_equal(wifi_conf_check((struct ag_span){"s\0", 2}, span("")), WIFI_E_SSID);
    assert_int_equal(wifi_conf_check(span(""), span("")), WIFI_E_SSID);
}

/* Names and keys of every byte, at each end and in the middle, come back as they went. */
static void test_wifi_conf_bytes(void **state)
{
    (void) state;
    for (int c = 1; c < 256; c++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
        struct wifi_conf w = {.uid = 1}, again;

        if (c == '\n' || c == '\r')
            continue;
        snprintf(w.ssid, sizeof w.ssid, "%cx%c%cy%c", c, c, c, c);
        if (c >= 0x20 && c != 0x7f)
            snprintf(w.psk, sizeof w.psk, "%c123%c%c456%c", c, c, c, c);
        assert_int_equal(wifi_conf_build(&out, &w), 0);
        assert_int_equal(wifi_conf_parse(&again, ag_buf_span(&out)), 0);
        assert_string_equal(w.ssid, again.ssid);
        assert_string_equal(w.psk, again.psk);
    }
}

static void test_wifi_conf_trial(void **state)
{
    struct wifi_conf w = {.ssid = "# not joined yet", .psk = "secret12", .trial = WIFI_NEXT_TRIAL}, again;
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT, plain = AG_BUF_INIT, same = AG_BUF_INIT;

    (void) state;
    assert_int_equal(wifi_conf_build(&out, &w), 0);
    assert_int_equal(wifi_conf_parse(&again, ag_buf_span(&out)), 0);
    assert_int_equal(again.trial, WIFI_NEXT_TRIAL);
    assert_int_equal(wifi_conf_without_mark(&plain, ag_buf_span(&out)), 1);
    assert_string_equal(ag_buf_cstr(&plain), "ssid=\"# not joined yet\"\npsk=\"secret12\"\nkey_mgmt=WPA\n");
    assert_int_equal(wifi_conf_without_mark(&same, ag_buf_span(&plain)), 0);
    assert_int_equal(wifi_conf_parse(&again, ag_buf_span(&plain)), 0);
    assert_int_equal(again.trial, WIFI_JOINED);
    assert_int_equal(wifi_conf_parse(&again, span("# not joined yet\r\nssid=x\npsk=secret12")), 0);
    assert_int_equal(again.trial, WIFI_FIRST_TRIAL);
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
        cmocka_unit_test(test_device_conf),
        cmocka_unit_test(test_a_models_name_and_its_file),
        cmocka_unit_test(test_device_conf_values),
        cmocka_unit_test(test_device_conf_replace),
        cmocka_unit_test(test_alloc_fail),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_wifi_conf),
        cmocka_unit_test(test_wifi_conf_bytes),
        cmocka_unit_test(test_wifi_conf_trial),
        cmocka_unit_test(test_states),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
