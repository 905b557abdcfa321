/* SPDX-License-Identifier: MIT */
/* The model that miioctl was given: names for the numbers of get_properties, set_properties, action and their reports. */
#ifndef CTL_NAMES_H
#define CTL_NAMES_H

#include <stdio.h>
#include "agent/ctl/ctl.h"
#include "libagent/model/core/spec.h"

/* Loads path. NULL, and a line on standard error, when it cannot be. free with names_free(). */
struct model *names_load(const char *path);
void names_free(struct model *m);

/* The model of --model; CTL_USAGE and a line on standard error when there is none. */
int names_need(const struct ctl *ctl);

/* Prints, dimmed and behind two blanks, what the siid and piid, aiid or eiid in a text's params are called; nothing when it has
   none that the model knows. text: a whole JSON text. */
void names_print_behind(const struct ctl *ctl, const char *text);

/* A value as people read it: the description of a value-list's entry behind its number, the unit behind others. raw is JSON. */
void names_print_value(const struct ctl *ctl, const struct model_prop *p, struct ag_span raw);

#endif
