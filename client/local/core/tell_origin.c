/* SPDX-License-Identifier: MIT */
#include "client/local/core/tell_origin.h"

#include <errno.h>
#include "libagent/core/json/json_walk.h"

static const char *const words[ORIGIN_N_KINDS] = {
    [ORIGIN_CLOUD] = "cloud", [ORIGIN_LAN] = "lan", [ORIGIN_BLE] = "ble", [ORIGIN_LOCAL] = "local", [ORIGIN_CLIENT] = "client"};

int tell_origin(struct origin_told *out, struct ag_span text, enum origin_kind from)
{
    int r;

    if (ag_json_member((struct ag_json_value){AG_JSON_OBJECT, text}, "_origin").type != AG_JSON_NONE)
        return TELL_ORIGIN_E_SAID;
    *out = (struct origin_told){.buf = AG_BUF_INIT};
    r = ag_buf_printf(&out->buf, "{\"_origin\":\"%s\",", words[from]);
    if (r == 0)
        r = ag_buf_append(&out->buf, text.p + 1, text.len - 1); /* its method is there */
    out->text = ag_buf_span(&out->buf);
    if (r == 0 && ag_json_parse(&out->text, AG_JSON_DEPTH_MAX, &out->view) != 0)
        r = -EINVAL;
    if (r < 0)
        origin_told_deinit(out);
    return r;
}

void origin_told_deinit(struct origin_told *t)
{
    ag_buf_deinit(&t->buf);
}
