/* SPDX-License-Identifier: MIT */
#include "agent/io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "agent/core/router.h"
#include "agent/io/conn.h"
#include "agent/io/conns.h"
#include "libagent/io/access/cred.h"
#include "libagent/io/file.h"

enum { ACCEPTS_PER_TURN = 64, BACKLOG = 1024, PAUSE_MS = 200, FULL_TURNS = 4 };

static void listener_on_timer(uv_timer_t *timer);

/* With no descriptor left a connection would stay in the queue and wake the loop for ever: it is taken and
 * closed. */
static bool refuse_without_fd(struct conns *s, int fd)
{
    int taken;

    s->router->stats.accept_failures++;
    if (s->spare_fd < 0)
        return false;
    conns_log(s, AG_LOG_ERROR, "no descriptor left: connection refused");
    close(s->spare_fd);
    taken = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (taken >= 0)
        close(taken);
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return taken >= 0;
}

static void refuse_over_limit(struct conns *s, int fd)
{
    static const char text[] = "{\"error\":{\"code\":-32000,\"message\":\"too many connections\"}}";

    s->router->stats.connections_refused++;
    conns_log(s, AG_LOG_WARNING, "connection refused: %u are open", s->router->n_peers);
    send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

/* One that ended its stream long ago and waits for an answer has probably gone altogether. */
static bool make_room(struct conns *s)
{
    struct peer *p = router_first_half_closed(s->router);

    if (!p)
        return false;
    s->router->stats.half_closed_dropped++;
    conn_drop(conn_of_peer(p));
    return true;
}

static void accepted(struct listener *l, int fd)
{
    struct conns *s = l->conns;
    struct conn *c;
    char name[64];
    int one = 1, r;

    if (s->router->n_peers >= s->max && !make_room(s)) {
        refuse_over_limit(s, fd);
        return;
    }
    if (l->addr.kind == AG_ADDR_INET)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    r = conn_open(s, fd, PEER_APP, l->addr.kind == AG_ADDR_SEQPACKET, &c);
    if (r < 0) {
        s->router->stats.accept_failures++;
        conns_log(s, AG_LOG_ERROR, "connection refused: %s", strerror(-r));
        return;
    }
    s->router->stats.connections++;
    if (l->addr.kind == AG_ADDR_INET)
        ag_cred_of_tcp(&s->asker, fd, &c->peer.cred);
    else
        ag_cred_of_unix(fd, &c->peer.cred);
    conns_log(s, AG_LOG_DEBUG, "%s joined", conn_name(c, name));
}

/*
 * A connection that cannot be taken stays in the queue, and a socket that is always readable would keep the loop busy for
 * nothing: it is looked at again after a pause.
 */
static void listener_pause(struct listener *l, const char *reason)
{
    char text[AG_ADDR_TEXT_MAX];

    conns_log(l->conns, AG_LOG_ERROR, "%s: cannot accept: %s", ag_addr_format(&l->addr, text), reason);
    uv_poll_stop(&l->poll);
    uv_timer_start(&l->timer, listener_on_timer, PAUSE_MS, 0);
}

/*
 * Full: perhaps of some that have left already, which only reading from them shows. A few turns of the loop are given to that
 * before anybody is refused.
 */
static bool listener_has_patience(struct listener *l)
{
    struct conns *s = l->conns;

    if (s->router->n_peers >= s->max)
        conns_fit(s); /* perhaps more descriptors are allowed by now */
    if (s->router->n_peers < s->max || router_first_half_closed(s->router)) {
        l->full_turns = 0;
        return false;
    }
    if (l->full_turns >= FULL_TURNS)
        return false;
    l->full_turns++;
    return true;
}

static void listener_on_poll(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;

    (void) events;
    if (status < 0) { /* the loop no longer watches it */
        listener_pause(l, strerror(-status));
        return;
    }
    for (int i = 0; i < ACCEPTS_PER_TURN && !listener_has_patience(l); i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            accepted(l, fd);
        else if (errno == EAGAIN)
            break;
        else if (errno == EMFILE && make_room(l->conns))
            break; /* its descriptor is free in the next turn */
        else if ((errno == EMFILE || errno == ENFILE) && refuse_without_fd(l->conns, l->fd))
            continue;
        else if (errno != ECONNABORTED && errno != EINTR) {
            listener_pause(l, strerror(errno));
            break;
        }
    }
}

static void listener_on_timer(uv_timer_t *timer)
{
    struct listener *l = timer->data;

    uv_poll_start(&l->poll, UV_READABLE, listener_on_poll);
}

static int listener_watch(struct listener *l)
{
    int r = uv_poll_init(l->conns->loop, &l->poll, l->fd);

    if (r < 0)
        return r;
    uv_timer_init(l->conns->loop, &l->timer);
    l->poll.data = l->timer.data = l;
    return uv_poll_start(&l->poll, UV_READABLE, listener_on_poll);
}

static const char *unix_path(const struct ag_addr *a)
{
    const struct sockaddr_un *un = (const void *) &a->sa;

    return a->kind == AG_ADDR_INET || un->sun_path[0] == '\0' ? NULL : un->sun_path;
}

/* The folder of the socket, one level deep: /run/miio does not survive a restart of the machine. */
static void make_parent(const char *path)
{
    char dir[sizeof((struct sockaddr_un *) 0)->sun_path];
    const char *slash = strrchr(path, '/');

    if (!slash || slash == path)
        return;
    memcpy(dir, path, (size_t) (slash - path));
    dir[slash - path] = '\0';
    mkdir(dir, 0755);
}

/* From /etc/group alone: getgrnam() would load the name service's libraries, 0.7 MB for one lookup. */
static bool group_find(const char *name, gid_t *gid_out)
{
    FILE *f = fopen("/etc/group", "re");
    struct group *g = NULL;

    if (!f)
        return false;
    while ((g = fgetgrent(f)) && strcmp(g->gr_name, name) != 0)
        ;
    if (g)
        *gid_out = g->gr_gid;
    fclose(f);
    return g != NULL;
}

/* Mode 0660 from the first moment on; the group is handed over at once. */
static int bind_path(int fd, const struct ag_addr *addr, const char *path, const char *group)
{
    mode_t old;
    gid_t gid;
    int r = 0;

    make_parent(path);
    r = ag_file_remove_stale_socket(path, addr->kind == AG_ADDR_UNIX ? SOCK_STREAM : SOCK_SEQPACKET);
    if (r < 0)
        return r;
    old = umask(0117);
    if (bind(fd, (const struct sockaddr *) &addr->sa, addr->len) < 0)
        r = -errno;
    umask(old);
    if (r == 0 && group && *group && group_find(group, &gid) && chown(path, (uid_t) -1, gid) < 0)
        ag_log(AG_LOG_WARNING, "%s: cannot give it to group %s: %s", path, group, strerror(errno));
    return r;
}

static int bind_and_listen(int fd, const struct ag_addr *addr, const char *group)
{
    const char *path = unix_path(addr);
    int one = 1, r = 0;

    if (addr->kind == AG_ADDR_INET)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (path)
        r = bind_path(fd, addr, path, group);
    else if (bind(fd, (const struct sockaddr *) &addr->sa, addr->len) < 0)
        r = -errno;
    return r == 0 && listen(fd, BACKLOG) < 0 ? -errno : r;
}

int listener_open(struct listener *l, struct conns *s, const struct ag_addr *addr, const char *group)
{
    int type = addr->kind == AG_ADDR_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM;
    int fd = socket(addr->sa.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r = fd < 0 ? -errno : bind_and_listen(fd, addr, group);

    *l = (struct listener){.conns = s, .fd = fd};
    if (r == 0)
        r = ag_addr_of_socket(fd, &l->addr);
    if (r == 0)
        r = listener_watch(l);
    if (r < 0 && fd >= 0)
        close(fd);
    return r;
}

static int int_option(int fd, int option, int *out)
{
    socklen_t len = sizeof *out;

    return getsockopt(fd, SOL_SOCKET, option, out, &len) < 0 ? -errno : 0;
}

/* Anything else would always be readable and never give a connection. */
static int is_listener(int fd, const struct ag_addr *a)
{
    int listens = 0, type = 0;
    int r = int_option(fd, SO_ACCEPTCONN, &listens);

    if (r == 0)
        r = int_option(fd, SO_TYPE, &type);
    if (r < 0)
        return r;
    if (a->kind == AG_ADDR_NONE || !listens || (a->kind == AG_ADDR_INET && type != SOCK_STREAM))
        return -ESOCKTNOSUPPORT;
    return 0;
}

int listener_adopt(struct listener *l, struct conns *s, int fd)
{
    int r;

    *l = (struct listener){.conns = s, .fd = fd, .inherited = true};
    r = ag_addr_of_socket(fd, &l->addr);
    if (r == 0)
        r = is_listener(fd, &l->addr);
    if (r < 0)
        return r;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return listener_watch(l);
}

void listener_close(struct listener *l)
{
    const char *path = unix_path(&l->addr);

    if (l->closing)
        return;
    l->closing = true;
    if (path && !l->inherited)
        unlink(path);
    uv_close((uv_handle_t *) &l->poll, NULL);
    uv_close((uv_handle_t *) &l->timer, NULL);
    close(l->fd);
}
