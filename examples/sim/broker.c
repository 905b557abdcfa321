/* SPDX-License-Identifier: MIT */
#include "examples/sim/broker.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_TRIES = 200, ANSWER_PAUSE_US = 50000, EXIT_TRIES = 100 };

static int loopback(struct sockaddr_in *a, uint16_t port)
{
    *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* A port that was free a moment ago: mosquitto cannot tell which one it got. */
static int choose_port(uint16_t *out)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    int fd = loopback(&a, 0), r = 0;

    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *) &a, sizeof a) != 0 || getsockname(fd, (struct sockaddr *) &a, &len) != 0)
        r = -errno;
    close(fd);
    *out = ntohs(a.sin_port);
    return r;
}

static int write_conf(struct sim_broker *b, const char *conf, char *path, size_t n)
{
    FILE *f;

    strcpy(b->dir, "/tmp/miio-sim-XXXXXX");
    if (!mkdtemp(b->dir)) {
        b->dir[0] = '\0';
        return -errno;
    }
    snprintf(path, n, "%s/mosquitto.conf", b->dir);
    f = fopen(path, "we");
    if (!f)
        return -errno;
    fprintf(f, "listener %u 127.0.0.1\n%s%s%s", b->port, geteuid() == 0 ? "user root\n" : "",
            strstr(conf, "allow_anonymous") ? "" : "allow_anonymous true\n", conf);
    return fclose(f) == 0 ? 0 : -errno;
}

static int spawn(struct sim_broker *b, const char *conf)
{
    b->pid = fork();
    if (b->pid < 0) {
        b->pid = 0;
        return -errno;
    }
    if (b->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        setpgid(0, 0); /* a Ctrl-C is for the stand-in, which then ends the broker */
        if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
            _exit(126);
        setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
        execlp("mosquitto", "mosquitto", "-c", conf, (char *) NULL);
        _exit(127);
    }
    return 0;
}

static int wait_until_it_answers(struct sim_broker *b)
{
    for (int i = 0; i < ANSWER_TRIES; i++) {
        struct sockaddr_in a;
        int fd = loopback(&a, b->port), r;

        if (fd < 0)
            return -errno;
        r = connect(fd, (struct sockaddr *) &a, sizeof a);
        close(fd);
        if (r == 0)
            return 0;
        if (waitpid(b->pid, NULL, WNOHANG) == b->pid) {
            b->pid = 0;
            return -ECHILD;
        }
        usleep(ANSWER_PAUSE_US);
    }
    return -ETIMEDOUT;
}

int sim_broker_start(struct sim_broker *b, const char *conf)
{
    char path[128];
    int r;

    memset(b, 0, sizeof *b);
    r = choose_port(&b->port);
    if (r == 0)
        r = write_conf(b, conf, path, sizeof path);
    if (r == 0)
        r = spawn(b, path);
    if (r == 0)
        r = wait_until_it_answers(b);
    if (r < 0) {
        fprintf(stderr, "miio_sim: cannot start mosquitto: %s\n", r == -ECHILD ? "it ended at once" : strerror(-r));
        sim_broker_stop(b);
    }
    return r;
}

static void remove_dir(const char *dir)
{
    static const char *const names[] = {"mosquitto.conf", "mosquitto.db", "passwords"};
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

void sim_broker_stop(struct sim_broker *b)
{
    if (b->pid > 0) {
        kill(b->pid, SIGTERM);
        for (int i = 0; i < EXIT_TRIES && waitpid(b->pid, NULL, WNOHANG) == 0; i++) {
            usleep(ANSWER_PAUSE_US);
            if (i == EXIT_TRIES - 1)
                kill(b->pid, SIGKILL);
        }
    }
    b->pid = 0;
    if (b->dir[0])
        remove_dir(b->dir);
    b->dir[0] = '\0';
}
