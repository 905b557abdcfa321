/* SPDX-License-Identifier: MIT */
/* Sockets, and waiting for them. */
#include "tests/world/kernel/calls/wrap.h"

#include <linux/wireless.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include "tests/world/kernel/calls.h"
#include "tests/world/kernel/files.h"
#include "tests/world/kernel/kernel.h"
#include "tests/world/kernel/net.h"

const char *essid;

static struct vsock *sock_of(int fd)
{
    struct vfile *f = fd_get(proc_now(), fd);

    return f && f->kind == V_SOCKET ? (struct vsock *) f : NULL;
}

#define SOCK_OR_FAIL(s, fd)                                                                                                      \
    struct vsock *s = sock_of(fd);                                                                                               \
    if (!s)                                                                                                                      \
    return (int) done(-EBADF)

WRAP(int, socket, int family, int type, int protocol)
{
    struct proc *p = proc_now();

    (void) protocol;
    if (family == AF_INET6)
        return (int) done(-EAFNOSUPPORT);
    return (int) done(fd_open(p, &vsock_new(p, family, type & 15)->base));
}

WRAP(int, bind, int fd, const struct sockaddr *sa, socklen_t len)
{
    SOCK_OR_FAIL(s, fd);
    return (int) done(vsock_bind(s, sa, len));
}

WRAP(int, listen, int fd, int backlog)
{
    SOCK_OR_FAIL(s, fd);
    return (int) done(vsock_listen(s, backlog));
}

WRAP(int, connect, int fd, const struct sockaddr *sa, socklen_t len)
{
    SOCK_OR_FAIL(s, fd);
    return (int) done(vsock_connect(s, sa, len));
}

WRAP(int, accept4, int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
    struct proc *p = proc_now();
    struct vsock *o;

    SOCK_OR_FAIL(s, fd);
    (void) sa;
    (void) len;
    (void) flags;
    if (s->n_backlog == 0)
        return (int) done(-EAGAIN);
    if (fd_count(p) >= p->fd_limit)
        return (int) done(-EMFILE);
    o = vsock_accept(s, p);
    return (int) done(fd_open(p, &o->base));
}

WRAP(ssize_t, send, int fd, const void *p, size_t n, int flags)
{
    SOCK_OR_FAIL(s, fd);
    (void) flags;
    return done(vsock_send(s, p, n, NULL, 0));
}

WRAP(ssize_t, sendto, int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t len)
{
    SOCK_OR_FAIL(s, fd);
    (void) flags;
    return done(vsock_send(s, p, n, to, len));
}

/* IP_PKTINFO: which address of the device is meant. 0: nobody says. */
static uint32_t source_of(const struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR((struct msghdr *) m, c))
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
            return ntohl(((struct in_pktinfo *) (void *) CMSG_DATA(c))->ipi_spec_dst.s_addr);
    return 0;
}

static void put_asked(struct msghdr *m, size_t room, uint32_t ip)
{
    const struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(ip), .ipi_addr.s_addr = htonl(ip)};
    struct cmsghdr *c = m->msg_control;

    m->msg_controllen = 0;
    if (!ip || !c || room < CMSG_SPACE(sizeof info))
        return;
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
    memcpy(CMSG_DATA(c), &info, sizeof info);
    m->msg_controllen = CMSG_SPACE(sizeof info);
}

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *m, int flags)
{
    SOCK_OR_FAIL(s, fd);
    (void) flags;
    s->leaves_from = source_of(m);
    return done(vsock_send(s, m->msg_iov[0].iov_base, m->msg_iov[0].iov_len, m->msg_name, m->msg_namelen));
}

/* What fails ends it, and is told when it is the first. */
WRAP(int, sendmmsg, int fd, struct mmsghdr *m, unsigned n, int flags)
{
    for (unsigned i = 0; i < n; i++) {
        ssize_t sent = __wrap_sendmsg(fd, &m[i].msg_hdr, flags);

        if (sent < 0)
            return i > 0 ? (int) i : -1;
        m[i].msg_len = (unsigned) sent;
    }
    return (int) n;
}

WRAP(ssize_t, recvfrom, int fd, void *p, size_t n, int flags, struct sockaddr *from, socklen_t *len)
{
    SOCK_OR_FAIL(s, fd);
    return done(vsock_recv(s, p, n, flags, from, len));
}

WRAP(ssize_t, recv, int fd, void *p, size_t n, int flags)
{
    return __wrap_recvfrom(fd, p, n, flags, NULL, NULL);
}

WRAP(ssize_t, recvmsg, int fd, struct msghdr *m, int flags)
{
    SOCK_OR_FAIL(s, fd);
    size_t room = m->msg_controllen;
    ssize_t n;

    m->msg_controllen = 0;
    m->msg_flags = 0;
    s->asked = 0;
    n = vsock_recv(s, m->msg_iov[0].iov_base, m->msg_iov[0].iov_len, flags, m->msg_name, m->msg_name ? &m->msg_namelen : NULL);
    put_asked(m, room, s->asked);
    return done(n);
}

WRAP(int, shutdown, int fd, int how)
{
    SOCK_OR_FAIL(s, fd);
    return (int) done(vsock_shutdown(s, how));
}

WRAP(int, getsockname, int fd, struct sockaddr *sa, socklen_t *len)
{
    SOCK_OR_FAIL(s, fd);
    return (int) done(vsock_name(s, false, sa, len));
}

WRAP(int, getpeername, int fd, struct sockaddr *sa, socklen_t *len)
{
    SOCK_OR_FAIL(s, fd);
    return (int) done(vsock_name(s, true, sa, len));
}

WRAP(int, setsockopt, int fd, int level, int what, const void *v, socklen_t len)
{
    (void) level;
    (void) what;
    (void) v;
    (void) len;
    return sock_of(fd) ? 0 : (int) done(-EBADF);
}

WRAP(int, getsockopt, int fd, int level, int what, void *v, socklen_t *len)
{
    SOCK_OR_FAIL(s, fd);
    if (level == IPPROTO_TCP && what == TCP_INFO) {
        struct tcp_info info = {.tcpi_state = vsock_established(s) ? TCP_ESTABLISHED : TCP_CLOSE_WAIT};

        memcpy(v, &info, *len < sizeof info ? *len : sizeof info);
        return 0;
    }
    if (level == SOL_SOCKET && what == SO_PEERCRED) {
        const struct vsock *peer = vsock_peer(s);
        struct ucred u = {
            .pid = peer ? peer->pid : 0, .uid = peer ? (uid_t) peer->uid : (uid_t) -1, .gid = peer ? (gid_t) peer->uid : 0};

        memcpy(v, &u, sizeof u);
        *len = sizeof u;
        return 0;
    }
    if (level == SOL_SOCKET && (what == SO_ERROR || what == SO_ACCEPTCONN || what == SO_TYPE)) {
        int n = what == SO_ERROR ? s->err : what == SO_TYPE ? s->type : s->state == S_LISTEN;

        if (what == SO_ERROR)
            s->err = 0;
        memcpy(v, &n, sizeof n);
        *len = sizeof n;
        return 0;
    }
    return (int) done(-ENOPROTOOPT);
}

static int tell_essid(struct iwreq *rq)
{
    size_t n = essid ? strlen(essid) : 0;

    if (!essid)
        return (int) done(-EOPNOTSUPP);
    memcpy(rq->u.essid.pointer, essid, n);
    rq->u.essid.length = (unsigned short) n;
    return 0;
}

WRAP(int, ioctl, int fd, unsigned long what, ...)
{
    struct vsock *s = sock_of(fd);
    va_list ap;

    if (s && what == SIOCGIWESSID) {
        int r;

        va_start(ap, what);
        r = tell_essid(va_arg(ap, struct iwreq *));
        va_end(ap);
        return r;
    }

    if (s && s->tty && (what == TIOCEXCL || what == TIOCNXCL))
        return 0;
    if (!s || (what != FIONREAD && what != TIOCOUTQ))
        return (int) done(-ENOTTY);
    va_start(ap, what);
    *va_arg(ap, int *) = what == FIONREAD ? (int) vsock_pending(s) : 0;
    va_end(ap);
    return 0;
}

WRAP(int, isatty, int fd)
{
    const struct vsock *s = sock_of(fd);

    if (s && s->tty)
        return 1;
    errno = ENOTTY;
    return 0;
}

WRAP(int, tcgetattr, int fd, struct termios *t)
{
    memset(t, 0, sizeof *t);
    return __wrap_isatty(fd) ? 0 : -1;
}

WRAP(int, tcsetattr, int fd, int how, const struct termios *t)
{
    (void) how;
    (void) t;
    return __wrap_isatty(fd) ? 0 : -1;
}

WRAP(int, tcflush, int fd, int which)
{
    (void) which;
    return __wrap_isatty(fd) ? 0 : -1;
}

static int look(struct pollfd *fds, nfds_t n)
{
    struct proc *p = proc_now();
    int ready = 0;

    for (nfds_t i = 0; i < n; i++) {
        struct vfile *f = fd_get(p, fds[i].fd);
        unsigned r = f ? vfile_ready(f) : POLLNVAL;

        if (fds[i].fd < 0)
            r = 0;
        fds[i].revents = (short) (r & ((unsigned) fds[i].events | POLLERR | POLLHUP | POLLNVAL));
        ready += fds[i].revents != 0;
    }
    return ready;
}

WRAP(int, poll, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    uint64_t until = timeout_ms < 0 ? NEVER : W.now_us + (uint64_t) timeout_ms * MS;
    int ready;

    for (;;) {
        ready = look(fds, n);
        if (ready > 0 || timeout_ms == 0)
            return ready;
        if (W.now_us >= until)
            return 0;
        thr_sleep(until);
        if (proc_now()->signals)
            return (int) done(-EINTR);
    }
}
