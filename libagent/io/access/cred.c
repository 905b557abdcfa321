/* SPDX-License-Identifier: MIT */
#include "libagent/io/access/cred.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "libagent/core/util.h"
#include "libagent/io/addr.h"

enum { GROUPS_MAX = 1024, PROC_READS = 4 };

static void read_groups(int fd, struct ag_cred *cred, gid_t own)
{
    gid_t groups[GROUPS_MAX];
    socklen_t len = sizeof groups;
    size_t n;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
        len = 0;
    n = len / sizeof groups[0];
    cred->gids = malloc((n + 1) * sizeof *cred->gids);
    if (!cred->gids)
        return; /* no group rule matches then: refuses, never opens */
    cred->gids[0] = own;
    memcpy(cred->gids + 1, groups, n * sizeof groups[0]);
    cred->n_gids = (uint32_t) n + 1;
}

void ag_cred_of_unix(int fd, struct ag_cred *cred)
{
    struct ucred u;
    socklen_t len = sizeof u;

    *cred = (struct ag_cred){0};
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len) < 0 || u.uid == (uid_t) -1)
        return;
    cred->known = true;
    cred->uid = u.uid;
    cred->pid = u.pid;
    read_groups(fd, cred, u.gid);
}

/* ---- TCP ---- */

/* One end of a connection. Both ends of one are always written in the same form, IPv4 in IPv6 as
 * ::ffff:a.b.c.d. */
struct end {
    struct in6_addr addr;
    uint16_t port; /* network order */
};

/* What was found at the other end. */
struct owner {
    unsigned state;
    uint64_t inode;
    uint32_t uid;
};

static struct in6_addr mapped(uint32_t v4)
{
    struct in6_addr a = {0};

    a.s6_addr[10] = a.s6_addr[11] = 0xff;
    memcpy(a.s6_addr + 12, &v4, sizeof v4);
    return a;
}

static bool end_of(const struct ag_addr *a, struct end *out)
{
    *out = (struct end){0};
    if (a->sa.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *) &a->sa;

        out->addr = mapped(in->sin_addr.s_addr);
        out->port = in->sin_port;
    } else if (a->sa.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *) &a->sa;

        out->addr = in6->sin6_addr;
        out->port = in6->sin6_port;
    } else {
        return false;
    }
    return true;
}

static bool end_equal(const struct end *a, const struct end *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

static bool is_loopback(const struct end *e)
{
    return IN6_IS_ADDR_LOOPBACK(&e->addr) || (IN6_IS_ADDR_V4MAPPED(&e->addr) && e->addr.s6_addr[12] == 127);
}

static uint32_t v4_of(const struct end *e)
{
    uint32_t v4;

    memcpy(&v4, e->addr.s6_addr + 12, sizeof v4);
    return v4;
}

/* ---- sock_diag ---- */

struct diag_request {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};

struct diag_answer {
    struct nlmsghdr head;
    union {
        struct inet_diag_msg body;
        struct nlmsgerr error;
    };
    char more[1024];
};

static void put_end(const struct end *e, bool v4, __be32 addr[4], __be16 *port)
{
    if (v4)
        addr[0] = v4_of(e);
    else
        memcpy(addr, &e->addr, sizeof e->addr);
    *port = e->port;
}

static struct end get_end(uint8_t family, const __be32 addr[4], __be16 port)
{
    struct end e = {.port = port};

    if (family == AF_INET)
        e.addr = mapped(addr[0]);
    else
        memcpy(&e.addr, addr, sizeof e.addr);
    return e;
}

static int diag_open(struct ag_cred_asker *a)
{
    char old[256];

    if (a->fd < 0)
        a->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (a->fd < 0)
        return -errno;
    while (recv(a->fd, old, sizeof old, MSG_DONTWAIT) >= 0) /* so that nothing is left from an earlier question */
        ;
    return 0;
}

static int diag_send(struct ag_cred_asker *a, const struct end *local, const struct end *remote)
{
    bool v4 = IN6_IS_ADDR_V4MAPPED(&local->addr) && IN6_IS_ADDR_V4MAPPED(&remote->addr);
    struct diag_request req = {
        .head = {.nlmsg_len = sizeof req, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = ++a->seq},
        .body = {.sdiag_family = v4 ? AF_INET : AF_INET6,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = ~0u,
                 .id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}}};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

    put_end(local, v4, req.body.id.idiag_src, &req.body.id.idiag_sport);
    put_end(remote, v4, req.body.id.idiag_dst, &req.body.id.idiag_dport);
    return sendto(a->fd, &req, sizeof req, MSG_DONTWAIT, (const void *) &kernel, sizeof kernel) < 0 ? -errno : 0;
}

/* The kernel answers while it takes the question. */
static int diag_receive(struct ag_cred_asker *a, struct diag_answer *answer)
{
    struct sockaddr_nl from;
    socklen_t len = sizeof from;
    ssize_t n = recvfrom(a->fd, answer, sizeof *answer, MSG_DONTWAIT, (void *) &from, &len);

    if (n < 0)
        return -errno;
    if ((size_t) n < sizeof answer->head || from.nl_pid != 0 || answer->head.nlmsg_seq != a->seq)
        return -EBADMSG;
    if (answer->head.nlmsg_type == NLMSG_ERROR && (size_t) n >= sizeof answer->head + sizeof(int))
        return answer->error.error < 0 ? answer->error.error : -EBADMSG;
    if (answer->head.nlmsg_type != SOCK_DIAG_BY_FAMILY || (size_t) n < sizeof answer->head + sizeof answer->body)
        return -EBADMSG;
    return 0;
}

/* The socket whose own end is local. 0, -ENOENT or another -errno. */
static int diag_ask(struct ag_cred_asker *a, const struct end *local, const struct end *remote, struct owner *out)
{
    struct diag_answer answer;
    const struct inet_diag_msg *m = &answer.body;
    struct end src, dst;
    int r = diag_open(a);

    if (r == 0)
        r = diag_send(a, local, remote);
    if (r == 0)
        r = diag_receive(a, &answer);
    if (r < 0)
        return r;
    src = get_end(m->idiag_family, m->id.idiag_src, m->id.idiag_sport);
    dst = get_end(m->idiag_family, m->id.idiag_dst, m->id.idiag_dport);
    a->diag_works = true;
    if (!end_equal(&src, local) || !end_equal(&dst, remote))
        return -ENOENT; /* a listener was found instead */
    *out = (struct owner){m->idiag_state, m->idiag_inode, m->idiag_uid};
    return 0;
}

/* ---- /proc/net/tcp and tcp6, for kernels without sock_diag ---- */

static bool proc_end(const char *hex, unsigned port, struct end *out)
{
    size_t n = strlen(hex) / 8;
    uint32_t words[4];

    if ((n != 1 && n != 4) || strlen(hex) != n * 8)
        return false;
    for (size_t i = 0; i < n; i++)
        if (sscanf(hex + i * 8, "%8" SCNx32, &words[i]) != 1)
            return false;
    out->port = htons((uint16_t) port);
    if (n == 1)
        out->addr = mapped(words[0]);
    else
        memcpy(&out->addr, words, sizeof out->addr);
    return true;
}

/* 1: this line is the socket; 0: it is not. */
static int proc_line(const char *line, const struct end *local, const struct end *remote, struct owner *out)
{
    char src[33], dst[33];
    unsigned src_port, dst_port;
    struct end s, d;

    if (sscanf(line, " %*d: %32[0-9A-F]:%x %32[0-9A-F]:%x %x %*s %*s %*s %" SCNu32 " %*d %" SCNu64, src, &src_port, dst,
               &dst_port, &out->state, &out->uid, &out->inode) != 7)
        return 0;
    return proc_end(src, src_port, &s) && proc_end(dst, dst_port, &d) && end_equal(&s, local) && end_equal(&d, remote);
}

/* 0, -ENOENT, -ENOTUNIQ. */
static int proc_read(const struct end *local, const struct end *remote, struct owner *out)
{
    static const char *const files[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    char line[512];
    struct owner o;
    int n = 0;

    for (size_t i = 0; i < ag_array_size(files); i++) {
        FILE *f = fopen(files[i], "re");

        while (f && fgets(line, sizeof line, f))
            if (proc_line(line, local, remote, &o)) {
                n += n == 0 || o.inode == 0 || o.inode != out->inode;
                *out = o;
            }
        if (f)
            fclose(f);
    }
    return n == 1 ? 0 : n == 0 ? -ENOENT : -ENOTUNIQ;
}

/* Sockets that come and go while the list is read let it show others twice, or not at all. */
static int proc_ask(const struct end *local, const struct end *remote, struct owner *out)
{
    int r = -ENOENT;

    for (int i = 0; i < PROC_READS && r < 0; i++)
        r = proc_read(local, remote, out);
    return r;
}

/*
 * While this end is ESTABLISHED its pair of addresses cannot be given to another connection: if it still is after
 * the kernel's answer, that answer was about this connection's other end.
 */
static bool is_established(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_ESTABLISHED;
}

/* As the other end sees it: local is its address, remote ours. */
static int ends_of(int fd, struct end *local, struct end *remote)
{
    struct ag_addr here, there;
    int r = ag_addr_of_socket(fd, &here);

    if (r == 0)
        r = ag_addr_of_peer(fd, &there);
    if (r < 0)
        return r;
    if (!end_of(&there, local) || !end_of(&here, remote))
        return -EAFNOSUPPORT;
    return is_loopback(local) && is_loopback(remote) ? 0 : -EADDRNOTAVAIL;
}

static int owner_of(struct ag_cred_asker *a, const struct end *local, const struct end *remote, struct owner *out)
{
    int r = diag_ask(a, local, remote, out);

    if (r < 0 && !a->diag_works)
        r = proc_ask(local, remote, out);
    return r == -EAGAIN ? -EIO : r;
}

int ag_cred_of_tcp(struct ag_cred_asker *a, int fd, struct ag_cred *cred)
{
    struct end local, remote;
    struct owner o;
    int r;

    *cred = (struct ag_cred){0};
    r = ends_of(fd, &local, &remote);
    if (r == 0)
        r = owner_of(a, &local, &remote, &o);
    if (r < 0)
        return r;
    if (o.state != TCP_ESTABLISHED || !is_established(fd))
        return -ENOTCONN;
    if (o.inode == 0)
        return -EAGAIN;
    cred->known = true;
    cred->uid = o.uid;
    return 0;
}

void ag_cred_asker_close(struct ag_cred_asker *a)
{
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
}
