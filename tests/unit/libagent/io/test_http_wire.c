/* SPDX-License-Identifier: MIT */
/* What a program and the process of a request say to each other: there and back, cut anywhere, malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "libagent/io/http/http_wire.h"

static void test_request(void **state)
{
    const char *const headers[] = {"A: 1", "B: 2", NULL};
    const struct ag_http_request req = {.method = AG_HTTP_PUT,
                                        .url = "http://a/",
                                        .headers = headers,
                                        .body = {"x\0y", 3},
                                        .connect_timeout_ms = 1,
                                        .timeout_ms = 2,
                                        .stall_timeout_s = 3,
                                        .max_redirects = 4,
                                        .range_from = UINT64_MAX,
                                        .ca_file = "",
                                        .key_file = "k"};
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
    const char *got_headers[HTTP_WIRE_REQUEST_HEADERS + 1];
    struct ag_http_request got = {0};
    struct ag_span block;
    uint64_t len;

    (void) state;
    assert_int_equal(http_wire_put_request(&out, &req), 0);
    memcpy(&len, ag_buf_head(&out), sizeof len);
    block = (struct ag_span){ag_buf_head(&out) + sizeof len, ag_buf_size(&out) - sizeof len};
    assert_int_equal(len, block.len);
    assert_int_equal(http_wire_get_request(block, &got, got_headers), 0);
    assert_int_equal(got.method, AG_HTTP_PUT);
    assert_string_equal(got.url, "http://a/");
    assert_true(ag_span_is(got.body, "x\0y", 3));
    assert_string_equal(got.headers[1], "B: 2");
    assert_null(got.headers[2]);
    assert_int_equal(got.connect_timeout_ms, 1);
    assert_int_equal(got.timeout_ms, 2);
    assert_int_equal(got.stall_timeout_s, 3);
    assert_int_equal(got.max_redirects, 4);
    assert_true(got.range_from == UINT64_MAX);
    assert_string_equal(got.ca_file, "");
    assert_null(got.cert_file);
    assert_string_equal(got.key_file, "k");
    for (size_t cut = 0; cut < block.len; cut++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf part = AG_BUF_INIT; /* the sanitizer sees what is read behind it */

        assert_int_equal(ag_buf_append(&part, block.p, cut), 0);
        assert_int_equal(http_wire_get_request(ag_buf_span(&part), &got, got_headers), -EBADMSG);
    }
}

static void test_too_many_headers(void **state)
{
    const char *headers[HTTP_WIRE_REQUEST_HEADERS + 2];
    const struct ag_http_request req = {.url = "http://a/", .headers = headers};
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

    (void) state;
    for (int i = 0; i <= HTTP_WIRE_REQUEST_HEADERS; i++)
        headers[i] = "A: 1";
    headers[HTTP_WIRE_REQUEST_HEADERS + 1] = NULL;
    assert_int_equal(http_wire_put_request(&out, &req), -E2BIG);
    headers[HTTP_WIRE_REQUEST_HEADERS] = NULL;
    assert_int_equal(http_wire_put_request(&out, &req), 0);
}

static const struct http_wire_frame frames[] = {
    {.type = HTTP_WIRE_BEGIN, .status = 206, .length = 7, .bytes = {"A\0b\0C\0\0", 7}},
    {.type = HTTP_WIRE_BEGIN, .status = 200, .length = UINT64_MAX, .bytes = {"", 0}},
    {.type = HTTP_WIRE_DATA, .bytes = {"abc\0", 4}},
    {.type = HTTP_WIRE_END, .end = AG_HTTP_E_TLS, .bytes = {"no", 3}},
};

static void test_frames(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf all = AG_BUF_INIT;

    (void) state;
    for (size_t i = 0; i < ag_array_size(frames); i++)
        assert_int_equal(http_wire_put_frame(&all, &frames[i]), 0);
    for (size_t i = 0; i < ag_array_size(frames); i++) {
        struct http_wire_frame f;
        size_t size;

        assert_int_equal(http_wire_get_frame(ag_buf_span(&all), &f, &size), 1);
        for (size_t cut = 0; cut < size; cut++)
            assert_int_equal(http_wire_get_frame((struct ag_span){ag_buf_head(&all), cut}, &f, &size), 0);
        assert_int_equal(f.type, frames[i].type);
        assert_int_equal(f.status, frames[i].status);
        assert_true(f.length == frames[i].length);
        assert_int_equal(f.end, frames[i].end);
        assert_true(ag_span_is(f.bytes, frames[i].bytes.p, frames[i].bytes.len));
        ag_buf_consume(&all, size);
    }
    assert_int_equal(ag_buf_size(&all), 0);
}

static void test_malformed_frames(void **state)
{
    static char much[HTTP_WIRE_DATA_MAX + 1];
    const struct {
        const char *name;
        struct http_wire_frame f;
    } rows[] = {
        {"no such type", {.type = (enum http_wire_type) 4}},
        {"type 0", {.type = (enum http_wire_type) 0}},
        {"much data", {.type = HTTP_WIRE_DATA, .bytes = {much, sizeof much}}},
        {"many headers", {.type = HTTP_WIRE_BEGIN, .status = 200, .bytes = {much, HTTP_WIRE_HEADERS_MAX + 1}}},
        {"status 0", {.type = HTTP_WIRE_BEGIN}},
        {"status 1000", {.type = HTTP_WIRE_BEGIN, .status = 1000}},
        {"headers without an end", {.type = HTTP_WIRE_BEGIN, .status = 200, .bytes = {"A", 1}}},
        {"no such end", {.type = HTTP_WIRE_END, .end = (enum ag_http_end)(AG_HTTP_E_OTHER + 1), .bytes = {"", 1}}},
        {"no reason", {.type = HTTP_WIRE_END, .bytes = {"", 0}}},
        {"reason without an end", {.type = HTTP_WIRE_END, .bytes = {"no", 2}}},
        {"long reason", {.type = HTTP_WIRE_END, .bytes = {much, HTTP_WIRE_WHY_MAX + 1}}},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
        struct http_wire_frame f;
        size_t size;

        assert_int_equal(http_wire_put_frame(&b, &rows[i].f), 0);
        if (http_wire_get_frame(ag_buf_span(&b), &f, &size) != -EBADMSG)
            fail_msg("%s", rows[i].name);
    }
}

static void test_header(void **state)
{
    static const char two[] = "A\0one\0B\0\0a\0two", odd[] = "A\0one\0B";

    (void) state;
    assert_string_equal(http_wire_header((struct ag_span){two, sizeof two}, "A"), "two");
    assert_string_equal(http_wire_header((struct ag_span){two, sizeof two}, "b"), "");
    assert_null(http_wire_header((struct ag_span){two, sizeof two}, "one"));
    assert_null(http_wire_header((struct ag_span){odd, sizeof odd}, "B"));
    assert_null(http_wire_header((struct ag_span){"", 0}, "A"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),          cmocka_unit_test(test_too_many_headers), cmocka_unit_test(test_frames),
        cmocka_unit_test(test_malformed_frames), cmocka_unit_test(test_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
