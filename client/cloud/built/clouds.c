/* SPDX-License-Identifier: MIT */
/* The clouds of this build. A new one adds its header and its line here. */
#include "client/cloud/cloud.h"

#include <string.h>
#include "client/cloud/gizwits/gizwits.h"
#include "client/cloud/mqtt/mqtt.h"
#include "client/cloud/onenet/onenet.h"
#include "client/cloud/ot/ot.h"

static const struct cloud_ops *const clouds[] = {
    &cloud_ot_ops,
    &cloud_onenet_ops,
    &cloud_mqtt_ops,
    &cloud_gizwits_ops,
};

const struct cloud_ops *cloud_find(const char *name)
{
    for (size_t i = 0; i < ag_array_size(clouds); i++) {
        if (strcmp(clouds[i]->name, name) == 0)
            return clouds[i];
    }
    return NULL;
}
