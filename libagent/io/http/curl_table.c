/* SPDX-License-Identifier: MIT */
#include "libagent/io/http/curl_table.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Filled once, never changed again. */
static struct ag_curl table;
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
#define X(name) all = take(lib, "curl_" #name, &table.name) && all;
    AG_CURL_FUNCTIONS(X)
#undef X
    loaded = all;
}

const struct ag_curl *ag_curl(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    return loaded ? &table : NULL;
}
