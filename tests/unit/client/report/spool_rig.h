/* SPDX-License-Identifier: MIT */
/*
 * A store on a real file system, with what it tells, a disk that fails when it is told to, and a clock that does not wait: a
 * pause of a second or more ends at once. One rig at a time; its symbols stand before the C library's in the whole test
 * program.
 */
#ifndef TEST_SPOOL_RIG_H
#define TEST_SPOOL_RIG_H

/* What cmocka wants before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client/report/io/spool.h"

enum { MAX = 2000 };

enum fault { FAULT_NONE, FAULT_WRITE, FAULT_SHORT, FAULT_SYNC, FAULT_READ, FAULT_OPEN /* for writing */ };

/* Atomic: the store writes in a thread, and a test may set another fault meanwhile. */
extern struct faulty_disk {
    _Atomic(enum fault) kind;
    atomic_int error;
    atomic_uint skip, times; /* calls of that kind that go well; then so many fail */
    atomic_uint n_hit;
    atomic_bool dirty; /* written since the last fdatasync() */
} disk;

extern uint64_t bad_sector; /* a byte that no read gives; 0: none */

struct rig {
    uv_loop_t loop;
    struct spool *s;
    char dir[64], path[96];
    int stored[MAX]; /* by number: 1 not yet, 0 stored, negative failed */
    bool found[MAX];
    unsigned needs[MAX]; /* of those found */
    unsigned n_found, n_stored, n_again;
    uint64_t last_found;
    bool closed;
    bool is_old; /* its records are not of put()'s form */
};

/* The disk itself, past its faults. */
ssize_t __real_pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t __real_pread64(int fd, void *p, size_t n, off_t at);

void rig_make(struct rig *r);
void rig_open(struct rig *r);
void rig_close(struct rig *r);
/* Removes its folder. */
void rig_end(struct rig *r);

/* Record seq, for the first cloud or for these. */
void rig_put(struct rig *r, uint64_t seq);
void rig_put_for(struct rig *r, uint64_t seq, unsigned needs);
/* How its writing ended. */
int rig_wait_for(struct rig *r, uint64_t seq);
/* Both. */
int rig_keep(struct rig *r, uint64_t seq);

/* A shell's command; it must go well. */
void rig_run(const char *fmt, ...) ag_printf_like(1, 2);
void rig_copy(const char *from, const char *to);
/* OLD_FILE has the words and the byte order of its machine, x86-64: this is such a one. */
bool rig_reads_old_file(void);
/* There is one with that behind the path. */
bool rig_has_file(const struct rig *r, const char *end);

#endif
