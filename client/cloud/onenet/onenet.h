/* SPDX-License-Identifier: MIT */
/* The OneNET cloud; settings in onenet_conf.h, the applications' methods in onenet_method.c. */
#ifndef CLIENT_ONENET_H
#define CLIENT_ONENET_H

#include "client/cloud/cloud.h"

extern const struct cloud_ops cloud_onenet_ops;

#endif
