/* SPDX-License-Identifier: MIT */
/*
 * Makes the n-th allocation from now fail, for sweeps over every allocation of a core. Test programs that use it are
 * built by miio_unit_test(... ALLOC_FAIL), which wraps malloc, calloc, realloc and strdup at link time.
 */
#ifndef TEST_ALLOC_FAIL_H
#define TEST_ALLOC_FAIL_H

#include <stdbool.h>

/* 0: never. n: the n-th allocation fails, and only that one. */
void alloc_fail_at(unsigned long n);
/* True when the allocation armed last has been reached. */
bool alloc_fail_reached(void);

/* Runs fn(user) with allocation 1, 2, 3 ... failing, until a run ends without reaching the armed one. */
void alloc_fail_sweep(void (*fn)(void *user), void *user);

#endif
