/* SPDX-License-Identifier: MIT */
#include "client/cloud/gizwits/core/gizwits_topic.h"

#include <stdio.h>
#include <string.h>
#include "libagent/core/utf8.h"

const char *gizwits_topic_filter(unsigned i, const char *did, const char *product_key, char out[GIZWITS_TOPIC_MAX])
{
    switch (i) {
    case 0:
        snprintf(out, GIZWITS_TOPIC_MAX, "ser2cli_res/%s", did);
        break;
    case 1:
        snprintf(out, GIZWITS_TOPIC_MAX, "ser2cli_noti/%s", product_key);
        break;
    default:
        snprintf(out, GIZWITS_TOPIC_MAX, "app2dev/%s/#", did);
        break;
    }
    return out;
}

bool gizwits_app_ok(struct ag_span app)
{
    if (app.len == 0 || app.len > GIZWITS_APP_MAX || !ag_utf8_valid(app))
        return false;
    for (size_t i = 0; i < app.len; i++)
        if ((unsigned char) app.p[i] < ' ' || app.p[i] == 0x7f || app.p[i] == '+' || app.p[i] == '#')
            return false;
    return true;
}

bool gizwits_topic_parse(const char *topic, const char *did, const char *product_key, struct gizwits_origin *out)
{
    char own[GIZWITS_TOPIC_MAX];
    size_t n;
    struct ag_span app;

    for (unsigned i = 0; i < 2; i++) {
        if (strcmp(topic, gizwits_topic_filter(i, did, product_key, own)) == 0) {
            *out = (struct gizwits_origin){.form = GIZWITS_FORM_B};
            return true;
        }
    }
    n = (size_t) snprintf(own, sizeof own, "app2dev/%s/", did);
    if (strncmp(topic, own, n) != 0)
        return false;
    app = (struct ag_span){topic + n, strlen(topic + n)};
    if (!gizwits_app_ok(app))
        return false;
    out->form = GIZWITS_FORM_A;
    memcpy(out->app, app.p, app.len + 1);
    return true;
}

const char *gizwits_topic_to_app(const char *did, const char *app, char out[GIZWITS_TOPIC_MAX])
{
    snprintf(out, GIZWITS_TOPIC_MAX, "dev2app/%s%s%s", did, app[0] ? "/" : "", app);
    return out;
}
