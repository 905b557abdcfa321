/* SPDX-License-Identifier: MIT */
/* miioctl: looks into a running miio_agent and speaks through it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/ctl/names.h"
#include "libagent/io/command_line.h"

static int ctl_help(struct ctl *ctl, int argc, char **argv);

static const struct {
    const char *name, *args, *help;
    ctl_fn fn;
    const char *options; /* a line each; "" when it has none */
} commands[] = {
    {"list", "[-v]", "applications: user, process, keys, queues", ctl_list,
     "  -v, --verbose      a line for each key; with --model what it stands for\n"},
    {"call", "METHOD [JSON]", "a command as if from the cloud; prints the answer", ctl_call, ""},
    {"send", "[--no-ack] METHOD [JSON]", "a request or report upward, as an application sends it", ctl_send,
     "  -n, --no-ack       without an id: no answer comes, none is waited for\n"},
    {"listen", "[-r JSON] [-n COUNT] [-t MS] KEY...", "subscribes, prints the commands that come", ctl_listen,
     "  -r, --reply JSON   answer them with this result; without it another application answers\n"
     "  -n, --count COUNT  end after so many\n"
     "  -t, --time MS      end after so long; exit code 1 when -n has not been reached\n"},
    {"monitor", "[-w FILE] [-n COUNT] [-t MS] [KEY...]", "prints what is routed and what the agent answers itself", ctl_monitor,
     "  -w, --write FILE   append it to FILE too, for replay\n"
     "  -n, --count COUNT  end after so many\n"
     "  -t, --time MS      end after so long; exit code 1 when -n has not been reached\n"},
    {"replay", "[--assert] [--commands] FILE", "sends what was recorded again", ctl_replay,
     "  -a, --assert       each answer must equal the recorded one\n"
     "  -c, --commands     only commands to applications, nothing upward\n"},
    {"get", "[NAME...]", "with --model: properties of the device, by name", ctl_get, ""},
    {"set", "NAME VALUE...", "with --model: sets them", ctl_set, ""},
    {"do", "NAME [VALUE...]", "with --model: an action", ctl_do, ""},
    {"watch", "[-n COUNT] [-t MS] [NAME...]", "with --model: prints what changes and what happens", ctl_watch,
     "  -n, --count COUNT  end after so many\n"
     "  -t, --time MS      end after so long; exit code 1 when -n has not been reached\n"},
    {"top", "[-n COUNT] [-i MS]", "applications by traffic, refreshed", ctl_top,
     "  -n, --count COUNT  end after so many\n"
     "  -i, --interval MS  between two (1000)\n"},
    {"wait", "[-t MS] KEY...", "until applications have subscribed to all of them", ctl_wait,
     "  -t, --time MS      at most so long (--timeout)\n"},
    {"stats", "[--prom]", "the agent's counters", ctl_stats,
     "  -p, --prom         those of agent and client, as OpenMetrics text\n"},
    {"status", "", "device, clouds, kept reports, LAN, applications on one screen", ctl_status, ""},
    {"check", "", "is everything well? each trouble with its cure; exit code 1 when not", ctl_check, ""},
    {"bundle", "FILE", "a tar archive for whoever helps: status, counters, logs, settings without secrets", ctl_bundle, ""},
    {"help", "[COMMAND]", "this, or more about a command", ctl_help, ""},
};

static void usage(FILE *to)
{
    fputs("usage: miioctl [options] COMMAND ...\n"
          "  -a, --agent ADDRESS   unix:PATH, seqpacket:PATH or tcp:HOST:PORT ($MIIO_AGENT, else the usual places)\n"
          "  -j, --json            machine-readable output\n"
          "  -m, --model FILE      MIoT-Spec instance of the device: its names ($MIIO_MODEL)\n"
          "  -t, --timeout MS      how long to wait for an answer (10000)\n"
          "  -v, --version         print the version\n"
          "  -h, --help            print this\n"
          "commands:\n",
          to);
    for (size_t i = 0; i < ag_array_size(commands); i++)
        fprintf(to, "  %-7s %-37s %s\n", commands[i].name, commands[i].args, commands[i].help);
    fputs("A KEY that ends in '*' means all methods with that prefix. Exit codes: 0 done, 1 failed, 2 wrong usage.\n", to);
}

static int help_command(const char *name)
{
    for (size_t i = 0; i < ag_array_size(commands); i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        printf("usage: miioctl [options] %s %s\n  %s\n%s", name, commands[i].args, commands[i].help, commands[i].options);
        return CTL_OK;
    }
    ctl_error("unknown command: %s (see miioctl help)", name);
    return CTL_USAGE;
}

static int ctl_help(struct ctl *ctl, int argc, char **argv)
{
    (void) ctl;
    if (argc > 2)
        return CTL_USAGE;
    if (argc == 2)
        return help_command(argv[1]);
    usage(stdout);
    return CTL_OK;
}

/* No JSON value and no method looks like it. */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/*
 * What comes before the command may come after it, too: --json and --agent mean the same to all of them. Returns how many
 * are left.
 */
static int take_late_options(struct ctl *ctl, int argc, char **argv)
{
    int n = 1;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            while (i < argc)
                argv[n++] = argv[i++];
        } else if (strcmp(argv[i], "-j") == 0 || strcmp(argv[i], "--json") == 0) {
            ctl->json = true;
            ctl->colour = false;
        } else if (strcmp(argv[i], "--agent") == 0 && i + 1 < argc) {
            ctl->address = argv[++i];
        } else if (strncmp(argv[i], "--agent=", 8) == 0) {
            ctl->address = argv[i] + 8;
        } else {
            argv[n++] = argv[i];
        }
    }
    argv[n] = NULL;
    return n;
}

static int run_command(struct ctl *ctl, int argc, char **argv)
{
    for (size_t i = 0; i < ag_array_size(commands); i++) {
        int r;

        if (strcmp(commands[i].name, argv[0]) != 0)
            continue;
        if (asks_for_help(argc, argv))
            return help_command(argv[0]);
        argc = take_late_options(ctl, argc, argv);
        r = commands[i].fn(ctl, argc, argv);
        if (r == CTL_USAGE)
            fprintf(stderr, "usage: miioctl %s %s\n", commands[i].name, commands[i].args);
        return r;
    }
    ctl_error("unknown command: %s (see miioctl --help)", argv[0]);
    return CTL_USAGE;
}

static bool want_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(no && no[0]) && !(term && strcmp(term, "dumb") == 0);
}

struct options {
    struct ctl ctl;
    const char *model_path;
};

#define AT(member) AG_OPTION_FIELD(struct options, member)

static const struct ag_option rows[] = {
    {.name = "agent", .letter = 'a', .set = ctl_set_pointer, AT(ctl.address)},
    {.name = "json", .letter = 'j', .kind = AG_OPTION_FLAG, AT(ctl.json)},
    {.name = "model", .letter = 'm', .set = ctl_set_pointer, AT(model_path)},
    {.name = "timeout", .letter = 't', .kind = AG_OPTION_NUMBER, AT(ctl.timeout_ms), .least = 1, .most = 86400000},
};

int main(int argc, char **argv)
{
    static const struct ag_command_line line = {"miioctl", usage, rows, ag_array_size(rows), AG_WORDS_BEHIND};
    struct options o = {{.timeout_ms = 10000}, getenv("MIIO_MODEL")};
    struct ctl *ctl = &o.ctl;
    struct model *model = NULL;
    int r = ag_command_line_read(&line, argc, argv, &o);

    if (r >= 0)
        return r;
    ctl->colour = !ctl->json && want_colour();
    if (optind == argc) {
        usage(stderr);
        return CTL_USAGE;
    }
    if (o.model_path && o.model_path[0] && !(model = names_load(o.model_path)))
        return CTL_FAILED;
    ctl->model = model;
    r = run_command(ctl, argc - optind, argv + optind);
    ctl->conn = agent_unref(ctl->conn);
    names_free(model);
    if ((fflush(stdout) != 0 || ferror(stdout)) && r == CTL_OK) {
        ctl_error("writing to standard output failed");
        r = CTL_FAILED;
    }
    return r;
}
