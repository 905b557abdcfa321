/* SPDX-License-Identifier: MIT */
/* What is at the path of the store's file at the start: opened, judged, and repaired when it is not as it was left. */
#ifndef CLIENT_SPOOL_FIND_H
#define CLIENT_SPOOL_FIND_H

#include "client/report/io/spool_file.h"

struct spool_find {
    const char *path; /* to be set */
    int said;         /* to be set: an error that has been logged */
    bool give_up;     /* to be set: what the disk does not give counts as damage */
    /* What was found: the caller's, whatever the result. */
    struct spool_file file; /* fd -1: there is none */
    struct spool_index index;
    unsigned n_put_aside, n_damaged;
    /* while it is read */
    unsigned n_strange;
    int error;
};

/* Logs what it did. 0, or -errno: the path cannot be used, and nothing is open. */
int spool_find(struct spool_find *f);

#endif
