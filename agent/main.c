/* SPDX-License-Identifier: MIT */
/* miio_agent: options, signals, exit code. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "agent/core/state/text.h"
#include "agent/hub.h"
#include "agent/settings_read.h"
#include "libagent/io/access/trust.h"
#include "libagent/io/exit_code.h"
#include "libagent/io/program.h"

struct program {
    int argc;
    char **argv;
    char dir[SETTINGS_PATH_MAX]; /* of the start */
    struct hub hub;
    struct ag_program frame;
};

static void reload(void *user)
{
    struct program *p = user;
    char error[AG_INI_ERROR_MAX];
    struct settings s;

    if (settings_read(&s, p->argc, p->argv, p->dir, error) < 0) {
        hub_reload(&p->hub, &s);
        ag_log(AG_LOG_INFO, "configuration read again");
    } else {
        ag_log(AG_LOG_ERROR, "configuration kept as it was: %s", error[0] ? error : "the command line is refused");
    }
    settings_deinit(&s);
    hub_flush(&p->hub);
}

static void log_state(void *user)
{
    hub_log_state(&((struct program *) user)->hub);
}

static void stop(void *user)
{
    hub_stop(&((struct program *) user)->hub);
}

static const struct ag_program_ops ops = {.stop = stop, .reload = reload, .log_state = log_state};

/* The real addresses, with the ports the kernel chose. */
static void tell_ready(const struct hub *h, struct ag_program *frame)
{
    const char *shown[] = {[AG_ADDR_INET] = "none", [AG_ADDR_UNIX] = "none", [AG_ADDR_SEQPACKET] = "none"};
    char text[HUB_LISTENERS][AG_ADDR_TEXT_MAX];

    for (size_t i = 0; i < h->n_listeners; i++)
        shown[h->listeners[i].addr.kind] = ag_addr_format(&h->listeners[i].addr, text[i]);
    ag_program_ready(frame, "listen=%s unix=%s seqpacket=%s", shown[AG_ADDR_INET], shown[AG_ADDR_UNIX], shown[AG_ADDR_SEQPACKET]);
}

static int start(struct program *p, struct settings *s)
{
    if (ag_program_log("miio_agent", s->log_level, s->log_file) < 0)
        return AG_EXIT_RUNTIME;
    if (ag_log_keep() < 0)
        ag_log(AG_LOG_WARNING, "out of memory: no lines are kept for agent.log");
    ag_trust_warn(s->config, AG_TRUST_SETTINGS);
    if (ag_program_start(&p->frame, "miio_agent", s->daemonize, &ops, p) < 0)
        return AG_EXIT_RUNTIME;
    if (hub_start(&p->hub, &p->frame.loop, s) == 0)
        tell_ready(&p->hub, &p->frame);
    else
        ag_program_give_up(&p->frame, AG_EXIT_RUNTIME);
    ag_program_run(&p->frame);
    hub_deinit(&p->hub);
    return ag_program_end(&p->frame);
}

int main(int argc, char **argv)
{
    struct program p = {.argc = argc, .argv = argv};
    char error[AG_INI_ERROR_MAX];
    struct settings s;
    int r;

    if (!getcwd(p.dir, sizeof p.dir))
        strcpy(p.dir, "/");
    r = settings_read(&s, argc, argv, p.dir, error);
    if (r >= 0 && error[0]) {
        fprintf(stderr, "miio_agent: %s\n", error);
    } else if (r < 0 && s.check_only) {
        puts("configuration is good");
        r = 0;
    } else if (r < 0) {
        r = start(&p, &s);
    }
    settings_deinit(&s);
    return r;
}
