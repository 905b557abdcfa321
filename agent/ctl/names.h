/* SPDX-License-Identifier: MIT */
/* The model that miioctl was given: names for the numbers of get_properties, set_properties, action and their reports. */
#ifndef CTL_NAMES_H
#define CTL_NAMES_H

#include <stdio.h>
#include "agent/ctl/ctl.h"
#include "libagent/model/core/spec.h"

/* Loads path. NULL, and a line on standard error, when that fails. Free it with names_free(). */
struct model *names_load(const char *path);
void names_free(struct model *m);

/* The model of --model; CTL_USAGE and a line on standard error when there is none. */
int names_need(const struct ctl *ctl);

/* Prints, dimmed and after two blanks, the names of the siid and piid, aiid or eiid in a text's params; nothing if the model
   knows none of them. text: a whole JSON text. */
void names_print_behind(const struct ctl *ctl, const char *text);

/* A value for people: the number and the description of an entry of a value-list, others with their unit. raw is JSON. */
void names_print_value(const struct ctl *ctl, const struct model_prop *p, struct ag_span raw);

#endif
