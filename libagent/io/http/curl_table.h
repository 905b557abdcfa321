/* SPDX-License-Identifier: MIT */
/*
 * The functions of libcurl that this folder uses, taken from the library by the process that does a request: no program is linked
 * to libcurl, which brings some thirty other libraries, 4 MB that a daemon would keep for nothing. Types come from
 * libcurl's own header.
 */
#ifndef AG_CURL_TABLE_H
#define AG_CURL_TABLE_H

#include <curl/curl.h>
#include <stdbool.h>

#define AG_CURL_FUNCTIONS(X)                                                                                                     \
    X(easy_init)                                                                                                                 \
    X(easy_getinfo)                                                                                                              \
    X(easy_nextheader)                                                                                                           \
    X(easy_perform)                                                                                                              \
    X(easy_setopt)                                                                                                               \
    X(easy_strerror)                                                                                                             \
    X(global_init)                                                                                                               \
    X(slist_append)

/* Without their prefix: it keeps libcurl's macros of the same names out. */
struct ag_curl {
#define X(name) __typeof__(curl_##name) *name;
    AG_CURL_FUNCTIONS(X)
#undef X
};

/*
 * Fills the table and starts libcurl, for the rest of the process's life. false: there is none, or one without these
 * functions.
 */
bool ag_curl_load(struct ag_curl *out);

#endif
