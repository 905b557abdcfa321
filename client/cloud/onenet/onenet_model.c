/* SPDX-License-Identifier: MIT */
#include "client/cloud/onenet/onenet_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/buf.h"
#include "libagent/core/log/log.h"
#include "libagent/io/file.h"

struct model *onenet_model_read(const char *path)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct model *m = calloc(1, sizeof *m);
    struct model_error error = {0};
    int r = m ? ag_file_read(path, MODEL_TEXT_MAX, &text) : -ENOMEM;

    if (r == 0)
        r = ag_model_parse(m, ag_buf_span(&text), &error);
    if (r == 0)
        return m;
    ag_log(AG_LOG_WARNING, "onenet: %s: %s; streams are named by number", path, error.why[0] ? error.why : strerror(-r));
    free(m);
    return NULL;
}

void onenet_model_free(struct model *m)
{
    if (m)
        ag_model_deinit(m);
    free(m);
}
