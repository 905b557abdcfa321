/*
 * Who is at the other end of a socket of this machine: SO_PEERCRED and SO_PEERGROUPS on unix sockets; for
 * loopback TCP the kernel's socket table (sock_diag) is asked for the owner of the other end. Never blocks.
 */
#ifndef AGENT_IO_CRED_H
#define AGENT_IO_CRED_H

#include "agent/core/peer.h"

/* cred stays unknown when the kernel does not tell. */
void cred_of_unix(int fd, struct peer_cred *cred);
/* *diag_fd: the netlink socket, opened when it is -1 and kept. */
void cred_of_tcp(int fd, int *diag_fd, struct peer_cred *cred);

#endif
