/* SPDX-License-Identifier: MIT */
/* The methods that the client answers itself: what is left in the caller's buffer, and what is asked of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/local/serve.h"

enum { NOW_MS = 100000, UNIX = 1700000000 };

#define ID "did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=cool\nmodel=cool.prod.v1\n"

uint64_t uv_now(const uv_loop_t *loop)
{
    (void) loop;
    return NOW_MS;
}

int uv_gettimeofday(uv_timeval64_t *tv)
{
    *tv = (uv_timeval64_t){.tv_sec = UNIX};
    return 0;
}

/* ---- the rest of the client ---- */

static struct rest {
    struct serve_work work;
    unsigned cloud_s; /* until a cloud must run */
    int result;       /* of what is done */
    bool helper_knows;
    char done[256];
} rest;

static void note(const char *what)
{
    snprintf(rest.done + strlen(rest.done), sizeof rest.done - strlen(rest.done), "%s ", what);
}

static void on_work(void *user, struct serve_work *out)
{
    (void) user;
    *out = rest.work;
}

static unsigned on_cloud_wakeup_s(void *user, unsigned s)
{
    (void) user;
    return rest.cloud_s < s ? rest.cloud_s : s;
}

static struct ag_span on_told_info(void *user)
{
    (void) user;
    return AG_SPAN("{\"hw_ver\":\"board\"}");
}

static void on_joins(void *user, unsigned *joined_out, unsigned *failed_out)
{
    (void) user;
    *joined_out = 3;
    *failed_out = 1;
}

static int put(struct ag_buf *out, const char *text)
{
    return rest.result < 0 ? rest.result : ag_buf_append_str(out, text);
}

static int on_put_status(void *user, struct ag_buf *out)
{
    (void) user;
    return put(out, "{\"state\":1}");
}

static int on_put_counters(void *user, struct ag_buf *out)
{
    (void) user;
    return put(out, "{\"count\":2}");
}

static int on_put_cloud_words(void *user, struct ag_buf *out)
{
    (void) user;
    return put(out, "{\"ot\":\"off\"}");
}

static void on_info_changed(void *user)
{
    (void) user;
    note("info");
}

static int on_trust_owner_only(void *user)
{
    (void) user;
    note("enauth");
    return rest.result;
}

static int on_set_zone(void *user, const char *zone)
{
    (void) user;
    note(zone);
    return rest.result;
}

static int on_set_network(void *user, enum origin_kind from, const struct router_params *params)
{
    (void) user;
    (void) from;
    note(params->wifi.ssid);
    return rest.result;
}

static int on_reboot(void *user)
{
    (void) user;
    note("reboot");
    return rest.result;
}

static int on_reset(void *user)
{
    (void) user;
    note("reset");
    return rest.result;
}

static bool on_helper_text(void *user, unsigned peer, struct ag_span method, struct ag_span text, const struct ag_json_view *view)
{
    (void) user;
    (void) peer;
    (void) method;
    (void) text;
    (void) view;
    note("helper");
    return rest.helper_knows;
}

static const struct serve_host host = {.work = on_work,
                                       .cloud_wakeup_s = on_cloud_wakeup_s,
                                       .told_info = on_told_info,
                                       .joins = on_joins,
                                       .put_status = on_put_status,
                                       .put_counters = on_put_counters,
                                       .put_cloud_words = on_put_cloud_words,
                                       .info_changed = on_info_changed,
                                       .trust_owner_only = on_trust_owner_only,
                                       .set_zone = on_set_zone,
                                       .set_network = on_set_network,
                                       .reboot = on_reboot,
                                       .reset = on_reset,
                                       .helper_text = on_helper_text};

/* ---- one text ---- */

static struct {
    struct device device;
    struct device_conf conf;
    struct ag_log_gate log;
    struct serve serve;
    bool external;
} rig;

static int set_up(void **state)
{
    struct device_conf_error err;

    (void) state;
    memset(&rest, 0, sizeof rest);
    memset(&rig, 0, sizeof rig);
    rest.work.next_ms = UINT64_MAX;
    rest.cloud_s = UINT32_MAX;
    rig.log = (struct ag_log_gate){.burst = 5, .period_ms = 10000};
    assert_int_equal(device_conf_parse(&rig.conf, ID, sizeof ID - 1, &err), 0);
    device_init(&rig.device, NULL, &rig.conf, NULL, NULL, NULL);
    serve_init(&rig.serve, &(struct serve_env){.device = &rig.device, .log = &rig.log, .host = &host});
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    device_conf_deinit(&rig.conf);
    device_deinit(&rig.device);
    return 0;
}

/* What is left in the buffer; "-": it is for applications. text is written over when it held a secret. */
static const char *answer_to(enum origin_kind from, char *text)
{
    static char got[2048];
    struct ag_buf out = AG_BUF_INIT;
    struct ag_json_view view;
    struct ag_span span = {text, strlen(text)};
    unsigned tag;

    assert_int_equal(ag_json_parse(&span, 16, &view), 0);
    if (serve_method(&rig.serve, (struct origin){.kind = from}, span, &view, &out, &tag))
        snprintf(got, sizeof got, "%.*s", (int) ag_buf_size(&out), ag_buf_size(&out) ? ag_buf_head(&out) : "");
    else
        snprintf(got, sizeof got, "-%u", tag);
    ag_buf_deinit(&out);
    return got;
}

struct row {
    enum origin_kind from;
    const char *text, *answer, *done;
    int result;
};

static void check(const struct row *row)
{
    char text[256];

    snprintf(text, sizeof text, "%s", row->text);
    rest.done[0] = '\0';
    rest.result = row->result;
    assert_string_equal(answer_to(row->from, text), row->answer);
    assert_string_equal(rest.done, row->done ? row->done : "");
}

#define CODE(id, code, message) "{\"id\":" id ",\"error\":{\"code\":" code ",\"message\":\"" message "\"}}"

static void test_answers(void **state)
{
    static const struct row rows[] = {
        {ORIGIN_LOCAL, "{\"id\":1,\"method\":\"local.query_did\"}", "{\"id\":1,\"method\":\"local.did\",\"params\":10000}", NULL,
         0},
        {ORIGIN_LOCAL, "{\"method\":\"local.query_did\"}", "{\"method\":\"local.did\",\"params\":10000}", NULL, 0},
        {ORIGIN_LOCAL, "{\"id\":2,\"method\":\"local.query_time\"}", "{\"id\":2,\"method\":\"local.time\",\"params\":1700000000}",
         NULL, 0},
        {ORIGIN_LOCAL, "{\"id\":3,\"method\":\"local.query_country\"}",
         "{\"id\":3,\"method\":\"local.country\",\"params\":\"prc\"}", NULL, 0},
        {ORIGIN_LOCAL, "{\"id\":4,\"method\":\"client.status\"}", "{\"id\":4,\"result\":{\"state\":1}}", NULL, 0},
        {ORIGIN_LOCAL, "{\"method\":\"client.status\"}", "", NULL, 0},
        {ORIGIN_LOCAL, "{\"id\":5,\"method\":\"client.counters\"}", "{\"id\":5,\"result\":{\"count\":2}}", NULL, 0},
        {ORIGIN_LOCAL, "{\"id\":6,\"method\":\"cloud.status\"}", "{\"id\":6,\"result\":{\"ot\":\"off\"}}", NULL, 0},
        {ORIGIN_LOCAL, "{\"id\":6,\"method\":\"cloud.status\"}", "", NULL, -ENOMEM},
        {ORIGIN_LOCAL, "{\"id\":7,\"method\":\"local.nothing\"}", CODE("7", "-10000", "no such local method"), NULL, 0},
        {ORIGIN_LOCAL, "{\"id\":8,\"method\":\"_internal.accepted\"}", "{\"id\":8,\"result\":[\"ok\"]}", NULL, 0},
        {ORIGIN_LOCAL, "{\"id\":9,\"method\":\"_internal.hello\"}", CODE("9", "-32601", "Method not found."), "helper ", 0},
        {ORIGIN_LAN, "{\"id\":1,\"method\":\"local.query_did\"}", CODE("1", "-32001", "not permitted"), NULL, 0},
        {ORIGIN_LAN, "{\"method\":\"local.query_did\"}", "", NULL, 0},
        {ORIGIN_LAN, "{\"id\":1,\"method\":\"\"}", "-0", NULL, 0},
        {ORIGIN_CLOUD, "{\"id\":1,\"method\":\"get_properties\"}", "-0", NULL, 0},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        check(&rows[i]);
    assert_int_equal(rig.serve.n_not_permitted, 2);
}

static void test_what_is_done(void **state)
{
    static const struct row rows[] = {
        {ORIGIN_CLOUD, "{\"id\":1,\"method\":\"miIO.config_tz\",\"params\":{\"tz\":\"Europe/Berlin\"}}",
         "{\"id\":1,\"result\":[\"OK\"]}", "Europe/Berlin ", 0},
        {ORIGIN_CLOUD, "{\"id\":1,\"method\":\"miIO.config_tz\",\"params\":{\"tz\":\"Europe/Berlin\"}}",
         "{\"id\":1,\"result\":[\"ERROR\"]}", "Europe/Berlin ", -EIO},
        {ORIGIN_CLOUD, "{\"id\":1,\"method\":\"miIO.config_tz\",\"params\":{\"tz\":\"../x\"}}",
         "{\"id\":1,\"result\":[\"ERROR\"]}", NULL, 0},
        {ORIGIN_LAN,
         "{\"id\":2,\"method\":\"miIO.config_router\",\"params\":{\"ssid\":\"Home\",\"passwd\":\"12345678\",\"uid\":1}}",
         "{\"id\":2,\"result\":[\"ok\"]}", "Home ", 0},
        {ORIGIN_LAN,
         "{\"id\":2,\"method\":\"miIO.config_router\",\"params\":{\"ssid\":\"Home\",\"passwd\":\"12345678\",\"uid\":1}}",
         CODE("2", "-32000", "busy"), "Home ", -EBUSY},
        {ORIGIN_LAN,
         "{\"id\":2,\"method\":\"miIO.config_router\",\"params\":{\"ssid\":\"Home\",\"passwd\":\"12345678\",\"uid\":1}}",
         CODE("2", "-32001", "not permitted"), "Home ", -EPERM},
        {ORIGIN_LAN,
         "{\"id\":2,\"method\":\"miIO.config_router\",\"params\":{\"ssid\":\"Home\",\"passwd\":\"12345678\",\"uid\":1}}",
         CODE("2", "-33020", "cannot save"), "Home ", -EIO},
        {ORIGIN_LOCAL, "{\"id\":3,\"method\":\"miIO.reboot\"}", "{\"id\":3,\"result\":[\"ok\"]}", "reboot ", 0},
        {ORIGIN_LOCAL, "{\"id\":3,\"method\":\"miIO.reboot\"}", CODE("3", "-32601", "Method not found."), "reboot ", -ENOSYS},
        {ORIGIN_LOCAL, "{\"id\":4,\"method\":\"miIO.restore\"}", CODE("4", "-33020", "the owner's files cannot be removed"),
         "reset ", -EIO},
        {ORIGIN_LOCAL, "{\"method\":\"miIO.restore\"}", "{\"result\":[\"ok\"]}", "reset ", 0},
        {ORIGIN_LOCAL, "{\"id\":5,\"method\":\"local.mcu_info\",\"params\":{\"mcu_fw_ver\":\"0007\"}}",
         "{\"id\":5,\"result\":[\"OK\"]}", "info ", 0},
        {ORIGIN_LOCAL, "{\"id\":5,\"method\":\"local.mcu_info\",\"params\":{\"mcu_fw_ver\":\"0007\"}}",
         "{\"id\":5,\"result\":[\"OK\"]}", NULL, 0}, /* nothing new */
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        check(&rows[i]);
}

/* A phone's request is the applications' first; the client's own hands when nobody takes it. */
static void test_fallback(void **state)
{
    struct ag_buf out = AG_BUF_INIT;
    char text[] = "{\"id\":1,\"method\":\"miIO.reboot\"}";

    (void) state;
    assert_int_equal(atoi(answer_to(ORIGIN_LAN, text) + 1), LOCAL_CMD_REBOOT);
    assert_false(serve_fallback(&rig.serve, LOCAL_CMD_NONE, &out));
    assert_true(serve_fallback(&rig.serve, LOCAL_CMD_REBOOT, &out));
    assert_string_equal(ag_buf_cstr(&out), "{\"id\":0,\"result\":[\"ok\"]}");
    ag_buf_clear(&out);
    rest.result = -ENOSYS;
    assert_false(serve_fallback(&rig.serve, LOCAL_CMD_RESTORE, &out));
    assert_int_equal(ag_buf_size(&out), 0);
    assert_string_equal(rest.done, "reboot reset ");
    ag_buf_deinit(&out);
}

/* A phone has proved that it knows the token, an application has not. */
static void test_the_token_is_told_to_who_knows_it(void **state)
{
    char text[] = "{\"id\":1,\"method\":\"miIO.info\"}";

    (void) state;
    device_set_token(&rig.device, "a1B2c3D4e5F6g7H8");
    assert_non_null(strstr(answer_to(ORIGIN_LAN, text), "\"token\":\"6131423263334434"));
    assert_non_null(strstr(answer_to(ORIGIN_LAN, text), "\"hw_ver\":\"board\""));
    assert_null(strstr(answer_to(ORIGIN_LOCAL, text), "token"));
}

static void test_a_network_s_key_is_wiped(void **state)
{
    char text[] = "{\"id\":2,\"method\":\"miIO.config_router\",\"params\":{\"ssid\":\"Home\",\"passwd\":\"12345678\",\"uid\":1}}";

    (void) state;
    answer_to(ORIGIN_LAN, text);
    assert_null(memmem(text, sizeof text, "12345678", 8));
}

static void sleeps(const char *seconds)
{
    char text[] = "{\"id\":1,\"method\":\"local.prep_suspend\"}", want[96];

    snprintf(want, sizeof want, "{\"id\":1,\"method\":\"local.resp_suspend\",\"params\":{\"wakeup_time\":%s}}", seconds);
    assert_string_equal(answer_to(ORIGIN_LOCAL, text), want);
}

static void test_how_long_the_device_may_sleep(void **state)
{
    (void) state;
    sleeps("3600"); /* nothing to do at all */
    rest.work.next_ms = NOW_MS + 1001;
    sleeps("2"); /* begun seconds whole */
    rest.work.next_ms = NOW_MS - 1;
    sleeps("0");
    rest.work.next_ms = NOW_MS + 90000;
    rest.cloud_s = 15;
    sleeps("15");
    rest.work.busy = true;
    sleeps("0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers),
        TEST(test_what_is_done),
        TEST(test_fallback),
        TEST(test_the_token_is_told_to_who_knows_it),
        TEST(test_a_network_s_key_is_wiped),
        TEST(test_how_long_the_device_may_sleep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
