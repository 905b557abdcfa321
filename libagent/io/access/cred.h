/* SPDX-License-Identifier: MIT */
/*
 * Who is at the other end of a socket of this machine: SO_PEERCRED and SO_PEERGROUPS on unix sockets; for TCP
 * the kernel is asked which user owns the other end (sock_diag, or /proc/net/tcp where the kernel lacks it).
 * Never blocks.
 *
 * A TCP peer is known when both ends are ESTABLISHED and the other one belongs to an open descriptor, at the
 * moment of asking: ask right after accept(). Everything else - closed or half closed by then, two answers,
 * an error, not on loopback, another network namespace - is unknown.
 */
#ifndef AG_IO_CRED_H
#define AG_IO_CRED_H

#include "libagent/core/cred.h"

/* One for each daemon; the netlink socket is opened at the first question and kept. */
struct ag_cred_asker {
    int fd; /* -1: not open */
    uint32_t seq;
    bool diag_works; /* it has found a socket before, so what it does not find is not there */
};

#define AG_CRED_ASKER_INIT                                                                                                       \
    {                                                                                                                            \
        .fd = -1                                                                                                                 \
    }

void ag_cred_asker_close(struct ag_cred_asker *a);

/* *cred is written in any case, all zero when unknown. End it with free(cred->gids). */
void ag_cred_of_unix(int fd, struct ag_cred *cred);

/*
 * The same for a connected TCP socket; gids stay empty (rules for groups name their members, access_file.h).
 * 0: known. -EAGAIN: the other end is there, but its program has not accepted it yet: ask again later. Other
 * -errno: unknown.
 */
int ag_cred_of_tcp(struct ag_cred_asker *a, int fd, struct ag_cred *cred);

#endif
