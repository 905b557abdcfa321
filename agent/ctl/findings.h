/* SPDX-License-Identifier: MIT */
/*
 * What is wrong, judging by what agent and client say about themselves: each trouble has a name for programs, a line for
 * people and the cure. JSON in, troubles out; nothing is asked or printed here.
 */
#ifndef CTL_FINDINGS_H
#define CTL_FINDINGS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

enum { FINDINGS_MAX = 40, FINDING_TEXT_MAX = 400 };

struct finding {
    const char *name; /* such as "cloud.login"; the table of docs/troubleshooting.md */
    char text[FINDING_TEXT_MAX];
    const char *cure;
};

struct findings {
    struct finding list[FINDINGS_MAX]; /* any more are left out */
    size_t n;
};

/* What is examined; NULL: not available. */
struct looks {
    const cJSON *info, *peers; /* of agent.info, agent.peers */
    const cJSON *status;       /* of client.status */
    unsigned n_twins;          /* other clients for the same device on this machine */
};

void findings_collect(struct findings *out, const struct looks *in);

#endif
