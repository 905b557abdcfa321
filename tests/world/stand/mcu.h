/* SPDX-License-Identifier: MIT */
/* A microcontroller on a serial line, which speaks the MIoT serial protocol: one line, one reply. */
#ifndef WORLD_MCU_H
#define WORLD_MCU_H

#include <stdbool.h>
#include <stdint.h>
#include "tests/world/kernel/net.h"
#include "tests/world/stand/xmodem.h"

struct mcu_stand {
    struct vsock *line; /* NULL: nobody has it open */
    char in[600];
    size_t n;
    char result[512]; /* what it owes; "": nothing */
    bool waits;       /* for the reply to its last line */
    bool mute;        /* says nothing */
    bool is_ready;    /* it has just said so: what comes next is its boot loader's */
    uint64_t asked_us, n_lines, n_downs, value;
    const void *image; /* of n_image bytes: the firmware that it may be given; NULL: none is known to it */
    size_t n_image;
    struct xmodem loader; /* on: the line is the boot loader's */
    uint64_t boots_us;    /* when it has started with what it was given */
    unsigned version, n_updates;
    uint64_t update_asked_us, ready_us, busy_us,
        given_us; /* when it last heard update_fw, said that it is ready or busy, had its image */
};

/* The other end of a line that a program opens. */
struct vfile *mcu_open(struct mcu_stand *m, struct proc *p);
/* Its turn: every two seconds or so. */
void mcu_turn(struct mcu_stand *m);
/* The line is pulled out. */
void mcu_hang_up(struct mcu_stand *m);

#endif
