/* SPDX-License-Identifier: MIT */
/* Addresses of sockets, from text and back. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "libagent/core/util.h"
#include "libagent/io/addr.h"

static const struct {
    const char *in;
    int kind;         /* -1: refused */
    const char *text; /* printed form, or the reason */
} addrs[] = {
    {"127.0.0.1:54320", AG_ADDR_INET, "127.0.0.1:54320"},
    {"tcp:127.0.0.1:0", AG_ADDR_INET, "127.0.0.1:0"},
    {"0.0.0.0:65535", AG_ADDR_INET, "0.0.0.0:65535"},
    {"[::1]:54320", AG_ADDR_INET, "[::1]:54320"},
    {"[2001:0db8::0001]:1", AG_ADDR_INET, "[2001:db8::1]:1"},
    {"none", AG_ADDR_NONE, "none"},
    {"/run/miio/agent.sock", AG_ADDR_UNIX, "/run/miio/agent.sock"},
    {"unix:/a", AG_ADDR_UNIX, "/a"},
    {"unix:none", AG_ADDR_NONE, "none"},
    {"@name", AG_ADDR_UNIX, "@name"},
    {"seqpacket:/tmp/miio_agent.socket", AG_ADDR_SEQPACKET, "/tmp/miio_agent.socket"},
    {"", -1, "expected ADDR:PORT"},
    {"54320", -1, "expected ADDR:PORT"},
    {":54320", -1, "the address is empty"},
    {"localhost:1", -1, "not a numeric address"},
    {"127.0.0.1:", -1, "the port is not a number of 0..65535"},
    {"127.0.0.1:65536", -1, "the port is not a number of 0..65535"},
    {"127.0.0.1:+1", -1, "the port is not a number of 0..65535"},
    {"127.0.0.1: 1", -1, "the port is not a number of 0..65535"},
    {"127.0.0.1:1x", -1, "the port is not a number of 0..65535"},
    {"127.0.0.1:123456", -1, "the port is not a number of 0..65535"},
    {"127.0.0.256:1", -1, "not a numeric address"},
    {"::1:80", -1, "an IPv6 address needs brackets: [ADDR]:PORT"},
    {"[::1]80", -1, "expected [ADDR]:PORT"},
    {"[::1", -1, "expected [ADDR]:PORT"},
    {"[]:1", -1, "the address is empty"},
    {"[127.0.0.1]:1", -1, "not a numeric address"},
    {"unix:relative", -1, "expected an absolute path, @NAME or none"},
    {"unix:", -1, "expected an absolute path, @NAME or none"},
    {"/", -1, "the path is empty"},
    {"udp:1.2.3.4:5", -1, "an IPv6 address needs brackets: [ADDR]:PORT"},
};

static void addresses(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(addrs); i++) {
        struct ag_addr a;
        const char *reason = "";
        char text[AG_ADDR_TEXT_MAX];
        int r = ag_addr_parse(addrs[i].in, &a, &reason);

        if (r != (addrs[i].kind < 0 ? -EINVAL : 0))
            fail_msg("%s: %d", addrs[i].in, r);
        if (r == 0)
            assert_int_equal(a.kind, addrs[i].kind);
        assert_string_equal(r == 0 ? ag_addr_format(&a, text) : reason, addrs[i].text);
    }
}

static void long_path_is_refused(void **state)
{
    char path[200];
    struct ag_addr a;
    char text[AG_ADDR_TEXT_MAX];

    (void) state;
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[107] = '\0';
    assert_int_equal(ag_addr_parse(path, &a, NULL), 0);
    assert_string_equal(ag_addr_format(&a, text), path);
    path[107] = 'x';
    path[108] = '\0';
    assert_int_equal(ag_addr_parse(path, &a, NULL), -EINVAL);
}

static void bound_sockets_tell_their_address(void **state)
{
    static const struct {
        const char *addr;
        int type;
    } cases[] = {{"127.0.0.1:0", SOCK_STREAM}, {"@miio_test_addr", SOCK_STREAM}, {"seqpacket:@miio_test_addr2", SOCK_SEQPACKET}};

    (void) state;
    for (size_t i = 0; i < ag_array_size(cases); i++) {
        struct ag_addr a, got;
        int fd;

        assert_int_equal(ag_addr_parse(cases[i].addr, &a, NULL), 0);
        fd = socket(a.sa.ss_family, cases[i].type | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &a.sa, a.len), 0);
        assert_int_equal(ag_addr_of_socket(fd, &got), 0);
        assert_int_equal(got.kind, a.kind);
        assert_true(ag_addr_is_local(&got));
        if (a.kind == AG_ADDR_INET)
            assert_int_not_equal(ag_addr_port(&got), 0);
        else
            assert_true(ag_addr_equal(&a, &got));
        close(fd);
    }
    assert_int_equal(ag_addr_of_socket(-1, &(struct ag_addr){0}), -EBADF);
}

static void equality_and_locality(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal, local; /* local: of a */
    } rows[] = {
        {"127.0.0.1:1", "tcp:127.0.0.1:1", true, true},
        {"127.0.0.1:1", "127.0.0.1:2", false, true},
        {"127.9.9.9:1", "127.0.0.1:1", false, true},
        {"10.0.0.1:1", "10.0.0.1:1", true, false},
        {"[::1]:5", "[0::1]:5", true, true},
        {"[::2]:5", "[::1]:5", false, false},
        {"/a", "unix:/a", true, true},
        {"/a", "seqpacket:/a", false, true},
        {"none", "none", true, false},
        {"0.0.0.0:1", "none", false, false},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_addr a, b;

        assert_int_equal(ag_addr_parse(rows[i].a, &a, NULL), 0);
        assert_int_equal(ag_addr_parse(rows[i].b, &b, NULL), 0);
        if (ag_addr_equal(&a, &b) != rows[i].equal || ag_addr_is_local(&a) != rows[i].local)
            fail_msg("%s %s", rows[i].a, rows[i].b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(long_path_is_refused),
        cmocka_unit_test(bound_sockets_tell_their_address),
        cmocka_unit_test(equality_and_locality),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
