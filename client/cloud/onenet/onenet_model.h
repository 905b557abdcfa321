/* SPDX-License-Identifier: MIT */
/* The device's model, from its file, for the names of streams. */
#ifndef CLIENT_ONENET_MODEL_H
#define CLIENT_ONENET_MODEL_H

#include "libagent/model/core/spec.h"

/* NULL, with a warning in the log: it can no longer be read (it was checked when the program started), numbers will do. */
struct model *onenet_model_read(const char *path);
/* Takes NULL. */
void onenet_model_free(struct model *m);

#endif
