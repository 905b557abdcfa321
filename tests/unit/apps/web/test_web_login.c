/* SPDX-License-Identifier: MIT */
/* Sessions, tries, password lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "agent/apps/web/core/limiter.h"
#include "agent/apps/web/core/password.h"
#include "agent/apps/web/core/session.h"

static struct ag_span sp(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void add(struct web_sessions *s, uint64_t now, unsigned char seed, char text[WEB_TOKEN_LEN + 1])
{
    unsigned char token[WEB_TOKEN_BYTES];

    memset(token, seed, sizeof token);
    web_sessions_add(s, now, token, text);
}

static void test_a_session_lives_and_ends(void **state)
{
    struct web_sessions s = {.idle_ms = 100, .life_ms = 250};
    char a[WEB_TOKEN_LEN + 1], other[WEB_TOKEN_LEN + 1];

    (void) state;
    assert_false(web_sessions_use(&s, 0, sp("")));
    add(&s, 0, 7, a);
    assert_int_equal(strlen(a), WEB_TOKEN_LEN);
    assert_true(web_sessions_use(&s, 99, sp(a)));
    memcpy(other, a, sizeof a);
    other[0] = '8';
    assert_false(web_sessions_use(&s, 99, sp(other)));
    assert_false(web_sessions_use(&s, 99, (struct ag_span){a, WEB_TOKEN_LEN - 1}));
    assert_false(web_sessions_use(&s, 99, (struct ag_span){NULL, 0}));
    assert_true(web_sessions_use(&s, 198, sp(a))); /* used at 99 */
    assert_true(web_sessions_has(&s, 249, sp(a)));
    assert_false(web_sessions_use(&s, 250, sp(a))); /* its life is over, however much it is used */
}

static void test_looking_is_no_use(void **state)
{
    struct web_sessions s = {.idle_ms = 100, .life_ms = 1000};
    char a[WEB_TOKEN_LEN + 1];

    (void) state;
    add(&s, 0, 1, a);
    assert_true(web_sessions_has(&s, 99, sp(a)));
    assert_false(web_sessions_has(&s, 100, sp(a)));
}

static void test_a_full_table_gives_up_the_least_used(void **state)
{
    struct web_sessions s = {.idle_ms = 100000, .life_ms = 100000};
    char text[WEB_SESSIONS + 1][WEB_TOKEN_LEN + 1];

    (void) state;
    for (unsigned i = 0; i < WEB_SESSIONS; i++)
        add(&s, i, (unsigned char) (i + 1), text[i]);
    web_sessions_use(&s, 50, sp(text[0]));
    add(&s, 60, 200, text[WEB_SESSIONS]);
    for (unsigned i = 0; i <= WEB_SESSIONS; i++)
        assert_int_equal(web_sessions_has(&s, 61, sp(text[i])), i != 1);
    web_sessions_drop(&s, sp(text[2]));
    assert_false(web_sessions_has(&s, 61, sp(text[2])));
}

static void test_wrong_100_times(void **state)
{
    static struct web_limiter l;
    const unsigned char me[WEB_LIMITER_KEY] = {127, 0, 0, 1}, you[WEB_LIMITER_KEY] = {10, 0, 0, 1};
    unsigned tried = 0;

    (void) state;
    for (int i = 0; i < 100; i++)
        tried += web_limiter_try(&l, 1000, me) == 0;
    assert_int_equal(tried, WEB_LIMITER_TRIES);
    assert_int_equal(web_limiter_try(&l, 1000, me), 60);
    assert_int_equal(web_limiter_try(&l, 60999, me), 1);
    assert_int_equal(web_limiter_try(&l, 1000, you), 0); /* somebody else is not kept out */
    assert_int_equal(web_limiter_try(&l, 61000, me), 0);
}

static void test_the_right_one_forgets(void **state)
{
    static struct web_limiter l;
    const unsigned char me[WEB_LIMITER_KEY] = {127, 0, 0, 1};

    (void) state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(web_limiter_try(&l, 5, me), 0);
        web_limiter_right(&l, me);
    }
}

/* Whoever has many addresses, and with them fills the table, gets no more than all together may. */
static void test_many_addresses(void **state)
{
    static struct web_limiter l;
    unsigned char key[WEB_LIMITER_KEY] = {0};
    unsigned tried = 0;

    (void) state;
    for (unsigned i = 0; i < 10000; i++) {
        memcpy(key, &i, sizeof i);
        tried += web_limiter_try(&l, i / 1000, key) == 0;
    }
    assert_int_equal(tried, WEB_LIMITER_ALL_TRIES);
}

#define SALT "000102030405060708090a0b0c0d0e0f"
#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_password_lines(void **state)
{
    static const struct {
        const char *line;
        bool ok;
    } rows[] = {
        {"scrypt:8192:8:2:" SALT ":" HASH, true},
        {" scrypt:8192:8:2:" SALT ":" HASH "\r\n", true},
        {"", false},
        {"scrypt", false},
        {"scrypt:8191:8:2:" SALT ":" HASH, false}, /* no power of two */
        {"scrypt:1:8:2:" SALT ":" HASH, false},
        {"scrypt:0:8:2:" SALT ":" HASH, false},
        {"scrypt:1048576:64:2:" SALT ":" HASH, false}, /* 8 GiB */
        {"scrypt:8192:8:65:" SALT ":" HASH, false},
        {"scrypt:8192:-8:2:" SALT ":" HASH, false},
        {"scrypt:8192:8:2:" SALT ":" HASH ":", true},
        {"scrypt:8192:8:2:" SALT ":" HASH ":x", false},
        {"scrypt:8192:8:2:0001:" HASH, false},
        {"scrypt:8192:8:2:" SALT ":" SALT, false},
        {"scrypt:8192:8:2:" SALT ":G0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", false},
        {"argon2:8192:8:2:" SALT ":" HASH, false},
    };
    struct web_password p;

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        if (web_password_parse(sp(rows[i].line), &p) != rows[i].ok)
            fail_msg("%s", rows[i].line);
}

static void test_password_round_trip(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct web_password p = WEB_PASSWORD_COST, back;

    (void) state;
    memset(p.salt, 0xa5, sizeof p.salt);
    memset(p.hash, 0x5a, sizeof p.hash);
    assert_int_equal(web_password_print(&p, &b), 0);
    assert_true(web_password_parse(ag_buf_span(&b), &back));
    assert_memory_equal(&p, &back, sizeof p);
    assert_true(web_password_is(&p, back.hash));
    back.hash[31] ^= 1;
    assert_false(web_password_is(&p, back.hash));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_lives_and_ends),
        cmocka_unit_test(test_looking_is_no_use),
        cmocka_unit_test(test_a_full_table_gives_up_the_least_used),
        cmocka_unit_test(test_wrong_100_times),
        cmocka_unit_test(test_the_right_one_forgets),
        cmocka_unit_test(test_many_addresses),
        cmocka_unit_test(test_password_lines),
        cmocka_unit_test(test_password_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
