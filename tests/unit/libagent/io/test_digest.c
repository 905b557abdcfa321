/* SPDX-License-Identifier: MIT */
/* The sums of RFC 1321 and FIPS 180, in one piece and in many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "libagent/io/digest/digest.h"

static const struct row {
    const char *text;
    unsigned times;
    const char *md5, *sha256;
} rows[] = {
    {"", 1, "d41d8cd98f00b204e9800998ecf8427e", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "900150983cd24fb0d6963f7d28e17f72", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"1234567890", 8, "57edf4a22be3c955ac49da2e2107b67a", "f371bc4a311f2b009eef952dd83ca80e2b60026c8e935592d0f9c308453c813e"},
    {"aaaaaaaaaa", 100000, "7707d6ae4e027c70eea2a935c2296f21",
     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

static void known_sums(void **state)
{
    char hex[AG_DIGEST_HEX];

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int kind = AG_DIGEST_MD5; kind <= AG_DIGEST_SHA256; kind++) {
            struct ag_digest *d = ag_digest_new((enum ag_digest_kind) kind);

            assert_non_null(d);
            for (unsigned n = 0; n < rows[i].times; n++)
                assert_true(ag_digest_add(d, rows[i].text, strlen(rows[i].text)));
            assert_true(ag_digest_end(d, hex));
            assert_string_equal(hex, kind == AG_DIGEST_MD5 ? rows[i].md5 : rows[i].sha256);
            assert_null(ag_digest_free(d));
        }
    }
    assert_null(ag_digest_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_sums)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
