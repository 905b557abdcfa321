/* SPDX-License-Identifier: MIT */
#include "client/device/core/device_files.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/json/json.h"
#include "libagent/core/text/hex.h"
#include "libagent/core/utf8.h"

static struct ag_span first_word(struct ag_span s)
{
    size_t n = 0;

    while (s.len > 0 && isspace((unsigned char) s.p[0]))
        s = (struct ag_span){s.p + 1, s.len - 1};
    while (n < s.len && !isspace((unsigned char) s.p[n]))
        n++;
    return (struct ag_span){s.p, n};
}

static bool all_printable(struct ag_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < 0x20 || s.p[i] > 0x7e)
            return false;
    }
    return true;
}

static struct ag_span without_tail(struct ag_span s, const char *tail, size_t n)
{
    while (s.len > 0 && memchr(tail, s.p[s.len - 1], n))
        s.len--;
    return s;
}

static int hex_digit(char c)
{
    if (isdigit((unsigned char) c))
        return c - '0';
    return isxdigit((unsigned char) c) ? tolower((unsigned char) c) - 'a' + 10 : -1;
}

static bool token_from_hex(char token[DEVICE_TOKEN_LEN + 1], struct ag_span hex)
{
    char out[DEVICE_TOKEN_LEN + 1] = "";

    if (hex.len != 2 * DEVICE_TOKEN_LEN)
        return false;
    for (size_t i = 0; i < DEVICE_TOKEN_LEN; i++) {
        int high = hex_digit(hex.p[2 * i]), low = hex_digit(hex.p[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (char) (high << 4 | low);
    }
    memcpy(token, out, sizeof out);
    explicit_bzero(out, sizeof out);
    return true;
}

bool device_token_parse(char token[DEVICE_TOKEN_LEN + 1], struct ag_span file)
{
    struct ag_span text;

    file = ag_utf8_without_mark(file);
    text = without_tail(file, "\r\n\0", 3); /* a blank may be its last character */
    if (text.len != DEVICE_TOKEN_LEN)
        text = without_tail(file, " \t\r\n\0", 5);
    if (text.len != DEVICE_TOKEN_LEN || !all_printable(text))
        return token_from_hex(token, text);
    memcpy(token, text.p, DEVICE_TOKEN_LEN);
    token[DEVICE_TOKEN_LEN] = '\0';
    return true;
}

bool device_token_is_blank(struct ag_span file)
{
    return without_tail(file, " \t\r\n\0", 5).len == 0;
}

bool device_token_make(char token[DEVICE_TOKEN_LEN + 1], const uint8_t *random, size_t n)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    enum { N_LETTERS = sizeof letters - 1, FAIR = 256 - 256 % N_LETTERS };
    char made[DEVICE_TOKEN_LEN + 1] = "";
    size_t at = 0;

    for (size_t i = 0; i < n && at < DEVICE_TOKEN_LEN; i++) {
        if (random[i] < FAIR) /* the others would make some letters more likely */
            made[at++] = letters[random[i] % N_LETTERS];
    }
    if (at < DEVICE_TOKEN_LEN)
        return false;
    memcpy(token, made, sizeof made);
    return true;
}

void device_token_hex(char hex[2 * DEVICE_TOKEN_LEN + 1], const char token[DEVICE_TOKEN_LEN + 1])
{
    ag_hex(hex, token, DEVICE_TOKEN_LEN);
}

bool device_country_parse(char country[DEVICE_COUNTRY_MAX + 1], struct ag_span text)
{
    struct ag_span word = first_word(ag_utf8_without_mark(text));

    if (word.len == 0 || word.len > DEVICE_COUNTRY_MAX)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (!isalnum((unsigned char) word.p[i]))
            return false; /* it becomes part of a server's name */
    }
    for (size_t i = 0; i < word.len; i++)
        country[i] = (char) tolower((unsigned char) word.p[i]);
    country[word.len] = '\0';
    return true;
}

bool device_uid_parse(uint64_t *uid_out, struct ag_span text)
{
    struct ag_span word = first_word(ag_utf8_without_mark(text));
    uint64_t v;

    if (word.len == 0 || word.len > DEVICE_UID_MAX || !ag_span_uint(word, UINT64_MAX, &v) || v == 0)
        return false;
    *uid_out = v;
    return true;
}

/* VENDOR_VERSION= at the start of a line: where the value begins, or NULL. */
static const char *version_value(struct ag_span line, const char *vendor)
{
    static const char tail[] = "_VERSION=";
    size_t n = strlen(vendor);

    if (n == 0 || line.len < n + sizeof tail - 1)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (line.p[i] != toupper((unsigned char) vendor[i]))
            return NULL;
    }
    return memcmp(line.p + n, tail, sizeof tail - 1) == 0 ? line.p + n + sizeof tail - 1 : NULL;
}

static bool take_value(char version[DEVICE_VERSION_MAX + 1], struct ag_span v)
{
    while (v.len > 0 && isspace((unsigned char) v.p[v.len - 1]))
        v.len--;
    if (v.len >= 2 && (v.p[0] == '"' || v.p[0] == '\'') && v.p[v.len - 1] == v.p[0])
        v = (struct ag_span){v.p + 1, v.len - 2};
    if (v.len == 0 || v.len > DEVICE_VERSION_MAX)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        if (v.p[i] < 0x20 || v.p[i] > 0x7e)
            return false;
    }
    memcpy(version, v.p, v.len);
    version[v.len] = '\0';
    return true;
}

bool device_version_find(char version[DEVICE_VERSION_MAX + 1], struct ag_span os_release, const char *vendor)
{
    bool found = false;

    while (os_release.len > 0) {
        const char *end = memchr(os_release.p, '\n', os_release.len);
        struct ag_span line = {os_release.p, end ? (size_t) (end - os_release.p) : os_release.len};
        const char *value = version_value(line, vendor);

        if (value && take_value(version, (struct ag_span){value, (size_t) (line.p + line.len - value)}))
            found = true; /* the last line wins, as in a shell that sources the file */
        os_release.p += end ? line.len + 1 : line.len;
        os_release.len -= end ? line.len + 1 : line.len;
    }
    return found;
}

static void dashed(char *out, size_t n, const char *model)
{
    snprintf(out, n, "%s", model);
    for (char *p = out; *p; p++) {
        if (*p == '.')
            *p = '-';
    }
}

void device_ap_ssid(char *out, size_t n, const char *model, const char *mac)
{
    char name[DEVICE_NAME_MAX + 1], last[5] = "0000";

    dashed(name, sizeof name, model);
    if (strlen(mac) == 17) {
        for (int i = 0; i < 4; i++)
            last[i] = (char) toupper((unsigned char) mac[12 + i + i / 2]);
    }
    snprintf(out, n, "%.23s_miap%s", name, last);
}

void device_host_name(char *out, size_t n, const char *model, uint64_t did)
{
    char name[DEVICE_NAME_MAX + 1];

    dashed(name, sizeof name, model);
    snprintf(out, n, "%.23s_miio%" PRIu64, name, did);
}

bool device_zone_valid(struct ag_span tz)
{
    if (tz.len == 0 || tz.len > 63 || tz.p[0] == '/' || tz.p[tz.len - 1] == '/')
        return false;
    for (size_t i = 0; i < tz.len; i++) {
        if (!isalnum((unsigned char) tz.p[i]) && !memchr("_+-/", tz.p[i], 4))
            return false; /* no '.', so no ".." either */
    }
    return true;
}
