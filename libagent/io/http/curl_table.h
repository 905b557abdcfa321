/* SPDX-License-Identifier: MIT */
/*
 * The functions of libcurl that this folder uses, taken from the library while one of them is needed: libcurl brings some thirty
 * other libraries, 4 MB that a daemon would keep for nothing while it needs no HTTP. Types come from libcurl's own header.
 */
#ifndef AG_CURL_TABLE_H
#define AG_CURL_TABLE_H

#include <curl/curl.h>
#include <stdbool.h>

#define AG_CURL_FUNCTIONS(X)                                                                                                     \
    X(easy_init)                                                                                                                 \
    X(easy_cleanup)                                                                                                              \
    X(easy_setopt)                                                                                                               \
    X(easy_getinfo)                                                                                                              \
    X(easy_header)                                                                                                               \
    X(easy_strerror)                                                                                                             \
    X(global_init)                                                                                                               \
    X(global_cleanup)                                                                                                            \
    X(multi_init)                                                                                                                \
    X(multi_cleanup)                                                                                                             \
    X(multi_add_handle)                                                                                                          \
    X(multi_remove_handle)                                                                                                       \
    X(multi_assign)                                                                                                              \
    X(multi_info_read)                                                                                                           \
    X(multi_setopt)                                                                                                              \
    X(multi_socket_action)                                                                                                       \
    X(slist_append)                                                                                                              \
    X(slist_free_all)

/* Without their prefix: it keeps libcurl's macros of the same names out. */
struct ag_curl {
#define X(name) __typeof__(curl_##name) *name;
    AG_CURL_FUNCTIONS(X)
#undef X
};

/* libcurl is there, and started, until ag_curl_close(). false: there is none, or one without these functions. */
bool ag_curl_open(void);
/* With the last one that has opened it, it goes. Nothing of it may be held or running any more. */
void ag_curl_close(void);
/* It is never taken out of the process again: a thread of its looks for a name, and nobody waits for it. */
void ag_curl_stay(void);

/* The same in every thread; between open and close only. */
const struct ag_curl *ag_curl(void);

#endif
