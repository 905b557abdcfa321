/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/core/ha/ha_ask.h"

#include <errno.h>
#include <stdlib.h>

int ha_ask_init(struct ha_ask *a, const struct model *m)
{
    *a = (struct ha_ask){.all = calloc(m->n_props < HA_ASK_MAX ? m->n_props + 1 : HA_ASK_MAX, sizeof *a->all)};
    if (!a->all)
        return -ENOMEM;
    for (uint32_t i = 0; i < m->n_props && a->n < HA_ASK_MAX; i++) {
        const struct model_prop *p = &m->props[i];
        bool silent = !(p->access & MODEL_NOTIFY);

        if (!(p->access & MODEL_READ))
            continue;
        a->all[a->n++] = (struct ha_ask_prop){(uint16_t) model_prop_siid(m, p), p->iid, silent};
        a->n_silent += silent && model_prop_siid(m, p) != 1; /* what the device is does not change */
    }
    a->next = a->n;
    return 0;
}

void ha_ask_deinit(struct ha_ask *a)
{
    free(a->all);
    *a = (struct ha_ask){.all = NULL};
}

void ha_ask_begin(struct ha_ask *a, bool silent_only)
{
    a->next = 0;
    a->silent_only = silent_only;
}

int ha_ask_next(struct ha_ask *a, const char *did, struct ag_buf *out)
{
    unsigned n = 0;
    int r = 0;

    for (; r == 0 && a->next < a->n && n < HA_ASK_BATCH; a->next++) {
        const struct ha_ask_prop *p = &a->all[a->next];

        if (a->silent_only && (!p->silent || p->siid == 1))
            continue;
        r = ag_buf_append_str(out, n++ == 0 ? "{\"id\":\"state\",\"method\":\"get_properties\",\"params\":[" : ",");
        if (r == 0)
            r = ag_buf_printf(out, "{\"did\":\"%s\",\"siid\":%u,\"piid\":%u}", did, p->siid, p->piid);
    }
    if (r == 0 && n > 0)
        r = ag_buf_append_str(out, "]}");
    return r < 0 ? r : n > 0;
}
