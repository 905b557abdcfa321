#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "agent/core/access.h"

enum { OWN = 50, ALICE = 1000, BOB = 1001, WHEEL = 7 };

static const struct {
    const char *name;
    enum access_verb verb;
    const char *method;
    uint32_t uid;
    bool in_wheel, allowed;
} rows[] = {
    {"no rule: allowed", ACCESS_SEND, "get_prop", ALICE, false, true},
    {"closed from the start", ACCESS_SEND, "_internal.info", ALICE, false, false},
    {"closed from the start", ACCESS_REGISTER, "miIO.reboot", ALICE, false, false},
    {"a longer name is another method", ACCESS_REGISTER, "miIO.reboots", ALICE, false, true},
    {"root may everything", ACCESS_SEND, "_internal.info", 0, false, true},
    {"the agent's own user, too", ACCESS_SEND, "agent.call", OWN, false, true},
    {"a user's rule", ACCESS_REGISTER, "miIO.ota", ALICE, false, true},
    {"is not for others", ACCESS_REGISTER, "miIO.ota", BOB, false, false},
    {"nor for the other verb", ACCESS_SEND, "miIO.ota", ALICE, false, false},
    {"a group's rule", ACCESS_SEND, "lamp.on", BOB, true, true},
    {"who is not in it", ACCESS_SEND, "lamp.on", BOB, false, false},
    {"the longer pattern counts", ACCESS_SEND, "lamp.secret", BOB, true, false},
    {"for everyone", ACCESS_SEND, "lamp.open.x", BOB, false, true},
    {"an exact name before a prefix", ACCESS_SEND, "lamp.open.not", BOB, true, false},
    {"a prefix key that holds closed methods", ACCESS_REGISTER, "*", ALICE, false, false},
    {"so", ACCESS_REGISTER, "_int*", ALICE, false, false},
    {"and so", ACCESS_REGISTER, "miIO.*", ALICE, false, false},
    {"a prefix key beside them", ACCESS_REGISTER, "prop.*", ALICE, false, true},
    {"inside of a closed prefix", ACCESS_REGISTER, "_internal.x*", ALICE, false, false},
    {"inside of an open one", ACCESS_REGISTER, "cam.x*", ALICE, false, true},
    {"the same for one who is not named", ACCESS_REGISTER, "cam.x*", BOB, false, false},
};

static void add(struct access *a, unsigned verbs, const char *pattern, uint8_t kind, uint32_t id)
{
    struct access_who who = {kind, id};

    assert_int_equal(access_add(a, verbs, (struct ag_span){pattern, strlen(pattern)}, &who, 1), 0);
}

static void setup(struct access *a)
{
    access_init(a, OWN);
    add(a, ACCESS_REGISTER, "miIO.ota", ACCESS_USER, ALICE);
    add(a, ACCESS_SEND, "lamp.*", ACCESS_GROUP, WHEEL);
    add(a, ACCESS_SEND, "lamp.secret", ACCESS_USER, ALICE);
    add(a, ACCESS_SEND, "lamp.open.*", ACCESS_ALL, 0);
    add(a, ACCESS_SEND, "lamp.open.not", ACCESS_USER, ALICE);
    add(a, ACCESS_REGISTER, "cam.*", ACCESS_USER, ALICE);
    assert_int_equal(access_enable(a), 0);
}

static void test_rules(void **state)
{
    uint32_t gids[] = {3, WHEEL};
    struct access a;

    (void) state;
    setup(&a);
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct peer_cred c = {
            .known = true, .uid = rows[i].uid, .n_gids = rows[i].in_wheel ? 2 : 1, .gids = gids};
        struct ag_span m = {rows[i].method, strlen(rows[i].method)};

        if (access_check(&a, rows[i].verb, m, &c) != rows[i].allowed)
            fail_msg("%s: %s by %u", rows[i].name, rows[i].method, rows[i].uid);
    }
    access_deinit(&a);
}

static void test_unknown_peer(void **state)
{
    struct peer_cred nobody = {0};
    struct access a;

    (void) state;
    setup(&a);
    assert_true(access_check(&a, ACCESS_SEND, AG_SPAN("get_prop"), &nobody));
    assert_false(access_check(&a, ACCESS_SEND, AG_SPAN("_internal.x"), &nobody));
    assert_true(access_check(&a, ACCESS_SEND, AG_SPAN("lamp.open.x"), &nobody));
    assert_false(access_check_strict(&a, ACCESS_SEND, AG_SPAN("get_prop"), &nobody));
    access_deinit(&a);
}

static void test_off(void **state)
{
    struct peer_cred c = {.known = true, .uid = ALICE};
    struct access a;

    (void) state;
    access_init(&a, OWN);
    assert_true(access_check(&a, ACCESS_REGISTER, AG_SPAN("*"), &c));
    assert_true(access_check(&a, ACCESS_SEND, AG_SPAN("_internal.x"), &c));
    assert_false(access_check_strict(&a, ACCESS_SEND, AG_SPAN("agent.monitor"), &c));
    assert_int_equal(access_add(&a, ACCESS_SEND, AG_SPAN(""), NULL, 0), -22);
    access_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules), cmocka_unit_test(test_unknown_peer),
                                       cmocka_unit_test(test_off)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
