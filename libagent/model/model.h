/* SPDX-License-Identifier: MIT */
/* Inside of an agent_model: the parsed instance and its count. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <agent/model.h>
#include "libagent/model/core/spec.h"

struct agent_model {
    unsigned refs;
    struct model m;
};

#endif
