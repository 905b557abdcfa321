/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "libagent/io/access/access_file.h"

enum { OWN = 50 };

static char path[] = "/tmp/access_XXXXXX";

static int make(void **state)
{
    int fd = mkstemp(path);

    (void) state;
    return fd < 0 ? -1 : close(fd);
}

static int drop(void **state)
{
    (void) state;
    return unlink(path);
}

static void put(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static bool may(const struct ag_access *a, int verb, const char *method, uint32_t uid)
{
    struct ag_cred c = {.known = true, .uid = uid};

    return ag_access_check(a, (enum ag_access_verb) verb, (struct ag_span){method, strlen(method)}, &c);
}

static void test_reads(void **state)
{
    char error[AG_INI_ERROR_MAX];
    struct ag_access a;

    (void) state;
    put("# who may do what\n[access]\ndefault = deny\nregister cam.* = 1000, 1001 root\ncall,serve  "
        "lamp.*=1000\n"
        "any own = @console\nsend 16 = *\nbind 16 =\nmonitor lamp.* = 1000\ninject lamp.on = 1000\r\n"
        "register disk.* = @root @0\n");
    ag_access_init(&a, OWN);
    assert_int_equal(ag_access_read(&a, path, error), 0);
    assert_true(a.enabled && a.deny);
    assert_true(may(&a, AG_ACCESS_REGISTER, "cam.x", 1000) && may(&a, AG_ACCESS_REGISTER, "cam.x", 1001));
    assert_false(may(&a, AG_ACCESS_REGISTER, "cam.x", 1002) || may(&a, AG_ACCESS_CALL, "cam.x", 1000));
    assert_true(may(&a, AG_ACCESS_CALL, "lamp.on", 1000) && may(&a, AG_ACCESS_SERVE, "lamp.on", 1000));
    assert_false(may(&a, AG_ACCESS_CALL, "own", 1000) || !may(&a, AG_ACCESS_CALL, "own", OWN));
    assert_true(may(&a, AG_ACCESS_SEND, "16", 1002));
    assert_false(may(&a, AG_ACCESS_BIND, "16", 1002));
    assert_true(may(&a, AG_ACCESS_INJECT, "lamp.on", 1000) && may(&a, AG_ACCESS_MONITOR, "lamp.on", 1000));
    assert_true(may(&a, AG_ACCESS_REGISTER, "disk.x", 0)); /* whoever has root's group */
    ag_access_deinit(&a);
}

/* A peer on TCP has no groups to ask for: the group's users stand in the rule. */
static void test_a_group_is_its_users(void **state)
{
    char line[4096], rule[300], error[AG_INI_ERROR_MAX], *name = NULL, *save = NULL;
    unsigned long uid = 0, gid = 0;
    FILE *f = fopen("/etc/passwd", "r");
    struct ag_access a;

    (void) state;
    while (f && !name && fgets(line, sizeof line, f)) { /* name:x:uid:gid: */
        name = strtok_r(line, ":", &save);
        strtok_r(NULL, ":", &save);
        uid = strtoul(strtok_r(NULL, ":", &save), NULL, 10);
        gid = strtoul(strtok_r(NULL, ":", &save), NULL, 10);
        name = uid > 0 ? name : NULL;
    }
    if (f)
        fclose(f);
    if (!name)
        skip();
    snprintf(rule, sizeof rule, "register a.* = @%lu\nregister b.* = %.200s\n", gid, name);
    put(rule);
    ag_access_init(&a, OWN);
    assert_int_equal(ag_access_read(&a, path, error), 0);
    assert_true(may(&a, AG_ACCESS_REGISTER, "a.x", (uint32_t) uid));
    assert_true(may(&a, AG_ACCESS_REGISTER, "b.x", (uint32_t) uid));
    assert_false(may(&a, AG_ACCESS_REGISTER, "a.x", 4000000000u));
    ag_access_deinit(&a);
}

static const struct {
    const char *text, *reason;
} bad[] = {
    {"register x = nosuchuser_\n", "no user"},
    {"register x = @nosuchgroup_\n", "no group"},
    {"frobnicate x = 1\n", "VERB"},
    {"register = 1\n", "VERB"},
    {"register,frob x = 1\n", "VERB"},
    {", x = 1\n", "VERB"},
    {"register a b = 1\n", "VERB"},
    {"[other]\nregister x = 1\n", "section"},
    {"default = maybe\n", "deny"},
    {"enabled = 1\n", "yes"},
    {"register x\n", "NAME = VALUE"},
    {"register x = 4294967295\n", "no user"},
    {"register x = -1\n", "no user"},
    {"register x = @\n", "no group"},
};

static void test_refuses(void **state)
{
    char error[AG_INI_ERROR_MAX];
    struct ag_access a;

    (void) state;
    for (size_t i = 0; i < ag_array_size(bad); i++) {
        put(bad[i].text);
        ag_access_init(&a, OWN);
        assert_true(ag_access_read(&a, path, error) < 0);
        if (!strstr(error, bad[i].reason) || !strstr(error, path))
            fail_msg("%s: %s", bad[i].text, error);
        ag_access_deinit(&a);
    }
    ag_access_init(&a, OWN);
    assert_int_equal(ag_access_read(&a, "/nonexistent/access.conf", error), -ENOENT);
    ag_access_deinit(&a);
}

static void test_an_empty_file_is_no_switch(void **state)
{
    char error[AG_INI_ERROR_MAX];
    struct ag_access a;

    (void) state;
    put("# nothing\n");
    ag_access_init(&a, OWN);
    assert_int_equal(ag_access_read(&a, path, error), AG_ACCESS_E_EMPTY);
    assert_true(a.enabled && !may(&a, AG_ACCESS_CALL, "miIO.ota", 1000) && may(&a, AG_ACCESS_CALL, "x", 1000));
    ag_access_deinit(&a);

    put("call x = 1001\n");
    ag_access_init(&a, OWN);
    assert_int_equal(ag_access_read(&a, path, error), 0);
    put("");
    assert_int_equal(ag_access_reread(&a, path, error), -ENODATA);
    assert_false(may(&a, AG_ACCESS_CALL, "x", 1000));
    put("call x = nosuchuser_\n");
    assert_int_equal(ag_access_reread(&a, path, error), -EINVAL);
    assert_false(may(&a, AG_ACCESS_CALL, "x", 1000));
    put("call x = 1000\n");
    assert_int_equal(ag_access_reread(&a, path, error), 0);
    assert_true(may(&a, AG_ACCESS_CALL, "x", 1000) && !may(&a, AG_ACCESS_CALL, "x", 1001));
    put("enabled = no\n");
    assert_int_equal(ag_access_reread(&a, path, error), 0);
    assert_true(!a.enabled && may(&a, AG_ACCESS_CALL, "miIO.ota", 1002));
    ag_access_deinit(&a);
}

static void test_names_users(void **state)
{
    uint32_t uid = 9;

    (void) state;
    assert_int_equal(ag_access_user("root", &uid), 0);
    assert_int_equal(uid, 0);
    assert_int_equal(ag_access_user("1234", &uid), 0);
    assert_int_equal(uid, 1234);
    assert_int_equal(ag_access_user("nosuchuser_", &uid), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),       cmocka_unit_test(test_a_group_is_its_users),
        cmocka_unit_test(test_refuses),     cmocka_unit_test(test_an_empty_file_is_no_switch),
        cmocka_unit_test(test_names_users),
    };

    return cmocka_run_group_tests(tests, make, drop);
}
