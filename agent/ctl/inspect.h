/* SPDX-License-Identifier: MIT */
/* What several commands read from the agent's answers. */
#ifndef CTL_INSPECT_H
#define CTL_INSPECT_H

#include <cjson/cJSON.h>
#include <stddef.h>

/* The program's name of an object of agent.peers, "-" when its process is not known. */
const char *inspect_name(const cJSON *peer, char *buf, size_t n);

#endif
