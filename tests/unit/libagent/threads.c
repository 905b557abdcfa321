/* SPDX-License-Identifier: MIT */
/*
 * 32 threads: an agent, seven owners of a connection each, and 24 that wake, post and stop them from outside. Built with
 * ThreadSanitizer. Every piece of work runs once, every wake turns a loop, every call ends.
 */
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "agent/agent.h"

enum { N_OWNERS = 7, N_HELPERS = 24, N_ROUNDS = 1500 };

struct owner {
    agent_conn *conn;
    pthread_t thread;
    atomic_int n_helpers; /* still at work */
    atomic_uint flag, seen;
    unsigned n_run, n_posted, n_ended, n_begun; /* the owner's own */
};

struct helper {
    struct owner *owner;
    pthread_t thread;
    unsigned n_posted;
};

static struct owner owners[N_OWNERS];
static struct helper helpers[N_HELPERS];
static char address[80];
static int listener;

/* ---- the agent: answers whatever has an id ---- */

static int answer(int fd)
{
    char in[8192], out[32768];
    ssize_t n = recv(fd, in, sizeof in - 1, 0);
    size_t len = 0;
    const char *p = in;

    if (n <= 0)
        return 0;
    in[n] = '\0'; /* an id that is cut is answered wrongly, once in a while: the call is late then */
    while ((p = strstr(p, "\"id\":")) && len < sizeof out - 64) {
        len += (size_t) snprintf(out + len, sizeof out - len, "{\"id\":%lu,\"result\":[\"ok\"]}", strtoul(p + 5, NULL, 10));
        p += 5;
    }
    return send(fd, out, len, MSG_NOSIGNAL) >= 0;
}

static void *serve(void *user)
{
    struct pollfd p[1 + N_OWNERS] = {{listener, POLLIN, 0}};
    nfds_t n = 1;
    int left = N_OWNERS;

    (void) user;
    while (left > 0) {
        poll(p, n, -1);
        for (nfds_t i = 1; i < n; i++) {
            if (p[i].revents && !answer(p[i].fd)) {
                close(p[i].fd);
                p[i].fd = -1;
                p[i].revents = 0;
                left--;
            }
        }
        if (p[0].revents && n < 1 + N_OWNERS)
            p[n++] = (struct pollfd){accept(listener, NULL, NULL), POLLIN, 0};
    }
    return NULL;
}

/* ---- helpers ---- */

static void on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) conn;
    (void) status;
    (void) result;
    (void) error;
    ((struct owner *) user)->n_ended++;
}

static void on_post(agent_conn *conn, void *user)
{
    struct owner *o = user;

    if (o->n_run++ % 8 == 0 && agent_call(conn, NULL, "x", NULL, 2000, on_end, o) == 0)
        o->n_begun++;
}

static void *help(void *user)
{
    struct helper *h = user;
    struct owner *o = h->owner;

    for (unsigned i = 0; i < N_ROUNDS; i++) {
        if (i % 4 == 0) {
            unsigned mine = atomic_fetch_add(&o->flag, 1) + 1;

            agent_wake(o->conn);
            while (i % 16 == 0 && atomic_load(&o->seen) < mine)
                sched_yield(); /* a wake that is lost ends the test by its time limit */
        } else if (agent_post(o->conn, on_post, o) == 0) {
            h->n_posted++;
        } else {
            sched_yield(); /* full: it was refused, not lost */
        }
    }
    atomic_fetch_sub(&o->n_helpers, 1);
    agent_stop(o->conn, 5); /* the last one ends agent_run() */
    return NULL;
}

/* ---- owners ---- */

static void look(struct owner *o)
{
    atomic_store(&o->seen, atomic_load(&o->flag));
}

static void on_beat(agent_conn *conn, void *user)
{
    (void) conn;
    look(user);
}

static void *own(void *user)
{
    struct owner *o = user;
    int by_run = (o - owners) % 2;

    while (atomic_load(&o->n_helpers) > 0) {
        struct pollfd p = {agent_get_fd(o->conn), (short) agent_get_events(o->conn), 0};

        if (by_run) { /* a timer looks */
            assert(agent_run(o->conn) == 5);
            continue;
        }
        look(o);
        while (agent_process(o->conn) > 0)
            ;
        poll(&p, 1, agent_get_timeout_ms(o->conn));
    }
    return NULL;
}

int main(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(sa_family_t);
    unsigned posted[N_OWNERS] = {0};
    pthread_t agent;

    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert(bind(listener, (struct sockaddr *) &at, len) == 0 && listen(listener, 16) == 0);
    len = sizeof at;
    getsockname(listener, (struct sockaddr *) &at, &len);
    snprintf(address, sizeof address, "unix:@%.*s", (int) (len - sizeof(sa_family_t) - 1), at.sun_path + 1);
    pthread_create(&agent, NULL, serve, NULL);
    for (int i = 0; i < N_OWNERS; i++) {
        assert(agent_new(&owners[i].conn) == 0 && agent_open(owners[i].conn, address) == 0);
        if (i % 2)
            assert(agent_timer(owners[i].conn, NULL, 1, 1, on_beat, &owners[i]) == 0);
    }
    for (int i = 0; i < N_HELPERS; i++) {
        helpers[i].owner = &owners[i % N_OWNERS];
        atomic_fetch_add(&helpers[i].owner->n_helpers, 1);
    }
    for (int i = 0; i < N_HELPERS; i++)
        pthread_create(&helpers[i].thread, NULL, help, &helpers[i]);
    for (int i = 0; i < N_OWNERS; i++)
        pthread_create(&owners[i].thread, NULL, own, &owners[i]);
    for (int i = 0; i < N_HELPERS; i++) {
        pthread_join(helpers[i].thread, NULL);
        posted[i % N_OWNERS] += helpers[i].n_posted;
    }
    for (int i = 0; i < N_OWNERS; i++) {
        pthread_join(owners[i].thread, NULL);
        while (agent_get_state(owners[i].conn) != AGENT_READY) { /* the agent waits for each of them */
            agent_wait(owners[i].conn, 100);
            agent_process(owners[i].conn);
        }
        agent_unref(owners[i].conn);
        printf("owner %d: %u posted, %u run, %u calls begun, %u ended\n", i, posted[i], owners[i].n_run, owners[i].n_begun,
               owners[i].n_ended);
        assert(owners[i].n_run == posted[i]);
        assert(owners[i].n_ended == owners[i].n_begun);
    }
    pthread_join(agent, NULL);
    close(listener);
    return 0;
}
