/* SPDX-License-Identifier: MIT */
/*
 * The streams of reports by MIoT numbers, called by the unique names of the device's model: "light.brightness" instead of "2.3",
 * "event.button.click" instead of "event.3.1". A name that makes no sensible topic (a byte beyond ASCII, '/', '+', '#')
 * is not used.
 */
#ifndef CLIENT_ONENET_NAMES_H
#define CLIENT_ONENET_NAMES_H

#include "libagent/core/util.h"
#include "libagent/model/core/spec.h"

/* The name of a property, or of an event, which lies in m. {NULL, 0}: the numbers stand for it. m may be NULL. */
struct ag_span onenet_name(const struct model *m, bool event, uint64_t siid, uint64_t iid);

#endif
