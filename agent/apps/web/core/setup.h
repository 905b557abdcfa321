/* SPDX-License-Identifier: MIT */
/*
 * First set-up: what the page asks for, and whether it can go well. Every check is made before anything is changed, and each says
 * what it found, so the page can show them one by one. The rules of name and key are miio_client's own (docs/provisioning.md).
 */
#ifndef WEB_SETUP_H
#define WEB_SETUP_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum { WEB_SSID_MAX = 32, WEB_PASSWD_MAX = 64, WEB_COUNTRY_MAX = 8, WEB_ZONE_MAX = 64, WEB_NETWORKS_MAX = 64 };

struct web_setup {
    bool check_only;
    char ssid[WEB_SSID_MAX + 1], passwd[WEB_PASSWD_MAX + 1], country[WEB_COUNTRY_MAX + 1], zone[WEB_ZONE_MAX + 1];
    bool ssid_long, passwd_long;
    uint64_t uid;
};

/* {"ssid","passwd","uid","country","tz","check":true}. NULL, or what is wrong with its form. Wipe *out when done. */
const char *web_ask_setup(struct ag_span body, struct web_setup *out);

/* What is known of the device; JSON texts, {NULL, 0}: not known. */
struct web_setup_facts {
    struct ag_span status;   /* of client.status */
    struct ag_span networks; /* of web_networks_print(), of the last look */
    bool zone_known;         /* the time zone is one of this system, or none was given */
};

/*
 * {"ok":BOOL,"checks":[{"name":"ssid","state":"ok"|"bad"|"unsure","why":"..."},...]} appended. 1: nothing is in the way;
 * 0: something is; -ENOMEM.
 */
int web_setup_check(const struct web_setup *s, const struct web_setup_facts *f, struct ag_buf *out);
/* The params of config_router. 0 or -ENOMEM. */
int web_setup_print(const struct web_setup *s, struct ag_buf *out);

/*
 * The lines of a network hook, "SIGNAL TAB SECURITY TAB NAME" (dBm; any word, "open" for none; \\xNN, \\" and \\\\ in the
 * name as wpa_cli writes them), as a JSON array [{"ssid","signal","security"}], strongest first, each name once. Any
 * other line is ignored. 0 or -ENOMEM.
 */
int web_networks_print(struct ag_span lines, struct ag_buf *out);

#endif
