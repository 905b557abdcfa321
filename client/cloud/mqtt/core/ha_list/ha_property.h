/* SPDX-License-Identifier: MIT */
/* One property of the small list (ha_discovery.h): read, checked member by member, or refused with the reason. A core. */
#ifndef CLIENT_HA_PROPERTY_H
#define CLIENT_HA_PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include "libagent/core/util.h"

enum { HA_KEY_MAX = 64 };

enum ha_component { C_SWITCH, C_BINARY_SENSOR, C_NUMBER, C_SELECT, C_TEXT, C_SENSOR, N_COMPONENTS };

/* Spans lie in the list. */
struct ha_property {
    struct ag_span object; /* all of it */
    enum ha_component component;
    char key[HA_KEY_MAX + 1];  /* its member in the state */
    char slug[HA_KEY_MAX + 1]; /* the same in [A-Za-z0-9_] */
    struct ag_span label;      /* JSON string; absent or empty: the key stands for it */
    struct ag_span unit, device_class, min, max, step;
    struct ag_span on, off; /* JSON values */
    struct ag_span options; /* array of strings */
    struct ag_span set;     /* JSON string: method */
};

/* Where the reason of a refusal goes. */
struct ha_why {
    char *text;
    size_t n;
};

/* One line; -EINVAL. */
int ha_refuse(const struct ha_why *why, const char *fmt, ...) ag_printf_like(2, 3);

/* 0 or -EINVAL with the reason. */
int ha_property_read(struct ha_property *out, struct ag_span object, const struct ha_why *why);

/* "switch", "binary_sensor" ... */
const char *ha_component_name(enum ha_component c);
/* It is only shown, and has no command. */
bool ha_component_is_shown(enum ha_component c);
/* The n-th of the members that go to Home Assistant unchanged; NULL after the last. */
const char *ha_member_passed(size_t n);

#endif
