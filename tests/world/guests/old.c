/* SPDX-License-Identifier: MIT */
/*
 * Applications without libagent: old NUMBER KIND PERIOD_MS. An old one speaks plain JSON on TCP 54320 and knows no answers to its
 * registration; a wrong one sends what no agent should have to read, and comes again.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "tests/world/app.h"
#include "tests/world/guests/plain.h"

enum { ASKED = 64, ROOM = 16384, WAIT_MS = 5000 };

struct old {
    int number, fd;
    unsigned period_ms;
    char in[ROOM];
    size_t n;
    unsigned long asked[ASKED]; /* report by its id % ASKED; 0: none */
    unsigned next_id;
};

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool put(int fd, const char *text, size_t n)
{
    return plain_put(fd, text, n, WAIT_MS);
}

/* ---- an old one ---- */

static bool serve(void *user, const char *text)
{
    struct old *o = user;
    const char *at = strstr(text, "\"id\":"), *params = strstr(text, "\"params\":[");
    unsigned id = at ? (unsigned) strtoul(at + 5, NULL, 10) : 0;
    char answer[96];
    unsigned long n;

    if (!strstr(text, "\"method\"")) {
        unsigned long *asked = &o->asked[id % ASKED];

        if (*asked)
            app_told(o->number, *asked, strstr(text, "\"error\"") ? -1 : 0, text);
        *asked = 0;
        return true;
    }
    if (!strstr(text, ".do\"") || !params)
        return true;
    n = strtoul(params + 10, NULL, 10);
    app_executed(o->number, n);
    return put(o->fd, answer, (size_t) snprintf(answer, sizeof answer, "{\"id\":%u,\"result\":[\"done\",%lu]}", id, n));
}

static bool report(struct old *o)
{
    unsigned long n = app_next_report(o->number);
    unsigned id = ++o->next_id;
    char text[128];

    o->asked[id % ASKED] = n;
    app_reported(o->number, n, 0);
    return put(o->fd, text,
               (size_t) snprintf(text, sizeof text, "{\"id\":%u,\"method\":\"props\",\"params\":{\"app\":%d,\"n\":%lu}}", id,
                                 o->number, n));
}

static void live(struct old *o)
{
    int64_t next = now_ms() + app_chance(o->period_ms);
    char text[64];

    o->n = 0;
    memset(o->asked, 0, sizeof o->asked);
    if (!put(o->fd, text, (size_t) snprintf(text, sizeof text, "{\"method\":\"register\",\"key\":\"app%d.do\"}", o->number)))
        return;
    for (;;) {
        struct pollfd p = {.fd = o->fd, .events = POLLIN};
        int64_t left = next - now_ms();

        if (poll(&p, 1, left > 0 ? (int) left : 0) > 0 && !plain_take(o->fd, o->in, sizeof o->in, &o->n, serve, o))
            return;
        if (now_ms() < next)
            continue;
        next = now_ms() + o->period_ms;
        if (!report(o))
            return;
    }
}

/* ---- a wrong one ---- */

static bool rubbish(int fd)
{
    static const char *const texts[] = {"{\"method\":",
                                        "\x93\x02\xc0\xc1\xff\xff",
                                        "{\"method\":\"register\",\"key\":17}",
                                        "{\"id\":1,\"method\":\"register\",\"key\":\"\",\"id\":2}",
                                        "{\"id\":99999999999999999999,\"result\":[\"mine\"]}",
                                        "{\"id\":5,\"method\":\"nobody.knows\"}{\"id\":5,\"method\":\"nobody.knows\"}",
                                        "{\"method\":\"bind\",\"address\":\"x\"}{\"method\":\"a\",\"_to\":\"x\"}",
                                        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                        "{\"id\":1,\"method\":\"\\ud800\"}"};
    unsigned which = app_chance(sizeof texts / sizeof texts[0] + 3);
    char block[4096];

    if (which < sizeof texts / sizeof texts[0])
        return put(fd, texts[which], strlen(texts[which]));
    which -= sizeof texts / sizeof texts[0];
    memset(block, which == 0 ? '[' : which == 1 ? ' ' : 'a', sizeof block);
    if (which == 2)
        memcpy(block, "{\"a\":\"", 6);
    for (unsigned i = 0, n = which == 2 ? 300 : 1 + app_chance(4); i < n; i++) {
        if (!put(fd, block, sizeof block))
            return false;
        if (which == 2)
            memset(block, 'a', 6);
    }
    return true;
}

static void annoy(int fd)
{
    char in[512];

    while (app_chance(4) && rubbish(fd)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        if (poll(&p, 1, (int) app_chance(2000)) > 0 && recv(fd, in, sizeof in, 0) == 0)
            return;
    }
}

int main(int argc, char **argv)
{
    struct old *o = calloc(1, sizeof *o);
    bool wrong = argc > 2 && atoi(argv[2]) == APP_WRONG;

    if (!o || argc < 4)
        return 1;
    o->number = atoi(argv[1]);
    o->period_ms = (unsigned) atoi(argv[3]);
    for (;;) {
        o->fd = plain_connect(54320, WAIT_MS);
        if (o->fd >= 0 && wrong)
            annoy(o->fd);
        else if (o->fd >= 0)
            live(o);
        if (o->fd >= 0)
            close(o->fd);
        poll(NULL, 0, (int) (500 + app_chance(wrong ? 60000 : 3000)));
    }
}
