/* SPDX-License-Identifier: MIT */
/*
 * What the Gizwits cloud needs after a restart: the DID with its passcode (together a secret), the pair from before a reset until
 * it is disabled, the firmware that was installed through the cloud, and the last serial number. Text: name=value lines that
 * end with end=1, so that a torn file is recognized.
 */
#ifndef CLIENT_GIZWITS_STORE_H
#define CLIENT_GIZWITS_STORE_H

#include "client/cloud/gizwits/core/gizwits_http.h"

struct gizwits_store {
    char passcode[GIZWITS_PASSCODE_MAX + 1]; /* "": none made yet */
    char did[GIZWITS_DID_MAX + 1];           /* "": not registered */
    char old_passcode[GIZWITS_PASSCODE_MAX + 1];
    char old_did[GIZWITS_DID_MAX + 1];        /* "": nothing to disable */
    uint32_t fid[2];                          /* v4.0, by firmware type - 1; 0: none installed */
    char version[2][GIZWITS_VERSION_MAX + 1]; /* v4.1, the same */
    uint32_t sn;                              /* of the last 0x0093 */
};

/* 0 or -ENOMEM (out unchanged). */
int gizwits_store_print(const struct gizwits_store *s, struct ag_buf *out);
/* 0 or -EINVAL (out untouched). */
int gizwits_store_parse(struct ag_span text, struct gizwits_store *out);

#endif
