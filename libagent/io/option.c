/* SPDX-License-Identifier: MIT */
#include "libagent/io/option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/io/file.h"

int ag_option_number(const char *text, uint64_t least, uint64_t most, uint64_t *out, char *reason, size_t n)
{
    unsigned long long v;
    char *end;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && v >= least && v <= most) {
        *out = v;
        return 0;
    }
    snprintf(reason, n, "must be a number from %" PRIu64 " to %" PRIu64, least, most);
    return -EINVAL;
}

int ag_option_text(const char *text, char *out, size_t room, char *reason, size_t n)
{
    size_t len = strlen(text);

    if (len >= room) {
        snprintf(reason, n, "longer than %zu bytes", room - 1);
        return -EINVAL;
    }
    memcpy(out, text, len + 1);
    return 0;
}

int ag_option_flag(const char *text, bool *out, char *reason, size_t n)
{
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0) {
        snprintf(reason, n, "must be yes or no");
        return -EINVAL;
    }
    *out = *text == 'y';
    return 0;
}

int ag_option_path(const char *text, char *out, size_t room, char *reason, size_t n)
{
    int r = ag_option_text(text, out, room, reason, n);

    if (r < 0)
        return r;
    r = ag_file_make_absolute(out, room);
    if (r < 0)
        snprintf(reason, n, "%s", strerror(-r));
    return r < 0 ? -EINVAL : 0;
}

static bool refuse(const char *program, const char *name, const char *text, const char *reason)
{
    fprintf(stderr, "%s: --%s: %s: %s\n", program, name, text, reason);
    return false;
}

bool ag_option_take_number(const char *program, const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    char reason[160];

    return ag_option_number(text, least, most, out, reason, sizeof reason) == 0 || refuse(program, name, text, reason);
}

bool ag_option_take_path(const char *program, const char *name, const char *text, char *out, size_t room)
{
    char reason[160];

    return ag_option_path(text, out, room, reason, sizeof reason) == 0 || refuse(program, name, text, reason);
}
