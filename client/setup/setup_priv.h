/* SPDX-License-Identifier: MIT */
/* Shared by the files of client/setup: facts, carrying out, the helper's words, programs, files. */
#ifndef CLIENT_SETUP_PRIV_H
#define CLIENT_SETUP_PRIV_H

#include "client/setup/setup.h"

extern const struct helper_sink setup_helper_sink; /* user is the struct setup */

/* What is there now; with _at_trial also a network that was never joined. */
void setup_link_look(const struct setup *s, struct setup_facts *f);
void setup_link_look_at_trial(const struct setup *s, struct setup_facts *f);
/* Carries out all that the event has led to; wipes the secrets in f. */
void setup_link_drain(struct setup *s, struct setup_facts *f);
/* 0 or -errno, which is in the log. */
int setup_link_carry_out(struct setup *s, const struct setup_decision *d);
void setup_link_ended(struct setup *s, enum setup_program program, int status);

/* setup_programs.c */
bool setup_program_is_there(const struct setup *s, const char *name);
int setup_program_run(struct setup *s, enum setup_program program);
struct hook **setup_program_place(struct setup *s, enum setup_program program);
/* Logs which are missing. */
void setup_programs_look(const struct setup *s);

/* setup_files.c */
/* Country, uid and wifi.conf, all or none, and before them the token, when it is not NULL. 0 or -errno. */
int setup_files_save(const struct data_dir *dir, const struct router_params *p, const char *token);
void setup_files_drop(const struct data_dir *dir);
/* Draws a new token; the last owner's files go. 0 or -errno. */
int setup_files_fresh_token(const struct data_dir *dir, char token_out[DEVICE_TOKEN_LEN + 1]);
bool setup_files_wants_zone_link(const struct device_conf *conf);
/* zone_link of the conf. 0 or -errno. */
int setup_files_link_zone(const struct device_conf *conf, const char *zone);
/* did, key, mac, model and vendor. */
void setup_files_take_identity(struct device_conf *conf, const struct device_conf *fresh);

#endif
