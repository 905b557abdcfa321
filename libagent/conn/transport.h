/* SPDX-License-Identifier: MIT */
/*
 * The socket to the agent, and what a loop needs of it: the one file pair of the library that does I/O. An epoll
 * descriptor stands for the socket of the moment and a wake-up eventfd, so that the application polls one descriptor
 * that stays the same over reconnects.
 */
#ifndef AG_TRANSPORT_H
#define AG_TRANSPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>
#include "libagent/conn/address.h"

struct ag_transport {
    int epoll_fd, wake_fd;
    int fd;                    /* -1: none */
    bool packets;              /* SOCK_SEQPACKET */
    bool want_write;           /* the socket is also waited for to become writable */
    pid_t owner;               /* the process it belongs to: a forked child shares the descriptors, but may not use them */
    const volatile char *mark; /* a page that the kernel empties in children: 1 in the owner; NULL: it cannot */
    atomic_bool woken;
};

/* Nothing is open yet; it belongs to this process. */
void ag_transport_own(struct ag_transport *t);
static inline bool ag_transport_is_ours(const struct ag_transport *t)
{
    return t->mark ? *t->mark : t->owner == getpid(); /* the mark costs no call of the kernel */
}

/* 0 or -errno. */
int ag_transport_init(struct ag_transport *t);
void ag_transport_deinit(struct ag_transport *t);

/* 0: the address can be connected to, judging by its form; -EINVAL. */
int ag_transport_check_address(const struct ag_address *a);
/* 0: connected, 1: under way, -errno: refused (nothing is open then). */
int ag_transport_connect(struct ag_transport *t, const struct ag_address *a);
/* Takes over a connected descriptor. It may be an -errno, which is then returned. 0 or -errno (it is closed then). */
int ag_transport_adopt(struct ag_transport *t, int fd, bool packets);
/* What became of a connect under way: as above. */
int ag_transport_connect_result(struct ag_transport *t);
/* The owner ends the connection, even if a child still has it; in a child only its descriptor is closed. Idempotent. */
void ag_transport_close(struct ag_transport *t);

/* >0 bytes, 0 the end, -EAGAIN, -EMSGSIZE (a packet longer than n), -errno. Never blocks. */
ssize_t ag_transport_recv(struct ag_transport *t, void *p, size_t n);
/* Bytes taken, -EAGAIN, -errno. Never blocks, never raises SIGPIPE. */
ssize_t ag_transport_send(struct ag_transport *t, const void *p, size_t n);
void ag_transport_want_write(struct ag_transport *t, bool on);
/* Bytes that lie in the socket. */
size_t ag_transport_pending(const struct ag_transport *t);

/* Sleeps until something happens; a wake-up is taken. 1 yes, 0 time is up, -EINTR. */
int ag_transport_wait(struct ag_transport *t, int timeout_ms);
/* Any thread, any signal handler. */
void ag_transport_wake(struct ag_transport *t);
/* Clears the wake-up. True: there was one, and all that was done before it is seen from now on. */
bool ag_transport_take_wake(struct ag_transport *t);

/* unused: gives it the signature of a clock. */
uint64_t ag_transport_now_ms(void *unused);
uint64_t ag_transport_random(void);

#endif
