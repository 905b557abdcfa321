/* SPDX-License-Identifier: MIT */
/*
 * The functions of libcurl that http.c uses, taken from the library only when the first one is needed. libcurl brings
 * some thirty other libraries, 4 MB that a daemon keeps for nothing as long as its cloud needs no HTTP. Programs that
 * always need HTTP link libcurl itself and not this file.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define CURL_DISABLE_TYPECHECK 1
#include <curl/curl.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

/* name in the library, result, parameters */
#define CURL_FUNCTIONS(X)                                                                                                        \
    X(easy_init, CURL *, (void) )                                                                                                \
    X(easy_cleanup, void, (CURL *) )                                                                                             \
    X(easy_setopt, CURLcode, (CURL *, CURLoption, ...))                                                                          \
    X(easy_getinfo, CURLcode, (CURL *, CURLINFO, ...))                                                                           \
    X(easy_header, CURLHcode, (CURL *, const char *, size_t, unsigned int, int, struct curl_header **) )                         \
    X(easy_strerror, const char *, (CURLcode))                                                                                   \
    X(global_init, CURLcode, (long) )                                                                                            \
    X(global_cleanup, void, (void) )                                                                                             \
    X(multi_init, CURLM *, (void) )                                                                                              \
    X(multi_cleanup, CURLMcode, (CURLM *) )                                                                                      \
    X(multi_add_handle, CURLMcode, (CURLM *, CURL *) )                                                                           \
    X(multi_remove_handle, CURLMcode, (CURLM *, CURL *) )                                                                        \
    X(multi_assign, CURLMcode, (CURLM *, curl_socket_t, void *) )                                                                \
    X(multi_info_read, CURLMsg *, (CURLM *, int *) )                                                                             \
    X(multi_setopt, CURLMcode, (CURLM *, CURLMoption, ...))                                                                      \
    X(multi_socket_action, CURLMcode, (CURLM *, curl_socket_t, int, int *) )                                                     \
    X(slist_append, struct curl_slist *, (struct curl_slist *, const char *) )                                                   \
    X(slist_free_all, void, (struct curl_slist *) )

/* Filled once, never changed again; curl_global_init() is what fills it, before anything else is called. */
static struct {
#define X(name, result, params) result(*name) params;
    CURL_FUNCTIONS(X)
#undef X
} curl;

static bool loaded;

static bool take(void *lib, const char *name, void *slot)
{
    void *symbol = dlsym(lib, name);

    *(void **) slot = symbol;
    return symbol != NULL;
}

static void load(void)
{
    void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    bool all = true;

    if (!lib)
        lib = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!lib)
        return;
#define X(name, result, params) all = take(lib, "curl_" #name, &curl.name) && all;
    CURL_FUNCTIONS(X)
#undef X
    loaded = all;
}

CURLcode curl_global_init(long flags)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    return loaded ? curl.global_init(flags) : CURLE_FAILED_INIT;
}

void curl_global_cleanup(void)
{
    if (loaded)
        curl.global_cleanup();
}

CURL *curl_easy_init(void)
{
    return curl.easy_init();
}

void curl_easy_cleanup(CURL *h)
{
    curl.easy_cleanup(h);
}

/* The number of an option says what its argument is. */
CURLcode curl_easy_setopt(CURL *h, CURLoption option, ...)
{
    CURLcode r;
    va_list ap;

    va_start(ap, option);
    if (option < CURLOPTTYPE_OBJECTPOINT)
        r = curl.easy_setopt(h, option, va_arg(ap, long));
    else if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB)
        r = curl.easy_setopt(h, option, va_arg(ap, curl_off_t));
    else
        r = curl.easy_setopt(h, option, va_arg(ap, void *));
    va_end(ap);
    return r;
}

CURLcode curl_easy_getinfo(CURL *h, CURLINFO info, ...)
{
    CURLcode r;
    va_list ap;

    va_start(ap, info);
    r = curl.easy_getinfo(h, info, va_arg(ap, void *)); /* always a pointer to where it goes */
    va_end(ap);
    return r;
}

CURLHcode curl_easy_header(CURL *h, const char *name, size_t index, unsigned int origin, int request, struct curl_header **out)
{
    return curl.easy_header(h, name, index, origin, request, out);
}

const char *curl_easy_strerror(CURLcode code)
{
    return loaded ? curl.easy_strerror(code) : "libcurl is not installed";
}

CURLM *curl_multi_init(void)
{
    return curl.multi_init();
}

CURLMcode curl_multi_cleanup(CURLM *m)
{
    return curl.multi_cleanup(m);
}

CURLMcode curl_multi_add_handle(CURLM *m, CURL *h)
{
    return curl.multi_add_handle(m, h);
}

CURLMcode curl_multi_remove_handle(CURLM *m, CURL *h)
{
    return curl.multi_remove_handle(m, h);
}

CURLMcode curl_multi_assign(CURLM *m, curl_socket_t s, void *p)
{
    return curl.multi_assign(m, s, p);
}

CURLMsg *curl_multi_info_read(CURLM *m, int *left)
{
    return curl.multi_info_read(m, left);
}

CURLMcode curl_multi_setopt(CURLM *m, CURLMoption option, ...)
{
    CURLMcode r;
    va_list ap;

    va_start(ap, option);
    if ((int) option < CURLOPTTYPE_OBJECTPOINT)
        r = curl.multi_setopt(m, option, va_arg(ap, long));
    else
        r = curl.multi_setopt(m, option, va_arg(ap, void *));
    va_end(ap);
    return r;
}

CURLMcode curl_multi_socket_action(CURLM *m, curl_socket_t s, int events, int *running)
{
    return curl.multi_socket_action(m, s, events, running);
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
    return curl.slist_append(list, text);
}

void curl_slist_free_all(struct curl_slist *list)
{
    if (loaded)
        curl.slist_free_all(list);
}
