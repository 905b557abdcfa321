/* SPDX-License-Identifier: MIT */
/* Who is at the other end of a socket of this machine, as the kernel says: libagent/io/access/cred.h asks it. */
#ifndef AG_CORE_CRED_H
#define AG_CORE_CRED_H

#include <stdbool.h>
#include <stdint.h>

/* All zero is "unknown": gets what the rules give to everyone and never more. */
struct ag_cred {
    bool known; /* false: uid and gids mean nothing */
    uint32_t uid;
    int32_t pid; /* 0: unknown, as always on TCP */
    uint32_t n_gids;
    uint32_t *gids; /* heap, owned: free() it; NULL when n_gids is 0, as always on TCP */
};

#endif
