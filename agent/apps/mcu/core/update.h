/* SPDX-License-Identifier: MIT */
/*
 * Firmware for the MCU: "update_fw" at each get_down until it says "ready" or "busy", then XMODEM, then its mcu_version. One
 * update at a time. Sources: MIoT serial, "update_fw"; the vendor's notes for the waits.
 */
#ifndef MCU_UPDATE_H
#define MCU_UPDATE_H

#include "agent/apps/mcu/core/wire/xmodem_sender.h"

enum {
    MCU_UPDATE_IMAGE_MAX = 16 << 20, /* bytes of an image; the vendor's modules take 1 MiB */
    MCU_UPDATE_POLL_MS = 30000,      /* for the MCU to ask get_down at all */
    MCU_UPDATE_ANSWER_MS = 6000,     /* from the first update_fw to "ready" or "busy" */
    MCU_UPDATE_VERSION_MS = 60000    /* from the last block to mcu_version */
};

enum mcu_update_state {
    MCU_UPDATE_NONE,
    MCU_UPDATE_ASKING,    /* lines go on, but only get_down and result are served */
    MCU_UPDATE_SENDING,   /* the line belongs to XMODEM */
    MCU_UPDATE_INSTALLING /* lines again; waiting for the new mcu_version */
};

enum mcu_update_end {
    MCU_UPDATE_NEVER, /* none was tried */
    MCU_UPDATE_RUNNING,
    MCU_UPDATE_INSTALLED,
    MCU_UPDATE_BUSY,       /* the MCU said so */
    MCU_UPDATE_NO_ANSWER,  /* no get_down, or no answer to update_fw */
    MCU_UPDATE_TRANSFER,   /* XMODEM failed: x.reason */
    MCU_UPDATE_NO_VERSION, /* it did not come back after the transfer */
    MCU_UPDATE_LINE_LOST,  /* the tty went away and did not come back in time */
    MCU_UPDATE_STOPPED     /* by us */
};

struct mcu_update {
    enum mcu_update_state state;
    enum mcu_update_end end;
    const uint8_t *image; /* borrowed from start until the state is NONE or INSTALLING */
    size_t len;
    bool use_1k;
    bool asked;      /* update_fw was sent at least once */
    uint64_t due_ms; /* end of the wait, except while SENDING */
    struct xmodem_sender x;
};

void mcu_update_start(struct mcu_update *u, const uint8_t *image, size_t len, bool use_1k, uint64_t now_ms);
/* A get_down was answered with update_fw. */
void mcu_update_asked(struct mcu_update *u, uint64_t now_ms);
/* The MCU's answer to update_fw: ready or busy. */
void mcu_update_answered(struct mcu_update *u, bool ready, uint64_t now_ms);
void mcu_update_version_came(struct mcu_update *u);
/* The line went away or came back: the waits go on, and whoever is at its other end may have to be asked again. */
void mcu_update_interrupted(struct mcu_update *u);
void mcu_update_stop(struct mcu_update *u, enum mcu_update_end why);

/* Serves the waits and, while SENDING, the transfer. Bytes for the line as xmodem_sender_byte(). */
size_t mcu_update_byte(struct mcu_update *u, uint8_t byte, uint64_t now_ms, uint8_t out[XMODEM_OUT_MAX]);
size_t mcu_update_tick(struct mcu_update *u, uint64_t now_ms, uint8_t out[XMODEM_OUT_MAX]);
uint64_t mcu_update_due_ms(const struct mcu_update *u);

/* In words. */
const char *mcu_update_end_text(const struct mcu_update *u);

#endif
