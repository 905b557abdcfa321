/* SPDX-License-Identifier: MIT */
/*
 * Sockets. The device is one host, 10.0.0.2 and 127.0.0.0/8; every other host is a stand-in behind a link of its own with
 * latency, loss and partitions. TCP keeps order and loses nothing while it lives; a link that is down holds it back; UDP is
 * lost, doubled and reordered by the link's chances.
 */
#ifndef WORLD_NET_H
#define WORLD_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "tests/world/kernel/files.h"

#define IP(a, b, c, d)   ((uint32_t) (a) << 24 | (b) << 16 | (c) << 8 | (d))
#define DEVICE_IP        IP(10, 0, 0, 2)
#define DEVICE_SECOND_IP IP(10, 0, 0, 3) /* of the same device */
#define LOOPBACK_IP      IP(127, 0, 0, 1)

struct link {
    uint32_t ip;              /* of the host behind it */
    uint32_t first_ip, n_ips; /* and of others, one after the other */
    const char *name;
    uint64_t latency_us, jitter_us;
    uint32_t loss_ppm, dup_ppm, late_ppm; /* late: overtaken by others */
    bool down;
    bool away;    /* the device is in no network from which it can be reached */
    bool refuses; /* connections */
    bool silent;  /* accepts nothing and refuses nothing */
};

/* One more host. Kept for ever. */
struct link *net_host(uint32_t ip, const char *name, uint64_t latency_us);
struct link *net_link(uint32_t ip); /* NULL: no such host */
/* Every connection over this link ends with a reset, on both sides. */
void net_cut(struct link *l);
/* The host has lost its connections, and the device hears nothing of it: what it sends is lost from now on. */
void net_forget(struct link *l);
/* The device has lost its power: its sockets say nothing more to anybody. */
void net_power_cut(void);

struct addr {
    uint32_t ip;
    uint16_t port;
};

enum vsock_state { S_FRESH, S_BOUND, S_LISTEN, S_CONNECTING, S_UP, S_FAILED };

struct vsock;
struct chan;
struct dgram;

/* A stand-in's end of things. */
struct act_events {
    void (*data)(void *user, struct vsock *s, const char *p, size_t n);
    void (*closed)(void *user, struct vsock *s); /* end of the stream, or reset; then act_close() */
};

struct vsock {
    struct vfile base;
    int type, family; /* SOCK_STREAM ..., AF_INET, AF_UNIX, AF_NETLINK */
    enum vsock_state state;
    struct addr local, remote;
    char path[108];
    struct inode *node; /* of path */
    int err;            /* for SO_ERROR, and the next call */
    struct chan *in, *out;
    bool shut_out, reuse;
    bool tty;
    bool dialled; /* by a program, to remote, or to that path */
    char far_path[108];
    uint64_t up_us; /* when that was answered; 0: not yet */
    int uid, pid;
    uint64_t inode;
    struct vsock *peer_of_accept;
    /* listening */
    struct vsock *backlog[128];
    unsigned n_backlog;
    /* datagrams */
    struct dgram *first, *last;
    unsigned n_dgrams;
    uint32_t asked, leaves_from; /* IP_PKTINFO of the last datagram; of the next, 0: the device's first address */
    /* stand-ins */
    bool actor;
    const struct act_events *events;
    void *user;
    void (*on_accept)(void *user, struct vsock *s);
    void (*on_datagram)(void *user, struct addr from, const char *p, size_t n);
    bool dying;
    unsigned pins; /* events that name it */
    struct vsock *next;
};

/* The program has a connection to that port of the device's own. */
bool net_has(const struct proc *p, uint16_t port);

/* A program dials; it lets go of what it had dialled. May be NULL. */
extern void (*net_on_dial)(struct proc *p, const struct vsock *s);
extern void (*net_on_gone)(struct proc *p, const struct vsock *s);

/* ---- for stand-ins ---- */

struct vsock *act_listen(uint32_t ip, uint16_t port, void (*on_accept)(void *user, struct vsock *s), void *user);
void act_take(struct vsock *s, const struct act_events *events, void *user);
void act_send(struct vsock *s, const void *p, size_t n);
void act_close(struct vsock *s, bool reset);
struct vsock *act_udp(uint32_t ip, uint16_t port, void (*on_datagram)(void *, struct addr, const char *, size_t), void *user);
void act_udp_send(struct vsock *s, struct addr to, const void *p, size_t n);

/* ---- for the calls: all return -errno ---- */

/* A serial line: the program's end, and a stand-in's. */
struct vsock *vsock_pair(struct proc *p, struct vsock **far_out);
struct vsock *vsock_new(struct proc *p, int family, int type);
int vsock_bind(struct vsock *s, const struct sockaddr *sa, socklen_t len);
int vsock_listen(struct vsock *s, int backlog);
int vsock_connect(struct vsock *s, const struct sockaddr *sa, socklen_t len);
struct vsock *vsock_accept(struct vsock *s, struct proc *p); /* NULL: none waits */
ssize_t vsock_send(struct vsock *s, const void *p, size_t n, const struct sockaddr *to, socklen_t len);
ssize_t vsock_recv(struct vsock *s, void *p, size_t n, int flags, struct sockaddr *from, socklen_t *len);
int vsock_shutdown(struct vsock *s, int how);
int vsock_name(const struct vsock *s, bool peer, struct sockaddr *sa, socklen_t *len);
void vsock_close(struct vsock *s);
unsigned vsock_ready(const struct vsock *s); /* poll.h */
size_t vsock_pending(const struct vsock *s);
bool vsock_established(const struct vsock *s);
const struct vsock *vsock_peer(const struct vsock *s); /* NULL: gone */

#endif
