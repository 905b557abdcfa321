/* SPDX-License-Identifier: MIT */
#include "client/cloud/onenet/core/onenet_names.h"

#include <string.h>

static bool is_topic(const char *s)
{
    for (; *s; s++)
        if (*s <= ' ' || *s >= 0x7f || *s == '/' || *s == '+' || *s == '#')
            return false;
    return true;
}

struct ag_span onenet_name(const struct model *m, bool event, uint64_t siid, uint64_t iid)
{
    const struct model_prop *p = NULL;
    const struct model_call *e = NULL;
    const char *path;

    if (m && siid <= MODEL_IID_MAX && iid <= MODEL_IID_MAX && event)
        e = ag_model_find_event(m, (unsigned) siid, (unsigned) iid);
    else if (m && siid <= MODEL_IID_MAX && iid <= MODEL_IID_MAX)
        p = ag_model_find_prop(m, (unsigned) siid, (unsigned) iid);
    if (!p && !e)
        return (struct ag_span){NULL, 0};
    path = model_str(m, p ? p->path : e->path);
    return is_topic(path) ? (struct ag_span){path, strlen(path)} : (struct ag_span){NULL, 0};
}
