/* SPDX-License-Identifier: MIT */
/* Whose socket a datagram came from: the kernel's table, as it stands, cut and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "client/lan/io/udp_owner.h"

#define HEAD                                                                                                                     \
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
#define V4(addr, port, uid, inode)                                                                                               \
    "  12: " addr ":" port " 00000000:0000 07 00000000:00000000 00:00000000 00000000 " uid "        0 " inode " 2 0 0\n"
/* Words of 32 bits in the machine's byte order, as the kernel prints them. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LO     "7F000001"
#define LO6    "00000000000000000000000000000001"
#define MAPPED "00000000000000000000FFFF7F000001"
#define NEAR   "7F000002"
#else
#define LO     "0100007F"
#define LO6    "00000000000000000000000001000000"
#define MAPPED "0000000000000000FFFF00000100007F"
#define NEAR   "0200007F"
#endif
#define ANY  "00000000"
#define ANY6 "00000000000000000000000000000000"

/* The sender is 127.0.0.1:4660 (0x1234). -1: nobody. */
static const struct row {
    const char *name, *udp, *udp6;
    int uid;
} rows[] = {
    {"bound to the address", HEAD V4(LO, "1234", "1000", "77"), HEAD, 1000},
    {"bound to all", HEAD V4(ANY, "1234", "0", "77"), HEAD, 0},
    {"among others", HEAD V4(LO, "1233", "1", "7") V4(LO, "1234", "5", "8") V4(LO, "1235", "2", "9"), HEAD, 5},
    {"bound to all of IPv6", HEAD, HEAD V4(ANY6, "1234", "7", "77"), 7},
    {"bound to the mapped address", HEAD, HEAD V4(MAPPED, "1234", "7", "77"), 7},
    {"another port", HEAD V4(LO, "1235", "1000", "77"), HEAD, -1},
    {"another address", HEAD V4(NEAR, "1234", "1000", "77"), HEAD, -1},
    {"IPv6 loopback only", HEAD, HEAD V4(LO6, "1234", "7", "77"), -1},
    {"two sockets of one user", HEAD V4(LO, "1234", "5", "8") V4(LO, "1234", "5", "9"), HEAD, 5},
    {"two users", HEAD V4(LO, "1234", "5", "8") V4(ANY, "1234", "0", "9"), HEAD, -1},
    {"two users, one of them in IPv6", HEAD V4(LO, "1234", "5", "8"), HEAD V4(ANY6, "1234", "0", "9"), -1},
    {"no descriptor holds it any more", HEAD V4(LO, "1234", "0", "0"), HEAD, -1},
    {"nothing", "", "", -1},
    {"cut off behind the addresses", HEAD "  12: " LO ":1234 00000000:0000 07", HEAD, -1},
    {"an address that is too short", HEAD V4("01007F", "1234", "0", "7"), HEAD, -1},
    {"an address that is too long", HEAD V4(LO "00", "1234", "0", "7"), HEAD, -1},
    {"no number where the uid stands", HEAD V4(LO, "1234", "root", "7"), HEAD, -1},
    {"no colon", HEAD "12 " LO " 1234\n", HEAD, -1},
    {"bytes of another kind", "\xff\xfe\x01 \n\n\n::::::\n%s%n\n", HEAD, -1},
};

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
}

static struct lan_addr sender(const char *ip4, uint16_t port)
{
    struct lan_addr a = {.ip = {[10] = 0xff, [11] = 0xff}, .port = port};

    assert_int_equal(inet_pton(AF_INET, ip4, a.ip + 12), 1);
    return a;
}

static void test_rows(void **state)
{
    char dir[] = "/tmp/miio_udp.XXXXXX", udp[64], udp6[64];
    const char *const files[2] = {udp, udp6};
    const struct lan_addr from = sender("127.0.0.1", 0x1234);
    uint32_t uid;

    (void) state;
    assert_non_null(mkdtemp(dir));
    snprintf(udp, sizeof udp, "%s/udp", dir);
    snprintf(udp6, sizeof udp6, "%s/udp6", dir);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool found;

        uid = 4242;
        put(udp, rows[i].udp);
        put(udp6, rows[i].udp6);
        found = udp_owner_find_in(files, &from, &uid);
        if (found != (rows[i].uid >= 0) || uid != (found ? (uint32_t) rows[i].uid : 4242))
            fail_msg("%s: %s %u", rows[i].name, found ? "found" : "nobody", uid);
    }
    unlink(udp);
    unlink(udp6);
    assert_false(udp_owner_find_in(files, &from, &uid)); /* no such files */
    rmdir(dir);
}

static void test_the_machine_itself(void **state)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct lan_addr from;
    uint32_t uid = 4242;

    (void) state;
    assert_int_equal(bind(fd, (struct sockaddr *) &at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &at, &len), 0);
    from = sender("127.0.0.1", ntohs(at.sin_port));
    assert_true(udp_owner_find(&from, &uid));
    assert_int_equal(uid, geteuid());
    from = sender("192.0.2.1", ntohs(at.sin_port));
    assert_false(udp_owner_find(&from, &uid));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_the_machine_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
