/* SPDX-License-Identifier: MIT */
/* key=value bodies, the state file, topics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "client/cloud/gizwits/core/gizwits_http.h"
#include "client/cloud/gizwits/core/gizwits_store.h"
#include "client/cloud/gizwits/core/gizwits_topic.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void test_add(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    (void) state;
    assert_int_equal(gizwits_http_form(&b, (const char *[]){"passcode", "aZ09", "soft_version", "1.0_2 &=%", NULL}), 0);
    assert_string_equal(ag_buf_cstr(&b), "passcode=aZ09&soft_version=1.0_2%20%26%3D%25");
}

static void test_get(void **state)
{
    static const struct {
        const char *body, *key, *want;
    } rows[] = {
        {"did=abc", "did", "abc"},
        {"did=abc\r\n", "did", "abc"},
        {"a=1&did=abc&b=2", "did", "abc"},
        {"xdid=1&did=2", "did", "2"},
        {"did=1&did=2", "did", "1"},
        {"did", "did", NULL},
        {"did=", "did", ""},
        {"", "did", NULL},
        {"a=1", "did", NULL},
        {"soft_ver=2&download_url=http://h/?a=1&soft_ver=3", "download_url", "http://h/?a=1&soft_ver=3"},
        {"download_url=http://h/?a=1&did=3", "did", NULL},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_span got;
        bool found = gizwits_http_get(span(rows[i].body), rows[i].key, &got);

        if (found != (rows[i].want != NULL) || (found && !ag_span_is(got, rows[i].want, strlen(rows[i].want))))
            fail_msg("%s: %s", rows[i].body, rows[i].key);
    }
}

static void test_did(void **state)
{
    static const struct {
        const char *body;
        bool ok;
    } rows[] = {
        {"did=1234567890123456789012", true},
        {"did=12345678901234567890123", true},
        {"did=123456789012345678901234", false},
        {"did=", false},
        {"did=a/b", false},
        {"did=a+b", false},
        {"did=#", false},
        {"{\"did\":\"abc\"}", false},
        {"", false},
    };
    char did[GIZWITS_DID_MAX + 1];

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        if ((gizwits_http_parse_did(span(rows[i].body), did) == 0) != rows[i].ok)
            fail_msg("%s", rows[i].body);
}

static void test_provision(void **state)
{
    static const struct {
        const char *body;
        bool ok;
    } rows[] = {
        {"host=m2m.example.com&port=1883&server_ts=1700000000&log_host=l&log_port=80", true},
        {"port=1883&host=10.0.0.1", true},
        {"host=h&port=0", false},
        {"host=h&port=65536", false},
        {"host=h&port=x", false},
        {"host=h", false},
        {"port=1", false},
        {"host=a b&port=1", false},
        {"host=&port=1", false},
        {"host=h;rm&port=1", false},
        {"host=h&port=1&server_ts=later", true},
    };
    struct gizwits_m2m m;

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        if ((gizwits_http_parse_provision(span(rows[i].body), &m) == 0) != rows[i].ok)
            fail_msg("%s", rows[i].body);
    assert_int_equal(gizwits_http_parse_provision(span(rows[0].body), &m), 0);
    assert_string_equal(m.host, "m2m.example.com");
    assert_int_equal(m.port, 1883);
    assert_int_equal(m.server_ts, 1700000000);
}

static void test_target(void **state)
{
    struct gizwits_target t;

    (void) state;
    assert_int_equal(gizwits_http_parse_target(span("soft_ver=2.0&download_url=http://h/f?x=1&y=2\n"), true, &t), 0);
    assert_string_equal(t.version, "2.0");
    assert_string_equal(t.url, "http://h/f?x=1&y=2");
    assert_int_equal(gizwits_http_parse_target(span("target_fid=7&download_url=http://h/f"), false, &t), 0);
    assert_int_equal(t.id, 7);
    assert_int_equal(gizwits_http_parse_target(span("target_fid=-7&download_url=http://h/f"), false, &t), -EINVAL);
    assert_int_equal(gizwits_http_parse_target(span("soft_ver=&download_url=http://h/f"), true, &t), -EINVAL);
    assert_int_equal(gizwits_http_parse_target(span("soft_ver=1&download_url=ftp://h/f"), true, &t), -EINVAL);
    assert_int_equal(gizwits_http_parse_target(span("soft_ver=1"), true, &t), -EINVAL);
    assert_int_equal(gizwits_http_parse_target(span("download_url=http://h/f"), true, &t), -EINVAL);
}

static void test_store(void **state)
{
    struct gizwits_store s = {.passcode = "pass123456",
                              .did = "1234567890123456789012",
                              .old_passcode = "op",
                              .old_did = "od",
                              .fid = {1, 4294967295u},
                              .version = {"1.0_0001", ""},
                              .sn = 7};
    struct gizwits_store back;
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    (void) state;
    assert_int_equal(gizwits_store_print(&s, &b), 0);
    assert_int_equal(gizwits_store_parse(ag_buf_span(&b), &back), 0);
    assert_string_equal(back.did, s.did);
    assert_string_equal(back.passcode, s.passcode);
    assert_string_equal(back.old_did, "od");
    assert_int_equal(back.fid[1], 4294967295u);
    assert_string_equal(back.version[0], "1.0_0001");
    assert_int_equal(back.sn, 7);
    for (size_t n = 0; n < ag_buf_size(&b); n++) /* torn anywhere: no state at all */
        assert_int_equal(gizwits_store_parse((struct ag_span){b.data, n}, &back), -EINVAL);
    assert_int_equal(gizwits_store_parse(span("did=abc\nend=1\n"), &back), -EINVAL);
    assert_int_equal(gizwits_store_parse(span("did=a/b\npasscode=x\nend=1\n"), &back), -EINVAL);
}

static void test_topics(void **state)
{
    static const struct {
        const char *topic;
        int form; /* -1: not ours */
        const char *app;
    } rows[] = {
        {"ser2cli_res/D", GIZWITS_FORM_B, ""},
        {"ser2cli_noti/K", GIZWITS_FORM_B, ""},
        {"app2dev/D/app1", GIZWITS_FORM_A, "app1"},
        {"app2dev/D/a/b", GIZWITS_FORM_A, "a/b"},
        {"app2dev/D/", -1, NULL},
        {"app2dev/D", -1, NULL},
        {"app2dev/E/app1", -1, NULL},
        {"app2dev/D/a+b", -1, NULL},
        {"app2dev/D/a#", -1, NULL},
        {"app2dev/D/a\x01", -1, NULL},
        {"app2dev/D/\xff", -1, NULL},
        {"ser2cli_res/DD", -1, NULL},
        {"dev2app/D", -1, NULL},
        {"app2dev/D/0123456789012345678901234567890123456789012345678901234567890123", GIZWITS_FORM_A,
         "0123456789012345678901234567890123456789012345678901234567890123"},
        {"app2dev/D/01234567890123456789012345678901234567890123456789012345678901234", -1, NULL},
    };
    char topic[GIZWITS_TOPIC_MAX];

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct gizwits_origin o;
        bool ok = gizwits_topic_parse(rows[i].topic, "D", "K", &o);

        if (ok != (rows[i].form >= 0) || (ok && ((int) o.form != rows[i].form || strcmp(o.app, rows[i].app) != 0)))
            fail_msg("%s", rows[i].topic);
    }
    assert_string_equal(gizwits_topic_filter(0, "D", "K", topic), "ser2cli_res/D");
    assert_string_equal(gizwits_topic_filter(1, "D", "K", topic), "ser2cli_noti/K");
    assert_string_equal(gizwits_topic_filter(2, "D", "K", topic), "app2dev/D/#");
    assert_string_equal(gizwits_topic_to_app("D", "", topic), "dev2app/D");
    assert_string_equal(gizwits_topic_to_app("D", "x", topic), "dev2app/D/x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),       cmocka_unit_test(test_get),    cmocka_unit_test(test_did),
        cmocka_unit_test(test_provision), cmocka_unit_test(test_target), cmocka_unit_test(test_store),
        cmocka_unit_test(test_topics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
