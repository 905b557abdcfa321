/* SPDX-License-Identifier: MIT */
/* Stories of test_setup_machine.c: lines of setup_rig.h, and what each leads to. Each table ends with a row without a name. */
#ifndef TEST_SETUP_STORIES_H
#define TEST_SETUP_STORIES_H

#include <stddef.h>

struct setup_step {
    const char *line, *decisions;
};

struct setup_story {
    const char *name, *mode;
    struct setup_step steps[26];
};

extern const struct setup_story stories_network[], stories_leaving[], stories_helper[];

#endif
