/* SPDX-License-Identifier: MIT */
#include "agent/ctl/core/tar.h"

#include <errno.h>

enum { BLOCK = 512 };

/* Field offsets of a header block. */
enum { AT_MODE = 100, AT_UID = 108, AT_GID = 116, AT_SIZE = 124, AT_MTIME = 136, AT_SUM = 148, AT_TYPE = 156, AT_MAGIC = 257 };

static void put_octal(char *at, size_t width, uint64_t v)
{
    for (; width > 0; v >>= 3)
        at[--width] = (char) ('0' + (v & 7));
}

static void put_sum(char h[BLOCK])
{
    unsigned sum = 0;

    memset(h + AT_SUM, ' ', 8);
    for (int i = 0; i < BLOCK; i++)
        sum += (unsigned char) h[i];
    put_octal(h + AT_SUM, 6, sum);
    h[AT_SUM + 6] = '\0';
    h[AT_SUM + 7] = ' ';
}

static int pad(struct ag_buf *out, size_t n)
{
    static const char zeros[BLOCK];

    return ag_buf_append(out, zeros, (BLOCK - n % BLOCK) % BLOCK);
}

int tar_put(struct ag_buf *out, const char *name, struct ag_span content, uint64_t mtime_s)
{
    char h[BLOCK] = "";
    int r;

    if (strlen(name) == 0 || strlen(name) > 99 || name[0] == '/')
        return -EINVAL;
    memcpy(h, name, strlen(name));
    put_octal(h + AT_MODE, 7, 0600);
    put_octal(h + AT_UID, 7, 0);
    put_octal(h + AT_GID, 7, 0);
    put_octal(h + AT_SIZE, 11, content.len);
    put_octal(h + AT_MTIME, 11, mtime_s);
    h[AT_TYPE] = '0';
    memcpy(h + AT_MAGIC,
           "ustar\0"
           "00",
           8);
    put_sum(h);
    r = ag_buf_append(out, h, sizeof h);
    if (r == 0)
        r = ag_buf_append_span(out, content);
    return r == 0 ? pad(out, content.len) : r;
}

int tar_end(struct ag_buf *out)
{
    static const char zeros[2 * BLOCK];

    return ag_buf_append(out, zeros, sizeof zeros);
}
