/* SPDX-License-Identifier: MIT */
/* Reading miIO.ota, and the state file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "agent/apps/ota/core/ota_request.h"
#include "agent/apps/ota/core/ota_store.h"
#include "tests/support/alloc_fail.h"

#define MD5 "0123456789abcdef0123456789ABCDEF"
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTA(members)                                                                                                             \
    "{\"id\":1,\"method\":\"miIO.ota\",\"params\":{\"app_url\":\"http://h/f\",\"file_md5\":\"" MD5 "\"" members "}}"

/* proc: d, i; s: silent; - : refused */
static const struct {
    const char *name, *text, *want;
} rows[] = {
    {"nothing but the file", OTA(""), "di"},
    {"download", OTA(",\"proc\":\"dnld\""), "d"},
    {"install", OTA(",\"proc\":\"install\""), "i"},
    {"both", OTA(",\"proc\":\"dnld install\""), "di"},
    {"both, other order", OTA(",\"proc\":\"install dnld\",\"mode\":\"normal\""), "di"},
    {"mode before proc", OTA(",\"mode\":\"silent\",\"proc\":\"dnld\""), "ds"},
    {"silent", OTA(",\"mode\":\"silent\""), "dis"},
    {"a phone tool's install member", OTA(",\"install\":\"1\",\"proc\":\"dnld install\",\"mode\":\"normal\""), "di"},
    {"empty proc", OTA(",\"proc\":\"\""), "di"},
    {"unknown proc", OTA(",\"proc\":\"download\""), "-"},
    {"proc is a number", OTA(",\"proc\":1"), "-"},
    {"mode is a number", OTA(",\"mode\":1"), "-"},
    {"unknown mode is normal", OTA(",\"mode\":\"quick\""), "di"},
    {"sha256", OTA(",\"file_sha256\":\"" SHA "\""), "di"},
    {"short sha256", OTA(",\"file_sha256\":\"12\""), "-"},
    {"param instead of params",
     "{\"method\":\"miIO.ota\",\"param\":{\"app_url\":\"https://h/f\",\"file_md5\":\"" MD5 "\",\"proc\":\"dnld\"}}", "d"},
    {"object in an array", "{\"method\":\"miIO.ota\",\"params\":[{\"app_url\":\"http://h/f\",\"file_md5\":\"" MD5 "\"}]}", "di"},
    {"no params", "{\"method\":\"miIO.ota\"}", "-"},
    {"no url", "{\"params\":{\"file_md5\":\"" MD5 "\"}}", "-"},
    {"no md5", "{\"params\":{\"app_url\":\"http://h/\"}}", "-"},
    {"short md5", "{\"params\":{\"app_url\":\"http://h/\",\"file_md5\":\"0123\"}}", "-"},
    {"md5 with other letters", "{\"params\":{\"app_url\":\"http://h/\",\"file_md5\":\"0123456789abcdef0123456789abcdeg\"}}", "-"},
    {"ftp", "{\"params\":{\"app_url\":\"ftp://h/\",\"file_md5\":\"" MD5 "\"}}", "-"},
    {"file", "{\"params\":{\"app_url\":\"file:///etc/passwd\",\"file_md5\":\"" MD5 "\"}}", "-"},
    {"no host", "{\"params\":{\"app_url\":\"http:///f\",\"file_md5\":\"" MD5 "\"}}", "-"},
    {"line break in the url", "{\"params\":{\"app_url\":\"http://h/\\nx\",\"file_md5\":\"" MD5 "\"}}", "-"},
    {"NUL in the url", "{\"params\":{\"app_url\":\"http://h/\\u0000x\",\"file_md5\":\"" MD5 "\"}}", "-"},
    {"not JSON", "{\"params\":", "-"},
};

static void test_request(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ota_request req = {.url = "untouched"};
        const char *why = "";
        char got[8] = "";
        int r = ota_request_parse(&req, (struct ag_span){rows[i].text, strlen(rows[i].text)}, &why);

        if (r == 0)
            snprintf(got, sizeof got, "%s%s%s", req.download ? "d" : "", req.install ? "i" : "", req.silent ? "s" : "");
        else
            snprintf(got, sizeof got, "-");
        if (strcmp(got, rows[i].want) != 0 || (r < 0 && (strcmp(req.url, "untouched") != 0 || !why[0])))
            fail_msg("%s: %s (%s)", rows[i].name, got, why);
        if (r == 0)
            assert_string_equal(req.md5, "0123456789abcdef0123456789abcdef");
    }
}

static void test_long_url(void **state)
{
    char text[OTA_URL_MAX + 256], url[OTA_URL_MAX + 2];
    struct ota_request req;
    const char *why;

    (void) state;
    for (size_t n = OTA_URL_MAX; n <= OTA_URL_MAX + 1; n++) {
        memset(url, 'x', n);
        memcpy(url, "http://h/", 9);
        url[n] = '\0';
        snprintf(text, sizeof text, "{\"params\":{\"app_url\":\"%s\",\"file_md5\":\"" MD5 "\"}}", url);
        assert_int_equal(ota_request_parse(&req, (struct ag_span){text, strlen(text)}, &why), n == OTA_URL_MAX ? 0 : -EINVAL);
    }
}

static struct ota_saved sample(enum ota_state state)
{
    struct ota_saved s = {.state = state, .code = state == OTA_FAILED ? -33004 : 0, .progress = 42, .has_part = true};

    strcpy(s.req.url, "http://h/f?a=1&b=2");
    ota_hex_copy(s.req.md5, MD5, OTA_MD5_LEN);
    ota_hex_copy(s.req.sha256, SHA, OTA_SHA256_LEN);
    ota_hex_copy(s.stored_md5, MD5, OTA_MD5_LEN);
    s.req.install = true;
    s.req.silent = true;
    return s;
}

static void test_store_reads_what_it_wrote(void **state)
{
    (void) state;
    for (enum ota_state st = OTA_IDLE; st < OTA_BUSY; st++) {
        struct ota_saved s = sample(st), back = {.code = 0};
        ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
        ag_cleanup(ag_buf_deinit) struct ag_buf again = AG_BUF_INIT;
        char boot[OTA_BOOT_ID_MAX + 1];

        assert_int_equal(ota_store_print(&text, &s, "boot-1"), 0);
        assert_int_equal(ota_store_parse(ag_buf_span(&text), &back, boot), 0);
        assert_string_equal(boot, "boot-1");
        assert_int_equal(ota_store_print(&again, &back, boot), 0);
        assert_int_equal(ag_buf_size(&text), ag_buf_size(&again));
        assert_memory_equal(text.data, again.data, ag_buf_size(&text));
    }
}

/* A torn or foreign file is no state; nothing is half taken over. */
static void test_store_refuses(void **state)
{
    static const char *const bad[] = {
        "",
        "state=idle\n",
        "state=idle\nend=1",
        "state=nonsense\nend=1\n",
        "state=busy\nend=1\n",
        "state=downloading\nend=1\n",
        "state=idle\nprogress=101\nend=1\n",
        "state=idle\ncode=5\nend=1\n",
        "state=idle\nmd5=12\nend=1\n",
        "state=idle\nurl=file:///x\nend=1\n",
        "no equals sign\nend=1\n",
    };
    struct ota_saved s = sample(OTA_WAIT_INSTALL), back = {.code = 77};
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    char boot[OTA_BOOT_ID_MAX + 1];

    (void) state;
    for (size_t i = 0; i < ag_array_size(bad); i++)
        if (ota_store_parse((struct ag_span){bad[i], strlen(bad[i])}, &back, boot) != -EINVAL || back.code != 77)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(ota_store_print(&text, &s, "b"), 0);
    for (size_t n = 0; n < ag_buf_size(&text); n++)
        assert_int_equal(ota_store_parse((struct ag_span){text.data, n}, &back, boot), -EINVAL);
}

static void parse_once(void *user)
{
    struct ota_request req;
    const char *why;
    const char *text = rows[5].text;
    int r = ota_request_parse(&req, (struct ag_span){text, strlen(text)}, &why);

    (void) user;
    assert_true(r == 0 || r == -ENOMEM);
}

static void test_no_memory(void **state)
{
    (void) state;
    alloc_fail_sweep(parse_once, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),       cmocka_unit_test(test_long_url),  cmocka_unit_test(test_store_reads_what_it_wrote),
        cmocka_unit_test(test_store_refuses), cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
