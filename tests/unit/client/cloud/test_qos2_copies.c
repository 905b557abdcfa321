/* SPDX-License-Identifier: MIT */
/* What libmosquitto has twice of QoS 2, told by its log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include "client/cloud/core/qos2_copies.h"
#include "libagent/core/util.h"
#include "tests/support/alloc_fail.h"

static void a_log_line_says_which_half_came(void **state)
{
    static const struct {
        const char *text, *id;
        struct qos2_line want;
    } rows[] = {
        {"Client dev received PUBLISH (d1, q2, r0, m7, 't', ... (2 bytes))", "dev", {QOS2_LINE_PUBLISH, 7, true}},
        {"Client dev received PUBLISH (d0, q2, r1, m65535, 't', ... (2 bytes))", "dev", {QOS2_LINE_PUBLISH, 65535, false}},
        {"Client dev received PUBLISH (d1, q1, r0, m7, 't', ... (2 bytes))", "dev", {QOS2_LINE_OTHER, 0, false}},
        {"Client dev sending PUBLISH (d1, q2, r0, m7, 't', ... (2 bytes))", "dev", {QOS2_LINE_OTHER, 0, false}},
        {"Client dev received PUBREL (Mid: 12)", "dev", {QOS2_LINE_PUBREL, 12, false}},
        {"Client dev sending PUBREL (m12)", "dev", {QOS2_LINE_OTHER, 0, false}},
        {"Client  received PUBREL (Mid: 12)", "", {QOS2_LINE_PUBREL, 12, false}},
        {"Client a received PUBREL (Mid: 1) received PUBREL (Mid: 2)",
         "a received PUBREL (Mid: 1)",
         {QOS2_LINE_PUBREL, 2, false}},
        {"Client dev sending PUBLISH (d0, q1, r0, m1, ' received PUBREL (Mid: 3)', ... (2 bytes))",
         "dev",
         {QOS2_LINE_OTHER, 0, false}},
        {"Client other received PUBREL (Mid: 12)", "dev", {QOS2_LINE_OTHER, 0, false}},
        {"Client dev", "dev", {QOS2_LINE_OTHER, 0, false}},
        {"", "dev", {QOS2_LINE_OTHER, 0, false}},
        {"Client dev received PUBREL (Mid: 12)", NULL, {QOS2_LINE_OTHER, 0, false}},
        {NULL, "dev", {QOS2_LINE_OTHER, 0, false}},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct qos2_line got = qos2_line_read(rows[i].text, rows[i].id);

        assert_int_equal(got.type, rows[i].want.type);
        if (got.type == QOS2_LINE_OTHER)
            continue;
        assert_int_equal(got.mid, rows[i].want.mid);
        assert_int_equal(got.dup, rows[i].want.dup);
    }
}

/*
 * libmosquitto with one id, step by step: P publish, D publish again, M again while memory is short, R release, C cut and
 * resumed, U unlogged publish. Letters behind P, D, M and U are payloads. What comes out of it: the payloads that were
 * delivered; ! a cut that was asked for, after which the broker repeats PUBREL.
 */
struct play {
    struct qos2_copies copies;
    char queue[64], out[64], kept;
    unsigned n_dropped;
};

static void drop(void *user, void *held)
{
    (void) held;
    ((struct play *) user)->n_dropped++;
}

static void put(struct play *p, char c)
{
    size_t n = strlen(p->out);

    p->out[n] = c;
    p->out[n + 1] = '\0';
}

static void release(struct play *p)
{
    char *held, front = p->queue[0];
    enum qos2_verdict verdict = QOS2_DROP;

    qos2_copies_released(&p->copies, 1);
    if (front) {
        memmove(p->queue, p->queue + 1, strlen(p->queue));
        verdict = qos2_copies_message(&p->copies, 1, &front, 1);
    }
    if (verdict == QOS2_DELIVER)
        put(p, front);
    p->kept = verdict == QOS2_HOLD ? front : p->kept;
    if (verdict == QOS2_HOLD)
        qos2_copies_hold(&p->copies, 1, &p->kept);
    held = qos2_copies_settle(&p->copies);
    if (held)
        put(p, *held);
    if (verdict == QOS2_HOLD) {
        put(p, '!');
        qos2_copies_resumed(&p->copies);
        release(p);
    }
}

static void step(struct play *p, char what, char payload)
{
    if (what == 'C')
        qos2_copies_resumed(&p->copies);
    if (what == 'R')
        release(p);
    if (strchr("PDMU", what))
        p->queue[strlen(p->queue)] = payload;
    if (what == 'M') {
        alloc_fail_at(1);
        assert_int_equal(qos2_copies_published(&p->copies, 1, true), -ENOMEM);
    }
    if (what == 'P' || what == 'D')
        assert_int_equal(qos2_copies_published(&p->copies, 1, what == 'D'), 0);
}

static void each_message_is_delivered_once(void **state)
{
    static const struct {
        const char *steps, *want;
    } rows[] = {
        {"Pa R Pb R", "ab"},
        {"Ua C R Pb R", "ab"},
        {"Ua C Da R Pb R Pc R", "a!bc"},
        {"C Da R Pb R Pc R", "abc"},
        {"Ua C Da R Pa R Pa R", "a!aa"},
        {"C Da R Pa R Pa R", "a!aa"},
        {"Ua C Da C Da R Pb R Pc R", "a!!bc"},
        {"Ua C Da C Da R C R C R Pb R", "ab"}, /* PUBCOMP was lost twice, and took the copies along */
        {"Ua C Da R C R Pa R", "aa"},
        {"C Da R Pb C Db R Pb R Pb R", "ab!bb"},
        {"Ua C Da R Pb C Db R Pb R Pc R", "a!b!bc"},
        {"Ua C Da R Pb C R Pc R", "a!bc"},
        {"Ua C Ma C Da R Pb R Pc R", "a!!bc"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct play p = {.kept = 0};

        qos2_copies_init(&p.copies, drop, &p);
        for (const char *s = rows[i].steps; *s; s++) {
            step(&p, s[0], s[1]);
            s += strchr("PDMU", s[0]) != NULL;
        }
        assert_string_equal(p.out, rows[i].want);
        assert_string_equal(p.queue, "");
        assert_int_equal(p.copies.n, 0);
        qos2_copies_clear(&p.copies);
    }
}

static void many_ids_are_told_apart_and_forgotten_together(void **state)
{
    enum { N = 200 };
    struct play p = {.kept = 0};
    char held = 'x';

    (void) state;
    qos2_copies_init(&p.copies, drop, &p);
    for (int id = 1; id <= N; id++)
        if (qos2_copies_published(&p.copies, id, true) < 0) {
            qos2_copies_clear(&p.copies);
            return; /* an allocation failed */
        }
    for (int id = N; id >= 1; id--)
        assert_int_equal(qos2_copies_message(&p.copies, id, "x", 1), QOS2_DELIVER);
    qos2_copies_published(&p.copies, 5, false);
    assert_int_equal(qos2_copies_message(&p.copies, 5, "x", 1), QOS2_HOLD);
    qos2_copies_hold(&p.copies, 5, &held);
    qos2_copies_released(&p.copies, 5);
    assert_null(qos2_copies_settle(&p.copies)); /* the session in which it was asked is still to come */
    assert_int_equal(qos2_copies_message(&p.copies, 6, "x", 1), QOS2_DROP);
    assert_int_equal(p.copies.n, N - 1);
    qos2_copies_clear(&p.copies);
    assert_int_equal(p.n_dropped, 1);
    assert_int_equal(p.copies.n, 0);
    assert_int_equal(qos2_copies_message(&p.copies, 5, "x", 1), QOS2_DELIVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_line_says_which_half_came),
        cmocka_unit_test(each_message_is_delivered_once),
        cmocka_unit_test(many_ids_are_told_apart_and_forgotten_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
