/* SPDX-License-Identifier: MIT */
/* The facts of the network, kept: in a network of its own, where only the test changes anything. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/device/io/net_info.h"

static uv_loop_t loop;
static struct net_info *net;
static bool gone;
static uint64_t n_reads; /* how often the kernel has been asked */

int __real_getifaddrs(struct ifaddrs **out);
int __wrap_getifaddrs(struct ifaddrs **out);

int __wrap_getifaddrs(struct ifaddrs **out)
{
    n_reads++;
    return __real_getifaddrs(out);
}

static void on_closed(void *user)
{
    gone = true;
    assert_ptr_equal(user, &loop);
}

static void fill(struct sockaddr *out, const char *ip)
{
    struct sockaddr_in in = {.sin_family = AF_INET};

    assert_int_equal(inet_pton(AF_INET, ip, &in.sin_addr), 1);
    memcpy(out, &in, sizeof in);
}

static void ask(int fd, int what, void *with)
{
    if (ioctl(fd, what, with) < 0) /* unsigned long in glibc, int in musl */
        fail_msg("ioctl %x: %s", (unsigned) what, strerror(errno));
}

/* The loopback device plays the wire: it is there in every network name space. */
static void use_address(int fd, const char *ip)
{
    struct ifreq rq = {.ifr_name = "lo"};

    rq.ifr_flags = IFF_UP | IFF_RUNNING; /* first: the kernel gives it an address of its own then */
    ask(fd, SIOCSIFFLAGS, &rq);
    fill(&rq.ifr_addr, ip);
    ask(fd, SIOCSIFADDR, &rq);
    fill(&rq.ifr_netmask, "255.255.255.0");
    ask(fd, SIOCSIFNETMASK, &rq);
}

static void use_gateway(int fd, const char *ip)
{
    char name[] = "lo";
    struct rtentry rt = {.rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = name};

    fill(&rt.rt_dst, "0.0.0.0");
    fill(&rt.rt_genmask, "0.0.0.0");
    fill(&rt.rt_gateway, ip);
    ask(fd, SIOCADDRT, &rt);
}

static void use_network(int fd, const char *ip, const char *gw)
{
    use_address(fd, ip);
    use_gateway(fd, gw);
}

static void expect(const char *ip, const char *gw, uint64_t reads)
{
    struct device_info info = {.model = NULL};

    net_info_get(net, &info);
    assert_string_equal(info.local_ip, ip);
    assert_string_equal(info.mask, ip[0] ? "255.255.255.0" : "");
    assert_string_equal(info.gw, gw);
    assert_string_equal(info.ssid, "");
    assert_int_equal(n_reads, reads);
}

/* What the kernel has told is heard in one turn: it is told before the call that changes it returns. */
static void hear(void)
{
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void test_kept_until_it_changes(void **state)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    (void) state;
    assert_true(fd >= 0);
    use_network(fd, "10.9.8.7", "10.9.8.1");
    for (int i = 0; i < 1000; i++)
        expect("10.9.8.7", "10.9.8.1", 1);
    hear();
    expect("10.9.8.7", "10.9.8.1", 1); /* what was there before is no change */

    use_address(fd, "10.9.7.6"); /* takes the old one's route with it */
    hear();
    expect("", "", 2);
    use_gateway(fd, "10.9.7.1");
    hear();
    expect("10.9.7.6", "10.9.7.1", 3);
    hear();
    expect("10.9.7.6", "10.9.7.1", 3);
    close(fd);
}

/* More than the socket holds, heard late: all of it is one change. */
static void test_many_changes(void **state)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    uint64_t before = n_reads;

    (void) state;
    for (int i = 0; i < 500; i++)
        use_network(fd, i % 2 ? "10.1.0.2" : "10.2.0.2", i % 2 ? "10.1.0.1" : "10.2.0.1");
    hear();
    expect("10.1.0.2", "10.1.0.1", before + 1);
    use_network(fd, "10.3.0.2", "10.3.0.1");
    hear();
    expect("10.3.0.2", "10.3.0.1", before + 2);
    close(fd);
}

/* Nobody is woken more than once for what nobody asks after. */
static void test_one_wake_up(void **state)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    (void) state;
    assert_true(uv_loop_alive(&loop));
    use_network(fd, "10.4.0.2", "10.4.0.1");
    hear();
    assert_false(uv_loop_alive(&loop)); /* it does not listen until somebody asks */
    use_network(fd, "10.5.0.2", "10.5.0.1");
    hear();
    expect("10.5.0.2", "10.5.0.1", n_reads + 1);
    assert_true(uv_loop_alive(&loop));
    close(fd);
}

static void test_closes(void **state)
{
    (void) state;
    net_info_close(net);
    net_info_close(NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(gone);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_until_it_changes),
        cmocka_unit_test(test_many_changes),
        cmocka_unit_test(test_one_wake_up),
        cmocka_unit_test(test_closes),
    };

    if (unshare(CLONE_NEWNET) < 0) {
        puts("skipped: no network of its own to be had");
        return 77;
    }
    uv_loop_init(&loop);
    if (net_info_open(&net, &loop, on_closed, &loop) < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
