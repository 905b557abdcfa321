/* SPDX-License-Identifier: MIT */
/* Who is at the other end: real sockets of this process, in the states in which a peer may be found. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "libagent/core/util.h"
#include "libagent/io/access/cred.h"

struct pair {
    int listener, client, server;
};

static int dial(int family, const struct sockaddr_in *to)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = to->sin_port};
    int fd = socket(family, SOCK_STREAM, 0);

    six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
    memcpy(six.sin6_addr.s6_addr + 12, &to->sin_addr, 4);
    if (family == AF_INET)
        assert_int_equal(connect(fd, (const void *) to, sizeof *to), 0);
    else
        assert_int_equal(connect(fd, (const void *) &six, sizeof six), 0);
    return fd;
}

static struct pair pair_open(int family)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    struct pair p = {.listener = socket(AF_INET, SOCK_STREAM, 0)};

    assert_int_equal(bind(p.listener, (const void *) &in, sizeof in), 0);
    assert_int_equal(listen(p.listener, 1), 0);
    assert_int_equal(getsockname(p.listener, (void *) &in, &len), 0);
    p.client = dial(family, &in);
    p.server = -1;
    return p;
}

static void pair_accept(struct pair *p)
{
    p->server = accept(p->listener, NULL, NULL);
    assert_true(p->server >= 0);
}

static void pair_close(struct pair *p)
{
    close(p->listener);
    close(p->client);
    close(p->server);
}

static void test_both_ends(void **state)
{
    static const int families[] = {AF_INET, AF_INET6};

    (void) state;
    for (size_t i = 0; i < ag_array_size(families); i++) {
        struct ag_cred_asker a = AG_CRED_ASKER_INIT;
        struct pair p = pair_open(families[i]);
        struct ag_cred c;

        /* nobody has accepted: the kernel names no owner of that end yet */
        assert_int_equal(ag_cred_of_tcp(&a, p.client, &c), -EAGAIN);
        assert_false(c.known);
        pair_accept(&p);
        assert_int_equal(ag_cred_of_tcp(&a, p.server, &c), 0);
        assert_true(c.known && c.uid == geteuid() && !c.gids);
        assert_int_equal(ag_cred_of_tcp(&a, p.client, &c), 0);
        assert_true(c.known && c.uid == geteuid());
        pair_close(&p);
        ag_cred_asker_close(&a);
    }
}

static void test_a_peer_that_left_is_unknown(void **state)
{
    static const struct linger reset = {.l_onoff = 1};

    (void) state;
    for (int how = 0; how < 4; how++) {
        struct ag_cred_asker a = AG_CRED_ASKER_INIT;
        struct pair p = pair_open(AF_INET);
        struct ag_cred c = {.known = true};

        assert_int_equal(write(p.client, "{}", 2), 2);
        if (how == 0) /* FIN-WAIT-2, no owner any more */
            close(p.client);
        if (how == 1) /* FIN-WAIT-2 */
            shutdown(p.client, SHUT_WR);
        if (how == 2) {
            setsockopt(p.client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            close(p.client);
        }
        pair_accept(&p);
        if (how == 3) /* this end has gone first */
            shutdown(p.server, SHUT_RDWR);
        assert_true(ag_cred_of_tcp(&a, p.server, &c) < 0);
        assert_false(c.known);
        assert_int_equal(c.uid, 0); /* which means nothing */
        if (how == 0 || how == 2)
            p.client = -1;
        pair_close(&p);
        ag_cred_asker_close(&a);
    }
}

/* Without the kernel's sock_diag the same is read from /proc. */
static void test_without_sock_diag(void **state)
{
    int no_netlink = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct ag_cred_asker a = {.fd = no_netlink};
    struct pair p = pair_open(AF_INET6);
    struct ag_cred c;

    (void) state;
    assert_int_equal(ag_cred_of_tcp(&a, p.client, &c), -EAGAIN);
    pair_accept(&p);
    assert_int_equal(ag_cred_of_tcp(&a, p.server, &c), 0);
    assert_true(c.known && c.uid == geteuid());
    assert_int_equal(ag_cred_of_tcp(&a, p.client, &c), 0);
    close(p.client);
    p.client = -1;
    assert_true(ag_cred_of_tcp(&a, p.server, &c) < 0);
    assert_false(c.known);
    pair_close(&p);
    ag_cred_asker_close(&a);
}

static void test_unix(void **state)
{
    struct ag_cred c;
    int fds[2];

    (void) state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ag_cred_of_unix(fds[0], &c);
    assert_true(c.known && c.uid == geteuid() && c.n_gids > 0 && c.gids[0] == getegid());
    free(c.gids);
    close(fds[0]);
    close(fds[1]);
    ag_cred_of_unix(fds[0], &c);
    assert_false(c.known);
}

static void test_what_is_no_connection(void **state)
{
    struct ag_cred_asker a = AG_CRED_ASKER_INIT;
    int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
    struct ag_cred c;

    (void) state;
    assert_true(ag_cred_of_tcp(&a, -1, &c) < 0 && !c.known);
    assert_true(ag_cred_of_tcp(&a, udp, &c) < 0 && !c.known);
    assert_true(ag_cred_of_tcp(&a, tcp, &c) < 0 && !c.known);
    close(udp);
    close(tcp);
    ag_cred_asker_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ends),
        cmocka_unit_test(test_a_peer_that_left_is_unknown),
        cmocka_unit_test(test_without_sock_diag),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_what_is_no_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
