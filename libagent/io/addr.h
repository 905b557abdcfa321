/* SPDX-License-Identifier: MIT */
/*
 * Addresses as options and config files write them, in numeric form only: no name is ever looked up, so nothing
 * here can block. UDP programs use the same ADDR:PORT form.
 *
 *     127.0.0.1:54320   tcp:127.0.0.1:54320   [::1]:0     AG_ADDR_INET
 *     unix:/run/miio/agent.sock   /run/miio/agent.sock    AG_ADDR_UNIX (stream)
 *     seqpacket:/tmp/miio_agent.socket                    AG_ADDR_SEQPACKET
 *     none                                                AG_ADDR_NONE
 *
 * A path that begins with '@' is a name in Linux' abstract namespace.
 */
#ifndef AG_ADDR_H
#define AG_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum ag_addr_kind { AG_ADDR_NONE, AG_ADDR_INET, AG_ADDR_UNIX, AG_ADDR_SEQPACKET };

/* Room for the longest text ag_addr_format() writes, NUL included. */
enum { AG_ADDR_TEXT_MAX = 128 };

struct ag_addr {
    enum ag_addr_kind kind;
    socklen_t len;              /* of sa; 0 for AG_ADDR_NONE */
    struct sockaddr_storage sa; /* ready for bind() and connect() */
};

/* 0, or -EINVAL: *reason_out is a constant English text and *out is untouched. reason_out may be NULL. */
int ag_addr_parse(const char *text, struct ag_addr *out, const char **reason_out);

/* The same for an option that takes a bare path: "none", PATH, @NAME; kind is AG_ADDR_UNIX or AG_ADDR_SEQPACKET. */
int ag_addr_parse_path(const char *text, enum ag_addr_kind kind, struct ag_addr *out, const char **reason_out);

/* "127.0.0.1:54320", "[::1]:54320", "/path", "@name" or "none". Returns out. */
const char *ag_addr_format(const struct ag_addr *a, char out[AG_ADDR_TEXT_MAX]);

/* What a bound socket's own address is, with the port the kernel chose; kind from its socket type. 0 or -errno. */
int ag_addr_of_socket(int fd, struct ag_addr *out);

/* What the other end's address is. 0 or -errno. */
int ag_addr_of_peer(int fd, struct ag_addr *out);

/* Any sockaddr, as libuv and recvfrom() give them. An unknown family becomes AG_ADDR_NONE. */
void ag_addr_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct ag_addr *out);

/* Port in host order; 0 when it has none. */
uint16_t ag_addr_port(const struct ag_addr *a);

/* True for 127.0.0.0/8, ::1 and unix sockets. */
bool ag_addr_is_local(const struct ag_addr *a);

/* Same family, address and port, or same path. */
bool ag_addr_equal(const struct ag_addr *a, const struct ag_addr *b);

#endif
