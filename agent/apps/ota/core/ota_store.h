/* SPDX-License-Identifier: MIT */
/*
 * The text of the state file: name=value lines, one value a line, unknown names ignored. What cannot be
 * read back completely is no state at all: the device is idle then.
 */
#ifndef OTA_STORE_H
#define OTA_STORE_H

#include "agent/apps/ota/core/ota_machine.h"
#include "libagent/core/buf.h"

enum { OTA_BOOT_ID_MAX = 63 };

/* 0 or -ENOMEM (out unchanged). boot_id tells one start of the device from the next. */
int ota_store_print(struct ag_buf *out, const struct ota_saved *s, const char *boot_id);

/* 0 or -EINVAL (outputs unchanged). boot_out has room for OTA_BOOT_ID_MAX + 1. */
int ota_store_parse(struct ag_span text, struct ota_saved *out, char *boot_out);

#endif
