/* SPDX-License-Identifier: MIT */
#include "libagent/io/http/curl_table.h"

#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pthread.h>
#include <stddef.h>

/* What the threads of a process have in common, for libcurl has state of that kind. */
static struct {
    pthread_mutex_t lock;
    void *lib;
    unsigned n_users;
    bool stays; /* for good: a thread of its may run on, or it cannot be done without */
    struct ag_curl table;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_WATCHED = 1 }; /* what is found at the end could not be named */
#else
enum { IS_WATCHED = 0 };
#endif

static bool take(void *lib, const char *name, void *slot)
{
    void *symbol = dlsym(lib, name);

    *(void **) slot = symbol;
    return symbol != NULL;
}

static bool load(void)
{
    void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    bool all = true;

    if (!lib)
        lib = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!lib)
        return false;
#define X(name) all = take(lib, "curl_" #name, &shared.table.name) && all;
    AG_CURL_FUNCTIONS(X)
#undef X
    if (all && shared.table.global_init(CURL_GLOBAL_DEFAULT) == 0) {
        shared.lib = lib;
        return true;
    }
    dlclose(lib);
    return false;
}

bool ag_curl_open(void)
{
    bool there;

    pthread_mutex_lock(&shared.lock);
    there = shared.lib || load();
    shared.n_users += there;
    pthread_mutex_unlock(&shared.lock);
    return there;
}

void ag_curl_close(void)
{
    pthread_mutex_lock(&shared.lock);
    if (--shared.n_users == 0 && !shared.stays && !IS_WATCHED) {
        shared.table.global_cleanup();
        dlclose(shared.lib);
        shared.lib = NULL;
#ifdef __GLIBC__
        malloc_trim(0); /* it keeps what was given back */
#endif
    }
    pthread_mutex_unlock(&shared.lock);
}

void ag_curl_stay(void)
{
    pthread_mutex_lock(&shared.lock);
    shared.stays = true;
    pthread_mutex_unlock(&shared.lock);
}

const struct ag_curl *ag_curl(void)
{
    return &shared.table;
}
