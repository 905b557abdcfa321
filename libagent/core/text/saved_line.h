/* SPDX-License-Identifier: MIT */
/*
 * The lines of small files in which a program keeps its state: NAME=VALUE and a line end, nothing else. An incomplete line
 * means that the file is incomplete.
 */
#ifndef AG_SAVED_LINE_H
#define AG_SAVED_LINE_H

#include <errno.h>
#include <string.h>
#include "libagent/core/util.h"

/*
 * Takes the first line off *rest into line (n bytes) and cuts it in two there. 1, *name and *value point into line;
 * 0: no more; -EINVAL: no line end, no '=', a NUL byte, or longer than n - 1.
 */
static inline int ag_saved_line(struct ag_span *rest, char *line, size_t n, char **name, char **value)
{
    const char *nl = rest->len ? memchr(rest->p, '\n', rest->len) : NULL;
    size_t len = nl ? (size_t) (nl - rest->p) : 0;
    char *eq;

    if (rest->len == 0)
        return 0;
    if (!nl || len >= n || memchr(rest->p, '\0', len))
        return -EINVAL;
    memcpy(line, rest->p, len);
    line[len] = '\0';
    eq = strchr(line, '=');
    if (!eq)
        return -EINVAL;
    *eq = '\0';
    *name = line;
    *value = eq + 1;
    rest->p = nl + 1;
    rest->len -= len + 1;
    return 1;
}

#endif
