/* SPDX-License-Identifier: MIT */
/* Reads what others say about the device into the forms that the serial line shows. */
#ifndef MCU_IDENTITY_H
#define MCU_IDENTITY_H

#include <stdbool.h>
#include "libagent/core/util.h"

/* "34:CE:00:89:2A:B7", "34ce00892ab7" -> "34ce00892ab7". False (out untouched) when it is not a MAC address. */
bool mcu_mac_read(const char *text, char out[13]);

/* A firmware version that can be on the line: 1..31 printable characters, no space or quote. */
bool mcu_version_is_good(const char *text);

/* company.product.version: three parts, none empty, of letters, digits, '_' and '-', at most 23 bytes in all. */
bool mcu_model_is_good(struct ag_span s);

#endif
