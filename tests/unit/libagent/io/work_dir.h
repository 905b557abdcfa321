/* SPDX-License-Identifier: MIT */
/* A directory of its own for a test that works with files, as set-up and teardown of cmocka. */
#ifndef TEST_WORK_DIR_H
#define TEST_WORK_DIR_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline int make_dir(void **state)
{
    char *dir = strdup("/tmp/miio_io_XXXXXX");

    *state = dir ? mkdtemp(dir) : NULL;
    return *state && chdir(*state) == 0 ? 0 : -1;
}

static inline int drop_dir(void **state)
{
    int r = chdir("/") < 0 || rmdir(*state) < 0 ? -1 : 0; /* fails when a test has left something behind */

    free(*state);
    return r;
}

#endif
