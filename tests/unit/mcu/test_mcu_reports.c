/* SPDX-License-Identifier: MIT */
/* Merging, rates and repetition of what the MCU reports. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include "agent/apps/mcu/core/report/reports.h"

static int properties(struct mcu_reports *r, const char *line)
{
    struct mcu_words words;

    assert_int_equal(mcu_words_parse((struct ag_span){line, strlen(line)}, &words), 0);
    return prop_queue_add(&r->props, &words);
}

static int event(struct mcu_reports *r, const char *line, uint64_t now_ms)
{
    struct mcu_words words;

    assert_int_equal(mcu_words_parse((struct ag_span){line, strlen(line)}, &words), 0);
    return event_queue_add(&r->events, &words, now_ms);
}

/* The message that is due, "" for none; kept until the next call. */
static const char *next(struct mcu_reports *r, uint64_t now_ms)
{
    static char text[16384];
    struct ag_buf b = AG_BUF_INIT;
    enum mcu_report_kind kind;

    assert_int_equal(mcu_reports_next(r, now_ms, "", &b, &kind), 0);
    assert_true((kind == MCU_REPORT_NONE) == (ag_buf_size(&b) == 0));
    snprintf(text, sizeof text, "%.*s", (int) ag_buf_size(&b), ag_buf_size(&b) ? ag_buf_head(&b) : "");
    ag_buf_deinit(&b);
    return text;
}

static void init(struct mcu_reports *r)
{
    mcu_reports_init(r);
    r->up = true;
}

static void the_last_value_of_a_second_wins(void **state)
{
    struct mcu_reports r;

    (void) state;
    init(&r);
    properties(&r, "p 1 1 1");
    assert_string_equal(next(&r, 1000), "[{\"siid\":1,\"piid\":1,\"value\":1}]");
    mcu_reports_done(&r, MCU_REPORT_PROPERTIES, MCU_REPORT_TAKEN, 1010);
    properties(&r, "p 1 1 2 1 2 \"a\"");
    properties(&r, "p 1 1 3 1 1 4");
    assert_string_equal(next(&r, 1999), "");
    assert_int_equal(mcu_reports_due_ms(&r), 2000);
    assert_string_equal(next(&r, 2000), "[{\"siid\":1,\"piid\":1,\"value\":4},{\"siid\":1,\"piid\":2,\"value\":\"a\"}]");
    mcu_reports_done(&r, MCU_REPORT_PROPERTIES, MCU_REPORT_TAKEN, 2001);
    assert_int_equal(mcu_reports_due_ms(&r), UINT64_MAX);
    assert_int_equal(r.props.n, 0);
    mcu_reports_deinit(&r);
}

static void values_never_go_backwards(void **state)
{
    struct mcu_reports r;

    (void) state;
    init(&r);
    properties(&r, "p 1 1 1 1 2 1");
    next(&r, 1000);
    properties(&r, "p 1 1 2");
    assert_string_equal(next(&r, 5000), ""); /* one message at a time */
    mcu_reports_done(&r, MCU_REPORT_PROPERTIES, MCU_REPORT_LOST, 5000);
    assert_string_equal(next(&r, 5999), "");
    assert_string_equal(next(&r, 6000), "[{\"siid\":1,\"piid\":2,\"value\":1},{\"siid\":1,\"piid\":1,\"value\":2}]");
    mcu_reports_done(&r, MCU_REPORT_PROPERTIES, MCU_REPORT_LOST, 6000);
    assert_string_equal(next(&r, 7999), ""); /* the pause has doubled */
    assert_string_not_equal(next(&r, 8000), "");
    mcu_reports_done(&r, MCU_REPORT_PROPERTIES, MCU_REPORT_TAKEN, 8000);
    mcu_reports_deinit(&r);
}

static void a_message_has_at_most_64_entries(void **state)
{
    struct mcu_reports r;
    unsigned n = 0;
    char line[64];

    (void) state;
    init(&r);
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "p 1 %d 0", i);
        properties(&r, line);
    }
    for (const char *p = next(&r, 1000); (p = strstr(p, "piid")); p++)
        n++;
    assert_int_equal(n, 64);
    mcu_reports_done(&r, MCU_REPORT_PROPERTIES, MCU_REPORT_TAKEN, 1100);
    for (const char *p = next(&r, 1100); (p = strstr(p, "piid")); p++)
        n++;
    assert_int_equal(n, 100);
    mcu_reports_done(&r, MCU_REPORT_PROPERTIES, MCU_REPORT_TAKEN, 1200);
    mcu_reports_deinit(&r);
}

static void properties_are_bounded(void **state)
{
    struct mcu_reports r;
    char line[64];

    (void) state;
    init(&r);
    for (int i = 0; i < MCU_PROPS_MAX; i++) {
        snprintf(line, sizeof line, "p 1 %d 0", i);
        assert_int_equal(properties(&r, line), 0);
    }
    assert_int_equal(properties(&r, "p 2 1 0"), MCU_REPORTS_E_FULL);
    mcu_reports_deinit(&r);
}

static void three_events_a_second_in_order(void **state)
{
    struct mcu_reports r;
    char line[64], want[80];
    uint64_t now = 1000;

    (void) state;
    init(&r);
    for (int i = 0; i < MCU_EVENTS_MAX; i++) {
        snprintf(line, sizeof line, "e 1 %d", i);
        assert_int_equal(event(&r, line, now), 0);
    }
    assert_int_equal(event(&r, "e 1 99", now), MCU_REPORTS_E_FULL);
    for (int i = 0; i < MCU_EVENTS_MAX; i++) {
        if (i > 0 && i % MCU_EVENTS_PER_SECOND == 0) {
            assert_string_equal(next(&r, now + 999), "");
            assert_int_equal(mcu_reports_due_ms(&r), now + 1000);
            now += 1000;
        }
        snprintf(want, sizeof want, "{\"siid\":1,\"eiid\":%d,\"arguments\":[]}", i);
        assert_string_equal(next(&r, now), want);
        assert_string_equal(next(&r, now), "");
        mcu_reports_done(&r, MCU_REPORT_EVENT, MCU_REPORT_TAKEN, now);
    }
    assert_int_equal(r.events.n, 0);
    mcu_reports_deinit(&r);
}

static void an_event_is_repeated_and_given_up_after_ten_minutes(void **state)
{
    struct mcu_reports r;

    (void) state;
    init(&r);
    event(&r, "e 1 1 5 true", 1000);
    assert_string_equal(next(&r, 1000), "{\"siid\":1,\"eiid\":1,\"arguments\":[{\"piid\":5,\"value\":true}]}");
    mcu_reports_done(&r, MCU_REPORT_EVENT, MCU_REPORT_LOST, 1500);
    assert_string_equal(next(&r, 2499), "");
    assert_string_not_equal(next(&r, 2500), "");
    mcu_reports_done(&r, MCU_REPORT_EVENT, MCU_REPORT_LOST, 2600);
    r.up = false;
    assert_int_equal(mcu_reports_due_ms(&r), 1000 + MCU_EVENT_LIFE_MS);
    assert_string_equal(next(&r, 1000 + MCU_EVENT_LIFE_MS), "");
    assert_int_equal(r.events.n, 0);
    assert_int_equal(r.events.n_expired, 1);
    mcu_reports_deinit(&r);
}

static void a_refused_report_does_not_block_for_ever(void **state)
{
    struct mcu_reports r;
    uint64_t now = 1000;

    (void) state;
    init(&r);
    properties(&r, "p 1 1 1");
    event(&r, "e 1 1", now);
    event(&r, "e 1 2", now);
    for (int i = 0; i < MCU_REPORT_REFUSALS; i++, now += 60000) {
        assert_string_equal(next(&r, now), "{\"siid\":1,\"eiid\":1,\"arguments\":[]}");
        assert_string_equal(next(&r, now), "[{\"siid\":1,\"piid\":1,\"value\":1}]");
        mcu_reports_done(&r, MCU_REPORT_EVENT, MCU_REPORT_REFUSED, now);
        mcu_reports_done(&r, MCU_REPORT_PROPERTIES, MCU_REPORT_REFUSED, now);
    }
    assert_int_equal(r.n_given_up, 2);
    assert_int_equal(r.props.n, 0);
    assert_string_equal(next(&r, now), "{\"siid\":1,\"eiid\":2,\"arguments\":[]}");
    mcu_reports_deinit(&r);
}

static void nothing_leaves_without_an_agent(void **state)
{
    struct mcu_reports r;

    (void) state;
    mcu_reports_init(&r);
    properties(&r, "p 1 1 1");
    event(&r, "e 1 1", 0);
    assert_string_equal(next(&r, 1000), "");
    r.up = true;
    assert_string_equal(next(&r, 1000), "{\"siid\":1,\"eiid\":1,\"arguments\":[]}");
    assert_string_equal(next(&r, 1000), "[{\"siid\":1,\"piid\":1,\"value\":1}]");
    mcu_reports_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_value_of_a_second_wins),
        cmocka_unit_test(values_never_go_backwards),
        cmocka_unit_test(a_message_has_at_most_64_entries),
        cmocka_unit_test(properties_are_bounded),
        cmocka_unit_test(three_events_a_second_in_order),
        cmocka_unit_test(an_event_is_repeated_and_given_up_after_ten_minutes),
        cmocka_unit_test(a_refused_report_does_not_block_for_ever),
        cmocka_unit_test(nothing_leaves_without_an_agent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
