/* SPDX-License-Identifier: MIT */
/* The model as the page wants it: one list of properties and one of actions, numbers instead of URNs. */
#ifndef WEB_MODEL_H
#define WEB_MODEL_H

#include "libagent/core/buf.h"

/* Into out. 0 or -errno. */
int web_model_print(const char *path, struct ag_buf *out);

#endif
