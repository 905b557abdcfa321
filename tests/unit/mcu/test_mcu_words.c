/* SPDX-License-Identifier: MIT */
/* The small readers of the serial side: words of a line, values, identity, and walking JSON by spans. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include "agent/apps/mcu/core/identity.h"
#include "libagent/core/json/json_walk.h"
#include "agent/apps/mcu/core/wire/line.h"
#include "agent/apps/mcu/core/wire/line_value.h"
#include "agent/apps/mcu/core/net.h"
#include "agent/apps/mcu/core/wire/words.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void lines_are_words(void **state)
{
    static const struct {
        const char *line;
        int result;
        unsigned n, n_bad;
    } rows[] = {
        {"net", 0, 0, 0},
        {"  net  ", 0, 0, 0},
        {"a b c", 0, 2, 0},
        {"a  \"b c\"  d", 0, 2, 0},
        {"a \"\"", 0, 1, 0},
        {"a \"\\\"\"", 0, 1, 0},
        {"a \"\\ud83d\\ude00\"", 0, 1, 0},
        {"A", 1, 0, 0},
        {"a-b", 1, 0, 0},
        {"a \"", 1, 0, 0},
        {"a \"b\"c", 1, 0, 0},
        {"a b\"c\"", 1, 0, 0},
        {"a \"\\u12\"", 0, 1, 1},
        {"a \"\\ude00\"", 0, 1, 1},
        {"a \"\\", 1, 0, 0},
        {"a\t", 1, 0, 0},
        {"a \x7f", 1, 0, 0},
        {"a \xc3\xa9", 1, 0, 0},
        {"a \"\xc3\xa9\"", 0, 1, 0},
        {"a \"\xc0\x80\"", 0, 1, 1},
        {"a \"\xf4\x90\x80\x80\"", 0, 1, 1},
        {"a \"\xf0\x9f\x98\x80\"", 0, 1, 0},
        {"a \"b\x01c\"", 0, 1, 1},
        {"a \"\xff\" 1 \"x\"", 0, 3, 1},
        {"a \"\xff\\\"\" 1", 0, 2, 1},
        {"a \"\xff\"b", 1, 0, 0},
        {"a \"\\q\"", 0, 1, 1},
        {"a \"\xff", 1, 0, 0},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct mcu_words words;

        assert_int_equal(mcu_words_parse(span(rows[i].line), &words), rows[i].result);
        if (rows[i].result == 0)
            assert_int_equal(words.n, rows[i].n);
        if (rows[i].result == 0)
            assert_int_equal(words.n_bad, rows[i].n_bad);
    }
}

static struct mcu_word word(const char *s)
{
    return (struct mcu_word){span(s), *s == '"', false};
}

static void values_ids_codes(void **state)
{
    static const char *const values[] = {"0",    "-0",    "10",    "-1.50",           "1e9", "1E-9", "2.5e+3",
                                         "true", "false", "\"x\"", "9007199254740993"};
    static const char *const others[] = {"",    "-",   "01",  "1.",   ".5",   "+1", "1e",  "1e+",
                                         "0x1", "nan", "inf", "TRUE", "null", "1a", "--1", "1.2.3"};
    struct mcu_word w;
    uint32_t iid;
    int32_t code;

    (void) state;
    for (size_t i = 0; i < ag_array_size(values); i++) {
        w = word(values[i]);
        assert_true(mcu_word_is_value(&w));
    }
    for (size_t i = 0; i < ag_array_size(others); i++) {
        w = word(others[i]);
        assert_false(mcu_word_is_value(&w));
    }
    w = word("4294967295");
    assert_true(mcu_word_iid(&w, &iid) && iid == UINT32_MAX);
    w = word("007");
    assert_true(mcu_word_iid(&w, &iid) && iid == 7);
    w = word("4294967296");
    assert_false(mcu_word_iid(&w, &iid));
    w = word("-1");
    assert_false(mcu_word_iid(&w, &iid));
    w = word("-2147483648");
    assert_true(mcu_word_code(&w, &code) && code == INT32_MIN);
    w = word("2147483648");
    assert_false(mcu_word_code(&w, &code));
    w = word("99999999999999999999999999");
    assert_false(mcu_word_iid(&w, &iid) || mcu_word_code(&w, &code));
    w = word("-");
    assert_false(mcu_word_code(&w, &code));
}

static void strings_for_the_line(void **state)
{
    static const struct {
        const char *json, *line; /* NULL: refused */
    } rows[] = {
        {"\"a b\"", "\"a\\u0020b\""},
        {"\"\\u5ba2\"", "\"\xe5\xae\xa2\""},
        {"\"\\r\\n\\t\\b\\f\\u001f\\u007f\"", "\"\\r\\n\\t\\b\\f\\u001f\\u007f\""},
        {"\"\\\\ \\\" \\/\"", "\"\\\\\\u0020\\\"\\u0020/\""},
        {"\"\\u0000x\"", "\"\\u0000x\""},
        {"-1.50e+3", "-1.50e+3"},
        {"true", "true"},
        {"null", NULL},
        {"[1]", NULL},
        {"{}", NULL},
        {"\"\\ud800\"", NULL},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_buf out = AG_BUF_INIT;
        struct ag_span json = span(rows[i].json);
        int r = line_value_append(&out, ag_json_value_at(json.p, json.p + json.len));

        assert_int_equal(r, rows[i].line ? 0 : LINE_VALUE_E_TYPE);
        if (rows[i].line)
            assert_string_equal(ag_buf_cstr(&out), rows[i].line);
        ag_buf_deinit(&out);
    }
}

static void members_by_name(void **state)
{
    static const char text[] = "{ \"a\" : [ 1 , {\"b\":\"]\\\"}\"} ], \"si\\u0069d\":12 ,\"a\":2, \"e\":{} , \"n\":null}";
    struct ag_json_value object = ag_json_value_at(text, text + strlen(text)), v;

    (void) state;
    assert_int_equal(object.raw.len, strlen(text));
    assert_int_equal(ag_json_count(object), 5);
    v = ag_json_member(object, "a"); /* the first of two */
    assert_int_equal(v.type, AG_JSON_ARRAY);
    assert_int_equal(ag_json_count(v), 2);
    v = ag_json_member(object, "siid");
    assert_true(ag_span_eq(v.raw, "12"));
    assert_int_equal(ag_json_count(ag_json_member(object, "e")), 0);
    assert_int_equal(ag_json_member(object, "n").type, AG_JSON_NULL);
    assert_int_equal(ag_json_member(object, "x").type, AG_JSON_NONE);
}

static void identity_is_checked(void **state)
{
    char mac[13] = "untouched";

    (void) state;
    assert_false(mcu_mac_read("34:CE:00:89:2A", mac));
    assert_false(mcu_mac_read("34:CE:00:89:2A:B7:00", mac));
    assert_false(mcu_mac_read("3:4CE:00:89:2A:B7", mac));
    assert_false(mcu_mac_read("", mac));
    assert_string_equal(mac, "untouched");
    assert_true(mcu_mac_read("34:CE:00:89:2A:B7", mac));
    assert_string_equal(mac, "34ce00892ab7");
    assert_true(mcu_mac_read("34ce00892ab7", mac));
    assert_true(mcu_version_is_good("2.0.0") && !mcu_version_is_good("a b") && !mcu_version_is_good(""));
    assert_int_equal(mcu_net_of_status("cloud_connected", MCU_NET_OFFLINE), MCU_NET_CLOUD);
    assert_int_equal(mcu_net_of_status("ap_mode", MCU_NET_CLOUD), MCU_NET_UAP);
    assert_int_equal(mcu_net_of_status("something_new", MCU_NET_LOCAL), MCU_NET_LOCAL);
}

static void lines_end_and_time_out(void **state)
{
    struct ag_span line;
    struct mcu_line l;
    size_t used;

    (void) state;
    mcu_line_init(&l);
    assert_int_equal(mcu_line_feed(&l, "ab\ncd", 5, 10, &used, &line), MCU_LINE_READY);
    assert_true(used == 3 && ag_span_eq(line, "ab"));
    assert_int_equal(mcu_line_feed(&l, "cd", 2, 10, &used, &line), MCU_LINE_MORE);
    assert_false(mcu_line_expire(&l, 10 + MCU_LINE_SILENCE_MS - 1));
    assert_true(mcu_line_expire(&l, 10 + MCU_LINE_SILENCE_MS));
    assert_false(mcu_line_expire(&l, 99999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_words), cmocka_unit_test(values_ids_codes),    cmocka_unit_test(strings_for_the_line),
        cmocka_unit_test(members_by_name), cmocka_unit_test(identity_is_checked), cmocka_unit_test(lines_end_and_time_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
