/* SPDX-License-Identifier: MIT */
/* Routes, queries, cookies, hosts, origins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "agent/apps/web/core/gate.h"
#include "agent/apps/web/core/route.h"

static struct ag_span sp(const char *s)
{
    return (struct ag_span){s, s ? strlen(s) : 0};
}

static void test_routes(void **state)
{
    static const struct {
        const char *method, *target;
        enum web_action action;
        unsigned status;
    } rows[] = {
        {"GET", "/", WEB_FILE, 200},
        {"HEAD", "/", WEB_FILE, 200},
        {"POST", "/", WEB_FILE, 405},
        {"GET", "/app.js?x=1", WEB_FILE, 200},
        {"GET", "/api/state", WEB_STATE, 200},
        {"GET", "/api/events?traffic=1", WEB_EVENTS, 200},
        {"POST", "/api/state", WEB_STATE, 405},
        {"HEAD", "/api/state", WEB_STATE, 405},
        {"GET", "/api/call", WEB_CALL, 405},
        {"POST", "/api/call", WEB_CALL, 200},
        {"PUT", "/api/call", WEB_CALL, 405},
        {"get", "/api/state", WEB_STATE, 405},
        {"GET", "/api/", WEB_NOWHERE, 404},
        {"GET", "/api/state/", WEB_NOWHERE, 404},
        {"GET", "/api/%73tate", WEB_NOWHERE, 404},
        {"GET", "/../etc/passwd", WEB_FILE, 200}, /* of the table of files none is called so */
        {"GET", "", WEB_NOWHERE, 404},
        {"GET", "*", WEB_NOWHERE, 404},
        {"GET", "http://x/", WEB_NOWHERE, 404},
    };
    struct web_route r;
    char long_one[WEB_TARGET_MAX + 2];

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        web_route_find(&r, sp(rows[i].method), sp(rows[i].target));
        if (r.action != rows[i].action || r.status != rows[i].status)
            fail_msg("%s %s: action %d status %u", rows[i].method, rows[i].target, (int) r.action, r.status);
    }
    memset(long_one, 'a', sizeof long_one);
    long_one[0] = '/';
    web_route_find(&r, sp("GET"), (struct ag_span){long_one, sizeof long_one});
    assert_int_equal(r.status, 414);
}

/* Whatever changes something is a POST and wants a login; only these three are open. */
static void test_what_is_open(void **state)
{
    (void) state;
    for (int a = WEB_FILE; a < WEB_NOWHERE; a++)
        assert_int_equal(web_route_is_open((enum web_action) a), a == WEB_FILE || a == WEB_SESSION || a == WEB_LOGIN);
    assert_true(web_route_is_post(WEB_CALL) && web_route_is_post(WEB_SETUP) && web_route_is_post(WEB_LOGIN) &&
                web_route_is_post(WEB_LOGOUT));
    assert_false(web_route_is_post(WEB_EVENTS) || web_route_is_post(WEB_BUNDLE) || web_route_is_post(WEB_FILE));
}

static void test_query(void **state)
{
    static const struct {
        const char *query, *value; /* NULL: none */
    } rows[] = {
        {"a=1", "1"},
        {"b=2&a=1", "1"},
        {"a=", ""},
        {"a=x+y%21", "x y!"},
        {"a=%e4%bd%a0", "\xe4\xbd\xa0"},
        {"a=1&a=2", "1"},
        {"a", NULL},
        {"", NULL},
        {"aa=1", NULL},
        {"a=%", NULL},
        {"a=%4", NULL},
        {"a=%zz", NULL},
        {"a=%00", NULL},
        {"a=%0a", NULL},
        {"a=%ff", NULL},
        {"a=12345678", NULL},
        {"a=1234567", "1234567"},
        {"&&a=1", "1"},
        {"a=b=c", "b=c"},
        {"A=1", NULL},
    };
    char out[8];

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        bool found = web_query_get(sp(rows[i].query), "a", out, sizeof out);

        if (found != !!rows[i].value || strcmp(out, rows[i].value ? rows[i].value : "") != 0)
            fail_msg("%s: %d %s", rows[i].query, found, out);
    }
    assert_int_equal(web_query_number(sp("from=12"), "from", 100, 5), 12);
    assert_int_equal(web_query_number(sp("from=101"), "from", 100, 5), 5);
    assert_int_equal(web_query_number(sp("from=-1"), "from", 100, 5), 5);
}

static void test_cookies(void **state)
{
    static const struct {
        const char *header, *value;
    } rows[] = {
        {"s=abc", "abc"}, {"x=1; s=abc", "abc"}, {"x=1;s=abc;y", "abc"}, {" \ts=abc", "abc"}, {"s=", ""},
        {"ss=1", NULL},   {"s", NULL},           {"x=s=1", NULL},        {"", NULL},          {"s=1; s=2", "1"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_span v = web_cookie_get(sp(rows[i].header), "s");

        if (!v.p != !rows[i].value || (v.p && !ag_span_is(v, rows[i].value, strlen(rows[i].value))))
            fail_msg("%s", rows[i].header);
    }
    assert_null(web_cookie_get((struct ag_span){NULL, 0}, "s").p);
}

static const char *const names[] = {"lamp", "lamp.local"};

/* A name that an attacker can point at this device must not be one of ours; an address is no name. */
static void test_hosts(void **state)
{
    static const struct {
        const char *host;
        bool ok;
    } rows[] = {
        {"127.0.0.1", true},
        {"127.0.0.1:8086", true},
        {"192.168.1.7:80", true},
        {"[::1]:8086", true},
        {"[fe80::1]", true},
        {"localhost", true},
        {"LOCALHOST:1", true},
        {"lamp", true},
        {"Lamp.Local:8086", true},
        {"evil.com", false},
        {"evil.com:8086", false},
        {"lamp.evil.com", false},
        {"localhost.evil.com", false},
        {"127.0.0.1.evil.com", false},
        {"", false},
        {"1.2.3", false},
        {"1.2.3.4.5", false},
        {"127.0.0.1:", false},
        {"127.0.0.1:123456", false},
        {"[::1", false},
        {"[evil.com]", false},
        {"lamp:80:80", false},
        {" lamp", false},
        {"lamp.", false},
        {"1..2.3.4", false},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        if (web_host_ok(sp(rows[i].host), names, 2) != rows[i].ok)
            fail_msg("%s", rows[i].host);
    assert_false(web_host_ok((struct ag_span){NULL, 0}, names, 2));
}

static void test_gate(void **state)
{
    static const struct {
        const char *what, *host, *origin, *site, *type;
        bool post;
        enum web_verdict verdict;
    } rows[] = {
        {"typed in", "lamp", NULL, "none", NULL, false, WEB_PASS},
        {"a program without a browser", "lamp", NULL, NULL, "application/json", true, WEB_PASS},
        {"our page", "lamp:80", "http://lamp:80", "same-origin", "application/json", true, WEB_PASS},
        {"our page behind TLS", "lamp", "https://LAMP", "same-origin", "application/json; charset=utf-8", true, WEB_PASS},
        {"another page", "lamp", "http://evil.com", NULL, "application/json", true, WEB_BAD_ORIGIN},
        {"another port of ours", "lamp:80", "http://lamp:81", NULL, "application/json", true, WEB_BAD_ORIGIN},
        {"a page without an origin", "lamp", "null", NULL, "application/json", true, WEB_BAD_ORIGIN},
        {"an origin that begins like ours", "lamp", "http://lamp.evil.com", NULL, "application/json", true, WEB_BAD_ORIGIN},
        {"a browser that says so", "lamp", NULL, "cross-site", NULL, false, WEB_BAD_ORIGIN},
        {"a neighbour's page", "lamp", NULL, "same-site", NULL, false, WEB_BAD_ORIGIN},
        {"another name", "evil.com", "http://evil.com", "same-origin", "application/json", true, WEB_BAD_HOST},
        {"a form", "lamp", NULL, NULL, "text/plain", true, WEB_BAD_TYPE},
        {"a form's own type", "lamp", NULL, NULL, "application/x-www-form-urlencoded", true, WEB_BAD_TYPE},
        {"no type", "lamp", NULL, NULL, NULL, true, WEB_BAD_TYPE},
        {"a type that begins so", "lamp", NULL, NULL, "application/jsonp", true, WEB_BAD_TYPE},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct web_headers h = {sp(rows[i].host), sp(rows[i].origin), sp(rows[i].site), sp(rows[i].type)};

        if (web_gate_check(&h, rows[i].post, names, 2) != rows[i].verdict)
            fail_msg("%s", rows[i].what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),  cmocka_unit_test(test_what_is_open), cmocka_unit_test(test_query),
        cmocka_unit_test(test_cookies), cmocka_unit_test(test_hosts),        cmocka_unit_test(test_gate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
