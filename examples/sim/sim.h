/* SPDX-License-Identifier: MIT */
/*
 * miio_sim: stand-ins for what a device talks to, so that nobody needs an account, a phone or a board. One subcommand,
 * one file; a subcommand gets its own argc and argv (argv[0] is its name) and returns the exit code.
 */
#ifndef SIM_H
#define SIM_H

enum { SIM_OK = 0, SIM_RUNTIME = 1, SIM_USAGE = 2 };

struct sim_command {
    const char *name;
    const char *summary; /* one line for --help */
    int (*run)(int argc, char **argv);
};

/* cloud_kind.c: picks one of the stand-ins below by --kind. */
int sim_cloud_kind(int argc, char **argv);
int sim_cloud(int argc, char **argv);
int sim_cloud_mqtt(int argc, char **argv);
int sim_cloud_onenet(int argc, char **argv);
int sim_cloud_gizwits(int argc, char **argv);
int sim_fleet(int argc, char **argv);
int sim_device(int argc, char **argv);
int sim_mcu(int argc, char **argv);
int sim_phone(int argc, char **argv);

#endif
