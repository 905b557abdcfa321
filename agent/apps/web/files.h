/* SPDX-License-Identifier: MIT */
/* The files of the page, put into the program by embed.cmake. */
#ifndef WEB_FILES_H
#define WEB_FILES_H

#include <stddef.h>

struct web_file {
    const char *path, *type, *etag;
    const unsigned char *data;
    size_t len;
};

/* The last one has path NULL. */
extern const struct web_file web_files[];

#endif
