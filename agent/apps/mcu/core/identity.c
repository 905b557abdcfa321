/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/identity.h"

#include <ctype.h>
#include <string.h>

enum { MODEL_MAX = 23 };

bool mcu_mac_read(const char *text, char out[13])
{
    char hex[13] = "";
    size_t n = 0;

    for (const char *p = text; *p; p++) {
        if (isxdigit((unsigned char) *p) && n < 12)
            hex[n++] = (char) tolower((unsigned char) *p);
        else if ((*p != ':' && *p != '-') || n % 2 != 0 || n == 0 || n == 12)
            return false;
    }
    if (n != 12)
        return false;
    memcpy(out, hex, sizeof hex);
    return true;
}

bool mcu_version_is_good(const char *text)
{
    size_t n = strlen(text);

    if (n == 0 || n > 31)
        return false;
    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '"')
            return false;
    return true;
}

static bool is_model_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool mcu_model_is_good(struct ag_span s)
{
    unsigned n_dots = 0;
    bool part = false;

    if (s.len > MODEL_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '.') {
            if (!part)
                return false;
            n_dots++;
            part = false;
        } else if (is_model_char(s.p[i])) {
            part = true;
        } else {
            return false;
        }
    }
    return part && n_dots == 2;
}
