/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the client's rig: each plays one part of what is round the client, and keeps it to itself. Lines are in
 * client_rig.h.
 */
#ifndef TEST_CLIENT_RIG_PRIV_H
#define TEST_CLIENT_RIG_PRIV_H

/* What cmocka wants before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "libagent/core/util.h"
#include "tests/unit/client/client_rig.h"

enum { RIG_APPS = 4, RIG_CLOUDS = 2, RIG_HEARD = 64, RIG_DID = 10000, RIG_UNIX = 1700000000 };

/* What somebody hears, in order. */
struct ear {
    char *lines[RIG_HEARD];
    unsigned n;
};

/* ---- client_rig.c ---- */

/* Ends the test, with the name of the row and its line before it. */
void rig_fail(const char *fmt, ...) ag_printf_like(1, 2);
/* The row's data directory. */
const char *rig_dir(void);
/* The device's token. */
const char *rig_token(void);
uint64_t rig_now_ms(void);
/* A text as it lies in a receive buffer: the client writes over secrets in it, and must not read behind its end. Until the next
   one. */
struct ag_span rig_received(struct ag_span text);

/* ---- client_rig_ear.c ---- */

/* A line more. */
void rig_hear(struct ear *e, const char *fmt, ...) ag_printf_like(2, 3);
void rig_hear_text(struct ear *e, struct ag_span text);
/* The next line must be this one; empty: there must be none. */
void rig_expect(struct ear *e, const char *want);
void rig_forget_line(struct ear *e);

/* ---- the parts: begin, the lines of a script, and who hears what ---- */

/* client_rig_turn.c */
void rig_turn_begin(void);
void rig_turn_end(void); /* of the loop */
void rig_turn_close(void);

/* client_rig_local.c: sockets of applications, and the MQTT channels */
extern struct ear rig_app_ears[RIG_APPS], rig_channels_ear;
void rig_local_begin(void);
void rig_app_line(unsigned peer, char what, const char *text);
void rig_channels_line(char what, const char *text);

/* client_rig_phone.c: the two UDP sockets */
extern struct ear rig_phone_ear, rig_ble_ear;
void rig_phone_begin(void);
void rig_phone_line(char what, const char *text);
void rig_ble_line(char what, const char *text);
void rig_phone_end(void);

/* client_rig_store.c */
void rig_store_begin(void);
void rig_store_line(char what, const char *text);
void rig_store_end(void);

/* client_rig_programs.c */
extern struct ear rig_programs_ear;
void rig_programs_begin(void);
void rig_program_line(char what, const char *text);
void rig_programs_end(void);

/* client_rig_clouds.c */
extern struct ear rig_cloud_ears[RIG_CLOUDS];
void rig_clouds_begin(void);
void rig_cloud_line(unsigned which, char what, const char *text);
/* Those that were stopped are gone. */
void rig_clouds_close(void);

static inline struct ag_span rig_span(const char *text)
{
    return (struct ag_span){text, strlen(text)};
}

#endif
