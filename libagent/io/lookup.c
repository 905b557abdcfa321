/* SPDX-License-Identifier: MIT */
#include "libagent/io/lookup.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { STACK_BYTES = 256 * 1024 };

/* Held by the loop and by the thread; the last one frees it. */
struct ag_lookup {
    pthread_mutex_t lock;
    int n_holders;     /* under the lock, as what follows */
    bool given_up;     /* the loop's side may be gone altogether */
    int status, error; /* EAI_*, and errno of EAI_SYSTEM */
    struct addrinfo *found;
    char *host, *port;
    struct addrinfo hints;
    uv_async_t wake; /* the loop's own, as what follows */
    ag_lookup_fn done;
    void *user;
};

static void lookup_put(struct ag_lookup *l)
{
    int left;

    pthread_mutex_lock(&l->lock);
    left = --l->n_holders;
    pthread_mutex_unlock(&l->lock);
    if (left > 0)
        return;
    if (l->found)
        freeaddrinfo(l->found);
    pthread_mutex_destroy(&l->lock);
    free(l->host);
    free(l->port);
    free(l);
}

static void *thread_main(void *arg)
{
    struct ag_lookup *l = arg;
    struct addrinfo *found = NULL;
    int status = getaddrinfo(l->host, l->port, &l->hints, &found), error = errno;

    pthread_mutex_lock(&l->lock);
    l->status = status;
    l->error = error;
    l->found = status == 0 ? found : NULL;
    if (!l->given_up)
        uv_async_send(&l->wake);
    pthread_mutex_unlock(&l->lock);
    lookup_put(l);
    return NULL;
}

static void on_closed(uv_handle_t *h)
{
    lookup_put(h->data);
}

void ag_lookup_cancel(struct ag_lookup *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->given_up = true;
    pthread_mutex_unlock(&l->lock);
    uv_close((uv_handle_t *) &l->wake, on_closed);
}

static void on_wake(uv_async_t *h)
{
    struct ag_lookup *l = h->data;
    struct addrinfo *found;
    const char *why = NULL;

    pthread_mutex_lock(&l->lock);
    found = l->found;
    l->found = NULL;
    pthread_mutex_unlock(&l->lock);
    if (!found)
        why = l->status == EAI_SYSTEM ? strerror(l->error) : l->status != 0 ? gai_strerror(l->status) : "the name has no address";
    ag_lookup_cancel(l);
    l->done(l->user, found, why);
}

/* Signals are the loop's business. */
static int thread_start(struct ag_lookup *l)
{
    pthread_attr_t attr;
    sigset_t all, old;
    pthread_t thread;
    int r = pthread_attr_init(&attr);

    if (r != 0)
        return -r;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r = pthread_create(&thread, &attr, thread_main, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return -r;
}

static struct ag_lookup *lookup_new(const char *host, const char *port, const struct addrinfo *hints)
{
    struct ag_lookup *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    l->n_holders = 1;
    l->host = strdup(host);
    l->port = strdup(port);
    l->hints = (struct addrinfo){.ai_family = hints->ai_family, .ai_socktype = hints->ai_socktype, .ai_flags = hints->ai_flags};
    if (l->host && l->port)
        return l;
    lookup_put(l);
    return NULL;
}

int ag_lookup_start(struct ag_lookup **out, uv_loop_t *loop, const char *host, const char *port, const struct addrinfo *hints,
                    ag_lookup_fn done, void *user)
{
    struct ag_lookup *l = lookup_new(host, port, hints);
    int r;

    if (!l)
        return -ENOMEM;
    r = uv_async_init(loop, &l->wake, on_wake);
    if (r < 0) {
        lookup_put(l);
        return r;
    }
    l->wake.data = l;
    l->done = done;
    l->user = user;
    l->n_holders++;
    r = thread_start(l);
    if (r < 0) {
        l->n_holders--;
        ag_lookup_cancel(l);
        return r;
    }
    *out = l;
    return 0;
}
