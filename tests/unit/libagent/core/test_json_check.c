/* SPDX-License-Identifier: MIT */
/*
 * The scanner's small form, which only says whether a text is JSON, says the same as the whole one: every byte of some
 * texts replaced by others, each result cut at every place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* the small form beside the whole one; its struct is called so too */
#define AG_JSON_CHECK_ONLY
#define ag_json_scan_init small_scan_init
#define ag_json_scan      small_scan
#define ag_json_parse     small_parse
#include "libagent/core/json/json.c"
#undef ag_json_scan_init
#undef ag_json_scan
#undef ag_json_parse

void ag_json_scan_init(struct small_scan *s, unsigned max_depth);
int ag_json_scan(struct small_scan *restrict s, const char *restrict p, size_t n, size_t *restrict used_out);

static const char *const texts[] = {
    "{\"id\":1,\"method\":\"set_power\",\"params\":[\"on\",-0.5e+10,0,12,true,false,null,{}]}",
    "{\"a\\u0041\\n\\\"\":\"\xe6\xb8\xa9\xc3\xa9\xf0\x9f\x98\x80 \\ud83d\\ude00\",\"\":[[],[{\"b\":[]}]] }",
    "{ \"key\" : 0.25 , \"_to\" : \"x\" , \"k\":1E5 }",
};
static const char others[] = "\"\\{}[]:,0-+.eEtfn /u\n\x01\x7f\xc3\x80\xff";

struct end {
    int r;
    size_t at;
};

#define RUN(name, init, scan)                                                                                                    \
    static struct end name(const char *p, size_t n, size_t cut)                                                                  \
    {                                                                                                                            \
        struct small_scan s;                                                                                                     \
        size_t used;                                                                                                             \
        struct end e;                                                                                                            \
                                                                                                                                 \
        init(&s, 3);                                                                                                             \
        e.r = scan(&s, p, cut, &used);                                                                                           \
        e.at = used;                                                                                                             \
        if (e.r == 0 && n > cut) {                                                                                               \
            e.r = scan(&s, p + cut, n - cut, &used);                                                                             \
            e.at += used;                                                                                                        \
        }                                                                                                                        \
        return e;                                                                                                                \
    }
RUN(whole, ag_json_scan_init, ag_json_scan)
RUN(small, small_scan_init, small_scan)

static void both_say_the_same(void **state)
{
    (void) state;
    for (size_t t = 0; t < ag_array_size(texts); t++) {
        char text[128];
        size_t n = strlen(texts[t]);

        for (size_t i = 0; i < n; i++) {
            for (size_t o = 0; o < sizeof others - 1; o++) {
                memcpy(text, texts[t], n + 1);
                text[i] = others[o];
                for (size_t cut = 0; cut <= n; cut++) {
                    struct end a = whole(text, n, cut), b = small(text, n, cut);

                    if (a.r != b.r || a.at != b.at)
                        fail_msg("%s cut at %zu: %d at %zu, %d at %zu", text, cut, a.r, a.at, b.r, b.at);
                }
            }
        }
    }
}

static void nesting_ends_at_64(void **state)
{
    char text[256] = "{\"a\":";
    struct ag_span span;
    struct ag_json_view view;

    (void) state;
    memset(text + 5, '[', 63);
    memset(text + 68, ']', 63);
    text[131] = '}';
    span = (struct ag_span){text, 132};
    assert_int_equal(small_parse(&span, AG_JSON_DEPTH_MAX, &view), 0);
    memset(text + 5, '[', 64);
    memset(text + 69, ']', 64);
    text[133] = '}';
    span = (struct ag_span){text, 134};
    assert_int_equal(small_parse(&span, AG_JSON_DEPTH_MAX, &view), AG_JSON_E_DEPTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_say_the_same),
        cmocka_unit_test(nesting_ends_at_64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
