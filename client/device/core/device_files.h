/* SPDX-License-Identifier: MIT */
/*
 * The texts of the small files in the data directory: device.token, device.country, device.uid and the version in
 * /etc/os-release; and the names that are made from the identity. Bytes in, values out; client/device/io/data_dir.* reads and
 * writes. Source: Xiaomi Linux client document, sections 4, 5.2, 7 and 9.
 */
#ifndef CLIENT_DEVICE_FILES_H
#define CLIENT_DEVICE_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/util.h"

enum {
    DEVICE_TOKEN_LEN = 16,
    DEVICE_COUNTRY_MAX = 15,
    DEVICE_UID_MAX = 20, /* digits of a 64-bit number */
    DEVICE_VERSION_MAX = 63,
    DEVICE_NAME_MAX = 63 /* a DHCP host name label; an SSID has 32 at most */
};

/*
 * 16 printable characters, or the 16 bytes as 32 hex digits, the form in which phones' tools show a token; either may be
 * followed by blanks, line ends and zero bytes. false: neither (token is unchanged). Hex digits may stand for any byte, NUL
 * too: a token is 16 bytes, not a string.
 */
bool device_token_parse(char token[DEVICE_TOKEN_LEN + 1], struct ag_span file);
/* Nothing but blanks, line ends and zero bytes: a file that lost its content, or never had one. */
bool device_token_is_blank(struct ag_span file);

/* 16 letters and digits from random bytes; n >= 32. false: too few usable bytes, call again with others. */
bool device_token_make(char token[DEVICE_TOKEN_LEN + 1], const uint8_t *random, size_t n);

/* The token's bytes as 32 lower-case hex digits, the form of _otc.info and miIO.info. */
void device_token_hex(char hex[2 * DEVICE_TOKEN_LEN + 1], const char token[DEVICE_TOKEN_LEN + 1]);

/* One word of lower-case letters and digits; upper case is converted. false: empty, too long or anything else. */
bool device_country_parse(char country[DEVICE_COUNTRY_MAX + 1], struct ag_span text);

/* One decimal number other than 0. false: none. */
bool device_uid_parse(uint64_t *uid_out, struct ag_span text);

/* <VENDOR>_VERSION of os-release, without quotes. false: not there (callers say "unknown"). */
bool device_version_find(char version[DEVICE_VERSION_MAX + 1], struct ag_span os_release, const char *vendor);

/* model with '-' for '.', "_miap", the last two bytes of the address: vendor-camera-v1_miapA747 */
void device_ap_ssid(char *out, size_t n, const char *model, const char *mac);

/* model with '-' for '.', "_miio", the decimal did: xiaomi-dev-v1_miio11245 */
void device_host_name(char *out, size_t n, const char *model, uint64_t did);

/* A zone name that may be joined to the zone directory: relative, no "..", letters digits _ + - / only, <= 63. */
bool device_zone_valid(struct ag_span tz);

#endif
