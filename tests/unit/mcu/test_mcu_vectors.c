/* SPDX-License-Identifier: MIT */
/*
 * The vectors of the serial protocol: what is said to the module, what it replies, and what goes up. '|' stands for
 * CR. Each row runs with whole lines, byte by byte, and with the other line ends that clients use.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include "tests/support/alloc_fail.h"
#include "tests/unit/mcu/mcu_world.h"

#define GET1 "{\"id\":7,\"method\":\"get_properties\",\"params\":[{\"did\":\"1234\",\"siid\":1,\"piid\":2}]}"
#define GET2                                                                                                                     \
    "{\"id\":7,\"method\":\"get_properties\",\"params\":[{\"did\":\"1234\",\"siid\":1,\"piid\":2},"                              \
    "{\"did\":\"1234\",\"siid\":1,\"piid\":3}]}"
#define ACT11            "{\"id\":9,\"method\":\"action\",\"params\":{\"did\":\"1234\",\"siid\":1,\"aiid\":1}}"
#define ITEM(piid, rest) "{\"did\":\"1234\",\"siid\":1,\"piid\":" #piid "," rest "}"
#define PROPS(items)     "{\"method\":\"properties_changed\",\"params\":[" items "]}\n"
#define EVENT(siid, eiid, args)                                                                                                  \
    "{\"method\":\"event_occured\",\"params\":{\"did\":\"1234\",\"siid\":" #siid ",\"eiid\":" #eiid ",\"arguments\":[" args      \
    "]}}\n"
#define INVALID(id) "{\"id\":" #id ",\"error\":{\"code\":-9998,\"message\":\"user ack invalid\"}}\n"
#define TIMEOUT(id) "{\"id\":" #id ",\"error\":{\"code\":-9999,\"message\":\"user ack timeout\"}}\n"
#define DOWN1       "down get_properties 1 2|"
#define DOWN2       "down get_properties 1 2 1 3|"

struct row {
    const char *name;
    const char *ask; /* a request before the lines, or NULL */
    const char *say;
    const char *reply;
    const char *up;
};

static const struct row rows[] = {
    {"1 nothing to do", NULL, "get_down|", "down none|", ""},
    {"2 model", NULL, "model|model xiaomi.prod.v2|model|", "error|ok|xiaomi.prod.v2|", ""},
    {"3 model too long", NULL, "model a.b.c|model company.product_name_that_is_too_long.v2|model|", "ok|error|a.b.c|", ""},
    {"4 model of other than three parts", NULL, "model plug|model a..c|model a.b.c.d|model .b.c|model a.b.|",
     "error|error|error|error|error|", ""},
    {"5 model of 23 and 24", NULL, "model abcdefgh.ijklmnopqrst.v|model abcdefgh.ijklmnopqrstu.v|", "ok|error|", ""},
    {"5b model with other characters", NULL, "model a.b.c d|model \"a.b.c\"|model a/b.c.d|", "error|error|error|", ""},
    {"6 mcu_version", NULL, "mcu_version 0001|mcu_version A001|mcu_version 1|mcu_version 00001|mcu_version|",
     "ok|error|error|error|error|", ""},
    {"7 ble_config", NULL, "ble_config set 156 0001|ble_config dump|",
     "ok|[\"product id\":156,\"version\":" MIIO_VERSION "_0001]|", ""},
    {"8 ble_config refused", NULL, "ble_config set 65536 0001|ble_config set 156|ble_config|ble_config dump x|",
     "error|error|error|error|", ""},
    {"9 properties_changed", NULL, "properties_changed 1 1 17 1 2  \"hi\"|", "ok|",
     PROPS(ITEM(1, "\"value\":17") "," ITEM(2, "\"value\":\"hi\""))},
    {"10 properties_changed without value", NULL, "properties_changed 1 1|properties_changed|", "error|error|", ""},
    {"11 unquoted text", NULL, "properties_changed 1 1 hello|", "error|", ""},
    {"12 broken strings", NULL,
     "properties_changed 1 1 \"hello|properties_changed 1 1 \"hi\"x|properties_changed 1 1 \"a\\q\"|"
     "properties_changed 1 1 \"\\u12g4\"|properties_changed 1 1 \"\\ud800\"|",
     "error|error|error|error|error|", ""},
    {"13 one bad value spoils the line", NULL, "properties_changed 4 1 1 4 2 oops|", "error|", ""},
    {"14 spaces, digits kept", NULL, "  properties_changed   2 3   25.500000   |", "ok|",
     PROPS("{\"did\":\"1234\",\"siid\":2,\"piid\":3,\"value\":25.500000}")},
    {"15 not values", NULL,
     "properties_changed 1 1 nan|properties_changed 1 1 -|properties_changed 1 1 1.2.3|"
     "properties_changed 1 1 TRUE|properties_changed 1 1 {}|properties_changed 1 1 null|properties_changed 1 1 007|"
     "properties_changed 1 1 1.|properties_changed 1 1 .5|properties_changed 1 1 +1|",
     "error|error|error|error|error|error|error|error|error|error|", ""},
    {"16 events", NULL, "event_occured 1 1 1 17 2  \"hi\"|event_occured 1 1|", "ok|ok|",
     EVENT(1, 1, "{\"piid\":1,\"value\":17},{\"piid\":2,\"value\":\"hi\"}") EVENT(1, 1, "")},
    {"17 events refused", NULL, "event_occured 1|event_occured 1 1 1|event_occured|event_occured 1 1 x 1|",
     "error|error|error|error|", ""},
    {"18 result without request", NULL, "result 1 1 0|result|", "error|error|", ""},
    {"19 error without request", NULL, "error \"stuck\" -5001|", "ok|", ""},
    {"20 error refused", NULL, "error stuck -5001|error \"x\" -4999|error \"x\" -10000|error \"x\"|error \"x\" -5001 1|",
     "error|error|error|error|error|", ""},
    {"20b error at the bounds", NULL, "error \"x\" -5000|error \"x\" -9999|", "ok|ok|", ""},
    {"21 not commands", NULL, "GET_DOWN|get_downx|foo|\"net\"|get_dow|", "error|error|error|error|error|", ""},
    {"22 CR LF and CR CR LF", NULL, "get_down|\nget_down||\n", "down none|down none|", ""},
    {"23 blank lines", NULL, "|   |\n\n", "", ""},
    {"24 pipelined", NULL, "get_down|foo|get_down|", "down none|error|down none|", ""},
    {"30 not UTF-8", NULL,
     "properties_changed 1 1 \"\xff\xfe\"|properties_changed 1 1 \"\xed\xa0\x80\"|properties_changed 1 1 \"\xc3|"
     "properties_changed 1 1 \xc3\xa9|properties_changed 1 1 \"\x7f\"|properties_changed 1 1 \"a\tb\"|",
     "error|error|error|error|error|error|", ""},
    {"30c a bad string costs itself only", NULL,
     "properties_changed 1 1 17 1 3 \"n\xff\" 1 2 \"hi\"|properties_changed 1 3 \"\\ud800\" 1 3 \"\x01\"|", "ok|error|",
     PROPS(ITEM(1, "\"value\":17") "," ITEM(2, "\"value\":\"hi\""))},
    {"30d a bad string and another fault", NULL, "properties_changed 1 1 17 1 3 \"n\xff\" 1 2 oops|", "error|", ""},
    {"30e an event with a bad string", NULL, "event_occured 1 1 1 \"\xff\" 2 17|event_occured 1 1 1 \"\xff\"|", "ok|error|",
     EVENT(1, 1, "{\"piid\":2,\"value\":17}")},
    {"30f a result with a bad string", GET2, "get_down|result 1 3 0 \"\xff\" 1 2 0 5|", DOWN2 "ok|",
     "{\"id\":7,\"result\":[" ITEM(2, "\"code\":0,\"value\":5") "," ITEM(3, "\"code\":-4004") "]}\n"},
    {"30g an action's output with a bad string", ACT11, "get_down|result 1 1 0 1 \"\xff\" 2 5|", "down action 1 1|ok|",
     "{\"id\":9,\"result\":{\"did\":\"1234\",\"siid\":1,\"aiid\":1,\"code\":0,\"out\":[{\"piid\":2,\"value\":5}]}}\n"},
    {"30h an error with a bad message leaves it open", GET1, "get_down|error \"\xff\" -5003|result 1 2 0 1|", DOWN1 "error|ok|",
     "{\"id\":7,\"result\":[" ITEM(2, "\"code\":0,\"value\":1") "]}\n"},
    {"30b typographic quotes are none", NULL,
     "properties_changed 1 5 \xe2\x80\x9c"
     "12\xe2\x80\x9d|",
     "error|", ""},
    {"31 one at a time", GET1, "get_down|get_down|result 1 2 0 1|", DOWN1 "error|ok|",
     "{\"id\":7,\"result\":[" ITEM(2, "\"code\":0,\"value\":1") "]}\n"},
    {"32 matched by ids", GET2, "get_down|result 1 3 0 2 1 2 0 1|", DOWN2 "ok|",
     "{\"id\":7,\"result\":[" ITEM(2, "\"code\":0,\"value\":1") "," ITEM(3, "\"code\":0,\"value\":2") "]}\n"},
    {"33 one is missing", GET2, "get_down|result 1 2 0 5|", DOWN2 "ok|",
     "{\"id\":7,\"result\":[" ITEM(2, "\"code\":0,\"value\":5") "," ITEM(3, "\"code\":-4004") "]}\n"},
    {"34 bare result to an action", ACT11, "get_down|result |", "down action 1 1|error|", INVALID(9)},
    {"34b two spaces", ACT11, "get_down|result  |get_down|", "down action 1 1|error|down none|", INVALID(9)},
    {"35 other action", ACT11, "get_down|result 1 2 0|", "down action 1 1|error|", INVALID(9)},
    {"35b output without value", ACT11, "get_down|result 1 1 0 3|", "down action 1 1|error|", INVALID(9)},
    {"37 a CR in a value",
     "{\"id\":8,\"method\":\"set_properties\",\"params\":[{\"siid\":1,\"piid\":1,\"value\":\"x\\rresult 1 1 0\\rget_down\"}]}",
     "get_down|", "down set_properties 1 1 \"x\\rresult\\u00201\\u00201\\u00200\\rget_down\"|", ""},
    {"39 digits unchanged",
     "{\"id\":8,\"method\":\"set_properties\",\"params\":[{\"siid\":1,\"piid\":1,\"value\":4294967295},"
     "{\"siid\":1,\"piid\":2,\"value\":9007199254740993},{\"siid\":1,\"piid\":3,\"value\":-0.125}]}",
     "get_down|result 1 1 0 1 2 0 1 3 0|", "down set_properties 1 1 4294967295 1 2 9007199254740993 1 3 -0.125|ok|",
     "{\"id\":8,\"result\":[{\"siid\":1,\"piid\":1,\"code\":0},{\"siid\":1,\"piid\":2,\"code\":0},"
     "{\"siid\":1,\"piid\":3,\"code\":0}]}\n"},
    {"40 escaped character", "{\"id\":7,\"method\":\"get_properties\",\"params\":[{\"siid\":3,\"piid\":1}]}",
     "get_down|result 3 1 0 \"\\u5ba2\"|", "down get_properties 3 1|ok|",
     "{\"id\":7,\"result\":[{\"siid\":3,\"piid\":1,\"code\":0,\"value\":\"\\u5ba2\"}]}\n"},
    {"get with codes", GET2, "get_down|result 1 2 -4001 1 3 0 \"x\" 1 4 -4003|", DOWN2 "ok|",
     "{\"id\":7,\"result\":[" ITEM(2, "\"code\":-4001") "," ITEM(3, "\"code\":0,\"value\":\"x\"") "]}\n"},
    {"get: code 0 without value", GET1, "get_down|result 1 2 0|", DOWN1 "error|", INVALID(7)},
    {"get: leftovers", GET1, "get_down|result 1 2 0 5 1|", DOWN1 "error|", INVALID(7)},
    {"get: a result that is no line", GET1, "get_down|result 1 2 0 \"open|get_down|", DOWN1 "error|down none|", INVALID(7)},
    {"get: the MCU's error", GET1, "get_down|error \"memory error\" -5003|", DOWN1 "ok|",
     "{\"id\":7,\"error\":{\"code\":-5003,\"message\":\"memory error\"}}\n"},
    {"get: malformed error leaves it open", GET1, "get_down|error memory -5003|result 1 2 0 true|", DOWN1 "error|ok|",
     "{\"id\":7,\"result\":[" ITEM(2, "\"code\":0,\"value\":true") "]}\n"},
    {"get: other commands in between", GET1, "get_down|net|time posix|result 1 2 0 -1e3|", DOWN1 "offline|1433408287|ok|",
     "{\"id\":7,\"result\":[" ITEM(2, "\"code\":0,\"value\":-1e3") "]}\n"},
    {"get: the second result is late", GET1, "get_down|result 1 2 0 1|result 1 2 0 1|", DOWN1 "ok|error|",
     "{\"id\":7,\"result\":[" ITEM(2, "\"code\":0,\"value\":1") "]}\n"},
    {"set",
     "{\"id\":8,\"method\":\"set_properties\",\"params\":[{\"did\":\"1234\",\"siid\":1,\"piid\":1,\"value\":10},"
     "{\"did\":\"1234\",\"siid\":1,\"piid\":88,\"value\":\"living room\"}]}",
     "get_down|result 1 1 0 1 88 -4003|", "down set_properties 1 1 10 1 88 \"living\\u0020room\"|ok|",
     "{\"id\":8,\"result\":[" ITEM(1, "\"code\":0") "," ITEM(88, "\"code\":-4003") "]}\n"},
    {"action",
     "{\"id\":9,\"method\":\"action\",\"params\":{\"did\":\"1234\",\"siid\":2,\"aiid\":4,\"in\":["
     "{\"piid\":1,\"value\":\"a \\\"b\\\" \xc3\xa9\"},{\"piid\":2,\"value\":-1.50}]}}",
     "get_down|result 2 4 0 5 \"x y\" 6 25.500000|", "down action 2 4 1 \"a\\u0020\\\"b\\\"\\u0020\xc3\xa9\" 2 -1.50|ok|",
     "{\"id\":9,\"result\":{\"did\":\"1234\",\"siid\":2,\"aiid\":4,\"code\":0,\"out\":[{\"piid\":5,\"value\":\"x y\"},"
     "{\"piid\":6,\"value\":25.500000}]}}\n"},
    {"action without outputs", ACT11, "get_down|result 1 1 0|", "down action 1 1|ok|",
     "{\"id\":9,\"result\":{\"did\":\"1234\",\"siid\":1,\"aiid\":1,\"code\":0,\"out\":[]}}\n"},
    {"action refused", ACT11, "get_down|result 1 1 -4006|", "down action 1 1|ok|",
     "{\"id\":9,\"result\":{\"did\":\"1234\",\"siid\":1,\"aiid\":1,\"code\":-4006}}\n"},
    {"escapes down",
     "{\"id\":8,\"method\":\"set_properties\",\"params\":[{\"siid\":1,\"piid\":1,"
     "\"value\":\"\\u5ba2\\/\\u0001\\u007f\\\\\\ud83d\\ude00\"}]}",
     "get_down|", "down set_properties 1 1 \"\xe5\xae\xa2/\\u0001\\u007f\\\\\xf0\x9f\x98\x80\"|", ""},
    {"unknown method", "{\"id\":3,\"method\":\"set_power\",\"params\":[]}", "get_down|", "down none|",
     "{\"id\":3,\"error\":{\"code\":-32601,\"message\":\"Method not found.\"}}\n"},
    {"empty get", "{\"id\":3,\"method\":\"get_properties\",\"params\":[]}", "get_down|", "down none|",
     "{\"id\":3,\"result\":[]}\n"},
    {"time", NULL, "time|time posix|time x|", "2015-06-04 16:58:07|1433408287|error|", ""},
    {"control", NULL, "reboot 1|reboot|restore|factory|version|mac|", "error|ok|ok|ok|" MIIO_VERSION "|error|", ""},
};

enum line_end { CR, CR_LF, LF, CR_CR_LF, N_ENDS };

static void say_with_end(struct world *w, const char *lines, enum line_end end)
{
    static const char *const ends[] = {"\r", "\r\n", "\n", "\r\r\n"};

    for (const char *p = lines; *p;) {
        size_t n = strcspn(p, "|");

        world_feed(w, p, n);
        p += n;
        if (*p == '|') {
            world_feed(w, ends[end], strlen(ends[end]));
            p++;
        }
    }
}

static void run_row(const struct row *row, enum line_end end, bool bytewise)
{
    struct world w;
    const char *up;

    world_init(&w, false);
    w.bytewise = bytewise;
    if (row->ask)
        assert_int_equal(world_ask(&w, row->ask), 0);
    say_with_end(&w, row->say, end);
    up = world_up(&w);
    if (strcmp(up, row->up) != 0)
        print_message("row \"%s\"\n", row->name);
    assert_string_equal(up, row->up);
    up = world_said(&w);
    if (strcmp(up, row->reply) != 0)
        print_message("row \"%s\"\n", row->name);
    assert_string_equal(up, row->reply);
    world_deinit(&w);
}

static void vectors_hold(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        for (int end = CR; end < N_ENDS; end++)
            for (int bytewise = 0; bytewise < 2; bytewise++)
                run_row(&rows[i], (enum line_end) end, bytewise);
}

static void echo_is_written_back(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    world_say(&w, "echo off|echo|echo on|net|echo off|net|");
    assert_string_equal(world_said(&w), "ok|error|ok|net|offline|echo off|ok|offline|");
    world_deinit(&w);
}

/* Says a command followed by as many bytes or parameters as it takes. */
static void say_string_of(struct world *w, const char *head, size_t total)
{
    char line[1200];
    size_t n = strlen(head);

    memcpy(line, head, n);
    memset(line + n, 'x', total - n - 1);
    line[total - 1] = '"';
    line[total] = '\r';
    world_feed(w, line, total + 1);
}

static void lines_of_513_bytes_are_refused(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    say_string_of(&w, "properties_changed 1 1 \"", 513);
    assert_string_equal(world_said(&w), "error|");
    assert_string_equal(world_up(&w), "");
    say_string_of(&w, "properties_changed 1 1 \"", 512);
    say_string_of(&w, "properties_changed 1 2 \"", 1100);
    world_say(&w, "get_down|");
    assert_string_equal(world_said(&w), "ok|error|down none|");
    world_deinit(&w);
}

static void a_string_of_510_goes_up_whole(void **state)
{
    static const char head[] =
        "{\"method\":\"properties_changed\",\"params\":[{\"did\":\"1234\",\"siid\":1,\"piid\":1,\"value\":\"";
    struct world w;
    const char *up;

    (void) state;
    world_init(&w, false);
    say_string_of(&w, "properties_changed 1 1 \"", 510);
    assert_string_equal(world_said(&w), "ok|");
    up = world_up(&w);
    assert_int_equal(strlen(up), strlen(head) + 510 - 25 + strlen("\"}]}\n"));
    assert_memory_equal(up, head, strlen(head));
    world_deinit(&w);
}

static void say_params(struct world *w, const char *command, unsigned n)
{
    world_say(w, command);
    for (unsigned i = 0; i < n; i++)
        world_say(w, " 1");
    world_say(w, "|");
}

static void parameters_are_limited_to_64(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    say_params(&w, "properties_changed", 63);
    say_params(&w, "properties_changed", 66);
    say_params(&w, "event_occured", 64);
    say_params(&w, "event_occured", 65);
    say_params(&w, "get_down", 65);
    assert_string_equal(world_said(&w), "ok|error|ok|error|error|");
    world_deinit(&w);
}

static void a_nul_spoils_its_line_only(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    world_feed(&w, "get_\0down\r", 10);
    world_say(&w, "get_down|");
    assert_string_equal(world_said(&w), "error|down none|");
    world_deinit(&w);
}

static void silence_drops_a_partial_line(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    world_say(&w, "get_");
    world_wait(&w, 999);
    world_say(&w, "down|prop");
    world_wait(&w, 1000);
    world_say(&w, "get_down|");
    world_say(&w, "echo on|get_");
    world_wait(&w, 30000);
    world_say(&w, "down|");
    assert_string_equal(world_said(&w), "down none|down none|ok|get_down|down none|");
    world_deinit(&w);
}

static void silence_times_out_the_request(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    world_ask(&w, GET1);
    world_say(&w, "get_down|");
    assert_int_equal(mcu_bridge_due_ms(&w.bridge), w.clock.now_ms + MCU_COMMAND_TIMEOUT_MS);
    world_wait(&w, MCU_COMMAND_TIMEOUT_MS - 1);
    assert_string_equal(world_up(&w), "");
    world_wait(&w, 1);
    assert_string_equal(world_up(&w), TIMEOUT(7));
    world_say(&w, "result 1 2 0 1|get_down|");
    assert_string_equal(world_said(&w), DOWN1 "error|down none|");
    assert_string_equal(world_up(&w), "");
    world_ask(&w, GET2);
    world_wait(&w, MCU_COMMAND_TIMEOUT_MS);
    world_say(&w, "get_down|");
    assert_string_equal(world_up(&w), TIMEOUT(7));
    assert_string_equal(world_said(&w), "down none|");
    world_ask(&w, GET1);
    w.clock.now_ms += MCU_COMMAND_TIMEOUT_MS; /* the process slept: the line is heard before any timer */
    world_say(&w, "get_down|");
    assert_string_equal(world_said(&w), "down none|");
    assert_string_equal(world_up(&w), TIMEOUT(7));
    world_deinit(&w);
}

static void ask_get_of(struct world *w, unsigned from, unsigned n)
{
    struct ag_buf b = AG_BUF_INIT;

    ag_buf_append_str(&b, "{\"id\":5,\"method\":\"get_properties\",\"params\":[");
    for (unsigned i = from; i < from + n; i++)
        ag_buf_printf(&b, "%s{\"siid\":2,\"piid\":%u}", i > from ? "," : "", i);
    ag_buf_append_str(&b, "]}");
    assert_int_equal(world_ask(w, ag_buf_cstr(&b)), 0);
    ag_buf_deinit(&b);
}

static void answer_get_of(struct world *w, unsigned from, unsigned n)
{
    struct ag_buf b = AG_BUF_INIT;

    ag_buf_append_str(&b, "result");
    for (unsigned i = from; i < from + n; i++)
        ag_buf_printf(&b, " 2 %u 0 %u", i, i * 10);
    ag_buf_append_str(&b, "|");
    world_say(w, ag_buf_cstr(&b));
    ag_buf_deinit(&b);
}

static void long_gets_are_split_and_merged(void **state)
{
    struct ag_buf want = AG_BUF_INIT;
    struct world w;

    (void) state;
    world_init(&w, false);
    ask_get_of(&w, 1, 20);
    world_ask(&w, GET1);
    world_say(&w, "get_down|");
    assert_string_equal(world_said(&w), "down get_properties 2 1 2 2 2 3 2 4 2 5 2 6 2 7 2 8 2 9 2 10 2 11 2 12 2 13 "
                                        "2 14 2 15 2 16|");
    answer_get_of(&w, 1, 16);
    assert_string_equal(world_up(&w), "");
    world_say(&w, "get_down|");
    answer_get_of(&w, 17, 4);
    assert_string_equal(world_said(&w), "ok|down get_properties 2 17 2 18 2 19 2 20|ok|");
    ag_buf_append_str(&want, "{\"id\":5,\"result\":[");
    for (unsigned i = 1; i <= 20; i++)
        ag_buf_printf(&want, "%s{\"siid\":2,\"piid\":%u,\"code\":0,\"value\":%u}", i > 1 ? "," : "", i, i * 10);
    ag_buf_append_str(&want, "]}\n");
    assert_string_equal(world_up(&w), ag_buf_cstr(&want));
    world_say(&w, "get_down|");
    assert_string_equal(world_said(&w), DOWN1);
    ag_buf_deinit(&want);
    world_deinit(&w);
}

static void long_sets_stay_within_a_line(void **state)
{
    struct ag_buf b = AG_BUF_INIT;
    struct world w;
    const char *said;
    char value[201];

    (void) state;
    memset(value, 'v', 200);
    value[200] = '\0';
    world_init(&w, false);
    ag_buf_append_str(&b, "{\"id\":5,\"method\":\"set_properties\",\"params\":[");
    for (unsigned i = 1; i <= 3; i++)
        ag_buf_printf(&b, "%s{\"siid\":2,\"piid\":%u,\"value\":\"%s\"}", i > 1 ? "," : "", i, value);
    ag_buf_append_str(&b, "]}");
    world_ask(&w, ag_buf_cstr(&b));
    world_say(&w, "get_down|");
    said = world_said(&w);
    assert_int_equal(strlen(said), strlen("down set_properties") + 2 * (strlen(" 2 1 ") + 202) + 1);
    world_say(&w, "result 2 1 0 2 2 1|get_down|result 2 3 -4005|");
    assert_non_null(strstr(world_said(&w), "down set_properties 2 3 \"vvv"));
    assert_string_equal(world_up(&w), "{\"id\":5,\"result\":[{\"siid\":2,\"piid\":1,\"code\":0},"
                                      "{\"siid\":2,\"piid\":2,\"code\":1},{\"siid\":2,\"piid\":3,\"code\":-4005}]}\n");
    ag_buf_deinit(&b);
    world_deinit(&w);
}

static void bad_requests_never_reach_the_line(void **state)
{
    static const char *const params[] = {"{}",
                                         "null",
                                         "\"x\"",
                                         "[1]",
                                         "[{\"piid\":1}]",
                                         "[{\"siid\":1}]",
                                         "[{\"siid\":\"1\",\"piid\":1}]",
                                         "[{\"siid\":1.5,\"piid\":1}]",
                                         "[{\"siid\":-1,\"piid\":1}]",
                                         "[{\"siid\":4294967296,\"piid\":1}]",
                                         "[{\"siid\":1,\"piid\":1,\"did\":{}}]"};
    static const char *const values[] = {"null", "[]", "{}", "\"\\ud800\""};
    static const char *const actions[] = {"[]",
                                          "{}",
                                          "{\"siid\":1}",
                                          "{\"siid\":1,\"aiid\":1,\"in\":{}}",
                                          "{\"siid\":1,\"aiid\":1,\"in\":[1]}",
                                          "{\"siid\":1,\"aiid\":1,\"in\":[{\"value\":1}]}",
                                          "{\"siid\":1,\"aiid\":1,\"in\":[{\"piid\":1}]}"};
    static const char refused[] = "{\"id\":1,\"error\":{\"code\":-32602,\"message\":\"Invalid params.\"}}\n";
    struct world w;
    char text[400];

    (void) state;
    world_init(&w, false);
    for (size_t i = 0; i < ag_array_size(params); i++) {
        snprintf(text, sizeof text, "{\"id\":1,\"method\":\"get_properties\",\"params\":%s}", params[i]);
        world_ask(&w, text);
        assert_string_equal(world_up(&w), refused);
    }
    for (size_t i = 0; i < ag_array_size(values); i++) {
        snprintf(text, sizeof text, "{\"id\":1,\"method\":\"set_properties\",\"params\":[{\"siid\":1,\"piid\":1,\"value\":%s}]}",
                 values[i]);
        world_ask(&w, text);
        assert_string_equal(world_up(&w), refused);
    }
    for (size_t i = 0; i < ag_array_size(actions); i++) {
        snprintf(text, sizeof text, "{\"id\":1,\"method\":\"action\",\"params\":%s}", actions[i]);
        world_ask(&w, text);
        assert_string_equal(world_up(&w), refused);
    }
    world_say(&w, "get_down|");
    assert_string_equal(world_said(&w), "down none|");
    world_deinit(&w);
}

static void the_seventeenth_waiting_request_is_refused(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    world_ask(&w, GET1);
    world_say(&w, "get_down|");
    for (int i = 0; i < MCU_QUEUE_MAX; i++)
        world_ask(&w, ACT11);
    assert_string_equal(world_up(&w), "");
    world_ask(&w, GET2);
    assert_string_equal(world_up(&w), "{\"id\":7,\"error\":{\"code\":-10000,\"message\":\"queue full\"}}\n");
    world_deinit(&w);
}

static void start_announces_net_then_asks_the_version(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, true);
    world_ask(&w, GET1);
    world_say(&w, "get_down|get_down|get_down|result 1 2 0 1|get_down|get_down|");
    assert_string_equal(world_said(&w),
                        "down MIIO_net_change offline|down none|" DOWN1 "ok|down MIIO_mcu_version_req|down none|");
    mcu_bridge_set_net(&w.bridge, MCU_NET_CLOUD);
    world_say(&w, "net|get_down|get_down|mcu_version 0001|get_down|");
    assert_string_equal(world_said(&w), "cloud|down MIIO_net_change cloud|down none|ok|down none|");
    world_deinit(&w);
}

/* The rule of the start: the network state, none, and only then requests; the version is asked for. */
static void expect_start(struct world *w, const char *net)
{
    char want[128];

    world_said(w);
    world_ask(w, GET1);
    world_say(w, "get_down|get_down|get_down|result 1 2 0 1|get_down|mcu_version 0001|get_down|");
    snprintf(want, sizeof want, "down MIIO_net_change %s|down none|" DOWN1 "ok|down MIIO_mcu_version_req|ok|down none|", net);
    assert_string_equal(world_said(w), want);
}

static void every_start_of_the_mcu_is_one(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, true);
    mcu_bridge_set_net(&w.bridge, MCU_NET_CLOUD);
    expect_start(&w, "cloud");
    mcu_bridge_line(&w.bridge, false); /* unplugged, and back */
    mcu_bridge_line(&w.bridge, true);
    expect_start(&w, "cloud");
    mcu_bridge_restart(&w.bridge);
    expect_start(&w, "cloud");
    world_ask(&w, GET1);
    world_say(&w, "mcu_version 0002|get_down|get_down|get_down|result 1 2 0 1|get_down|"); /* it has told it before */
    assert_string_equal(world_said(&w), "ok|down MIIO_net_change cloud|down none|" DOWN1 "ok|down none|");
    world_deinit(&w);
}

static void half_a_line_does_not_outlive_the_port(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    world_feed(&w, "ne", 2);
    mcu_bridge_line(&w.bridge, false);
    mcu_bridge_line(&w.bridge, true);
    world_say(&w, "t|net|");
    assert_string_equal(world_said(&w), "error|offline|");
    world_deinit(&w);
}

static void an_update_of_the_device_is_told(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    mcu_bridge_set_net(&w.bridge, MCU_NET_CLOUD);
    world_say(&w, "get_down|");
    mcu_bridge_set_updating(&w.bridge, true);
    world_say(&w, "net|get_down|get_down|");
    mcu_bridge_set_updating(&w.bridge, false);
    world_say(&w, "net|get_down|get_down|");
    assert_string_equal(world_said(&w), "down MIIO_net_change cloud|updating|down MIIO_net_change updating|down none|"
                                        "cloud|down MIIO_net_change cloud|down none|");
    world_deinit(&w);
}

static void losing_the_agent_forgets_requests(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, false);
    mcu_bridge_set_net(&w.bridge, MCU_NET_CLOUD);
    world_say(&w, "get_down|get_down|");
    world_ask(&w, GET1);
    world_say(&w, "get_down|properties_changed 1 1 5|");
    mcu_bridge_agent_up(&w.bridge, false);
    world_say(&w, "net|result 1 2 0 1|get_down|get_down|");
    assert_string_equal(world_said(&w),
                        "down MIIO_net_change cloud|down none|" DOWN1 "ok|offline|error|down MIIO_net_change offline|down none|");
    assert_non_null(strstr(world_up(&w), "\"code\":-10000"));
    mcu_bridge_agent_up(&w.bridge, true);
    assert_string_equal(world_up(&w), PROPS(ITEM(1, "\"value\":5")));
    world_deinit(&w);
}

static void reboot_starts_over(void **state)
{
    struct world w;

    (void) state;
    world_init(&w, true);
    world_say(&w, "echo on|model a.b.c|reboot|model|get_down|");
    assert_string_equal(world_said(&w), "ok|model a.b.c|ok|reboot|ok|error|down MIIO_net_change offline|");
    assert_int_equal(mcu_bridge_take_hooks(&w.bridge), MCU_HOOK_REBOOT);
    assert_int_equal(mcu_bridge_take_hooks(&w.bridge), 0);
    world_deinit(&w);
}

static void help_names_every_command(void **state)
{
    static const char *const names[] = {"get_down",      "result", "error",   "properties_changed",
                                        "event_occured", "model",  "mac",     "ble_config",
                                        "mcu_version",   "net",    "time",    "version",
                                        "echo",          "reboot", "restore", "factory",
                                        "help"};
    struct world w;
    const char *said;

    (void) state;
    world_init(&w, false);
    for (int i = 0; i < 20; i++) /* more than the output store holds at once */
        world_feed(&w, "help\r", 5);
    said = world_said(&w);
    for (size_t i = 0; i < ag_array_size(names); i++)
        assert_non_null(strstr(said, names[i]));
    world_deinit(&w);
}

/* ---- memory ---- */

static void play(void *user)
{
    struct world w;

    (void) user;
    world_init(&w, true);
    world_say(&w, "get_down|get_down|");
    world_ask(&w, GET2);
    world_ask(&w, "{\"id\":8,\"method\":\"set_properties\",\"params\":[{\"siid\":1,\"piid\":1,\"value\":\"a b\"}]}");
    world_say(&w, "get_down|result 1 3 0 2 1 2 0 \"x y\"|properties_changed 1 1 \"a\" 1 2 2|event_occured 1 1 1 2|");
    world_say(&w, "get_down|result 1 1 0|properties_changed 1 1 3|get_down|");
    world_collect(&w);
    world_wait(&w, 5000);
    world_collect(&w);
    assert_null(w.bridge.out);
    assert_int_equal(w.bridge.n_queued, 0);
    world_say(&w, "get_down|get_down|get_down|");
    world_deinit(&w);
}

static void no_allocation_is_fatal(void **state)
{
    (void) state;
    alloc_fail_sweep(play, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_hold),
        cmocka_unit_test(echo_is_written_back),
        cmocka_unit_test(lines_of_513_bytes_are_refused),
        cmocka_unit_test(a_string_of_510_goes_up_whole),
        cmocka_unit_test(parameters_are_limited_to_64),
        cmocka_unit_test(a_nul_spoils_its_line_only),
        cmocka_unit_test(silence_drops_a_partial_line),
        cmocka_unit_test(silence_times_out_the_request),
        cmocka_unit_test(long_gets_are_split_and_merged),
        cmocka_unit_test(long_sets_stay_within_a_line),
        cmocka_unit_test(bad_requests_never_reach_the_line),
        cmocka_unit_test(the_seventeenth_waiting_request_is_refused),
        cmocka_unit_test(start_announces_net_then_asks_the_version),
        cmocka_unit_test(every_start_of_the_mcu_is_one),
        cmocka_unit_test(half_a_line_does_not_outlive_the_port),
        cmocka_unit_test(an_update_of_the_device_is_told),
        cmocka_unit_test(losing_the_agent_forgets_requests),
        cmocka_unit_test(reboot_starts_over),
        cmocka_unit_test(help_names_every_command),
        cmocka_unit_test(no_allocation_is_fatal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
