/* SPDX-License-Identifier: MIT */
/* Things found by their keys: compared step by step with a plain array, through growing and shrinking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/report/core/key_table.h"

enum { THINGS = 3000, STEPS = 60000 };

static struct thing {
    uint64_t key;
    bool in;
} things[THINGS];

static uint64_t key_of(const void *owner, uint32_t thing)
{
    assert_ptr_equal(owner, things);
    return things[thing - 1].key;
}

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void toggle(struct key_table *t, struct thing *x)
{
    uint32_t number = (uint32_t) (x - things) + 1;

    if (x->in)
        key_table_remove(t, number);
    else
        assert_int_equal(key_table_add(t, number), 0);
    x->in = !x->in;
}

static void check(const struct key_table *t)
{
    size_t n = 0;

    for (size_t i = 0; i < THINGS; i++) {
        assert_int_equal(key_table_find(t, things[i].key), things[i].in ? i + 1 : 0);
        n += things[i].in;
    }
    assert_int_equal(t->n, n);
    assert_true(n == 0 ? t->room == 0 : t->room >= n && (t->room <= 16 || n >= t->room / 8));
}

/* Few and many by turns: the number of things that are in swings. */
static void test_as_an_array(void **state)
{
    struct key_table t;
    uint64_t seed = 1;

    (void) state;
    key_table_init(&t, key_of, things);
    for (size_t i = 0; i < THINGS; i++)
        things[i] = (struct thing){.key = i % 2 ? i : (uint64_t) i << 32}; /* like sequence numbers, and unlike them */
    assert_int_equal(key_table_find(&t, 5), 0);
    for (unsigned i = 0; i < STEPS; i++) {
        struct thing *x = &things[next(&seed) % THINGS];

        if (x->in == (i / 10000 % 2 == 1) || next(&seed) % 8 == 0)
            toggle(&t, x);
        if (i % 1000 == 0)
            check(&t);
    }
    for (size_t i = 0; i < THINGS; i++) {
        if (things[i].in)
            toggle(&t, &things[i]);
    }
    check(&t);
    key_table_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_an_array)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
