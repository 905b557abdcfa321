/* SPDX-License-Identifier: MIT */
/* Gizwits frames: the vectors, every command both ways, every limit, every way to be malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/gizwits/core/gizwits_frame.h"
#include "tests/support/alloc_fail.h"

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;

    for (; *hex; hex += 2) {
        unsigned byte;

        sscanf(hex, "%2x", &byte);
        out[n++] = (uint8_t) byte;
    }
    return n;
}

#define A GIZWITS_FORM_A
#define B GIZWITS_FORM_B

static const struct {
    const char *name;
    enum gizwits_form form;
    const char *hex;
    int verdict;
    struct gizwits_frame f; /* the numbers only */
    const char *text;       /* P0, or the log's text, or the URL */
} rows[] = {
    {"G01 App command", A, "000000030400009002", 0, {.cmd = 0x90}, "\x02"},
    {"G02 with sn", A, "00000003080000930000002a02", 0, {.cmd = 0x93, .sn = 42}, "\x02"},
    {"G03 ack", A, "00000003070000940000002a", 0, {.cmd = 0x94, .sn = 42}, ""},
    {"G04 shortest", A, "0000000303000011", 0, {.cmd = 0x11}, NULL},
    {"G05 settings", A, "00000003050000108007", 0, {.cmd = 0x10, .settings = 0x8007}, NULL},
    {"G06 ask for Apps", B, "00000003020f", 0, {.cmd = 0x20f}, NULL},
    {"G07 Apps", B, "0000000302100102", 0, {.cmd = 0x210, .n_apps = 258}, NULL},
    {"G08 notice 4.1", B, "00000003021101", 0, {.cmd = 0x211, .fw_type = 1}, NULL},
    {"G09 notice 4.0",
     B,
     "00000003020e02000001000016687474703a2f2f3132372e302e302e312f662e62696e",
     0,
     {.cmd = 0x20e, .fw_type = 2, .fw_id = 256},
     "http://127.0.0.1/f.bin"},
    {"G11 log", A, "00000003140000120100036e65740005636c6f756400026f6b", 0, {.cmd = 0x12, .level = 1}, "ok"},
    {"G12 length cut", A, "00000003ff", GIZWITS_E_LENGTH, {0}, NULL},
    {"G13 length beyond the payload", A, "00000003090000930000002a02", GIZWITS_E_LENGTH, {0}, NULL},
    {"G14 five bytes of length", A, "00000003ffffffff010000930000002a", GIZWITS_E_LENGTH, {0}, NULL},
    {"G15 length 0", A, "0000000300", GIZWITS_E_LENGTH, {0}, NULL},
    {"G16 App count cut", B, "00000003021001", GIZWITS_E_BODY, {0}, NULL},
    {"empty", A, "", GIZWITS_E_HEADER, {0}, NULL},
    {"header cut", A, "000000", GIZWITS_E_HEADER, {0}, NULL},
    {"another header", A, "0000000403000011", GIZWITS_E_HEADER, {0}, NULL},
    {"no length at all", A, "00000003", GIZWITS_E_LENGTH, {0}, NULL},
    {"length 2", A, "0000000302000011", GIZWITS_E_LENGTH, {0}, NULL},
    {"flag set", A, "0000000303010011", GIZWITS_E_FLAG, {0}, NULL},
    {"unknown command", A, "0000000303000077", GIZWITS_E_COMMAND, {0}, NULL},
    {"form B command in form A", A, "0000000303 00020f", GIZWITS_E_COMMAND, {0}, NULL},
    {"form A command in form B", B, "000000030090ff", GIZWITS_E_COMMAND, {0}, NULL},
    {"command cut in form B", B, "0000000302", GIZWITS_E_BODY, {0}, NULL},
    {"sn cut", A, "00000003060000930000 00", GIZWITS_E_BODY, {0}, NULL},
    {"settings cut", A, "000000030400001080", GIZWITS_E_BODY, {0}, NULL},
    {"settings too long", A, "0000000306000010800700", GIZWITS_E_BODY, {0}, NULL},
    {"ask with a body", B, "00000003020f00", GIZWITS_E_BODY, {0}, NULL},
    {"Apps with a tail", B, "000000030210010203", GIZWITS_E_BODY, {0}, NULL},
    {"notice without type", B, "000000030211", GIZWITS_E_BODY, {0}, NULL},
    {"notice, type 3", B, "00000003021103", GIZWITS_E_VALUE, {0}, NULL},
    {"url cut", B, "00000003020e020000010000046874 74", GIZWITS_E_BODY, {0}, NULL},
    {"url not UTF-8", B, "00000003020e0200000100000168ff", GIZWITS_E_BODY, {0}, NULL},
    {"log level 0", A, "000000030a000012000000000000 00", GIZWITS_E_VALUE, {0}, NULL},
    {"log level 4", A, "000000030a00001204000000000000", GIZWITS_E_VALUE, {0}, NULL},
    {"log not UTF-8", A, "000000030b0000120100000000 0001ff", GIZWITS_E_VALUE, {0}, NULL},
    {"a length that is not minimal", A, "00000003840000009002", 0, {.cmd = 0x90}, "\x02"},
    {"bytes behind the frame", A, "000000030400009002ffff", 0, {.cmd = 0x90}, "\x02"},
};

static void strip_blanks(const char *in, char *out)
{
    for (; *in; in++)
        if (*in != ' ')
            *out++ = *in;
    *out = '\0';
}

static struct ag_span text_of(const struct gizwits_frame *f)
{
    switch (f->cmd) {
    case GIZWITS_LOG:
        return f->text;
    case GIZWITS_FIRMWARE_V40:
        return f->url;
    default:
        return f->p0;
    }
}

static void test_rows(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        const struct gizwits_frame *want = &rows[i].f;
        struct gizwits_frame f = {.cmd = 0xffff};
        char hex[256];
        uint8_t bytes[128];
        size_t n;
        int r;

        strip_blanks(rows[i].hex, hex);
        n = from_hex(hex, bytes);
        r = gizwits_frame_parse(rows[i].form, (struct ag_span){(char *) bytes, n}, &f);
        if (r != rows[i].verdict)
            fail_msg("%s: %s", rows[i].name, gizwits_frame_error(r));
        if (r != 0) {
            assert_int_equal(f.cmd, 0xffff); /* untouched */
            continue;
        }
        if (f.cmd != want->cmd || f.sn != want->sn || f.settings != want->settings || f.level != want->level ||
            f.fw_type != want->fw_type || f.fw_id != want->fw_id || f.n_apps != want->n_apps)
            fail_msg("%s: fields", rows[i].name);
        if (rows[i].text && !ag_span_is(text_of(&f), rows[i].text, strlen(rows[i].text)))
            fail_msg("%s: text", rows[i].name);
    }
}

/* What is built reads back, and a vector that is the minimal form is rebuilt byte for byte. */
static void test_build_vectors(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf built = AG_BUF_INIT;
        struct gizwits_frame f;
        uint8_t bytes[128];
        char hex[256];
        size_t n;

        if (rows[i].name[0] != 'G' || rows[i].verdict != 0)
            continue;
        strip_blanks(rows[i].hex, hex);
        n = from_hex(hex, bytes);
        assert_int_equal(gizwits_frame_parse(rows[i].form, (struct ag_span){(char *) bytes, n}, &f), 0);
        assert_int_equal(gizwits_frame_build(&f, &built), 0);
        assert_int_equal(ag_buf_size(&built), n);
        assert_memory_equal(built.data, bytes, n);
    }
}

static void check_size(uint16_t cmd, size_t p0_len, int verdict, const char *head_hex)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    char *p0 = malloc(p0_len + 1);
    struct gizwits_frame f = {.cmd = cmd, .p0 = {p0, p0_len}}, back;
    uint8_t head[16];
    size_t n = from_hex(head_hex, head);

    memset(p0, 0x55, p0_len + 1);
    assert_int_equal(gizwits_frame_build(&f, &b), verdict);
    if (verdict == 0) {
        assert_memory_equal(b.data, head, n);
        assert_int_equal(gizwits_frame_parse(A, ag_buf_span(&b), &back), 0);
        assert_int_equal(back.p0.len, p0_len);
        assert_memory_equal(back.p0.p, p0, p0_len);
    } else {
        assert_int_equal(ag_buf_size(&b), 0);
    }
    free(p0);
}

/* Lengths around each step of the coding, G10 among them; one byte too many. */
static void test_sizes(void **state)
{
    (void) state;
    check_size(0x91, 0, 0, "0000000303000091");
    check_size(0x91, 124, 0, "000000037f000091");
    check_size(0x91, 125, 0, "000000038001000091");
    check_size(0x91, 16380, 0, "00000003ff7f000091");
    check_size(0x91, 16381, 0, "00000003808001000091");
    check_size(0x91, 65535, 0, "00000003828004000091");
    check_size(0x91, 65536, GIZWITS_E_LIMIT, "");
    check_size(0x93, 65535, 0, "0000000386800400009300000000");
    check_size(0x93, 65536, GIZWITS_E_LIMIT, "");
    check_size(0x77, 1, GIZWITS_E_COMMAND, "");
}

static void test_command_of_65536_bytes_is_refused(void **state)
{
    static char bytes[8 + 2 + 65536] = "\0\0\0\3\x83\x80\x04\0\0\x90";
    struct gizwits_frame f;

    (void) state;
    assert_int_equal(gizwits_frame_parse(A, (struct ag_span){bytes, 4 + 3 + 3 + 65536}, &f), GIZWITS_E_LIMIT);
    assert_int_equal(gizwits_frame_parse(A, (struct ag_span){bytes, 4 + 3 + 3 + 65535}, &f), GIZWITS_E_LENGTH);
    bytes[4] = '\x82';
    assert_int_equal(gizwits_frame_parse(A, (struct ag_span){bytes, 4 + 3 + 3 + 65535}, &f), 0);
}

static void test_log_is_cut_on_a_character(void **state)
{
    struct gizwits_frame f = {.cmd = GIZWITS_LOG, .level = GIZWITS_LOG_INFO, .tag = AG_SPAN("t")}, back;
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    char source[64] = "", *text = malloc(70000);

    (void) state;
    for (unsigned i = 0; i < 16; i++)
        strcat(source, "\xe6\xb0\xb4"); /* 48 bytes: 30 fit into 32 on a boundary */
    memset(text, 'x', 70000);
    f.source = (struct ag_span){source, 48};
    f.text = (struct ag_span){text, 70000};
    assert_int_equal(gizwits_frame_build(&f, &b), 0);
    assert_int_equal(gizwits_frame_parse(A, ag_buf_span(&b), &back), 0);
    assert_int_equal(back.source.len, 30);
    assert_int_equal(back.text.len, 65535);
    ag_buf_clear(&b);
    f.text = AG_SPAN("\xff");
    assert_int_equal(gizwits_frame_build(&f, &b), GIZWITS_E_VALUE);
    f.text = AG_SPAN("x");
    f.level = 0;
    assert_int_equal(gizwits_frame_build(&f, &b), GIZWITS_E_VALUE);
    assert_int_equal(ag_buf_size(&b), 0);
    free(text);
}

static void test_url_limit(void **state)
{
    char url[600];
    struct gizwits_frame f = {.cmd = GIZWITS_FIRMWARE_V40, .fw_type = 1, .url = {url, 512}}, back;
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    (void) state;
    memset(url, 'u', sizeof url);
    assert_int_equal(gizwits_frame_build(&f, &b), 0);
    assert_int_equal(gizwits_frame_parse(B, ag_buf_span(&b), &back), 0);
    assert_int_equal(back.url.len, 512);
    f.url.len = 513;
    assert_int_equal(gizwits_frame_build(&f, &b), GIZWITS_E_LIMIT);
    assert_int_equal(ag_buf_append(&b, "u", 1), 0); /* 513 as a server might send them */
    b.data[12] = 1;
    assert_int_equal(gizwits_frame_parse(B, ag_buf_span(&b), &back), GIZWITS_E_LIMIT);
}

static void test_log_switches(void **state)
{
    (void) state;
    for (int level = GIZWITS_LOG_ERROR; level <= GIZWITS_LOG_INFO; level++) {
        assert_false(gizwits_log_wanted(0x0000, (enum gizwits_log_level) level));
        assert_true(gizwits_log_wanted(0xffff, (enum gizwits_log_level) level));
        assert_false(gizwits_log_wanted(0x8000, (enum gizwits_log_level) level));
    }
    assert_true(gizwits_log_wanted(1, GIZWITS_LOG_ERROR));
    assert_false(gizwits_log_wanted(1, GIZWITS_LOG_WARNING));
}

static void build_once(void *user)
{
    struct gizwits_frame f = {.cmd = GIZWITS_ACKED, .sn = 1, .p0 = AG_SPAN("hello")};
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    int r = gizwits_frame_build(&f, &b);

    (void) user;
    assert_true(r == 0 || (r == -ENOMEM && ag_buf_size(&b) == 0));
}

static void test_no_memory(void **state)
{
    (void) state;
    alloc_fail_sweep(build_once, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_build_vectors),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_command_of_65536_bytes_is_refused),
        cmocka_unit_test(test_log_is_cut_on_a_character),
        cmocka_unit_test(test_url_limit),
        cmocka_unit_test(test_log_switches),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
