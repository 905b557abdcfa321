/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "client/cloud/onenet/core/onenet_topic.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static const struct {
    const char *topic;
    bool point;
    int error;
} topics[] = {
    {"a/b_C/9", false, 0},
    {"", false, ONENET_TOPIC_E_EMPTY},
    {"$dp", false, ONENET_TOPIC_E_RESERVED},
    {"$creq/x", true, ONENET_TOPIC_E_RESERVED},
    {"a/+", false, ONENET_TOPIC_E_WILDCARD},
    {"a/#", true, ONENET_TOPIC_E_WILDCARD},
    {"a-b", false, ONENET_TOPIC_E_CHARS},
    {"a b", true, ONENET_TOPIC_E_CHARS},
    {"/9278/9527", true, 0},
    {"/9278/pm2.5", true, 0},
    {"/9278/pm2.5", false, ONENET_TOPIC_E_CHARS},
    {"/9278/", true, 0}, /* plain characters only: an ordinary topic */
    {"/92x8/pm2.5", true, ONENET_TOPIC_E_CHARS},
    {"/9278/pm2.5/x", true, ONENET_TOPIC_E_CHARS},
    {"/9278/a b", true, ONENET_TOPIC_E_CHARS},
    {"/9278/\xc3\xa4", true, ONENET_TOPIC_E_CHARS},
};

static void topics_are_judged(void **state)
{
    char longest[ONENET_TOPIC_MAX + 2];

    (void) state;
    for (size_t i = 0; i < ag_array_size(topics); i++) {
        int e = onenet_topic_check(span(topics[i].topic), topics[i].point);

        if (e != topics[i].error)
            fail_msg("%s: %d", topics[i].topic, e);
        assert_true(e == 0 || strlen(onenet_topic_strerror(e)) > 5);
    }
    memset(longest, 'a', sizeof longest);
    assert_int_equal(onenet_topic_check((struct ag_span){longest, ONENET_TOPIC_MAX}, false), 0);
    assert_int_equal(onenet_topic_check((struct ag_span){longest, ONENET_TOPIC_MAX + 1}, false), ONENET_TOPIC_E_LONG);
}

/* The first row is vector O14. */
static void a_command_keeps_its_uuid(void **state)
{
    static const struct {
        const char *topic, *answer; /* NULL: no command */
    } rows[] = {
        {"$creq/815726ae-fc34-5deb-8f06-ab45d73cb12b", "$crsp/815726ae-fc34-5deb-8f06-ab45d73cb12b"},
        {"$creq/name/id", "$crsp/name/id"},
        {"$creq/", NULL},
        {"$creq", NULL},
        {"$creqx/1", NULL},
        {"$creq/a+b", NULL},
        {"$creq/a#", NULL},
        {"$crsp/1", NULL},
    };
    char longest[6 + ONENET_UUID_MAX + 2] = "$creq/";
    struct ag_span uuid;

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

        assert_int_equal(onenet_topic_is_command(span(rows[i].topic), &uuid), rows[i].answer != NULL);
        if (!rows[i].answer)
            continue;
        assert_int_equal(onenet_topic_answer(&b, uuid), 0);
        assert_string_equal(ag_buf_cstr(&b), rows[i].answer);
    }
    assert_false(onenet_topic_is_command((struct ag_span){"$creq/a\0b", 9}, &uuid));
    memset(longest + 6, 'u', ONENET_UUID_MAX + 1);
    assert_true(onenet_topic_is_command((struct ag_span){longest, 6 + ONENET_UUID_MAX}, &uuid));
    assert_false(onenet_topic_is_command((struct ag_span){longest, 6 + ONENET_UUID_MAX + 1}, &uuid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_judged),
        cmocka_unit_test(a_command_keeps_its_uuid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
