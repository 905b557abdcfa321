/* SPDX-License-Identifier: MIT */
/* The clouds that are built in. Each implementation adds its declaration and its line. */
#include "client/cloud/cloud.h"

#include <string.h>
#include "client/cloud/gizwits/gizwits.h"
#include "client/cloud/mqtt/mqtt.h"
#include "client/cloud/onenet/onenet.h"
#include "client/cloud/ot/ot.h"

static const struct cloud_ops *const clouds[] = {
    &cloud_ot_ops, &cloud_onenet_ops, &cloud_mqtt_ops, &cloud_gizwits_ops,
    NULL, /* keeps the table valid for a build without any */
};

const struct cloud_ops *cloud_find(const char *name)
{
    for (size_t i = 0; i < ag_array_size(clouds); i++) {
        if (clouds[i] && strcmp(clouds[i]->name, name) == 0)
            return clouds[i];
    }
    return NULL;
}
