/* SPDX-License-Identifier: MIT */
/* One device with its clouds, phone, applications and bad luck, out of a seed. */
#ifndef WORLD_WORLD_H
#define WORLD_WORLD_H

#include <stdbool.h>
#include <stdint.h>

enum { FAULTS_MAX = 4096 };

struct fault {
    uint64_t at_us, lasts_us;
    int kind, arg;
};

/* The world has grown; a row of seeds.txt is of the world in which it was found. */
enum {
    WIDTH_PLAIN = 1,  /* one cloud, OT or MQTT, and five applications */
    WIDTH_CLOUDS = 2, /* up to three clouds, up to fifty applications, more faults */
    WIDTH_HOME = 3,   /* an owner with a Wi-Fi network, and the platform's programs */
    WIDTH_APPS = 4,   /* applications that die, that are old, that send rubbish */
    WIDTH_GIZWITS = 5,
    WIDTH_OTA = 6,
    WIDTH_MCU = 7,
    WIDTH_HELPER = 8,    /* an external helper in the place of the hooks */
    WIDTH_ORDERS = 9,    /* SIGHUP, and reboots that a cloud asks for */
    WIDTH_TROUBLES = 10, /* what a device has to put up with: bursts, cuts in between, clocks that are set, bad guests */
    WIDTH_SUMS = 11,     /* counters, pauses, the owner's files and what is left at rest are looked at */
    WIDTH_PHONES = 12,   /* several phones, and firmware for the MCU */
    WIDTH_HALVES = 13,   /* brokers that end between the halves of commands */
    WIDTH_ENDS = 14,     /* updates are followed to their end, and miio_mcu, miio_ota end meanwhile */
    WIDTH_KEPT = 15,     /* a device is given away while no cloud takes its reports */
    WIDTH_NOW = WIDTH_KEPT
};

/* How wide the world is, apart from its seed. */
struct breadth {
    int width;
    bool failing_disks; /* a disk whose calls fail now and then is among the faults */
};

struct plan {
    struct breadth breadth;
    struct fault at[FAULTS_MAX];
    unsigned n;
};

/* The seed's faults; which of them come to pass is the caller's to say. */
void plan_make(struct plan *p, uint64_t seed, uint64_t hours, const struct breadth *b);
const char *fault_name(int kind);

/* Runs it: what was broken is in W. */
void world_live(uint64_t seed, uint64_t hours, const struct plan *p, const bool *left_out);

struct world_sums {
    uint64_t commands, answers, reports, arrived, queued, kills, power_cuts;
};
extern struct world_sums sums;

#endif
