/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "libagent/core/access.h"

enum { OWN = 50, ALICE = 1000, BOB = 1001, WHEEL = 7 };
#define REGISTER AG_ACCESS_REGISTER
#define CALL     AG_ACCESS_CALL
#define INJECT   AG_ACCESS_INJECT
#define SERVE    AG_ACCESS_SERVE
#define SEND     AG_ACCESS_SEND
#define BIND     AG_ACCESS_BIND
#define MONITOR  AG_ACCESS_MONITOR

static const struct ag_cred nobody = {0};

static struct ag_cred user(uint32_t uid)
{
    return (struct ag_cred){.known = true, .uid = uid};
}

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void add(struct ag_access *a, unsigned verbs, const char *pattern, uint8_t kind, uint32_t id)
{
    struct ag_access_who who = {kind, id};

    assert_int_equal(ag_access_add(a, verbs, span(pattern), &who, 1), 0);
}

static void setup(struct ag_access *a)
{
    ag_access_init(a, OWN);
    add(a, REGISTER, "miIO.ota", AG_ACCESS_USER, ALICE);
    add(a, CALL, "lamp.*", AG_ACCESS_GROUP, WHEEL);
    add(a, CALL, "lamp.secret", AG_ACCESS_USER, ALICE);
    add(a, CALL, "lamp.open.*", AG_ACCESS_ALL, 0);
    add(a, CALL, "lamp.open.not", AG_ACCESS_USER, ALICE);
    add(a, REGISTER, "cam.*", AG_ACCESS_USER, ALICE);
    add(a, AG_ACCESS_ANY, "*", AG_ACCESS_ALL, 0); /* shorter than every closed prefix */
    add(a, INJECT, "lamp.*", AG_ACCESS_USER, ALICE);
    add(a, INJECT, "*", AG_ACCESS_USER, BOB);
    add(a, MONITOR, "lamp.*", AG_ACCESS_USER, ALICE);
    a->enabled = true;
}

static const struct {
    const char *name;
    enum ag_access_verb verb;
    const char *method;
    uint32_t uid;
    bool in_wheel, allowed;
} rows[] = {
    {"an open method", CALL, "get_prop", ALICE, false, true},
    {"closed", CALL, "_internal.info", ALICE, false, false},
    {"closed", REGISTER, "miIO.reboot", ALICE, false, false},
    {"a longer name is closed, too", REGISTER, "miIO.reboots", ALICE, false, false},
    {"root may everything", CALL, "_internal.info", 0, false, true},
    {"the daemon's own user, too", CALL, "agent.call", OWN, false, true},
    {"a user's rule opens", REGISTER, "miIO.ota", ALICE, false, true},
    {"not for others", REGISTER, "miIO.ota", BOB, false, false},
    {"nor for another verb", CALL, "miIO.ota", ALICE, false, false},
    {"nor for a longer name", REGISTER, "miIO.ota2", ALICE, false, false},
    {"a group's rule", CALL, "lamp.on", BOB, true, true},
    {"who is not in it", CALL, "lamp.on", BOB, false, false},
    {"the longer pattern counts", CALL, "lamp.secret", BOB, true, false},
    {"for everyone", CALL, "lamp.open.x", BOB, false, true},
    {"an exact name before a prefix", CALL, "lamp.open.not", BOB, true, false},
    {"strict: named", INJECT, "lamp.on", ALICE, false, true},
    {"strict: not named", INJECT, "other", ALICE, false, false},
    {"strict: closed stays closed", INJECT, "miIO.restore", BOB, false, false},
};

static void test_rules(void **state)
{
    uint32_t gids[] = {3, WHEEL};
    struct ag_access a;

    (void) state;
    setup(&a);
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_cred c = {.known = true, .uid = rows[i].uid, .n_gids = rows[i].in_wheel ? 2 : 1, .gids = gids};

        if (ag_access_check(&a, rows[i].verb, span(rows[i].method), &c) != rows[i].allowed)
            fail_msg("%s: %s by %u", rows[i].name, rows[i].method, rows[i].uid);
    }
    ag_access_deinit(&a);
}

static const struct {
    const char *name;
    enum ag_access_verb verb;
    const char *key;
    uint32_t uid;
    bool allowed;
} keys[] = {
    {"holds closed methods", REGISTER, "*", ALICE, false},
    {"so", REGISTER, "_int*", ALICE, false},
    {"and so", REGISTER, "miIO.*", ALICE, false},
    {"half a closed prefix", REGISTER, "m*", ALICE, false},
    {"and so", REGISTER, "local.*", ALICE, false},
    {"a prefix beside them", REGISTER, "prop.*", ALICE, true},
    {"beside them", REGISTER, "local.s*", ALICE, true},
    {"inside of a closed prefix", REGISTER, "_internal.x*", ALICE, false},
    {"the open method is one method", REGISTER, "miIO.info*", ALICE, false},
    {"which it is", REGISTER, "miIO.info", ALICE, true},
    {"inside of a named one", REGISTER, "cam.x*", ALICE, true},
    {"for one who is not named", REGISTER, "cam.x*", BOB, false},
    {"over a named one", REGISTER, "ca*", BOB, false},
    {"for root", REGISTER, "*", 0, true},
    {"serve like register", SERVE, "*", ALICE, false},
    {"watching what is named", MONITOR, "lamp.x*", ALICE, true},
    {"watching more", MONITOR, "lam*", ALICE, false},
    {"watching all", MONITOR, "*", ALICE, false},
};

static void test_keys(void **state)
{
    struct ag_access a;

    (void) state;
    setup(&a);
    for (size_t i = 0; i < ag_array_size(keys); i++) {
        struct ag_cred c = user(keys[i].uid);

        if (ag_access_check_key(&a, keys[i].verb, span(keys[i].key), &c) != keys[i].allowed)
            fail_msg("%s: %s by %u", keys[i].name, keys[i].key, keys[i].uid);
    }
    ag_access_deinit(&a);
}

/* What is closed, in every verb, however the rules for others look; and what lies beside it. */
static void test_the_closed_list(void **state)
{
    static const char *const closed[] = {"_internal.",
                                         "_internal.hello",
                                         "_internal.x",
                                         "miIO.",
                                         "miIO.ota",
                                         "miIO.reboot",
                                         "miIO.restore",
                                         "miIO.config",
                                         "miIO.config_router",
                                         "miIO.config_loglevel",
                                         "miIO.info2",
                                         "miIO.infos",
                                         "local.ble.",
                                         "local.ble.config_router",
                                         "agent.",
                                         "agent.call",
                                         "agent.peers",
                                         "agent.information"};
    static const char *const open[] = {"",          "_internal",          "miIO",  "miIO.info",  "miio.ota",
                                       "local.ble", "local.query_status", "agent", "agent.info", "xmiIO.ota",
                                       "get_prop"};
    static const enum ag_access_verb verbs[] = {REGISTER, CALL, INJECT, SERVE, SEND, BIND, MONITOR};
    struct ag_cred who[] = {nobody, user(ALICE), user(UINT32_MAX)};
    struct ag_access a;

    (void) state;
    ag_access_init(&a, OWN);
    add(&a, 0x7f, "*", AG_ACCESS_ALL, 0);
    add(&a, 0x7f, "miI*", AG_ACCESS_USER, ALICE);
    a.enabled = true;
    for (size_t v = 0; v < ag_array_size(verbs); v++)
        for (size_t w = 0; w < ag_array_size(who); w++) {
            for (size_t i = 0; i < ag_array_size(closed); i++)
                if (ag_access_check(&a, verbs[v], span(closed[i]), &who[w]))
                    fail_msg("%s is open to %zu", closed[i], w);
            for (size_t i = 0; i < ag_array_size(open); i++)
                if (!ag_access_check(&a, verbs[v], span(open[i]), &who[w]) && strncmp(open[i], "miI", 3) != 0)
                    fail_msg("%s is closed to %zu", open[i], w);
        }
    for (size_t i = 0; i < ag_array_size(closed); i++)
        assert_true(ag_access_is_closed(span(closed[i])));
    for (size_t i = 0; i < ag_array_size(open); i++)
        assert_false(ag_access_is_closed(span(open[i])));
    ag_access_deinit(&a);
}

static void test_unknown_peer(void **state)
{
    struct ag_access a;

    (void) state;
    setup(&a);
    add(&a, REGISTER, "root.only", AG_ACCESS_USER, 0);
    assert_true(ag_access_check(&a, CALL, AG_SPAN("get_prop"), &nobody));
    assert_false(ag_access_check(&a, CALL, AG_SPAN("_internal.x"), &nobody));
    assert_true(ag_access_check(&a, CALL, AG_SPAN("lamp.open.x"), &nobody));
    assert_false(ag_access_check(&a, REGISTER, AG_SPAN("root.only"), &nobody)); /* its uid of 0 means nothing */
    assert_false(ag_access_check_strict(&a, SERVE, AG_SPAN("_internal.x"), &nobody));
    assert_false(ag_access_is_owner(&a, &nobody));
    ag_access_deinit(&a);
}

static void test_off(void **state)
{
    struct ag_cred alice = user(ALICE), root = user(0);
    struct ag_access a;

    (void) state;
    ag_access_init(&a, OWN);
    assert_true(ag_access_check_key(&a, REGISTER, AG_SPAN("*"), &alice));
    assert_true(ag_access_check(&a, CALL, AG_SPAN("_internal.x"), &alice));
    assert_true(ag_access_check(&a, CALL, AG_SPAN("_internal.x"), &nobody));
    assert_true(ag_access_check_send(&a, AG_SPAN("_internal.x"), 3, &alice));
    assert_false(ag_access_check_strict(&a, CALL, AG_SPAN("agent.monitor"), &alice));
    assert_false(ag_access_check(&a, INJECT, AG_SPAN("get_prop"), &alice));
    assert_true(ag_access_check(&a, INJECT, AG_SPAN("get_prop"), &root));
    assert_false(ag_access_check(&a, INJECT, AG_SPAN("get_prop"), &nobody));
    assert_int_equal(ag_access_add(&a, CALL, AG_SPAN(""), NULL, 0), -EINVAL);
    ag_access_deinit(&a);
}

static void test_default_deny(void **state)
{
    struct ag_cred alice = user(ALICE), root = user(0);
    struct ag_access a;

    (void) state;
    ag_access_init(&a, OWN);
    a.enabled = a.deny = true;
    add(&a, CALL, "prop.*", AG_ACCESS_USER, ALICE);
    add(&a, BIND, "4", AG_ACCESS_USER, ALICE);
    assert_true(ag_access_check(&a, CALL, AG_SPAN("prop.x"), &alice));
    assert_false(ag_access_check(&a, CALL, AG_SPAN("other"), &alice));
    assert_false(ag_access_check(&a, CALL, AG_SPAN("agent.info"), &alice));
    assert_false(ag_access_check(&a, REGISTER, AG_SPAN("prop.x"), &alice));
    assert_false(ag_access_check_key(&a, CALL, AG_SPAN("p*"), &alice));
    assert_true(ag_access_check(&a, BIND, AG_SPAN("4"), &alice));
    assert_false(ag_access_check(&a, BIND, AG_SPAN("8"), &alice));
    assert_false(ag_access_check(&a, CALL, AG_SPAN("prop.x"), &nobody));
    assert_true(ag_access_check(&a, CALL, AG_SPAN("other"), &root));
    ag_access_deinit(&a);
}

static const struct {
    const char *name, *method;
    uint32_t mask, uid;
    bool deny, allowed;
} sends[] = {
    {"neither is named", "hi", 1, BOB, false, true},
    {"neither is named, and that is refused", "hi", 1, BOB, true, false},
    {"the address is ours", "hi", 16, ALICE, true, true},
    {"the address is somebody's", "hi", 16, BOB, false, false},
    {"one of several addresses is", "hi", 17, BOB, false, false},
    {"one of several is not named", "hi", 17, ALICE, true, false},
    {"the method is ours", "zb.x", 1, ALICE, true, true},
    {"the method is somebody's", "zb.x", 1, BOB, false, false},
    {"the method is ours, the address somebody's", "zb.x", 32, ALICE, false, false},
    {"an answer, without a method", "", 1, BOB, false, true},
    {"an answer to somebody's address", "", 16, BOB, false, false},
    {"a closed method", "miIO.restore", 16, ALICE, false, false},
    {"by root", "miIO.restore", 16, 0, true, true},
};

static void test_send(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(sends); i++) {
        struct ag_cred c = user(sends[i].uid);
        struct ag_access a;

        ag_access_init(&a, OWN);
        a.enabled = true;
        a.deny = sends[i].deny;
        add(&a, SEND, "16", AG_ACCESS_USER, ALICE);
        add(&a, SEND, "32", AG_ACCESS_USER, BOB);
        add(&a, SEND, "zb.*", AG_ACCESS_USER, ALICE);
        if (ag_access_check_send(&a, span(sends[i].method), sends[i].mask, &c) != sends[i].allowed)
            fail_msg("%s", sends[i].name);
        ag_access_deinit(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules), cmocka_unit_test(test_keys),         cmocka_unit_test(test_the_closed_list),
        cmocka_unit_test(test_off),   cmocka_unit_test(test_unknown_peer), cmocka_unit_test(test_default_deny),
        cmocka_unit_test(test_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
