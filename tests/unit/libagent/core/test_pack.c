/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include "libagent/core/pack/pack.h"
#include "libagent/core/pack/pack_scan.h"
#include "libagent/core/pack/pack_value.h"
#include "tests/support/alloc_fail.h"

#define B(literal)                                                                                                               \
    {                                                                                                                            \
        (literal), sizeof(literal) - 1                                                                                           \
    }

static int from_json(const char *text, struct ag_buf *out)
{
    struct ag_span s = {text, strlen(text)};
    struct ag_json_view v;

    if (ag_json_parse(&s, 1024, &v) != 0)
        fail_msg("not JSON: %s", text);
    return ag_pack_from_json(s, &v, out);
}

/* Both directions give exactly each other. */
static const struct {
    const char *json;
    struct ag_span pack;
} both[] = {
    {"{\"id\":1,\"method\":\"m\",\"params\":[]}", B("\x94\0\x01\xa1m\x90")},
    {"{\"id\":0,\"method\":\"m\",\"params\":null}", B("\x94\0\0\xa1m\xc0")},
    {"{\"id\":4294967295,\"method\":\"m\",\"params\":{}}", B("\x94\0\xce\xff\xff\xff\xff\xa1m\x80")},
    {"{\"method\":\"m\",\"params\":\"x\"}", B("\x93\x02\xa1m\xa1x")},
    {"{\"id\":5,\"result\":[\"ok\"]}", B("\x94\x01\x05\xc0\x91\xa2ok")},
    {"{\"id\":5,\"result\":null}", B("\x94\x01\x05\xc0\xc0")},
    {"{\"id\":5,\"error\":{\"code\":-1,\"message\":\"no\"}}", B("\x94\x01\x05\x82\xa4"
                                                                "code\xff\xa7message\xa2no\xc0")},
    {"{\"id\":5,\"error\":\"text\"}", B("\x94\x01\x05\xa4text\xc0")},
    {"{\"error\":{\"code\":-32700}}", B("\x93\x02\xab"
                                        "agent.error\x81\xa4"
                                        "code\xd1\x80\x44")},
    /* members in params */
    {"{\"id\":1,\"method\":\"register\",\"key\":\"k\"}", B("\x94\0\x01\xa8register\x81\xa3key\xa1k")},
    {"{\"method\":\"register\",\"key\":\"k\",\"mode\":\"standby\"}",
     B("\x93\x02\xa8register\x82\xa3key\xa1k\xa4mode\xa7standby")},
    {"{\"id\":1,\"method\":\"register\",\"key\":\"k\",\"mode\":\"standby\",\"params\":{\"tell\":true}}",
     B("\x94\0\x01\xa8register\x83\xa3key\xa1k\xa4mode\xa7standby\xa6params\x81\xa4tell\xc3")},
    {"{\"method\":\"unregister\",\"key\":\"\"}", B("\x93\x02\xaaunregister\x81\xa3key\xa0")},
    {"{\"method\":\"bind\",\"address\":2}", B("\x93\x02\xa4"
                                              "bind\x81\xa7"
                                              "address\x02")},
    /* between applications */
    {"{\"id\":7,\"_to\":16,\"method\":\"m\",\"params\":[1]}",
     B("\x93\x02\xaa"
       "agent.send\x84\xa2to\x10\xa2id\x07\xa6method\xa1m\xa6params\x91\x01")},
    {"{\"id\":7,\"_from\":2,\"result\":true}", B("\x93\x02\xad"
                                                 "agent.message\x83\xa4"
                                                 "from\x02\xa2id\x07\xa6result\xc3")},
    {"{\"_to\":1,\"method\":\"m\"}", B("\x93\x02\xaa"
                                       "agent.send\x82\xa2to\x01\xa6method\xa1m")},
    /* values */
    {"{\"id\":1,\"result\":[true,false,null,[],{}]}", B("\x94\x01\x01\xc0\x95\xc3\xc2\xc0\x90\x80")},
    {"{\"id\":1,\"result\":[0,127,128,255,256,65535,65536,4294967295,4294967296,18446744073709551615]}",
     B("\x94\x01\x01\xc0\x9a\0\x7f\xcc\x80\xcc\xff\xcd\x01\0\xcd\xff\xff\xce\0\x01\0\0\xce\xff\xff\xff\xff"
       "\xcf\0\0\0\x01\0\0\0\0\xcf\xff\xff\xff\xff\xff\xff\xff\xff")},
    {"{\"id\":1,\"result\":[-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-2147483649,-9223372036854775808]}",
     B("\x94\x01\x01\xc0\x9a\xff\xe0\xd0\xdf\xd0\x80\xd1\xff\x7f\xd1\x80\0\xd2\xff\xff\x7f\xff\xd2\x80\0\0\0"
       "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff\xd3\x80\0\0\0\0\0\0\0")},
    {"{\"id\":1,\"result\":[0.5,1.0,-0.0,1e+300]}",
     B("\x94\x01\x01\xc0\x94\xcb\x3f\xe0\0\0\0\0\0\0\xcb\x3f\xf0\0\0\0\0\0\0\xcb\x80\0\0\0\0\0\0\0"
       "\xcb\x7e\x37\xe4\x3c\x88\0\x75\x9c")},
    {"{\"id\":1,\"result\":[0.1,5e-324,1.7976931348623157e+308]}",
     B("\x94\x01\x01\xc0\x93\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a\xcb\0\0\0\0\0\0\0\x01\xcb\x7f\xef\xff\xff\xff\xff\xff\xff")},
    {"{\"id\":1,\"result\":\"\xe4\xbd\xa0\\u0000\\n\\\"\"}", B("\x94\x01\x01\xc0\xa6\xe4\xbd\xa0\0\n\"")},
    {"{\"id\":1,\"result\":{\"a\":{\"b\":[1]},\"a\":2}}", B("\x94\x01\x01\xc0\x82\xa1"
                                                            "a\x81\xa1"
                                                            "b\x91\x01\xa1"
                                                            "a\x02")},
};

static void both_ways(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(both); i++) {
        struct ag_buf json = AG_BUF_INIT, pack = AG_BUF_INIT;
        int r = from_json(both[i].json, &pack);

        if (r != 0 || !ag_span_is(ag_buf_span(&pack), both[i].pack.p, both[i].pack.len))
            fail_msg("to MessagePack, %d: %s", r, both[i].json);
        r = ag_pack_to_json(both[i].pack, &json);
        if (r != 0 || !ag_span_is(ag_buf_span(&json), both[i].json, strlen(both[i].json)))
            fail_msg("to JSON, %d: %.*s, wanted %s", r, (int) json.len, json.data, both[i].json);
        ag_buf_deinit(&json);
        ag_buf_deinit(&pack);
    }
}

static const struct {
    const char *name;
    struct ag_span pack;
    int r;
    const char *json;
} to_json[] = {
    {"bin",
     B("\x94\x01\x01\xc0\x94\xc4\0\xc4\x01\xff\xc4\x02\0\x01\xc5\0\x03"
       "abc"),
     0, "{\"id\":1,\"result\":[{\"base64\":\"\"},{\"base64\":\"/w==\"},{\"base64\":\"AAE=\"},{\"base64\":\"YWJj\"}]}"},
    {"float 32 at its own width", B("\x94\x01\x01\xc0\x92\xca\x3d\xcc\xcc\xcd\xca\x40\x49\x0f\xdb"), 0,
     "{\"id\":1,\"result\":[0.1,3.1415927]}"},
    {"long forms of small things", B("\xdc\0\x04\xcc\x01\xce\0\0\0\x09\xc0\xdd\0\0\0\x01\xdb\0\0\0\x01x"), 0,
     "{\"id\":9,\"result\":[\"x\"]}"},
    {"signed forms of positive numbers", B("\x94\x01\xd0\x05\xc0\x92\xd1\x01\0\xd3\0\0\0\0\0\0\0\x01"), 0,
     "{\"id\":5,\"result\":[256,1]}"},
    {"register in an array", B("\x94\0\x01\xa8register\x91\x81\xa3key\xa1k"), 0,
     "{\"id\":1,\"method\":\"register\",\"key\":\"k\"}"},
    {"register by position", B("\x94\0\x01\xa8register\x92\xa1k\xa7standby"), 0,
     "{\"id\":1,\"method\":\"register\",\"key\":\"k\",\"mode\":\"standby\"}"},
    {"bind by position",
     B("\x93\x02\xa4"
       "bind\x91\x04"),
     0, "{\"method\":\"bind\",\"address\":4}"},
    {"register with nothing", B("\x94\0\x01\xa8register\x90"), 0, "{\"id\":1,\"method\":\"register\"}"},
    {"register with nil", B("\x94\0\x01\xa8register\xc0"), 0, "{\"id\":1,\"method\":\"register\"}"},
    {"register, first of equal keys, others ignored",
     B("\x93\x02\xa8register\x84\xa2id\x05\xa3key\xa1"
       "a\xa3key\xa1"
       "b\xa6method\xa1x"),
     0, "{\"method\":\"register\",\"key\":\"a\"}"},
    {"send as a request keeps its id",
     B("\x94\0\x09\xaa"
       "agent.send\x91\x82\xa2to\x01\xa6method\xa1m"),
     0, "{\"id\":9,\"_to\":1,\"method\":\"m\"}"},
    {"register by too many positions", B("\x94\0\x01\xa8register\x93\xa1k\xa1m\xa1n"), AG_PACK_E_SHAPE, NULL},
    {"register with a string", B("\x94\0\x01\xa8register\xa1k"), AG_PACK_E_SHAPE, NULL},
    {"send without to",
     B("\x93\x02\xaa"
       "agent.send\x81\xa6method\xa1m"),
     AG_PACK_E_SHAPE, NULL},
    {"send with an array",
     B("\x93\x02\xaa"
       "agent.send\x92\x01\xa1m"),
     AG_PACK_E_SHAPE, NULL},
    {"send with a bad id",
     B("\x93\x02\xaa"
       "agent.send\x82\xa2to\x01\xa2id\xa1x"),
     AG_PACK_E_ID, NULL},
    {"both error and result", B("\x94\x01\x01\x01\x01"), AG_PACK_E_SHAPE, NULL},
    {"type 3", B("\x94\x03\x01\xa1m\x90"), AG_PACK_E_SHAPE, NULL},
    {"negative type", B("\x94\xff\x01\xa1m\x90"), AG_PACK_E_SHAPE, NULL},
    {"request of 3", B("\x93\0\x01\xa1m"), AG_PACK_E_SHAPE, NULL},
    {"notice of 4", B("\x94\x02\xa1m\x90\x90"), AG_PACK_E_SHAPE, NULL},
    {"no array", B("\x81\x01\x02"), AG_PACK_E_SHAPE, NULL},
    {"bytes behind it", B("\x93\x02\xa1m\x90\0"), AG_PACK_E_SHAPE, NULL},
    {"method is a number", B("\x93\x02\x05\x90"), AG_PACK_E_SHAPE, NULL},
    {"method is not UTF-8", B("\x93\x02\xa1\xff\x90"), AG_PACK_E_UTF8, NULL},
    {"id too large", B("\x94\0\xcf\0\0\0\x01\0\0\0\0\xa1m\x90"), AG_PACK_E_ID, NULL},
    {"id negative", B("\x94\0\xff\xa1m\x90"), AG_PACK_E_ID, NULL},
    {"id nil", B("\x94\x01\xc0\xc0\x90"), AG_PACK_E_ID, NULL},
    {"ext", B("\x93\x02\xa1m\xd4\x01\x02"), AG_PACK_E_TYPE, NULL},
    {"timestamp", B("\x93\x02\xa1m\x91\xd6\xff\0\0\0\0"), AG_PACK_E_TYPE, NULL},
    {"number as key", B("\x93\x02\xa1m\x81\x01\x02"), AG_PACK_E_KEY, NULL},
    {"bin as key",
     B("\x93\x02\xa1m\x81\xc4\x01"
       "a\x02"),
     AG_PACK_E_KEY, NULL},
    {"str not UTF-8", B("\x93\x02\xa1m\x91\xa2\xc0\xaf"), AG_PACK_E_UTF8, NULL},
    {"str with a surrogate", B("\x93\x02\xa1m\xa3\xed\xa0\x80"), AG_PACK_E_UTF8, NULL},
    {"NaN", B("\x93\x02\xa1m\xcb\x7f\xf8\0\0\0\0\0\0"), AG_PACK_E_NUMBER, NULL},
    {"infinity", B("\x93\x02\xa1m\xca\x7f\x80\0\0"), AG_PACK_E_NUMBER, NULL},
    {"cut", B("\x93\x02\xa1m\xa5xx"), AG_PACK_E_SYNTAX, NULL},
    {"0xc1", B("\x93\x02\xa1m\xc1"), AG_PACK_E_SYNTAX, NULL},
    {"empty", B(""), AG_PACK_E_SYNTAX, NULL},
};

static void to_json_rows(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(to_json); i++) {
        struct ag_buf json = AG_BUF_INIT;
        int r;

        assert_int_equal(ag_buf_append_str(&json, "before"), 0);
        r = ag_pack_to_json(to_json[i].pack, &json);
        if (r != to_json[i].r)
            fail_msg("%s: %d %s", to_json[i].name, r, ag_pack_strerror(r));
        assert_true(ag_buf_size(&json) >= 6);
        ag_buf_consume(&json, 6);
        if (!ag_span_is(ag_buf_span(&json), to_json[i].json ? to_json[i].json : "",
                        strlen(to_json[i].json ? to_json[i].json : "")))
            fail_msg("%s: %.*s", to_json[i].name, (int) ag_buf_size(&json), ag_buf_span(&json).p);
        ag_buf_deinit(&json);
    }
}

static const struct {
    const char *json;
    int r;
    struct ag_span pack;
} from[] = {
    {"{\"id\":1,\"method\":\"m\",\"sid\":5}", 0, B("\x94\0\x01\xa1m\x90")},
    {" { \"id\" : 1 , \"method\" : \"\\u006d\" , \"params\" : [ 1 , { } ] } ", 0, B("\x94\0\x01\xa1m\x92\x01\x80")},
    {"{\"id\":1,\"error\":null,\"result\":1}", 0, B("\x94\x01\x01\xc0\x01")},
    {"{\"id\":1,\"error\":{},\"result\":null}", 0, B("\x94\x01\x01\x80\xc0")},
    {"{\"id\":1,\"error\":null}", 0, B("\x94\x01\x01\xc0\xc0")},
    {"{\"id\":null,\"error\":1}", 0,
     B("\x93\x02\xab"
       "agent.error\x01")},
    {"{\"id\":1,\"method\":\"regist\\u0065r\",\"key\":\"k\",\"params\":1}", 0, B("\x94\0\x01\xa8register\x81\xa3key\xa1k")},
    {"{\"id\":1,\"result\":18446744073709551616}", 0, B("\x94\x01\x01\xc0\xcb\x43\xf0\0\0\0\0\0\0")},
    {"{\"id\":1,\"result\":-9223372036854775809}", 0, B("\x94\x01\x01\xc0\xcb\xc3\xe0\0\0\0\0\0\0")},
    {"{\"id\":1,\"result\":[1e2,10E-1,-0]}", 0,
     B("\x94\x01\x01\xc0\x93\xcb\x40\x59\0\0\0\0\0\0\xcb\x3f\xf0\0\0\0\0\0\0\xcb\x80\0\0\0\0\0\0\0")},
    {"{\"id\":1,\"result\":0.10000000000000000000000000000000000000000000000000000000000000000000000000000000000000001}", 0,
     B("\x94\x01\x01\xc0\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a")},
    {"{\"id\":1,\"result\":\"\\ud83d\\ude00\"}", 0, B("\x94\x01\x01\xc0\xa4\xf0\x9f\x98\x80")},
    {"{\"id\":1,\"result\":{\"base64\":\"AA==\"}}", 0,
     B("\x94\x01\x01\xc0\x81\xa6"
       "base64\xa4"
       "AA==")},
    {"{\"id\":1,\"result\":1,\"error\":1}", AG_PACK_E_SHAPE, B("")},
    {"{\"id\":1}", AG_PACK_E_SHAPE, B("")},
    {"{}", AG_PACK_E_SHAPE, B("")},
    {"{\"id\":1,\"method\":5}", AG_PACK_E_SHAPE, B("")},
    {"{\"result\":1}", AG_PACK_E_ID, B("")},
    {"{\"id\":-1,\"method\":\"m\"}", AG_PACK_E_ID, B("")},
    {"{\"id\":1.0,\"method\":\"m\"}", AG_PACK_E_ID, B("")},
    {"{\"id\":4294967296,\"method\":\"m\"}", AG_PACK_E_ID, B("")},
    {"{\"id\":\"1\",\"result\":1}", AG_PACK_E_ID, B("")},
    {"{\"id\":1,\"id\":1,\"result\":1}", AG_PACK_E_ID, B("")},
    {"{\"_to\":1,\"id\":\"x\",\"method\":\"m\"}", AG_PACK_E_ID, B("")},
    {"{\"id\":1,\"result\":\"\\ud800\"}", AG_PACK_E_UTF8, B("")},
    {"{\"id\":1,\"result\":{\"\\udc00\":1}}", AG_PACK_E_UTF8, B("")},
    {"{\"id\":1,\"result\":[1e999]}", AG_PACK_E_NUMBER, B("")},
};

static void from_json_rows(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(from); i++) {
        struct ag_buf pack = AG_BUF_INIT;
        int r = from_json(from[i].json, &pack);

        if (r != from[i].r || !ag_span_is(ag_buf_span(&pack), from[i].pack.p, from[i].pack.len))
            fail_msg("%d %s: %s", r, ag_pack_strerror(r), from[i].json);
        ag_buf_deinit(&pack);
    }
}

static void answers_by_method_are_responses(void **state)
{
    static const struct {
        const char *json;
        int r;
        struct ag_span pack;
    } rows[] = {
        {"{\"id\":7,\"method\":\"local.time\",\"params\":12}", 0, B("\x94\x01\x07\xc0\x0c")},
        {"{\"id\":7,\"method\":\"local.time\"}", 0, B("\x94\x01\x07\xc0\xc0")},
        {"{\"id\":7,\"result\":12}", 0, B("\x94\x01\x07\xc0\x0c")},
        {"{\"id\":7,\"error\":12}", 0, B("\x94\x01\x07\x0c\xc0")},
        {"{\"method\":\"local.time\",\"params\":12}", AG_PACK_E_ID, B("")},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_span s = {rows[i].json, strlen(rows[i].json)};
        struct ag_buf out = AG_BUF_INIT;
        struct ag_json_view v;

        assert_int_equal(ag_json_parse(&s, 16, &v), 0);
        assert_int_equal(ag_pack_answer_from_json(s, &v, &out), rows[i].r);
        assert_true(ag_span_is(ag_buf_span(&out), rows[i].pack.p, rows[i].pack.len));
        ag_buf_deinit(&out);
    }
}

/* Counts and lengths around the borders of the head forms, nested so that heads push content back. */
static void heads_of_all_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536};

    (void) state;
    for (size_t i = 0; i < ag_array_size(sizes); i++) {
        struct ag_buf json = AG_BUF_INIT, pack = AG_BUF_INIT, back = AG_BUF_INIT;

        assert_int_equal(ag_buf_append_str(&json, "{\"id\":1,\"result\":[[\""), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(ag_buf_append_char(&json, 'x'), 0);
        assert_int_equal(ag_buf_append_str(&json, "\"],["), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(ag_buf_append_str(&json, k ? ",1" : "1"), 0);
        assert_int_equal(ag_buf_append_str(&json, "],{"), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(ag_buf_append_str(&json, k ? ",\"k\":{}" : "\"k\":{}"), 0);
        assert_int_equal(ag_buf_append_str(&json, "},\""), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(ag_buf_append_str(&json, "\\n"), 0);
        assert_int_equal(ag_buf_append_str(&json, "\"]}"), 0);
        assert_int_equal(from_json(ag_buf_cstr(&json), &pack), 0);
        assert_int_equal(ag_pack_to_json(ag_buf_span(&pack), &back), 0);
        assert_int_equal(ag_buf_size(&back), ag_buf_size(&json));
        assert_memory_equal(ag_buf_head(&back), ag_buf_head(&json), ag_buf_size(&json));
        ag_buf_deinit(&json);
        ag_buf_deinit(&pack);
        ag_buf_deinit(&back);
    }
}

static void depth_is_limited(void **state)
{
    (void) state;
    for (int depth = AG_PACK_VALUE_DEPTH; depth <= AG_PACK_VALUE_DEPTH + 1; depth++) {
        struct ag_buf json = AG_BUF_INIT, pack = AG_BUF_INIT, out = AG_BUF_INIT;
        int want = depth <= AG_PACK_VALUE_DEPTH ? 0 : AG_PACK_E_DEPTH;

        assert_int_equal(ag_buf_append_str(&json, "{\"id\":1,\"result\":"), 0);
        assert_int_equal(ag_buf_append_str(&pack, "\x94\x01\x01\xc0"), 0);
        for (int i = 0; i < depth; i++) {
            assert_int_equal(ag_buf_append_char(&json, '['), 0);
            assert_int_equal(ag_buf_append_char(&pack, i + 1 < depth ? '\x91' : '\x90'), 0);
        }
        for (int i = 0; i < depth; i++)
            assert_int_equal(ag_buf_append_char(&json, ']'), 0);
        assert_int_equal(ag_buf_append_char(&json, '}'), 0);
        assert_int_equal(from_json(ag_buf_cstr(&json), &out), want);
        ag_buf_clear(&out);
        assert_int_equal(ag_pack_to_json(ag_buf_span(&pack), &out), want);
        ag_buf_deinit(&json);
        ag_buf_deinit(&pack);
        ag_buf_deinit(&out);
    }
}

static void locale_changes_nothing(void **state)
{
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    size_t set = 0;

    for (size_t i = 0; i < ag_array_size(names); i++)
        if (setlocale(LC_NUMERIC, names[i])) {
            set++;
            both_ways(state);
            from_json_rows(state);
        }
    setlocale(LC_NUMERIC, "C");
    if (set == 0)
        skip(); /* no such locale on this machine */
}

/* The twin of the scanner's fuzz test: where a value ends does not depend on the pieces. */
static void scan_in_pieces(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(both); i++)
        for (size_t piece = 1; piece <= both[i].pack.len; piece++) {
            struct ag_pack_scan s;
            size_t at = 0, used;
            int r = 0;

            ag_pack_scan_init(&s, 128, 4096);
            while (r == 0 && at < both[i].pack.len) {
                size_t left = both[i].pack.len - at;

                r = ag_pack_scan(&s, both[i].pack.p + at, left < piece ? left : piece, &used);
                at += used;
            }
            assert_int_equal(r, -1);
            assert_int_equal(at, both[i].pack.len);
            assert_int_equal(s.off, at);
        }
}

static void convert_without_memory(void *user)
{
    struct ag_buf json = AG_BUF_INIT, pack = AG_BUF_INIT, back = AG_BUF_INIT;
    int r = from_json(user, &pack);

    if (r == 0)
        r = ag_pack_to_json(ag_buf_span(&pack), &back);
    assert_int_equal(r, alloc_fail_reached() ? -ENOMEM : 0);
    assert_true(r == 0 || ag_buf_size(&back) == 0);
    ag_buf_deinit(&json);
    ag_buf_deinit(&pack);
    ag_buf_deinit(&back);
}

static void memory_may_fail_anywhere(void **state)
{
    char text[1200] = "{\"id\":1,\"result\":[0.000000000000000000000000000000000000000000000000000000000000000000000000001,\"";
    size_t n = strlen(text);

    (void) state;
    for (int i = 0; i < 500; i++)
        n += (size_t) sprintf(text + n, "\\n");
    strcpy(text + n, "\",{\"a\":1}]}");
    alloc_fail_sweep(convert_without_memory, text);
}

static void every_error_has_a_text(void **state)
{
    static const int all[] = {AG_PACK_E_SYNTAX, AG_PACK_E_DEPTH, AG_PACK_E_SIZE, AG_PACK_E_SHAPE,  AG_PACK_E_ID,
                              AG_PACK_E_TYPE,   AG_PACK_E_KEY,   AG_PACK_E_UTF8, AG_PACK_E_NUMBER, -ENOMEM};

    (void) state;
    for (size_t i = 0; i < ag_array_size(all); i++)
        assert_string_not_equal(ag_pack_strerror(all[i]), "error");
    assert_string_equal(ag_pack_strerror(-EIO), "error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(to_json_rows),
        cmocka_unit_test(from_json_rows),
        cmocka_unit_test(answers_by_method_are_responses),
        cmocka_unit_test(heads_of_all_sizes),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(locale_changes_nothing),
        cmocka_unit_test(scan_in_pieces),
        cmocka_unit_test(memory_may_fail_anywhere),
        cmocka_unit_test(every_error_has_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
