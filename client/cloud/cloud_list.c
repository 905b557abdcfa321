/* SPDX-License-Identifier: MIT */
#include "client/cloud/cloud_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool has(const struct cloud_list *l, const struct cloud_ops *ops)
{
    for (unsigned i = 0; i < l->n; i++) {
        if (l->ops[i] == ops)
            return true;
    }
    return false;
}

static int add(struct cloud_list *l, const char *name, bool alone, char *why, size_t n)
{
    const struct cloud_ops *ops = cloud_find(name);

    if (name[0] == '\0')
        snprintf(why, n, "a name is missing");
    else if (strcmp(name, "none") == 0)
        snprintf(why, n, "none cannot be listed with a cloud");
    else if (!ops && alone)
        snprintf(why, n, "no such cloud is built in");
    else if (!ops)
        snprintf(why, n, "no cloud %s is built in", name);
    else if (has(l, ops))
        snprintf(why, n, "%s is named twice", name);
    else
        l->ops[l->n++] = ops;
    return why[0] ? -EINVAL : 0;
}

int cloud_list_parse(const char *text, struct cloud_list *out, char *why, size_t n)
{
    struct cloud_list l = {.n = 0};
    bool alone = !strchr(text, ',');
    int r = 0;

    why[0] = '\0';
    *out = l;
    if (strcmp(text, "none") == 0)
        return 0;
    for (const char *p = text; r == 0; p++) {
        char name[32];
        size_t len;

        p += strspn(p, " \t");
        len = strcspn(p, ", \t");
        snprintf(name, sizeof name, "%.*s", (int) (len < sizeof name ? len : sizeof name - 1), p);
        r = add(&l, name, alone, why, n);
        p += len;
        p += strspn(p, " \t");
        if (*p == '\0')
            break;
        if (*p != ',' && r == 0) {
            snprintf(why, n, "names are separated by commas");
            r = -EINVAL;
        }
    }
    if (r == 0)
        *out = l;
    return r;
}

const char *cloud_of_setting(const char *key)
{
    static const struct {
        const char *prefix, *cloud;
    } rows[] = {{"ot_", "ot"}, {"gizwits_", "gizwits"}, {"onenet_", "onenet"}, {"mqtt_", "mqtt"}, {"ha_", "mqtt"}};

    if (strcmp(key, "mqtt_api") == 0)
        return NULL;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        if (strncmp(key, rows[i].prefix, strlen(rows[i].prefix)) == 0)
            return rows[i].cloud;
    }
    return NULL;
}

const char *cloud_list_stranger(const struct cloud_list *l, const char *key)
{
    const char *cloud = cloud_of_setting(key);
    const struct cloud_ops *ops = cloud ? cloud_find(cloud) : NULL;

    return ops && has(l, ops) ? NULL : cloud;
}

bool cloud_list_complaint(const struct cloud_list *l, const char *key, char out[CONF_COMPLAINT_MAX])
{
    const char *cloud = cloud_list_stranger(l, key);

    if (cloud)
        snprintf(out, CONF_COMPLAINT_MAX, "%.64s: of cloud %s, which is not in the list of clouds; not used", key, cloud);
    return cloud != NULL;
}
