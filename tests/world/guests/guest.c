/* SPDX-License-Identifier: MIT */
/*
 * Programs beside the applications. guest deaf: a plain socket of the client's that knows no method and says so to every command.
 * guest asleep: asks how long the device may sleep. guest half: asks the agent and ends its stream before the answer, a
 * hundred times; then comes somebody who wants to be served.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/world/app.h"
#include "tests/world/guests/plain.h"

enum { CLIENT_PORT = 54322, AGENT_PORT = 54320, WAIT_MS = 2000, ROOM = 65536, GONE = 100 };

/* ---- deaf ---- */

static bool refuse(void *user, const char *text)
{
    const int *fd = user;
    const char *id = strstr(text, "\"id\":");
    char answer[120];

    if (!strstr(text, "\"method\"") || !id)
        return true;
    return plain_put(*fd, answer,
                     (size_t) snprintf(answer, sizeof answer, "{\"id\":%lu,\"error\":{\"code\":%s,\"message\":\"not mine\"}}",
                                       strtoul(id + 5, NULL, 10), app_chance(2) ? "-10000" : "-32601"),
                     WAIT_MS);
}

static void be_deaf(void)
{
    static const char hello[] = "{\"method\":\"_internal.hello\"}";
    static char in[ROOM];
    int fd = plain_connect(CLIENT_PORT, WAIT_MS);
    size_t n = 0;

    if (fd >= 0 && guest_greets())
        plain_put(fd, hello, sizeof hello - 1, WAIT_MS);
    while (fd >= 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        if (poll(&p, 1, 1000) > 0 && !plain_take(fd, in, sizeof in, &n, refuse, &fd))
            break;
    }
    if (fd >= 0)
        close(fd);
    poll(NULL, 0, 500);
}

/* ---- half ---- */

static bool ask(int fd, unsigned i)
{
    char text[120];

    return plain_put(
        fd, text, (size_t) snprintf(text, sizeof text, "{\"id\":%u,\"method\":\"props\",\"params\":{\"x\":1}}", i + 1), WAIT_MS);
}

/* Asks, and ends its stream. The socket is there until the answer is. */
static void come_and_go(int fds[GONE])
{
    for (unsigned i = 0; i < GONE; i++) {
        fds[i] = plain_connect(AGENT_PORT, WAIT_MS);
        if (fds[i] >= 0 && ask(fds[i], i))
            shutdown(fds[i], SHUT_WR);
    }
}

static const char *how_served(void)
{
    static const char text[] = "{\"id\":7,\"method\":\"register\",\"key\":\"guest.x\"}";
    char answer[200];
    struct pollfd p = {.fd = plain_connect(AGENT_PORT, WAIT_MS), .events = POLLIN};
    const char *how = NULL;
    ssize_t n;

    if (p.fd < 0)
        return "not let in";
    if (!plain_put(p.fd, text, sizeof text - 1, WAIT_MS))
        how = "closed";
    else if (poll(&p, 1, WAIT_MS) <= 0)
        how = "not answered";
    else if ((n = recv(p.fd, answer, sizeof answer - 1, 0)) <= 0)
        how = "closed";
    else if (answer[n] = '\0', strstr(answer, "error"))
        how = "refused";
    close(p.fd);
    return how;
}

static void be_half(void)
{
    int fds[GONE];
    const char *how;

    poll(NULL, 0, (int) (60000 + app_chance(600000)));
    if (!guest_hushes())
        return;
    come_and_go(fds);
    poll(NULL, 0, 50);
    how = how_served();
    if (how)
        guest_refused(how);
    for (unsigned i = 0; i < GONE; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* ---- asleep ---- */

static void ask_for_sleep(int fd)
{
    static const char text[] = "{\"id\":9,\"method\":\"local.prep_suspend\",\"params\":\"\"}";
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char answer[300];
    const char *at;
    ssize_t n;

    if (!plain_put(fd, text, sizeof text - 1, WAIT_MS) || poll(&p, 1, WAIT_MS) <= 0 ||
        (n = recv(fd, answer, sizeof answer - 1, 0)) <= 0)
        return;
    answer[n] = '\0';
    at = strstr(answer, "\"wakeup_time\":");
    if (at)
        guest_may_sleep((unsigned) strtoul(at + 14, NULL, 10));
}

static void be_asleep(void)
{
    int fd = plain_connect(AGENT_PORT, WAIT_MS);

    if (fd >= 0) {
        ask_for_sleep(fd);
        close(fd);
    }
    poll(NULL, 0, (int) (5000 + app_chance(20000)));
}

int main(int argc, char **argv)
{
    for (;;) {
        if (argc > 1 && strcmp(argv[1], "half") == 0)
            be_half();
        else if (argc > 1 && strcmp(argv[1], "asleep") == 0)
            be_asleep();
        else
            be_deaf();
    }
}
