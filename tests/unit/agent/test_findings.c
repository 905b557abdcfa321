/* SPDX-License-Identifier: MIT */
/* What miioctl check makes of what agent and client say: each row a status, and the troubles in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "agent/core/table/unserved.h"
#include "agent/ctl/findings.h"
#include "agent/ctl/ctl.h"

#define INFO         "{\"upstream\":true,\"unserved\":[]}"
#define CLOUD(more)  "{\"clouds\":[{\"name\":\"mqtt\",\"server\":\"h:1\"," more "}],\"clock\":{\"source\":\"own\"}}"
#define AWAY(reason) CLOUD("\"state\":\"cloud_retry\",\"error\":{\"reason\":\"" reason "\",\"text\":\"t\"}")
#define WITH(part)   "{\"clock\":{\"source\":\"own\"}," part "}"

static const struct {
    const char *info, *peers, *status, *names; /* names: of the troubles, in order */
    unsigned n_twins;
} rows[] = {
    {INFO, "[]", WITH("\"clouds\":[]"), "", 0},
    {NULL, NULL, NULL, "", 0},
    {"[]", "{}", "7", "client.missing clock.unset ", 0},
    {"{\"upstream\":false}", "[]", NULL, "client.missing ", 0},
    {INFO, "[]", WITH("\"x\":1"), "client.twice ", 2},
    {INFO, "[]", AWAY("unreachable"), "cloud.unreachable ", 0},
    {INFO, "[]", AWAY("tls"), "cloud.tls ", 0},
    {INFO, "[]", AWAY("login"), "cloud.login ", 0},
    {INFO, "[]", AWAY("refused"), "cloud.refused ", 0},
    {INFO, "[]", AWAY("silent"), "cloud.silent ", 0},
    {INFO, "[]", AWAY("register"), "cloud.register ", 0},
    {INFO, "[]", AWAY("cut"), "cloud.cut ", 0},
    {INFO, "[]", CLOUD("\"state\":\"cloud_connected\",\"error\":{\"reason\":\"cut\",\"text\":\"long ago\"}"), "", 0},
    {INFO, "[]", CLOUD("\"state\":\"cloud_connected\",\"refused_topic\":\"a/b\""), "cloud.subscription ", 0},
    {INFO, "[]", CLOUD("\"refused_topic\":\"a\",\"refused_how\":\"silent\""), "cloud.subscription ", 0},
    {INFO, "[]", CLOUD("\"state\":\"cloud_connected\",\"short_sessions\":3"), "cloud.twins ", 0},
    {INFO, "[]", "{\"clock\":{\"source\":\"unset\"}}", "clock.unset ", 0},
    {INFO, "[]", "{\"clock\":{\"source\":\"cloud\",\"offset_s\":-900000}}", "clock.unset ", 0},
    {INFO, "[]", "{\"clock\":{\"source\":\"own\",\"offset_s\":-61}}", "clock.wrong ", 0},
    {INFO, "[]", "{\"clock\":{\"source\":\"own\",\"offset_s\":60}}", "", 0},
    {INFO, "[]", WITH("\"spool\":{\"reports\":5,\"max_reports\":10,\"bytes\":1,\"max_bytes\":100}"), "spool.filling ", 0},
    {INFO, "[]", WITH("\"spool\":{\"reports\":1,\"max_reports\":10,\"bytes\":60,\"max_bytes\":100}"), "spool.filling ", 0},
    {INFO, "[]", WITH("\"spool\":{\"reports\":10,\"max_reports\":10,\"dropped\":1}"), "spool.full ", 0},
    {INFO, "[]", WITH("\"spool\":{\"error\":\"No space left on device\"}"), "disk.full ", 0},
    {INFO, "[]", WITH("\"spool\":{\"error\":\"Input/output error\"}"), "spool.error ", 0},
    {INFO, "[]", WITH("\"lan\":{\"refused\":{\"checksum\":1},\"token_mode\":\"0640\",\"reveals_token\":true}"),
     "lan.token token.mode token.open ", 0},
    {INFO, "[]", WITH("\"lan\":{\"refused\":{\"did\":1},\"token_mode\":\"0600\",\"reveals_token\":false}"), "", 0},
    {INFO, "[]", WITH("\"setup\":{\"hooks_missing\":[\"wifi_start.sh\"]},\"helper\":{\"here\":false}"),
     "hooks.missing helper.missing ", 0},
    {INFO, "[{\"peer\":4,\"keys\":[\"a\"],\"unanswered\":2},{\"peer\":5,\"unanswered\":0}]", NULL, "app.silent ", 0},
    {"{\"upstream\":true,\"unserved\":[{\"method\":\"x\",\"n\":1,\"ago_ms\":5},{\"method\":\"y\",\"n\":1,\"ago_ms\":600000}]}",
     "[]", NULL, "key.unserved ", 0},
};

static void test_rows(void **state)
{
    static struct findings f;

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        ag_cleanup(ctl_delete_json) cJSON *info = rows[i].info ? cJSON_Parse(rows[i].info) : NULL;
        ag_cleanup(ctl_delete_json) cJSON *peers = rows[i].peers ? cJSON_Parse(rows[i].peers) : NULL;
        ag_cleanup(ctl_delete_json) cJSON *status = rows[i].status ? cJSON_Parse(rows[i].status) : NULL;
        char names[200] = "";

        findings_collect(&f, &(struct looks){info, peers, status, rows[i].n_twins});
        for (size_t k = 0; k < f.n; k++) {
            assert_true(f.list[k].text[0] && f.list[k].cure[0]);
            strcat(strcat(names, f.list[k].name), " ");
        }
        assert_string_equal(names, rows[i].names);
    }
}

static void expect_unserved(const struct unserved *u, uint64_t now_ms, const char *wanted)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

    assert_int_equal(unserved_print(u, now_ms, &out), 0);
    assert_string_equal(ag_buf_cstr(&out), wanted);
}

static void test_unserved(void **state)
{
    struct unserved u = {0};
    char name[2] = "a";

    (void) state;
    expect_unserved(&u, 0, "[]");
    unserved_note(&u, AG_SPAN("set.x"), 10);
    unserved_note(&u, AG_SPAN("get"), 20);
    unserved_note(&u, AG_SPAN("set.x"), 30);
    expect_unserved(&u, 35, "[{\"method\":\"set.x\",\"n\":2,\"ago_ms\":5},{\"method\":\"get\",\"n\":1,\"ago_ms\":15}]");
    unserved_forget(&u, AG_SPAN("set"), false);
    unserved_forget(&u, AG_SPAN("get"), false);
    expect_unserved(&u, 35, "[{\"method\":\"set.x\",\"n\":2,\"ago_ms\":5}]");
    unserved_forget(&u, AG_SPAN("set."), true);
    expect_unserved(&u, 35, "[]");
    for (uint64_t i = 0; i < UNSERVED_MAX; i++, name[0]++)
        unserved_note(&u, (struct ag_span){name, 1}, 100 + i);
    unserved_note(&u, AG_SPAN("new"), 200); /* in the place of a, which is the oldest */
    unserved_forget(&u, AG_SPAN("new"), false);
    unserved_forget(&u, AG_SPAN("a"), false);
    for (name[0] = 'c'; name[0] <= 'h'; name[0]++)
        unserved_forget(&u, (struct ag_span){name, 1}, false);
    expect_unserved(&u, 201, "[{\"method\":\"b\",\"n\":1,\"ago_ms\":100}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_unserved)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
