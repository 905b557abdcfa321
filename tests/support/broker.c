/* SPDX-License-Identifier: MIT */
#include "tests/support/broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what)
{
    perror(what);
    abort();
}

static int loopback_socket(struct sockaddr_in *a, uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (fd < 0)
        fail("socket");
    return fd;
}

uint16_t broker_free_port(void)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    int fd = loopback_socket(&a, 0);

    if (bind(fd, (struct sockaddr *) &a, sizeof a) != 0 || getsockname(fd, (struct sockaddr *) &a, &len) != 0)
        fail("bind");
    close(fd);
    return ntohs(a.sin_port);
}

static void make_dir(struct broker *b)
{
    if (b->dir[0])
        return;
    strcpy(b->dir, "/tmp/miio-broker-XXXXXX");
    if (!mkdtemp(b->dir))
        fail("mkdtemp");
}

void broker_write(struct broker *b, const char *name, const char *text)
{
    char path[160];
    FILE *f;

    make_dir(b);
    snprintf(path, sizeof path, "%s/%s", b->dir, name);
    f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        fail(path);
}

static void wait_until_it_answers(struct broker *b)
{
    for (int i = 0; i < 600; i++) {
        struct sockaddr_in a;
        int fd = loopback_socket(&a, b->port);
        int r = connect(fd, (struct sockaddr *) &a, sizeof a);

        close(fd);
        if (r == 0)
            return;
        if (waitpid(b->pid, NULL, WNOHANG) != 0)
            break;
        usleep(50000);
    }
    fail("mosquitto does not answer");
}

void broker_start(struct broker *b, uint16_t port, const char *extra)
{
    char conf[160], text[4096];

    make_dir(b);
    b->port = port;
    snprintf(text, sizeof text, "user %s\nlistener %u 127.0.0.1\n%s%s", getuid() == 0 ? "root" : "nobody", port,
             strstr(extra, "allow_anonymous") ? "" : "allow_anonymous true\n", extra);
    broker_write(b, "mosquitto.conf", text);
    snprintf(conf, sizeof conf, "%s/mosquitto.conf", b->dir);
    b->pid = fork();
    if (b->pid < 0)
        fail("fork");
    if (b->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int fd = 3; fd < 256; fd++) /* libmosquitto's sockets: the connection of a session under way would not end */
            close(fd);
        if (!freopen("/dev/null", "w", stderr))
            _exit(126);
        setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
        execlp("mosquitto", "mosquitto", "-c", conf, (char *) NULL);
        _exit(127);
    }
    wait_until_it_answers(b);
}

void broker_kill(struct broker *b)
{
    if (b->pid > 0) {
        kill(b->pid, SIGKILL);
        waitpid(b->pid, NULL, 0);
    }
    b->pid = 0;
}

void broker_stop(struct broker *b)
{
    char cmd[128];

    broker_kill(b);
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", b->dir);
    if (b->dir[0] && system(cmd) != 0)
        fail(cmd);
    b->dir[0] = '\0';
}
