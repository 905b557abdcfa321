/* SPDX-License-Identifier: MIT */
#include "libagent/io/http/curl_table.h"

#include <dlfcn.h>
#include <stddef.h>

static bool take(void *lib, const char *name, void *slot)
{
    void *symbol = dlsym(lib, name);

    *(void **) slot = symbol;
    return symbol != NULL;
}

bool ag_curl_load(struct ag_curl *out)
{
    void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    bool all = true;

    if (!lib)
        lib = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!lib)
        return false;
#define X(name) all = take(lib, "curl_" #name, &out->name) && all;
    AG_CURL_FUNCTIONS(X)
#undef X
    return all && out->global_init(CURL_GLOBAL_DEFAULT) == 0;
}
