/* SPDX-License-Identifier: MIT */
/*
 * The unique names of the device's model for the streams of MIoT reports: "light.brightness" instead of "2.3",
 * "event.button.click" instead of "event.3.1". A name that would not make a sensible topic (a byte beyond ASCII, '/', '+', '#')
 * is not used.
 */
#ifndef CLIENT_ONENET_NAMES_H
#define CLIENT_ONENET_NAMES_H

#include "libagent/core/util.h"
#include "libagent/model/core/spec.h"

/* The name of a property, or of an event, which lies in m. {NULL, 0}: use the numbers. m may be NULL. */
struct ag_span onenet_name(const struct model *m, bool event, uint64_t siid, uint64_t iid);

#endif
