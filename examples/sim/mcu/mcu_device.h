/* SPDX-License-Identifier: MIT */
/*
 * The firmware of the MCU stand-in: polls the module, serves a table of properties, echoes actions. One
 * command is open at a time; an answer that does not come is asked for again. Pure: lines and time in, lines
 * out.
 */
#ifndef SIM_MCU_DEVICE_H
#define SIM_MCU_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

enum { MCU_DEV_PROPS_MAX = 64, MCU_DEV_LINE_MAX = 1024, MCU_DEV_VALUE_MAX = 400, MCU_DEV_TRIES = 4 };

struct mcu_dev_prop {
    unsigned long siid, piid;
    bool read_only;
    char value[MCU_DEV_VALUE_MAX]; /* as it is on the line: a number, true, false, or a string with its
                                      quotes */
};

enum mcu_dev_state {
    MCU_DEV_IDLE,
    MCU_DEV_WAIT_OK,   /* for ok or error to what was sent */
    MCU_DEV_WAIT_DOWN, /* for the answer to get_down */
    MCU_DEV_UPDATE     /* "ready" was acknowledged: the line belongs to XMODEM */
};

struct mcu_device {
    struct mcu_dev_prop prop[MCU_DEV_PROPS_MAX];
    unsigned n_props;
    const char *model;
    char version[5];
    unsigned poll_ms;
    unsigned reply_ms; /* how long an answer may take */
    bool busy;         /* refuses updates */
    enum mcu_dev_state state;
    unsigned step; /* of the start sequence */
    unsigned tries;
    uint64_t due_ms;
    bool update_said; /* the last line sent was result "ready" */
    bool report;      /* a written property is reported */
    unsigned long report_siid, report_piid;
    char sent[MCU_DEV_LINE_MAX]; /* the line that waits for its answer */
    unsigned long n_downs, n_resent;
    void (*send)(struct mcu_device *d, const char *line); /* without CR */
    void *user;
};

/* Sets the property; adds it when it is new. False: the table is full or the value too long. */
bool mcu_dev_set(struct mcu_device *d, unsigned long siid, unsigned long piid, const char *value, bool read_only);

/* Begins again, as after power-up. */
void mcu_dev_start(struct mcu_device *d, uint64_t now_ms);
/* A line of the module, without its CR. */
void mcu_dev_line(struct mcu_device *d, char *line, uint64_t now_ms);
void mcu_dev_tick(struct mcu_device *d, uint64_t now_ms);
/* Sends a line of the caller's own when none is open. False: one is. */
bool mcu_dev_say(struct mcu_device *d, const char *line, uint64_t now_ms);
/* The new firmware runs. */
void mcu_dev_updated(struct mcu_device *d, bool good, uint64_t now_ms);

#endif
