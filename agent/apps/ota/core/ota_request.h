/* SPDX-License-Identifier: MIT */
/*
 * The command miIO.ota as text, read into a checked request. Members: app_url, file_md5, proc, mode, and our
 * own file_sha256. The object is under "params", or under "param" as the cloud also writes it. Source:
 * Xiaomi Linux client document, section 9, 4.1.
 */
#ifndef OTA_REQUEST_H
#define OTA_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include "libagent/core/util.h"

enum { OTA_URL_MAX = 2048, OTA_MD5_LEN = 32, OTA_SHA256_LEN = 64 };

struct ota_request {
    char url[OTA_URL_MAX + 1];
    char md5[OTA_MD5_LEN + 1];       /* lower case */
    char sha256[OTA_SHA256_LEN + 1]; /* lower case; empty: not given */
    bool download, install;          /* proc; both when it is absent */
    bool silent;                     /* mode: no sound or motion while upgrading */
};

/* text: the whole command. 0; -EINVAL and one phrase in *why_out (a constant); -ENOMEM. */
int ota_request_parse(struct ota_request *out, struct ag_span text, const char **why_out);

/* Copies hex digits in lower case. false: not exactly n digits. */
bool ota_hex_copy(char *out, const char *text, size_t n);

bool ota_url_ok(const char *url);

#endif
