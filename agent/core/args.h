/* Members of the params of agent.* by name. The scanner notes only the members that routing needs. */
#ifndef AGENT_CORE_ARGS_H
#define AGENT_CORE_ARGS_H

#include "libagent/core/util.h"

/*
 * The raw value of a member of an object that has passed the scanner; {NULL, 0} when it has none of that name. Names
 * are compared as they are written.
 */
struct ag_span args_member(struct ag_span object, struct ag_span name);

#endif
