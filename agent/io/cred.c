#include "agent/io/cred.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "libagent/io/addr.h"

enum { GROUPS_MAX = 1024 };

static void read_groups(int fd, struct peer_cred *cred, gid_t own)
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

void cred_of_unix(int fd, struct peer_cred *cred)
{
    struct ucred u;
    socklen_t len = sizeof u;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len) < 0 || u.uid == (uid_t) -1)
        return;
    cred->known = true;
    cred->uid = u.uid;
    cred->pid = u.pid;
    read_groups(fd, cred, u.gid);
}

struct diag_request {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};

static void put_addr(const struct ag_addr *a, __be32 addr[4], __be16 *port)
{
    if (a->sa.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *) &a->sa;

        addr[0] = in->sin_addr.s_addr;
        *port = in->sin_port;
    } else {
        const struct sockaddr_in6 *in6 = (const void *) &a->sa;

        memcpy(addr, &in6->sin6_addr, 16);
        *port = in6->sin6_port;
    }
}

/* Asks for the socket whose own address is local and whose peer is remote. */
static int diag_ask(int diag, const struct ag_addr *local, const struct ag_addr *remote, uint32_t *uid_out)
{
    struct diag_request req = {
        .head = {.nlmsg_len = sizeof req, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = (uint8_t) local->sa.ss_family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = ~0u,
                 .id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}}};
    struct {
        struct nlmsghdr head;
        struct inet_diag_msg body;
        char more[1024];
    } answer;
    ssize_t n;

    put_addr(local, req.body.id.idiag_src, &req.body.id.idiag_sport);
    put_addr(remote, req.body.id.idiag_dst, &req.body.id.idiag_dport);
    if (send(diag, &req, sizeof req, MSG_DONTWAIT) < 0)
        return -errno;
    n = recv(diag, &answer, sizeof answer, MSG_DONTWAIT);
    if (n < (ssize_t) (sizeof answer.head + sizeof answer.body) ||
        answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return -ENOENT;
    if (answer.body.id.idiag_sport != req.body.id.idiag_sport ||
        answer.body.id.idiag_dport != req.body.id.idiag_dport)
        return -ENOENT; /* a listener was found instead */
    *uid_out = answer.body.idiag_uid;
    return 0;
}

void cred_of_tcp(int fd, int *diag_fd, struct peer_cred *cred)
{
    struct ag_addr here, there;
    uint32_t uid = UINT32_MAX;

    if (ag_addr_of_socket(fd, &here) < 0 || ag_addr_of_peer(fd, &there) < 0 || !ag_addr_is_local(&there))
        return;
    if (*diag_fd < 0)
        *diag_fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (*diag_fd < 0 || diag_ask(*diag_fd, &there, &here, &uid) < 0)
        return;
    cred->known = true;
    cred->uid = uid;
}
