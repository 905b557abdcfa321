/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as each of the small files and as config_router's params. Invariants: what was accepted can be written and
 * read again as the same; no accepted value breaks the file it goes into.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "client/device/core/device_conf.h"
#include "client/device/core/device_files.h"
#include "client/local/core/local_cmd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void check_wifi(const struct wifi_conf *w)
{
    struct ag_buf text = AG_BUF_INIT;
    struct wifi_conf again;

    must(wifi_conf_build(&text, w) == 0);
    must(wifi_conf_parse(&again, ag_buf_span(&text)) == 0);
    must(strcmp(again.ssid, w->ssid) == 0 && strcmp(again.psk, w->psk) == 0 && again.uid == w->uid);
    ag_buf_deinit(&text);
}

static void try_conf(struct ag_span s)
{
    struct device_conf_error err;
    struct device_conf c;
    long v;

    if (device_conf_parse(&c, s.p, s.len, &err) < 0) {
        must(err.why[0] != '\0' && strlen(err.why) < sizeof err.why);
        return;
    }
    must(strlen(c.model) > 0 && (c.key[0] == '\0' || strlen(c.key) == 16));
    if (device_conf_get_int(&c, "n", -5, 5, 0, &v, &err) == 0)
        must(v >= -5 && v <= 5);
    device_conf_deinit(&c);
}

static void try_words(struct ag_span s)
{
    char token[17], country[16], version[64];
    uint64_t uid;

    if (device_token_parse(token, s))
        must(token[16] == '\0' && !device_token_is_blank(s));
    if (device_country_parse(country, s))
        must(country[0] && !strpbrk(country, "./ \n"));
    if (device_uid_parse(&uid, s))
        must(uid != 0);
    if (device_version_find(version, s, "acme"))
        must(strlen(version) > 0);
    if (device_zone_valid(s))
        must(!memmem(s.p, s.len, "..", 2) && s.p[0] != '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *copy = malloc(n ? n : 1); /* exact size, so that one byte too far is seen */
    struct ag_span s = {copy, n};
    struct router_params p;
    struct wifi_conf w;

    must(copy != NULL);
    if (n > 0)
        memcpy(copy, data, n);
    try_conf(s);
    try_words(s);
    if (wifi_conf_parse(&w, s) == 0)
        check_wifi(&w);
    if (local_cmd_router_params(&p, s) == 0)
        check_wifi(&p.wifi);
    free(copy);
    return 0;
}
