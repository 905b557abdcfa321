/* SPDX-License-Identifier: MIT */
/* What is kept, in which order it leaves, what gives way; policies; records. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "client/report/core/report_policy.h"
#include "client/report/core/report_queue.h"
#include "client/report/core/spool_record.h"
#include "tests/support/alloc_fail.h"

enum { NOW = 5000000 }; /* ms since the device's start */

struct forgotten {
    uint64_t seq[64];
    unsigned n;
};

static void on_forget(void *user, uint64_t seq)
{
    struct forgotten *f = user;

    if (f->n < ag_array_size(f->seq))
        f->seq[f->n++] = seq;
}

static const struct report_limits limits = {4, 1000, 100};

static uint64_t last_seq;

static int add(struct report_queue *q, uint32_t id, uint64_t topic, size_t size, uint64_t *seq_out)
{
    int r;

    *seq_out = last_seq + 1;
    r = report_queue_add(q, *seq_out, id, topic, size, NOW, id % 2);
    last_seq += r == 0;
    return r;
}

/* A report that is on the disk. */
static uint64_t put(struct report_queue *q, uint32_t id, uint64_t topic, size_t size)
{
    uint64_t seq = 0;

    assert_int_equal(add(q, id, topic, size, &seq), 0);
    report_queue_stored(q, id, seq);
    return seq;
}

static uint32_t take(struct report_queue *q, uint64_t now_ms)
{
    struct report_next next;

    if (!report_queue_next(q, now_ms, &next))
        return 0;
    report_queue_sent(q, next.id, next.seq);
    return next.id;
}

static void leaves_in_order_and_only_when_acknowledged(void **state)
{
    struct forgotten f = {0};
    struct report_queue q;

    (void) state;
    last_seq = 0;
    report_queue_init(&q, &limits, on_forget, &f);
    put(&q, 11, 0, 10);
    put(&q, 12, 0, 10);
    put(&q, 13, 0, 10);
    assert_int_equal(take(&q, NOW), 11);
    assert_int_equal(take(&q, NOW), 12);
    assert_int_equal(take(&q, NOW), 13);
    assert_int_equal(take(&q, NOW), 0);
    assert_true(report_queue_drained(&q));
    assert_false(report_queue_empty(&q));
    assert_true(report_queue_acked(&q, 12));
    assert_false(report_queue_acked(&q, 12));
    assert_int_equal(f.n, 1);
    report_queue_rewind(&q);
    assert_int_equal(take(&q, NOW), 11);
    assert_int_equal(take(&q, NOW), 13);
    assert_true(report_queue_hold(&q, 11));
    assert_false(report_queue_hold(&q, 99));
    assert_int_equal(take(&q, NOW), 0);
    report_queue_release(&q);
    assert_int_equal(take(&q, NOW), 11);
    assert_true(report_queue_acked(&q, 11));
    assert_true(report_queue_refused(&q, 13));
    assert_true(report_queue_empty(&q));
    report_queue_deinit(&q);
}

static void is_not_sent_before_it_is_stored(void **state)
{
    struct forgotten f = {0};
    struct report_queue q;
    uint64_t a, b;

    (void) state;
    last_seq = 0;
    report_queue_init(&q, &limits, on_forget, &f);
    assert_int_equal(add(&q, 1, 0, 10, &a), 0);
    assert_int_equal(add(&q, 1, 0, 10, &b), -EEXIST);
    assert_int_equal(add(&q, 2, 0, 10, &b), 0);
    assert_true(report_queue_tells(&q, 1) && !report_queue_tells(&q, 2) && !report_queue_tells(&q, 3));
    assert_false(report_queue_stored(&q, 1, b)); /* not under that number */
    assert_false(report_queue_is_stored(&q, 1) || report_queue_is_stored(&q, 2));
    assert_false(report_queue_stored(&q, 2, b)); /* another cloud's word is the answer */
    assert_true(report_queue_is_stored(&q, 2));
    assert_false(report_queue_is_stored(&q, 1)); /* being written: whoever waits for it has not been told */
    assert_int_equal(take(&q, NOW), 0);          /* the first one is still being written */
    report_queue_not_stored(&q, 1, a);
    assert_int_equal(f.n, 0);
    assert_int_equal(take(&q, NOW), 2);
    report_queue_unsent(&q, 1, b);
    assert_int_equal(take(&q, NOW), 0);
    report_queue_unsent(&q, 2, b);
    assert_int_equal(take(&q, NOW), 2);
    report_queue_deinit(&q);
}

static void bounds(void **state)
{
    struct forgotten f = {0};
    struct report_queue q;
    uint64_t seq;

    (void) state;
    last_seq = 0;
    report_queue_init(&q, &limits, on_forget, &f);
    assert_int_equal(add(&q, 1, 0, 1001, &seq), -EFBIG);
    for (uint32_t id = 1; id <= 6; id++)
        put(&q, id, 0, 10);
    assert_int_equal(q.n, 4);
    assert_int_equal(q.n_too_many, 2);
    assert_int_equal(f.seq[0], 1);
    put(&q, 7, 0, 990); /* only one small one has room beside it */
    assert_int_equal(q.n, 2);
    assert_int_equal(take(&q, NOW), 6);
    assert_int_equal(take(&q, NOW + 100001), 0); /* too old */
    assert_int_equal(q.n_too_old, 1);
    report_queue_deinit(&q);
}

/* A store that refuses everything: nothing gives way to what is not kept in the end. */
static void nothing_gives_way_before_it_is_stored(void **state)
{
    struct forgotten f = {0};
    struct report_queue q;
    uint64_t seq;

    (void) state;
    last_seq = 0;
    report_queue_init(&q, &limits, on_forget, &f);
    for (uint32_t id = 1; id <= 4; id++)
        put(&q, id, 70 + id, 10);
    for (uint32_t id = 5; id <= 20; id++) {
        assert_int_equal(add(&q, id, 71, 900, &seq), 0);
        report_queue_not_stored(&q, id, seq);
    }
    assert_int_equal(f.n, 0);
    assert_int_equal(q.n, 4);
    assert_int_equal(q.n_writing, 0);
    assert_int_equal(q.bytes, 40);
    assert_int_equal(q.writing_bytes, 0);
    put(&q, 21, 0, 10);
    assert_int_equal(q.n_too_many, 1);
    assert_int_equal(take(&q, NOW), 2);
    report_queue_deinit(&q);
}

static void ages_are_counted_from_birth(void **state)
{
    const struct report_birth before_this_boot = {.born_ms = -90000, .at_s = 1700000000};
    struct forgotten f = {0};
    struct report_queue q;
    struct report_next next;

    (void) state;
    last_seq = 0;
    report_queue_init(&q, &limits, on_forget, &f);
    assert_int_equal(report_queue_restore(&q, 1, 1, 0, 10, before_this_boot), 0);
    assert_true(report_queue_next(&q, 10000, &next));
    assert_int_equal(next.birth.born_ms, -90000);
    assert_int_equal(next.birth.at_s, 1700000000);
    assert_false(report_queue_next(&q, 10001, &next));
    assert_int_equal(q.n_too_old, 1);
    report_queue_deinit(&q);
}

static void latest_replaces_what_has_not_left(void **state)
{
    struct forgotten f = {0};
    struct report_queue q;

    (void) state;
    last_seq = 0;
    report_queue_init(&q, &limits, on_forget, &f);
    put(&q, 1, 77, 10);
    put(&q, 2, 78, 10);
    put(&q, 3, 77, 10);
    assert_int_equal(f.n, 1);
    assert_int_equal(f.seq[0], 1);
    assert_int_equal(take(&q, NOW), 2);
    assert_int_equal(take(&q, NOW), 3);
    put(&q, 4, 77, 10); /* 3 is on its way: one more */
    assert_int_equal(q.n, 3);
    assert_int_equal(q.n_replaced, 1);
    report_queue_deinit(&q);
}

static void restores(void **state)
{
    const struct report_birth now = {.born_ms = NOW};
    struct forgotten f = {0};
    struct report_queue q;

    (void) state;
    last_seq = 0;
    report_queue_init(&q, &limits, on_forget, &f);
    last_seq = 9;
    assert_int_equal(report_queue_restore(&q, 7, 70, 0, 10, now), 0);
    assert_int_equal(report_queue_restore(&q, 8, 70, 0, 10, now), -EEXIST);
    assert_int_equal(report_queue_restore(&q, 9, 90, 5, 10, now), 0);
    put(&q, 1, 5, 10);
    assert_int_equal(q.n_replaced, 1);
    assert_int_equal(take(&q, NOW), 70);
    assert_int_equal(take(&q, NOW), 1);
    put(&q, 2, 0, 10);
    report_queue_forget_all(&q);
    assert_true(report_queue_empty(&q));
    assert_int_equal(f.n, 4);
    report_queue_deinit(&q);
}

static void sweep(void *user)
{
    struct forgotten f = {0};
    struct report_queue q;
    uint64_t seq;
    unsigned taken = 0;

    (void) user;
    last_seq = 0;
    report_queue_init(&q, &limits, on_forget, &f);
    for (uint32_t id = 1; id <= 6; id++)
        taken += add(&q, id, id % 2 ? 77 : 0, 10, &seq) == 0;
    assert_int_equal(taken, q.n + f.n);
    report_queue_deinit(&q);
}

static void allocation_failures(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

#define ID "did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=cool\nmodel=cool.prod.v1\n"

static struct ag_span text(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void policies(void **state)
{
    static const char conf_text[] = ID "spool=drop\nspool.prop.*=latest\nspool.prop.power=all\nspool.event.*=all\n"
                                       "spool.event.*=latest\n";
    static const struct {
        const char *method;
        enum report_policy want;
    } rows[] = {
        {"props", REPORT_DROP},         {"prop.x", REPORT_LATEST},  {"prop.power", REPORT_ALL},
        {"prop.power2", REPORT_LATEST}, {"event.a", REPORT_LATEST}, {"properties_changed", REPORT_DROP},
    };
    struct device_conf_error err;
    struct report_limits l;
    struct device_conf conf;

    (void) state;
    assert_int_equal(device_conf_parse(&conf, conf_text, sizeof conf_text - 1, &err), 0);
    assert_int_equal(report_policy_check(&conf, &l, &err), 0);
    assert_int_equal(l.max_reports, 10000);
    for (size_t i = 0; i < ag_array_size(rows); i++)
        assert_int_equal(report_policy_of(&conf, text(rows[i].method)), rows[i].want);
    device_conf_deinit(&conf);
    assert_true(report_is_kept(text("event.x")));
    assert_true(report_is_kept(text("properties_changed")));
    assert_false(report_is_kept(text("_sync.x")));
    assert_false(report_is_kept(text("propsy")));
}

static void policies_refused(void **state)
{
    static const char *const rows[] = {ID "spool=yes\n", ID "spool.prop.x=newest\n", ID "spool_max_bytes=1\n"};

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct device_conf_error err = {0};
        struct report_limits l;
        struct device_conf conf;

        assert_int_equal(device_conf_parse(&conf, rows[i], strlen(rows[i]), &err), 0);
        assert_int_equal(report_policy_check(&conf, &l, &err), -EINVAL);
        assert_int_equal(err.line, 6);
        device_conf_deinit(&conf);
    }
}

static uint64_t topic(const char *method, const char *params)
{
    return report_topic(text(method), params ? text(params) : (struct ag_span){NULL, 0});
}

static void topics(void **state)
{
    (void) state;
    assert_true(topic("props", "{\"a\":1}") == topic("props", "{\"a\":2}"));
    assert_true(topic("props", "{\"a\":1}") != topic("props", "{\"b\":1}"));
    assert_true(topic("props", "{\"a\":1,\"b\":1}") != topic("props", "{\"ab\":1}"));
    assert_true(topic("prop.a", "[1]") == topic("prop.a", "[2]"));
    assert_true(topic("prop.a", "[1]") != topic("prop.b", "[1]"));
    assert_true(topic("properties_changed", "[{\"siid\":1,\"piid\":2,\"value\":1}]") ==
                topic("properties_changed", "[{\"siid\":1,\"piid\":2,\"value\":9}]"));
    assert_true(topic("properties_changed", "[{\"siid\":1,\"piid\":2,\"value\":1}]") !=
                topic("properties_changed", "[{\"siid\":1,\"piid\":3,\"value\":1}]"));
    assert_true(topic("event.a", NULL) != 0);
}

static void records(void **state)
{
    const struct spool_record in = {.id = 4294967295u,
                                    .at_s = 1700000000,
                                    .topic = UINT64_MAX,
                                    .text = AG_SPAN("{\"id\":4294967295,\"method\":\"props\"}"),
                                    .boot = UINT64_MAX - 1,
                                    .up_s = 77,
                                    .sure = true};
    ag_cleanup(ag_buf_deinit) struct ag_buf bytes = AG_BUF_INIT;
    struct spool_record out;

    (void) state;
    assert_int_equal(spool_record_encode(&bytes, &in), 0);
    assert_int_equal(spool_record_decode(&out, ag_buf_span(&bytes)), 0);
    assert_int_equal(out.id, in.id);
    assert_int_equal(out.at_s, in.at_s);
    assert_true(out.boot == in.boot && out.up_s == in.up_s && out.sure);
    assert_true(out.topic == in.topic);
    assert_int_equal(out.text.len, in.text.len);
    assert_memory_equal(out.text.p, in.text.p, in.text.len);
    for (size_t n = 0; n < ag_buf_size(&bytes); n++)
        assert_int_equal(spool_record_decode(&out, (struct ag_span){ag_buf_head(&bytes), n}), -EINVAL);
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x95\x02\x01\x01\x01\xa1x")), SPOOL_RECORD_E_VERSION);
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x91\xcd\x01\x00")), SPOOL_RECORD_E_VERSION);
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x95\x00\x01\x01\x01\xa1x")), -EINVAL);
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x90")), -EINVAL);
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x94\x01\x01\x01\x01")), -EINVAL);      /* four of five */
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x95\x01\x00\x01\x01\xa1x")), -EINVAL); /* id 0 */
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x96\x01\x01\x01\x01\xa1x\xc0")), 0);   /* more items */
    assert_int_equal(spool_record_decode(&out, AG_SPAN("{\"id\":1}")), -EINVAL);
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x95\x01\xd0\x01\xd1\x00\x01\x01\xa1x")),
                     0); /* signed forms of what is not below 0 */
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x95\x01\xff\x01\x01\xa1x")), -EINVAL);
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x95\x01\x01\x01\x01\xa0")), -EINVAL);      /* no text */
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x95\x01\x01\x01\x01\xc4\x01x")), -EINVAL); /* bytes are no text */
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x95\x01\x81\x01\x01\x01\x01\xa1x")), -EINVAL);
    /* of the last three all, or none */
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x98\x01\x01\x01\x01\xa1x\x07\x08\x02")), 0);
    assert_true(out.boot == 0 && out.up_s == 0 && !out.sure);
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x98\x01\x01\x01\x01\xa1x\x07\x91\x08\x01")), 0);
    assert_true(out.boot == 0 && out.up_s == 0 && !out.sure);
    assert_int_equal(spool_record_decode(&out, AG_SPAN("\x99\x01\x01\x01\x01\xa1x\x07\x08\x01\x80")), 0);
    assert_true(out.boot == 7 && out.up_s == 8 && out.sure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_in_order_and_only_when_acknowledged),
        cmocka_unit_test(is_not_sent_before_it_is_stored),
        cmocka_unit_test(bounds),
        cmocka_unit_test(nothing_gives_way_before_it_is_stored),
        cmocka_unit_test(ages_are_counted_from_birth),
        cmocka_unit_test(latest_replaces_what_has_not_left),
        cmocka_unit_test(restores),
        cmocka_unit_test(allocation_failures),
        cmocka_unit_test(policies),
        cmocka_unit_test(policies_refused),
        cmocka_unit_test(topics),
        cmocka_unit_test(records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
