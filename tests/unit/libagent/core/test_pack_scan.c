/* SPDX-License-Identifier: MIT */
/* Where MessagePack values end, whichever way they are cut. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>
#include <string.h>
#include "libagent/core/pack/pack_scan.h"
#include "libagent/core/util.h"

enum { MAX_DEPTH = 4, MAX_SIZE = 300, MORE = 0, WHOLE = -1 };

#define B(literal)                                                                                                               \
    {                                                                                                                            \
        (literal), sizeof(literal) - 1                                                                                           \
    }
#define X16  "0123456789abcdef"
#define X256 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16

static const struct {
    const char *name;
    struct ag_span in;
    int want;
    size_t used; /* when whole or refused: bytes up to there, the offending one included */
} rows[] = {
    {"positive fixint", B("\x7f"), WHOLE, 1},
    {"negative fixint", B("\xe0"), WHOLE, 1},
    {"nil", B("\xc0"), WHOLE, 1},
    {"never used", B("\xc1"), AG_PACK_E_SYNTAX, 1},
    {"false, true behind it is another", B("\xc2\xc3"), WHOLE, 1},
    {"bin 8",
     B("\xc4\x02"
       "ab"),
     WHOLE, 4},
    {"bin 8, empty",
     B("\xc4\x00"
       "x"),
     WHOLE, 2},
    {"bin 16",
     B("\xc5\x00\x02"
       "ab"),
     WHOLE, 5},
    {"bin 32",
     B("\xc6\x00\x00\x00\x02"
       "ab"),
     WHOLE, 7},
    {"ext 8",
     B("\xc7\x02\x05"
       "ab"),
     WHOLE, 5},
    {"ext 8, empty", B("\xc7\x00\x05"), WHOLE, 3},
    {"ext 16",
     B("\xc8\x00\x02\x05"
       "ab"),
     WHOLE, 6},
    {"ext 32",
     B("\xc9\x00\x00\x00\x02\x05"
       "ab"),
     WHOLE, 8},
    {"float 32",
     B("\xca"
       "1234"),
     WHOLE, 5},
    {"float 64",
     B("\xcb"
       "12345678"),
     WHOLE, 9},
    {"uint 8, payload like a head", B("\xcc\x93"), WHOLE, 2},
    {"uint 16",
     B("\xcd"
       "12"),
     WHOLE, 3},
    {"uint 32",
     B("\xce"
       "1234"),
     WHOLE, 5},
    {"uint 64",
     B("\xcf"
       "12345678"),
     WHOLE, 9},
    {"int 8",
     B("\xd0"
       "1"),
     WHOLE, 2},
    {"int 16",
     B("\xd1"
       "12"),
     WHOLE, 3},
    {"int 32",
     B("\xd2"
       "1234"),
     WHOLE, 5},
    {"int 64",
     B("\xd3"
       "12345678"),
     WHOLE, 9},
    {"fixext 1",
     B("\xd4\x05"
       "1"),
     WHOLE, 3},
    {"fixext 2",
     B("\xd5\x05"
       "12"),
     WHOLE, 4},
    {"fixext 4",
     B("\xd6\x05"
       "1234"),
     WHOLE, 6},
    {"fixext 8",
     B("\xd7\x05"
       "12345678"),
     WHOLE, 10},
    {"fixext 16", B("\xd8\x05" X16), WHOLE, 18},
    {"fixext 16, begun",
     B("\xd8\x05"
       "123"),
     MORE, 0},
    {"fixstr",
     B("\xa3"
       "abc"
       "d"),
     WHOLE, 4},
    {"fixstr, empty", B("\xa0"), WHOLE, 1},
    {"fixstr, begun",
     B("\xa3"
       "ab"),
     MORE, 0},
    {"str 8",
     B("\xd9\x03"
       "abc"),
     WHOLE, 5},
    {"str 16", B("\xda\x01\x00" X256), WHOLE, 259},
    {"str 32",
     B("\xdb\x00\x00\x00\x01"
       "a"),
     WHOLE, 6},
    {"length begun", B("\xdb\x00\x00\x00"), MORE, 0},
    {"largest length", B("\xda\x01\x2c"), MORE, 0},
    {"length past the limit", B("\xda\x01\x2d"), AG_PACK_E_SIZE, 3},
    {"length far past the limit", B("\xc6\xff\xff\xff\xff"), AG_PACK_E_SIZE, 5},
    {"empty array", B("\x90\x90"), WHOLE, 1},
    {"empty map", B("\x80"), WHOLE, 1},
    {"array",
     B("\x93\x01\xa1"
       "a"
       "\xc0\x01"),
     WHOLE, 5},
    {"array, begun",
     B("\x93\x01\xa1"
       "a"),
     MORE, 0},
    {"map counts keys and values", B("\x82\x01\x02\x03\x04\x05"), WHOLE, 5},
    {"map without its last value", B("\x82\x01\x02\x03"), MORE, 0},
    {"array 16", B("\xdc\x00\x02\x01\x02"), WHOLE, 5},
    {"array 32, empty", B("\xdd\x00\x00\x00\x00"), WHOLE, 5},
    {"map 16", B("\xde\x00\x01\x01\x02"), WHOLE, 5},
    {"map 32", B("\xdf\x00\x00\x00\x01\x01\x02"), WHOLE, 7},
    {"count past the limit", B("\xdd\xff\xff\xff\xff"), AG_PACK_E_SIZE, 5},
    {"map's count past the limit when doubled", B("\xde\x00\x97"), AG_PACK_E_SIZE, 3},
    {"nested ends all at once", B("\x91\x91\x91\x91\x01\x01"), WHOLE, 5},
    {"an empty one ends all at once", B("\x91\x91\x91\x91\xa0\x01"), WHOLE, 5},
    {"too deep", B("\x91\x91\x91\x91\x91\x01"), AG_PACK_E_DEPTH, 5},
    {"siblings are not depth", B("\x93\x91\x01\x91\x02\x91\x03"), WHOLE, 7},
    {"deep, then on in the outer one", B("\x92\x91\x91\x01\x02"), WHOLE, 5},
};

static void pieces_do_not_matter(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        for (size_t piece = 1; piece <= rows[i].in.len; piece++) {
            struct ag_pack_scan s;
            size_t at = 0, used;
            int r = MORE;

            ag_pack_scan_init(&s, MAX_DEPTH, MAX_SIZE);
            while (at < rows[i].in.len && r == MORE) {
                size_t k = rows[i].in.len - at < piece ? rows[i].in.len - at : piece;
                char *copy = malloc(k); /* just as long, so that a read beyond is found */

                assert_non_null(copy);
                memcpy(copy, rows[i].in.p + at, k);
                r = ag_pack_scan(&s, copy, k, &used);
                free(copy);
                assert_true(used <= k && (r != MORE || used == k));
                at += used;
            }
            if (r != rows[i].want || (r != MORE && at != rows[i].used) || s.off != at)
                fail_msg("%s, pieces of %zu: %d behind %zu", rows[i].name, piece, r, at);
        }
}

/* Of the 256 first bytes each begins a value, but for one. */
static void every_first_byte(void **state)
{
    char in[40] = {0};

    (void) state;
    for (int c = 0; c < 256; c++) {
        struct ag_pack_scan s;
        size_t used;
        int r;

        in[0] = (char) c;
        ag_pack_scan_init(&s, MAX_DEPTH, MAX_SIZE);
        r = ag_pack_scan(&s, in, sizeof in, &used);
        assert_int_equal(r, c == 0xc1 ? AG_PACK_E_SYNTAX : WHOLE); /* zeros are lengths, counts and integers */
    }
}

static void depth_is_kept_within_bounds(void **state)
{
    static char deep[AG_PACK_DEPTH_MAX + 1];
    struct ag_pack_scan s;
    size_t used;

    (void) state;
    memset(deep, 0x91, sizeof deep);
    ag_pack_scan_init(&s, 1000000, MAX_SIZE);
    assert_int_equal(ag_pack_scan(&s, deep, sizeof deep, &used), AG_PACK_E_DEPTH);
    assert_int_equal(used, AG_PACK_DEPTH_MAX + 1);
    ag_pack_scan_init(&s, 0, MAX_SIZE);
    assert_int_equal(ag_pack_scan(&s, "\x91\x01", 2, &used), WHOLE);
    ag_pack_scan_init(&s, 0, MAX_SIZE);
    assert_int_equal(ag_pack_scan(&s, "\x91\x91", 2, &used), AG_PACK_E_DEPTH);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(every_first_byte),
        cmocka_unit_test(depth_is_kept_within_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
