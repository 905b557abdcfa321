/* SPDX-License-Identifier: MIT */
/* client.status and its siblings as texts: each row is what one set of figures must look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "client/status/core/status_text.h"
#include "libagent/core/json/json_iter.h"
#include "tests/support/alloc_fail.h"

static struct status_facts plain(void)
{
    return (struct status_facts){.version = "1.2.3",
                                 .pid = 7,
                                 .uptime_ms = 61999,
                                 .dir = "/etc/miio/",
                                 .model = "acme.light.one",
                                 .firmware = "1.0",
                                 .did = 18446744073709551615u,
                                 .state = "ap_mode",
                                 .lan.token_mode = -1,
                                 .helper_here = true,
                                 .time_s = 1800000000};
}

static struct status_cloud away(void)
{
    struct status_cloud c = {
        .name = "mqtt",
        .word = "cloud_retry",
        .since_ms = 9999,
        .error_ago_ms = 5000,
        .next_try_ms = 1500,
        .facts = {.in_flight = 2, .sent = 10, .acked = 8, .refused = "miio/1/command", .refused_how = "silent"},
        .dropped = {{"answers", 3}, {"refused.reports", 1}},
        .n_dropped = 2};

    cloud_facts_server(&c.facts, "::1", 8883);
    cloud_past_note(&c.facts.past, CLOUD_LOSS_TLS, "TLS: certificate verify failed", 0);
    c.facts.past.n_short = 4;
    return c;
}

/* The text is one JSON object, and its member at path, "a.b", is raw. */
static void expect(const struct status_facts *f, const char *path, const char *raw)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
    struct ag_span at;
    char name[64];

    assert_int_equal(status_text_put(&out, f), 0);
    at = ag_buf_span(&out);
    assert_int_equal(ag_json_check(&at, 16), 0);
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, ".");

        memcpy(name, p, n);
        name[n] = '\0';
        at = ag_json_get(at, name);
        assert_non_null(at.p);
        p += n + (p[n] == '.');
    }
    assert_int_equal(at.len, strlen(raw));
    assert_memory_equal(at.p, raw, at.len);
}

static void test_head(void **state)
{
    struct status_facts f = plain();

    (void) state;
    expect(&f, "version", "\"1.2.3\"");
    expect(&f, "uptime_s", "61");
    expect(&f, "device", "{\"model\":\"acme.light.one\",\"did\":\"18446744073709551615\",\"firmware\":\"1.0\"}");
    expect(&f, "state", "\"ap_mode\"");
    expect(&f, "clouds", "[]");
    expect(&f, "helper", "{\"kind\":\"builtin\",\"here\":true}");
    f.external_helper = true;
    f.helper_here = false;
    expect(&f, "helper", "{\"kind\":\"external\",\"here\":false}");
}

#define AWAY                                                                                                                     \
    "{\"name\":\"mqtt\",\"server\":\"[::1]:8883\",\"state\":\"cloud_retry\",\"since_s\":9,\"error\":{\"reason\":\"tls\","        \
    "\"text\":\"TLS: certificate verify failed\",\"time\":1799999995,\"ago_s\":5},\"next_try_ms\":1500,\"in_flight\":2,"         \
    "\"sent\":10,\"acked\":8,\"short_sessions\":4,\"refused_topic\":\"miio/1/command\",\"refused_how\":\"silent\","              \
    "\"dropped\":{\"answers\":3,\"refused.reports\":1}}"
#define FRESH                                                                                                                    \
    "{\"name\":\"ot\",\"server\":null,\"state\":\"cloud_trying\",\"since_s\":0,\"error\":null,\"next_try_ms\":null,"             \
    "\"in_flight\":0,\"sent\":0,\"acked\":0,\"short_sessions\":0,\"refused_topic\":null,\"dropped\":{}}"

static void test_clouds(void **state)
{
    struct status_facts f = plain();

    (void) state;
    f.clouds[0] = (struct status_cloud){.name = "ot", .word = "cloud_trying", .next_try_ms = UINT64_MAX};
    f.n_clouds = 1;
    expect(&f, "clouds", "[" FRESH "]");
    f.clouds[1] = away();
    f.n_clouds = 2;
    expect(&f, "clouds", "[" FRESH "," AWAY "]");
}

static void test_the_rest(void **state)
{
    struct status_facts f = plain();

    (void) state;
    expect(&f, "spool.oldest_s", "null");
    expect(&f, "spool.error", "null");
    expect(&f, "lan.token_mode", "null");
    expect(&f, "clock", "{\"source\":\"own\",\"time\":1800000000,\"kept\":false,\"offset_s\":null}");
    f.spool.reports = 3;
    f.spool.max_reports = 10;
    f.spool.bytes = 99;
    f.spool.max_bytes = 1000;
    f.spool.has_oldest = true;
    f.spool.oldest_ms = 4999;
    f.spool.dropped = 6;
    f.spool.error = "No space left on device";
    expect(&f, "spool",
           "{\"reports\":3,\"max_reports\":10,\"bytes\":99,\"max_bytes\":1000,\"oldest_s\":4,\"dropped\":6,"
           "\"error\":\"No space left on device\"}");
    f.lan.open = f.lan.reveals_token = true;
    f.lan.peers = 2;
    f.lan.served = 5;
    f.lan.token_mode = 0644;
    f.lan.refused[0] = (struct status_count){"checksum", 9};
    f.lan.n_refused = 1;
    expect(&f, "lan",
           "{\"open\":true,\"peers\":2,\"served\":5,\"reveals_token\":true,\"token_mode\":\"0644\","
           "\"refused\":{\"checksum\":9}}");
    f.setup.provisioned = true;
    f.setup.hooks_missing[0] = "wifi_start.sh";
    f.setup.hooks_missing[1] = "miio_client_helper.sh";
    f.setup.n_hooks_missing = 2;
    expect(&f, "setup",
           "{\"provisioned\":true,\"joining\":false,\"joined\":0,\"failed\":0,"
           "\"hooks_missing\":[\"wifi_start.sh\",\"miio_client_helper.sh\"]}");
    f.clock = STATUS_CLOCK_CLOUD;
    f.has_offset = true;
    f.offset_s = -86400;
    expect(&f, "clock", "{\"source\":\"cloud\",\"time\":1800000000,\"kept\":false,\"offset_s\":-86400}");
}

/* Whoever has named it: what comes out is JSON, and keeps what was good of it. */
static void test_any_bytes(void **state)
{
    static const char *const bad[] = {"\xff", "a\"b\\c", "\x01\x7f", "\xc3(", "\xed\xa0\x80", "\xf0\x9f\x98"};

    (void) state;
    for (size_t i = 0; i < ag_array_size(bad); i++) {
        struct status_facts f = plain();

        f.model = f.firmware = f.dir = bad[i];
        f.spool.error = bad[i];
        f.setup.hooks_missing[0] = bad[i];
        f.setup.n_hooks_missing = 1;
        f.clouds[0] = away();
        f.n_clouds = 1;
        cloud_facts_server(&f.clouds[0].facts, bad[i], 1);
        cloud_past_note(&f.clouds[0].facts.past, CLOUD_LOSS_LOGIN, bad[i], 0);
        snprintf(f.clouds[0].facts.refused, sizeof f.clouds[0].facts.refused, "%s", bad[i]);
        expect(&f, "pid", "7");
    }
}

static void test_loss_words(void **state)
{
    (void) state;
    for (int i = 0; i < CLOUD_N_LOSSES; i++)
        assert_non_null(cloud_loss_word((enum cloud_loss) i));
}

static void sweep(void *user)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
    struct status_facts f = plain();
    struct ag_span text;

    (void) user;
    f.clouds[0] = away();
    f.n_clouds = 1;
    if (status_text_put(&out, &f) < 0)
        return;
    text = ag_buf_span(&out);
    assert_int_equal(ag_json_check(&text, 16), 0);
}

static void test_alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head),      cmocka_unit_test(test_clouds),     cmocka_unit_test(test_the_rest),
        cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_loss_words), cmocka_unit_test(test_alloc_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
